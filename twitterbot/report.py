"""An evaluation as one web page that needs nothing beside it: its style and script are inline.

It follows the system's light or dark colours and works by keyboard. Texts of users and
models are escaped where they enter the page.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib import resources

from twitterbot.charts import Point, Series, Tick, lines, round_ticks
from twitterbot.evaluate import (
    LENGTHS,
    SHARE_BINS,
    Beside,
    Evaluation,
    Sampled,
    Score,
    ToldApart,
)
from twitterbot.novelty import CHARACTER_SHARE, Match
from twitterbot.summary import NGRAMS, percent
from twitterbot.text import LINK, MENTION
from twitterbot.traits import BIN, BINS, PERCENTILES, Lengths

_SAMPLES = 40  # of the tweets that passed, as they came
_CLOSEST = 10  # of those that are nearest to a training tweet
_COPIES = 20  # of what the filter dropped

_BLANKS = str.maketrans(
    {
        LINK: '<span class="blank">link</span>',
        MENTION: '<span class="blank">@user</span>',
    }
)
# What hover or focus has opened closes on Escape, and opens again when the pointer comes back.
_SCRIPT = """
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll(".sample:is(:hover, :focus)").forEach((sample) => {
    sample.classList.add("closed");
    for (const kind of ["mouseleave", "blur"])
      sample.addEventListener(kind, () => sample.classList.remove("closed"), { once: true });
  });
});
"""


def page(evaluation: Evaluation) -> str:
    """The whole page, HTML."""
    name = escape(evaluation.name)
    style = (resources.files("twitterbot") / "data" / "report.css").read_text(encoding="utf-8")
    sections = (_prediction, _copying, _style, _likeness, _diversity, _samples)
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{name}: evaluation</title><style>{style}</style></head><body><main>",
            _head(evaluation),
            *(section(evaluation) for section in sections),
            f"<footer>Made by twitterbot {escape(evaluation.code_version)}. The sampled tweets "
            "are synthetic: a small model wrote them, and nothing in them is known to be "
            "true.</footer>",
            f"</main><script>{_SCRIPT}</script></body></html>",
            "",
        ]
    )


# ------------------------------------------------------------------ the head


def _head(evaluation: Evaluation) -> str:
    options = evaluation.options
    scores, copying = evaluation.scores, evaluation.copying
    apart = evaluation.likeness.told_apart
    figures = [
        (
            "Bits per character",
            f"{scores.in_context.finetuned:.3f}",
            f"{_gain(scores.in_context)} than the base, which needs {scores.in_context.base:.3f}",
        ),
        (
            "Copies shown",
            _big(copying.shown.copies),
            f"{percent(copying.sampled.copies)} of what was sampled, before the filter",
        ),
        (
            "Recognized as the author",
            _big(evaluation.style.generated),
            f"of generated tweets; chance is {evaluation.style.chance * 100:.0f} %",
        ),
        (
            "Told from real tweets",
            _big(apart.generated_from_held_out),
            f"{_big(apart.held_out_from_training)} for real ones of two periods; 50 % is a guess",
        ),
    ]
    return "".join(
        [
            '<header><p class="eyebrow">twitterbot evaluation</p>',
            f"<h1>{escape(evaluation.name)}</h1>",
            f'<p class="facts">Fine-tuned from {escape(evaluation.base)} on '
            f"{evaluation.trained_on:,} tweets. Measured on the {evaluation.held_out:,} newest, "
            f"which it has not seen, and on {options.count:,} tweets that it wrote at temperature "
            f"{options.temperature:g}, top-p {options.top_p:g}, strength {options.strength:g}, "
            f"seed {options.seed}.</p>",
            *(
                f'<p class="warning">{escape(message[:1].upper() + message[1:])}.</p>'
                for message in evaluation.warnings
            ),
            '<dl class="figures">',
            *(
                f'<div><dt>{name}</dt><dd class="big">{value}</dd>'
                f'<dd class="note">{note.replace(" %", "&nbsp;%")}</dd></div>'
                for name, value, note in figures
            ),
            "</dl></header>",
        ]
    )


def _big(share: float) -> str:
    return f"{share * 100:.0f}&thinsp;%"


def _gain(score: Score) -> str:
    return f"{abs(score.gain) * 100:.1f} % {'fewer' if score.gain >= 0 else 'more'}"


# ------------------------------------------------------------------ parts of sections


def _section(title: str, text: str, *content: str) -> str:
    return f"<section><h2>{title}</h2><p>{text}</p>{''.join(content)}</section>"


def _pair(left: str, right: str) -> str:
    return f'<div class="pair"><div>{left}</div><div>{right}</div></div>'


def _figure(title: str, chart: str, legend: Iterable[tuple[str, str]] = ()) -> str:
    items = "".join(f'<li class="{style}">{label}</li>' for style, label in legend)
    return f'<figure><h3>{title}</h3><ul class="legend">{items}</ul>{chart}</figure>'


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], style: str = "") -> str:
    """Cells are HTML; the first of a row is its head."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(map(_cell, rest)) + "</tr>"
        for first, *rest in rows
    )
    return f'<table class="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(content: str) -> str:
    return f'<td class="plot">{content}</td>' if "track" in content else f"<td>{content}</td>"


