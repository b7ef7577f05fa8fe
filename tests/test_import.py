"""`twitterbot import`: every format, every kind of damage, seen from the command line."""

import bz2
import csv
import gzip
import json
import lzma
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from tests.conftest import ENVIRONMENT
from twitterbot import console, tweets
from twitterbot.cli import app
from twitterbot.errors import TwitterbotError
from twitterbot.importers import draft, import_files, sources
from twitterbot.options import ImportOptions
from twitterbot.tweets import KINDS, Tweet

DATA = Path(__file__).parent / "data" / "import"
EXPECTED: dict[str, list[dict[str, str]]] = json.loads((DATA / "expected.json").read_text("utf-8"))
ME = "fictional_gardener"
HEADLESS = ("--text-column", "6", "--id-column", "2", "--date-column", "3")
ID = "1626922775081910349"


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    console.set_level(console.Level.NORMAL)


def run(*arguments: str | Path, stdin: bytes | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["import", *map(str, arguments)], input=stdin)
    assert result.exit_code == code, result.output
    assert not result.stdout  # talk is on stderr
    return result


def fails(*arguments: str | Path, stdin: bytes | None = None) -> str:
    """The one line of a failure."""
    lines = run(*arguments, stdin=stdin, code=1).stderr.splitlines()
    assert len(lines) == 1
    return lines[0].removeprefix("twitterbot: ")


def timeline(name: str = ME) -> list[Tweet]:
    return tweets.read(Path("tweets", f"{name}.jsonl"))


def texts(name: str = ME) -> list[str]:
    return [tweet.text for tweet in timeline(name)]


def write(name: str, content: str | bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(folder: Path, target: str = "archive.zip", top: str = "", method: int = 8) -> Path:
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, top + path.relative_to(folder).as_posix())
    return Path(target)


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def record(number: str, text: str, author: str = ME) -> str:
    return Tweet(number, text, author=author).to_json() + "\n"


# ------------------------------------------------------------------ formats


@pytest.mark.parametrize("name", EXPECTED)
def test_every_format_gives_the_expected_timeline(name: str) -> None:
    options = ["--author", ME, *(HEADLESS if name == "headless.csv" else ())]
    run(DATA / name, *options)
    assert [json.loads(tweet.to_json()) for tweet in timeline()] == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_importing_twice_changes_nothing(name: str) -> None:
    options = ["--author", ME, *(HEADLESS if name == "headless.csv" else ())]
    run(DATA / name, *options)
    before = Path("tweets", f"{ME}.jsonl").read_bytes()
    assert "0 new" in run(DATA / name, *options).stderr
    assert Path("tweets", f"{ME}.jsonl").read_bytes() == before


def test_every_data_file_is_expected() -> None:
    assert {path.name for path in DATA.iterdir()} == {*EXPECTED, "expected.json"}


# ------------------------------------------------------------------ archives


