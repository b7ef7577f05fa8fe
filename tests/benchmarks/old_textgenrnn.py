"""textgenrnn's shipped weights in today's Keras: its model, its training, its score.

textgenrnn 2.0.0 (Max Woolf, MIT) no longer imports, and Keras 3 refuses the CuDNN LSTMs of its
weights file, so both are rebuilt here from its source distribution:

    pip download --no-binary :all: --no-deps textgenrnn==2.0.0

A character is predicted from the 40 before it, each time anew. Characters that are not
among its 464 are unknown: they read as padding, are not trained on, and cost UNKNOWN_BITS
each. The placeholders of links and mentions borrow two of its characters that no English tweet
uses, so that it can learn them.
"""

import io
import json
import math
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twitterbot.engine import keras
from twitterbot.scores import characters
from twitterbot.text import LINK, MENTION

UNKNOWN_BITS = 16
WINDOW, BATCH, PEAK = 40, 128, 4e-3  # its own defaults
_SCORED_AT_ONCE = 1024
_EVALUATIONS = 4
_BORROWED = {LINK: "\u044b", MENTION: "\uff4c"}  # a Cyrillic yeru, a full-width l

Weights = dict[str, NDArray[np.float32]]


def read_source(archive: Path) -> tuple[dict[str, int], Weights]:
    """Its vocabulary and its weights by name, from the .tar.gz."""
    import h5py  # comes with Keras

    with tarfile.open(archive) as tar:
        files = {Path(name).name: name for name in tar.getnames()}
        vocabulary = json.load(_member(tar, files["textgenrnn_vocab.json"]))
        weights: Weights = {}
        with h5py.File(_member(tar, files["textgenrnn_weights.hdf5"])) as file:
            file.visititems(
                lambda name, item: (
                    weights.update({name.split(":")[0]: item[()]})
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
    return vocabulary, weights


def _member(tar: tarfile.TarFile, name: str) -> io.BytesIO:
    file = tar.extractfile(name)
    assert file
    return io.BytesIO(file.read())


def from_cudnn(weights: Weights, layer: str) -> list[NDArray[np.float32]]:
    """A CuDNN LSTM's kernel, recurrent kernel and bias as Keras's own LSTM has them.

    CuDNN keeps each gate's matrix transposed and two biases that are added.
    """
    kernel, recurrent, bias = (
        weights[f"{layer}/{layer}/{part}"] for part in ("kernel", "recurrent_kernel", "bias")
    )
    gates = [gate.T.reshape(gate.shape, order="F") for gate in np.split(kernel, 4, axis=1)]
    recurrent_gates = [gate.T for gate in np.split(recurrent, 4, axis=1)]
    return [np.hstack(gates), np.hstack(recurrent_gates), sum(np.split(bias, 2))]


class AttentionWeightedAverage(keras.layers.Layer):
    """(B, T, D) to (B, D): a mean over time whose weights one vector decides."""

    def build(self, shape: Sequence[int]) -> None:
        """Makes the vector."""
        self.vector = self.add_weight(shape=(shape[-1], 1), initializer="uniform")

    def call(self, x: Any) -> Any:
        """The weighted mean."""
        return keras.ops.sum(x * keras.ops.softmax(x @ self.vector, axis=1), axis=1)


def network(classes: int, weights: Weights) -> Any:
    """Ids (B, 40) to logits (B, classes) of the next character."""
    layers = keras.layers
    embedding = layers.Embedding(classes, 100)
    rnns = [layers.LSTM(128, return_sequences=True) for _ in range(2)]
    attention, output = AttentionWeightedAverage(), layers.Dense(classes)
    ids = keras.Input((WINDOW,), dtype="int32")
    embedded = embedding(ids)
    first = rnns[0](embedded)
    joined = layers.Concatenate()([embedded, first, rnns[1](first)])
    model = keras.Model(ids, output(attention(joined)))
    embedding.set_weights([weights["embedding/embedding/embeddings"]])
    for number, rnn in enumerate(rnns, start=1):
        rnn.set_weights(from_cudnn(weights, f"rnn_{number}"))
    attention.set_weights([weights["attention/attention/attention_W"]])
    output.set_weights([weights["output/output/kernel"], weights["output/output/bias"]])
    return model


class TextGenRNN:
    """The model with its vocabulary; every instance starts from the shipped weights."""

    def __init__(self, archive: Path) -> None:
        self._vocabulary, weights = read_source(archive)
        self._model = network(len(self._vocabulary) + 1, weights)
        self._model.compile(
            optimizer=keras.optimizers.Adam(PEAK),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def _ids(self, one: str) -> NDArray[np.int32]:
        """A text between two `<s>`; 0 is an unknown character."""
        signs = ["<s>", *(_BORROWED.get(character, character) for character in one), "<s>"]
        return np.array([self._vocabulary.get(sign, 0) for sign in signs], np.int32)

    def _examples(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Every character with the WINDOW before it, padded at the left: (n, WINDOW) and (n,)."""
        windows, targets = [], []
        for one in texts:
            ids = self._ids(one)
            padded = np.concatenate([np.zeros(WINDOW - 1, np.int32), ids])
            windows.append(np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[:-1])
            targets.append(ids[1:])
        return np.concatenate(windows), np.concatenate(targets)

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Of all characters with the end marks, those that the vocabulary lacks."""
        return sum(int((self._ids(one) == 0).sum()) for one in texts) / characters(texts)

    def score(self, texts: Sequence[str]) -> float:
        """Bits per character, unknown ones at UNKNOWN_BITS."""
        windows, targets = self._examples(texts)
        known = targets != 0
        windows, targets = windows[known], targets[known]
        # Filled up, so that one compiled graph fits all batches.
        full = np.resize(windows, (-(-len(windows) // _SCORED_AT_ONCE) * _SCORED_AT_ONCE, WINDOW))
        logits = self._model.predict(full, batch_size=_SCORED_AT_ONCE, verbose=0)[: len(targets)]
        logits = logits.astype(np.float64)
        chosen = np.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
        nats = (
            np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
        ) - chosen
        bits = nats.sum() / math.log(2) + UNKNOWN_BITS * (~known).sum()
        return float(bits / characters(texts))

    def finetune(self, texts: Sequence[str], held_out: Sequence[str], seconds: float) -> float:
        """Trains for `seconds` and returns the best held-out score on the way.

        Its own optimizer and learning rate, which falls to zero. The clock stands still while
        it is scored.
        """
        windows, targets = self._examples(texts)
        windows, targets = windows[targets != 0], targets[targets != 0]
        spent, scores = 0.0, [self.score(held_out)]
        for batch in _batches(len(targets)):
            began = time.monotonic()
            self._model.optimizer.learning_rate = PEAK * (1 - spent / seconds)
            self._model.train_on_batch(windows[batch], targets[batch])
            spent += time.monotonic() - began
            if spent >= seconds * len(scores) / _EVALUATIONS:
                scores.append(self.score(held_out))
            if spent >= seconds:
                return min(scores)
        raise AssertionError("batches never end")


def _batches(count: int) -> Iterator[NDArray[np.int64]]:
    """Indices of full batches, in a new order each epoch, without end."""
    random = np.random.default_rng(0)
    while True:
        order = random.permutation(count)
        for start in range(0, max(1, count - BATCH + 1), BATCH):
            yield np.resize(order[start : start + BATCH], BATCH)
