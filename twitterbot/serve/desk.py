"""What lies in the folders, as the page sees it. Nothing here is changed.

A name that a client sends is looked for in what was listed and never becomes a path.
"""

import contextlib
import functools
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twitterbot import checkpoint, tweets
from twitterbot.errors import TwitterbotError
from twitterbot.options import CHECKPOINTS_DIR
from twitterbot.preparation import Data, prepare
from twitterbot.tweets import TWEETS_DIR

_NEWEST = 5  # tweets that are shown of a timeline

Stamp = tuple[int, int]  # of a file: changed when the file is


class UnknownError(TwitterbotError):
    """There is nothing of that name."""


@dataclass(frozen=True)
class Timeline:
    """A timeline in the list; `problem` says why its tweets cannot be counted."""

    handle: str
    tweets: int
    oldest: str | None
    newest: str | None
    modified: str
    bytes: int
    problem: str | None


@dataclass(frozen=True)
class Model:
    """A checkpoint in the list. Scores are bits per character on held-out tweets, in context."""

    name: str
    kind: str
    timeline: str | None  # that it was fine-tuned on
    created_at: str
    modified: str
    bytes: int
    parent: str | None
    score: float | None
    base_score: float | None
    tweets: int | None
    evaluated: bool
    history: list[dict[str, float]]


def timelines() -> list[Timeline]:
    """All timelines, the file written last first."""
    return [timeline(path) for path in tweets.files()]


def timeline_path(handle: str) -> Path:
    """The file of a timeline in the list. Raises UnknownError."""
    return _named({path.stem: path for path in tweets.files()}, handle)


def timeline(path: Path) -> Timeline:
    """One timeline's line in the list."""
    status = path.stat()
    count, oldest, newest, problem = _summary(path, (status.st_mtime_ns, status.st_size))
    written = _iso(status.st_mtime)
    return Timeline(path.stem, count, oldest, newest, written, status.st_size, problem)


@functools.lru_cache(maxsize=256)
def _summary(path: Path, stamp: Stamp) -> tuple[int, str | None, str | None, str | None]:
    try:
        records = tweets.read(path)
    except TwitterbotError as error:
        return 0, None, None, str(error)
    times = [tweet.created_at for tweet in records if tweet.created_at]
    return len(records), min(times, default=None), max(times, default=None), None


def report(path: Path) -> dict[str, Any]:
    """What fine-tuning would make of a timeline, and its newest tweets."""
    status = path.stat()
    return dict(_report(path, (status.st_mtime_ns, status.st_size)))


@functools.lru_cache(maxsize=16)
def _report(path: Path, stamp: Stamp) -> dict[str, Any]:
    newest: list[dict[str, Any]] = []
    try:
        records = tweets.read(path)
        newest = [
            {"text": tweet.text, "created_at": tweet.created_at, "kind": tweet.kind}
            for tweet in records[: -_NEWEST - 1 : -1]
        ]
        return {"report": _in_numbers(prepare(records)), "problem": None, "newest_tweets": newest}
    except TwitterbotError as error:
        return {"report": None, "problem": str(error), "newest_tweets": newest}


def _in_numbers(data: Data) -> dict[str, Any]:
    return {
        "read": data.read,
        "kept": data.kept,
        "train": len(data.train),
        "held_out": len(data.held_out),
        "dropped": dict(data.dropped),
        "is_small": data.is_small,
        "expectation": data.expectation,
    }


def models() -> list[Model]:
    """All checkpoints that can be read, the newest first, the base last."""
    found = []
    for path in _checkpoint_paths():
        # One that is replaced or deleted just now is not there for a moment.
        with contextlib.suppress(TwitterbotError, OSError):
            found.append(model(path))
    return sorted(found, key=lambda each: (each.kind != "base", each.modified), reverse=True)


def checkpoint_path(name: str) -> Path:
    """The folder of a checkpoint in the list. Raises UnknownError."""
    return _named({path.name: path for path in _checkpoint_paths()}, name)


def evaluation(name: str, file: str) -> bytes:
    """A file that an evaluation wrote. Raises UnknownError before there was one."""
    try:
        return (checkpoint_path(name) / file).read_bytes()
    except FileNotFoundError as error:
        raise UnknownError(f"{name} has not been evaluated yet") from error


def model(path: Path) -> Model:
    """One checkpoint's line in the list. Raises TwitterbotError for one that cannot be read."""
    description = checkpoint.describe(path)
    parent = description.parent or {}
    return Model(
        name=path.name,
        kind=description.kind,
        timeline=found.stem if (found := _timeline_of(path, description)) else None,
        created_at=description.created_at,
        modified=_iso(checkpoint.modified(path) / 1e9),
        bytes=sum(file.stat().st_size for file in path.iterdir() if file.is_file()),
        parent=parent.get("name"),
        score=description.scores.get("in_context"),
        base_score=parent.get("scores", {}).get("in_context"),
        tweets=description.data.get("tweets_trained_on", description.data.get("tweets")),
        evaluated=(path / checkpoint.EVALUATION).exists(),
        history=[_finite(epoch) for epoch in description.history],
    )


def timeline_of(path: Path) -> Path:
    """The timeline that a checkpoint was fine-tuned on. Raises UnknownError."""
    description = checkpoint.describe(path)
    if found := _timeline_of(path, description):
        return found
    raise UnknownError(
        f"there are no tweets of @{description.author or path.name} to measure {path.name} with; "
        f"read them in first"
    )


def _timeline_of(path: Path, description: checkpoint.Description) -> Path | None:
    files = {file.stem.casefold(): file for file in tweets.files()}
    # Where the tweets do not tell their author, the checkpoint is named after their file.
    names = [name for name in (description.author, path.name) if name]
    return next((files[name.casefold()] for name in names if name.casefold() in files), None)


def _finite(values: dict[str, float]) -> dict[str, float]:
    """A training that diverged has scores that JSON cannot hold."""
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _checkpoint_paths() -> list[Path]:
    paths = checkpoint.in_folder(CHECKPOINTS_DIR)
    with contextlib.suppress(TwitterbotError):
        base = checkpoint.base_path()
        if base.resolve() not in [path.resolve() for path in paths]:
            paths.append(base)
    return paths


def _named(paths: dict[str, Path], name: str) -> Path:
    if name not in paths:
        raise UnknownError(f"there is nothing called {name[:80]!r}")
    return paths[name]


def fingerprint() -> int:
    """A number that changes when anything is written, added or deleted."""
    files: list[Any] = []
    for path in [*TWEETS_DIR.glob("[!.]*"), *CHECKPOINTS_DIR.glob("[!.]*/*.json")]:
        with contextlib.suppress(OSError):
            files.append((path, path.stat().st_mtime_ns))
    return hash(tuple(sorted(files)))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