@pytest.mark.parametrize("name", ["archive-2023", "archive-2019", "grailbird"])
@pytest.mark.parametrize("top", ["", "twitter-2023-03-01/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_zip_reads_like_its_folder(name: str, top: str, method: int) -> None:
    run(zipped(DATA / name, top=top, method=method))
    assert [json.loads(tweet.to_json()) for tweet in timeline()] == EXPECTED[name]


def test_a_folder_around_the_unpacked_archive(tmp_path: Path) -> None:
    shutil.copytree(DATA / "archive-2023", "outer/inner")
    run("outer")
    assert len(timeline()) == len(EXPECTED["archive-2023"])


@pytest.mark.parametrize("pack", [lambda path: path, zipped])
def test_private_parts_of_an_archive_are_never_read(pack: Callable[[Path], Path]) -> None:
    talk = run(pack(DATA / "archive-2023"), "-v").stderr
    written = Path("tweets", f"{ME}.jsonl").read_text()
    for secret in ("PRIVATE", "nobody@mail.example"):
        assert secret in "".join(path.read_text() for path in (DATA / "archive-2023").rglob("*.js"))
        assert secret not in written + talk


def test_deleted_tweets_named_by_hand_are_not_read() -> None:
    data = DATA / "archive-2023" / "data"
    for name in ("deleted-tweets", "twitter-circle-tweet", "direct-messages", "like"):
        assert "does not read" in fails(data / f"{name}.js")
    run(data / "tweets.js")
    assert len(timeline("tweets")) == 4


def test_tweets_csv_of_a_grailbird_archive() -> None:
    Path("old").mkdir()
    shutil.copy(DATA / "grailbird-tweets.csv", "old/tweets.csv")
    run("old")
    assert [tweet.text for tweet in timeline("old")] == [
        each["text"] for each in EXPECTED["grailbird-tweets.csv"]
    ]


def test_a_table_in_a_zip_tells_its_authors() -> None:
    with zipfile.ZipFile("set.zip", "w") as archive:
        archive.writestr("tweets.csv", f"id,user,text\n{ID},somebody_,a thought\n")
    run("set.zip")
    assert texts("somebody_") == ["a thought"]


def test_the_note_is_joined_across_a_second_and_after_a_reply() -> None:
    note = "a long thought, " * 30
    tweet = {"id_str": ID, "created_at": "Sat Feb 18 12:33:12 +0000 2023"}
    tweet["full_text"] = "@imaginary_neighbour " + note[:250] + "…"
    core = {"createdAt": "2023-02-18T12:33:11.900Z", "core": {"text": note}}
    write("a/data/tweets.js", "window.YTD.tweets.part0 = " + json.dumps([{"tweet": tweet}]))
    write("a/data/note-tweet.js", "window.YTD.n.part0 = " + json.dumps([{"noteTweet": core}]))
    run("a")
    assert texts("a") == ["@imaginary_neighbour " + note.strip()]


def test_the_manifest_tells_the_name_where_the_account_does_not() -> None:
    shutil.copytree(DATA / "archive-2023", "a")
    Path("a/data/account.js").unlink()
    run("a")
    assert len(timeline()) == len(EXPECTED["archive-2023"])
    Path("a/data/manifest.js").unlink()
    assert "without an author, taken to be by a; --author NAME says better: 6" in run("a").stderr
    assert len(timeline("a")) == len(EXPECTED["archive-2023"])


def test_paths_in_a_zip_lead_nowhere() -> None:
    tweet = 'window.YTD.tweets.part0 = [{"tweet": {"id_str": "1", "full_text": "trap"}}]'
    with zipfile.ZipFile("evil.zip", "w") as archive:
        for name in ("../data/tweets.js", "/../tweets.js", "__MACOSX/tweets.js", "a/b/c/tweets.js"):
            archive.writestr(name, tweet)
    assert "no archive of X" in fails("evil.zip")
    assert names(".") == ["evil.zip"]


def test_links_out_of_an_unpacked_archive_are_not_followed() -> None:
    shutil.copytree(DATA / "archive-2023", "a")
    shutil.move("a/data/tweets.js", "outside.js")
    Path("a/data/tweets.js").symlink_to(Path("outside.js").resolve())
    run("a")
    assert len(timeline()) == len(EXPECTED["archive-2023"]) - 4


def test_a_zip_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_FREE", 1 << 20)
    with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/tweets.js", "window.YTD.tweets.part0 = [" + " " * (8 << 20) + "]")
    assert "unpacks to implausibly much" in fails("bomb.zip")
    write("bomb.txt.gz", gzip.compress(b"a" * (8 << 20)))
    assert "unpacks to implausibly much" in fails("bomb.txt.gz")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_cut_zip_gives_what_is_left_of_it(share: float, method: int) -> None:
    many = [
        {"tweet": {"id_str": str(int(ID) + n), "full_text": f"thought number {n}"}}
        for n in range(2000)
    ]
    with zipfile.ZipFile("whole.zip", "w", method) as archive:
        archive.write(DATA / "archive-2023/data/account.js", "data/account.js")
        archive.writestr("data/tweets.js", "window.YTD.tweets.part0 = " + json.dumps(many))
    whole = Path("whole.zip").read_bytes()
    cut = write("cut.zip", whole[: int(share * len(whole))])
    assert "cut short" in run(cut).stderr
    assert len(timeline()) > share * 0.8 * 2000
    assert "cut.zip" in fails(cut, "--strict")


def test_a_zip_that_is_no_archive() -> None:
    with zipfile.ZipFile("photos.zip", "w") as archive:
        archive.writestr("beach.jpg", b"\xff\xd8")
    assert fails("photos.zip") == (
        "photos.zip: no archive of X, there is no data/tweets.js in it; "
        "name the files with tweets themselves"
    )


def test_a_member_with_a_password_or_a_broken_checksum() -> None:
    path = zipped(DATA / "archive-2023", method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"Tea &amp; toast")] ^= 1
    path.write_bytes(content)
    talk = run(path).stderr
    assert "archive.zip/data/tweets.js: damaged or cut short (its checksum is wrong)" in talk
    assert len(timeline()) == len(EXPECTED["archive-2023"])
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("data/tweets.js").header_offset
    directory = content.rindex(b"PK\x01\x02", 0, content.rindex(b"data/tweets.js"))
    content[start + 6] |= 1
    content[directory + 8] |= 1
    path.write_bytes(content)
    assert "password" in run(path).stderr


# ------------------------------------------------------------------ compression and encoding


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress, bytes])
def test_compressed_input_is_told_by_content(compress: Callable[[bytes], bytes]) -> None:
    content = "".join(record(str(int(ID) + n), f"thought {n} é") for n in range(500)).encode()
    run(write("anything", compress(content)))
    assert len(timeline()) == 500
    if compress is bz2.compress:  # all of it in one block, which cannot be read in part
        return
    packed = compress(content)
    cut = write("cut", packed[: len(packed) * 3 // 4])
    run(cut, "--tweets-dir", "cut-tweets")
    assert "cut" in fails(cut, "--strict")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding: str, newline: str) -> None:
    content = newline.join(["un café ☕", "and — so on 🌱", ""])
    run(write("notes.txt", content.encode(encoding)))
    assert texts("notes") == ["un café ☕", "and — so on 🌱"]
    table = newline.join(["text,date", f'"two{newline}lines",2020-01-01', ""])
    run(write("table.csv", table.encode(encoding)))
    assert texts("table") == ["two\nlines"]
    lines = newline.join(record(str(int(ID) + n), f"é {n}", "a").strip() for n in range(3))
    run(write("lines.jsonl", lines.encode(encoding)))
    assert texts("a") == ["é 0", "é 1", "é 2"]


def test_mixed_encodings_are_mended_and_named() -> None:
    content = "caf\u00e9 one\n".encode() + "caf\u00e9 \u201ctwo\u201d\n".encode("cp1252")
    path = write("notes.txt", content)
    assert "not in UTF-8, read as Windows-1252: 1" in run(path).stderr
    assert texts("notes") == ["café one", "café “two”"]
    assert fails(path, "--strict").startswith("notes.txt, tweet 2: not UTF-8; mend it")


def test_zeros_and_half_characters_do_not_reach_the_file() -> None:
    line = '{"id": "%s", "text": "a\\u0000b \\ud83d c \\ud83c\\udf31", "author": "n\\udc00"}'
    run(write("t.jsonl", line % ID), "--author", "n\ufffd")
    assert texts("n") == ["ab \ufffd c 🌱"]
    run(write("z.txt", "zeros\0\0 in\nthe text\0"))
    assert texts("z") == ["zeros in", "the text"]


# ------------------------------------------------------------------ damage


def test_half_a_line_of_json_is_named_and_the_rest_is_read() -> None:
    whole = record(ID, "whole")
    path = write("t.jsonl", whole + whole[:40] + "\n" + record(str(int(ID) + 1), "after"))
    talk = run(path).stderr
    assert "t.jsonl, line 2: not a whole JSON value" in talk
    assert texts() == ["whole", "after"]
    shutil.rmtree("tweets")
    assert fails(path, "--strict").startswith("t.jsonl, line 2: not a whole JSON value; mend it")
    assert not Path("tweets").exists()


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_that_ends_too_early_gives_its_whole_elements(indent: int | None) -> None:
    items = [{"id_str": str(int(ID) + n), "text": f"thought {n}"} for n in range(9)]
    content = json.dumps(items, indent=indent)
    run(write("t.json", content[: content.index("thought 7") + 3]))
    assert texts("t") == [f"thought {n}" for n in range(7)]


@pytest.mark.parametrize("style", ["indented", "x", "lines"])
def test_reading_goes_on_behind_damage_in_an_array(style: str) -> None:
    items = [{"id_str": str(int(ID) + n), "text": f"thought {n}", "x": [{}]} for n in range(9)]
    if style == "x":
        content = (
            "window.YTD.tweet.part0 = [ "
            + ", ".join(json.dumps({"tweet": item}, indent=2) for item in items)
            + " ]"
        )
    elif style == "lines":
        content = "[\n" + ",\n".join(map(json.dumps, items)) + "\n]"
    else:
        content = json.dumps(items, indent=2)
    path = write("t.json", content.replace('"thought 4"', '"thought" 4"'))
    assert "not a whole JSON value" in run(path).stderr
    assert texts("t") == [f"thought {n}" for n in range(9) if n != 4]


def test_damage_is_counted_and_told_in_full_only_when_asked() -> None:
    path = write("t.jsonl", record(ID, "whole") + "{half\n" * 10)
    talk = run(path).stderr
    assert "10 places in t.jsonl could not be read" in talk
    assert "line 4:" in talk and "line 5:" not in talk
    assert "line 11:" in run(path, "-v").stderr


def test_one_bad_tweet_in_a_page_costs_no_other() -> None:
    posts = [{"id": str(int(ID) + n), "text": f"thought {n}", "author_id": "1"} for n in range(4)]
    posts[1]["created_at"] = "yesterday"
    page = {"data": posts, "includes": {"users": [{"id": "1", "username": ME}]}}
    assert (
        "t.jsonl, line 1: `created_at` must be a time"
        in run(write("t.jsonl", json.dumps(page))).stderr
    )
    assert texts() == ["thought 0", "thought 2", "thought 3"]
    items = {"tweets": [{"id": ID, "text": "a"}, 7, {"none": 1}, {"id": ID[1:], "text": "b"}]}
    assert "no tweet in it" in run(write("c.json", json.dumps(items))).stderr
    assert texts("c") == ["b", "a"]


def test_lines_of_json_are_recognized_behind_a_damaged_first_one() -> None:
    talk = run(write("t.jsonl", 'ext": "half"}\n' + record(ID, "whole"))).stderr
    assert "t.jsonl, line 1: not a whole JSON value" in talk
    assert texts() == ["whole"]


def test_a_text_of_megabytes_is_no_tweet() -> None:
    talk = run(write("t.txt", "a thought\n" + "x" * 5_000_000)).stderr
    assert "1 too long to be tweets dropped" in talk
    assert texts("t") == ["a thought"]


def test_what_is_no_tweet_is_named() -> None:
    path = write("t.jsonl", '{"name": "no text"}\n[]\n7\nnull\n' + record(ID, "whole"))
    talk = run(path).stderr
    assert "t.jsonl, line 1: no tweet in it" in talk
    assert "3 places" not in talk
    assert texts() == ["whole"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.zip", b"", "no tweets found; e.zip is empty"),
        ("e.jsonl", b"\n \n", "no tweets found; e.jsonl is empty"),
        ("e.js", b"window.YTD.tweets.part0 = [ ]", "no tweets found in e.js (JSON)"),
        ("e.csv", b"id,text\n", "no tweets found in e.csv (table)"),
        ("e.png", b"\x89PNG\r\n\x1a\n" + bytes(200), "no tweets found; e.png: not text"),
        ("e.json", b'{"half": ', "no tweets found; e.json, line 1: not a whole JSON value"),
        ("e.zip", b"PK\x03\x04", "no archive of X"),
    ],
)
def test_sources_without_a_tweet_are_one_line(name: str, content: bytes, message: str) -> None:
    assert message in fails(write(name, content))
    assert not Path("tweets").exists()