def _bars(rows: Iterable[tuple[str, str, float]], chance: float) -> str:
    """Labels, CSS classes and shares, with a mark at the share that chance reaches."""
    return (
        '<dl class="bars">'
        + "".join(
            f'<div class="{style}"><dt>{label}</dt><dd>{percent(share)}</dd>'
            f'<span class="bar" style="--w:{share * 100:.1f}%;--chance:{chance * 100:.1f}%"></span>'
            "</div>"
            for label, style, share in rows
        )
        + "</dl>"
    )


def _middles(histogram: Sequence[float], width: float) -> list[Point]:
    """The points of a histogram with bins of `width`, at the bins' middles."""
    return [((number + 0.5) * width, share) for number, share in enumerate(histogram)]


def _share_ticks(*series: Series) -> list[Tick]:
    highest = max(y for each in series for _, y in each.points)
    return [(value, _whole(value)) for value, _ in round_ticks(0, highest, "", 4)]


def _whole(share: float) -> str:
    return f"{share * 100:.0f} %"


# ------------------------------------------------------------------ the sections


def _prediction(evaluation: Evaluation) -> str:
    scores = evaluation.scores
    rows = [("alone", scores.alone), ("in context", scores.in_context)]
    rows += [*scores.kinds.items(), *scores.lengths.items()]
    values = [bits for _, score in rows for bits in (score.base, score.finetuned)]
    low, high = min(values), max(values)

    def cells(name: str, score: Score) -> Sequence[str]:
        ends = [(bits - low) / ((high - low) or 1) * 100 for bits in (score.finetuned, score.base)]
        track = (
            f'<span class="track"><i class="span" style="--x:{min(ends):.1f}%;'
            f'--w:{max(ends) - min(ends):.1f}%"></i><i class="base" style="--x:{ends[1]:.1f}%"></i>'
            f'<i class="finetuned" style="--x:{ends[0]:.1f}%"></i></span>'
        )
        head = f"{name} <small>{score.tweets:,}</small>"
        return (head, f"{score.base:.3f}", f"{score.finetuned:.3f}", percent(score.gain), track)

    return _section(
        "Does it know what comes next?",
        "Bits per character that the model needs for the tweets it has not seen; fewer are "
        "better. Alone, or in context: after the author's preceding tweets, as are all the rows "
        f"below that. The small numbers count tweets. Short are up to {LENGTHS['short']} "
        f"characters, medium up to {LENGTHS['medium']}.",
        _pair(
            _figure("Held-out score in training", _curve(evaluation))
            + '<p class="caption">After each epoch, the weights halfway from the base\'s to the '
            "mean of those along the way; last, the best on that line, which are kept.</p>",
            _figure(
                "Base and fine-tuned",
                _table(
                    ("", "base", "tuned", "gain", ""), [cells(name, score) for name, score in rows]
                ),
                [("base", "base"), ("finetuned", "fine-tuned")],
            ),
        ),
    )


def _curve(evaluation: Evaluation) -> str:
    values = [each["in_context"] for each in evaluation.training]
    last = len(values) - 1
    step = max(1, round(last / 8))
    inner = {n: f"{evaluation.training[n]['epoch']:g}" for n in range(step, last, step)}
    names = {0: "base", **inner, last: "kept"}
    return lines(
        "Bits per character on held-out tweets: the base, after each epoch, what is kept: "
        + ", ".join(f"{value:.3f}" for value in values),
        [Series("generated", list(enumerate(values)), dots=True)],
        list(names.items()),
        round_ticks(min(values), max(values), ".2f"),
        "epoch",
    )


