"""Bits per character: every token counted once, and the number itself worked out by hand."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import invented_tweets
from twitterbot.dataset import Document
from twitterbot.model import ModelConfig, NextTokenLoss, TweetModel
from twitterbot.scores import Row, Scorer, rows_alone, rows_in_context
from twitterbot.tokenizer import BEGIN, END, Tokenizer

TOKENIZER = Tokenizer.train(invented_tweets("quist", 100), 400)
CONFIG = ModelConfig(
    vocabulary_size=TOKENIZER.vocabulary_size, context=48, width=16, layers=1, heads=2
)
TEXTS = invented_tweets("quist", 40)

tweet_lengths = st.lists(st.integers(0, 40), max_size=25)


def numbered(lengths: Sequence[int], ids: Iterator[int]) -> list[list[int]]:
    """Tweets in which no id comes twice, so that a token is known by its id."""
    return [[next(ids) for _ in range(length)] for length in lengths]


def framed(tweets: Sequence[Sequence[int]]) -> list[int]:
    return [id_ for tweet in tweets for id_ in (*tweet, END)]


def scored(rows: Sequence[Row]) -> list[int]:
    return [id_ for row in rows for id_ in row.ids[row.scored_from :]]


@settings(deadline=None)
@given(tweet_lengths, st.integers(2, 20))
def test_rows_alone_score_every_token_once(lengths: list[int], context: int) -> None:
    tweets = numbered(lengths, itertools.count(2))
    rows = list(rows_alone(tweets, context))
    assert scored(rows) == framed(tweets)
    assert all(row.ids[0] == BEGIN and len(row.ids) <= context + 1 for row in rows)
    assert all(row.ids.count(END) <= 1 for row in rows)


@settings(deadline=None)
@given(tweet_lengths, tweet_lengths, st.integers(2, 20))
def test_rows_in_context_score_every_token_once_after_what_precedes(
    before: list[int], lengths: list[int], context: int
) -> None:
    ids = itertools.count(2)
    preceding = numbered(before, ids)
    tweets = numbered(lengths, ids)
    rows = list(rows_in_context(tweets, context, preceding))
    assert scored(rows) == framed(tweets)
    stream = framed(preceding) + framed(tweets)
    done = len(framed(preceding))
    for row in rows:
        done += len(row.ids) - row.scored_from
        # As much of what stands before as fits, and nothing from behind.
        assert row.ids == [BEGIN, *stream[max(0, done - context) : done]]


def test_a_row_scores_whole_tweets_with_half_a_window_before_them() -> None:
    tweets = numbered([3] * 12, itertools.count(2))
    rows = list(rows_in_context(tweets, 16))
    assert [len(row.ids) - row.scored_from for row in rows] == [8] * 6
    assert [len(row.ids) for row in rows] == [9] + [17] * 5


def scorer(scale: float) -> Scorer:
    model = TweetModel(CONFIG)
    random = np.random.default_rng(0)
    for weights in model.named_weights().values():
        weights.assign(scale * random.normal(0, 0.3, weights.shape))
    return Scorer(NextTokenLoss(model), TOKENIZER)


@pytest.fixture(scope="module")
def uniform() -> Scorer:
    """Of a model that finds every token as likely as any other."""
    return scorer(0.0)


@pytest.fixture(scope="module")
def lively() -> Scorer:
    return scorer(1.0)


def test_a_model_that_knows_nothing_pays_the_same_for_every_token(uniform: Scorer) -> None:
    tokens = sum(len(ids) + 1 for ids in TOKENIZER.encode(TEXTS))
    characters = sum(len(text) + 1 for text in TEXTS)
    expected = math.log2(CONFIG.vocabulary_size) * tokens / characters
    assert uniform.alone(TEXTS) == pytest.approx(expected, rel=1e-6)
    assert uniform.in_context(TEXTS) == pytest.approx(expected, rel=1e-6)
    assert uniform.in_context(TEXTS, ["before", "them"]) == pytest.approx(expected, rel=1e-6)
    documents = [Document(f"author{n // 5}", text) for n, text in enumerate(TEXTS)]
    assert uniform.bits_of_corpus(documents).sum() / characters == pytest.approx(expected, rel=1e-6)


def test_longer_texts_than_a_window_are_scored_whole(uniform: Scorer) -> None:
    text = " ".join(TEXTS)
    tokens = len(TOKENIZER.encode([text])[0]) + 1
    assert tokens > 3 * CONFIG.context
    expected = math.log2(CONFIG.vocabulary_size) * tokens / (len(text) + 1)
    assert uniform.alone([text]) == pytest.approx(expected, rel=1e-6)
    assert uniform.in_context([text]) == pytest.approx(expected, rel=1e-6)


def test_a_score_is_the_likelihood_of_the_text_after_what_precedes(lively: Scorer) -> None:
    before, text = TEXTS[:2]
    first, second = TOKENIZER.encode([before, text])
    ids = np.array([[BEGIN, *first, END, *second, END]], np.int32)
    nats = np.asarray(lively._loss(ids))[0]
    own = len(second) + 1
    expected = nats[-own:].sum() / math.log(2) / (len(text) + 1)
    assert lively.in_context([text], [before]) == pytest.approx(expected, rel=1e-4)
    assert lively.in_context([text]) == pytest.approx(lively.alone([text]), rel=1e-4)
    assert abs(lively.in_context([text], [before]) - lively.alone([text])) > 1e-3


def test_authors_are_no_context_for_each_other(lively: Scorer) -> None:
    known = [Document("a", TEXTS[0]), Document("a", TEXTS[1]), Document("b", TEXTS[2])]
    expected = [*lively.bits_in_context(TEXTS[:2]), *lively.bits_alone([TEXTS[2]])]
    np.testing.assert_allclose(lively.bits_of_corpus(known), expected, rtol=1e-4)
    unknown = [document._replace(author=None) for document in known]
    np.testing.assert_allclose(
        lively.bits_of_corpus(unknown), lively.bits_alone(TEXTS[:3]), rtol=1e-4
    )
