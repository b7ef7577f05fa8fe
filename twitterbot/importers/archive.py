"""X's own archives, as a zip file or unpacked: "Download an archive of your data".

Read are the account's name, its tweets and the whole texts of its long ones, from the
archives of every age: `data/tweets.js` and its parts, `tweet.js` (2018 to 2022),
Grailbird's `data/js/tweets/*.js` and `tweets.csv` (to 2018). Deleted tweets, tweets to a
circle, messages and likes are never opened, and nothing is ever extracted.
"""

import html
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

from twitterbot.errors import TwitterbotError
from twitterbot.importers import flat, json_stream, tables, zip_members
from twitterbot.importers.draft import Draft, expand, handle, parse_time, unescape_guess
from twitterbot.importers.report import SourceReport
from twitterbot.importers.shapes import from_v1
from twitterbot.importers.sources import Text, decompressed
from twitterbot.importers.zip_members import Member
from twitterbot.options import ImportOptions

# Whole names, so that deleted-tweets.js and tweet-headers.js stay outside.
_SECTIONS = {
    "account": re.compile(r"(?:data/)?account\.js"),
    "manifest": re.compile(r"data/manifest\.js|data/js/user_details\.js"),
    "notes": re.compile(r"(?:data/)?note-tweets?(?:-part\d+)?\.js"),
    "tweets": re.compile(
        r"(?:data/)?(?:community-)?tweets?(?:-part\d+)?\.js|data/js/tweets/\d{4}_\d\d\.js"
    ),
    "table": re.compile(r"tweets\.csv"),
}
# Where those lie in an unpacked archive, which may also hold gigabytes of media.
_FOLDERS = ("", "data", "data/js", "data/js/tweets")
# The variable in any other part, for one that is named by hand.
PRIVATE = re.compile(r"[\s\ufeff]*(?:window\.)?YTD\.((?!(?:community_)?tweets?\.)\w+)")
Pieces = Callable[[], Iterator[bytes]]


@dataclass
class _Members:
    """The files of an archive that are read, by section; each opens as pieces of bytes."""

    sections: dict[str, dict[str, Pieces]] = field(default_factory=dict)

    def offer(self, name: str, pieces: Pieces) -> None:
        """Takes a file in if it is one to read. All may lie in a folder of the archive."""
        parts = name.split("/")
        if "__MACOSX" in parts or ".." in parts:
            return
        for inner in (name, "/".join(parts[1:])):
            for section, pattern in _SECTIONS.items():
                if pattern.fullmatch(inner):
                    self.sections.setdefault(section, {})[name] = pieces
                    return

    def texts(self, section: str, report: SourceReport) -> Iterator[Text]:
        """The files of a section, by name."""
        for name, pieces in sorted(self.sections.get(section, {}).items()):
            yield Text(f"{report.name}/{name}", pieces(), report)


