"""The Transformer: what it may see, and that all ways through it agree."""

from typing import Any

import numpy as np
import pytest

from twitterbot.engine import keras, unfused
from twitterbot.model import ModelConfig, NextTokenLoss, TweetModel
from twitterbot.training import Schedule, Trainer, muon

CONFIG = ModelConfig(vocabulary_size=50, context=16, width=16, layers=2, heads=2)


def lively_model(precision: str = "float32", dropout: float = 0.0) -> TweetModel:
    """A model in which everything matters: a new one has zeros where its blocks end."""
    model = TweetModel(CONFIG, precision=precision, dropout=dropout)
    random = np.random.default_rng(0)
    for weights in model.named_weights().values():
        weights.assign(random.normal(0, 0.3, weights.shape))
    return model


def some_ids(rows: int, length: int) -> Any:
    ids = np.random.default_rng(1).integers(2, CONFIG.vocabulary_size, (rows, length))
    return ids.astype(np.int32)


def logits_of(model: TweetModel, ids: Any, **options: Any) -> Any:
    return np.asarray(keras.ops.cast(model(ids, **options), "float32"))


@pytest.fixture(scope="module")
def model() -> TweetModel:
    return lively_model()


def test_a_later_token_changes_no_earlier_logit(model: TweetModel) -> None:
    ids = some_ids(1, 12)
    before = logits_of(model, ids)
    ids[0, 7] = (ids[0, 7] + 1) % CONFIG.vocabulary_size
    after = logits_of(model, ids)
    np.testing.assert_array_equal(before[:, :7], after[:, :7])
    assert (np.abs(before - after)[:, 7:].max(axis=-1) > 1e-3).all()


def test_the_order_of_earlier_tokens_matters(model: TweetModel) -> None:
    ids = some_ids(1, 6)
    swapped = ids[:, [1, 0, 2, 3, 4, 5]]
    assert np.abs(logits_of(model, ids) - logits_of(model, swapped))[:, -1].max() > 1e-3


def test_prefill_gives_the_last_logits_of_call(model: TweetModel) -> None:
    ids = some_ids(3, 9)
    logits, memories = model.prefill(ids)
    np.testing.assert_allclose(logits, logits_of(model, ids)[:, -1], atol=1e-5)
    assert len(memories) == CONFIG.layers


def test_decoding_token_by_token_gives_the_logits_of_call(model: TweetModel) -> None:
    ids = some_ids(3, 12)
    expected = logits_of(model, ids)
    prefix, more = 5, 7
    _, past = model.prefill(ids[:, :prefix])
    recent: Any = model.empty_memories(3, more)
    for time in range(more):
        positions = np.full(3, prefix + time, np.int32)
        mask = np.tile(np.arange(prefix + more) <= prefix + time, (3, 1))
        logits, recent = model.decode(ids[:, prefix + time], past, recent, time, positions, mask)
        np.testing.assert_allclose(logits, expected[:, prefix + time], atol=1e-4)


def test_decoding_in_a_ring_with_rows_of_different_ages_gives_the_logits_of_call(
    model: TweetModel,
) -> None:
    # As `generate` does: a row starts a new tweet when one ends, each behind its row's prefix.
    prefix, ring = some_ids(2, 6), 5
    tweets = [[[3, 4, 1], [5, 6, 7, 1], [8, 9, 10, 11, 12]], [[13, 14, 15, 16, 1], [1], [17, 1]]]
    begun = [[text[: n + 1] for text in texts for n in range(len(text))] for texts in tweets]
    _, past = model.prefill(prefix)
    recent: Any = model.empty_memories(2, ring)
    for time in range(8):
        ids = np.array([row[time][-1] for row in begun], np.int32)
        ages = np.array([len(row[time]) - 1 for row in begun], np.int32)
        written = (time - np.arange(ring)) % ring
        mask = np.concatenate([np.ones((2, 6), bool), written <= ages[:, None]], axis=1)
        logits, recent = model.decode(ids, past, recent, time % ring, 6 + ages, mask)
        alone = np.zeros((2, 6 + ring), np.int32)
        for row, text in enumerate(begun):
            alone[row, : 7 + ages[row]] = [*prefix[row], *text[time]]
        expected = logits_of(model, alone)[[0, 1], 6 + ages]
        np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_fused_and_unfused_operations_agree(model: TweetModel) -> None:
    ids = some_ids(2, 10)
    fused_logits = logits_of(model, ids)
    with unfused():
        np.testing.assert_allclose(logits_of(model, ids), fused_logits, atol=1e-4)


