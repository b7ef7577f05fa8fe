"""Answers that go on: the job and the folders as they change, tweets as they are written."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

from twitterbot.options import GenerateOptions
from twitterbot.serve import desk
from twitterbot.serve.jobs import Jobs
from twitterbot.serve.writer import Writer

_EVENTS_APART = 0.25  # seconds, at least
_LOOK_EVERY = 2.0  # seconds after which the folders are looked at for changes
_COMMENT_EVERY = 15.0  # seconds; keeps the connection open


async def events(jobs: Jobs) -> AsyncIterator[str]:
    """Server-sent events: `job` at the start and at each change, `files` when a folder changed."""
    told: str | None = None
    files, looked, wrote = desk.fingerprint(), time.monotonic(), time.monotonic()
    while not jobs.is_closed:
        wait = jobs.changes.next()
        job = json.dumps(asdict(jobs.current) if jobs.current else None)
        if job != told:
            told, wrote = job, time.monotonic()
            yield f"event: job\ndata: {job}\n\n"
        if time.monotonic() - looked >= _LOOK_EVERY or not jobs.is_running:
            before, files, looked = files, desk.fingerprint(), time.monotonic()
            if files != before:
                wrote = time.monotonic()
                yield "event: files\ndata: {}\n\n"
        if time.monotonic() - wrote >= _COMMENT_EVERY:
            wrote = time.monotonic()
            yield ": still here\n\n"
        await wait(_LOOK_EVERY)
        await asyncio.sleep(_EVENTS_APART)


async def lines(writer: Writer, path: Path, options: GenerateOptions) -> AsyncIterator[str]:
    """JSON lines: tweets, and a last one with `done` or `error`."""
    async for answer in writer.tweets(path, options):
        if "item" in answer:
            yield json.dumps(answer["item"]) + "\n"
        elif "result" in answer:
            yield json.dumps({"done": True, **answer["result"]}) + "\n"
        elif "error" in answer:
            yield json.dumps({"error": answer["error"]}) + "\n"
