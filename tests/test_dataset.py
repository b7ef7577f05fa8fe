"""Corpora as streams, and windows that leave nothing out."""

import gzip
import itertools
import json
import lzma
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import invented_tweets
from twitterbot.dataset import Document, TokenizedCorpus, WindowStarts, pack, read_corpus
from twitterbot.errors import TwitterbotError
from twitterbot.novelty import stock_hash
from twitterbot.text import LINK
from twitterbot.tokenizer import BEGIN, END

# ------------------------------------------------------------------ corpora

LINES = """{"author": "a", "text": "one"}

{"text": "two https://ex.am", "author": ""}
{"text": " ", "id": 3}
"""
TABLE = 'username,Text\na,"one"\n,"two https://ex.am"\n,\n'
PLAIN = "one\r\n\ntwo https://ex.am\n"


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".GZ"])
@pytest.mark.parametrize(
    ("name", "content", "author"),
    [("c.jsonl", LINES, "a"), ("c.csv", TABLE, "a"), ("C.TXT", PLAIN, None)],
)
def test_every_kind_of_corpus_file_reads_the_same(
    name: str, content: str, author: str | None, ending: str, tmp_path: Path
) -> None:
    compress: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress}
    path = tmp_path / (name + ending)
    path.write_bytes(compress.get(ending.lower(), bytes)(content.encode("utf-8-sig")))
    first, second = read_corpus([path])
    assert first == Document(author, "one")
    assert second.text == f"two {LINK}"
    assert second.author is None


def test_several_files_are_one_stream(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"from {name}\n")
    texts = [document.text for document in read_corpus([tmp_path / "b.txt", tmp_path / "a.txt"])]
    assert texts == ["from b.txt", "from a.txt"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("c.jsonl", b'{"text": "fine"}\n{"text": 1}\n', "after line 1: each line must be a JSON"),
        ("c.jsonl", b'{"text": "fine"}\n\n{half\n', "after line 1: Expecting"),
        ("c.jsonl", b'{"text": "fine"}\n' + b"[" * 200_000 + b"\n", "after line 1: "),
        ("c.csv", b"id,date\n1,2\n", "no text column"),
        ("c.txt", b"fine\n" * 3 + b"caf\xe9\n", "codec can't decode"),
        ("c.txt.gz", gzip.compress(b"fine\n" * 5000, mtime=0)[:-10], "ended before"),
        ("c.txt.xz", b"no xz at all", "c.txt.xz: "),
        ("c.pdf", b"", "a corpus file is .jsonl, .csv or .txt"),
    ],
)
def test_damage_is_told_with_file_and_line(
    name: str, content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TwitterbotError) as caught:
        list(read_corpus([path]))
    assert str(caught.value).startswith(str(path))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_corpus_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TwitterbotError, match=r"gone\.txt.*No such file"):
        list(read_corpus([tmp_path / "gone.txt"]))


# ------------------------------------------------------------------ windows

# Tweets of distinct ids, so that a window tells which tokens it holds; 0 and 1 are control ids.
lengths = st.lists(st.integers(0, 30), min_size=1, max_size=30)


def numbered(sizes: Sequence[int]) -> list[list[int]]:
    ids = iter(range(2, 2 + sum(sizes)))
    return [[next(ids) for _ in range(size)] for size in sizes]


@settings(deadline=None)
@given(lengths, st.integers(4, 20))
def test_windows_hold_every_token_and_start_where_a_tweet_does(
    sizes: list[int], context: int
) -> None:
    tweets = numbered(sizes)
    windows = pack(tweets, context)
    assert windows.shape[1] == context + 1
    assert (windows[:, 0] == BEGIN).all()
    # The first id is never predicted, so what is to be learnt stands behind it.
    assert {id_ for ids in tweets for id_ in ids} <= set(windows[:, 1:].ravel().tolist())
    starts = {ids[0] for ids in tweets if ids} | {END}  # END alone is an empty tweet
    inside_long = {id_ for ids in tweets if len(ids) + 1 > context for id_ in ids}
    assert set(windows[:, 1].tolist()) <= starts | inside_long


