"""Compares settings of `finetune`: its gain over accounts of several sizes, run by run.

    python tests/benchmarks/finetune_search.py --accounts tweets/*.jsonl --tweets 200 1000 3200 \\
        --set learning_rate=4e-4,8e-4 --set dropout=0.1,0.2 --results search.jsonl

Every combination of the values that --set gives is a setting; names are the fields of
FinetuneOptions. Each setting is run on the newest N tweets of each account (retweets not
counted), as if the account had no more. Each run appends a line to --results; runs that are
there already are not made again, so that a search can be stopped and widened at will.

Prints how much lower, in percent, the bits per character of the held-out tweets were than the
base's, the mean over accounts: higher is better. 200 tweets leave 20 to score: a mean over few
such accounts says little.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import say, table

from twitterbot import checkpoint, finetune, preparation, tweets
from twitterbot.checkpoint import Checkpoint
from twitterbot.engine import keras
from twitterbot.options import FinetuneOptions

Run = dict[str, Any]
FIELDS = {field.name for field in dataclasses.fields(FinetuneOptions)}


def parse_set(argument: str) -> tuple[str, list[Any]]:
    """`name=value,value`: numbers and null as in JSON, other values as they stand."""
    name, _, values = argument.partition("=")
    if name not in FIELDS or not values:
        raise argparse.ArgumentTypeError(f"NAME=VALUE,... with one of {', '.join(sorted(FIELDS))}")
    return name, [_value(value) for value in values.split(",")]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def settings(sets: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination."""
    for values in itertools.product(*sets.values()):
        yield dict(zip(sets, values, strict=True))


def newest(path: Path, count: int) -> list[tweets.Tweet]:
    """The newest `count` tweets that are no retweets; empty where there are fewer."""
    own = [tweet for tweet in tweets.read(path) if tweet.kind != "retweet"]
    return own[-count:] if len(own) >= count else []


def identity(path: Path, count: int, options: FinetuneOptions, base: Checkpoint) -> Run:
    """What tells runs apart: all that a result depends on."""
    return {
        "account": path.stem,
        "tweets": count,
        "options": dataclasses.asdict(options),
        "base": f"{base.description.name} of {base.description.created_at}",
    }


def measure(records: list[tweets.Tweet], base: Checkpoint, options: FinetuneOptions) -> Run:
    """The outcome of one run."""
    data = preparation.prepare(records, options.held_out)
    with tempfile.TemporaryDirectory() as folder:
        result = finetune.finetune(data, base, Path(folder) / "model", options=options)
    if result.interrupted:  # what was best so far is not what the setting can do
        raise KeyboardInterrupt
    keras.utils.clear_session()
    description = result.checkpoint.description
    assert description.parent
    return {
        "trained_on": len(data.train),
        "held_out": len(data.held_out),
        "base_scores": description.parent["scores"],
        "best_scores": description.scores,
        "interpolation": description.options["interpolation"],
        "epochs": len(description.history),
        "history": description.history,
        "seconds": round(result.seconds, 1),
    }


def search(args: argparse.Namespace) -> Iterator[Run]:
    """All runs that were asked for, those on file first read, the others made and appended."""
    base = checkpoint.load(args.base or checkpoint.base_path())
    done = read(args.results)
    wanted = itertools.product(settings(dict(args.set)), args.tweets, args.accounts)
    for setting, count, path in wanted:
        options = dataclasses.replace(FinetuneOptions(), **setting)
        run = identity(path, count, options, base)
        key = json.dumps(run, sort_keys=True)
        if key not in done:
            records = newest(path, count)
            if not records:
                say(f"{path.stem} has fewer than {count} tweets: left out")
                continue
            done[key] = run | measure(records, base, options)
            append(args.results, done[key])
            say(f"{path.stem}, {count} tweets, {setting}: {gain(done[key], 'in_context'):.2f} %")
        yield done[key]


def read(results: Path) -> dict[str, Run]:
    """The runs on file by their identity."""
    if not results.exists():
        return {}
    runs = [json.loads(line) for line in results.read_text().splitlines()]
    names = ("account", "tweets", "options", "base")
    return {json.dumps({name: run[name] for name in names}, sort_keys=True): run for run in runs}


def append(results: Path, run: Run) -> None:
    """One more line."""
    with results.open("a") as file:
        file.write(json.dumps(run) + "\n")


def gain(run: Run, protocol: str) -> float:
    """By how many percent the score fell from the base's."""
    return 100 * (1 - run["best_scores"][protocol] / run["base_scores"][protocol])


def report(runs: Iterable[Run], varied: Sequence[str]) -> str:
    """A row for each setting and number of tweets, Markdown."""
    groups: dict[tuple[Any, ...], list[Run]] = defaultdict(list)
    for run in runs:
        groups[(run["tweets"], *(run["options"][name] for name in varied))].append(run)
    head = (
        *("tweets", *varied, "gain in context", "alone"),
        *("interpolation", "epochs run", "seconds", "accounts"),
    )
    return table(head, (row(key, group) for key, group in sorted_by_tweets(groups)))


def sorted_by_tweets(groups: Mapping[tuple[Any, ...], list[Run]]) -> list[Any]:
    """Settings of one number of tweets below each other, the best first."""
    return sorted(groups.items(), key=lambda item: (item[0][0], -mean_gain(item[1], "in_context")))


def mean_gain(runs: Sequence[Run], protocol: str) -> float:
    """Over accounts, percent."""
    return statistics.mean(gain(run, protocol) for run in runs)


def row(key: tuple[Any, ...], runs: Sequence[Run]) -> tuple[object, ...]:
    """A line of the table."""
    return (
        *key,
        f"{mean_gain(runs, 'in_context'):.2f} %",
        f"{mean_gain(runs, 'alone'):.2f} %",
        f"{statistics.mean(run['interpolation'] for run in runs):.2f}",
        f"{statistics.mean(run['epochs'] for run in runs):.1f}",
        f"{statistics.mean(run['seconds'] for run in runs):.0f}",
        len(runs),
    )


def main() -> None:
    """Parses the command line, searches, reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=Path, nargs="+", required=True, help="timelines")
    parser.add_argument("--tweets", type=int, nargs="+", default=[200, 1000, 3200])
    parser.add_argument("--set", type=parse_set, action="append", default=[], metavar="NAME=A,B")
    parser.add_argument("--base", type=Path, help="a checkpoint, that of the package if not given")
    parser.add_argument("--results", type=Path, default=Path("finetune-search.jsonl"))
    args = parser.parse_args()
    print(report(search(args), [name for name, _ in args.set]))


if __name__ == "__main__":
    main()