def test_sources_that_cannot_be_opened_are_one_line() -> None:
    assert fails("gone.zip") == "gone.zip: no such file or folder"
    assert fails("gone-*.zip") == "gone-*.zip: no such file or folder"
    assert fails("a\0b") == "a\0b: no such file or folder"
    Path("empty").mkdir()
    assert "no archive of X" in fails("empty")


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fresh current folder, and no more rights than any user has."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        monkeypatch.chdir(folder)
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
            monkeypatch.chdir("/")


@pytest.mark.usefixtures("as_nobody")
def test_what_may_not_be_read_or_written_is_one_line() -> None:
    write("closed/data/tweets.js", "[]")
    closed = write("closed.txt", "a thought")
    for path in (closed, Path("closed")):
        path.chmod(0)
    assert fails("closed") == "cannot read closed: Permission denied"
    assert fails("closed.txt") == "cannot read closed.txt: Permission denied"
    assert fails("closed/x") == "cannot read closed/x: Permission denied"
    path = write("open.txt", "a thought")
    assert fails(path, "--tweets-dir", "closed").startswith("cannot ")
    assert fails(path, "--tweets-dir", "closed/tweets").startswith("cannot ")
    write("tweets/open.jsonl", "").chmod(0)
    assert fails(path) == "cannot read tweets/open.jsonl: Permission denied"
    Path("tweets").chmod(0o500)
    assert fails(path, "--author", "me").startswith("cannot write tweets/me.jsonl: Permission")
    Path("closed").chmod(0o700)


