"""Files and folders on their way to the browser, in pieces."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from fastapi import Response
from fastapi.responses import StreamingResponse

_CHUNK = 1 << 20


def download(pieces: Iterator[bytes], name: str, media_type: str) -> Response:
    """An answer that the browser saves under `name`."""
    # Names in our folders are a user's: letters of any script, perhaps a quote.
    plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
    header = {"content-disposition": f'attachment; filename="{plain}"'}
    return StreamingResponse(pieces, headers=header, media_type=media_type)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A file's content; the file is closed at its end."""
    with file:
        while piece := file.read(_CHUNK):
            yield piece


def zipped(folder: Path) -> Iterator[bytes]:
    """The folder's files as a zip, in pieces, all of them opened at the start.

    So that a checkpoint that is replaced or deleted meanwhile comes out whole.
    """
    sink = _Sink()
    with ExitStack() as opened, zipfile.ZipFile(sink, "w") as archive:
        files = [
            (
                zipfile.ZipInfo.from_file(path, f"{folder.name}/{path.name}"),
                opened.enter_context(path.open("rb")),
            )
            for path in sorted(folder.iterdir())
            if path.is_file() and not path.name.startswith(".")
        ]
        for entry, file in files:
            with archive.open(entry, "w") as member:
                for piece in pieces(file):
                    member.write(piece)
                    yield sink.taken()
    yield sink.taken()


class _Sink:
    """A file that only takes: zipfile writes to it what is then sent on."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def taken(self) -> bytes:
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole
