"""An account's tweets made ready to learn from: which ones, how worded, and what to expect of them.

It loads nothing heavy, so that whoever has too few tweets hears of it at once.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from twitterbot import text
from twitterbot.errors import TwitterbotError
from twitterbot.options import FinetuneOptions
from twitterbot.tweets import Kind, Tweet

LEAST_TWEETS = 50
LEAST_HELD_OUT = 5
FEW_TWEETS = 500
# What a reader may expect, by the number of tweets kept; the first row that fits counts.
_EXPECTATIONS = (
    (FEW_TWEETS, "few: expect the favourite words and topics, and a borrowed grammar"),
    (2_000, "enough for the voice; topics will repeat"),
    (10_000, "plenty: expect voice, topics and habits"),
    (math.inf, "a great deal: training takes longer and is worth it"),
)


@dataclass(frozen=True)
class Data:
    """An account's tweets made ready: normalized texts in time order, and what was left out."""

    author: str | None  # the handle, where the records tell
    train: list[str]
    held_out: list[str]
    kinds: list[Kind]  # of the held-out tweets
    handles: frozenset[str]  # mentions that stay words
    read: int
    dropped: Counter[str]

    def without_known(self, known: Iterable[str], learner: str) -> "Data":
        """The same without the held-out tweets that are among the `known` texts of `learner`.

        Scores of tweets that a model was trained on tell nothing. Raises TwitterbotError when
        fewer than LEAST_HELD_OUT are left.
        """
        folded = {text.fold(each) for each in known}
        unseen = [n for n, each in enumerate(self.held_out) if text.fold(each) not in folded]
        if len(unseen) < min(LEAST_HELD_OUT, len(self.held_out)):
            raise TwitterbotError(
                f"{learner} was trained on {len(self.held_out) - len(unseen)} of the "
                f"{len(self.held_out)} newest tweets, which leaves too few to score with; "
                f"name another timeline or model"
            )
        return dataclasses.replace(
            self,
            held_out=[self.held_out[number] for number in unseen],
            kinds=[self.kinds[number] for number in unseen],
        )

    @property
    def kept(self) -> int:
        """Tweets to train on and to score with."""
        return len(self.train) + len(self.held_out)

    @property
    def is_small(self) -> bool:
        """True where the result will disappoint."""
        return self.kept < FEW_TWEETS

    @property
    def expectation(self) -> str:
        """What so many tweets are good for, in a sentence's worth of words."""
        return next(words for limit, words in _EXPECTATIONS if self.kept < limit)


def prepare(
    tweets: Sequence[Tweet],
    held_out: float = FinetuneOptions.held_out,
    handles: Collection[str] | None = None,
) -> Data:
    """Chooses and normalizes the tweets to learn from, oldest first.

    Retweets, cut tweets, those without words and repetitions of earlier ones are dropped.
    Mentions of `handles` stay words; when none are given, those that the author often mentions.
    Raises TwitterbotError when fewer than LEAST_TWEETS are left.
    """
    if handles is None:
        handles = text.frequent_handles(tweet.text for tweet in tweets if tweet.kind != "retweet")
    dropped: Counter[str] = Counter()
    kept: dict[str, str] = {}
    kinds: list[Kind] = []
    for tweet in tweets:
        normal = text.normalize(tweet.text, handles)
        key = text.fold(normal)
        if tweet.kind == "retweet":
            dropped["retweets"] += 1
        elif text.is_cut(tweet.text):
            dropped["cut short"] += 1
        elif not key:
            dropped["without words"] += 1
        elif key in kept:
            dropped["repeated"] += 1
        else:
            kept[key] = normal
            kinds.append(tweet.kind)
    texts = list(kept.values())
    if len(texts) < LEAST_TWEETS:
        raise TwitterbotError(
            f"only {len(texts)} of {len(tweets)} tweets are left to learn from"
            f"{_in_words(dropped)}; {LEAST_TWEETS} are the least that make sense, "
            f"so fetch or import more"
        )
    train = len(texts) - max(1, round(held_out * len(texts)))
    return Data(
        author=next((tweet.author for tweet in reversed(tweets) if tweet.author), None),
        train=texts[:train],
        held_out=texts[train:],
        kinds=kinds[train:],
        handles=frozenset(handles),
        read=len(tweets),
        dropped=dropped,
    )


def _in_words(dropped: Counter[str]) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())
    return f" ({reasons})" if reasons else ""
