"""Fine-tuning: that it learns, and what it keeps."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import invented_tweets, timeline
from twitterbot import checkpoint, evaluate, finetune, preparation
from twitterbot.errors import TwitterbotError
from twitterbot.finetune import Progress
from twitterbot.model import NextTokenLoss, TweetModel
from twitterbot.novelty import CopyFilter
from twitterbot.options import FinetuneOptions
from twitterbot.scores import Scorer

OPTIONS = FinetuneOptions(epochs=3, learning_rate=1e-2, precision="float32")


def test_fewer_tokens_get_more_epochs() -> None:
    epochs = [finetune.default_epochs(tokens) for tokens in (2_000, 50_000, 150_000, 10**7)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] > epochs[-1] >= 1


# ------------------------------------------------------------------ the training


def test_the_score_on_unseen_tweets_improves_and_the_best_is_kept(finetuned: Path) -> None:
    description = checkpoint.describe(finetuned)
    before = description.base_scores["in_context"]
    assert description.scores["in_context"] < 0.7 * before
    scores = [epoch["in_context"] for epoch in description.history]
    assert description.scores["in_context"] <= min(scores)
    assert (description.name, description.kind) == ("bramble", "finetuned")
    assert (description.parent or {})["name"] == "base"
    assert description.data["tweets_trained_on"] == 108


def test_the_checkpoint_tells_the_epochs_that_were_chosen(base: Path, tmp_path: Path) -> None:
    options = dataclasses.replace(OPTIONS, epochs=None, learning_rate=0.0)
    chosen = finetune.default_epochs(
        sum(map(len, checkpoint.load(base).tokenizer.encode(invented_tweets("bramble", 54))))
    )
    data = preparation.prepare(timeline("bramble", 60))
    result = finetune.finetune(data, checkpoint.load(base), tmp_path / "new", options=options)
    assert result.checkpoint.description.options["epochs"] == chosen


def test_the_weights_written_have_the_score_that_is_told(finetuned: Path) -> None:
    loaded = checkpoint.load(finetuned)
    data = preparation.prepare(timeline("bramble", 120))
    scorer = Scorer(NextTokenLoss(loaded.build()), loaded.tokenizer)
    told = loaded.description.scores["in_context"]
    assert scorer.in_context(data.held_out, data.train) == pytest.approx(told, abs=0.01)


@pytest.mark.parametrize(("apart", "parts"), [(20, 1), (1, 2)])
def test_weights_between_the_base_and_the_mean_along_the_way_are_scored_and_kept(
    apart: int, parts: int, finetuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays, ends = TweetModel.named_arrays, []

    def named_arrays(model: TweetModel) -> dict[str, Any]:
        ends.append({name: array.astype(np.float64) for name, array in arrays(model).items()})
        return arrays(model)

    parent = checkpoint.load(finetuned)
    model = parent.build()
    monkeypatch.setattr(TweetModel, "named_arrays", named_arrays)
    monkeypatch.setattr(finetune, "_STEPS_APART", apart)
    # Half of the newest tweets are such as the parent knows, the others as it trains on.
    records = [*timeline("tarn", 114), *timeline("bramble", 120)[114:]]
    data = preparation.prepare(records)
    result = finetune.finetune(data, parent, tmp_path / "between", options=OPTIONS)
    description = result.checkpoint.description
    share = description.options["interpolation"]
    assert 0 < share < 1
    epochs = [epoch["in_context"] for epoch in description.history]
    assert len(ends) == parts * len(epochs) == parts * (OPTIONS.epochs or 0)

    def between(share: float, epochs: int) -> dict[str, Any]:
        past = ends[: parts * epochs]
        means = {name: np.mean([end[name] for end in past], axis=0) for name in ends[0]}
        return {
            name: (1 - share) * start + share * means[name]
            for name, start in parent.weights.items()
        }

    for name, expected in between(share, len(epochs)).items():
        np.testing.assert_allclose(result.checkpoint.weights[name], expected, rtol=2e-3, atol=2e-3)
    parents = description.base_scores["in_context"]
    assert description.scores["in_context"] < min(parents, *epochs)
    scorer = Scorer(NextTokenLoss(model), parent.tokenizer)
    halfway = [between(0.5, number + 1) for number in range(len(epochs))]
    told = [*epochs, description.scores["in_context"]]
    for weights, score in zip([*halfway, result.checkpoint.weights], told, strict=True):
        model.set_named_weights(weights)
        assert scorer.in_context(data.held_out, data.train) == pytest.approx(score, abs=0.01)


def test_the_weights_kept_may_lie_beyond_the_mean(base: Path, tmp_path: Path) -> None:
    result = run(base, tmp_path / "new", OPTIONS, lambda progress: False)
    description = result.checkpoint.description
    assert 1 < description.options["interpolation"] <= 1.5
    assert description.scores["in_context"] < min(
        epoch["in_context"] for epoch in description.history
    )


def test_the_held_out_tweets_are_not_in_the_checkpoint(finetuned: Path) -> None:
    data = preparation.prepare(timeline("bramble", 120))
    assert checkpoint.load(finetuned).training_texts == data.train


def test_what_the_parent_has_read_is_known_to_the_child(finetuned: Path, tmp_path: Path) -> None:
    parent = dataclasses.replace(checkpoint.load(finetuned), stock=[3, 5])
    # The newest 8 are held out; the parent was trained on 2 of them.
    records = [*timeline("tarn", 60), *timeline("bramble", 120)[94:114]]
    data = preparation.prepare(records)
    options = dataclasses.replace(OPTIONS, epochs=1)
    finetune.finetune(data, parent, tmp_path / "child", options=options)
    child = checkpoint.load(tmp_path / "child")
    assert child.training_texts == data.train
    assert set(child.known_texts) == {*data.train, *parent.training_texts}
    assert len(child.known_texts) == len(set(child.known_texts))
    assert checkpoint.known_texts(tmp_path / "child") == child.known_texts
    only_the_parents = next(text for text in parent.training_texts if text not in data.train)
    assert CopyFilter(child.known_texts).is_copy(only_the_parents)
    assert child.description.data["tweets_held_out"] == 6  # scores of known ones tell nothing
    assert child.stock == [3, 5]
    unseen, warnings = evaluate.hold_out(child, records)
    assert (unseen.held_out, warnings) == (data.held_out[2:], [])


def test_a_base_that_knows_the_held_out_tweets_is_refused(finetuned: Path, tmp_path: Path) -> None:
    data = preparation.prepare(timeline("bramble", 80))
    with pytest.raises(TwitterbotError, match="bramble was trained on 8 of the 8 newest tweets"):
        finetune.finetune(data, checkpoint.load(finetuned), tmp_path / "child", options=OPTIONS)
    assert not (tmp_path / "child").exists()


def run(
    base: Path,
    output: Path,
    options: FinetuneOptions,
    stop: Callable[[Progress], bool],
    on_interrupt: Callable[[], None] = lambda: None,
) -> finetune.Result:
    def watch(progress: Progress) -> None:
        if stop(progress):
            raise KeyboardInterrupt

    data = preparation.prepare(timeline("bramble", 120))
    return finetune.finetune(
        data,
        checkpoint.load(base),
        output,
        options=options,
        on_progress=watch,
        on_interrupt=on_interrupt,
    )


def test_an_interruption_keeps_the_best_so_far_and_writes_it(base: Path, tmp_path: Path) -> None:
    result = run(base, tmp_path / "early", OPTIONS, lambda progress: progress.score is not None)
    assert result.interrupted
    written = checkpoint.load(tmp_path / "early").description
    assert len(written.history) == 1
    assert written.scores["in_context"] <= written.history[0]["in_context"]
    assert written.scores["in_context"] < written.base_scores["in_context"]


def test_an_interruption_within_a_long_epoch_keeps_what_is_in_the_mean(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "_STEPS_APART", 1)
    options = dataclasses.replace(OPTIONS, batch=32)  # two steps an epoch
    result = run(base, tmp_path / "early", options, lambda progress: progress.averaged == 3)
    assert result.interrupted
    written = checkpoint.load(tmp_path / "early").description
    first, second = written.history
    assert (first["epoch"], second["epoch"]) == (1, 1.5)
    assert written.scores["in_context"] <= second["in_context"] < first["in_context"]


def test_a_second_interruption_skips_the_scores_to_come(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(finetune, "_STEPS_APART", 1)
    result = run(
        base,
        tmp_path / "early",
        dataclasses.replace(OPTIONS, batch=32),
        lambda progress: progress.averaged == 3,
        lambda: monkeypatch.setattr(Scorer, "in_context", interrupt),
    )
    assert result.interrupted
    written = checkpoint.load(tmp_path / "early").description
    assert [epoch["epoch"] for epoch in written.history] == [1]
    assert written.options["interpolation"] == 0.5
    assert written.scores == {"in_context": written.history[0]["in_context"]}


def test_an_interruption_before_anything_is_learnt_writes_nothing(
    base: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(base, tmp_path / "early", OPTIONS, lambda progress: True)
    assert not (tmp_path / "early").exists()


def test_an_interruption_of_the_last_scoring_costs_a_score_only(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Scorer.alone
    calls: list[Scorer] = []

    def alone(scorer: Scorer, texts: Sequence[str]) -> float:
        calls.append(scorer)
        if len(calls) == 2:  # the first is the base's
            raise KeyboardInterrupt
        return whole(scorer, texts)

    monkeypatch.setattr(Scorer, "alone", alone)
    result = run(base, tmp_path / "late", OPTIONS, lambda progress: False)
    assert result.interrupted
    written = checkpoint.describe(tmp_path / "late")
    assert len(written.history) == OPTIONS.epochs
    assert written.scores.keys() == {"in_context"}


def test_training_that_does_not_help_keeps_the_base(base: Path, tmp_path: Path) -> None:
    options = dataclasses.replace(OPTIONS, epochs=1, learning_rate=0.0)
    result = run(base, tmp_path / "same", options, lambda progress: False)
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
    assert seen[-1].step == seen[-1].total_steps
    assert seen[0].score is None
    assert seen[-1].score == seen[-1].best_score < seen[-1].base_score
    assert seen[-1].seconds_left > 0  # the last scores are still to come
    assert seen[-1].tokens_per_second > 0
