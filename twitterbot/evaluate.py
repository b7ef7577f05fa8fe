"""How good a fine-tuned checkpoint is, measured on tweets that it has not seen.

Five questions: how well it predicts the author's next tweets (bits per character, beside
the base's), whether it copies, whether it sounds like the author, how its tweets differ
from real ones, and whether it repeats itself. Every number about generated tweets stands
beside the same number about real held-out ones, which tells what it is worth.

An `Evaluation` is plain data: `dataclasses.asdict` makes the JSON of it. Its texts are in
normal form (see `text`): U+E000 stands for a link, U+E001 for a mention.
"""

import itertools
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twitterbot import __version__, style, traits
from twitterbot.checkpoint import Checkpoint, Description
from twitterbot.engine import choose_precision
from twitterbot.errors import TwitterbotError
from twitterbot.generate import Generator, Yield
from twitterbot.model import NextTokenLoss
from twitterbot.novelty import CopyFilter, Match
from twitterbot.options import EvaluateOptions, FinetuneOptions, GenerateOptions
from twitterbot.preparation import Data, prepare
from twitterbot.scores import Scorer, characters
from twitterbot.text import fold, hide
from twitterbot.traits import Lengths
from twitterbot.tweets import Tweet

MOST_OTHERS = 19  # authors that the author is told apart from
_LEAST_OTHERS_TWEETS = 500  # of each, or half of the author's when those are fewer
# Characters up to which a tweet counts as such; the last has no limit.
LENGTHS = {"short": 59, "medium": 139, "long": None}
SHARE_BINS = 20
_TOLERANCE = 0.02  # bits per character between two measurements of the same score

OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class Score:
    """Bits per character of some held-out tweets, with the base and with the fine-tuned model."""

    tweets: int
    characters: int  # one more a tweet, for its end
    base: float
    finetuned: float
    gain: float  # the share of the base's bits that is saved


@dataclass(frozen=True)
class Scores:
    """`alone` has nothing before a tweet; all others have the author's preceding tweets."""

    alone: Score
    in_context: Score
    kinds: dict[str, Score]
    lengths: dict[str, Score]  # by LENGTHS


@dataclass(frozen=True)
class Overlap:
    """What a group of tweets shares with the training tweets."""

    tweets: int
    copies: float  # the share of them that `novelty` calls copies
    median_share: float  # of a tweet's characters in the longest run shared with one
    histogram: list[float]  # of these shares, in SHARE_BINS equal bins from 0 to 1
    longest_characters: int  # the longest shared run of all
    longest_words: int  # whole words in a row


@dataclass(frozen=True)
class Copying:
    """What is copied: by the model, by what the filter lets through, and by the author."""

    sampled: Overlap
    shown: Overlap
    held_out: Overlap


@dataclass(frozen=True)
class Recognition:
    """How often a classifier takes tweets for the author's.

    It learns as many tweets of each author; without others, the base's samples in their
    place. `training` are training tweets that were kept from it.
    """

    others: list[str]
    tweets_each: int
    chance: float
    training: float
    held_out: float
    generated: float
    others_held_out: float  # what is taken for the author's and is not


@dataclass(frozen=True)
class ToldApart:
    """The accuracy of a classifier between two groups of tweets; 0.5 is indistinguishable.

    `held_out_from_training` is real from real: what a change of topics alone gives away.
    """

    tweets_each: int
    generated_from_held_out: float
    generated_from_training: float
    held_out_from_training: float


@dataclass(frozen=True)
class Beside:
    """One number of three groups of tweets."""

    training: float
    held_out: float
    generated: float


@dataclass(frozen=True)
class Likeness:
    """Real tweets beside generated ones."""

    traits: dict[str, Beside]  # share of the tweets that have it
    lengths: dict[str, Lengths]  # by group, as in Beside
    told_apart: ToldApart


@dataclass(frozen=True)
class Diversity:
    """Of n-grams of words the share that are different ones, and texts that come again."""

    distinct: dict[int, Beside]  # by n, of equally many n-grams
    repeated: float  # of the sampled texts, before repetitions are dropped