def test_a_full_disk_loses_nothing() -> None:
    run(write("one.jsonl", record(ID, "kept")))
    before = Path("tweets", f"{ME}.jsonl").read_bytes()
    many = "".join(record(str(int(ID) + n), f"thought {n}") for n in range(1, 2000))
    path = write("two.jsonl", many)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        message = fails(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert message.startswith(f"cannot write tweets/{ME}.jsonl: File too large; ")
    assert names("tweets") == [f"{ME}.jsonl"]
    assert Path("tweets", f"{ME}.jsonl").read_bytes() == before


def test_a_damaged_timeline_is_not_replaced() -> None:
    path = write(f"tweets/{ME}.jsonl", record(ID, "kept") + "half a li")
    message = fails(write("t.jsonl", record(str(int(ID) + 1), "new")))
    assert message.startswith(f"tweets/{ME}.jsonl, line 2: not a tweet record")
    assert path.read_text().endswith("half a li")


# ------------------------------------------------------------------ merging, authors, ids


def test_files_and_the_timeline_merge_into_one() -> None:
    base = int(ID)
    run(write("1.jsonl", record(str(base + 2), "two") + record(str(base + 1), "one")))
    run(
        write("2.jsonl", record(str(base + 3), "three") + record(str(base + 2), "two")),
        write("3.jsonl", record(str(base), "zero")),
    )
    assert texts() == ["zero", "one", "two", "three"]


def test_the_whole_version_of_a_tweet_wins() -> None:
    cut, whole = "x" * 130 + "…", "x" * 130 + "yz"
    for order in ((cut, whole), (whole, cut)):
        shutil.rmtree("tweets", ignore_errors=True)
        for text in order:
            run(write("t.jsonl", record(ID, text)))
        assert texts() == [whole]


def test_merging_keeps_what_only_one_source_tells() -> None:
    told = Tweet(ID, "text", "2023-02-18T12:33:11Z", ME, "quote", "en")
    run(write("1.jsonl", told.to_json()))
    run(write("2.csv", f"id,text\n{ID},text\n"), "--author", ME)
    assert timeline() == [told]


def test_texts_without_ids_keep_their_order_and_never_collide() -> None:
    run(write("a.txt", "z\ny\nx\n"), write("b.txt", "x\ny\n"), "--author", "me")
    assert [tweet.text for tweet in timeline("me")] in (["z", "x", "y", "x"], ["x", "z", "y", "x"])
    assert all(tweet.id[0] == "n" for tweet in timeline("me"))


def test_each_author_gets_a_timeline() -> None:
    path = write("t.jsonl", record("1" * 18, "a", "Ann_") + record("2" * 18, "b", "Bob_"))
    talk = run(path).stderr.splitlines()
    assert texts("ann_") == ["a"] and texts("bob_") == ["b"]
    assert talk[-2:] == [
        "wrote tweets/bob_.jsonl: 1 tweet, 1 new",
        "wrote tweets/ann_.jsonl: 1 tweet, 1 new; next: twitterbot finetune tweets/ann_.jsonl",
    ]


def test_author_chooses_among_those_that_the_source_tells() -> None:
    path = write("t.jsonl", record("1" * 18, "a", "Ann_") + record("2" * 18, "b", "Bob_"))
    assert "1 by others dropped" in run(path, "--author", "@ANN_").stderr
    assert names("tweets") == ["ann_.jsonl"]
    assert timeline("ann_")[0].author == "Ann_"
    assert fails(path, "--author", "cid_") == "no tweets found in t.jsonl (JSON: 2 by others)"


def test_a_crowd_of_authors_is_not_written() -> None:
    lines = "".join(record(f"{10**17 + n}", "a", f"crowd_{n}") for n in range(101))
    message = fails(write("t.jsonl", lines))
    assert "tweets of 101 authors" in message and "--author" in message
    assert not Path("tweets").exists()


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ("/etc/passwd", "etc_passwd"),
        ("..", "unknown"),
        ("A Gardener!", "a_gardener"),
        ("x" * 300, "x" * 64),
        ("nul\0", "nul"),
    ],
)
def test_an_author_cannot_choose_a_path(author: str, name: str) -> None:
    run(write("t.jsonl", json.dumps({"id": ID, "text": "a", "author": author})))
    assert names("tweets") == [f"{name}.jsonl"]


