"""A file from the browser: to a safe place, through the importer, and away again."""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from twitterbot.serve.workers import WorkError, work
from twitterbot.tweets import TWEETS_DIR

_PREFIX = ".upload."


def clear_away() -> None:
    """Removes what a killed server was being sent."""
    for leftover in TWEETS_DIR.glob(f"{_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)


async def imported(request: Request, name: str, author: str | None) -> dict[str, Any]:
    """Reads the body into a file of a safe name, imports it and takes it away."""
    TWEETS_DIR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=TWEETS_DIR) as folder:
        # The importer takes a file that does not tell its author to be by who it is called after.
        # File systems take 255 bytes: 50 characters of any script, and what is put around them.
        safe = re.sub(r"[^\w.-]", "_", name)[-50:].lstrip(".") or "upload"
        path = Path(folder) / safe
        try:
            with path.open("wb") as file:
                async for piece in request.stream():
                    await asyncio.to_thread(file.write, piece)
        except ClientDisconnect as error:
            raise HTTPException(400, "the upload broke off") from error
        arguments = {"file": str(path), "author": author, "folder": str(TWEETS_DIR)}
        try:
            result = await work("import", arguments)
        except WorkError as error:
            raise HTTPException(422, str(error).replace(str(path), name)) from error
    for source in result["sources"]:
        source["name"] = name
        source["damage"] = [place.replace(str(path), name) for place in source["damage"]]
    return result