@dataclass(frozen=True)
class Sampled:
    """A sampled text, why it is not shown, and the training tweet that it is nearest to."""

    text: str
    dropped: str | None
    is_copy: bool
    nearest: Match | None


@dataclass(frozen=True)
class Evaluation:
    """All that was found out about one checkpoint."""

    name: str
    created_at: str
    base: str
    trained_on: int  # tweets
    held_out: int
    options: EvaluateOptions
    warnings: list[str]
    training: list[dict[str, float]]  # in_context, see `_curve`
    scores: Scores
    copying: Copying
    style: Recognition
    likeness: Likeness
    diversity: Diversity
    dropped: dict[str, int]  # samples by reason
    samples: list[Sampled]  # all that ended in time and hold words
    code_version: str = __version__


def evaluate(
    checkpoint: Checkpoint,
    tweets: Sequence[Tweet],
    others: Iterable[tuple[str, Sequence[Tweet]]] = (),
    *,
    base: Checkpoint | None = None,
    options: EvaluateOptions = EvaluateOptions(),  # noqa: B008 (frozen)
    on_progress: OnProgress = lambda stage: None,
) -> Evaluation:
    """Measures `checkpoint` on the newest of `tweets`, beside `base` or what it started from.

    `others` are other authors' names and timelines, taken as they come until MOST_OTHERS
    have enough tweets. Raises TwitterbotError when there is nothing to measure, or no base.
    """
    description = checkpoint.description
    data, warnings = hold_out(checkpoint, tweets)
    base = base or checkpoint.started_from()
    scores = _scores(checkpoint, base, data, on_progress)
    if not warnings:  # a hold-out that has changed has another score
        warnings = _disagreements(description, base.description, scores)
    if checkpoint.base_weights is None and options.strength != 1:
        warnings = [*warnings, f"{description.name} knows no base: it writes at strength 1"]
    on_progress("sampling")
    generator = Generator(checkpoint)
    dropped, samples = _samples(generator, options, on_progress)
    shown = [sample.text for sample in samples if not sample.dropped]
    on_progress("comparing with other authors")
    recognition = _recognition(data, others, base, shown, options)
    on_progress("comparing with real tweets")
    return Evaluation(
        name=description.name,
        created_at=description.created_at,
        base=base.description.name,
        trained_on=len(checkpoint.training_texts),
        held_out=len(data.held_out),
        options=options,
        warnings=warnings,
        training=_curve(description),
        scores=scores,
        copying=_copying(generator.copies, samples, data.held_out),
        style=recognition,
        likeness=_likeness(checkpoint.training_texts, data.held_out, shown, options.seed),
        diversity=_diversity(checkpoint.training_texts, data.held_out, shown, samples),
        dropped=dropped,
        samples=samples,
    )


# ------------------------------------------------------------------ the hold-out


def hold_out(checkpoint: Checkpoint, tweets: Sequence[Tweet]) -> tuple[Data, list[str]]:
    """The tweets that `finetune` held out, and a warning where that cannot be told.

    Chosen as `finetune` chose them. When the timeline has changed since, tweets that the
    model was trained on are taken out of them.
    """
    description = checkpoint.description
    if description.kind != "finetuned":
        raise TwitterbotError(f"{description.name} is a base; evaluate takes a fine-tuned one")
    share = description.options.get("held_out", FinetuneOptions.held_out)
    data = prepare(tweets, share, description.handles)
    unseen = data.without_known(checkpoint.known_texts, description.name)
    if (
        data.train == list(checkpoint.training_texts)
        and len(unseen.held_out) == description.data["tweets_held_out"]
    ):
        return unseen, []
    warning = (
        f"the timeline is not what {description.name} was trained on: its newest "
        f"{len(data.held_out)} tweets are held out now, and "
        f"{len(data.held_out) - len(unseen.held_out)} of them were trained on and are left out of "
        f"every number here"
    )
    return unseen, [warning]


# ------------------------------------------------------------------ bits per character


@dataclass(frozen=True)
class _Bits:
    """Of each held-out tweet."""

    alone: NDArray[np.float64]
    in_context: NDArray[np.float64]


