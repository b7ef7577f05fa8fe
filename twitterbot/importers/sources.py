"""From a command line argument to decoded text, in pieces, whatever the size.

Compression and encoding are told by content. Nothing is trusted: what is decompressed
has limits, and damage is reported where it is met, after all that can still be read.
"""

import bz2
import codecs
import glob
import gzip
import io
import lzma
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from twitterbot.errors import TwitterbotError
from twitterbot.importers.report import SourceReport

STDIN = "-"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")

_CHUNK = 1 << 20
_MAX_LINE = 256 << 20
_HEAD = 1 << 16  # characters that a format is recognized by
_DECOMPRESSORS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bz2.open,
}
# Text shrinks to a tenth. Far beyond that lies a bomb, unless it is small.
_MAX_RATIO = 300
_FREE = 100 << 20
DAMAGED_STREAM = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
)


def expand(arguments: list[str]) -> list[str]:
    """The files, folders and "-" that the arguments mean; patterns that a shell left are filled.

    Raises TwitterbotError for one that means nothing.
    """
    found: list[str] = []
    for argument in arguments:
        if argument == STDIN or _exists(argument):
            found.append(argument)
            continue
        # Path.glob takes no pattern that starts at the root.
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207
        if not matches:
            raise TwitterbotError(f"{argument}: no such file or folder")
        found.extend(matches)
    return list(dict.fromkeys(found))


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except PermissionError as error:
        raise TwitterbotError(f"cannot read {name}: {error.strerror}") from error
    except (OSError, ValueError):  # too long a name, a NUL in it
        return False


def open_source(name: str) -> IO[bytes]:
    """Opens a file, or standard input, for reading bytes. Raises OSError."""
    if name == STDIN:
        return cast(IO[bytes], sys.stdin.buffer)
    return Path(name).open("rb")


def on_disk(file: IO[bytes], head: bytes) -> IO[bytes]:
    """`file` rewound by `head`, by way of a temporary file where it is a pipe."""
    if file.seekable():
        file.seek(-len(head), io.SEEK_CUR)
        return file
    # Removed when it is closed or collected.
    copy = tempfile.TemporaryFile()  # noqa: SIM115
    copy.write(head)
    while piece := file.read(_CHUNK):
        copy.write(piece)
    copy.seek(0)
    return cast(IO[bytes], copy)


class _Metered:
    """Counts the bytes that a decompressor takes, and puts those already read in front."""

    def __init__(self, file: IO[bytes], head: bytes) -> None:
        self._file = file
        self._head = head
        self.taken = 0

    def read(self, size: int = -1, /) -> bytes:
        piece, self._head = self._head[:size], self._head[size:]
        piece = piece or self._file.read(size)
        self.taken += len(piece)
        return piece


def decompressed(file: IO[bytes], head: bytes) -> Iterator[bytes]:
    """The bytes of a file that starts with `head`, unpacked when it is .gz, .xz or .bz2.

    Raises one of DAMAGED_STREAM after the last bytes that could be read.
    """
    metered = _Metered(file, head)
    opener = next((o for magic, o in _DECOMPRESSORS.items() if head.startswith(magic)), None)
    if opener is None:
        return iter(lambda: metered.read(_CHUNK), b"")
    # read1, since read() throws away what it has when the end is damaged.
    unpacked = opener(metered)
    return within_ratio(lambda: unpacked.read1(_CHUNK), lambda: metered.taken)


def within_ratio(read: Callable[[], bytes], packed: Callable[[], int]) -> Iterator[bytes]:
    """Pieces from `read` to the end; ValueError when they outgrow the `packed` bytes."""
    total = 0
    while piece := read():
        total += len(piece)
        if total > _FREE and total > _MAX_RATIO * packed():
            raise ValueError("it unpacks to implausibly much")
        yield piece


class Text:
    """The text of one file: `head` to recognize it by, then one pass over all of it.

    Line ends are LF. Bytes that are not UTF-8 become lone surrogates (see `draft.clean`).
    """

    def __init__(self, name: str, pieces: Iterator[bytes], report: SourceReport) -> None:
        self.name = name
        self._report = report
        self._pieces = self._decode(pieces)
        self.head = ""
        while len(self.head) < _HEAD and (piece := next(self._pieces, "")):
            self.head += piece

    def damaged(self, line: int | None, what: str) -> None:
        """Reports something that cannot be read; raises TwitterbotError when strict."""
        self._report.add_damage(self.name if line is None else f"{self.name}, line {line}", what)

    def chunks(self) -> Iterator[str]:
        """The text in pieces of a megabyte or so."""
        if self.head:
            yield self.head
        yield from self._pieces

    def lines(self) -> Iterator[str]:
        """The text in lines, with their line ends."""
        rest: list[str] = []
        pending = 0
        for chunk in self.chunks():
            # Not splitlines, which also cuts at U+2028 and others that tweets may hold.
            *whole, last = chunk.split("\n")
            for line in whole:
                yield "".join([*rest, line, "\n"])
                rest.clear()
            rest.append(last)
            pending = len(last) if whole else pending + len(last)
            if pending > _MAX_LINE:
                self.damaged(None, "it has a line that is too long to be read")
                return
        if any(rest):
            yield "".join(rest)

    def _decode(self, pieces: Iterator[bytes]) -> Iterator[str]:
        """Never an empty piece."""
        decoder = None
        try:
            for piece in pieces:
                if decoder is None:
                    decoder = _decoder(piece)
                if text := decoder.decode(piece):
                    yield text
        except DAMAGED_STREAM as error:
            self.damaged(None, f"damaged or cut short ({error})")
        except OSError as error:
            raise TwitterbotError(f"cannot read {self.name}: {error.strerror or error}") from error
        if decoder is not None and (text := decoder.decode(b"", final=True)):
            yield text


def _decoder(head: bytes) -> io.IncrementalNewlineDecoder:
    encoding = _encoding(head)
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    return io.IncrementalNewlineDecoder(decoder, translate=True)


def _encoding(head: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return encoding
    # UTF-16 without its mark: every second byte of ASCII is zero.
    even, odd = head[:1000:2].count(0), head[1:1000:2].count(0)
    if max(even, odd) > len(head[:1000]) // 5 and min(even, odd) * 10 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"
