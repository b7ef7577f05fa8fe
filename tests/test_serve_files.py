"""The page's API over files: lists, uploads, downloads, deletions, and its description."""

import contextlib
import http.client
import io
import json
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import timeline
from tests.serving import OVER_A_MEGABYTE, Server
from twitterbot import checkpoint, tweets
from twitterbot.serve.downloads import zipped

STORED = Path(__file__).parent / "data" / "checkpoint-v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a timeline and a fine-tuned checkpoint."""
    tweets.write(tmp_path / "tweets" / "milla.jsonl", timeline("milla", 60))
    shutil.copytree(STORED, tmp_path / "checkpoints" / "bramble")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        yield server


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name.startswith(".")]


# ------------------------------------------------------------------ lists


def test_timelines_are_listed_with_what_can_be_made_of_them(folder: Path, server: Server) -> None:
    (folder / "tweets" / "broken.jsonl").write_text("no tweets\n")
    tweets.write(folder / "tweets" / "few.jsonl", timeline("tarn", 5))
    listed = server.get("/api/v1/timelines").json["timelines"]
    assert [entry["handle"] for entry in listed] == ["few", "broken", "milla"]
    by_name = {entry["handle"]: entry for entry in listed}
    assert by_name["milla"]["tweets"] == 60
    assert by_name["milla"]["bytes"] == (folder / "tweets" / "milla.jsonl").stat().st_size
    assert "line 1" in by_name["broken"]["problem"]

    milla = server.get("/api/v1/timelines/milla").json
    assert milla["report"]["read"] == milla["report"]["kept"] == 60
    assert milla["report"]["train"] + milla["report"]["held_out"] == 60
    assert milla["report"]["is_small"] is True
    assert milla["newest_tweets"][0] == {
        "text": timeline("milla", 60)[-1].text,
        "created_at": None,
        "kind": "original",
    }
    assert len(milla["newest_tweets"]) == 5
    few = server.get("/api/v1/timelines/few").json
    assert few["report"] is None
    assert "only 5 of 5 tweets" in few["problem"]
    assert server.get("/api/v1/timelines/nobody").status == 404


def test_checkpoints_are_listed_the_base_last(folder: Path, server: Server) -> None:
    (folder / "checkpoints" / "damaged").mkdir()
    (folder / "checkpoints" / "damaged" / "checkpoint.json").write_text("{")
    bramble, base = server.get("/api/v1/checkpoints").json["checkpoints"]
    described = checkpoint.describe(STORED)
    assert (base["name"], base["kind"]) == ("base", "base")
    assert bramble["name"] == "bramble"
    assert bramble["score"] == described.scores["in_context"]
    assert bramble["base_score"] == described.base_scores["in_context"]
    assert bramble["tweets"] == 108
    assert bramble["bytes"] == sum(path.stat().st_size for path in STORED.iterdir())
    assert bramble["evaluated"] is False
    assert bramble["history"] == described.history


def test_the_source_of_a_copy_is_found(server: Server) -> None:
    text = checkpoint.known_texts(STORED)[7]
    found = server.post("nearest", {"checkpoint": "bramble", "text": f"Well! {text}"}).json
    assert found["source"] == text
    assert 0.5 < found["share"] <= 1
    (start, end), *_ = found["spans"]
    assert text in f"Well! {text}"[start:end] or found["share"] < 1
    nothing = server.post("nearest", {"checkpoint": "base", "text": "hello"}).json
    assert nothing == {"source": None, "share": 0, "spans": [], "source_spans": []}


# ------------------------------------------------------------------ downloads and deletions