def _copying(evaluation: Evaluation) -> str:
    copying = evaluation.copying
    groups = (copying.sampled, copying.shown, copying.held_out)

    table = _table(
        ("", "sampled", "after<br>the filter", "real<br>held-out"),
        [
            ("tweets", *(f"{each.tweets:,}" for each in groups)),
            ("copies", *(percent(each.copies) for each in groups)),
            ("median share in one run", *(percent(each.median_share) for each in groups)),
            ("longest run, characters", *(str(each.longest_characters) for each in groups)),
            ("longest run, words", *(str(each.longest_words) for each in groups)),
        ],
    )
    series = [
        Series("held_out", _middles(copying.held_out.histogram, 1 / SHARE_BINS)),
        Series("generated", _middles(copying.sampled.histogram, 1 / SHARE_BINS)),
    ]
    chart = lines(
        "How much of each tweet stands in one run that a training tweet has too; medians: "
        f"sampled {percent(copying.sampled.median_share)}, "
        f"real {percent(copying.held_out.median_share)}",
        series,
        [(n / 5, f"{n * 20} %") for n in range(6)],
        _share_ticks(*series),
        "of a tweet's characters in one shared run",
        rule=(CHARACTER_SHARE, "a copy"),
    )
    return _section(
        "Does it copy?",
        "A sampled tweet is a copy when it equals, contains or stands inside a training tweet, "
        "or shares eight words in a row or more than 60 % of its characters with one. The "
        "author's own new tweets, judged alike, say how much of that is habit.",
        _pair(
            _figure(
                "Tweets by their longest shared run",
                chart,
                [("generated", "sampled"), ("held_out", "real held-out")],
            ),
            table,
        ),
    )


def _style(evaluation: Evaluation) -> str:
    style = evaluation.style
    others = ", ".join(map(escape, style.others)) or "samples of the base model"
    return _section(
        "Does it sound like the author?",
        f"A classifier of character sequences has learnt {style.tweets_each:,} tweets of each: of "
        f"the author, and of {others}. It is asked who wrote tweets that it has not seen.",
        '<div class="pair">',
        _bars(
            [
                ("generated tweets", "generated", style.generated),
                ("real tweets of the training period", "training", style.training),
                ("real held-out tweets", "held_out", style.held_out),
                ("other authors' tweets", "training", style.others_held_out),
            ],
            style.chance,
        ),
        '<p class="caption">The share taken for the author\'s; the mark is at chance, '
        f"{percent(style.chance)}. The held-out tweets are the newest: where the author has "
        "changed topics or habits, they are recognized less often than those of the training "
        "period, which is what the model has learnt.</p></div>",
    )


_GROUPS = {"generated": "generated", "held_out": "held-out", "training": "training"}
_GROUPS_LEGEND = [
    ("generated", "generated"),
    ("held_out", "held-out"),
    ("training hollow", "training"),
]


def _likeness(evaluation: Evaluation) -> str:
    likeness = evaluation.likeness
    return _section(
        "Could it pass for real?",
        "What can be counted in generated tweets, beside the author's real ones: those it has "
        "learnt from, and the newest, held-out ones.",
        _pair(
            _figure("Tweets by length", _lengths(likeness.lengths), _GROUPS_LEGEND)
            + _percentiles(likeness.lengths)
            + _told_apart(likeness.told_apart),
            _figure("Tweets with", _traits(likeness.traits), _GROUPS_LEGEND),
        ),
    )


def _lengths(lengths: dict[str, Lengths]) -> str:
    series = [Series(group, _middles(lengths[group].histogram, BIN)) for group in reversed(_GROUPS)]
    medians = (f"{label} {lengths[group].percentiles[50]:.0f}" for group, label in _GROUPS.items())
    return lines(
        f"Tweets by length; medians: {', '.join(medians)}",
        series,
        [(value, f"{value}") for value in range(0, BIN * BINS + 1, 50)],
        _share_ticks(*series),
        "characters",
    )


def _percentiles(lengths: dict[str, Lengths]) -> str:
    return _table(
        ("characters", *_GROUPS.values()),
        [
            (
                "half are under" if percentile == 50 else f"{percentile} % are under",
                *(f"{lengths[group].percentiles[percentile]:.0f}" for group in _GROUPS),
            )
            for percentile in PERCENTILES
        ],
        "next",
    )


