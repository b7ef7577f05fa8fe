"""Jobs and generation over HTTP: their whole life, early ends, crashes, and readers meanwhile."""

import asyncio
import json
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from x_server import BEARER, XServer

from tests.conftest import timeline
from tests.serving import PATIENCE, Server
from twitterbot import checkpoint, tweets
from twitterbot.serve.jobs import Jobs, Order

# With it the tiny model learns fast, and with the other it goes on for as long as one likes.
QUICK: dict[str, Any] = {"timeline": "bramble", "epochs": 3, "learning_rate": 0.01}
LONG: dict[str, Any] = {"timeline": "tarn", "epochs": 1000, "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def folder(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(base, folder / "checkpoints" / "base")
    tweets.write(folder / "tweets" / "bramble.jsonl", timeline("bramble", 120))
    tweets.write(folder / "tweets" / "tarn.jsonl", timeline("tarn", 1500))
    return folder


@pytest.fixture
def own_folder(folder: Path, tmp_path: Path) -> Path:
    """A copy of it, for a server of the test's own: there is one a folder."""
    shutil.copytree(folder, tmp_path / "desk")
    return tmp_path / "desk"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        yield server


@pytest.fixture(scope="module")
def trained(server: Server) -> Any:
    """A job that has fine-tuned the tiny base, and all its events."""
    begun = server.post("finetune", QUICK)
    assert begun.status == 202
    assert begun.json["state"] == "running"
    jobs, kinds = [], set()
    for kind, data in server.events():
        kinds.add(kind)
        if kind == "job":
            jobs.append(data)
        if jobs[-1]["state"] != "running" and "files" in kinds:
            return jobs
    raise AssertionError("the events ended")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


def started(server: Server, body: dict[str, Any]) -> None:
    assert server.post("finetune", body).status == 202


def generated(server: Server, **options: Any) -> list[Any]:
    reply = server.post("generate", {"checkpoint": "base", **options})
    assert (reply.status, reply.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in reply.body.splitlines()]


# ------------------------------------------------------------------ a training


def test_a_training_is_told_from_its_start_to_its_checkpoint(
    trained: Any, server: Server, folder: Path
) -> None:
    job, result = trained[-1], trained[-1]["result"]
    assert (job["kind"], job["subject"], job["state"]) == ("finetune", "bramble", "done")
    assert job["message"] == "wrote the checkpoint bramble"
    assert job["started_at"] <= job["finished_at"]
    description = checkpoint.describe(folder / "checkpoints" / "bramble")
    assert result["checkpoint"] == "bramble"
    assert result["score"] == description.scores["in_context"] < result["base_score"]
    assert len({earlier["id"] for earlier in trained}) == 1

    first, *rest = job["curve"]
    assert first == {"step": 0, "score": result["base_score"]}
    scores = [point["score"] for point in rest if "score" in point]
    assert scores == [epoch["in_context"] for epoch in description.history]
    assert [point["step"] for point in rest] == sorted(point["step"] for point in rest)
    assert any("loss" in point for point in rest)
    progress = job["progress"]
    assert progress["step"] <= progress["total_steps"]
    assert progress["best_score"] == result["score"]
    assert server.get("/api/v1/status").json["job"] == job
    assert hidden(folder) == []


def test_the_new_checkpoint_is_listed_and_writes_tweets(trained: Any, server: Server) -> None:
    names = [entry["name"] for entry in server.get("/api/v1/checkpoints").json["checkpoints"]]
    assert names == ["bramble", "base"]
    *lines, last = generated(server, checkpoint="bramble", count=4, seed=5)
    assert len(lines) == 4
    assert all(line["text"] and 0 < line["novelty"] <= 1 for line in lines)
    assert last["done"] is True
    assert last["seed"] == 5
    assert last["sampled"] - sum(last["dropped"].values()) == 4
    *again, _ = generated(server, checkpoint="bramble", count=4, seed=5)
    assert again == lines
    *_, drawn = generated(server, checkpoint="bramble", count=1)
    assert isinstance(drawn["seed"], int)
    (error,) = generated(server, count=1, max_length=1)
    assert "too long" in error["error"]


def test_the_server_stays_light_while_others_work(trained: Any, server: Server) -> None:
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "tensorflow" not in maps
    assert "_multiarray_umath" in maps  # so that one would see it


def test_a_reader_who_leaves_does_not_keep_the_next_one_waiting(
    trained: Any, server: Server
) -> None:
    body = {"checkpoint": "base", "count": 200, "temperature": 1.0}
    with server.open("POST", "/api/v1/generate", body) as response:
        assert json.loads(response.readline())["text"]
    began = time.monotonic()
    assert len(generated(server, count=1)) == 2
    assert time.monotonic() - began < 30


def test_an_evaluation_is_made_and_kept_with_the_checkpoint(
    trained: Any, server: Server, folder: Path
) -> None:
    # Its tweets are found by the author's name, whatever the checkpoint is called.
    shutil.copytree(folder / "checkpoints" / "bramble", folder / "checkpoints" / "renamed")
    reply = server.post("evaluate", {"checkpoint": "renamed"})
    assert reply.status == 202
    job = server.ended()
    assert (job["state"], job["result"]) == ("done", {"checkpoint": "renamed"}), job["message"]
    assert job["progress"]["stage"]
    found = server.get("/api/v1/checkpoints/renamed/evaluation").json
    assert found["held_out"] == 12
    page = server.get("/api/v1/checkpoints/renamed/evaluation.html")
    assert page.body.startswith(b"<!doctype html>")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    listed = {each["name"]: each for each in server.get("/api/v1/checkpoints").json["checkpoints"]}
    assert (listed["renamed"]["timeline"], listed["renamed"]["evaluated"]) == ("bramble", True)
    assert not listed["bramble"]["evaluated"]
    assert hidden(folder) == []
    assert server.ask("DELETE", "/api/v1/checkpoints/renamed").status == 204


def test_an_evaluation_without_the_tweets_says_so(
    trained: Any, server: Server, folder: Path
) -> None:
    tweets_file = folder / "tweets" / "bramble.jsonl"
    content = tweets_file.read_bytes()
    tweets_file.unlink()
    try:
        reply = server.post("evaluate", {"checkpoint": "bramble"})
    finally:
        tweets_file.write_bytes(content)
    assert reply.status == 404
    assert "no tweets of @bramble" in reply.json["error"]


# ------------------------------------------------------------------ early ends


def test_a_cancelled_job_is_gone_at_once(server: Server, folder: Path) -> None:
    assert server.post("job/cancel", {}).status == 409
    stored = Path(__file__).parent / "data" / "checkpoint-v1"
    shutil.copytree(stored, folder / "checkpoints" / "parent")
    started(server, LONG | {"base": "parent", "name": "gone"})
    busy = server.post("finetune", QUICK)
    assert busy.status == 409
    assert "another job runs" in busy.json["error"]
    needed = server.ask("DELETE", "/api/v1/checkpoints/parent")
    assert needed.status == 409
    assert "a job works on parent" in needed.json["error"]
    server.job(lambda job: job["progress"])
    began = time.monotonic()
    reply = server.post("job/cancel", {"keep": False})
    assert time.monotonic() - began < 5
    assert (reply.status, reply.json["state"]) == (200, "cancelled")
    assert "nothing was written" in reply.json["message"]
    assert not (folder / "checkpoints" / "gone").exists()
    assert hidden(folder) == []
    assert server.ask("DELETE", "/api/v1/checkpoints/parent").status == 204


def test_a_training_lets_readers_be_served_and_keeps_its_best_when_stopped(
    server: Server, folder: Path
) -> None:
    expected = server.get("/api/tarn").body
    started(server, LONG)
    seen = server.job(lambda job: job["progress"] and job["progress"]["score"] is not None)
    assert seen["progress"]["best_score"] < seen["progress"]["base_score"]
    with ThreadPoolExecutor(200) as readers:
        replies = list(readers.map(lambda _: server.get("/api/tarn"), range(600)))
    assert server.get("/api/v1/status").json["job"]["state"] == "running"
    assert {(reply.status, reply.body) for reply in replies} == {(200, expected)}

    assert server.post("job/cancel", {"keep": True}).status == 200
    job = server.ended()
    assert job["state"] == "done"
    assert "stopped early" in job["message"]
    written = checkpoint.load(folder / "checkpoints" / "tarn").description
    assert written.scores["in_context"] == job["result"]["score"]
    assert job["result"]["score"] <= seen["progress"]["best_score"]
    shutil.rmtree(folder / "checkpoints" / "tarn")


def test_a_server_that_is_killed_leaves_no_process_and_no_half_file(own_folder: Path) -> None:
    before = sorted(path for path in own_folder.rglob("*") if path.is_file())
    with Server(own_folder) as server:
        started(server, LONG | {"name": "killed"})
        server.job(lambda job: job["progress"])
        workers = children(server.process.pid)
        assert workers and all(map(is_running, workers))
        server.close(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while any(map(is_running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    with Server(own_folder) as server:
        job = server.get("/api/v1/status").json["job"]
        assert (job["state"], job["kind"], job["subject"]) == ("interrupted", "finetune", "tarn")
        assert "cut off when the server ended; nothing was written" in job["message"]
        assert sorted(path for path in own_folder.rglob("*") if path.is_file()) == before
    with Server(own_folder) as server:
        assert server.get("/api/v1/status").json["job"] is None


def test_ctrl_c_stops_the_training_and_keeps_its_best(own_folder: Path) -> None:
    with Server(own_folder) as server:
        started(server, LONG | {"name": "kept"})
        server.job(lambda job: job["progress"] and job["progress"]["score"] is not None)
        workers = children(server.process.pid)
        assert server.close(signal.SIGINT) == 0
    assert server.lines[0] == "stopping the job; Ctrl-C once more ends it at once\n"
    assert "stopped early" in server.lines[1]
    assert len(server.lines) == 2
    assert not any(map(is_running, workers))
    assert checkpoint.describe(own_folder / "checkpoints" / "kept").name == "kept"
    assert hidden(own_folder) == []


@pytest.mark.parametrize("keep", [True, False])
def test_a_job_that_has_not_begun_can_be_cancelled(
    keep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def cancelled() -> Jobs:
        jobs = Jobs()
        jobs.start(Order("fetch", "quill", tmp_path / "quill.jsonl", {}))
        await jobs.cancel(keep)
        return jobs

    jobs = asyncio.run(cancelled())
    assert jobs.current and jobs.current.state == "cancelled"
    assert hidden(tmp_path) == []


def test_ctrl_c_twice_waits_for_nothing(own_folder: Path) -> None:
    with Server(own_folder) as server:
        started(server, LONG | {"name": "gone"})
        server.job(lambda job: job["message"] == "loading the model")
        server.process.send_signal(signal.SIGINT)
        assert "Ctrl-C once more" in server.line(1)
        assert server.close(signal.SIGINT) == 0
    assert "cancelled; nothing was written" in server.lines[1]
    assert not (own_folder / "checkpoints" / "gone").exists()
    assert hidden(own_folder) == []


def test_a_folder_that_was_being_replaced_is_mended_at_the_next_start(tmp_path: Path) -> None:
    stored = Path(__file__).parent / "data" / "checkpoint-v1"
    output = tmp_path / "checkpoints" / "bramble"
    shutil.copytree(stored, output.with_name(".bramble.abc.old"))  # between the two renames
    shutil.copytree(stored, output.with_name(".bramble.abc.tmp"))
    record = {"id": "1", "kind": "finetune", "subject": "bramble", "output": str(output)}
    record_path = tmp_path / ".twitterbot-job.json"
    record_path.write_text(json.dumps(record | {"started_at": "2030-01-01T00:00:00Z"}))
    with Server(tmp_path) as server:
        message = server.get("/api/v1/status").json["job"]["message"]
    assert "the checkpoint bramble is as before" in message
    assert checkpoint.load(output).description.name == "bramble"
    assert hidden(tmp_path) == []
    record_path.write_text("{")
    with Server(tmp_path) as server:
        assert server.get("/api/v1/status").json["job"] is None


# ------------------------------------------------------------------ fetching


def test_a_fetch_job_tells_what_it_reads_and_keeps_what_it_has(tmp_path: Path) -> None:
    x = XServer()
    account = x.account("Quill").fill(450)
    with Server(tmp_path, X_BEARER_TOKEN=BEARER, TWITTERBOT_API_BASE=x.base) as server:
        x.delay = 0.5
        assert server.post("fetch", {"handle": "https://x.com/Quill"}).json["subject"] == "quill"
        assert server.post("fetch", {"handle": "quill"}).status == 409
        assert server.upload("x.txt", b"A gull.\n").status == 409
        server.job(lambda job: job["progress"] and job["progress"].get("read", 0) >= 200)
        assert server.ask("DELETE", "/api/v1/timelines/quill").status == 409
        cancelled = server.post("job/cancel", {"keep": True})
        assert cancelled.status == 200
        job = server.ended()
        assert job["state"] == "cancelled"
        assert "tweets of it are on file" in job["message"]
        x.delay = 0
        server.post("fetch", {"handle": "quill"})
        job = server.ended()
        assert job["state"] == "done"
        assert job["result"]["tweets"] == 450
        before = len(x.requests)
        assert len(server.get("/api/quill").json["tweets"]) == 450
        assert len(x.requests) == before  # the job's file is fresh
        assert max(x.sent[number] for number in account.truth) == 1
        server.post("fetch", {"handle": "nobody_here"})
        job = server.ended()
        assert (job["state"], BEARER in str(job)) == ("failed", False)
        assert "no account @nobody_here" in job["message"]
    assert hidden(tmp_path) == []
    x.close()
