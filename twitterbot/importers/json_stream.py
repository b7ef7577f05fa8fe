"""JSON values out of text of any size: lines of JSON, arrays, X's .js files, one big object."""

import json
import re
from collections.abc import Iterator
from typing import Any

from twitterbot.importers.sources import Text

# One tweet is a few kilobytes; only a whole document in one object may be large.
_MAX_ELEMENT = 16 << 20
_MAX_DOCUMENT = 256 << 20

# What may stand between values: an array at the top is opened, so that it streams.
_BETWEEN = re.compile(r"[\s,;\[\]\ufeff\0]*")
# `window.YTD.tweets.part0 = `, `Grailbird.data.tweets_2015_01 =`, `var user_details =  `.
ASSIGNMENT = re.compile(r"[\s\ufeff]*(?:var\s+)?[A-Za-z_][\w.]*\s*=(?=\s*[\[{])")
_OPENING = re.compile(r"""[\s\ufeff\0]*(?:\{\s*["}]|\[\s*[\[{"\]]|[\[{]\s*$)""")

_decode = json.JSONDecoder().raw_decode


def values(text: Text) -> Iterator[tuple[int, Any]]:
    """Each object or string and the line that it starts on; elements, where it is an array.

    Damage is reported, and reading goes on at the next plausible place.
    """
    if _is_json_lines(text.head):
        return _from_lines(text)
    return _from_chunks(text)


def recognize(head: str) -> bool:
    """True for the beginning of JSON, and of lines of it the first of which are damaged."""
    return bool(ASSIGNMENT.match(head) or _OPENING.match(head) or _is_json_lines(head))


def _is_json_lines(head: str) -> bool:
    start = head.lstrip("\ufeff\0 \t\n")
    if ASSIGNMENT.match(start) or start.startswith("["):
        return False
    lines = start.split("\n")
    return any(_is_object(line) for line in lines[:20]) or (
        len(lines) == 1 and start.startswith("{")
    )


def _is_object(line: str) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool(value)


def _from_lines(text: Text) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.lines(), start=1):
        line = line.strip("\ufeff\0 \t\n,")
        if not line:
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            text.damaged(number, "not a whole JSON value")


def _from_chunks(text: Text) -> Iterator[tuple[int, Any]]:
    window = _Window(text)
    if match := ASSIGNMENT.match(window.buffer):
        window.position = match.end()
    while window.skip_between():
        value = window.value()
        if value is not None:
            yield value
        else:
            text.damaged(window.line(), "not a whole JSON value")
            window.resume()


class _Window:
    """The part of a long text that is being read."""

    def __init__(self, text: Text) -> None:
        self._chunks = text.chunks()
        self._line = 1
        self._counted = 0  # lines are counted up to here
        self._in_array = False
        self._margin = ""  # what stood before the last good value, on its line
        self.buffer = ""
        self.position = 0
        self.more()

    def more(self) -> bool:
        """Reads on, at least as much as is pending, so that a long value costs linear time."""
        self.line()
        line_start = self.buffer.rfind("\n", 0, self.position) + 1
        keep = max(line_start, self.position - 1000)
        pieces = [self.buffer[keep:]]
        self.position -= keep
        self._counted -= keep
        wanted = max(1, len(pieces[0]))
        while wanted > 0 and (chunk := next(self._chunks, "")):
            pieces.append(chunk)
            wanted -= len(chunk)
        self.buffer = "".join(pieces)
        return len(pieces) > 1

    def line(self) -> int:
        """The number of the line at `position`."""
        self._line += self.buffer.count("\n", self._counted, self.position)
        self._counted = self.position
        return self._line

    def skip_between(self) -> bool:
        """Moves to the next value; False at the end."""
        while True:
            match = _BETWEEN.match(self.buffer, self.position)
            assert match is not None
            self._in_array = self._in_array or "[" in match[0]
            self.position = match.end()
            if self.position < len(self.buffer):
                return True
            if not self.more():
                return False

    def value(self) -> tuple[int, Any] | None:
        """The value at `position` and its line, moving behind it; None when it is damaged."""
        if self.buffer[self.position] not in '{"':
            return None
        limit = _MAX_ELEMENT if self._in_array else _MAX_DOCUMENT
        while True:
            try:
                value, end = _decode(self.buffer, self.position)
                break
            except (ValueError, RecursionError):
                if len(self.buffer) - self.position > limit or not self.more():
                    return None
        line = self.line()
        self._margin = self.buffer[self.buffer.rfind("\n", 0, self.position) + 1 : self.position]
        self.position = end
        return line, value

    def resume(self) -> None:
        """Moves to where the next element seems to start, or to the end."""
        margin = self._margin[-100:]
        start = re.compile(r"\n(?:" + re.escape(margin) + r"|\}, ?)(?=\{)")
        self.position += 1
        while True:
            if match := start.search(self.buffer, self.position):
                self.position = match.end()
                return
            # What is looked for may lie across the border.
            self.position = max(self.position, len(self.buffer) - len(margin) - 4)
            if not self.more():
                self.position = len(self.buffer)
                return