def test_the_file_names_the_author_that_nothing_else_tells() -> None:
    run(write("Some.Body.txt.gz", gzip.compress(b"a thought\n")))
    assert timeline("some")[0].author == "Some"


def test_standard_input() -> None:
    assert "add --author" in fails("-", stdin=b"a thought\n")
    run("-", "--author", "@Me", stdin=b"a thought\n")
    assert timeline("me")[0].author == "Me"
    run("-", stdin=zipped(DATA / "archive-2023").read_bytes())
    assert len(timeline()) == len(EXPECTED["archive-2023"])


def test_a_pipe_with_a_name() -> None:
    os.mkfifo("pipe")
    content = zipped(DATA / "archive-2023").read_bytes()
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(content))
    writer.start()
    run("pipe")
    writer.join()
    assert len(timeline()) == len(EXPECTED["archive-2023"])


def test_patterns_that_the_shell_left() -> None:
    write("d/a.jsonl", record(ID, "a"))
    write("d/b.jsonl", record(str(int(ID) + 1), "b"))
    run("d/*.jsonl")
    assert texts() == ["a", "b"]


def test_ids_that_a_spreadsheet_ruined_are_noticed() -> None:
    rows = [f"{n}.915{n}E+17,2016-10-31 0{n}:00:00,thought {n}" for n in range(1, 5)]
    talk = run(write("r.csv", "\n".join(["id,date,text", *rows]))).stderr
    assert "ids ruined by a spreadsheet, made anew: 4" in talk
    assert [tweet.id[:15] for tweet in timeline("r")] == [f"d201610310{n}0000" for n in range(1, 5)]
    rows = [f"79155000000000{n}000,thought {n}" for n in range(1, 5)]
    assert "they end in 000: 4" in run(write("e.csv", "\n".join(["id,text", *rows]))).stderr


