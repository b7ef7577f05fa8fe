"""Transfer learning: a base checkpoint becomes one account's.

The learning rate stays high, so that no weights along the way are good by themselves; their mean
is (Izmailov et al. 2018, arXiv 1803.05407). The newest tenth of the tweets is held out, and the
weights that predict it best are the ones that are kept: some on the line from the base's to that
mean, or a little beyond. After each epoch those halfway are scored.
"""

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twitterbot.checkpoint import Checkpoint, Description, Weights, between, half, now
from twitterbot.dataset import Ids, pack
from twitterbot.engine import choose_precision, keras
from twitterbot.options import FinetuneOptions
from twitterbot.preparation import Data
from twitterbot.scores import Scorer
from twitterbot.training import Pace, Schedule, Trainer, muon

_STEPS_APART = 20  # of the weights in the mean, at least; each epoch's end is among them
_FARTHEST = 1.5  # times the way from the base's weights to the mean: what the parabola is good for
_LAST_SCORINGS = 3  # after the last epoch's: up to two of the interpolation, then tweets alone


@dataclass(frozen=True)
class Progress:
    """Where fine-tuning stands. Scores are bits per character on held-out tweets."""

    step: int
    total_steps: int
    tokens_per_second: float
    seconds_left: float
    loss: float  # training loss in nats a token
    base_score: float
    score: float | None  # after the last epoch, halfway from the base's weights to the mean
    best_score: float
    averaged: int  # weights in the mean so far: with none, an interruption keeps nothing


@dataclass(frozen=True)
class Result:
    """A finished fine-tuning."""

    checkpoint: Checkpoint
    seconds: float
    interrupted: bool


def default_epochs(tokens: int) -> int:
    """More passes over fewer tokens: 4 over 12,000, 2 over 60,000, 1 over 100,000."""
    return min(8, max(1, round(430 / math.sqrt(tokens))))


def finetune(
    data: Data,
    base: Checkpoint,
    output: Path,
    *,
    options: FinetuneOptions = FinetuneOptions(),  # noqa: B008 (frozen)
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_interrupt: Callable[[], None] = lambda: None,
) -> Result:
    """Trains all weights of `base` on `data` and writes the best ones to `output`.

    Held-out tweets that `base` was trained on are left out; raises TwitterbotError when hardly
    any are left.

    KeyboardInterrupt ends the training early: the mean so far is scored, `on_interrupt` being
    called before each score, and what is best is written; another one skips the scores that are
    still to come. Before anything is better than the base it is raised on, and nothing is written.
    """
    run = _Run(data, base, options)
    interrupted = run.train(on_progress, on_interrupt)
    if interrupted and run.best is run.start:
        raise KeyboardInterrupt
    checkpoint = run.checkpoint(output.name)
    checkpoint.save(output)
    return Result(checkpoint, run.seconds, interrupted)


@dataclass(frozen=True)
class _Candidate:
    """Weights that may be kept."""

    weights: Weights
    score: float  # bits per character of the held-out tweets in context
    interpolation: float  # how far from the base's weights to the mean ones: 0 to 1.5


