"""What fine-tuning learns from: which tweets, how worded, and what is said of their number."""

import dataclasses

import pytest

from tests.conftest import timeline
from twitterbot.errors import TwitterbotError
from twitterbot.preparation import prepare
from twitterbot.text import MENTION
from twitterbot.tweets import Tweet


def test_the_newest_tweets_are_held_out_and_share_nothing_with_the_rest() -> None:
    tweets = timeline("bramble", 120)
    repeated = [dataclasses.replace(tweets[3], id="9999", text=tweets[3].text.upper())]
    data = prepare([*tweets, *repeated])
    assert (len(data.train), len(data.held_out), data.kept) == (108, 12, 120)
    assert not {text.lower() for text in data.held_out} & {text.lower() for text in data.train}
    last = prepare(tweets, held_out=0.5)
    assert last.train + last.held_out == data.train + data.held_out  # in the order of time
    assert data.train[0].startswith(tweets[0].text[:10])
    assert data.held_out[-1].startswith(tweets[-1].text[:10])


def test_what_is_left_out_is_counted_by_its_reason() -> None:
    tweets = [
        *timeline("bramble", 60),
        Tweet("1", "RT @tarn: a gull!", kind="retweet"),
        Tweet("2", "A slug " * 20 + "and…"),
        Tweet("3", "https://ex.am/ple @tarn"),
        Tweet("4", "Twice the same"),
        Tweet("5", "twice  the SAME https://ex.am/ple"),
        Tweet("6", "A reply to you", kind="reply"),
        Tweet("7", "A quote of you", kind="quote"),
    ]
    data = prepare(tweets)
    assert data.read == 67
    assert data.kept == 63
    assert data.dropped == {"retweets": 1, "cut short": 1, "without words": 1, "repeated": 1}


def test_frequent_mentions_stay_words_and_others_do_not() -> None:
    tweets = [
        dataclasses.replace(tweet, text=f"{tweet.text} @{'Milla' if n % 2 else f'guest{n}'}")
        for n, tweet in enumerate(timeline("tarn", 60))
    ]
    data = prepare(tweets)
    assert "milla" in data.handles
    assert data.train[1].endswith("@Milla")
    assert data.train[2].endswith(MENTION)


def test_fewer_than_fifty_tweets_are_refused_with_the_count() -> None:
    assert prepare(timeline("bramble", 50)).kept == 50
    with pytest.raises(TwitterbotError, match=r"only 49 of 51 tweets .*\(2 retweets\); 50 are"):
        prepare([*timeline("bramble", 49), *(Tweet(str(n), "x", kind="retweet") for n in range(2))])


def test_fewer_than_five_hundred_are_few() -> None:
    assert prepare(timeline("bramble", 499)).is_small
    plenty = prepare(timeline("bramble", 500))
    assert not plenty.is_small
    assert plenty.expectation != prepare(timeline("bramble", 60)).expectation