def test_row_numbers_are_no_ids() -> None:
    table = "id,text,date\n1,one,2020-01-01\n2,two,2020-01-02\n"
    run(write("t.csv", table))
    assert [tweet.id[:9] for tweet in timeline("t")] == ["d20200101", "d20200102"]
    run(write("first.csv", "id,text,date\n20,just trying this,2006-03-21 20:50:14\n"))
    assert timeline("first")[0].id == "20"


# ------------------------------------------------------------------ tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_dialects(delimiter: str, quoting: int) -> None:
    rows = [["Tweet ID", "When", "Full Text", "User"], [ID, "", "a, b; c\td|e\n\"f\" 'g'", "me_"]]
    with Path("t").open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    run("t")
    assert texts("me_") == ["a, b; c\td|e\n\"f\" 'g'"]


def test_columns_can_be_named() -> None:
    path = write("t.csv", f"words,number,day,text\nmine,{ID},2020-01-01,notes\n")
    run(path, "--text-column", "words", "--id-column", "number", "--date-column", "day")
    assert timeline("t") == [Tweet(ID, "mine", "2020-01-01T00:00:00Z", "t")]
    assert fails(path, "--text-column", "wrods") == (
        "t.csv: no column 'wrods'; there are words, number, day, text"
    )
    assert fails(write("e.csv", ""), "--text-column", "x") == "no tweets found; e.csv is empty"
    assert fails(path, "--id-column", "nubmer").startswith("t.csv: no column 'nubmer'; there are")
    run(write("o.jsonl", json.dumps({"words": "of JSON too"})), "--text-column", "words")
    assert texts("o") == ["of JSON too"]


@pytest.mark.parametrize(
    "prose",
    [
        "text, call or tweet\nI will, I will\nno; really\nagain, and again, and again\n",
        "[sings] la la la\n{sighs}\n[stops]\n",
    ],
)
def test_prose_is_neither_table_nor_json(prose: str) -> None:
    run(write("p.txt", prose))
    assert texts("p") == prose.splitlines()