def _scores(
    checkpoint: Checkpoint, base: Checkpoint, data: Data, on_progress: OnProgress
) -> Scores:
    on_progress("scoring the base")
    before = _bits(base, data)
    on_progress("scoring the fine-tuned model")
    after = _bits(checkpoint, data)

    def score(protocol: str, numbers: Sequence[int]) -> Score:
        size = characters([data.held_out[number] for number in numbers])
        bits = [float(getattr(each, protocol)[numbers].sum()) for each in (before, after)]
        return Score(len(numbers), size, bits[0] / size, bits[1] / size, 1 - bits[1] / bits[0])

    def by(groups: Sequence[str], order: Iterable[str]) -> dict[str, Score]:
        numbers = {name: [n for n, group in enumerate(groups) if group == name] for name in order}
        return {name: score("in_context", members) for name, members in numbers.items() if members}

    everything = range(len(data.held_out))
    return Scores(
        alone=score("alone", everything),
        in_context=score("in_context", everything),
        kinds=by(data.kinds, [kind for kind, _ in Counter(data.kinds).most_common()]),
        lengths=by([_length(text) for text in data.held_out], LENGTHS),
    )


def _bits(checkpoint: Checkpoint, data: Data) -> _Bits:
    model = checkpoint.build(precision=choose_precision())
    scorer = Scorer(NextTokenLoss(model), checkpoint.tokenizer)
    return _Bits(
        scorer.bits_alone(data.held_out), scorer.bits_in_context(data.held_out, data.train)
    )


def _length(text: str) -> str:
    return next(name for name, limit in LENGTHS.items() if limit is None or len(text) <= limit)


def _disagreements(description: Description, base: Description, scores: Scores) -> list[str]:
    """Where the scores are not those that the checkpoint remembers."""
    remembered = description.base_scores["in_context"]
    warnings = []
    if abs(scores.in_context.base - remembered) > _TOLERANCE:
        warnings.append(
            f"{base.name} of {base.created_at} is not the base that {description.name} started "
            f"from: it scores {scores.in_context.base:.3f} on the hold-out and that one scored "
            f"{remembered:.3f}; name it with --base"
        )
    if abs(scores.in_context.finetuned - description.scores["in_context"]) > _TOLERANCE:
        warnings.append(
            f"{description.name} scores {scores.in_context.finetuned:.3f} on the hold-out and "
            f"{description.scores['in_context']:.3f} after its training: the timeline or the "
            f"checkpoint has changed since"
        )
    return warnings


def _curve(description: Description) -> list[dict[str, float]]:
    """The base, halfway from it to the mean after each epoch, and what is kept."""
    epochs = [{"epoch": 0, **description.base_scores}, *description.history]
    return [*epochs, {"in_context": description.scores["in_context"]}]


# ------------------------------------------------------------------ samples and copies


def _samples(
    generator: Generator, options: EvaluateOptions, on_progress: OnProgress
) -> tuple[dict[str, int], list[Sampled]]:
    copies = generator.copies

    def tell(counts: Yield) -> None:
        passed = counts.sampled - counts.dropped.total()
        on_progress(f"sampling: {passed:,} of {options.count:,} tweets")
        dropped.update(counts.dropped)

    dropped: dict[str, int] = {}
    samples = [
        Sampled(sample.text, sample.dropped, copies.is_copy(sample.text), nearest)
        for sample in generator.samples(_sampling(options), tell)
        if sample.text is not None and fold(sample.text)
        for nearest in [copies.nearest(sample.text)]
    ]
    return dropped, samples


def _sampling(options: EvaluateOptions) -> GenerateOptions:
    return GenerateOptions(
        count=options.count,
        temperature=options.temperature,
        top_p=options.top_p,
        strength=options.strength,
        seed=options.seed,
    )


def _copying(copies: CopyFilter, samples: Sequence[Sampled], held_out: Sequence[str]) -> Copying:
    return Copying(
        sampled=_overlap([(sample.is_copy, sample.nearest) for sample in samples]),
        shown=_overlap(
            [(sample.is_copy, sample.nearest) for sample in samples if not sample.dropped]
        ),
        held_out=_overlap([(copies.is_copy(text), copies.nearest(text)) for text in held_out]),
    )


