"""twitterbot's fine-tuning beside the alternatives: bits per character on the same held-out tweets.

    python tests/benchmarks/lstm_base.py --corpus DIR --minutes 90 --output lstm.weights.h5
    pip install pyppmd
    pip download --no-binary :all: --no-deps textgenrnn==2.0.0
    python tests/benchmarks/alternatives.py tweets/*.jsonl --corpus DIR \\
        --lstm lstm.weights.h5 --textgenrnn textgenrnn-2.0.0.tar.gz --json results.json

For each account the tweets are prepared as `finetune` does it, and all systems learn from the
same training tweets:

- base, fine-tuned: twitterbot, each tweet alone, and after the author's preceding ones;
- scratch: twitterbot's model with random weights, trained on the account alone, the best of
  ten epochs, in context;
- PPMd: order 7, after the account's training tweets, unprimed and after 30 MB of the corpus;
- LSTM: the tutorial's network, trained on the corpus by `lstm_base.py`, before and after
  fine-tuning on the account (Adam at 1e-3, the best epoch), reading the tweets as one stream;
- textgenrnn: its shipped weights, before and after fine-tuning, each tweet alone, which is
  all it can do.

The rivals train as long as twitterbot's fine-tuning took (or for --minutes); their clock stands
still while they are scored, and, as twitterbot, they keep what scored best. A system whose
files are not given is left out; accounts that --json has already are not measured again.

Expect ten minutes an account, and, in bits per character: textgenrnn before fine-tuning near 3
on English tweets (where it is not, its conversion is wrong), the fine-tuned base below all.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import ppm
from common import say, table_with_means, to_bytes, train_files

from twitterbot import checkpoint, finetune, preparation, tweets
from twitterbot.checkpoint import Checkpoint
from twitterbot.dataset import pack, read_corpus
from twitterbot.engine import choose_precision, keras
from twitterbot.files import replacing
from twitterbot.model import ModelConfig, TweetModel
from twitterbot.options import FinetuneOptions
from twitterbot.preparation import Data
from twitterbot.scores import Scorer, characters
from twitterbot.training import Schedule, Trainer, muon

PRIME = 30_000_000  # bytes of the corpus that PPMd reads first
SCRATCH_EPOCHS, SCRATCH_BATCH = 10, 8
SCRATCH_RATE, SCRATCH_DROPOUT = 2e-3, 0.2
LSTM_RATE = 1e-3
_LSTM_CONTEXT = 4096  # bytes of the training tweets that it reads before the held-out ones

Scores = dict[str, float]


def twitterbot(data: Data, base: Checkpoint) -> tuple[Scores, float]:
    """Scores of the base and the fine-tuned model, and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        result = finetune.finetune(data, base, Path(folder) / "model")
    if result.interrupted:  # what was best so far is not what it can do
        raise KeyboardInterrupt
    description = result.checkpoint.description
    assert description.parent
    before, after = description.parent["scores"], description.scores
    scores = {
        "base, alone": before["alone"],
        "base, in context": before["in_context"],
        "fine-tuned, alone": after["alone"],
        "fine-tuned, in context": after["in_context"],
    }
    return scores, result.seconds


