"""Memory and crash safety of `twitterbot pretrain`: flat over corpus sizes, and safe from kill -9.

    python tests/benchmarks/memory.py --tweets 10000 3000000

First it writes corpora of invented tweets (100 bytes a tweet) and pretrains a small model on
each for a few steps, tokenizer and all. Expect the peak resident memory to differ by little
whatever the size: most of it is TensorFlow, and the tokenizer learns from the first million
tweets. Then it kills a run in the middle and types the same command again. Expect a run that
goes on from the saved step, whose history begins with what the killed one had found out.
Takes about ten minutes with three million tweets, most of them tokenizing.
"""

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors
from common import say, table

# A small model, and steps enough to show the peak.
SIZES = {"width": 64, "layers": 2, "heads": 2, "batch": 8, "vocabulary-size": 8192}
STEPS, LONG_RUN = 10, 100
TOKENS_A_STEP = 8 * 256
# Saves and evaluates every few seconds instead of minutes, to be killed between two of them.
SCRIPT = (
    "from twitterbot import pretrain; pretrain.SAVE_EVERY = pretrain.EVALUATE_EVERY = 2.0; "
    "pretrain.EVALUATION_TWEETS = 50; from twitterbot.cli import app; app()"
)


def made_up_words(count: int) -> list[str]:
    """Different words of one to four syllables."""
    syllables = ["".join(parts) for parts in itertools.product("bdfgklmnprstvz", "aeiou")]
    random_ = random.Random(0)
    words: dict[str, None] = {}
    while len(words) < count:
        words["".join(random_.choices(syllables, k=random_.randint(1, 4)))] = None
    return list(words)


def invented_tweets(count: int) -> Iterator[str]:
    """Texts whose words are as unevenly spread as real ones (Zipf's law)."""
    words = made_up_words(60_000)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(words) + 1)))
    random_ = random.Random(1)
    for _ in range(count):
        yield " ".join(random_.choices(words, cum_weights=weights, k=random_.randint(5, 22)))


def write_corpus(path: Path, count: int) -> Path:
    """`count` tweets of authors with 500 each, as JSON lines; kept if it is there."""
    if not path.exists():
        with path.open("w") as file:
            for number, text in enumerate(invented_tweets(count)):
                file.write(json.dumps({"author": number // 500, "text": text}) + "\n")
    return path


def command(corpus: Path, folder: Path, steps: int) -> list[str]:
    """A pretraining run in `folder`."""
    validation = write_corpus(corpus.with_name("validation.jsonl"), 2_000)
    options = [f"--{name}={value}" for name, value in SIZES.items()]
    options += [f"--tokens={steps * TOKENS_A_STEP}", f"--validation={validation}", "--quiet"]
    options += [f"--work={folder / 'work'}", f"--output={folder / 'base'}"]
    return [sys.executable, "-c", SCRIPT, "pretrain", str(corpus), *options]


def peak_memory(arguments: list[str]) -> tuple[float, float]:
    """Peak resident memory in MB, and seconds, of a command that must succeed."""
    began = time.monotonic()
    process = subprocess.Popen(arguments)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the run failed: {arguments}")
    return usage.ru_maxrss / 1024, time.monotonic() - began  # Linux counts kilobytes


def compare_sizes(folder: Path, counts: list[int]) -> str:
    """Peak memory by corpus size, Markdown."""
    rows = []
    for count in counts:
        corpus = write_corpus(folder / f"{count}.jsonl", count)
        say(f"{corpus}: {corpus.stat().st_size / 1e6:.0f} MB")
        memory, seconds = peak_memory(command(corpus, folder / f"run-{count}", STEPS))
        megabytes = f"{corpus.stat().st_size / 1e6:,.0f} MB"
        rows.append((f"{count:,}", megabytes, f"{memory:,.0f} MB", f"{seconds:.0f}"))
    return table(("tweets", "corpus", "peak memory", "seconds"), rows)


def saved_state(folder: Path) -> dict[str, Any]:
    """Step and history of the state on disk; empty when there is none."""
    state = folder / "work" / "state.safetensors"
    if not state.exists():
        return {}
    with safetensors.safe_open(state, "numpy") as file:
        saved: dict[str, Any] = json.loads(file.metadata()["twitterbot"])
    return saved


def kill_and_resume(folder: Path, count: int) -> str:
    """Kills a run that has saved a history, resumes it; exits when anything was lost."""
    run = folder / "killed"
    arguments = command(write_corpus(folder / f"{count}.jsonl", count), run, LONG_RUN)
    process = subprocess.Popen(arguments)
    while len(saved_state(run).get("history", ())) < 2:
        if process.poll() is not None:
            raise SystemExit("the run ended before it could be killed")
        time.sleep(0.2)
    time.sleep(1)  # into the steps after a save
    process.send_signal(signal.SIGKILL)
    process.wait()
    saved = saved_state(run)
    say(f"killed; {saved['step']} of {LONG_RUN} steps are saved")
    peak_memory(arguments)
    after = saved_state(run)
    description = json.loads((run / "base" / "checkpoint.json").read_text())
    kept = description["history"][: len(saved["history"])] == saved["history"]
    tokens = [entry["tokens"] for entry in description["history"]]
    if not kept or tokens != sorted(set(tokens)) or after["step"] != LONG_RUN:
        raise SystemExit(f"the resumed run lost something: {saved} became {after}")
    return (
        f"Killed with step {saved['step']} and {len(saved['history'])} evaluations saved; "
        f"resumed to step {after['step']} and {len(tokens)} evaluations, the earlier ones kept."
    )


def main() -> None:
    """Parses the command line and runs both parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tweets", type=int, nargs="+", default=[10_000, 3_000_000])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(compare_sizes(folder, args.tweets), end="\n\n", flush=True)
        print(kill_and_resume(folder, min(args.tweets)))


if __name__ == "__main__":
    main()
