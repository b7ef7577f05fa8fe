"""Corpora as streams, and tweets as windows of token ids to train on.

A token stream is `[BEGIN] tweet END tweet END ...`, BEGIN before each new author (and
before each tweet of an unknown one). A window is one training row of `context + 1` ids
that starts with BEGIN at the start of a tweet and runs on over the author's next tweets,
so the model learns that neighbours share a style. The tweet that a window's end cuts
starts the next window, whole.
"""

import csv
import gzip
import hashlib
import itertools
import json
import lzma
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twitterbot.errors import TwitterbotError
from twitterbot.files import replacing_folder
from twitterbot.novelty import stock_hash
from twitterbot.text import NORMAL_FORM, normalize
from twitterbot.tokenizer import BEGIN, END, Tokenizer

Ids = NDArray[np.int32]
Hashes = NDArray[np.uint64]

TOKENIZER_SAMPLE = 1_000_000  # tweets that the tokenizer's merges are learnt from
_TEXT_COLUMNS = ("text", "full_text", "tweet", "content", "tweet_text", "rawcontent")
_AUTHOR_COLUMNS = ("author", "user", "username", "screen_name", "handle")
# What damaged files raise.
_UNREADABLE = (
    *(OSError, EOFError, lzma.LZMAError, zlib.error, csv.Error),
    *(ValueError, RecursionError),  # of JSON and UTF-8
)
_DAMAGED = (*_UNREADABLE, KeyError, TypeError, OverflowError)  # and JSON of another shape
_FOLDER_FORMAT = 2  # of a tokenized corpus: raised when its files change
_CHUNK = 20_000  # tweets encoded at once
_HOLD_OUT_ONE_IN = 100  # authors, where no validation files are given

# ------------------------------------------------------------------ corpora


class Document(NamedTuple):
    """A normalized tweet of a corpus, and its author when that is known."""

    author: str | None
    text: str


def read_corpus(paths: Sequence[Path]) -> Iterator[Document]:
    """Streams .jsonl, .csv or text files, plain, .gz or .xz; the name tells which.

    JSON lines need a `text` and CSV a column of that or another common name; both may have an
    `author`, and consecutive tweets of one author are context for each other. In a text file
    each line is a tweet. Raises TwitterbotError with file and line.
    """
    for path in paths:
        suffixes = [suffix.lower() for suffix in path.suffixes]
        readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".txt": _read_lines}
        reader = next((readers[suffix] for suffix in suffixes[::-1] if suffix in readers), None)
        if reader is None:
            raise TwitterbotError(
                f"{path}: a corpus file is .jsonl, .csv or .txt, plain or with .gz or .xz behind"
            )
        number = 0
        try:
            with _open_text(path) as file:
                for number, author, text in reader(file):  # noqa: B007 (told in the error)
                    normal = normalize(text)
                    if normal:
                        yield Document(author, normal)
        except _UNREADABLE as error:
            reason = (isinstance(error, OSError) and error.strerror) or error
            place = f"{path}, after line {number}" if number else str(path)
            raise TwitterbotError(f"{place}: {reason}") from error


def _open_text(path: Path) -> IO[str]:
    openers: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
    opener = openers.get(path.suffix.lower(), open)
    stream: IO[str] = opener(path, "rt", encoding="utf-8-sig", newline="")
    return stream


