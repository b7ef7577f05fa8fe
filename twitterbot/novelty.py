"""Which generated tweets are copies of training tweets, and which one each is nearest to.

Texts are compared folded (see `text.fold`). A tweet is a copy when it

- equals a training tweet, or stands whole inside one (stock phrases count),
- holds a whole training tweet of three words or more,
- shares a run of 8 or more words with one,
- has more than 60 % of its characters in one run that it shares with one,
- or is a stock tweet: one of more than 40 characters that the base's corpus held repeatedly.
  What a model knows by heart is what it read often (Lee et al. 2022, arXiv 2107.06499). These
  are known by hashes, so that a base brings no one's words along.
"""

import difflib
import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twitterbot.text import LINK, MENTION, fold

WORD_RUN = 8
CHARACTER_SHARE = 0.6
STOCK_LENGTH = 40  # folded characters; texts up to it coincide without copying
_LEAST_WORDS_CONTAINED = 3
_LEAST_MARKED = 12  # characters; shorter runs than these any two tweets share
_WORD = re.compile(rf"[^\s{LINK}{MENTION}]+")  # of a text that is not folded


@dataclass(frozen=True)
class Match:
    """The training text that shares the longest run with a text, and what the two share.

    Spans are (start, end) in the texts as they stand, not folded; `spans[n]` of the text
    and `source_spans[n]` of the source are equal when folded. The longest run is among
    them, without the spaces at its ends.
    """

    source: str
    run: str  # the longest shared run, folded
    words: int  # whole ones in a row that both have
    share: float  # of the text's folded characters in that run, 0 to 1
    spans: list[tuple[int, int]]
    source_spans: list[tuple[int, int]]


def stock_hash(text: str) -> int | None:
    """64 bits that stand for `text` among stock tweets; None for one that is too short."""
    folded = fold(text)
    if len(folded) <= STOCK_LENGTH:
        return None
    digest = hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class CopyFilter:
    """Recognises copies of the training texts, exactly, by search in one joined string.

    And stock tweets, by their hashes.
    """

    def __init__(self, training_texts: Iterable[str], stock: Iterable[int] = ()) -> None:
        self._stock = set(stock)
        self._originals: dict[str, str] = {}  # by folded text, the first of several
        for text in training_texts:
            self._originals.setdefault(fold(text), text)
        self._originals.pop("", None)
        texts = list(self._originals)
        self._index = _RunIndex(texts)
        self._long_texts = {text for text in texts if text.count(" ") + 1 >= _LEAST_WORDS_CONTAINED}
        self._lengths = sorted({text.count(" ") + 1 for text in self._long_texts})
        self._runs = {run for text in texts for run in _word_runs(text, WORD_RUN)}

    def is_copy(self, text: str) -> bool:
        """True when `text` is a copy by the module's definition; an empty text is one."""
        folded = fold(text)
        return (
            not folded
            or stock_hash(text) in self._stock
            or any(run in self._runs for run in _word_runs(folded, WORD_RUN))
            or self._contains_training_text(folded)
            or self._shares_characters(folded)
        )

    def nearest(self, text: str) -> Match | None:
        """The training text that shares the longest run of characters with `text`.

        None when there is no character in common. `share` over CHARACTER_SHARE makes a copy.
        """
        folded = fold(text)
        start, size = self._index.longest_run(folded)
        if not size:
            return None
        run = folded[start : start + size]
        source = self._index.shortest_with(run)
        shared = list(_shared_runs(folded, source))
        original = self._originals[source]
        places, source_places = _origins(text), _origins(original)
        return Match(
            source=original,
            run=run,
            words=_longest_common(folded.split(" "), source.split(" ")),
            share=size / len(folded),
            spans=[_span(places, start, size) for start, _, size in shared],
            source_spans=[_span(source_places, start, size) for _, start, size in shared],
        )

    def _contains_training_text(self, folded: str) -> bool:
        words = folded.count(" ") + 1
        # A training text of WORD_RUN words or more is found by its runs.
        lengths = [n for n in self._lengths if n <= min(words, WORD_RUN - 1)]
        return any(run in self._long_texts for n in lengths for run in _word_runs(folded, n))

    def _shares_characters(self, folded: str) -> bool:
        # A text that equals a training text, or stands inside one, shares all of its characters.
        size = int(len(folded) * CHARACTER_SHARE) + 1
        starts = range(len(folded) - size + 1)
        return any(folded[start : start + size] in self._index for start in starts)