def read_zip(file: IO[bytes], options: ImportOptions, report: SourceReport) -> Iterator[Draft]:
    """The tweets of a zipped archive."""
    members = _Members()
    try:
        listed: Iterable[Member] = zip_members.listed(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        report.add_damage(report.name, f"the zip file is damaged or cut short ({error})")
        listed = zip_members.found(file)
    for member in listed:
        members.offer(member.name, partial(zip_members.pieces, file, member))
    yield from _read(members, options, report)


def read_folder(folder: Path, options: ImportOptions, report: SourceReport) -> Iterator[Draft]:
    """The tweets of an unpacked archive. Links that lead out of it are not followed."""
    members = _Members()
    try:
        _list_folder(folder, folder, members)
        for inner in sorted(folder.iterdir()):
            if not members.sections and inner.is_dir():
                _list_folder(inner, folder, members)
    except OSError as error:
        raise TwitterbotError(f"cannot read {error.filename}: {error.strerror}") from error
    yield from _read(members, options, report)


def _list_folder(base: Path, root: Path, members: _Members) -> None:
    for folder in (base / name for name in _FOLDERS):
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_file() and path.resolve().is_relative_to(root.resolve()):
                members.offer(path.relative_to(root).as_posix(), partial(_open, path))


def _open(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from decompressed(file, b"")


def is_sections(value: Any) -> bool:
    """True for an archive's sections in one JSON object, the Community Archive's form."""
    return isinstance(value, dict) and isinstance(value.get("account"), list)


def read_sections(value: Any, report: SourceReport) -> Iterator[Draft]:
    """The tweets of such an object."""
    author = _account(value["account"])
    notes = _Notes(flat.dicts(value.get("note-tweet") or value.get("noteTweet")))
    for name in ("tweets", "tweet", "community-tweet"):
        for number, item in enumerate(flat.dicts(value.get(name)), start=1):
            try:
                yield _tweet(item, author, notes)
            except ValueError as error:
                report.add_damage(f"{report.name}, {name} {number}", str(error))
    notes.report_unused(report)


def _read(members: _Members, options: ImportOptions, report: SourceReport) -> Iterator[Draft]:
    if not {"tweets", "table"} & members.sections.keys():
        raise TwitterbotError(
            f"{report.name}: no archive of X, there is no data/tweets.js in it; "
            "name the files with tweets themselves"
        )
    report.format = "X archive"
    account = [item for text in members.texts("account", report) for item in _items(text)]
    manifest = [item for text in members.texts("manifest", report) for item in _items(text)]
    author = _account(account) or _account(manifest)
    notes = _Notes(item for text in members.texts("notes", report) for item in _items(text))
    for text in members.texts("tweets", report):
        for line, item in json_stream.values(text):
            try:
                yield _tweet(item, author, notes)
            except ValueError as error:
                text.damaged(line, str(error))
    notes.report_unused(report)
    if "tweets" not in members.sections:
        yield from _read_tables(members, author, options, report)


def _items(text: Text) -> list[Any]:
    return [item for _, item in json_stream.values(text)]


def _account(items: Iterable[Any]) -> str | None:
    """The name of the account; its e-mail address stays where it is."""
    for item in flat.dicts(list(items)):
        for place in (item.get("account"), item.get("userInfo"), item):
            for key in ("username", "userName", "screen_name"):
                if name := handle(flat.as_dict(place).get(key)):
                    return name
    return None


def _read_tables(
    members: _Members, author: str | None, options: ImportOptions, report: SourceReport
) -> Iterator[Draft]:
    """Grailbird's tweets.csv, which tells less than the .js files do."""
    for text in members.texts("table", report):
        table = tables.recognize(text, options)
        if table is None:
            text.damaged(None, "not a table of tweets")
            continue
        for draft in tables.read(text, table, options):
            yield draft._replace(author=author or draft.author)


def _tweet(item: Any, author: str | None, notes: "_Notes") -> Draft:
    tweet = flat.as_dict(item).get("tweet", item)
    if not isinstance(tweet, dict):
        raise ValueError("no tweet in it")
    return notes.complete(from_v1(tweet, author), tweet)


# ------------------------------------------------------------------ long texts


@dataclass
class _Note:
    start: str  # as it stands, with t.co links, in the tweet as well
    text: str
    used: bool = False


# Even a tweet in Chinese, where each character counts double, is not cut before that.
_START = 80


class _Notes:
    """The whole texts of long tweets, which an archive keeps apart from them.

    They do not say whose text they are: it is a tweet of the same second (give or take
    one) that holds the note's beginning.
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self._by_time: dict[str, list[_Note]] = {}
        self._all: list[_Note] = []
        for item in items:
            wrapped = flat.as_dict(item).get("noteTweet", item)
            self._add(flat.as_dict(wrapped))

    def _add(self, item: dict[str, Any]) -> None:
        core = next(
            (part for name in _NOTE_PARTS if (part := flat.as_dict(item.get(name)))),
            item,
        )
        created_at = parse_time(item.get("createdAt"))
        if not isinstance(core.get("text"), str) or created_at is None:
            return
        text = unescape_guess(core["text"])
        links = {
            str(url.get("shortUrl")): str(url.get("expandedUrl") or url.get("shortUrl"))
            for url in flat.dicts(core.get("urls"))
        }
        note = _Note(text[:_START], expand(text, links))
        self._all.append(note)
        for second in (created_at, _next_second(created_at)):
            self._by_time.setdefault(second, []).append(note)

    def complete(self, draft: Draft, tweet: dict[str, Any]) -> Draft:
        """The draft with its whole text where one is known."""
        if not self._all:
            return draft
        text = html.unescape(str(tweet.get("full_text") or tweet.get("text")))
        for note in self._by_time.get(parse_time(draft.created_at) or "", ()):
            position = text.find(note.start)
            if position >= 0:
                note.used = True
                # The names that a reply begins with are no part of its note.
                return draft._replace(text=text[:position] + note.text)
        return draft

    def report_unused(self, report: SourceReport) -> None:
        """Notes the texts that belong to no tweet of the archive: deleted ones, for example."""
        unused = sum(not note.used for note in self._all)
        if unused:
            report.notes["long texts without their tweet"] += unused


_NOTE_PARTS = ("core", "noteTweetResults", "noteTweetContents")


def _next_second(time: str) -> str:
    moment = datetime.fromisoformat(time) + timedelta(seconds=1)
    return moment.replace(tzinfo=None).isoformat() + "Z"
