"""Trains the tutorial's LSTM on the corpus for a given time: the rival base of `alternatives.py`.

The network is that of `byte_lstm.py`; 128 lanes of 32 bytes a step as in the tutorial, Adam
with a peak of 2e-3 that falls to zero over the last 30 % of the time (better than the
tutorial's RMSprop at 1e-3, lowered by hand). A second call with the same output goes on until
`--minutes` in all.

    python tests/benchmarks/lstm_base.py --corpus DIR --minutes 90 --output lstm.weights.h5

Prints the bits per character of the 10,000 validation tweets that `pretrain` scores a
finished base on, so that the two can be compared. The tutorial's own network ended at 2.164
on its corpus, after days. The first call writes the corpus as bytes beside the output.
"""

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from byte_lstm import STEP, ByteLSTM, Bytes
from common import say, to_bytes, train_files, validation_sample

from twitterbot.dataset import read_corpus
from twitterbot.files import replacing
from twitterbot.scores import characters

LANES = 128
PEAK, DECAY = 2e-3, 0.3
SAVE_EVERY = 120.0  # seconds


def corpus_bytes(corpus: Path, cache: Path) -> Bytes:
    """The training tweets as one stream of bytes, from a file that is made once."""
    if not cache.exists():
        say(f"writing {cache}")
        texts = (document.text for document in read_corpus(train_files(corpus)))
        with replacing(cache) as file:
            while chunk := list(itertools.islice(texts, 20_000)):
                file.write(to_bytes(chunk))
    return np.memmap(cache, np.uint8, "r")


class Training:
    """A run that knows where it stands, in a file beside the weights."""

    def __init__(self, data: Bytes, output: Path, precision: str | None) -> None:
        self.data, self.output = data, output
        self.lstm = ByteLSTM(precision)
        self.state_file = output.with_name(output.name.replace(".weights.h5", ".state.npz"))
        self.step, self.seconds = 0, 0.0
        if self.state_file.exists():
            self._restore()

    def run(self, seconds: float) -> None:
        """Trains until the run has lasted `seconds` in all."""
        before, began = self.seconds, time.monotonic()
        saved = began
        for windows in self._windows():
            if self.seconds >= seconds:
                break
            share = self.seconds / seconds
            rate = PEAK * min(1.0, (1 - share) / DECAY)
            loss = self.lstm.train(windows, rate)
            self.step += 1
            self.seconds = before + time.monotonic() - began
            if time.monotonic() - saved > SAVE_EVERY:
                self.save()
                saved = time.monotonic()
                say(f"{self.seconds / 60:.0f} min, step {self.step:,}, loss {loss:.3f} nats a byte")
        self.save()

    def _windows(self) -> Iterator[np.ndarray]:
        per_epoch = (len(self.data) - 1) // LANES // STEP
        while True:
            yield from self.lstm.epoch(self.data, LANES, self.step % per_epoch)

    def score(self, texts: Sequence[str]) -> float:
        """Bits per character of texts that are read as one stream."""
        return self.lstm.bits(np.frombuffer(to_bytes(texts), np.uint8)) / characters(texts)

    def save(self) -> None:
        """Writes the weights and the state."""
        self.lstm.model.save_weights(self.output)
        variables = self.lstm.optimizer.variables
        arrays = {f"optimizer.{n}": np.asarray(value) for n, value in enumerate(variables)}
        with replacing(self.state_file) as file:
            np.savez(file, step=self.step, seconds=self.seconds, **arrays)

    def _restore(self) -> None:
        self.lstm.load(self.output)
        arrays = np.load(self.state_file)
        self.step, self.seconds = int(arrays["step"]), float(arrays["seconds"])
        for number, variable in enumerate(self.lstm.optimizer.variables):
            variable.assign(arrays[f"optimizer.{number}"])


def main() -> None:
    """Parses the command line, trains and reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of training, in all")
    parser.add_argument("--output", type=Path, required=True, help="FILE.weights.h5")
    parser.add_argument("--precision", choices=["bfloat16", "float32"])
    parser.add_argument("--validation-tweets", type=int, help="fewer than all, for a quick look")
    args = parser.parse_args()
    if not args.output.name.endswith(".weights.h5"):
        parser.error("--output must end in .weights.h5")
    data = corpus_bytes(args.corpus, args.output.with_name("lstm-corpus.bytes"))
    training = Training(data, args.output, args.precision)
    training.run(60 * args.minutes)
    texts = [document.text for document in validation_sample(args.corpus)]
    texts = texts[: args.validation_tweets]
    print(
        f"{training.score(texts):.4f} bits per character on {len(texts):,} validation tweets "
        f"after {training.seconds / 60:.1f} minutes, {training.step:,} steps, "
        f"{training.step * LANES * STEP / 1e6:.1f} MB, {training.lstm.precision}"
    )


if __name__ == "__main__":
    main()
