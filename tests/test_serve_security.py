"""Who the server listens to: addresses, other sites, tokens, types, sizes and tricks with paths."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from x_server import BEARER, XServer

from tests.conftest import ENVIRONMENT, timeline
from tests.serving import OVER_A_MEGABYTE, Server
from twitterbot import tweets

SECRET = "the secret beside the folders"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a timeline, and files that no client may see."""
    folder = tmp_path_factory.mktemp("desk")
    tweets.write(folder / "tweets" / "milla.jsonl", timeline("milla", 60))
    (folder / "tweets" / "notes.txt").write_text(SECRET)
    for path in (folder / "secret.jsonl", folder.parent / "secret.jsonl"):
        path.write_text('{"id": "1", "text": "' + SECRET + '"}\n')
    (folder / "secret").mkdir()
    shutil.copy(
        Path(__file__).parent / "data" / "checkpoint-v1" / "checkpoint.json", folder / "secret"
    )
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        yield server


def ask(server: Server, method: str, path: str, headers: dict[str, str]) -> Any:
    filled = {name: value.format(port=server.port) for name, value in headers.items()}
    return server.ask(method, path, headers=filled)


# ------------------------------------------------------------------ the matrix

OWN = "http://127.0.0.1:{port}"
JSON = "application/json"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST:{port}", 200),
        ("[::1]:{port}", 200),
        ("127.0.0.1", 421),
        ("127.0.0.1:80", 421),
        ("127.0.0.2:{port}", 421),
        ("localhost.:{port}", 421),
        ("evil.example:{port}", 421),
        ("localhost.evil.example:{port}", 421),
        ("evil.example@127.0.0.1:{port}", 421),
        ("127.0.0.1:{port}/", 421),
        ("", 421),
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/milla", "/api/v1/status"])
def test_only_our_own_address_is_answered(
    host: str, status: int, path: str, server: Server
) -> None:
    assert ask(server, "GET", path, {"Host": host}).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": OWN}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:{port}"}, 403),  # when asked as 127.0.0.1
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Origin": "http://127.0.0.1:3000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/checkpoints"),
        ("DELETE", "/api/v1/timelines/nobody"),
        ("POST", "/api/v1/job/cancel"),
        ("POST", "/api/v1/generate"),
        ("POST", "/api/v1/import?name=x"),
    ],
)
def test_other_sites_are_refused(
    headers: dict[str, str], status: int, method: str, path: str, server: Server
) -> None:
    kind = "application/octet-stream" if "import" in path else JSON
    reply = ask(server, method, path, {**headers, "Content-Type": kind})
    # What is let through fails for other reasons, or does not.
    assert (reply.status == 403) == (status == 403)
    assert "access-control-allow-origin" not in reply.headers
    if status == 403:
        assert reply.json == {"error": "requests from other sites are refused"}


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "x/json"])
@pytest.mark.parametrize("path", ["fetch", "finetune", "generate", "job/cancel", "import?name=x"])
def test_a_type_that_a_form_can_send_is_refused(kind: str, path: str, server: Server) -> None:
    headers = {"Content-Type": kind} if kind else {}
    reply = server.ask("POST", f"/api/v1/{path}", b"{}", headers)
    assert reply.status == 415
    assert "Content-Type must be" in reply.json["error"]


def test_tweets_alone_are_shared_with_other_sites(server: Server) -> None:
    foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    reply = server.ask("GET", "/api/milla", headers=foreign)
    assert (reply.status, len(reply.json["tweets"])) == (200, 60)
    assert reply.headers["access-control-allow-origin"] == "*"
    preflight = server.ask("OPTIONS", "/api/milla", headers=foreign)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-methods"] == "GET"
    for path in ("/api/v1/fetch", "/api/v1/timelines/milla"):
        reply = server.ask("OPTIONS", path, headers=foreign)
        assert reply.status == 403
        assert "access-control-allow-origin" not in reply.headers


