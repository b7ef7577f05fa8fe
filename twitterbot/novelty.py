"""Which generated tweets are copies of training tweets.

Texts are compared folded (see `text.fold`). A tweet is a copy when it

- equals a training tweet, or stands whole inside one (stock phrases count),
- holds a whole training tweet of three words or more,
- shares a run of 8 or more words with one,
- or has more than 60 % of its characters in one run that it shares with one.
"""

from collections.abc import Iterable, Iterator

from twitterbot.text import fold

WORD_RUN = 8
CHARACTER_SHARE = 0.6
_LEAST_WORDS_CONTAINED = 3


class CopyFilter:
    """Recognises copies of the training texts, exactly, by search in one joined string."""

    def __init__(self, training_texts: Iterable[str]) -> None:
        texts = {fold(text) for text in training_texts} - {""}
        # A line break, which folding removes, keeps runs from crossing tweets.
        self._joined = "\n".join(texts)
        self._long_texts = {text for text in texts if text.count(" ") + 1 >= _LEAST_WORDS_CONTAINED}
        self._lengths = sorted({text.count(" ") + 1 for text in self._long_texts})
        self._runs = {run for text in texts for run in _word_runs(text, WORD_RUN)}

    def is_copy(self, text: str) -> bool:
        """True when `text` is a copy by the module's definition; an empty text is one."""
        folded = fold(text)
        return (
            not folded
            or any(run in self._runs for run in _word_runs(folded, WORD_RUN))
            or self._contains_training_text(folded)
            or self._shares_characters(folded)
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
        return any(folded[start : start + size] in self._joined for start in starts)


def _word_runs(folded: str, size: int) -> Iterator[str]:
    words = folded.split(" ")
    for start in range(len(words) - size + 1):
        yield " ".join(words[start : start + size])
