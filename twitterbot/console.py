"""Everything that is drawn on the terminal, all of it on stderr; data goes to stdout.

Text from users and models never passes through a Rich markup parser.
"""

import contextlib
import sys
from collections.abc import Iterator
from enum import IntEnum

from rich.console import Console
from rich.live import Live
from rich.text import Text


class Level(IntEnum):
    """How much is said on stderr."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


_stderr = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
_level = Level.NORMAL


def set_level(level: Level) -> None:
    """Chooses how much `info`, `detail` and `live` say from now on."""
    global _level
    _level = level


def info(message: str) -> None:
    """A line of talk, silenced by --quiet."""
    if _level >= Level.NORMAL:
        _stderr.print(message)


def detail(message: str) -> None:
    """A line that only --verbose shows."""
    if _level >= Level.VERBOSE:
        _stderr.print(message)


def warning(message: str) -> None:
    """A line that --quiet does not silence."""
    _stderr.print(f"warning: {message}", style="yellow")


def error(message: str) -> None:
    """The one line of a failure."""
    _stderr.print(f"twitterbot: {' '.join(message.split())}", style="red")


class LiveLine:
    """One line that is redrawn in place on a terminal."""

    def __init__(self, live: Live | None) -> None:
        self._live = live

    def update(self, text: str) -> None:
        """Shows `text` in place of the last one; does nothing where nobody watches."""
        if self._live is not None:
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)


@contextlib.contextmanager
def live() -> Iterator[LiveLine]:
    """A live line for the time of the block, on a terminal and unless --quiet."""
    if _level < Level.NORMAL or not sys.stderr.isatty():
        yield LiveLine(None)
        return
    with Live(console=_stderr, auto_refresh=False, transient=True) as drawn:
        yield LiveLine(drawn)


def duration(seconds: float) -> str:
    """`75` as "1:15", `3675` as "1:01:15"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