def _overlap(found: Sequence[tuple[bool, Match | None]]) -> Overlap:
    matches = [match for _, match in found if match]
    shares = [match.share if match else 0.0 for _, match in found]
    counts, _ = np.histogram(shares, SHARE_BINS, (0, 1))
    return Overlap(
        tweets=len(found),
        copies=sum(is_copy for is_copy, _ in found) / len(found),
        median_share=statistics.median(shares),
        histogram=(counts / len(found)).tolist(),
        longest_characters=max((len(match.run) for match in matches), default=0),
        longest_words=max((match.words for match in matches), default=0),
    )


# ------------------------------------------------------------------ style and likeness


def _recognition(
    data: Data,
    others: Iterable[tuple[str, Sequence[Tweet]]],
    base: Checkpoint,
    shown: Sequence[str],
    options: EvaluateOptions,
) -> Recognition:
    needed = min(_LEAST_OTHERS_TWEETS, len(data.train) // 2)
    known = dict(itertools.islice(_enough(others, data.handles, needed), MOST_OTHERS))
    training = [each.train for each in known.values()]
    strangers = [text for each in known.values() for text in each.held_out]
    if not known:
        # The base has no author's tweets before it and so writes like nobody in particular.
        texts = [
            sample.text
            for sample in Generator(base).samples(_sampling(options))
            if sample.text and not sample.dropped
        ]
        strangers = texts[::10]
        training = [[text for number, text in enumerate(texts) if number % 10]]
    own = [text for number, text in enumerate(data.train) if number % 5]
    questions = {
        "training": data.train[::5],
        "held_out": data.held_out,
        "generated": shown,
        "others_held_out": strangers,
    }
    size = min(style.MOST_TWEETS, len(own), *map(len, training))
    found = style.recognized(
        _hidden(own),
        [_hidden(texts) for texts in training],
        {name: _hidden(texts) for name, texts in questions.items()},
        size,
        options.seed,
    )
    return Recognition(list(known), size, 1 / (len(training) + 1), **found)


def _enough(
    others: Iterable[tuple[str, Sequence[Tweet]]], handles: Iterable[str], needed: int
) -> Iterator[tuple[str, Data]]:
    for name, tweets in others:
        try:
            data = prepare(tweets, handles=frozenset(handles))
        except TwitterbotError:  # hardly any tweets
            continue
        if len(data.train) >= needed:
            yield name, data


def _hidden(texts: Sequence[str]) -> list[str]:
    # The handles that stay words in the author's texts would give them away.
    return [hide(text) for text in texts]


def _likeness(
    training: Sequence[str], held_out: Sequence[str], shown: Sequence[str], seed: int
) -> Likeness:
    groups = {"training": training, "held_out": held_out, "generated": shown}
    counted = {name: traits.shares(texts) for name, texts in groups.items()}
    size = min(style.MOST_TWEETS, *map(len, groups.values()))
    return Likeness(
        traits={
            trait: Beside(**{name: shares[trait] for name, shares in counted.items()})
            for trait in counted["generated"]
        },
        lengths={name: traits.lengths(texts) for name, texts in groups.items()},
        told_apart=ToldApart(
            tweets_each=size,
            generated_from_held_out=style.told_apart(shown, held_out, size, seed),
            generated_from_training=style.told_apart(shown, training, size, seed),
            held_out_from_training=style.told_apart(held_out, training, size, seed),
        ),
    )


def _diversity(
    training: Sequence[str],
    held_out: Sequence[str],
    shown: Sequence[str],
    samples: Sequence[Sampled],
) -> Diversity:
    # Neighbours in time are alike, and `distinct` reads no further than it must.
    scattered = np.random.default_rng(0).permutation(len(training))
    groups = [training[number] for number in scattered], held_out, shown
    return Diversity(
        distinct={size: Beside(*traits.distinct(*groups, size=size)) for size in (1, 2, 3)},
        repeated=traits.repeated([sample.text for sample in samples]),
    )
