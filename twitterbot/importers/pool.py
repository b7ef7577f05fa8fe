"""Where an import gathers tweets: on disk, so that memory stays flat at any number of them."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce
from itertools import groupby, islice
from typing import Any

from twitterbot.errors import TwitterbotError
from twitterbot.text import is_cut
from twitterbot.tweets import Tweet

_BATCH = 1000


class Pool:
    """Tweets by timeline, in a nameless temporary database that SQLite removes by itself.

    Raises TwitterbotError when its disk is full.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        # Losing a temporary database loses nothing: no journal, no waiting for the disk.
        self._run("PRAGMA journal_mode = OFF")
        self._run("PRAGMA synchronous = OFF")
        self._run(
            "CREATE TABLE tweets (timeline, known, key1, key2, key3, "
            "id, text, created_at, author, kind, lang)"
        )

    def close(self) -> None:
        """Frees the disk."""
        self._database.close()

    def add(self, tweets: Iterable[tuple[str, Tweet]], known: bool = False) -> None:
        """Takes in tweets, each with its timeline; `known` ones were in its file before."""
        rows = ((name, known, *tweet.sort_key, *vars(tweet).values()) for name, tweet in tweets)
        while batch := list(islice(rows, _BATCH)):
            self._run("BEGIN")
            self._run("INSERT INTO tweets VALUES (?,?,?,?,?,?,?,?,?,?,?)", batch)
            self._run("COMMIT")

    def timelines(self) -> list[str]:
        """The names of all timelines, the one with most tweets first."""
        rows = self._run("SELECT timeline FROM tweets GROUP BY 1 ORDER BY count(*) DESC, 1")
        return [name for (name,) in rows]

    def merged(self, timeline: str) -> Iterator[tuple[Tweet, bool, int]]:
        """The tweets of a timeline, sorted and unique; of each whether it was known, and the news.

        The news are the records of it that were not known: none, one or more.
        """
        rows = self._run(
            "SELECT known, id, text, created_at, author, kind, lang FROM tweets "
            "WHERE timeline = ? ORDER BY key1, key2, key3, id, known DESC, rowid",
            (timeline,),
        )
        try:
            for _, group in groupby(rows, key=lambda row: row[1]):
                versions = list(group)
                tweet = reduce(_merge, (Tweet(*row[1:]) for row in versions))
                yield tweet, bool(versions[0][0]), sum(not row[0] for row in versions)
        except sqlite3.Error as error:
            raise _failed(error) from error

    def _run(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        try:
            if isinstance(values, list):
                return self._database.executemany(sql, values)
            return self._database.execute(sql, values)
        except sqlite3.Error as error:
            raise _failed(error) from error


def _failed(error: sqlite3.Error) -> TwitterbotError:
    return TwitterbotError(
        f"cannot write temporary data: {error}; make room, or set TMPDIR to a folder with some; "
        "nothing was changed"
    )


def _merge(old: Tweet, new: Tweet) -> Tweet:
    """What two records of one tweet tell together; the later one counts where both tell."""
    return replace(
        new,
        text=max(new.text, old.text, key=_wholeness),
        created_at=new.created_at or old.created_at,
        author=new.author or old.author,
        kind=old.kind if new.kind == "original" else new.kind,
        lang=new.lang or old.lang,
    )


def _wholeness(text: str) -> tuple[bool, bool]:
    """Orders versions of a text: better not cut, better with its links expanded."""
    return not is_cut(text), "://t.co/" not in text
