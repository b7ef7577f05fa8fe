"""What the choices behind the base are worth: pilots of one length on one part of a corpus.

    python tests/benchmarks/choices.py --corpus DIR --work DIR --minutes 10

Each pilot is pretrained by `pretrain` with one thing different from the base's shape: width,
depth, vocabulary, or windows of many authors' shuffled tweets instead of one author's; the last
is the tutorial's LSTM (`byte_lstm.py`). A short run before tells a pilot's speed, and its number
of tokens follows from the minutes, so that the learning rate falls to zero at the end of them.
Prints the bits per character of 2,000 tweets of unseen authors, a row a pilot.

Results are kept in --work, and pilots that are there already are not run again; --only chooses
some, so that two processes can share the work, each pinned to a core of its own.
"""

import argparse
import contextlib
import dataclasses
import functools
import itertools
import json
import random
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from common import say, table, to_bytes, train_files, validation_sample
from lstm_base import Training

from twitterbot.checkpoint import Checkpoint
from twitterbot.dataset import Document, read_corpus
from twitterbot.files import replacing
from twitterbot.options import PretrainOptions
from twitterbot.pretrain import EVALUATION_TWEETS, Progress, pretrain
from twitterbot.text import restore

TWEETS = 300_000  # of the corpus, more than a pilot reads
TIMED_STEPS = 24

SHAPES: dict[str, dict[str, Any]] = {
    "base": {},
    "wider": {"width": 448, "heads": 7},
    "deeper and narrower": {"width": 256, "layers": 9, "heads": 4},
    "shallower and wider": {"width": 384, "layers": 4, "heads": 6},
    "vocabulary of 4,096": {"vocabulary_size": 4096},
    "vocabulary of 16,384": {"vocabulary_size": 16384},
    "tweets shuffled": {},
}
LSTM = "the tutorial's LSTM"

Row = dict[str, Any]


def write(path: Path, documents: Iterable[Document]) -> None:
    """A corpus file; read again it is the same documents."""
    with replacing(path) as file:
        for author, normal in documents:
            text = restore(normal, links="https://t.co/a", mentions="@user")
            file.write(json.dumps({"author": author, "text": text}).encode() + b"\n")


def prepare(corpus: Path, work: Path) -> None:
    """The part of the corpus, the same shuffled, and the validation tweets, once."""
    work.mkdir(parents=True, exist_ok=True)
    if (work / "validation.jsonl").exists():
        return
    part = list(itertools.islice(read_corpus(train_files(corpus)), TWEETS))
    write(work / "train.jsonl", part)
    strangers = [Document(None, document.text) for document in part]
    random.Random(0).shuffle(strangers)
    write(work / "shuffled.jsonl", strangers)
    write(work / "validation.jsonl", validation_sample(corpus, EVALUATION_TWEETS))


class _TimedError(Exception):
    """Enough steps to know the speed by; unlike Ctrl-C it leaves no state behind."""


def transformer(name: str, work: Path, seconds: float) -> Row:
    """One pilot of our model."""
    folder = work / name.replace(" ", "-")
    train = work / ("shuffled.jsonl" if name == "tweets shuffled" else "train.jsonl")
    options = PretrainOptions(**SHAPES[name])
    pace = 0.0

    def run(tokens: int, on_progress: Callable[[Progress], None]) -> Checkpoint:
        return pretrain(
            [train],
            folder / "out",
            work=folder,
            validation=[work / "validation.jsonl"],
            options=dataclasses.replace(options, tokens=tokens),
            on_progress=on_progress,
        )

    def timed(progress: Progress) -> None:
        nonlocal pace
        pace = progress.tokens_per_second
        if progress.tokens >= TIMED_STEPS * options.batch * options.context:
            raise _TimedError

    with contextlib.suppress(_TimedError):
        run(10**9, timed)
    checkpoint = run(round(pace * seconds), lambda progress: None)
    description = checkpoint.description
    shutil.rmtree(folder)
    return {
        "parameters": sum(array.size for array in checkpoint.weights.values()),
        "tokens": description.data["tokens_seen"],
        "seconds": description.data["training_seconds"],
        "alone": description.scores["alone"],
        "in context": description.scores["in_context"],
    }


def lstm(work: Path, seconds: float) -> Row:
    """The tutorial's network, which reads the tweets as one stream of bytes."""
    data = to_bytes(document.text for document in read_corpus([work / "train.jsonl"]))
    output = work / "pilot.weights.h5"
    training = Training(np.frombuffer(data, np.uint8), output, None)
    training.run(seconds)
    texts = [document.text for document in read_corpus([work / "validation.jsonl"])]
    return {
        "parameters": training.lstm.model.count_params(),
        "seconds": round(training.seconds),
        "in context": training.score(texts),
    }


def report(rows: dict[str, Row]) -> str:
    """A row a pilot, Markdown."""

    def cells(row: Row) -> list[str]:
        tokens = f"{row['tokens'] / 1e6:.2f} M" if "tokens" in row else ""
        alone = f"{row['alone']:.3f}" if "alone" in row else ""
        millions = f"{row['parameters'] / 1e6:.1f} M"
        return [millions, tokens, f"{row['seconds']:,}", alone, f"{row['in context']:.3f}"]

    head = ["pilot", "parameters", "tokens", "seconds", "alone", "in context"]
    return table(head, [[name, *cells(row)] for name, row in rows.items()])


def main() -> None:
    """Parses the command line, runs the pilots that are missing, and reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*SHAPES, LSTM]
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="a folder for data and results")
    parser.add_argument("--minutes", type=float, default=10, help="of each pilot's training")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="PILOT")
    args = parser.parse_args()
    prepare(args.corpus, args.work)
    rows: dict[str, Row] = {}
    for name in args.only:
        result = args.work / f"{name.replace(' ', '-')}.json"
        if not result.exists():
            began = time.monotonic()
            pilot = lstm if name == LSTM else functools.partial(transformer, name)
            row = pilot(args.work, 60 * args.minutes)
            result.write_text(json.dumps(row) + "\n")
            say(f"{name}: {time.monotonic() - began:.0f} s, {row['in context']:.3f} in context")
        rows[name] = json.loads(result.read_text())
    print(report(rows))


if __name__ == "__main__":
    main()