class _RunIndex:
    """Finds strings in folded texts, by a suffix array: all their endings, sorted.

    https://en.wikipedia.org/wiki/Suffix_array; a search is a few dozen steps, however many texts.
    """

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        # A line break, which folding removes, keeps runs from crossing texts.
        self._joined = "".join(text + "\n" for text in texts)
        self._longest = max(map(len, texts), default=0)
        self._suffixes = _suffix_array(self._joined, self._longest)
        self._ends = np.cumsum([len(text) + 1 for text in texts])

    def __contains__(self, run: str) -> bool:
        return self._shared_prefix(run) == len(run)

    def longest_run(self, folded: str) -> tuple[int, int]:
        """Start and length of the longest part of `folded` that stands in a text, the first."""
        best, size = 0, 0
        for start in range(len(folded)):
            # Shorter rests cannot hold a longer run, nor can those whose first part is nowhere.
            if start + size < len(folded) and folded[start : start + size + 1] in self:
                best, size = start, self._shared_prefix(folded[start:])
        return best, size

    def shortest_with(self, run: str) -> str:
        """The shortest text in which `run` stands, the first of several."""
        first = bisect_left(self._suffixes, run, key=self._suffix)
        last = bisect_right(self._suffixes, run, lo=first, key=lambda at: self._part(at, len(run)))
        owners = np.searchsorted(self._ends, self._suffixes[first:last], side="right")
        texts: list[str] = [self._texts[owner] for owner in np.unique(owners)]
        return min(texts, key=len)

    def _shared_prefix(self, text: str) -> int:
        """The length of the longest beginning of `text` that stands in one of the texts."""
        place = bisect_left(self._suffixes, text, key=self._suffix)
        neighbours = self._suffixes[max(0, place - 1) : place + 1]
        return max((_common_prefix(text, self._suffix(at)) for at in neighbours), default=0)

    def _suffix(self, at: int) -> str:
        return self._part(at, self._longest)

    def _part(self, at: int, size: int) -> str:
        return self._joined[at : at + size]


def _suffix_array(joined: str, longest: int) -> NDArray[np.int64]:
    """The starts of all suffixes of `joined`, sorted by their first `longest` characters."""
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    order = np.argsort(codes, kind="stable")
    ranks = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    known = 1  # characters that `order` and `ranks` go by
    while known < longest:
        following = np.full(len(ranks), -1)
        following[:-known] = ranks[known:]
        keys = ranks * (len(ranks) + 1) + following + 1
        order = np.argsort(keys, kind="stable")
        ranks[order] = np.cumsum(np.diff(keys[order], prepend=keys[order[:1]]) != 0)
        if ranks[order[-1]] == len(ranks) - 1:
            break
        known *= 2
    return order


def _common_prefix(a: str, b: str) -> int:
    size = min(len(a), len(b))
    return next((n for n in range(size) if a[n] != b[n]), size)


def _word_runs(folded: str, size: int) -> Iterator[str]:
    words = folded.split(" ")
    for start in range(len(words) - size + 1):
        yield " ".join(words[start : start + size])


def _shared_runs(folded: str, source: str) -> Iterator[tuple[int, int, int]]:
    """Where the longest common run, and others that are worth a mark, start in both; their size."""
    blocks = difflib.SequenceMatcher(None, folded, source, autojunk=False).get_matching_blocks()
    least = min(_LEAST_MARKED, max(block.size for block in blocks))
    for start, source_start, size in blocks:
        run = folded[start : start + size]
        if size >= least and run.strip():
            lead = len(run) - len(run.lstrip())
            yield start + lead, source_start + lead, len(run.strip())


def _longest_common(words: Sequence[str], others: Sequence[str]) -> int:
    matcher = difflib.SequenceMatcher(None, words, others, autojunk=False)
    return matcher.find_longest_match().size


def _origins(text: str) -> list[int]:
    """Where in `text` each character of `fold(text)` comes from."""
    origins: list[int] = []
    for word in _WORD.finditer(text):
        if origins:
            origins.append(word.start() - 1)  # the space between two words
        # A character may fold to several, like "ß" to "ss".
        origins += [at for at in range(*word.span()) for _ in text[at].casefold()]
    return origins


def _span(origins: list[int], start: int, size: int) -> tuple[int, int]:
    return origins[start], origins[start + size - 1] + 1
