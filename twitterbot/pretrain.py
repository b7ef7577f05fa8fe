"""Trains a base model on a corpus of many authors, as a stream, resumable after any stop.

The work folder holds the tokenized corpus (`corpus/`), the state of the run
(`state.safetensors`, replaced every few minutes) and `history.jsonl`, one evaluation a
line. The run ends with a checkpoint.
"""

import dataclasses
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from twitterbot.checkpoint import Checkpoint, Description, check_replaceable, half, now
from twitterbot.dataset import Document, Ids, TokenizedCorpus
from twitterbot.engine import choose_precision, keras
from twitterbot.errors import TwitterbotError
from twitterbot.files import replacing
from twitterbot.model import ModelConfig, TweetModel
from twitterbot.options import PretrainOptions
from twitterbot.scores import Scorer, by_author, characters
from twitterbot.text import LINK, MENTION
from twitterbot.training import Pace, Schedule, Trainer, muon

SAVE_EVERY = 300.0  # seconds between saved states
EVALUATE_EVERY = 900.0  # seconds between evaluations
EVALUATION_TWEETS = 2_000  # of the validation tweets, at evaluations during the run
FINAL_TWEETS = 10_000  # of the validation tweets, for the checkpoint's scores
_AVERAGED_STEPS = 20  # of the training loss that progress shows

HISTORY = "history.jsonl"
_STATE = "state.safetensors"
# Whose a state is that does not fit, by the keys of `_Run._identity`.
_ANOTHER = {
    "config": "a model of another shape",
    "tokenizer": "a corpus with other tokens",
    "base": "a run from another base",
}


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    tokens: int
    total_tokens: int
    tokens_per_second: float  # of this process
    seconds_left: float
    loss: float  # training loss in nats a token, over the last steps
    bits_per_character: float | None  # in context, at the last evaluation


