"""The tutorial's network: Embedding 64, LSTM 512, softmax, over UTF-8 bytes, in Keras.

Trained by truncated back-propagation through time: a text is cut into rows ("lanes") that
are read side by side, 32 bytes a step, and the LSTM's state goes on from step to step. Three
things are better than in the tutorial: Adam with the caller's learning rate each step, not
RMSprop at 1e-3, lowered by hand; a state that starts anew every 2,048 bytes, without which
it grows into a range that no fresh text knows; and bfloat16 where twitterbot would use it,
twice as fast and as good a step.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twitterbot.engine import choose_precision, keras, tf

UNITS = 512
STEP = 32  # bytes of each lane in a training step
FRESH_EVERY = 64  # steps
_WARM_UP, _SCORED = 512, 1536  # bytes that a scored lane reads: before those that count, and those
_SCORED_LANES, _SCORED_STEP = 64, 128

Bytes = NDArray[np.uint8]


def network(precision: str) -> Any:
    """Ids (B, T) and the LSTM's state, twice (B, UNITS), to logits (B, T, 256) and its state."""
    dtype = "mixed_bfloat16" if precision == "bfloat16" else precision
    ids = keras.Input((None,), dtype="int32")
    state = [keras.Input((UNITS,)), keras.Input((UNITS,))]
    x = keras.layers.Embedding(256, 64, dtype=dtype)(ids)
    x, *after = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True, dtype=dtype)(
        x, initial_state=state
    )
    return keras.Model([ids, *state], [keras.layers.Dense(256, dtype=dtype)(x), *after])


class ByteLSTM:
    """The network, its optimizer, and one compiled step of training and of scoring."""

    def __init__(self, precision: str | None = None) -> None:
        self.precision = precision or choose_precision()
        self.model = network(self.precision)
        self.optimizer = keras.optimizers.Adam(clipnorm=5.0)
        self.optimizer.build(self.model.trainable_variables)
        self._update = tf.function(self._training_step, autograph=False, reduce_retracing=True)
        self._score = tf.function(self._losses, autograph=False, reduce_retracing=True)
        self._trained, self._state = 0, self._fresh(1)

    def load(self, path: Path) -> None:
        """Takes its weights from a `.weights.h5` file."""
        self.model.load_weights(path)

    def epoch(self, data: Bytes, lanes: int, first: int = 0) -> Iterator[NDArray[np.int32]]:
        """The windows (lanes, STEP + 1) of one pass over `data`, from step number `first` on."""
        length = (len(data) - 1) // lanes
        starts = length * np.arange(lanes)[:, None]
        for step in range(first, length // STEP):
            yield data[starts + step * STEP + np.arange(STEP + 1)].astype(np.int32)

    def train(self, windows: NDArray[np.int32], rate: float) -> float:
        """One update on windows (lanes, STEP + 1); returns the loss before it, in nats a byte."""
        if self._trained % FRESH_EVERY == 0:
            self._state = self._fresh(len(windows))
        self._trained += 1
        self.optimizer.learning_rate = rate
        loss, *self._state = self._update(tf.constant(windows), *self._state)
        return float(loss)

    def bits(self, data: Bytes, scored_from: int = 0) -> float:
        """Bits of the bytes of `data` from `scored_from` on, each after those before it."""
        # Before the beginning there are empty tweets; what is behind the end does not count.
        empty = np.zeros(_WARM_UP + 1, np.uint8), np.zeros(_SCORED * _SCORED_LANES, np.uint8)
        padded = np.concatenate([empty[0], data, empty[1]]).astype(np.int32)
        starts = np.arange(scored_from, len(data), _SCORED * _SCORED_LANES)
        nats = sum(self._nats(padded[start:], len(data) - start) for start in map(int, starts))
        return nats / math.log(2)

    def _nats(self, ids: NDArray[np.int32], left: int) -> float:
        """Of at most `left` bytes that stand behind _WARM_UP + 1 of context, in one batch."""
        columns = np.arange(-_WARM_UP, _SCORED + 1)
        lanes = _SCORED * np.arange(_SCORED_LANES)[:, None] + columns
        windows = ids[_WARM_UP + lanes]
        counted = ((columns >= 0) & (lanes < left))[:, :-1]
        nats, state = 0.0, self._fresh(_SCORED_LANES)
        for start in range(0, _WARM_UP + _SCORED, _SCORED_STEP):
            part = tf.constant(windows[:, start : start + _SCORED_STEP + 1])
            losses, *state = self._score(part, *state)
            nats += float((losses.numpy() * counted[:, start : start + _SCORED_STEP]).sum())
        return nats

    def _fresh(self, lanes: int) -> list[Any]:
        """The state in which nothing has been read."""
        return [tf.zeros((lanes, UNITS)) for _ in range(2)]

    def _losses(self, windows: Any, *state: Any) -> tuple[Any, ...]:
        """Nats of each next byte (B, T), and the state after."""
        logits, *state = self.model([windows[:, :-1], *state], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            windows[:, 1:], tf.cast(logits, tf.float32)
        )
        return losses, *(tf.cast(part, tf.float32) for part in state)

    def _training_step(self, windows: Any, *state: Any) -> tuple[Any, ...]:
        with tf.GradientTape() as tape:
            losses, *state = self._losses(windows, *state)
            loss = tf.reduce_mean(losses)
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss, *state