def test_windows_of_short_tweets_by_example() -> None:
    a, b, c = [2, 3], [4, 5], [6, 7]
    assert pack([a, b, c], 7).tolist() == [
        [BEGIN, 2, 3, END, 4, 5, END, 6],
        # The tweet that a window cuts starts the next one, whole; the stream's beginning fills up.
        [BEGIN, 6, 7, END, BEGIN, 2, 3, END],
    ]


def test_a_tweet_longer_than_a_window_goes_on_in_the_next() -> None:
    windows = pack([list(range(2, 12))], 4)
    assert windows[:, 1:].ravel().tolist()[:11] == [*range(2, 6), *range(5, 9), *range(9, 12)]


@given(lengths, st.integers(4, 20))
def test_window_starts_leave_no_gap(sizes: list[int], context: int) -> None:
    starts = WindowStarts(context)
    begins: list[int] = []
    position = 0
    for size in sizes:
        begins.extend(starts.add(position, position + size + 1))
        position += size + 1
    assert begins[0] == 0
    assert all(0 < b - a <= context for a, b in itertools.pairwise(begins))
    assert position <= begins[-1] + context


# ------------------------------------------------------------------ the tokenized corpus


def build(folder: Path, paths: Sequence[Path], **settings_: Any) -> TokenizedCorpus:
    return TokenizedCorpus.build(
        folder / "tokenized", paths, **{"context": 32, "vocabulary_size": 400, **settings_}
    )


def test_the_stream_on_disk_is_the_corpus(corpus: Path, validation: Path, tmp_path: Path) -> None:
    data = build(tmp_path, [corpus], validation=[validation])
    assert data.validation == list(read_corpus([validation]))
    assert data.info["tweets"] == 450
    starts = np.fromfile(tmp_path / "tokenized" / "windows.u64", np.uint64).astype(int)
    windows = data.windows(range(len(data)), np.zeros(len(data)))
    assert windows.shape == (len(starts), 33)
    assert (windows[:, 0] == BEGIN).all()
    stream = np.fromfile(tmp_path / "tokenized" / "tokens.u16", np.uint16)
    expected, previous = "", None
    for author, text in read_corpus([corpus]):
        expected += ("" if author == previous else "<|begin|>") + text + "<|end|>"
        previous = author
    assert data.tokenizer.decode(stream.tolist()) == expected
    for start, row in zip(starts, windows, strict=True):
        own = row if stream[start] == BEGIN else row[1:]
        assert own.tolist() == stream[start : start + len(own)].tolist()
    assert starts[-1] + 2 * 32 > len(stream)  # what is dropped is less than a window


STOCK = "This tavern has the finest oysters of the northern shore"