def _told_apart(apart: ToldApart) -> str:
    bars = _bars(
        [
            ("generated from real held-out", "generated", apart.generated_from_held_out),
            ("generated from training tweets", "generated", apart.generated_from_training),
            ("real held-out from training tweets", "held_out", apart.held_out_from_training),
        ],
        0.5,
    )
    return (
        f'<h3 class="next">Told apart by a classifier</h3>{bars}<p class="caption">Accuracy '
        f"between {apart.tweets_each:,} tweets of each group, cross-validated; at the mark, 50 %, "
        "they are indistinguishable. The last line is real from real: what a change of topics "
        "alone gives away.</p>"
    )


def _traits(traits: dict[str, Beside]) -> str:
    def track(beside: Beside) -> str:
        dots = "".join(
            f'<i class="{group}" style="--x:{getattr(beside, group) * 100:.1f}%"></i>'
            for group in ("training", "held_out", "generated")
        )
        return f'<span class="track">{dots}</span>'

    return _table(
        ("", "generated", "held-out", "training", ""),
        [
            (
                name,
                _whole(beside.generated),
                _whole(beside.held_out),
                _whole(beside.training),
                track(beside),
            )
            for name, beside in traits.items()
        ],
    )


def _diversity(evaluation: Evaluation) -> str:
    diversity = evaluation.diversity
    return _section(
        "Does it repeat itself?",
        f"{percent(diversity.repeated)} of the sampled tweets repeat an earlier one (and are "
        "dropped). Below, the share of words and of groups of words that are different ones, in "
        "equally much text of each kind.",
        _table(
            ("different", "generated", "held-out", "training"),
            [
                (
                    NGRAMS[size],
                    percent(beside.generated),
                    percent(beside.held_out),
                    percent(beside.training),
                )
                for size, beside in diversity.distinct.items()
            ],
            "alone",
        ),
    )


# ------------------------------------------------------------------ the samples


def _samples(evaluation: Evaluation) -> str:
    shown = [sample for sample in evaluation.samples if not sample.dropped]
    closest = sorted(shown, key=_share, reverse=True)[:_CLOSEST]
    copies = [sample for sample in evaluation.samples if sample.dropped == "copies"][:_COPIES]
    parts = [
        _list(shown[:_SAMPLES], "s"),
        f"<details><summary>The {len(closest)} that are closest to a training tweet</summary>"
        f"{_list(closest, 'c')}</details>",
    ]
    if copies:
        parts.append(
            f"<details><summary>{len(copies)} that were dropped as copies</summary>"
            f"{_list(copies, 'd')}</details>"
        )
    return _section(
        "What it writes",
        f"The first {min(_SAMPLES, len(shown))} of {len(shown):,} tweets, none left out. Runs that "
        "a training tweet has too are marked; point at a tweet, or move to it with the Tab key, "
        "to see the training tweet that it is nearest to.",
        *parts,
    )


def _share(sample: Sampled) -> float:
    return sample.nearest.share if sample.nearest else 0.0


def _list(samples: Sequence[Sampled], prefix: str) -> str:
    items = (_item(sample, f"{prefix}{number}") for number, sample in enumerate(samples))
    return f'<ul class="samples">{"".join(items)}</ul>'


def _item(sample: Sampled, identity: str) -> str:
    match = sample.nearest
    if match is None:
        return f'<li class="sample"><p>{_marked(sample.text, [])}</p></li>'
    return (
        f'<li class="sample" tabindex="0" aria-describedby="{identity}">'
        f"<p>{_marked(sample.text, match.spans)}</p>"
        f'<span class="meter"><i style="--w:{match.share * 100:.0f}%"></i>'
        f"{match.share * 100:.0f} % in one shared run</span>{_source(match, identity)}</li>"
    )


def _source(match: Match, identity: str) -> str:
    return (
        f'<div class="source" id="{identity}" role="note"><b>Nearest training tweet</b>'
        f"<p>{_marked(match.source, match.source_spans)}</p></div>"
    )


def _marked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """`text` as HTML with its spans marked, placeholders spelt out."""
    return "".join(_pieces(text, sorted(spans))).translate(_BLANKS)


def _pieces(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
    done = 0
    for start, end in spans:
        yield escape(text[done:start])
        yield f"<mark>{escape(text[start:end])}</mark>"
        done = end
    yield escape(text[done:])
