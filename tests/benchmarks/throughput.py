"""Training tokens per second: twitterbot's Trainer beside plain PyTorch, on this machine.

Two sides train a model of one shape on random tokens: twitterbot with Muon, which learns more
from a token and costs more, and `torch_reference.py` with AdamW. Each lives in a process of its
own, so that thread pools do not mix, and they take turns, so that whatever else the machine does
meets both alike. Compilation is not timed.

    pip install torch==2.13.0 numpy    # where --torch-python is
    python tests/benchmarks/throughput.py --torch-python PATH/TO/python

Expect a table of the median, the least and the most tokens per second, and the ratio of each
side's median to PyTorch's: 0.85 or more. Only a machine that does nothing
else measures right: PyTorch's two threads wait for each other at every operation, so a third
busy thread slows it more than TensorFlow. Needs about 6 GB of memory and five minutes.
"""

import argparse
import contextlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import say, table
from rounds import Shape, Worker, answer

REFERENCE = "PyTorch, AdamW"


def train_here(shape: Shape) -> None:
    """The worker with twitterbot in it."""
    import numpy as np

    from twitterbot import training
    from twitterbot.engine import choose_precision, keras
    from twitterbot.model import ModelConfig, TweetModel

    keras.utils.set_random_seed(0)
    precision = choose_precision()
    config = ModelConfig(
        shape.vocabulary_size, shape.context, shape.width, shape.layers, shape.heads
    )
    model = TweetModel(config, precision=precision)
    trainer = training.Trainer(model, training.muon(0.1, precision))
    size = (shape.batch, shape.context + 1)
    windows = np.random.default_rng(0).integers(shape.vocabulary_size, size=size, dtype=np.int32)
    answer(
        {
            "parameters": model.count_params(),
            "library": f"keras {keras.__version__} on {keras.backend.backend()}, {precision}",
        },
        lambda: trainer.step(windows, 1e-3),
    )


def commands(shape: Shape, torch_python: str) -> dict[str, list[str]]:
    """The command line of each side's worker."""
    reference = Path(__file__).with_name("torch_reference.py")
    here = [sys.executable, __file__, "--shape", shape.to_json(), "--worker"]
    return {
        "twitterbot, Muon": here,
        REFERENCE: [torch_python, str(reference), shape.to_json()],
    }


def measure(workers: Mapping[str, Worker], steps: int, rounds: int) -> dict[str, list[float]]:
    """Seconds a step of each side, one number a round."""
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for number in range(rounds):
        for name, worker in workers.items():
            seconds[name].append(worker.seconds(steps) / steps)
            say(f"round {number + 1}/{rounds}: {name} {seconds[name][-1]:.2f} s a step")
    return seconds


def compare(shape: Shape, torch_python: str, steps: int, rounds: int) -> str:
    """The report, Markdown."""
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, command in commands(shape, torch_python).items():
            workers[name] = stack.enter_context(Worker(command))
            say(f"{name}: {workers[name].facts}")
        parameters = {int(worker.facts["parameters"]) for worker in workers.values()}
        if len(parameters) > 1:
            raise SystemExit(f"the models differ in size: {sorted(parameters)} parameters")
        seconds = measure(workers, steps, rounds)
    title = (
        f"{parameters.pop():,} parameters, {shape.batch} x {shape.context} tokens a step, "
        f"{rounds} rounds of {steps} steps"
    )
    return (
        title + "\n\n" + table(("side", "tokens/s", "least", "most", "ratio"), rows(seconds, shape))
    )


def rows(seconds: Mapping[str, Sequence[float]], shape: Shape) -> list[tuple[str, ...]]:
    """A line of the table for each side."""
    reference = statistics.median(seconds[REFERENCE])
    return [
        (
            name,
            f"{shape.tokens / statistics.median(times):,.0f}",
            f"{shape.tokens / max(times):,.0f}",
            f"{shape.tokens / min(times):,.0f}",
            f"{reference / statistics.median(times):.2f}",
        )
        for name, times in seconds.items()
    ]


def main() -> None:
    """Parses the command line: a worker, or the whole comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-python", default=sys.executable, help="interpreter with PyTorch")
    parser.add_argument("--steps", type=int, default=5, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=Shape.batch)
    parser.add_argument("--width", type=int, default=Shape.width, help="a multiple of 64")
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--shape", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        train_here(Shape.from_json(args.shape))
        return
    shape = Shape(width=args.width, layers=args.layers, batch=args.batch)
    print(compare(shape, args.torch_python, args.steps, args.rounds))


if __name__ == "__main__":
    main()
