"""The tweet server: the tutorial's contract, X's own refusals, and one fetch at a time."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from x_server import BEARER, Account, Fault, XServer, problem

from tests.conftest import ENVIRONMENT, timeline
from tests.serving import PATIENCE, Server
from twitterbot import tweets
from twitterbot.tweets import Tweet


@pytest.fixture(scope="module")
def x() -> Iterator[XServer]:
    server = XServer()
    yield server
    server.close()


def serving(folder: Path, x: XServer, *args: str) -> Server:
    return Server(folder, *args, X_BEARER_TOKEN=BEARER, TWITTERBOT_API_BASE=x.base)


@pytest.fixture(scope="module")
def server(x: XServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that answers from the file for a quarter of an hour."""
    with serving(tmp_path_factory.mktemp("fresh"), x) as server:
        yield server


@pytest.fixture(scope="module")
def stale_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stale")


@pytest.fixture(scope="module")
def asking(x: XServer, stale_folder: Path) -> Iterator[Server]:
    """One for which no file is ever fresh enough."""
    with serving(stale_folder, x, "--fresh-minutes", "0") as server:
        yield server


@pytest.fixture(autouse=True)
def _x_works(x: XServer) -> Iterator[None]:
    yield
    x.script = lambda request: None
    x.delay = 0


@pytest.fixture(scope="module")
def quill(x: XServer) -> Account:
    return x.account("Quill").fill(120)


def newest_first(account: Account) -> list[str]:
    truth = sorted(account.truth.values(), key=lambda tweet: tweet.sort_key)
    return [tweet.text for tweet in reversed(truth)]


# ------------------------------------------------------------------ the contract


def test_an_answer_holds_the_texts_alone_newest_first_retweets_included(
    quill: Account, server: Server
) -> None:
    reply = server.get("/api/quill")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == {"error": None, "tweets": newest_first(quill)}
    assert any(text.startswith("RT @") for text in reply.json["tweets"])


@pytest.mark.parametrize("spelling", ["Quill", "@quill", "QUILL", "%51uill"])
def test_a_fresh_file_answers_however_the_handle_is_spelt(
    spelling: str, x: XServer, quill: Account, server: Server
) -> None:
    assert server.get("/api/quill").status == 200
    before = len(x.requests)
    assert server.get(f"/api/{spelling}").json["tweets"] == newest_first(quill)
    assert len(x.requests) == before


def test_it_writes_the_same_file_as_fetch(x: XServer, asking: Server, stale_folder: Path) -> None:
    account = x.account("Sparrow").fill(30)
    asking.get("/api/sparrow")
    assert set(tweets.read(stale_folder / "tweets" / "sparrow.jsonl")) == set(
        account.truth.values()
    )
    account.post("a new one")
    x.requests.clear()
    assert asking.get("/api/sparrow").json["tweets"][0] == "a new one"
    assert len(x.requests) == 1  # what is new, and nothing else


def test_no_more_than_x_would_show_is_answered_from_a_whole_archive(tmp_path: Path) -> None:
    records = [Tweet(str(number), f"number {number}") for number in range(1, 3402)]
    tweets.write(tmp_path / "tweets" / "long.jsonl", records)
    with Server(tmp_path) as server:
        texts = server.get("/api/long").json["tweets"]
    assert (len(texts), texts[0], texts[-1]) == (3200, "number 3401", "number 202")


def test_an_account_without_tweets_is_no_error(x: XServer, server: Server) -> None:
    x.account("Silent")
    reply = server.get("/api/silent")
    assert (reply.status, reply.json) == (200, {"error": None, "tweets": []})


def always(fault: Fault) -> Callable[[Any], Fault]:
    return lambda request: fault


@pytest.mark.parametrize(
    ("handle", "fault", "status", "message"),
    [
        ("nobody_here", None, 404, "no account @nobody_here"),
        ("hidden", None, 403, "protected"),
        ("banned", None, 403, "suspended"),
        ("refused", problem(401, "Unauthorized"), 401, "does not accept the token"),
        ("poor", problem(402, "Payment Required"), 402, "no credits"),
        ("barred", problem(403, "Forbidden", "client-forbidden"), 403, "no access"),
        ("limited", problem(429, "Too Many Requests"), 429, "rate limit"),
        ("home", None, 400, "not an account"),
        ("longer_than_fifteen", None, 400, "not an account"),
    ],
)
def test_a_failure_has_its_status_and_a_sentence(
    handle: str, fault: Fault | None, status: int, message: str, x: XServer, server: Server
) -> None:
    x.account("Hidden", "protected")
    x.account("Banned", "suspended")
    if fault:
        x.script = always(fault)
    reply = server.get(f"/api/{handle}")
    assert reply.status == status
    assert reply.json["tweets"] is None
    assert message in reply.json["error"]
    assert BEARER not in reply.json["error"]