def pretrain(
    corpus: Sequence[Path],
    output: Path,
    *,
    work: Path,
    validation: Sequence[Path] = (),
    base: Checkpoint | None = None,
    options: PretrainOptions = PretrainOptions(),  # noqa: B008 (frozen)
    on_corpus: Callable[[str, int], None] = lambda stage, tweets: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Checkpoint:
    """Trains for `options.tokens` in all, from the state in `work` when there is one.

    A new run starts from the weights of `base`, with its tokenizer and shape, or from
    random ones with the shape that `options` says. Where `base` was pretrained itself, the
    run goes on in the order of the windows where that one stopped, so that several runs with
    one seed make a whole pass. An interruption (KeyboardInterrupt) saves the state and is
    raised on. Raises TwitterbotError for a bad corpus, a state that belongs to another run,
    or an `output` that is no base or cannot be written.
    """
    if options.width % (2 * options.heads):
        raise TwitterbotError(
            f"a width of {options.width} is no multiple of twice the {options.heads} heads"
        )
    check_replaceable(output, "base")
    data = TokenizedCorpus.build(
        work / "corpus",
        corpus,
        validation=validation,
        context=base.description.model["context"] if base else options.context,
        vocabulary_size=options.vocabulary_size,
        tokenizer=base.tokenizer if base else None,
        on_progress=on_corpus,
    )
    run = _Run(data, work, base, options)
    run.train(on_progress)
    checkpoint = run.checkpoint(output.name)
    checkpoint.save(output)
    return checkpoint


class _Run:
    """One pretraining run: its model, its place in the data, its history."""

    # Options that a checkpoint's description has in places of their own.
    _TOLD_ELSEWHERE = frozenset({*ModelConfig.__dataclass_fields__, "provenance"})

    def __init__(
        self,
        data: TokenizedCorpus,
        work: Path,
        base: Checkpoint | None,
        options: PretrainOptions,
    ) -> None:
        self.data, self.work, self.base, self.options = data, work, base, options
        self.precision = choose_precision(options.precision)
        keras.utils.set_random_seed(options.seed)
        model = self._model()
        self.config = model.config
        self.trainer = Trainer(model, muon(options.weight_decay, self.precision))
        self.scorer = Scorer(self.trainer.loss, data.tokenizer)
        self.tokens_per_step = options.batch * self.config.context
        total = max(1, options.tokens // self.tokens_per_step)
        self.schedule = Schedule(
            options.learning_rate,
            warmup=round(options.warmup * total),
            decay=round(options.decay * total),
            total=total,
        )
        # A base that was pretrained has a past to go on from; a fine-tuned one has none of ours.
        past = base.description if base and base.description.kind == "base" else None
        self.tokens_before = int(past.data.get("tokens_seen", 0)) if past else 0
        self.step = 0
        self.seconds = float(past.data.get("training_seconds", 0)) if past else 0.0
        self.history: list[dict[str, float]] = list(past.history) if past else []
        self._restore()

    @property
    def tokens_seen(self) -> int:
        """By these weights, in the runs before this one too."""
        return self.tokens_before + self.step * self.tokens_per_step

    def _model(self) -> TweetModel:
        if self.base:
            return self.base.build(precision=self.precision)
        options = self.options
        config = ModelConfig(
            vocabulary_size=self.data.tokenizer.vocabulary_size,
            context=options.context,
            width=options.width,
            layers=options.layers,
            heads=options.heads,
        )
        return TweetModel(config, precision=self.precision)

    def train(self, on_progress: Callable[[Progress], None]) -> None:
        began, spent, pace = time.monotonic(), self.seconds, Pace()
        steps_before = self.step - self.trainer.updates
        saved = evaluated = began
        losses: list[float] = []
        try:
            for windows in self._batches():
                losses = [*losses, self.trainer.step(windows, self.schedule.rate(self.step))]
                losses = losses[-_AVERAGED_STEPS:]
                self.step += 1
                now_ = time.monotonic()
                self.seconds = spent + now_ - began
                on_progress(self._progress(pace.step(), float(np.mean(losses))))
                if now_ - evaluated > EVALUATE_EVERY:
                    self._evaluate(float(np.mean(losses)))
                    evaluated = time.monotonic()
                if now_ - saved > SAVE_EVERY:
                    self._save()
                    saved = time.monotonic()
        except KeyboardInterrupt:
            # It mostly comes at the end of an update, before that one is counted here.
            self.step = steps_before + self.trainer.updates
            self._save()
            raise
        self._save()

    def _batches(self) -> Iterator[Ids]:
        """The batches from the current step on: each epoch all windows in a new order.

        From the second epoch on they also start at another of their tweets.
        """
        batch = self.options.batch
        per_epoch = max(1, len(self.data) // batch)
        order: np.ndarray[Any, Any] = np.array([])
        shifts: np.ndarray[Any, Any] = np.array([])
        steps_before = self.tokens_before // self.tokens_per_step
        for step in range(steps_before + self.step, steps_before + self.schedule.total):
            epoch, place = divmod(step, per_epoch)
            if place == 0 or not len(order):
                generator = np.random.default_rng([self.options.seed, epoch])
                order = generator.permutation(len(self.data))
                shifts = generator.random(len(self.data)) if epoch else np.zeros(len(self.data))
            indices = np.resize(order[place * batch :], batch)
            yield self.data.windows(indices, shifts[indices])

    def _progress(self, steps_per_second: float, loss: float) -> Progress:
        return Progress(
            tokens=self.step * self.tokens_per_step,
            total_tokens=self.schedule.total * self.tokens_per_step,
            tokens_per_second=steps_per_second * self.tokens_per_step,
            seconds_left=(self.schedule.total - self.step) / steps_per_second,
            loss=loss,
            bits_per_character=self.history[-1]["in_context"] if self.history else None,
        )

    def _evaluate(self, loss: float) -> None:
        sample = validation_sample(self.data.validation, EVALUATION_TWEETS)
        entry = {
            "tokens": self.tokens_seen,
            "seconds": round(self.seconds),
            "loss": round(loss, 4),
            **self._scores(sample),
        }
        self.history.append(entry)

    def _scores(self, documents: Sequence[Document]) -> dict[str, float]:
        """Bits per character: alone; in context; and that by the kind of account."""
        texts = [document.text for document in documents]
        bits = self.scorer.bits_of_corpus(documents)
        kinds = [kind for own in by_author(documents) for kind in [_account_kind(own)] * len(own)]
        groups = {"in_context": list(range(len(texts)))}
        for number, kind in enumerate(kinds):
            groups.setdefault(f"in_context_{kind}", []).append(number)
        return {"alone": round(self.scorer.alone(texts), 4)} | {
            name: round(float(bits[numbers].sum()) / characters([texts[n] for n in numbers]), 4)
            for name, numbers in sorted(groups.items())
        }

    def _save(self) -> None:
        metadata = {
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "batch": self.options.batch,
            **self._identity(),
        }
        state = safetensors.numpy.save(self.trainer.state(), {"twitterbot": json.dumps(metadata)})
        with replacing(self.work / _STATE) as file:
            file.write(state)
        with replacing(self.work / HISTORY) as file:
            file.writelines(json.dumps(entry).encode() + b"\n" for entry in self.history)

    def _identity(self) -> dict[str, Any]:
        """What a state must have in common with the run that takes it up."""
        base = self.base.description if self.base else None
        return {
            "config": dataclasses.asdict(self.config),
            "tokenizer": hashlib.sha256(self.data.tokenizer.to_json().encode()).hexdigest(),
            "base": base and [base.name, base.created_at],
        }

    def _restore(self) -> None:
        path = self.work / _STATE
        if not path.exists():
            return
        try:
            with safetensors.safe_open(path, "numpy") as file:
                metadata = json.loads(file.metadata()["twitterbot"])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, ValueError, TypeError, KeyError, safetensors.SafetensorError) as error:
            raise TwitterbotError(f"{path} is damaged; remove it to start anew") from error
        for key, ours in self._identity().items():
            if metadata.get(key, ours) != ours:
                raise TwitterbotError(
                    f"{path} belongs to {_ANOTHER[key]}; remove it, or choose another --work folder"
                )
        self.trainer.restore(arrays)
        # A step is a batch: at another batch size the same tokens are another number of steps.
        self.step = metadata["step"] * metadata["batch"] // self.options.batch
        self.seconds, self.history = metadata["seconds"], metadata["history"]

    def checkpoint(self, name: str) -> Checkpoint:
        validation = validation_sample(self.data.validation, FINAL_TWEETS)
        counts = ("tweets", "characters", "tokens", "stock_tweets", "validation_tweets")
        description = Description(
            name=name,
            kind="base",
            model=dataclasses.asdict(self.config),
            created_at=now(),
            options=self._options_used(),
            data={count: self.data.info[count] for count in counts}
            | {
                "validation_tweets_scored": len(validation),
                "tokens_seen": self.tokens_seen,
                "training_seconds": round(self.seconds),
            },
            scores=self._scores(validation),
            parent=self.base.description.origin() if self.base else None,
            provenance=self.options.provenance,
            history=self.history,
        )
        return Checkpoint(
            description,
            self.data.tokenizer,
            half(self.trainer.model.named_arrays()),
            stock=sorted({*self.data.stock.tolist(), *(self.base.stock if self.base else ())}),
        )

    def _options_used(self) -> dict[str, Any]:
        options = dataclasses.asdict(self.options) | {"precision": self.precision}
        return {name: options[name] for name in options if name not in self._TOLD_ELSEWHERE}


def _account_kind(texts: Sequence[str]) -> str:
    """What most of an account's tweets are."""
    for kind, placeholder in (("conversations", MENTION), ("links", LINK)):
        if 2 * sum(placeholder in text for text in texts) > len(texts):
            return kind
    return "own_words"


def validation_sample(documents: Sequence[Document], tweets: int) -> list[Document]:
    """At most `tweets`, in runs of consecutive ones from all over, the same each time."""
    run = 50
    starts = range(0, len(documents), run)
    chosen = random.Random(0).sample(starts, min(len(starts), tweets // run))
    return [document for start in sorted(chosen) for document in documents[start : start + run]]
