"""The members of a zip file, read in place, also where its end and so its directory is lost.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3.
Unlike `zipfile`, this gives what can be read of a damaged member before it complains.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple

from twitterbot.importers.sources import within_ratio

_MAGIC = b"PK\x03\x04"
_HEADER = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 1 << 0
_SIZES_FOLLOW = 1 << 3  # the header was written before they were known
_UTF8 = 1 << 11
_PIECE = 1 << 16  # what is lost, at most, in front of damage
_SEARCH = 1 << 20


class Member(NamedTuple):
    """A file in a zip file."""

    name: str
    offset: int  # of its own header, which stands before its bytes
    packed: int
    checksum: int | None = None


def listed(file: IO[bytes]) -> list[Member]:
    """What the directory lists. Raises zipfile.BadZipFile, ValueError or NotImplementedError."""
    directory = zipfile.ZipFile(file).infolist()
    return [
        Member(each.filename, each.header_offset, each.compress_size, each.CRC)
        for each in directory
    ]


def found(file: IO[bytes]) -> Iterator[Member]:
    """The members that begin in a file without a directory, by their own headers."""
    position = _find(file, 0)
    while position >= 0:
        header = _read(file, position, _HEADER.size)
        if len(header) < _HEADER.size:
            return
        fields = _HEADER.unpack(header)
        flags, packed, length = fields[2], fields[7], fields[9]
        begin = position + _HEADER.size
        name = _read(file, begin, length)
        yield Member(
            name.decode("utf-8" if flags & _UTF8 else "cp437", "replace"), position, packed
        )
        skip = 0 if flags & _SIZES_FOLLOW else packed
        position = _find(file, begin + length + skip)


def _read(file: IO[bytes], position: int, size: int) -> bytes:
    file.seek(position)
    return file.read(size)


def _find(file: IO[bytes], start: int) -> int:
    while piece := _read(file, start, _SEARCH):
        if (place := piece.find(_MAGIC)) >= 0:
            return start + place
        start += max(1, len(piece) - len(_MAGIC) + 1)
    return -1


def pieces(file: IO[bytes], member: Member) -> Iterator[bytes]:
    """The bytes of a member. Raises one of `sources.DAMAGED_STREAM` after the last good ones."""
    header = _read(file, member.offset, _HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise zipfile.BadZipFile("it has no header")
    fields = _HEADER.unpack(header)
    flags, method = fields[2], fields[3]
    begin = member.offset + _HEADER.size + fields[9] + fields[10]
    if flags & _ENCRYPTED:
        raise zipfile.BadZipFile("it has a password")
    if method == zipfile.ZIP_DEFLATED:
        unpacked = _inflated(file, begin)
    elif method == zipfile.ZIP_STORED:
        unpacked = _stored(file, begin, member.packed)
    else:
        raise zipfile.BadZipFile(f"compression method {method} is not known")
    checksum = 0
    for piece in unpacked:
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if member.checksum not in (None, checksum):
        raise zipfile.BadZipFile("its checksum is wrong")


def _stored(file: IO[bytes], begin: int, size: int) -> Iterator[bytes]:
    while size > 0:
        piece = _read(file, begin, min(size, _PIECE))
        if not piece:
            raise EOFError("it ends too early")
        yield piece
        begin += len(piece)
        size -= len(piece)


def _inflated(file: IO[bytes], begin: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    position = begin

    def read() -> bytes:
        nonlocal position
        piece = b""
        while not piece and not inflater.eof:
            packed = inflater.unconsumed_tail
            if not packed:
                packed = _read(file, position, _PIECE)
                position += len(packed)
            if not packed:
                raise EOFError("it ends too early")
            piece = inflater.decompress(packed, _PIECE)
        return piece

    return within_ratio(read, lambda: position - begin)