def test_damaged_rows_are_named() -> None:
    table = "id,text,lang\n" + "".join(f"{int(ID) + n},fine,en\n" for n in range(8))
    talk = run(write("t.csv", f"{table}1,un,quoted,comma,en\n2\n{ID}0,,\n")).stderr
    assert "t.csv, line 10: 5 cells instead of 3" in talk
    assert "t.csv, line 11: 1 cell instead of 3" in talk
    assert "1 without a public text of their own dropped" in talk
    open_quote = f'id,text\n{ID},"never closed\n' + f"{int(ID) + 1},x\n" * 20_000
    assert "field larger than field limit" in run(write("q.csv", open_quote)).stderr
    assert "x" in texts("q")


# ------------------------------------------------------------------ talk


def test_the_last_line_says_what_to_do_next() -> None:
    talk = run(DATA / "archive-2023").stderr.splitlines()
    assert talk[0].endswith(
        "archive-2023 (X archive): 6 tweets, 1 without a public text of their own dropped"
    )
    assert talk[-1] == (
        f"wrote tweets/{ME}.jsonl: 6 tweets, 6 new; next: twitterbot finetune tweets/{ME}.jsonl"
    )


def test_quiet_says_nothing() -> None:
    assert run(DATA / "archive-2023", "-q").stderr == ""


# ------------------------------------------------------------------ any input at all


def imports(content: bytes, folder: Path, **options: Any) -> None:
    """Anything but tweets or a TwitterbotError makes a test fail."""
    path = folder / "input"
    path.write_bytes(content)
    try:
        report = import_files([str(path)], ImportOptions(**options), folder / "out")
    except TwitterbotError as error:
        assert "\n" not in str(error)
        return
    assert report.timelines
    for made in report.timelines:
        assert len(tweets.read(made.path)) == made.tweets > 0
        assert made.path.parent == folder / "out"
        lines = [tweet.id for tweet in tweets.stream(made.path)]
        assert lines == [tweet.id for tweet in tweets.read(made.path)]


anything = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FIELDS = """
id id_str text full_text tweet tweets data includes legacy rest_id user author entities urls url
expanded_url created_at date createdAt lang kind account note-tweet core record $type post object
type actor content orderedItems facets index features retweeted_status extended_tweet errors
note_tweet links note-tweet createdAt published media_key referenced_tweets author_id
"""
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(FIELDS.split()),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """A new empty folder at each call."""
    count = iter(range(1_000_000))

    def make() -> Path:
        folder = tmp_path / f"fresh-{next(count)}"
        folder.mkdir()
        return folder

    yield make


@anything
@given(content=st.binary(max_size=2000))
@example(content=b"PK\x05\x06" + bytes(18))
@example(content=b"\x1f\x8b" + bytes(30))
@example(content=b"\xfd7zXZ\x00" + bytes(30))
@example(content=b"[" * 100_000)
@example(content=b'{"a":' * 100_000)
@example(content=b'{"text": "a", "id": ' + b"9" * 5000 + b"}")
@example(content=b"\xff\xfe\x00")
def test_any_bytes(content: bytes, fresh: Callable[[], Path]) -> None:
    imports(content, fresh())


@anything
@given(value=json_values)
def test_any_json(value: Any, fresh: Callable[[], Path]) -> None:
    imports(json.dumps(value).encode(), fresh())
    imports(json.dumps([value, value], indent=1).encode(), fresh())


@anything
@given(rows=st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=4), max_size=5))
def test_any_table(rows: list[list[str]], fresh: Callable[[], Path]) -> None:
    lines = ["id,text,date,user", *(",".join(row) for row in rows)]
    imports("\n".join(lines).encode("utf-8", "replace"), fresh())


FILES = sorted(path for path in DATA.rglob("*") if path.is_file() and "PRIVATE" not in path.name)


@anything
@given(
    path=st.sampled_from(FILES),
    cut=st.floats(0, 1),
    junk=st.binary(max_size=8),
    at=st.floats(0, 1),
    data=st.data(),
)
def test_damaged_files_of_every_format(
    path: Path, cut: float, junk: bytes, at: float, data: st.DataObject, fresh: Callable[[], Path]
) -> None:
    content = path.read_bytes()
    place = int(at * len(content))
    content = content[:place] + junk + content[place + len(junk) :]
    imports(content[: int((0.2 + cut) * len(content))], fresh())


