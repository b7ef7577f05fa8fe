"""Tweets out of files of every kind, as timelines: archives, API answers, scrapes, tables, text.

The format is told by content, never by name. Each source is read as a stream of drafts
(see `draft`), gathered on disk (see `pool`) and written only when all are read: an import
that fails leaves every file as it was.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from twitterbot import tweets
from twitterbot.errors import TwitterbotError
from twitterbot.importers import archive, json_stream, shapes, tables
from twitterbot.importers.draft import Draft, handle, is_mended, is_rounded, is_ruined, to_tweet
from twitterbot.importers.pool import Pool
from twitterbot.importers.report import ImportReport, SourceReport, Timeline
from twitterbot.importers.sources import (
    STDIN,
    ZIP_MAGIC,
    Text,
    decompressed,
    expand,
    on_disk,
    open_source,
)
from twitterbot.options import ImportOptions
from twitterbot.tweets import Tweet

# More timelines than that out of one import are a corpus, and hardly what was meant.
_MAX_TIMELINES = 100
_MAX_TEXT = 100_000  # characters; X's own limit is 25,000
_PROGRESS_EVERY = 1000

Progress = Callable[[str, int], None]


def import_files(
    arguments: Iterable[str],
    options: ImportOptions,
    folder: Path = tweets.TWEETS_DIR,
    progress: Progress = lambda source, count: None,
) -> ImportReport:
    """Reads files, folders, patterns and "-" (standard input) into timelines in `folder`.

    Each author gets a timeline; what it held before stays in it. `progress` is told of each
    source and the tweets read from it so far. Raises TwitterbotError when a source cannot
    be read, when there is no tweet in any, or when a timeline cannot be written.
    """
    pool = Pool()
    try:
        reports = [_gather(source, options, pool, progress) for source in expand(list(arguments))]
        return ImportReport(reports, _write(pool, reports, folder))
    finally:
        pool.close()


def _gather(name: str, options: ImportOptions, pool: Pool, progress: Progress) -> SourceReport:
    report = SourceReport("standard input" if name == STDIN else name, options.strict)
    stand_in = handle(options.author) or _author_from_name(name)

    def records() -> Iterator[tuple[str, Tweet]]:
        for position, draft in enumerate(_read(name, options, report), start=1):
            if position % _PROGRESS_EVERY == 0:
                progress(report.name, position)
            tweet = _accept(draft, position, stand_in, options, report)
            if tweet is not None:
                yield _timeline(tweet.author or ""), tweet

    progress(report.name, 0)
    pool.add(records())
    if report.rounded > 2 and report.rounded > report.kept / 2:
        report.notes["ids rounded by a spreadsheet, they end in 000"] = report.rounded
    if report.unsigned:
        note = f"without an author, taken to be by {stand_in}; --author NAME says better"
        report.notes[note] = report.unsigned
    return report


def _accept(
    draft: Draft, position: int, stand_in: str | None, options: ImportOptions, report: SourceReport
) -> Tweet | None:
    """The record of a draft, or None for one that is dropped; the report says why."""
    tweet = to_tweet(draft, position, stand_in or "")
    if reason := _reason_to_drop(tweet, options):
        report.dropped[reason] += 1
        return None
    if not tweet.author:
        raise TwitterbotError(f"{report.name} does not say whose tweets these are; add --author")
    report.kept += 1
    report.rounded += is_rounded(tweet.id)
    report.unsigned += not (options.author or handle(draft.author))
    if is_ruined(draft.id):
        report.notes["ids ruined by a spreadsheet, made anew"] += 1
    if is_mended(draft.text):
        if options.strict:
            report.add_damage(f"{report.name}, tweet {position}", "not UTF-8")
        report.notes["not in UTF-8, read as Windows-1252"] += 1
    return tweet


def _reason_to_drop(tweet: Tweet, options: ImportOptions) -> str | None:
    if not tweet.text:
        return "without a public text of their own"
    if len(tweet.text) > _MAX_TEXT:
        return "too long to be tweets"
    if options.author and _timeline(tweet.author or "") != _timeline(options.author):
        return "by others"
    return None


def _author_from_name(name: str) -> str | None:
    """The author of a file that does not tell: the file's name up to the first dot."""
    return None if name == STDIN else Path(name).resolve().name.lstrip(".").split(".")[0]


