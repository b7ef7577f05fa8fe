"""Files and folders that appear whole or not at all."""

import contextlib
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from twitterbot.errors import TwitterbotError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Opens a temporary file beside `path` that takes its name when the block ends well.

    On any failure the temporary file is removed and what stood at `path` stays.
    Raises TwitterbotError when the file system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yields an empty temporary folder that takes the place of `path` when the block ends well.

    Raises TwitterbotError when the file system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from error
    old = temporary.with_suffix(".old")
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        # A folder cannot be renamed over a full one: two renames, the old one kept until the end.
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def recover(path: Path) -> None:
    """Mends what a killed process left of a `replacing` or `replacing_folder` of `path`."""
    beside = glob.escape(f".{path.name}.")
    for old in path.parent.glob(f"{beside}*.old"):
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(path)
    for temporary in path.parent.glob(f"{beside}*.tmp"):
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> TwitterbotError:
    """The error for a refused write, in one wording for every command."""
    reason = error.strerror or error
    return TwitterbotError(f"cannot write {path}: {reason}; what was there before is kept")


def _umask() -> int:
    """The process's umask: temporary files are private, what replaces a file should not be."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
