"""An evaluation for stdout: tables in plain text, or JSON."""

import dataclasses
import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from twitterbot.evaluate import Evaluation, Score

Row = Sequence[str]


def tables(evaluation: Evaluation) -> str:
    """Everything but the samples, as text of at most 80 columns; ends with a line break."""
    parts = [*_scores(evaluation), *_copying(evaluation), *_style(evaluation)]
    parts += [*_likeness(evaluation), *_diversity(evaluation)]
    return "\n\n".join(parts) + "\n"


def as_json(evaluation: Evaluation) -> str:
    """All of it, the samples included, as indented JSON; ends with a line break."""
    return json.dumps(dataclasses.asdict(evaluation), ensure_ascii=False, indent=2) + "\n"


def _scores(evaluation: Evaluation) -> Iterator[str]:
    scores = evaluation.scores
    yield "BITS PER CHARACTER on held-out tweets; lower is better"
    yield _table(
        ("", "tweets", "base", "fine-tuned", "gain"),
        [
            _score("alone", scores.alone),
            _score("in context", scores.in_context),
            *(_score(f"  {kind}", score) for kind, score in scores.kinds.items()),
            *(_score(f"  {length}", score) for length, score in scores.lengths.items()),
        ],
    )


def _score(name: str, score: Score) -> Row:
    bits = (f"{score.base:.3f}", f"{score.finetuned:.3f}")
    return (name, f"{score.tweets:,}", *bits, percent(score.gain))


def _copying(evaluation: Evaluation) -> Iterator[str]:
    copying = evaluation.copying
    yield "COPYING of training tweets"
    columns = (copying.sampled, copying.shown, copying.held_out)

    def row(name: str, values: Iterable[str]) -> Row:
        return (name, *values)

    yield _table(
        ("", "sampled", "after the filter", "real held-out"),
        [
            row("tweets", (f"{each.tweets:,}" for each in columns)),
            row("copies", (percent(each.copies) for each in columns)),
            row("longest shared run, median", (percent(each.median_share) for each in columns)),
            row("longest of all, characters", (f"{each.longest_characters}" for each in columns)),
            row("longest of all, words", (f"{each.longest_words}" for each in columns)),
        ],
    )


def _style(evaluation: Evaluation) -> Iterator[str]:
    style = evaluation.style
    against = ", ".join(style.others) or "samples of the base"
    yield textwrap.fill(
        f"STYLE: taken for {evaluation.name}'s by a classifier that has learnt "
        f"{style.tweets_each:,} tweets of each, and also knows {against}",
        80,
    )
    yield _table(
        ("", "recognized"),
        [
            ("training tweets that it has not seen", percent(style.training)),
            ("real held-out tweets", percent(style.held_out)),
            ("generated tweets", percent(style.generated)),
            ("the others' tweets", percent(style.others_held_out)),
            ("by chance", percent(style.chance)),
        ],
    )


def _likeness(evaluation: Evaluation) -> Iterator[str]:
    likeness = evaluation.likeness
    apart = likeness.told_apart
    yield "LIKENESS: told apart by a classifier; 50 % is indistinguishable"
    yield _table(
        ("", "accuracy"),
        [
            ("generated from real held-out", percent(apart.generated_from_held_out)),
            ("generated from training", percent(apart.generated_from_training)),
            ("real held-out from training", percent(apart.held_out_from_training)),
        ],
    )
    groups = ("training", "held_out", "generated")
    yield _table(
        ("tweets with", "training", "held-out", "generated"),
        [
            (name, *(percent(getattr(beside, group)) for group in groups))
            for name, beside in likeness.traits.items()
        ],
    )
    lengths = [likeness.lengths[group] for group in groups]
    yield _table(
        ("characters", "training", "held-out", "generated"),
        [
            ("mean", *(f"{each.mean:.0f}" for each in lengths)),
            *(
                (_PERCENTILES.get(p, f"{p} %"), *(f"{each.percentiles[p]:.0f}" for each in lengths))
                for p in lengths[0].percentiles
            ),
        ],
    )


_PERCENTILES = {50: "median"}


def _diversity(evaluation: Evaluation) -> Iterator[str]:
    diversity = evaluation.diversity
    yield "DIVERSITY"
    yield _table(
        ("different among all", "training", "held-out", "generated"),
        [
            (
                NGRAMS[size],
                percent(beside.training),
                percent(beside.held_out),
                percent(beside.generated),
            )
            for size, beside in diversity.distinct.items()
        ],
    )
    yield f"{percent(diversity.repeated)} of the sampled tweets repeat an earlier one"


NGRAMS = {1: "words", 2: "pairs of words", 3: "triples of words"}


def percent(share: float) -> str:
    """`0.1234` as "12.3 %"."""
    return f"{share * 100:.1f} %"


def _table(header: Row, rows: Sequence[Row]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Row) -> str:
        first, *rest = (
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join([first, *rest]).rstrip()

    return "\n".join(map(line, [header, *rows]))