def test_what_is_downloaded_is_what_lies_there(folder: Path, server: Server) -> None:
    reply = server.get("/api/v1/timelines/milla/download")
    assert reply.body == (folder / "tweets" / "milla.jsonl").read_bytes()
    assert reply.headers["content-disposition"] == 'attachment; filename="milla.jsonl"'

    (folder / "checkpoints" / "bramble" / ".left.tmp").write_text("half a file")
    reply = server.get("/api/v1/checkpoints/bramble/download")
    assert reply.headers["content-disposition"] == 'attachment; filename="bramble.zip"'
    with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder / "elsewhere")
    copy = folder / "elsewhere" / "bramble"
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
        path.name: path.read_bytes() for path in STORED.iterdir()
    }
    assert checkpoint.load(copy).description.name == "bramble"


def test_a_checkpoint_that_is_deleted_while_it_is_sent_comes_out_whole(folder: Path) -> None:
    path = folder / "checkpoints" / "bramble"
    pieces = zipped(path)
    first = next(pieces)
    shutil.rmtree(path)
    with zipfile.ZipFile(io.BytesIO(first + b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(list(STORED.iterdir()))


def test_deleting_takes_all_of_it_and_the_base_stays(folder: Path, server: Server) -> None:
    (folder / "tweets" / "milla.fetch.json").write_text("{}")
    assert server.ask("DELETE", "/api/v1/timelines/milla").status == 204
    assert list((folder / "tweets").iterdir()) == []
    assert server.ask("DELETE", "/api/v1/checkpoints/bramble").status == 204
    assert list((folder / "checkpoints").iterdir()) == []
    assert server.ask("DELETE", "/api/v1/checkpoints/bramble").status == 404
    assert server.ask("DELETE", "/api/v1/checkpoints/base").status == 409
    assert server.get("/api/v1/checkpoints").json["checkpoints"][0]["name"] == "base"


def test_an_evaluation_is_not_there_before_it_is_made(server: Server) -> None:
    for path in ("evaluation", "evaluation.html"):
        reply = server.get(f"/api/v1/checkpoints/bramble/{path}")
        assert reply.status == 404
        assert "not been evaluated" in reply.json["error"]


# ------------------------------------------------------------------ uploads


def test_a_file_becomes_timelines(folder: Path, server: Server) -> None:
    content = "".join(tweet.to_json() + "\n" for tweet in timeline("tarn", 70)).encode()
    done = server.upload("export.jsonl", content).json
    assert done["timelines"] == [{"handle": "tarn", "tweets": 70, "added": 70, "repeated": 0}]
    (source,) = done["sources"]
    assert (source["name"], source["format"], source["kept"]) == ("export.jsonl", "JSON", 70)
    assert len(tweets.read(folder / "tweets" / "tarn.jsonl")) == 70
    again = server.upload("export.jsonl", content).json
    assert again["timelines"][0]["added"] == 0
    assert leftovers(folder) == []


def test_a_file_that_does_not_tell_is_by_who_it_is_called_after_or_as_one_says(
    server: Server,
) -> None:
    content = b"A gull.\nAnother gull.\n"
    assert server.upload("tarn.txt", content).json["timelines"][0]["handle"] == "tarn"
    named = server.upload("tarn.txt&author=Quist", content)
    assert named.json["timelines"][0]["handle"] == "quist"


@pytest.mark.parametrize(
    "name",
    [
        *("../../evil.txt", "/etc/evil.txt", "..", ".", "-", "*", "a\0b", "ünï🎉"),
        *("x" * 255, "𠮷" * 255),
    ],
)
def test_no_file_name_leaves_the_folder(name: str, folder: Path, server: Server) -> None:
    before = {path for path in folder.rglob("*") if path.is_file()}
    reply = server.upload(quote(name, safe=""), b"A gull.\n")
    assert reply.status == 200, reply.body
    assert reply.json["sources"][0]["name"] == name
    written = {path for path in folder.rglob("*") if path.is_file()} - before
    assert {path.parent for path in written} == {folder / "tweets"}
    assert len(written) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 no archive at all", "broken.zip"),
        (b"\x00\x01\x02\xff" * 1000, "broken.zip"),
        (b"\x1f\x8b\x08 cut", "broken.zip"),
        (b'{"half', "broken.zip"),
    ],
)
def test_what_cannot_be_read_is_refused_and_changes_nothing(
    content: bytes, message: str, folder: Path, server: Server
) -> None:
    before = sorted(folder.rglob("*"))
    reply = server.upload("broken.zip", content)
    assert reply.status == 422
    assert message in reply.json["error"]
    assert str(folder) not in reply.json["error"] and ".upload" not in reply.json["error"]
    assert sorted(folder.rglob("*")) == before


