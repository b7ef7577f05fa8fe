"""What can be counted in tweets: how long they are, what they use, how often they repeat.

Texts are in normal form (see `text`), so a link or a hidden mention is one character.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from twitterbot.text import LINK, MENTION, fold

BIN = 20  # characters, of the histogram of lengths
BINS = 15  # the last one is open
PERCENTILES = (10, 25, 50, 75, 90)

# What a tweet may hold, in the order of tables.
_TRAITS = {
    "mention": re.compile(rf"{MENTION}|(?<!\w)@\w"),
    "mention first": re.compile(rf"{MENTION}|@\w"),
    "hashtag": re.compile(r"(?<!\w)#\w*[^\W\d]"),
    "link": re.compile(LINK),
    "emoji": re.compile("[\u2600-\u27bf\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]"),
    "all-caps word": re.compile(r"(?<![#@\w])[A-ZÀ-ÖØ-Þ]{2,}\b"),
    "number": re.compile(r"\d"),
    "question mark": re.compile(r"\?"),
    "exclamation mark": re.compile("!"),
    "quotation mark": re.compile('["“”]'),
    "ellipsis": re.compile(r"\.\.|…"),
    "line break": re.compile("\n"),
    "lower case first": re.compile("[a-zß-öø-ÿ]"),
}
_AT_THE_START = {"mention first", "lower case first"}


@dataclass(frozen=True)
class Lengths:
    """Of texts, in characters."""

    mean: float
    percentiles: dict[int, float]
    histogram: list[float]  # share of the texts in each BIN, the last one open


def lengths(texts: Sequence[str]) -> Lengths:
    """How long texts are."""
    sizes = np.array([len(text) for text in texts])
    counts = np.bincount(np.minimum(sizes // BIN, BINS - 1), minlength=BINS)
    return Lengths(
        mean=float(sizes.mean()),
        percentiles={p: float(np.percentile(sizes, p)) for p in PERCENTILES},
        histogram=(counts / len(texts)).tolist(),
    )


def shares(texts: Sequence[str]) -> dict[str, float]:
    """The share of the texts that have each trait."""
    return {
        name: sum(_has(text, name, pattern) for text in texts) / len(texts)
        for name, pattern in _TRAITS.items()
    }


def _has(text: str, name: str, pattern: re.Pattern[str]) -> bool:
    return bool(pattern.match(text) if name in _AT_THE_START else pattern.search(text))


def distinct(*groups: Sequence[str], size: int) -> list[float]:
    """For each group the share of its n-grams of words that are different ones.

    The share falls as texts are added, so each group is cut to as many n-grams as the
    smallest one has. After Li et al. 2016, https://arxiv.org/abs/1510.03055.
    """
    ngrams = [list(_ngrams(texts, size)) for texts in groups]
    least = min(map(len, ngrams))
    return [len(set(group[:least])) / max(1, least) for group in ngrams]


def _ngrams(texts: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    for text in texts:
        words = fold(text).split(" ")
        yield from zip(*(words[start:] for start in range(size)), strict=False)


def repeated(texts: Sequence[str]) -> float:
    """The share of texts that an earlier one equals when both are folded."""
    return 1 - len({fold(text) for text in texts}) / max(1, len(texts))