def _read_jsonl(file: IO[str]) -> Iterator[tuple[int, str | None, str]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        record = json.loads(line)
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise ValueError('each line must be a JSON object with a "text" string')
        author = record.get("author")
        yield number, None if author in (None, "") else str(author), record["text"]


def _read_csv(file: IO[str]) -> Iterator[tuple[int, str | None, str]]:
    csv.field_size_limit(sys.maxsize)
    rows = csv.DictReader(file)
    columns = {name.lower(): name for name in rows.fieldnames or () if name}
    text = next((columns[name] for name in _TEXT_COLUMNS if name in columns), None)
    author = next((columns[name] for name in _AUTHOR_COLUMNS if name in columns), None)
    if text is None:
        raise ValueError(f"no text column; one of {', '.join(_TEXT_COLUMNS)} is needed")
    for row in rows:
        yield rows.line_num, (author and row.get(author)) or None, row.get(text) or ""


def _read_lines(file: IO[str]) -> Iterator[tuple[int, str | None, str]]:
    for number, line in enumerate(file, start=1):
        yield number, None, line


# ------------------------------------------------------------------ windows


@dataclass
class WindowStarts:
    """Where each window starts in a token stream, told one tweet at a time."""

    context: int
    window: int = -1

    def add(self, start: int, end: int) -> Iterator[int]:
        """Yields the starts of the windows that the tweet at [start, end) begins."""
        if self.window < 0:
            self.window = start
            yield start
        while end > self.window + self.context:
            # A tweet longer than a window is continued in the next one.
            self.window = start if start > self.window else self.window + self.context
            yield self.window


def token_stream(documents: Iterable[tuple[str | None, Sequence[int]]]) -> Iterator[list[int]]:
    """The pieces of a token stream: each tweet with its END, and BEGIN before a new author."""
    previous: str | None = None
    for author, ids in documents:
        begin = [] if author is not None and author == previous else [BEGIN]
        previous = author
        yield [*begin, *ids, END]


def pack(tweets: Sequence[Sequence[int]], context: int) -> Ids:
    """Windows (rows, context + 1) over one author's tweets, which are token ids, in order.

    The stream's own beginning fills up the last window.
    """
    pieces = list(token_stream(("", ids) for ids in tweets))
    starts = WindowStarts(context)
    begins: list[int] = []
    position = 0
    for piece in pieces:
        begins.extend(starts.add(position, position + len(piece)))
        position += len(piece)
    stream = np.fromiter(itertools.chain.from_iterable(pieces), np.int32, position)
    stream = np.resize(stream, position + context + 1)
    return np.stack([_window(stream[start : start + context + 1]) for start in begins])


def _window(ids: NDArray[Any]) -> Ids:
    """A row that starts with BEGIN, from `context + 1` ids of a stream."""
    row = ids.astype(np.int32)
    return row if row[0] == BEGIN else np.concatenate([[BEGIN], row[:-1]], dtype=np.int32)


# ------------------------------------------------------------------ the tokenized corpus


class TokenizedCorpus:
    """A corpus as ids on disk: a folder made once by `build`, read a window at a time.

    Files: `tokenizer.json`; `tokens.u16`, the token stream; `windows.u64`, the window
    starts; `stock.u64`, the hashes of stock tweets (see `novelty`); `validation.jsonl`, the
    held-out tweets; `corpus.json`, the counts and the fingerprint of what it was made from.
    Memory: eight bytes a window, and the held-out tweets; when it is made, eight bytes a tweet.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.info: dict[str, Any] = json.loads((folder / "corpus.json").read_text())
            self.context = int(self.info["context"])
            self._stream = folder / "tokens.u16"
            starts = np.fromfile(folder / "windows.u64", np.uint64)
            self._bounds = np.append(starts, np.uint64(self.info["tokens"]))
            self.stock: Hashes = np.fromfile(folder / "stock.u64", np.uint64)
            with (folder / "validation.jsonl").open(encoding="utf-8") as file:
                records = [json.loads(line) for line in file]
            self.validation = [Document(record["author"], record["text"]) for record in records]
            sizes = {
                "tokens": self._stream.stat().st_size // 2,
                "windows": len(starts),
                "stock_tweets": len(self.stock),
                "validation_tweets": len(records),
            }
            if any(self.info[name] != size for name, size in sizes.items()):
                raise ValueError("a file of another size than corpus.json tells")
        except _DAMAGED as error:
            raise TwitterbotError(
                f"{folder} is not a tokenized corpus; remove it to have it made again"
            ) from error
        self.tokenizer = Tokenizer.load(folder / "tokenizer.json")

    def __len__(self) -> int:
        """The number of windows."""
        return len(self._bounds) - 1

    def windows(self, indices: Iterable[int], shifts: Iterable[float]) -> Ids:
        """Rows of `context + 1` ids, one an index.

        `shifts`, from 0 to below 1, say at which of a window's own tweets, those before the
        next window, its row starts: 0 at the first. So no pass need have the rows of another.
        """
        return np.stack([self._row(*place) for place in zip(indices, shifts, strict=True)])

    def _row(self, index: int, shift: float) -> Ids:
        start, end = (int(start) for start in self._bounds[index : index + 2])
        size = self.context + 1
        ids = np.fromfile(self._stream, np.uint16, end - start + size, offset=2 * start)
        tweets = [0, *(np.flatnonzero(ids[: end - start - 1] == END) + 1)]
        tweets = [first for first in tweets if first + size <= len(ids)]
        first = tweets[int(shift * len(tweets))]
        return _window(ids[first : first + size])

    @classmethod
    def build(
        cls,
        folder: Path,
        paths: Sequence[Path],
        *,
        validation: Sequence[Path] = (),
        context: int,
        vocabulary_size: int,
        tokenizer: Tokenizer | None = None,
        on_progress: Callable[[str, int], None] = lambda stage, tweets: None,
    ) -> "TokenizedCorpus":
        """The corpus in `folder` when it was made from these files, else makes it there.

        Without `validation` files one in a hundred authors is held out. `tokenizer` takes
        the place of a newly trained one.
        """
        vocabulary = tokenizer.to_json() if tokenizer else vocabulary_size
        fingerprint = _fingerprint([*paths, *validation], len(paths), context, vocabulary)
        if _is_current(folder, fingerprint):
            return cls(folder)
        if tokenizer is None:
            on_progress("learning the tokenizer", 0)
            sample = itertools.islice(read_corpus(paths), TOKENIZER_SAMPLE)
            tokenizer = Tokenizer.train((document.text for document in sample), vocabulary_size)
        held_out = list(read_corpus(validation))
        one_in = 0 if validation else _HOLD_OUT_ONE_IN
        counts = {"tweets": 0, "characters": 0}
        hashes = array("Q")

        def kept() -> Iterator[Document]:
            for document in read_corpus(paths):
                if one_in and _bucket(document) % one_in == 0:
                    held_out.append(document)
                    continue
                counts["tweets"] += 1
                counts["characters"] += len(document.text)
                if (number := stock_hash(document.text)) is not None:
                    hashes.append(number)
                if counts["tweets"] % _CHUNK == 0:
                    on_progress("tokenizing", counts["tweets"])
                yield document

        with replacing_folder(folder) as temporary:
            tokens, windows = _write_stream(temporary, _encode(kept(), tokenizer), context)
            if not held_out:
                raise TwitterbotError(
                    "the corpus has too few authors to hold one in a hundred of them out for "
                    "scores; name files of other tweets with --validation"
                )
            if not windows:
                raise TwitterbotError(
                    f"the corpus has {tokens} tokens, fewer than one context of {context}"
                )
            stock = _repeated(hashes)
            stock.tofile(temporary / "stock.u64")
            tokenizer.save(temporary / "tokenizer.json")
            with (temporary / "validation.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(document._asdict()) + "\n" for document in held_out)
            info = {
                **counts,
                "tokens": tokens,
                "windows": windows,
                "stock_tweets": len(stock),
                "validation_tweets": len(held_out),
                "context": context,
                "files": [path.name for path in paths],
                "fingerprint": fingerprint,
            }
            (temporary / "corpus.json").write_text(json.dumps(info, indent=2) + "\n")
        return cls(folder)


def _encode(
    documents: Iterator[Document], tokenizer: Tokenizer
) -> Iterator[tuple[str | None, list[int]]]:
    while chunk := list(itertools.islice(documents, _CHUNK)):
        ids = tokenizer.encode([document.text for document in chunk])
        yield from zip((document.author for document in chunk), ids, strict=True)


def _write_stream(
    folder: Path, tweets: Iterable[tuple[str | None, Sequence[int]]], context: int
) -> tuple[int, int]:
    """Writes the stream and its windows; returns the number of tokens and of windows."""
    starts = WindowStarts(context)
    begins = array("Q")
    position = 0
    with (folder / "tokens.u16").open("wb") as file:
        for piece in token_stream(tweets):
            begins.extend(starts.add(position, position + len(piece)))
            position += len(piece)
            file.write(array("H", piece))
    # The last windows of a corpus are dropped where the stream ends within them.
    while begins and begins[-1] + context + 1 > position:
        begins.pop()
    with (folder / "windows.u64").open("wb") as file:
        begins.tofile(file)
    return position, len(begins)


def _repeated(hashes: "array[int]") -> Hashes:
    """Those that are there more than once. Sorts `hashes`, as they may be many."""
    ordered = np.frombuffer(hashes, np.uint64)
    ordered.sort()
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _bucket(document: Document) -> int:
    """A number that all tweets of one author share; unknown authors' tweets differ."""
    key = document.text if document.author is None else document.author
    return int.from_bytes(hashlib.blake2s(key.encode(errors="replace"), digest_size=4).digest())


def _fingerprint(paths: Sequence[Path], *settings: object) -> str:
    """Changes when a corpus file's name or content does, the normal form, ours, or a setting."""
    digests = [(path.name, _digest(path)) for path in paths]
    content = json.dumps([digests, NORMAL_FORM, _FOLDER_FORMAT, *map(str, settings)])
    return hashlib.sha256(content.encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TwitterbotError(f"cannot read {path}: {error.strerror}") from error


def _is_current(folder: Path, fingerprint: str) -> bool:
    try:
        info = json.loads((folder / "corpus.json").read_text())
        return bool(info["fingerprint"] == fingerprint)
    except _DAMAGED:
        return False