def test_an_upload_that_breaks_off_leaves_nothing(folder: Path, server: Server) -> None:
    before = sorted(folder.rglob("*"))
    kind = "application/octet-stream"
    path = "/api/v1/import?name=x.txt"
    server.raw(path, b"A gull.", leave=True, Content_Type=kind, Content_Length="5000")
    assert server.get("/api/v1/status").status == 200
    assert server.close() == 0
    assert server.lines == []
    assert sorted(folder.rglob("*")) == before


def test_an_upload_that_the_end_of_the_server_cuts_off_leaves_nothing(
    folder: Path, server: Server
) -> None:
    before = sorted(folder.rglob("*"))
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as sending:
        sending.putrequest("POST", "/api/v1/import?name=x.txt")
        sending.putheader("Content-Type", "application/octet-stream")
        sending.putheader("Content-Length", "5000")
        sending.endheaders(b"A gull.")
        while sorted(folder.rglob("*")) == before:
            time.sleep(0.02)
        assert server.close() == 0
    assert server.lines == []
    assert sorted(folder.rglob("*")) == before


def test_an_upload_over_the_limit_ends_there(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    chunked = {"Content_Type": "application/octet-stream", "Transfer_Encoding": "chunked"}
    with Server(folder, "--upload-limit", "1") as server:
        assert server.get("/api/v1/status").json["upload_limit"] == 1 << 20
        reply = server.raw("/api/v1/import?name=x.txt", OVER_A_MEGABYTE, **chunked)
    assert reply.startswith(b"HTTP/1.1 413")
    assert sorted(folder.rglob("*")) == before


def test_what_a_killed_server_was_sent_is_cleared_away(folder: Path) -> None:
    left = folder / "tweets" / ".upload.abc"
    left.mkdir()
    (left / "half.zip").write_bytes(b"PK")
    with Server(folder):
        assert not left.exists()


# ------------------------------------------------------------------ the page and the description


def test_the_page_is_there_and_is_all_that_it_needs(server: Server) -> None:
    page = server.get("/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    for name, kind in (("app.js", "javascript"), ("style.css", "text/css")):
        assert name in page.body.decode()
        file = server.get(f"/{name}")
        assert (file.status, kind in file.headers["content-type"]) == (200, True)
    assert server.get("/serve.py").status == 404


def test_the_description_names_every_route_and_is_whole(server: Server) -> None:
    described = server.get("/api/v1/openapi.json").json
    assert described["openapi"].startswith("3.")
    routes = {
        f"{method.upper()} {path.removeprefix('/api')}"
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert routes == {
        "GET /{user}",
        "OPTIONS /{user}",
        "GET /v1/status",
        "GET /v1/timelines",
        "GET /v1/timelines/{handle}",
        "GET /v1/timelines/{handle}/download",
        "DELETE /v1/timelines/{handle}",
        "POST /v1/fetch",
        "POST /v1/import",
        "GET /v1/checkpoints",
        "GET /v1/checkpoints/{name}/download",
        "DELETE /v1/checkpoints/{name}",
        "POST /v1/finetune",
        "POST /v1/evaluate",
        "GET /v1/checkpoints/{name}/evaluation",
        "GET /v1/checkpoints/{name}/evaluation.html",
        "POST /v1/job/cancel",
        "GET /v1/events",
        "POST /v1/generate",
        "POST /v1/nearest",
    }
    for reference in _references(described):
        place = described
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    operations = [op for methods in described["paths"].values() for op in methods.values()]
    assert all(operation["description"] for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    json.dumps(described)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