def test_a_link_from_elsewhere_opens_the_page(server: Server) -> None:
    assert server.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200


def test_a_page_of_another_site_spends_no_money(tmp_path: Path) -> None:
    x = XServer()
    x.account("Quill").fill(10)
    environment = {"X_BEARER_TOKEN": BEARER, "TWITTERBOT_API_BASE": x.base}
    with Server(tmp_path, **environment) as server:
        reply = server.get("/api/quill", Sec_Fetch_Site="cross-site")
        assert reply.status == 403
        assert reply.headers["access-control-allow-origin"] == "*"  # so that it can read why
        assert x.requests == []
        assert server.get("/api/quill", Sec_Fetch_Site="same-site").status == 200
        assert server.get("/api/quill", Sec_Fetch_Site="cross-site").status == 200
        for path in ("/", "/api/quill", "/api/v1/status", "/api/v1/timelines/quill"):
            assert BEARER.encode() not in server.get(path).body
        assert server.get("/api/v1/status").json["x_token"] is True
    x.close()


@pytest.mark.parametrize("path", ["/", "/app.js", "/nothing", "/api/milla", "/api/v1/status"])
@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "evil.example"])
def test_every_answer_has_the_headers_that_protect_it(path: str, host: str, server: Server) -> None:
    headers = ask(server, "GET", path, {"Host": host}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy


# ------------------------------------------------------------------ the token


@pytest.fixture(scope="module")
def public(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    copy = tmp_path_factory.mktemp("public") / "desk"  # one server a folder
    shutil.copytree(folder, copy)
    with Server(copy, "--host", "0.0.0.0") as server:
        yield server


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/milla", "/api/v1/status", "/nothing"])
def test_where_others_can_connect_a_token_is_needed(path: str, public: Server) -> None:
    token = public.url.partition("?token=")[2]
    assert len(token) >= 32
    assert public.get(path).status == 401
    for wrong in ("", "wrong", token[:-1], token + "x", "\x7f"):
        assert public.get(path, Authorization=f"Bearer {wrong}").status == 401
        assert public.get(path, Cookie=f"twitterbot_token={wrong}").status == 401
    expected = 404 if path == "/nothing" else 200
    for right in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"twitterbot_token={token}"}):
        reply = public.ask("GET", path, headers=right)
        assert reply.status == expected
        assert token.encode() not in reply.body


def test_the_token_moves_from_the_address_to_a_cookie(public: Server) -> None:
    token = public.url.partition("?token=")[2]
    reply = public.get(f"/?token={token}")
    assert (reply.status, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"twitterbot_token={token};")
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert public.get("/?token=wrong").status == 401
    assert public.get(f"/api/v1/status?token={token}").status == 401


def test_names_that_can_be_made_to_point_here_are_refused_there_too(public: Server) -> None:
    shown = {"Authorization": f"Bearer {public.url.partition('?token=')[2]}"}
    for host, status in (("evil.example", 421), ("192.0.2.7", 200), ("localhost", 200)):
        named = {"Host": f"{host}:{public.port}", **shown}
        assert public.ask("GET", "/api/v1/status", headers=named).status == status


def test_a_token_can_be_asked_for_on_this_machine_too(tmp_path: Path) -> None:
    with Server(tmp_path, "--token", "correct horse") as server:
        assert server.get("/api/v1/status").status == 401
        assert server.get("/api/v1/status", Authorization="Bearer correct horse").status == 200


