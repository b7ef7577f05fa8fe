"""CSV of any dialect: the delimiter, the quoting and the columns are told by content."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twitterbot.errors import TwitterbotError
from twitterbot.importers import flat
from twitterbot.importers.draft import Draft
from twitterbot.importers.sources import Text
from twitterbot.options import ImportOptions

if TYPE_CHECKING:
    from _csv import Reader

_DELIMITERS = (",", ";", "\t", "|")
# A longer cell is a quote that was never closed: the damage ends here.
_MAX_CELL = 1 << 17
_SAMPLE = 20  # rows that must look like the header


@dataclass(frozen=True)
class Table:
    """How a table is written: its dialect and the names of its columns."""

    delimiter: str
    backslash: bool  # quotes are escaped as \\" and not doubled
    names: tuple[str, ...]
    headless: bool  # the names are just the columns' numbers

    def rows(self, lines: Iterator[str]) -> "Reader":
        """A reader of cells."""
        csv.field_size_limit(_MAX_CELL)
        escape = "\\" if self.backslash else None
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            escapechar=escape,
            doublequote=not self.backslash,
            skipinitialspace=True,
        )


def recognize(text: Text, options: ImportOptions) -> Table | None:
    """The table that a text is, or None when it is none.

    A table has a column with one of the usual names for a text, or the one that the
    options name. A number there counts columns from 1 and says that there is no header.
    Raises TwitterbotError when the options name a column that is not there.
    """
    table = _recognize(text, options)
    if table is not None:
        for wanted in (options.text_column, options.id_column, options.date_column):
            if wanted is not None and wanted not in table.names:
                columns = ", ".join(name[:40] for name in table.names[:20])
                raise TwitterbotError(f"{text.name}: no column {wanted!r}; there are {columns}")
    return table


def _recognize(text: Text, options: ImportOptions) -> Table | None:
    """The likeliest table; where the options name a text column, it may not have that."""
    lines = [line for line in text.head.split("\n")[:200] if line.strip()]
    candidates = [table for table in map(_as_table, [lines] * 4, _DELIMITERS) if table is not None]
    wanted = options.text_column
    if wanted is None:
        fitting = [t for t in candidates if flat.roles(t.names, options).text and _fits(t, lines)]
        return max(fitting, key=_width, default=None)
    named = [table for table in candidates if wanted in table.names]
    table = max(named or candidates, key=_width, default=None)
    if named or table is None or not wanted.isdigit():
        return table
    numbers = tuple(str(number + 1) for number in range(len(table.names)))
    return Table(table.delimiter, table.backslash, numbers, headless=True)


def _width(table: Table) -> int:
    return len(table.names)


def _as_table(lines: list[str], delimiter: str) -> Table | None:
    sample = "\n".join(lines)
    table = Table(delimiter, '\\"' in sample and '""' not in sample, (), headless=False)
    try:
        header = next(table.rows(iter(lines)), None)
    except csv.Error:
        header = None
    if not header:
        return None
    names = tuple(name.strip().lstrip("\ufeff") for name in header)
    return Table(delimiter, table.backslash, names, headless=False)


def _fits(table: Table, lines: list[str]) -> bool:
    """False for prose whose first line happens to hold a column's name."""
    rows = table.rows(iter(lines))
    try:
        next(rows)
        widths = [len(row) for _, row in zip(range(_SAMPLE), rows, strict=False)]
    except csv.Error:
        return False
    same = sum(width == len(table.names) for width in widths)
    named = [name for name in table.names if name]
    return 3 * same >= 2 * len(widths) and len(set(named)) == len(named)


def read(text: Text, table: Table, options: ImportOptions) -> Iterator[Draft]:
    """The rows as drafts; rows of another width than the header's are damage."""
    roles = flat.roles(table.names, options)
    rows = table.rows(text.lines())
    if not table.headless:
        next(rows, None)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            text.damaged(rows.line_num, str(error))
            continue
        if row is None:
            return
        if not row:
            continue
        surplus = row[len(table.names) :]
        record = dict(zip(table.names, row, strict=False))
        if any(surplus) or not any(name in record for name in roles.text):
            cells = f"{len(row)} cell{'s' * (len(row) != 1)}"
            text.damaged(rows.line_num, f"{cells} instead of {len(table.names)}")
        else:
            yield flat.from_row(record, roles)
