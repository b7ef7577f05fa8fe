"""A worker process that is asked for one timed round after another, and its client.

Needs the standard library alone, so that a worker can run in another interpreter.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Shape:
    """The model and the batch that all sides train."""

    width: int = 320
    layers: int = 6
    vocabulary_size: int = 8192
    context: int = 256
    batch: int = 32
    head_size: int = 64

    @property
    def heads(self) -> int:
        """Attention heads of `head_size`."""
        return self.width // self.head_size

    @property
    def tokens(self) -> int:
        """Tokens a step."""
        return self.batch * self.context

    def to_json(self) -> str:
        """For a worker's command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Shape":
        """What `to_json` wrote."""
        return cls(**json.loads(text))


def answer(facts: Mapping[str, object], step: Callable[[], object]) -> None:
    """The worker's side: makes a first step, tells `facts`, then times rounds on demand.

    A line with a number on stdin asks for a round of so many steps.
    """
    step()  # compiles
    step()
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(json.dumps(time.perf_counter() - began), flush=True)


class Worker:
    """The client's side; a context manager. `facts` is what the worker told of itself."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.facts = self._read()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def seconds(self, steps: int) -> float:
        """How long a round of `steps` took."""
        assert self._process.stdin
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        return float(self._read())

    def _read(self):
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended with status {self._process.wait()}")
        return json.loads(line)