@anything
@given(place=st.floats(0, 1), junk=st.binary(min_size=1, max_size=8))
def test_a_damaged_zip(place: float, junk: bytes, fresh: Callable[[], Path]) -> None:
    folder = fresh()
    content = zipped(DATA / "archive-2023", str(folder / "a.zip")).read_bytes()
    start = int(place * len(content))
    imports(content[:start] + junk + content[start + len(junk) :], folder)


made_tweets = st.builds(
    Tweet,
    id=st.integers(0, 2**70).map(str)
    | st.text(st.sampled_from("0123456789'.\""), min_size=1)
    | st.from_regex(r"[a-z][0-9a-z-]{1,20}", fullmatch=True),
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
    .map(str.strip)
    .filter(bool),
    created_at=st.just("2020-01-02T03:04:05Z"),
    author=st.just(ME),
    kind=st.sampled_from(KINDS),
    lang=st.none() | st.sampled_from(["en", "pt-BR", "qme"]),
)


@anything
@given(records=st.lists(made_tweets, min_size=1, max_size=8, unique_by=lambda tweet: tweet.id))
def test_own_records_come_back_as_they_are(records: list[Tweet], fresh: Callable[[], Path]) -> None:
    folder = fresh()
    tweets.write(folder / "tweets.jsonl", records)
    import_files([str(folder / "tweets.jsonl")], ImportOptions(), folder / "out")
    expected = (folder / "tweets.jsonl").read_bytes()
    assert (folder / "out" / f"{ME}.jsonl").read_bytes() == expected


@anything
@given(value=st.text(max_size=40) | st.integers() | st.floats() | st.none())
@example(value="Sat Feb 18 12:33:11 +0000 2023")
@example(value="0001-01-01T00:00:00+23:59")
@example(value="1, 1, 1, 1")
def test_any_time(value: Any) -> None:
    time = draft.parse_time(value)
    assert time is None or Tweet.from_json(Tweet("1", "a", time).to_json()).created_at == time


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("Sat Feb 18 12:33:11 +0000 2023", "2023-02-18T12:33:11Z"),
        ("2021-05-11T20:48:54.000Z", "2021-05-11T20:48:54Z"),
        ("2019-09-01 12:34:56+02:00", "2019-09-01T10:34:56Z"),
        ("2015-01-24 02:02:37 +0000", "2015-01-24T02:02:37Z"),
        ("2020-05-05 12:00:00 UTC", "2020-05-05T12:00:00Z"),
        ("Mon Apr 06 22:19:45 PDT 2009", "2009-04-07T05:19:45Z"),
        ("Sat, 18 Feb 2023 12:33:11 GMT", "2023-02-18T12:33:11Z"),
        (1676723591, "2023-02-18T12:33:11Z"),
        (1676723591000, "2023-02-18T12:33:11Z"),
        ("1676723591.5", "2023-02-18T12:33:11Z"),
        ("10/31/2016 9:15:22 PM", "2016-10-31T21:15:22Z"),
        ("31/10/2016 21:15", "2016-10-31T21:15:00Z"),
        ("2016-10-31", "2016-10-31T00:00:00Z"),
        ("November 04, 2013 at 05:12PM", "2013-11-04T17:12:00Z"),
        ("nan", None),
        ("", None),
        (True, None),
        (["2020-01-01"], None),
    ],
)
def test_times(value: Any, time: str | None) -> None:
    assert draft.parse_time(value) == time


# ------------------------------------------------------------------ size


def big_archive(path: Path, count: int) -> None:
    """An archive as large as X makes them: two kilobytes a tweet."""
    rest = {"entities": {"urls": [], "hashtags": []}, "source": "x" * 1800, "lang": "en"}
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("data/tweets.js", "w", force_zip64=True) as file,
    ):
        file.write(b"window.YTD.tweets.part0 = [")
        for number in range(count):
            tweet = {"id_str": str(int(ID) + number * 10**9), "full_text": f"thought {number}"}
            file.write(b",\n" * bool(number) + json.dumps({"tweet": tweet | rest}).encode())
        file.write(b"]")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_million_tweets_take_little_memory() -> None:
    big_archive(Path("big.zip"), 1_000_000)
    command = [sys.executable, "-m", "twitterbot", "import", "big.zip"]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    with Path("tweets/big.jsonl").open() as file:
        assert sum(1 for _ in file) == 1_000_000
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert kilobytes < 500_000
