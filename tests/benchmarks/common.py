"""What the benchmarks share: talk and tables, texts as bytes, and the words that a corpus knows.

A corpus is a folder of `train-*.jsonl.xz` and `validation.jsonl.xz`, or of files of these
names that are not packed.
"""

import json
import re
import statistics
import sys
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twitterbot import text
from twitterbot.dataset import Document, read_corpus
from twitterbot.novelty import stock_hash

# ------------------------------------------------------------------ talk


def say(line: str) -> None:
    """Talk, on stderr: stdout is for the report."""
    print(line, file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, the first column to the left."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def table_with_means(rows: Mapping[str, Mapping[str, float]], columns: Mapping[str, str]) -> str:
    """A row an account and one of means, over those that have the number; `columns`: formats."""
    means = {
        column: statistics.mean(row[column] for row in rows.values() if column in row)
        for column in columns
        if any(column in row for row in rows.values())
    }
    lines = [
        (
            name,
            *(
                format(row[column], form) if column in row else ""
                for column, form in columns.items()
            ),
        )
        for name, row in [*rows.items(), ("mean", means)]
    ]
    return table(("account", *columns), lines)


# ------------------------------------------------------------------ texts


def train_files(corpus: Path) -> list[Path]:
    """The corpus's training files; exits when there are none."""
    return sorted(corpus.glob("train*.jsonl*")) or sys.exit(f"no train*.jsonl files in {corpus}")


def validation_sample(corpus: Path, tweets: int | None = None) -> list[Document]:
    """The very tweets that `pretrain` scores a base on; those for a finished one if not given."""
    from twitterbot import pretrain

    documents = list(read_corpus(sorted(corpus.glob("validation.jsonl*"))))
    return pretrain.validation_sample(documents, tweets or pretrain.FINAL_TWEETS)


def to_bytes(texts: Iterable[str]) -> bytes:
    """Normalized texts as a byte model reads them: UTF-8, each with NUL as its end mark.

    A placeholder is one byte that UTF-8 never uses, so that it costs a byte model no more
    than it costs ours.
    """
    joined = "".join(one + "\0" for one in texts).encode()
    return joined.replace(text.LINK.encode(), b"\xfe").replace(text.MENTION.encode(), b"\xff")


# ------------------------------------------------------------------ what a corpus knows

KNOWN_FROM = 8  # times that the corpus has a word: fewer, and it may be a slip itself
_TOKEN = re.compile(r"[#@]?\w+")


def words(line: str) -> Iterator[str]:
    """The runs of three letters or more, in their own case; no tags, handles or numbers.

    An apostrophe ends a word: "wouldn't" is known by its "wouldn".
    """
    return (token for token in _TOKEN.findall(line) if len(token) >= 3 and token.isalpha())


def invented(line: str, known: Collection[str]) -> list[str]:
    """The lower-case words of `line` that are not `known`: capitals may be names."""
    return [word for word in words(line) if word.islower() and word not in known]


def invented_words(texts: Sequence[str], known: Collection[str]) -> tuple[int, Counter[str]]:
    """The number of all lower-case words of `texts`, and the invented ones among them."""
    count = sum(word.islower() for text in texts for word in words(text))
    return count, Counter(word for text in texts for word in invented(text, known))


@dataclass(frozen=True)
class Knowledge:
    """What a corpus's training tweets hold: words by count, and hashes of the longer tweets."""

    words: dict[str, int]  # lower case, those that it has KNOWN_FROM times or more
    hashes: NDArray[np.uint64]  # sorted

    def has(self, line: str) -> bool:
        """True when `line`, folded, is longer than STOCK_LENGTH and stands in the corpus."""
        key = stock_hash(line)
        if key is None:
            return False
        place = np.searchsorted(self.hashes, key)
        return bool(place < len(self.hashes) and self.hashes[place] == key)


def knowledge(corpus: Path, work: Path) -> Knowledge:
    """Reads the whole corpus once (minutes); later calls take the result from `work`.

    Memory: the counts of the corpus's different words, and 8 bytes a tweet.
    """
    files = train_files(corpus)
    fingerprint = [[file.name, file.stat().st_size] for file in files]
    counts_file, hashes_file = work / "corpus-words.json", work / "corpus-hashes.npy"
    if counts_file.exists():
        stored = json.loads(counts_file.read_text())
        if stored["files"] == fingerprint:
            return Knowledge(stored["words"], np.load(hashes_file))
    found = _read_knowledge(files)
    work.mkdir(parents=True, exist_ok=True)
    np.save(hashes_file, found.hashes)
    counts_file.write_text(json.dumps({"files": fingerprint, "words": found.words}))
    return found


def _read_knowledge(files: Sequence[Path]) -> Knowledge:
    counts: Counter[str] = Counter()
    hashes = array("Q")
    for number, document in enumerate(read_corpus(files), start=1):
        counts.update(word.lower() for word in words(document.text))
        key = stock_hash(document.text)
        if key is not None:
            hashes.append(key)
        if number % 200_000 == 0:
            say(f"read {number:,} tweets of the corpus, {len(counts):,} words")
    known = {word: count for word, count in counts.items() if count >= KNOWN_FROM}
    return Knowledge(known, np.unique(np.frombuffer(hashes, np.uint64)))
