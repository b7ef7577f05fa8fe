"""What an import says of its sources: tweets read, dropped by reason, and damage."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from twitterbot.errors import TwitterbotError

_PLACES = 100  # pieces of damage that are kept in words; all are counted


@dataclass
class SourceReport:
    """One file, folder or standard input."""

    name: str
    strict: bool = False  # damage is an error
    format: str = ""  # in words, "" while nothing was recognized
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # reason -> tweets
    notes: Counter[str] = field(default_factory=Counter)  # remark -> tweets it is about
    damage: list[str] = field(default_factory=list)  # file, line and what is wrong there
    damaged: int = 0
    rounded: int = 0  # ids that end in 000, one in 200 by nature
    unsigned: int = 0  # tweets that the source names no author of

    def add_damage(self, place: str, what: str) -> None:
        """Counts something that cannot be read; raises TwitterbotError when strict."""
        if self.strict:
            raise TwitterbotError(f"{place}: {what}; mend it, or import without --strict")
        self.damaged += 1
        if len(self.damage) < _PLACES:
            self.damage.append(f"{place}: {what}")


@dataclass(frozen=True)
class Timeline:
    """A file that was written."""

    path: Path
    tweets: int
    added: int  # tweets that the file did not hold before
    repeated: int  # tweets that came more than once, counted from the second time on


@dataclass(frozen=True)
class ImportReport:
    """What came of an import."""

    sources: list[SourceReport]
    timelines: list[Timeline]
