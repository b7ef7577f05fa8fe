"""The whole of twitterbot on several accounts: what fine-tuning gains, copies and invents.

    python tests/benchmarks/accounts.py tweets/*.jsonl --corpus DIR --results accounts.jsonl

Fine-tunes with the defaults by the command line, as a user does, on each account's newest
--tweets, evaluates the checkpoint, and prints two tables, a row an account and one of means:

- learning: bits per character of the held-out tweets with the base and fine-tuned, in context,
  and the gain, in context and alone; the seconds of the whole command;
- writing: the share of the samples that are copies, before the filter, beside the author's
  own held-out tweets; the yield after all filters; the share recognized as the author's among
  the accounts given, beside the held-out tweets; how well a classifier tells generated tweets
  from held-out and from training tweets, beside the two kinds of real ones; invented words (see
  `base_report.py`; the author's training tweets are known words too), beside the held-out
  tweets; repeated samples.

Each account appends a line to --results, and is not measured again. Expect four minutes each.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Sequence, Set
from pathlib import Path

from common import invented_words, knowledge, say, table_with_means, words

from twitterbot import checkpoint, evaluate, tweets
from twitterbot.evaluate import Evaluation
from twitterbot.options import EvaluateOptions
from twitterbot.tweets import Tweet

Row = dict[str, float]

LEARNING = {
    "tweets": ",.0f",
    "base": ".3f",
    "fine-tuned": ".3f",
    "gain": ".1%",
    "gain alone": ".1%",
    "seconds": ".0f",
}
WRITING = {
    "copies": ".1%",
    "real copies": ".1%",
    "yield": ".1%",
    "recognized": ".1%",
    "real recognized": ".1%",
    "from held-out": ".1%",
    "from training": ".1%",
    "real from real": ".1%",
    "invented": ".2%",
    "real invented": ".2%",
    "repeated": ".1%",
}


def newest(path: Path, count: int) -> list[Tweet]:
    """As much of a timeline as X's API shows."""
    return list(tweets.read(path))[-count:]


def finetuned(timeline: Path, output: Path) -> float:
    """Writes a checkpoint by the command line; returns the seconds of the whole command."""
    began = time.monotonic()
    command = [sys.executable, "-m", "twitterbot", "finetune", str(timeline), "-o", str(output)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def measured(path: Path, args: argparse.Namespace, known: Set[str]) -> tuple[Row, list[str]]:
    """An account's numbers, and the first tweets that it made."""
    records = newest(path, args.tweets)
    with tempfile.TemporaryDirectory() as folder:
        timeline = Path(folder) / path.name
        tweets.write(timeline, records)
        seconds = finetuned(timeline, Path(folder) / path.stem)
        model = checkpoint.load(Path(folder) / path.stem)
    others = ((other.stem, newest(other, args.tweets)) for other in args.accounts if other != path)
    options = EvaluateOptions(count=args.samples)
    found = evaluate.evaluate(model, records, others, options=options)
    row = numbers(found, seconds)
    shown = [sample.text for sample in found.samples if not sample.dropped]
    if known:
        known = known | {word.lower() for text in model.training_texts for word in words(text)}
        held_out = evaluate.hold_out(model, records)[0].held_out
        row["invented"], row["real invented"] = rate(shown, known), rate(held_out, known)
    return row, shown[:20]


def numbers(found: Evaluation, seconds: float) -> Row:
    """What `evaluate` knows, by the names of the tables' columns."""
    scores, apart = found.scores, found.likeness.told_apart
    shown = found.copying.shown.tweets
    return {
        "tweets": found.trained_on,
        "base": scores.in_context.base,
        "fine-tuned": scores.in_context.finetuned,
        "gain": scores.in_context.gain,
        "gain alone": scores.alone.gain,
        "seconds": seconds,
        "copies": found.copying.sampled.copies,
        "real copies": found.copying.held_out.copies,
        "yield": shown / (shown + sum(found.dropped.values())),
        "recognized": found.style.generated,
        "real recognized": found.style.held_out,
        "from held-out": apart.generated_from_held_out,
        "from training": apart.generated_from_training,
        "real from real": apart.held_out_from_training,
        "repeated": found.diversity.repeated,
    }


def rate(texts: Sequence[str], known: Collection[str]) -> float:
    """The share of the lower-case words that are invented."""
    count, found = invented_words(texts, known)
    return found.total() / max(1, count)


def main() -> None:
    """Parses the command line, measures account after account, and reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("accounts", type=Path, nargs="+", help="timelines, tweets/<handle>.jsonl")
    parser.add_argument("--tweets", type=int, default=3200, help="of each account, the newest")
    parser.add_argument("--samples", type=int, default=EvaluateOptions.count)
    parser.add_argument("--corpus", type=Path, help="tells invented words")
    parser.add_argument("--work", type=Path, default=Path("corpus-knowledge"))
    parser.add_argument("--results", type=Path, default=Path("accounts.jsonl"))
    args = parser.parse_args()
    known = knowledge(args.corpus, args.work).words.keys() if args.corpus else set()
    made_by = checkpoint.describe(checkpoint.base_path()).created_at
    done: dict[tuple[str, int, str], Row] = {}
    if args.results.exists():
        for line in map(json.loads, args.results.read_text().splitlines()):
            done[line["account"], line["limit"], line["base"]] = line["numbers"]
    for path in args.accounts:
        key = (path.stem, args.tweets, made_by)
        if key in done:
            continue
        say(f"{path.stem}")
        done[key], samples = measured(path, args, known)
        with args.results.open("a") as file:
            line = dict(zip(("account", "limit", "base"), key, strict=True))
            file.write(json.dumps(line | {"numbers": done[key], "samples": samples}) + "\n")
    rows = {path.stem: done[path.stem, args.tweets, made_by] for path in args.accounts}
    print(table_with_means(rows, LEARNING) + "\n\n" + table_with_means(rows, WRITING))


if __name__ == "__main__":
    main()