@functools.lru_cache(maxsize=1024)
def _timeline(author: str) -> str:
    """The name of an author's timeline, a safe file name whatever the author is called."""
    author = author.removeprefix("@")
    if not tweets.HANDLE.fullmatch(author):
        author = re.sub(r"[^\w-]+", "_", author).strip("_-")[:64] or "unknown"
    return author.lower()


# ------------------------------------------------------------------ reading


def _read(name: str, options: ImportOptions, report: SourceReport) -> Iterator[Draft]:
    if name != STDIN and Path(name).is_dir():
        yield from archive.read_folder(Path(name), options, report)
        return
    try:
        with open_source(name) as file:
            head = file.read(8)
            if head.startswith(ZIP_MAGIC):
                yield from archive.read_zip(on_disk(file, head), options, report)
            else:
                text = Text(report.name, decompressed(file, head), report)
                yield from _read_text(text, options, report)
    except OSError as error:
        raise TwitterbotError(f"cannot read {report.name}: {error.strerror or error}") from error


def _read_text(text: Text, options: ImportOptions, report: SourceReport) -> Iterator[Draft]:
    if private := archive.PRIVATE.match(text.head):
        text.damaged(None, f"import does not read {private[1]}, it is no list of public tweets")
    elif json_stream.recognize(text.head):
        report.format = "JSON"
        yield from _read_json(text, options, report)
    elif _is_binary(text.head):
        text.damaged(None, "not text in UTF-8, nor anything else that is known")
    elif table := tables.recognize(text, options):
        report.format = "table"
        yield from tables.read(text, table, options)
    elif text.head.strip("\ufeff\0 \t\n"):
        report.format = "text, one tweet a line"
        yield from (Draft(line) for line in text.lines() if line.strip())


def _read_json(text: Text, options: ImportOptions, report: SourceReport) -> Iterator[Draft]:
    for line, value in json_stream.values(text):
        if archive.is_sections(value):
            yield from archive.read_sections(value, report)
        else:
            yield from shapes.drafts(value, options, functools.partial(text.damaged, line))


def _is_binary(head: str) -> bool:
    odd = sum(character < "\t" or "\udc80" <= character <= "\udcff" for character in head)
    return odd > len(head) / 4


# ------------------------------------------------------------------ writing


def _write(pool: Pool, reports: list[SourceReport], folder: Path) -> list[Timeline]:
    names = pool.timelines()
    if not names:
        raise TwitterbotError(_nothing(reports))
    if len(names) > _MAX_TIMELINES:
        raise TwitterbotError(
            f"these are tweets of {len(names)} authors, most of them by {', '.join(names[:5])}; "
            "say whose to import with --author"
        )
    paths = {name: tweets.path_for(name, folder) for name in names}
    for name, path in paths.items():
        pool.add(((name, tweet) for tweet in _on_file(path)), known=True)
    return [_write_one(pool, name, path) for name, path in paths.items()]


def _on_file(path: Path) -> Iterator[Tweet]:
    try:
        if not path.exists():
            return
    except OSError as error:
        raise TwitterbotError(f"cannot read {path}: {error.strerror}") from error
    yield from tweets.stream(path)


def _write_one(pool: Pool, name: str, path: Path) -> Timeline:
    added = repeated = 0

    def merged() -> Iterator[Tweet]:
        nonlocal added, repeated
        for tweet, known, news in pool.merged(name):
            added += not known
            repeated += max(0, news - 1)
            yield tweet

    total = tweets.write_sorted(path, merged())
    return Timeline(path, total, added, repeated)


def _nothing(reports: list[SourceReport]) -> str:
    if not reports:
        return "there are no files to import"
    first = reports[0]
    if first.damage:
        return f"no tweets found; {first.damage[0]}"
    if not first.format:
        return f"no tweets found; {first.name} is empty"
    reasons = ", ".join(f"{count} {reason}" for reason, count in first.dropped.items())
    return f"no tweets found in {first.name} ({first.format}{': ' if reasons else ''}{reasons})"