class _Run:
    def __init__(self, data: Data, base: Checkpoint, options: FinetuneOptions) -> None:
        self.base = base
        self.data = data.without_known(base.known_texts, base.description.name)
        self.began = time.monotonic()
        keras.utils.set_random_seed(options.seed)
        self.precision = choose_precision(options.precision)
        self.model = base.build(precision=self.precision, dropout=options.dropout)
        self.trainer = Trainer(self.model, muon(options.weight_decay, self.precision))
        self.context = self.model.config.context
        self.scorer = Scorer(self.trainer.loss, base.tokenizer)
        self.tweets = base.tokenizer.encode(data.train)
        self.epochs = options.epochs or default_epochs(sum(map(len, self.tweets)))
        self.options = dataclasses.replace(options, epochs=self.epochs)
        self.random = np.random.default_rng(options.seed)
        self.start = _Candidate(base.weights, self._in_context(), 0.0)
        self.base_scores = self._scores(self.start)
        self.best = self.start
        self.mean: Weights = base.weights
        self.averaged = 0  # weights in the mean
        self.unscored: dict[str, float] = {}  # what the history will say of the mean, once scored
        self.history: list[dict[str, float]] = []
        self.scores: dict[str, float] = {}  # of the best

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.began

    def train(
        self, on_progress: Callable[[Progress], None], on_interrupt: Callable[[], None]
    ) -> bool:
        """Trains until done; True when it was interrupted: one stage then ends early, or all."""
        interrupted = False
        epochs = functools.partial(self._epochs, on_progress)
        for stage in (epochs, self._score_mean, self._interpolate, self._score_best):
            try:
                if interrupted:
                    on_interrupt()
                stage()
            except KeyboardInterrupt:
                if interrupted:
                    break
                interrupted = True
        return interrupted

    def _epochs(self, on_progress: Callable[[Progress], None]) -> None:
        options = self.options
        epochs = [list(self._batches()) for _ in range(self.epochs)]
        total = sum(map(len, epochs))
        warmup = round(options.warmup * total)
        schedule = Schedule(options.learning_rate, warmup, decay=0, total=total)
        step = 0
        for epoch, batches in enumerate(epochs):
            losses, pace = [], Pace()
            parts = max(1, len(batches) // _STEPS_APART)
            for number, windows in enumerate(batches, start=1):
                losses.append(self.trainer.step(windows, schedule.rate(step)))
                step += 1
                loss = round(float(np.mean(losses)), 4)
                if number * parts % len(batches) < parts:  # a part's end
                    self.averaged += 1
                    reached = self.model.named_arrays()
                    self.mean = between(self.mean, reached, 1 / self.averaged)
                    done = round(epoch + number / len(batches), 2)
                    self.unscored = {"epoch": done, "loss": loss}
                scorings = len(epochs) - epoch + _LAST_SCORINGS
                on_progress(self._progress(step, total, pace.step(), scorings, loss))
            self._score_mean()
            self.model.set_named_weights(reached)

    def _score_mean(self) -> None:
        """Adds to the history the score halfway from the base's weights to the mean."""
        if self.unscored:
            score = self._between(0.5)
            entry, self.unscored = self.unscored | {"in_context": score}, {}
            self.history.append(entry)

    def _batches(self) -> Iterator[Ids]:
        """An epoch: the tweets in time order from a random one on, in windows, shuffled."""
        first = int(self.random.integers(len(self.tweets)))
        windows = pack(self.tweets[first:] + self.tweets[:first], self.context)
        order = self.random.permutation(len(windows))
        size = self.options.batch
        # Batches of one size, for one compiled graph: the last is filled up from the start.
        for start in range(0, len(order), size):
            yield windows[np.resize(np.roll(order, -start), size)]

    def _progress(
        self, step: int, total: int, steps_per_second: float, scorings: int, loss: float
    ) -> Progress:
        return Progress(
            step=step,
            total_steps=total,
            tokens_per_second=steps_per_second * self.options.batch * self.context,
            seconds_left=(total - step) / steps_per_second + scorings * self.seconds_a_scoring,
            loss=loss,
            base_score=self.start.score,
            score=self.history[-1]["in_context"] if self.history else None,
            best_score=self.best.score,
            averaged=self.averaged,
        )

    def _interpolate(self) -> None:
        """Tries the mean weights, and some on the line from the base's to these.

        Between the two are mostly better ones than both; beyond the mean, for an author who is
        unlike all that the base has read. The score along the line is close to a parabola, and
        three points of it tell the lowest.
        """
        if self.unscored or not self.history:
            return
        middle, end = self.history[-1]["in_context"], self._between(1.0)
        bend = self.start.score - 2 * middle + end
        slope = 3 * self.start.score - 4 * middle + end
        if 0 < slope < 4 * _FARTHEST * bend:
            self._between(round(slope / (4 * bend), 2))

    def _between(self, share: float) -> float:
        """The score of the weights `share` of the way to the mean; keeps the best."""
        weights = half(between(self.start.weights, self.mean, share))
        self.model.set_named_weights(weights)
        candidate = _Candidate(weights, self._in_context(), share)
        if candidate.score < self.best.score:
            self.best = candidate
        return candidate.score

    def _score_best(self) -> None:
        changed = self.best is not self.start
        self.scores = self._scores(self.best) if changed else self.base_scores

    def _in_context(self) -> float:
        began = time.monotonic()
        score = round(self.scorer.in_context(self.data.held_out, self.data.train), 4)
        self.seconds_a_scoring = time.monotonic() - began
        return score

    def _scores(self, candidate: _Candidate) -> dict[str, float]:
        self.model.set_named_weights(candidate.weights)
        alone = round(self.scorer.alone(self.data.held_out), 4)
        return {"alone": alone, "in_context": candidate.score}

    def checkpoint(self, name: str) -> Checkpoint:
        """The best weights, as a checkpoint."""
        base = self.base.description
        description = Description(
            name=name,
            kind="finetuned",
            model=base.model,
            created_at=now(),
            author=self.data.author,
            options={
                **dataclasses.asdict(self.options),
                "precision": self.precision,
                "interpolation": self.best.interpolation,
            },
            data={
                "tweets_read": self.data.read,
                **{
                    f"dropped_{reason.replace(' ', '_')}": n
                    for reason, n in self.data.dropped.items()
                },
                "tweets_trained_on": len(self.data.train),
                "tweets_held_out": len(self.data.held_out),
            },
            scores=self.scores or {"in_context": self.best.score},
            history=self.history,
            parent=base.origin() | {"scores": self.base_scores},
            handles=sorted(self.data.handles),
            provenance="The author's training tweets lie beside the model in tweets.jsonl, the "
            "weights that it started from in base.safetensors.",
        )
        own = set(self.data.train)
        inherited = [text for text in self.base.known_texts if text not in own]
        return Checkpoint(
            description=description,
            tokenizer=self.base.tokenizer,
            weights=self.best.weights,
            training_texts=self.data.train,
            inherited_texts=inherited,
            base_weights=self.base.weights,
            stock=self.base.stock,
        )
