"""What pretraining and fine-tuning share: the optimizer, one step, and a state to resume from."""

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from twitterbot.dataset import Ids
from twitterbot.engine import COMPILE_STEP, keras
from twitterbot.errors import TwitterbotError
from twitterbot.model import NextTokenLoss, TweetModel

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Warm-up, stable, decay: a linear rise, a plateau, a linear fall to zero at the end.

    A plateau forgets its length, so a longer run can go on from a state before the decay
    (Hu et al. 2024, arXiv 2404.06395). Lengths are in steps.
    """

    peak: float
    warmup: int
    decay: int
    total: int

    def rate(self, step: int) -> float:
        """The learning rate of step number `step`, counted from zero."""
        rise = (step + 1) / max(1, self.warmup)
        fall = (self.total - step) / max(1, self.decay)
        return self.peak * max(0.0, min(1.0, rise, fall))


class _Muon(keras.optimizers.Muon):
    precision = "float32"

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        update = super().zeropower_via_newtonschulz5(keras.ops.cast(x, self.precision), steps)
        return keras.ops.cast(update, x.dtype)


def muon(weight_decay: float, precision: str = "float32") -> Any:
    """Muon for the matrices, Adam for the embedding: learns most from each token.

    Jordan et al. 2024, who find `precision` bfloat16 exact enough for its directions; scaled
    as in arXiv 2502.16982, so that Adam's learning rates fit.
    """
    optimizer = _Muon(
        learning_rate=0.0,
        name="muon",
        weight_decay=weight_decay,
        adam_weight_decay=0.0,
        adam_beta_2=0.95,
        adam_lr_ratio=1.0,
        rms_rate=0.2,
    )
    optimizer.precision = precision
    return optimizer


class Pace:
    """How fast the steps go; the first, which compiles the graph, is left out of the mean."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._steps = 0

    def step(self) -> float:
        """Counts a step that is done; returns the steps per second."""
        now, self._steps = time.monotonic(), self._steps + 1
        speed = max(1, self._steps - 1) / (now - self._since)
        if self._steps == 1:
            self._since = now
        return speed


class Trainer:
    """A model, its loss and its optimizer."""

    def __init__(self, model: TweetModel, optimizer: Any) -> None:
        self.model = model
        self.loss = NextTokenLoss(model)
        self._optimizer = optimizer
        self.loss.compile(optimizer=self._optimizer, jit_compile=COMPILE_STEP)

    def step(self, windows: Ids, learning_rate: float) -> float:
        """One update on `windows` (B, T + 1); returns the loss before it, in nats a token.

        Raises TwitterbotError when that is no number any more.
        """
        self._optimizer.learning_rate = learning_rate
        loss = float(self.loss.train_on_batch(windows))
        if not math.isfinite(loss):
            raise TwitterbotError(
                f"the loss is {loss}; type the command again with a lower --learning-rate"
            )
        return loss

    @property
    def updates(self) -> int:
        """Steps taken, those before a `restore` among them."""
        return int(self._optimizer.iterations)

    def state(self) -> Arrays:
        """Weights and optimizer state as float32 arrays, for `restore`."""
        arrays = self.model.named_arrays()
        for number, variable in enumerate(self._optimizer.variables):
            arrays[f"optimizer.{number}"] = keras.ops.convert_to_numpy(variable)
        return arrays

    def restore(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Takes up `state()` of a trainer of the same shape."""
        self.model.set_named_weights(arrays)
        self._optimizer.build(self.loss.trainable_variables)
        for number, variable in enumerate(self._optimizer.variables):
            variable.assign(arrays[f"optimizer.{number}"])