@pytest.mark.parametrize("token", ["short", "größer als acht", "line\nline"])
def test_a_token_that_is_short_or_no_header_can_carry_is_refused(
    token: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twitterbot", "serve", "--port", "0", "--token", token],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--token needs 8 characters or more" in done.stderr


# ------------------------------------------------------------------ paths

NAMES = [
    "..",
    "../secret",
    "%2e%2e",
    "%2e%2e%2fsecret",
    "..%2fsecret",
    "..%5csecret",
    "....//secret",
    "%00",
    "milla%00",
    "milla.jsonl",
    "notes.txt",
    ".hidden",
    "%2Fetc%2Fpasswd",
    "%FF",
    "%C0%AE%C0%AE",
    "mi%E2%80%AElla",
    "con",
    "~",
    "$HOME",
    "*",
    "a" * 5000,
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/{}"),
        ("GET", "/api/{}"),
        ("GET", "/api/v1/timelines/{}"),
        ("GET", "/api/v1/timelines/{}/download"),
        ("DELETE", "/api/v1/timelines/{}"),
        ("GET", "/api/v1/checkpoints/{}/download"),
        ("GET", "/api/v1/checkpoints/{}/evaluation.html"),
        ("DELETE", "/api/v1/checkpoints/{}"),
    ],
)
def test_no_name_leaves_the_listing(name: str, method: str, path: str, server: Server) -> None:
    reply = server.ask(method, path.format(name))
    # No account of such a name, none that can be asked for without a token, nothing there.
    assert reply.status in {400, 404, 405, 503}
    assert SECRET.encode() not in reply.body
    assert reply.json["error"]


@pytest.mark.parametrize("name", ["..", "../secret", "secret", "/etc", "a/b", "x\0", "", "base "])
def test_no_name_in_a_body_is_a_path_either(name: str, server: Server, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    for path, body in (
        ("finetune", {"timeline": name}),
        ("finetune", {"timeline": "milla", "base": name}),
        ("generate", {"checkpoint": name}),
        ("nearest", {"checkpoint": name, "text": "x"}),
        ("evaluate", {"checkpoint": name}),
    ):
        reply = server.post(path, body)
        assert reply.status == 404, reply.body
    if name != "secret":  # that would be a good name
        assert server.post("finetune", {"timeline": "milla", "name": name}).status == 422
    assert sorted(folder.rglob("*")) == before


def test_a_base_is_not_replaced_by_a_training(server: Server) -> None:
    reply = server.post("finetune", {"timeline": "milla", "name": "base"})
    assert reply.status == 422
    assert "base" in reply.json["error"]


# ------------------------------------------------------------------ sizes


@pytest.mark.parametrize(
    ("path", "kind", "limit"),
    [("fetch", JSON, 1 << 20), ("import?name=x", "application/octet-stream", 2048 << 20)],
)
def test_a_body_that_says_it_is_too_long_is_not_read(
    path: str, kind: str, limit: int, server: Server
) -> None:
    for length in (str(limit + 1), "9" * 40, "-1", "many"):
        reply = server.raw(f"/api/v1/{path}", Content_Type=kind, Content_Length=length)
        assert reply.split(b" ")[1] in {b"413", b"400"}, length


def test_a_body_without_a_length_is_counted(server: Server) -> None:
    chunked = {"Content_Type": JSON, "Transfer_Encoding": "chunked"}
    reply = server.raw("/api/v1/fetch", OVER_A_MEGABYTE, **chunked)
    assert reply.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("fetch", {}),
        ("fetch", {"handle": "not an account"}),
        ("fetch", {"handle": "x" * 1000}),
        ("fetch", [1]),
        ("fetch", {"handle": "milla", "more": 1}),
        ("finetune", {"timeline": "milla", "epochs": 0}),
        ("finetune", {"timeline": "milla", "learning_rate": "fast"}),
        ("generate", {"checkpoint": "base", "count": 201}),
        ("generate", {"checkpoint": "base", "top_p": 2}),
        ("generate", {"checkpoint": "base", "temperature": float("nan")}),
    ],
)
def test_what_is_not_understood_is_refused_in_a_sentence(
    path: str, body: Any, server: Server
) -> None:
    reply = server.post(path, body)
    assert reply.status == 422
    assert reply.json.keys() == {"error"}
    assert "\n" not in reply.json["error"]