def test_x_that_cannot_be_reached_is_a_bad_gateway(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with Server(tmp_path, X_BEARER_TOKEN=BEARER, TWITTERBOT_API_BASE=base) as server:
            reply = server.get("/api/quill")
    assert reply.status == 502
    assert "connection to X failed" in reply.json["error"]


def test_without_a_token_it_is_unavailable_but_for_what_is_on_file(tmp_path: Path) -> None:
    tweets.write(tmp_path / "tweets" / "milla.jsonl", timeline("milla", 3))
    os.utime(tmp_path / "tweets" / "milla.jsonl", (1e9, 1e9))
    with Server(tmp_path) as server:
        reply = server.get("/api/quill")
        assert reply.status == 503
        assert "no X API token" in reply.json["error"]
        old = server.get("/api/milla")
        assert (old.status, len(old.json["tweets"])) == (200, 3)
        assert "no X API token" in old.headers["x-twitterbot-stale"]


# ------------------------------------------------------------------ fresh, stale, at once


def test_an_old_file_answers_when_x_fails_and_says_so(x: XServer, asking: Server) -> None:
    account = x.account("Heron").fill(12)
    assert "x-twitterbot-stale" not in asking.get("/api/heron").headers
    x.script = always(problem(429, "Too Many Requests"))
    reply = asking.get("/api/heron")
    assert (reply.status, reply.json["tweets"]) == (200, newest_first(account))
    assert "rate limit" in reply.headers["x-twitterbot-stale"]


def test_what_its_owner_has_withdrawn_is_not_shown(x: XServer, asking: Server) -> None:
    account = x.account("Magpie").fill(12)
    assert asking.get("/api/magpie").status == 200
    account.state = "protected"
    reply = asking.get("/api/magpie")
    assert (reply.status, reply.json["tweets"]) == (403, None)


def test_x_is_not_asked_again_at_once_after_a_failure(x: XServer, server: Server) -> None:
    x.script = always(problem(403, "Forbidden", "client-forbidden"))
    assert server.get("/api/wren").status == 403
    before = len(x.requests)
    assert [server.get("/api/wren").status for _ in range(5)] == [403] * 5
    assert len(x.requests) == before


def test_many_readers_of_one_account_share_one_fetch(x: XServer, server: Server) -> None:
    account = x.account("Finch").fill(150)
    x.delay = 0.3
    x.requests.clear()
    with ThreadPoolExecutor(30) as readers:
        replies = list(readers.map(lambda _: server.get("/api/finch"), range(30)))
    assert {reply.status for reply in replies} == {200}
    assert {reply.body for reply in replies} == {
        json.dumps({"error": None, "tweets": newest_first(account)}, ensure_ascii=False).encode()
    }
    assert len(x.requests) == 3  # the account and two pages


def test_a_fetch_that_was_killed_is_not_taken_for_fresh(x: XServer, tmp_path: Path) -> None:
    account = x.account("Crow").fill(450)
    x.delay = 1.0
    server = serving(tmp_path, x)

    def read() -> None:
        with pytest.raises(OSError):
            server.get("/api/crow")

    reading = threading.Thread(target=read)
    reading.start()
    path = tmp_path / "tweets" / "crow.jsonl"
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or path.read_bytes().count(b"\n") < 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.close(signal.SIGKILL)
    reading.join()
    assert len(tweets.read(path)) < 450
    x.delay = 0
    with serving(tmp_path, x) as server:
        assert server.get("/api/crow").json["tweets"] == newest_first(account)
    assert max(x.sent[number] for number in account.truth) <= 2


def test_two_hundred_readers_at_once_are_all_served(quill: Account, server: Server) -> None:
    expected = server.get("/api/quill").body
    with ThreadPoolExecutor(200) as readers:
        replies = list(readers.map(lambda _: server.get("/api/quill"), range(600)))
    assert {reply.status for reply in replies} == {200}
    assert {reply.body for reply in replies} == {expected}


# ------------------------------------------------------------------ the command


def test_ctrl_c_and_sigterm_end_it_without_a_word(tmp_path: Path) -> None:
    server = Server(tmp_path)
    assert server.close() == 0
    assert server.lines == []
    server = Server(tmp_path)
    assert server.close(signal.SIGTERM) in (0, -signal.SIGTERM)
    assert server.lines == []
    assert list(tmp_path.iterdir()) == []


def refusal(folder: Path, *command: str) -> str:
    """The one line with which a server ends that cannot start."""
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_port_in_use_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        line = refusal(tmp_path, "-m", "twitterbot", "serve", "--port", port)
    assert f"port {port} is in use" in line and "--port" in line


def test_a_second_server_in_one_folder_is_refused(tmp_path: Path) -> None:
    with Server(tmp_path):
        line = refusal(tmp_path, "-m", "twitterbot", "serve", "--port", "0")
    assert "another `twitterbot serve` works in this folder" in line


def test_without_fastapi_it_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['fastapi'] = None\n"
        "from twitterbot.cli import app; app(['serve', '--port', '0'])"
    )
    assert "pip install 'twitterbot[serve]'" in refusal(tmp_path, "-c", script)


def test_the_server_itself_loads_nothing_heavy() -> None:
    script = (
        "import sys, twitterbot.serve.server\n"
        "heavy = 'tensorflow keras jax torch sklearn'.split()\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
