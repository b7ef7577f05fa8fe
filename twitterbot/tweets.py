"""The tweet record, and `tweets/<handle>.jsonl`, the file that holds it.

One JSON object a line, UTF-8, sorted by id, unique by id. Every importer writes
this format and every later stage reads it. The module knows nothing of X's own
JSON shapes (see `payloads`) nor of what the model makes of a text (see `text`).
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, get_args

from twitterbot.errors import TwitterbotError
from twitterbot.files import replacing

TWEETS_DIR = Path("tweets")
SUFFIX = ".jsonl"

Kind = Literal["original", "reply", "retweet", "quote"]
KINDS: tuple[Kind, ...] = get_args(Kind)

HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Tweet:
    """One tweet. `id` orders an account's tweets in time (see `sort_key`)."""

    id: str  # X's decimal id, or a made one that starts with a letter
    text: str  # complete, HTML-unescaped once, t.co links expanded where known
    created_at: str | None = None  # ISO 8601 UTC, "2015-05-26T19:04:21Z"
    author: str | None = None  # the handle, without "@", in X's own spelling
    kind: Kind = "original"
    lang: str | None = None  # BCP 47, as X says it

    @property
    def sort_key(self) -> tuple[int, int, str]:
        """X's ids sort as numbers; made ids come after them, as text, for they start with a time.

        See `importers.draft` for how they are made.
        """
        if self.id.isascii() and self.id.isdigit():
            # The longer number is the larger one; int() refuses thousands of digits.
            return (0, len(self.id), self.id)
        return (1, 0, self.id)

    def to_json(self) -> str:
        """The record as one line of JSON, without the line break."""
        fields = {name: value for name, value in vars(self).items() if value is not None}
        return json.dumps(fields, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> "Tweet":
        """Parses `to_json`'s output. Unknown fields are ignored.

        Raises ValueError, saying which field is wrong.
        """
        try:
            data = json.loads(line)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(data, dict):
            raise ValueError("not a JSON object")
        _check(isinstance(data.get("id"), str) and data["id"], "id", "a string of one or more")
        _check(isinstance(data.get("text"), str), "text", "a string")
        created_at = data.get("created_at")
        if created_at is not None:
            valid = isinstance(created_at, str) and _TIME.fullmatch(created_at)
            _check(valid, "created_at", "like 2015-05-26T19:04:21Z")
        for name in ("author", "lang"):
            _check(isinstance(data.get(name, ""), str), name, "a string")
        _check(data.get("kind", "original") in KINDS, "kind", f"one of {', '.join(KINDS)}")
        _check(_is_unicode(data["id"] + data["text"]), "text", "valid Unicode")
        names = ("id", "text", "created_at", "author", "kind", "lang")
        return cls(**{name: data[name] for name in names if name in data})


def _check(valid: Any, field: str, wanted: str) -> None:
    if not valid:
        raise ValueError(f"`{field}` must be {wanted}")


def _is_unicode(text: str) -> bool:
    """False for lone surrogates, which JSON can spell and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unique(tweets: Iterable[Tweet]) -> list[Tweet]:
    """Sorted by id; of several with one id the last one given stays."""
    return sorted({tweet.id: tweet for tweet in tweets}.values(), key=lambda tweet: tweet.sort_key)


def read(path: Path) -> list[Tweet]:
    """Reads a whole timeline, sorted and unique by id.

    Raises TwitterbotError with file and line for anything that is not a record.
    """
    return unique(stream(path))


def stream(path: Path) -> Iterator[Tweet]:
    """The records of a timeline one at a time, as they stand in the file; raises like `read`."""
    try:
        with path.open("rb") as file:
            yield from _parse(file, path)
    except OSError as error:
        raise TwitterbotError(f"cannot read {path}: {error.strerror}") from error


def _parse(file: IO[bytes], path: Path) -> Iterator[Tweet]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            yield Tweet.from_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except ValueError as error:
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise TwitterbotError(
                f"{path}, line {number}: not a tweet record ({reason}); "
                f"mend or remove the line, or make the file again with `twitterbot import`"
            ) from error


def write(path: Path, tweets: Iterable[Tweet]) -> int:
    """Writes a timeline in one step (see `files.replacing`); returns its length."""
    return write_sorted(path, unique(tweets))


def write_sorted(path: Path, tweets: Iterable[Tweet]) -> int:
    """Like `write`, for a stream of any length that is sorted and unique already."""
    count = 0
    with replacing(path) as file:
        for tweet in tweets:
            file.write(tweet.to_json().encode() + b"\n")
            count += 1
    return count


def files(folder: Path = TWEETS_DIR) -> list[Path]:
    """The timelines in a folder, the one written last first."""
    found = [path for path in folder.glob(f"[!.]*{SUFFIX}") if path.is_file()]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def newest_file(folder: Path = TWEETS_DIR) -> Path:
    """The timeline written last, which commands take when none is named."""
    found = files(folder)
    if not found:
        raise TwitterbotError(
            f"no tweets in {folder}{os.sep}; run `twitterbot fetch HANDLE` or "
            f"`twitterbot import FILE` first"
        )
    return found[0]


def find(name: str, folder: Path = TWEETS_DIR) -> Path:
    """The timeline that a command line argument means: a path, or a handle in `folder`."""
    path = Path(name)
    if path.is_file():
        return path
    handle = name.removeprefix("@").casefold()
    for candidate in folder.glob(f"*{SUFFIX}"):
        if candidate.stem.casefold() == handle:
            return candidate
    raise TwitterbotError(f"no tweets at {name}, nor for that handle in {folder}{os.sep}")


def others(path: Path, folder: Path = TWEETS_DIR) -> Iterator[tuple[str, list[Tweet]]]:
    """The handles and timelines of the accounts in `folder` but that of `path`, by name.

    What cannot be read is left out: whoever compares with others can do without some.
    """
    for candidate in sorted(files(folder)):
        if candidate.stem.casefold() == path.stem.casefold():
            continue
        try:
            timeline = read(candidate)
        except TwitterbotError:
            continue
        yield candidate.stem, timeline


def path_for(handle: str, folder: Path = TWEETS_DIR) -> Path:
    """Where the timeline of `handle` lives: lower case, for X's handles ignore case."""
    return folder / f"{handle.lower()}{SUFFIX}"