def test_no_reduction_is_left_to_ynnpack() -> None:
    """It is not safe where two parts of a batch come there at once; see engine."""
    tf = pytest.importorskip("tensorflow", "2.21")
    if not tf.__version__.startswith("2.21."):
        pytest.skip("later versions are safe")

    def softmax(scores: Any) -> Any:
        return keras.ops.softmax(scores, axis=-1)

    compiled = tf.function(softmax, jit_compile=True)
    code = compiled.experimental_get_compiler_ir(tf.zeros((8, 2, 64, 64)))(stage="optimized_hlo")
    assert "reduce" in code
    assert "ynn" not in code


def test_bfloat16_agrees_roughly_with_float32(model: TweetModel) -> None:
    ids = some_ids(2, 10)
    exact, rough = logits_of(model, ids), logits_of(lively_model("bfloat16"), ids)
    assert keras.backend.standardize_dtype(lively_model("bfloat16")(ids).dtype) == "bfloat16"
    assert 0 < np.abs(exact - rough).max() < 0.1 * exact.std()


def test_dropout_acts_in_training_alone() -> None:
    ids = some_ids(1, 8)
    dropping = lively_model(dropout=0.5)
    np.testing.assert_allclose(logits_of(dropping, ids), logits_of(lively_model(), ids), atol=1e-5)
    assert np.abs(logits_of(dropping, ids, training=True) - logits_of(dropping, ids)).max() > 0.1


def test_the_loss_is_the_negative_log_likelihood_of_each_next_token(model: TweetModel) -> None:
    windows = some_ids(2, 9)
    logits = logits_of(model, windows[:, :-1]).astype(np.float64)
    likelihoods = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = -np.log(np.take_along_axis(likelihoods, windows[:, 1:, None], axis=-1))[..., 0]
    np.testing.assert_allclose(NextTokenLoss(model)(windows), expected, atol=1e-4)


def test_weights_have_names_and_must_fit(model: TweetModel) -> None:
    arrays = model.named_arrays()
    assert sum(array.size for array in arrays.values()) == 50 * 16 + 2 * 12 * 16 * 16
    assert len(arrays) == len(model.weights)
    other = TweetModel(CONFIG)
    other.set_named_weights(arrays)
    ids = some_ids(1, 5)
    np.testing.assert_array_equal(logits_of(other, ids), logits_of(model, ids))
    with pytest.raises(KeyError):
        other.set_named_weights({"embedding": arrays["embedding"]})
    with pytest.raises(ValueError, match="shape"):
        other.set_named_weights({**arrays, "embedding": arrays["embedding"][:-1]})


# ------------------------------------------------------------------ training


def test_a_tiny_model_learns_one_batch_by_heart() -> None:
    keras.utils.set_random_seed(0)
    trainer = Trainer(TweetModel(CONFIG), muon(0.0))
    windows = some_ids(2, 13)
    losses = [trainer.step(windows, 0.02) for _ in range(80)]
    assert losses[0] == pytest.approx(np.log(50), abs=0.1)  # a new model knows nothing
    assert losses[-1] < 0.1


def test_a_restored_trainer_goes_on_exactly_as_the_first_would() -> None:
    keras.utils.set_random_seed(0)
    windows = some_ids(2, 13)
    first = Trainer(TweetModel(CONFIG), muon(0.1))
    for _ in range(3):
        first.step(windows, 0.02)
    second = Trainer(TweetModel(CONFIG), muon(0.1))
    second.restore(first.state())
    rates = (0.02, 0.01, 0.005)
    expected = [first.step(windows, rate) for rate in rates]
    assert [second.step(windows, rate) for rate in rates] == pytest.approx(expected, abs=1e-5)


def test_the_learning_rate_rises_stays_and_falls_to_zero() -> None:
    schedule = Schedule(peak=1.0, warmup=4, decay=5, total=20)
    rates = [schedule.rate(step) for step in range(21)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert set(rates[4:16]) == {1.0}
    assert rates[16:] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])
    # A longer run has the same plateau, so it can go on from a state before the fall.
    longer = Schedule(peak=1.0, warmup=4, decay=5, total=40)
    assert [longer.rate(step) for step in range(15)] == rates[:15]
