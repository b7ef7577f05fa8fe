"""Fine-tuning: what it learns from, what it keeps, and that it learns."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import timeline
from twitterbot import checkpoint, finetune
from twitterbot.errors import TwitterbotError
from twitterbot.finetune import Progress
from twitterbot.model import NextTokenLoss
from twitterbot.options import FinetuneOptions
from twitterbot.scores import Scorer
from twitterbot.text import MENTION
from twitterbot.tweets import Tweet

OPTIONS = FinetuneOptions(epochs=3, learning_rate=1e-2, precision="float32")

# ------------------------------------------------------------------ the data


def test_the_newest_tweets_are_held_out_and_share_nothing_with_the_rest() -> None:
    tweets = timeline("bramble", 120)
    repeated = [dataclasses.replace(tweets[3], id="9999", text=tweets[3].text.upper())]
    data = finetune.prepare([*tweets, *repeated])
    assert (len(data.train), len(data.held_out), data.kept) == (108, 12, 120)
    assert not {text.lower() for text in data.held_out} & {text.lower() for text in data.train}
    last = finetune.prepare(tweets, held_out=0.5)
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
    data = finetune.prepare(tweets)
    assert data.read == 67
    assert data.kept == 63
    assert data.dropped == {"retweets": 1, "cut short": 1, "without words": 1, "repeated": 1}


def test_frequent_mentions_stay_words_and_others_do_not() -> None:
    tweets = [
        dataclasses.replace(tweet, text=f"{tweet.text} @{'Milla' if n % 2 else f'guest{n}'}")
        for n, tweet in enumerate(timeline("tarn", 60))
    ]
    data = finetune.prepare(tweets)
    assert "milla" in data.handles
    assert data.train[1].endswith("@Milla")
    assert data.train[2].endswith(MENTION)


def test_fewer_than_fifty_tweets_are_refused_with_the_count() -> None:
    assert finetune.prepare(timeline("bramble", 50)).kept == 50
    with pytest.raises(TwitterbotError, match=r"only 49 of 51 tweets .*\(2 retweets\); 50 are"):
        finetune.prepare(
            [*timeline("bramble", 49), *(Tweet(str(n), "x", kind="retweet") for n in range(2))]
        )


def test_fewer_than_five_hundred_are_few() -> None:
    assert finetune.prepare(timeline("bramble", 499)).is_small
    plenty = finetune.prepare(timeline("bramble", 500))
    assert not plenty.is_small
    assert plenty.expectation != finetune.prepare(timeline("bramble", 60)).expectation


def test_fewer_tweets_get_more_epochs() -> None:
    epochs = [finetune.default_epochs(tweets) for tweets in (50, 2_000, 4_000, 100_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] > epochs[-1] >= 1


# ------------------------------------------------------------------ the training


def test_the_score_on_unseen_tweets_improves_and_the_best_is_kept(finetuned: Path) -> None:
    description = checkpoint.describe(finetuned)
    before = (description.parent or {})["scores"]["in_context"]
    assert description.scores["in_context"] < 0.7 * before
    scores = [epoch["in_context"] for epoch in description.history]
    assert description.scores["in_context"] == min(scores)
    assert (description.name, description.kind) == ("bramble", "finetuned")
    assert (description.parent or {})["name"] == "base"
    assert description.data["tweets_trained_on"] == 108


def test_the_weights_written_have_the_score_that_is_told(finetuned: Path) -> None:
    loaded = checkpoint.load(finetuned)
    data = finetune.prepare(timeline("bramble", 120))
    scorer = Scorer(NextTokenLoss(loaded.build()), loaded.tokenizer)
    told = loaded.description.scores["in_context"]
    assert scorer.in_context(data.held_out, data.train) == pytest.approx(told, abs=0.01)


def test_the_held_out_tweets_are_not_in_the_checkpoint(finetuned: Path) -> None:
    data = finetune.prepare(timeline("bramble", 120))
    assert checkpoint.load(finetuned).training_texts == data.train


def run(
    base: Path, output: Path, options: FinetuneOptions, stop: Callable[[Progress], bool]
) -> finetune.Result:
    def watch(progress: Progress) -> None:
        if stop(progress):
            raise KeyboardInterrupt

    data = finetune.prepare(timeline("bramble", 120))
    return finetune.finetune(
        data, checkpoint.load(base), output, options=options, on_progress=watch
    )


def test_an_interruption_keeps_the_best_so_far_and_writes_it(base: Path, tmp_path: Path) -> None:
    result = run(base, tmp_path / "early", OPTIONS, lambda progress: progress.score is not None)
    assert result.interrupted
    written = checkpoint.load(tmp_path / "early").description
    assert len(written.history) == 1
    assert written.scores["in_context"] == written.history[0]["in_context"]
    assert written.scores["in_context"] < (written.parent or {})["scores"]["in_context"]


def test_an_interruption_before_anything_is_learnt_writes_nothing(
    base: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(base, tmp_path / "early", OPTIONS, lambda progress: True)
    assert not (tmp_path / "early").exists()


def test_training_that_does_not_help_stops_and_keeps_the_base(base: Path, tmp_path: Path) -> None:
    options = dataclasses.replace(OPTIONS, epochs=9, learning_rate=0.0, patience=2)
    result = run(base, tmp_path / "same", options, lambda progress: False)
    assert len(result.checkpoint.description.history) == 2
    for name, array in checkpoint.load(base).weights.items():
        np.testing.assert_array_equal(result.checkpoint.weights[name], array)


def test_progress_tells_steps_and_scores(base: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    options = dataclasses.replace(OPTIONS, epochs=2)

    def never(progress: Progress) -> bool:
        seen.append(progress)
        return False

    run(base, tmp_path / "seen", options, never)
    assert [progress.step for progress in seen] == list(range(1, len(seen) + 1))
    assert seen[0].score is None
    assert seen[-1].score == seen[-1].best_score < seen[-1].base_score
    assert seen[-1].seconds_left >= 0
    assert seen[-1].tokens_per_second > 0
