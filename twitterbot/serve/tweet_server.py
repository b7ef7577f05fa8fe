"""`GET /api/{user}`: the tutorial's tweet server, from the file where that is fresh.

When X gives nothing new and an older file is there, the reader wants it all the same: it
is served with the reason in `X-Twitterbot-Stale`. Not so when X says that the account is
gone or protected (403, 404): what its owner has withdrawn is not shown, the error is.
"""

import asyncio
import contextlib
import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twitterbot import tweets
from twitterbot.errors import TwitterbotError
from twitterbot.fetch import REACH, is_finished, parse_handle
from twitterbot.options import FetchOptions
from twitterbot.serve.workers import WorkError, work

_PATIENCE = 5.0  # the longest wait for X in seconds that a reader should have to share
_LONGEST_FETCH = 10.0  # seconds after which those with an older file to read get that
_FAILURE_LASTS = 30.0  # seconds in which X is not asked again
_AT_ONCE = 4  # fetches
_KEPT = 32  # answers in memory, half a megabyte each
_WITHDRAWN = {403, 404}
NO_CONTENT = 204  # the account has no tweets


@dataclass(frozen=True)
class Answer:
    """A body, and why it may be out of date."""

    body: bytes
    stale: str | None = None


class TweetServer:
    """Fetches, and remembers how fresh what it fetched is. One fetch at a time an account."""

    def __init__(self, folder: Path, fresh_seconds: float) -> None:
        self._folder = folder
        self._fresh_seconds = fresh_seconds
        self.fetching: dict[str, asyncio.Task[Any]] = {}  # by handle
        self._checked: dict[str, float] = {}  # handle -> time at which its file was complete
        self._failures: dict[str, tuple[float, WorkError]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._reading = asyncio.Lock()
        self._bodies: OrderedDict[Path, tuple[tuple[int, int], bytes]] = OrderedDict()

    async def answer(self, user: str, may_fetch: bool) -> Answer:
        """What a reader gets. Raises WorkError with the status to answer with."""
        try:
            handle = parse_handle(user).lower()
        except TwitterbotError as error:
            raise WorkError(str(error), 400) from error
        path = tweets.path_for(handle, self._folder)
        if self._is_fresh(handle, path):
            return Answer(await self._body(path))
        asked = time.time()
        reason = WorkError(
            f"another site's page may not have @{handle} fetched; open /api/{handle} once", 403
        )
        if may_fetch:
            if not self._failure(handle):
                await self._fetched(handle, path)
            if path.exists() and self._checked.get(handle, 0) >= asked:
                return Answer(await self._body(path))
            reason = self._failure(handle) or WorkError(f"@{handle} is still being fetched", 503)
        if reason.status == NO_CONTENT:
            return Answer(_encoded([]))
        if not path.exists() or (may_fetch and reason.status in _WITHDRAWN):
            raise reason
        return Answer(await self._body(path), stale=str(reason))

    def begin(self, handle: str, task: asyncio.Task[Any]) -> None:
        """Notes that `task` fetches the account, for as long as it does."""
        self.fetching[handle] = task
        task.add_done_callback(lambda _: self.fetching.pop(handle))

    def succeeded(self, handle: str) -> None:
        """Notes that the account's file is up to date now."""
        self._failures.pop(handle, None)
        self._checked[handle] = time.time()

    # -------------------------------------------------------------- fetching

    def _is_fresh(self, handle: str, path: Path) -> bool:
        with contextlib.suppress(OSError):
            written = path.stat().st_mtime
            if handle not in self._checked:
                # Of a server before this one, or of the command: trusted if it came to its end.
                self._checked[handle] = written if self._is_finished(handle) else 0
            return time.time() - self._checked[handle] < self._fresh_seconds
        return False

    def _is_finished(self, handle: str) -> bool:
        with contextlib.suppress(TwitterbotError):
            return is_finished(handle, self._folder, FetchOptions())
        return False

    def _failure(self, handle: str) -> WorkError | None:
        until, error = self._failures.get(handle, (0.0, None))
        return error if time.monotonic() < until else None

    async def _fetched(self, handle: str, path: Path) -> None:
        """Waits for a fetch, for one that runs already where there is one."""
        if handle not in self.fetching:
            self.begin(handle, asyncio.create_task(self._fetch(handle)))
        longest = _LONGEST_FETCH if path.exists() else None
        await asyncio.wait({self.fetching[handle]}, timeout=longest)

    async def _fetch(self, handle: str) -> None:
        arguments = {"handle": handle, "folder": str(self._folder), "patience": _PATIENCE}
        try:
            async with self._at_once:
                await work("fetch", arguments, with_token=True)
            self.succeeded(handle)
        except WorkError as error:
            self._failures[handle] = (time.monotonic() + _FAILURE_LASTS, error)

    # -------------------------------------------------------------- reading

    async def _body(self, path: Path) -> bytes:
        """The whole answer, from memory while the file stays as it is."""
        if body := self._remembered(path):
            return body
        async with self._reading:
            if body := self._remembered(path):
                return body
            stamp = _stamp(path)
            try:
                body = await asyncio.to_thread(_read, path)
            except TwitterbotError as error:
                raise WorkError(str(error), 500) from error
            self._bodies[path] = (stamp, body)
            if len(self._bodies) > _KEPT:
                self._bodies.popitem(last=False)
            return body

    def _remembered(self, path: Path) -> bytes | None:
        stamp, body = self._bodies.get(path, (None, None))
        if stamp != _stamp(path):
            return None
        self._bodies.move_to_end(path)
        return body


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise WorkError("the tweets were deleted just now", 404) from error
    return status.st_mtime_ns, status.st_size


def _read(path: Path) -> bytes:
    return _encoded([tweet.text for tweet in tweets.read(path)[: -REACH - 1 : -1]])


def _encoded(texts: list[str]) -> bytes:
    return json.dumps({"error": None, "tweets": texts}, ensure_ascii=False).encode()