def scratch(data: Data, base: Checkpoint) -> Scores:
    """The same model and tokenizer without what the base has learnt."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    precision = choose_precision()
    config = ModelConfig(**base.description.model)
    model = TweetModel(config, precision=precision, dropout=SCRATCH_DROPOUT)
    trainer = Trainer(model, muon(FinetuneOptions.weight_decay, precision))
    scorer = Scorer(trainer.loss, base.tokenizer)
    windows = pack(base.tokenizer.encode(data.train), config.context)
    steps = max(1, len(windows) // SCRATCH_BATCH)
    total = SCRATCH_EPOCHS * steps
    schedule = Schedule(SCRATCH_RATE, warmup=total // 10, decay=total // 2, total=total)
    scores = []
    for epoch in range(SCRATCH_EPOCHS):
        order = random.permutation(len(windows))
        for step, batch in enumerate(np.resize(order, (steps, SCRATCH_BATCH))):
            trainer.step(windows[batch], schedule.rate(epoch * steps + step))
        scores.append(scorer.in_context(data.held_out, data.train))
    say(f"scratch: the best epoch is {int(np.argmin(scores)) + 1} of {SCRATCH_EPOCHS}")
    return {"scratch, in context": min(scores)}


def lstm(data: Data, weights: Path, seconds: float) -> Scores:
    """The tutorial's network before and after `seconds` of training on the account."""
    from byte_lstm import ByteLSTM

    model = ByteLSTM()
    model.load(weights)
    train, held_out = to_bytes(data.train), to_bytes(data.held_out)
    context = train[-_LSTM_CONTEXT:]
    scored = np.frombuffer(context + held_out, np.uint8)

    def score() -> float:
        return model.bits(scored, len(context)) / characters(data.held_out)

    # Lanes of 1,000 bytes or more, 64 at most as in the tutorial.
    lanes = max(1, min(64, len(train) // 1000))
    scores, spent = [score()], 0.0
    while spent < seconds:
        began = time.monotonic()
        for windows in model.epoch(np.frombuffer(train, np.uint8), lanes):
            model.train(windows, LSTM_RATE)
            if spent + time.monotonic() - began > seconds:
                break
        spent += time.monotonic() - began
        scores.append(score())
    say(f"LSTM: {len(scores) - 1} epochs, the last cut short")
    return {"LSTM": scores[0], "LSTM, fine-tuned": min(scores)}


def textgenrnn(data: Data, archive: Path, seconds: float) -> Scores:
    """textgenrnn before and after `seconds` of training on the account."""
    from old_textgenrnn import TextGenRNN

    model = TextGenRNN(archive)
    share = model.unknown_share(data.held_out)
    say(f"textgenrnn: {share:.2%} of the held-out characters are unknown to it")
    return {
        "textgenrnn": model.score(data.held_out),
        "textgenrnn, fine-tuned": model.finetune(data.train, data.held_out, seconds),
        "textgenrnn, unknown": share,
    }


def prime(corpus: Path) -> bytes:
    """The corpus's first PRIME bytes."""
    chunks, size = [], 0
    texts = (document.text for document in read_corpus(train_files(corpus)))
    while size < PRIME and (chunk := to_bytes(itertools.islice(texts, 10_000))):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)[:PRIME]


def measure(path: Path, args: argparse.Namespace, base: Checkpoint, primer: bytes) -> Scores:
    """All systems on one account."""
    data = preparation.prepare(tweets.read(path))
    say(f"{path.stem}: {len(data.train):,} tweets to train on, {len(data.held_out):,} held out")
    scores: Scores = {}
    if "twitterbot" not in args.without:
        scores, scores["seconds"] = twitterbot(data, base)
    seconds = 60 * args.minutes if args.minutes else scores.get("seconds", 0.0)
    systems: dict[str, Callable[[], Scores]] = {
        "scratch": lambda: scratch(data, base),
        "PPMd": lambda: {"PPMd": ppm.bits_per_character(b"", data.train, data.held_out)},
    }
    if primer:
        systems["primed PPMd"] = lambda: {
            "PPMd, primed": ppm.bits_per_character(primer, data.train, data.held_out)
        }
    if args.lstm:
        systems["LSTM"] = lambda: lstm(data, args.lstm, seconds)
    if args.textgenrnn:
        systems["textgenrnn"] = lambda: textgenrnn(data, args.textgenrnn, seconds)
    for name, run in systems.items():
        if name in args.without:
            continue
        began = time.monotonic()
        scores |= run()
        say(f"{name}: {time.monotonic() - began:.0f} s")
        keras.utils.clear_session()
    return scores


def report(results: Mapping[str, Scores]) -> str:
    """A row an account and one of means, Markdown."""
    forms = {"seconds": ".0f", "textgenrnn, unknown": ".2%"}
    names = dict.fromkeys(name for scores in results.values() for name in scores)
    return table_with_means(results, {name: forms.get(name, ".3f") for name in names})


def main() -> None:
    """Parses the command line, measures account after account, and reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("accounts", type=Path, nargs="+", help="timelines, tweets/<handle>.jsonl")
    parser.add_argument("--base", type=Path, help="a checkpoint, that of the package if not given")
    parser.add_argument("--corpus", type=Path, help="primes PPMd")
    parser.add_argument("--lstm", type=Path, help="the weights that lstm_base.py made")
    parser.add_argument("--textgenrnn", type=Path, help="its source distribution, .tar.gz")
    parser.add_argument("--minutes", type=float, help="of each rival's fine-tuning")
    parser.add_argument("--without", nargs="*", default=[], help="systems to leave out, by name")
    parser.add_argument("--json", type=Path, help="where results are kept")
    args = parser.parse_args()
    base = checkpoint.load(args.base or checkpoint.base_path())
    results: dict[str, Scores] = {}
    if args.json and args.json.exists():
        results = json.loads(args.json.read_text())
    primer = prime(args.corpus) if args.corpus else b""
    asked = [base.description.created_at, args.lstm, args.textgenrnn, args.minutes, args.without]
    keys = {path.stem: " ".join(map(str, [path.stem, *asked])) for path in args.accounts}
    for path in args.accounts:
        if keys[path.stem] in results:
            continue
        results[keys[path.stem]] = measure(path, args, base, primer)
        if args.json:
            with replacing(args.json) as file:
                file.write(json.dumps(results, indent=2).encode() + b"\n")
    print(report({name: results[key] for name, key in keys.items()}))


if __name__ == "__main__":
    main()
