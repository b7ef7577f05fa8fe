"""Bits per character: how well a model predicts tweets, whatever its tokenizer.

The negative log2 likelihood of a text with its end mark, over its Unicode characters
plus one. Texts are normalized ones (see `text`), a placeholder counting as one character.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twitterbot.dataset import Document, Ids
from twitterbot.model import NextTokenLoss
from twitterbot.tokenizer import BEGIN, END, Tokenizer

_BATCH = 8  # rows scored at once; more gain no speed and cost memory


@dataclass(frozen=True)
class Row:
    """One window to score: ids from BEGIN on; those before `scored_from` are context only."""

    ids: list[int]
    scored_from: int


def rows_alone(tweets: Iterable[Sequence[int]], context: int) -> Iterator[Row]:
    """Each tweet in a row of its own (a longer one continues in further rows)."""
    for ids in tweets:
        pieces = [*ids, END]
        for start in range(0, len(pieces), context):
            yield Row([BEGIN, *pieces[start : start + context]], 1)


def rows_in_context(
    tweets: Sequence[Sequence[int]], context: int, preceding: Sequence[Sequence[int]] = ()
) -> Iterator[Row]:
    """Rows over one author's tweets in time order, each tweet scored once.

    At most the second half of a row is scored; the tweets before them, which may come
    from `preceding`, fill the rest as context.
    """
    history = [token for ids in preceding for token in (*ids, END)]
    stream = history + [token for ids in tweets for token in (*ids, END)]
    ends = np.cumsum([len(ids) + 1 for ids in tweets]) + len(history)
    start = len(history)
    while start < len(stream):
        # Whole tweets up to half a window, or one longer tweet, or as much of it as fits.
        fitting = ends[(ends > start) & (ends <= start + context // 2)]
        end = int(fitting[-1] if len(fitting) else ends[ends > start][0])
        end = min(end, start + context)
        first = max(0, end - context)
        yield Row([BEGIN, *stream[first:end]], 1 + start - first)
        start = end


class Scorer:
    """Scores texts with one model; keeps the compiled graph between calls."""

    def __init__(self, loss: NextTokenLoss, tokenizer: Tokenizer) -> None:
        self._loss = loss
        self._tokenizer = tokenizer
        self._context = loss.model.config.context

    def alone(self, texts: Sequence[str]) -> float:
        """Bits per character of each text with nothing before it."""
        return float(self.bits_alone(texts).sum() / characters(texts))

    def in_context(self, texts: Sequence[str], preceding: Sequence[str] = ()) -> float:
        """Bits per character of one author's texts, in order, after those before them."""
        return float(self.bits_in_context(texts, preceding).sum() / characters(texts))

    def bits_alone(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Bits of each text with its end mark, nothing before it."""
        tweets = self._tokenizer.encode(texts)
        return _of_each(self._bits(rows_alone(tweets, self._context)), tweets)

    def bits_in_context(
        self, texts: Sequence[str], preceding: Sequence[str] = ()
    ) -> NDArray[np.float64]:
        """Bits of each of one author's texts, in order, after those before it."""
        tweets = self._tokenizer.encode(texts)
        # A tweet and its end are two tokens or more: so many tweets fill any context.
        before = self._tokenizer.encode(preceding[-self._context // 2 :])
        return _of_each(self._bits(rows_in_context(tweets, self._context, before)), tweets)

    def bits_of_corpus(self, documents: Sequence[Document]) -> NDArray[np.float64]:
        """Bits of each of many authors' tweets, each after the same author's."""
        authors = [self._tokenizer.encode(texts) for texts in by_author(documents)]
        rows = (row for tweets in authors for row in rows_in_context(tweets, self._context))
        return _of_each(self._bits(rows), list(itertools.chain.from_iterable(authors)))

    def _bits(self, rows: Iterable[Row]) -> NDArray[np.float64]:
        """Bits of every scored token, in the order of the rows."""
        rows = list(rows)
        nats = [np.empty(0)] * len(rows)
        # Rows of like length share a batch.
        by_length = sorted(range(len(rows)), key=lambda number: len(rows[number].ids))
        for start in range(0, len(by_length), _BATCH):
            batch = by_length[start : start + _BATCH]
            windows, scored = _pad([rows[number] for number in batch], self._context)
            losses = np.asarray(self._loss.predict_on_batch(windows), np.float64)
            for number, row_losses, row_scored in zip(batch, losses, scored, strict=False):
                nats[number] = row_losses[row_scored]
        return np.concatenate([np.empty(0), *nats]) / math.log(2)


def _of_each(bits: NDArray[np.float64], tweets: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Sums over each tweet of its tokens' bits, END's included."""
    ends = np.cumsum([len(ids) + 1 for ids in tweets])
    return np.diff(np.cumsum(bits)[ends - 1], prepend=0.0)


def _pad(rows: Sequence[Row], context: int) -> tuple[Ids, NDArray[np.bool_]]:
    """A batch of a fixed number of rows, and which of its targets count.

    Few different lengths, so that few graphs are compiled: 32, 64 or 128 tokens, or whole windows.
    """
    longest = max(len(row.ids) for row in rows)
    length = next((length for length in (33, 65, 129) if longest <= length), context + 1)
    windows = np.full((_BATCH, length), END, np.int32)
    scored = np.zeros((_BATCH, length - 1), np.bool_)
    for number, row in enumerate(rows):
        windows[number, : len(row.ids)] = row.ids
        scored[number, row.scored_from - 1 : len(row.ids) - 1] = True
    return windows, scored


def by_author(documents: Sequence[Document]) -> Iterator[list[str]]:
    """The texts of each author in turn; of an unknown one each text for itself."""
    previous: str | None = None
    texts: list[str] = []
    for author, text in documents:
        if texts and (author is None or author != previous):
            yield texts
            texts = []
        texts.append(text)
        previous = author
    if texts:
        yield texts


def characters(texts: Sequence[str]) -> int:
    """Unicode characters, and one for each end mark."""
    return sum(len(text) + 1 for text in texts)
