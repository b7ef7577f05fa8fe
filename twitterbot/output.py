"""Generated tweets as text, JSON lines or CSV, every record marked as synthetic."""

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from twitterbot.files import replacing
from twitterbot.options import Format

STDOUT = "-"


@contextlib.contextmanager
def writing(
    target: str, form: Format, origin: Mapping[str, Any]
) -> Iterator[Callable[[str], None]]:
    """Yields a function that writes one tweet to `target`, a file's path or STDOUT.

    A file appears whole when the block ends well. `origin` (model, seed) goes into each
    record of JSON lines and CSV; text is one tweet a line, its own line breaks as spaces.
    """
    if target == STDOUT:
        yield _writer(sys.stdout, form, origin)
        sys.stdout.flush()
        return
    with replacing(Path(target)) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        yield _writer(text, form, origin)
        text.detach()


def _writer(file: IO[str], form: Format, origin: Mapping[str, Any]) -> Callable[[str], None]:
    if form == "text":
        return lambda text: _write_line(file, " ".join(text.split()))
    if form == "jsonl":
        return lambda text: _write_line(file, json.dumps(_record(text, origin), ensure_ascii=False))
    rows = csv.DictWriter(file, list(_record("", origin)), lineterminator="\n")
    rows.writeheader()
    return lambda text: rows.writerow(_record(text, origin))


def _write_line(file: IO[str], line: str) -> None:
    file.write(line + "\n")
    file.flush()  # so that a pipe's reader sees each tweet as it comes


def _record(text: str, origin: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": text, "synthetic": True, **origin}