def test_stock_tweets_are_those_that_the_corpus_has_repeatedly(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    again, once = "Nobody but the gulls was up in time to see the ferry", "Seen from here: " + STOCK
    first.write_text(
        "\n".join([STOCK, again, once, "hello", "hello", *invented_tweets("tarn", 50)])
    )
    second.write_text(f"{STOCK.upper()} https://ex.am/p\n@you {again}\n{STOCK}\n")
    other = tmp_path / "v.txt"
    other.write_text(f"{once}\n{once}\n")
    data = build(tmp_path, [first, second], validation=[other])
    assert data.stock.tolist() == sorted(map(stock_hash, [STOCK, again]))
    assert data.info["stock_tweets"] == 2


def test_a_shifted_window_starts_at_another_of_its_own_tweets(
    corpus: Path, validation: Path, tmp_path: Path
) -> None:
    data = build(tmp_path, [corpus], validation=[validation], context=64)
    stream = np.fromfile(tmp_path / "tokenized" / "tokens.u16", np.uint16)
    starts = np.fromfile(tmp_path / "tokenized" / "windows.u64", np.uint64).astype(int)
    shifts = np.linspace(0, 1, 50, endpoint=False)
    seen = set()
    for index, (start, after) in enumerate(itertools.pairwise([*starts, len(stream)])):
        tweets = [start, *(n for n in range(start + 1, after) if stream[n - 1] == END)]
        tweets = [n for n in tweets if n + 65 <= len(stream)]
        rows = []
        for n in tweets:
            row = stream[n : n + 65].tolist()
            rows.append(row if row[0] == BEGIN else [BEGIN, *row[:-1]])
        windows = data.windows([index] * len(shifts), shifts).tolist()
        assert windows[0] == rows[0]
        assert all(row in windows for row in rows)
        assert all(window in rows for window in windows)
        seen.add(len(rows))
    assert max(seen) > 3


def test_a_corpus_is_made_once_and_again_when_a_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("\n".join(invented_tweets("milla", 100)))
    other = tmp_path / "v.txt"
    other.write_text("held out\n")
    stages: list[str] = []

    def made(**settings_: Any) -> bool:
        stages.clear()
        build(
            tmp_path,
            [path],
            validation=[other],
            on_progress=lambda stage, tweets: stages.append(stage),
            **settings_,
        )
        return bool(stages)

    assert made()
    assert not made()
    os.utime(path, (0, 0))  # a copy of the same file
    assert not made()
    assert made(context=16)
    path.write_text("\n".join(invented_tweets("tarn", 100)))
    assert made(context=16)
    assert not made(context=16)
    other.write_text("held out too\n")
    assert made(context=16)
    more = tmp_path / "more.txt"
    more.write_text("\n".join(invented_tweets("quist", 100)))
    build(tmp_path, [path, more], validation=[other])
    moved = build(tmp_path, [path], validation=[more, other])  # the same files, but not their parts
    assert moved.info["files"] == ["c.txt"]


def test_held_out_authors_are_in_no_window(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    texts = invented_tweets("milla", 600)
    lines = [{"author": f"user{n // 2}", "text": f"{text} {n}"} for n, text in enumerate(texts)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = build(tmp_path, [path])
    held_out = {document.author for document in data.validation}
    assert 1 <= len(held_out) <= 12  # about one in a hundred of 300
    assert len(data.validation) == 2 * len(held_out)
    assert data.info["tweets"] == 600 - len(data.validation)
    trained_on = data.tokenizer.decode(
        data.windows(range(len(data)), np.zeros(len(data))).ravel().tolist()
    )
    assert not any(document.text in trained_on for document in data.validation)
    assert sum(line["text"] in trained_on for line in lines) > 400


def test_a_corpus_of_too_few_authors_to_hold_one_out_says_so(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    lines = [{"author": "only", "text": text} for text in invented_tweets("milla", 100)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(TwitterbotError, match="--validation"):
        build(tmp_path, [path])


def test_a_corpus_shorter_than_a_window_says_so(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("a word\n")
    with pytest.raises(TwitterbotError, match="fewer than one context of 32"):
        build(tmp_path, [path], validation=[path])
    assert not (tmp_path / "tokenized").exists()


def test_a_folder_that_is_no_tokenized_corpus_says_so(tmp_path: Path) -> None:
    with pytest.raises(TwitterbotError, match="is not a tokenized corpus"):
        TokenizedCorpus(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        *("corpus.json", "tokens.u16", "windows.u64", "stock.u64"),
        *("validation.jsonl", "tokenizer.json"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "nested"])
def test_a_damaged_tokenized_corpus_says_so(
    corpus: Path, validation: Path, tmp_path: Path, name: str, damage: str
) -> None:
    stock = tmp_path / "stock.txt"
    stock.write_text(f"{STOCK}\n{STOCK}\n")
    build(tmp_path, [corpus, stock], validation=[validation])
    file = tmp_path / "tokenized" / name
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        contents = {"cut": content[: len(content) // 2], "empty": b"", "nested": b"[" * 200_000}
        file.write_bytes(contents[damage])
    with pytest.raises(TwitterbotError, match=r"is not a token|cannot read .*tokenizer\.json"):
        TokenizedCorpus(tmp_path / "tokenized")
