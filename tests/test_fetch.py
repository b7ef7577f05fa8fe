"""`fetch` against a server that speaks X's API: nothing lost, nothing twice, no hammering."""

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from x_server import BEARER, OAUTH, Account, Fault, Request, XServer, at, problem

import twitterbot
from twitterbot import fetch as fetching
from twitterbot import tweets, xapi
from twitterbot.errors import TwitterbotError
from twitterbot.fetch import Fetched, Report, parse_handle, read_handles
from twitterbot.options import FetchOptions
from twitterbot.xapi import XClient, XRefusalError

SECRETS = (BEARER, *OAUTH.values())


@pytest.fixture
def server() -> Iterator[XServer]:
    server = XServer()
    yield server
    server.close()


class Machine:
    """A folder from which fetches are run, in this process with a clock that only records."""

    def __init__(self, server: XServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.waits: list[float] = []
        self.notes: list[str] = []
        self.environ = {"X_BEARER_TOKEN": BEARER, "TWITTERBOT_API_BASE": server.base}

    def fetch(self, handle: str = "Quill", sleep: Any = None, **options: Any) -> Fetched:
        client = XClient(self.environ, sleep=sleep or self.waits.append)
        report = Report(note=self.notes.append)
        return fetching.fetch(client, handle, self.folder, FetchOptions(**options), report)

    def path(self, handle: str = "quill") -> Path:
        return self.folder / f"{handle}.jsonl"

    def record(self, handle: str = "quill") -> dict[str, Any]:
        return json.loads((self.folder / f"{handle}.fetch.json").read_text())  # type: ignore[no-any-return]

    def holds(self, account: Account, least: int = 0) -> None:
        """The file is whole, sorted, and exactly the truth from the `least`-th post on."""
        expected = [t.to_json() for t in sorted(account.truth.values(), key=lambda t: t.sort_key)]
        assert self.path(account.username.lower()).read_text().splitlines() == expected[least:]


@pytest.fixture
def machine(server: XServer, tmp_path: Path) -> Machine:
    return Machine(server, tmp_path)


def environment(server: XServer, **more: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("X_")}
    root = str(Path(twitterbot.__file__).parents[1])
    env.update(PYTHONPATH=root, X_BEARER_TOKEN=BEARER, TWITTERBOT_API_BASE=server.base)
    return {name: value for name, value in {**env, **more}.items() if value}


def cli(
    server: XServer, folder: Path, *args: str, stdin: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """`twitterbot fetch ARGS` as a user runs it; no output may ever hold a secret."""
    command = [sys.executable, "-m", "twitterbot", "fetch", *args]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(server, **more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    assert "Traceback" not in done.stderr
    return done


# --- the ordinary way ----------------------------------------------------------------------


def test_command_writes_a_timeline_and_names_the_next_step(server: XServer, tmp_path: Path) -> None:
    account = server.account("Quill").fill(230)
    done = cli(server, tmp_path, "@quill")
    assert (done.returncode, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    assert "$16.01" in lines[0] and "bound" in lines[0]
    assert lines[-1] == (
        "wrote tweets/quill.jsonl: 230 tweets, 230 new; "
        "next: twitterbot finetune tweets/quill.jsonl"
    )
    Machine(server, tmp_path / "tweets").holds(account)
    assert sorted(path.name for path in (tmp_path / "tweets").iterdir()) == [
        "quill.fetch.json",
        "quill.jsonl",
    ]


def test_quiet_says_nothing(server: XServer, tmp_path: Path) -> None:
    server.account("Quill").fill(7)
    done = cli(server, tmp_path, "-q", "quill", "--tweets-dir", "here")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(tweets.read(tmp_path / "here" / "quill.jsonl")) == 7


def test_second_call_asks_only_for_what_is_new(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(120)
    machine.fetch()
    server.requests.clear()
    assert machine.fetch().new == 0
    account.fill(130)
    assert machine.fetch() == Fetched(machine.path(), 250, 130, 0)
    machine.holds(account)
    assert server.looked_up == 1
    assert len(server.requests) == 3  # none for the account, two pages for the 130
    assert set(server.sent.values()) == {1}


def test_no_replies_is_never_asked_of_x_and_filters_are_local(
    machine: Machine, server: XServer
) -> None:
    server.account("Quill").fill(100)
    machine.fetch(no_retweets=True, no_replies=True)
    kinds = {tweet.kind for tweet in tweets.read(machine.path())}
    assert kinds == {"original", "quote"}
    assert all("exclude" not in request.query for request in server.requests)
    assert machine.fetch().new == 0  # what was left out is not read again
    assert set(server.sent.values()) == {1}


@pytest.mark.parametrize("limit", [5, 7, 100, 101, 104, 105, 106, 199, 203])
def test_max_tweets_is_exact_and_a_bound_on_the_cost(
    machine: Machine, server: XServer, limit: int
) -> None:
    account = server.account("Quill").fill(300)
    assert machine.fetch(max_tweets=limit).total == limit
    machine.holds(account, 300 - limit)
    assert server.sent.total() == limit
    assert machine.fetch(max_tweets=limit).new == 0
    assert server.sent.total() == limit
    machine.fetch()  # a larger one reads on where the smaller one ended
    machine.holds(account)
    assert server.sent.total() == 300


def test_all_the_text_is_asked_for(machine: Machine, server: XServer) -> None:
    account = server.account("Quill")
    long = "A long one & more. " * 40
    number = account.post(long.strip(), note_tweet={"text": long.replace("&", "&amp;")})
    account.posts[-1]["text"] = long[:270].replace("&", "&amp;") + "…"
    account.post("A thing that somebody else said & meant, at some length", kind="retweet")
    machine.fetch()
    machine.holds(account)
    assert tweets.read(machine.path())[0].id == number


def test_edited_tweet_replaces_its_earlier_version(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(20)
    machine.fetch()
    old = account.post("A typpo")
    machine.fetch()
    new = account.post("A typo")
    account.posts[-1]["edit_history_tweet_ids"] = [old, new]
    account.posts = [post for post in account.posts if post["id"] != old]
    del account.truth[old]
    assert machine.fetch() == Fetched(machine.path(), 21, 1, 1)
    machine.holds(account)


@pytest.mark.parametrize("apart", [1, 150], ids=["same page", "later page"])
def test_earlier_version_that_x_still_sends(machine: Machine, server: XServer, apart: int) -> None:
    account = server.account("Quill").fill(20)
    old = account.post("A typpo")
    account.fill(apart)
    new = account.post("A typo")
    account.posts[-1]["edit_history_tweet_ids"] = [old, new]
    del account.truth[old]
    machine.fetch()
    machine.holds(account)


def test_timeline_is_sorted_though_the_last_page_was_left_out(
    machine: Machine, server: XServer
) -> None:
    account = server.account("Quill")
    replies = [account.post(kind="reply") for _ in range(100)]
    for _ in range(100):
        account.post()
    for number in replies:
        del account.truth[number]
    machine.fetch(no_replies=True)
    machine.holds(account)


def test_max_tweets_counts_from_the_newest_across_interruptions(
    machine: Machine, server: XServer
) -> None:
    account = server.account("Quill").fill(300)
    server.script = lambda request: Fault("drop") if request.ordinal > 2 else None
    with pytest.raises(XRefusalError):
        machine.fetch(max_tweets=200)
    server.script = lambda request: None
    account.fill(60)
    machine.fetch(max_tweets=200)
    machine.holds(account, 160)


def test_refresh_drops_what_x_no_longer_shows_and_states_its_price(
    machine: Machine, server: XServer
) -> None:
    account = server.account("Quill").fill(250)
    machine.fetch()
    for number in [post["id"] for post in account.posts[10:240:7]]:
        account.posts = [post for post in account.posts if post["id"] != number]
        del account.truth[number]
    assert machine.fetch().removed == 0
    assert machine.fetch(refresh=True).removed == 33
    machine.holds(account)
    assert any("250 tweets" in note and "$1.25" in note for note in machine.notes)


def test_several_accounts_one_failing(server: XServer, tmp_path: Path) -> None:
    first, last = server.account("Quill").fill(6), server.account("Heron").fill(8)
    (tmp_path / "list.txt").write_text("# birds\n\nhttps://x.com/Heron?lang=en\nquill\n")
    done = cli(server, tmp_path, "quill", "nobody", "--from-file", "list.txt")
    assert done.returncode == 1
    assert "no account @nobody" in done.stderr
    assert done.stderr.splitlines()[-1] == "twitterbot: 1 of 3 accounts failed"
    for account in (first, last):
        Machine(server, tmp_path / "tweets").holds(account)


def test_accounts_from_stdin_and_from_nowhere(server: XServer, tmp_path: Path) -> None:
    server.account("Heron").fill(6)
    assert cli(server, tmp_path, "--from-file", "-", stdin="heron\n").returncode == 0
    assert cli(server, tmp_path).returncode == 2
    missing = cli(server, tmp_path, "--from-file", "none.txt")
    assert (missing.returncode, "cannot read none.txt" in missing.stderr) == (1, True)


# --- faults that pass ----------------------------------------------------------------------

HTML = "<html><body>502 Bad Gateway</body></html>"
OVER_CAPACITY = {"errors": [{"message": "Over capacity", "code": 130}]}
PASSING = {
    "503 as JSON": problem(503, "Service Unavailable"),
    "503 in the old style": Fault("status", 503, OVER_CAPACITY),
    "500 with a JSON string": Fault("status", 500, ["oops"]),
    "502 as HTML": Fault("status", 502, HTML),
    "HTML with status 200": Fault("status", 200, HTML),
    "JSON of another shape": Fault("status", 200, [1, 2]),
    "ruined gzip": Fault("status", 200, HTML, {"content-encoding": "deflate"}),
    "body cut": Fault("cut"),
    "JSON cut": Fault("truncated"),
    "connection dropped": Fault("drop"),
}


@pytest.mark.parametrize("name", PASSING)
def test_every_other_answer_fails(machine: Machine, server: XServer, name: str) -> None:
    account = server.account("Quill").fill(330)
    server.script = lambda request: PASSING[name] if request.ordinal % 2 else None
    machine.fetch()
    machine.holds(account)
    assert set(server.sent.values()) == {1}
    assert machine.waits == [0.5] * 5


def test_hang_ends_by_timeout(
    machine: Machine, server: XServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xapi, "TIMEOUT", (1.0, 0.2))
    account = server.account("Quill").fill(150)
    server.script = at(2, fault=Fault("hang", seconds=1))
    machine.fetch()
    machine.holds(account)


@pytest.mark.parametrize("kind", ["empty", "short", "repeated", "refuse_token"])
def test_pages_that_are_not_as_expected(machine: Machine, server: XServer, kind: str) -> None:
    account = server.account("Quill").fill(470)
    often = (2, 4, 6) if kind == "empty" else range(2, 30)
    server.script = at(*often, fault=Fault(kind))
    machine.fetch()
    machine.holds(account)
    assert machine.record()["gaps"] == []


def test_empty_pages_without_end(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(150)
    server.script = lambda request: Fault("empty") if request.ordinal > 2 else None
    with pytest.raises(TwitterbotError, match="page after page"):
        machine.fetch()
    assert len(server.requests) < 30
    machine.holds(account, 50)
    server.script = lambda request: None
    machine.fetch()
    machine.holds(account)


def test_posts_that_are_not_understood_are_told(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(30)
    account.posts[3]["text"] = None
    account.posts[4]["id"] = "not a number"
    server.script = at(2, fault=Fault("status", 200, {"data": account.posts[::-1], "meta": {}}))
    assert machine.fetch().total == 28
    assert any("2 posts were not understood" in note for note in machine.notes)


def test_outage_keeps_what_is_read_and_goes_on(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(330)
    server.script = lambda request: PASSING["502 as HTML"] if request.ordinal > 3 else None
    with pytest.raises(TwitterbotError, match=r"X answers 502 .* after 7 tries"):
        machine.fetch()
    assert machine.waits == [0.5, 1, 2, 4, 8, 16]
    machine.holds(account, 130)
    assert any("200 tweets read so far" in note for note in machine.notes)
    server.script = lambda request: None
    assert machine.fetch().new == 130
    machine.holds(account)
    assert set(server.sent.values()) == {1}


def test_no_connection_is_told_and_stops_the_other_accounts(
    server: XServer, tmp_path: Path
) -> None:
    server.close()
    with pytest.raises(XRefusalError, match="connection to X failed"):
        Machine(server, tmp_path).fetch()


# --- rate limits ---------------------------------------------------------------------------


def limited(**headers: str | int) -> Fault:
    body = problem(429, "Too Many Requests").body
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault("status", 429, body, {"x-rate-limit-reset": "", **given})


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (limited(x_rate_limit_remaining="0", x_rate_limit_reset=400), 401),
        (limited(), 15),
        (limited(x_rate_limit_reset="soon"), 15),
        (limited(x_rate_limit_remaining="0", x_rate_limit_reset=-300), 15),
        (limited(x_rate_limit_remaining="0", x_rate_limit_reset=90_000), 901),
        (
            limited(
                x_rate_limit_remaining="100",
                x_rate_limit_reset=5,
                x_app_limit_24hour_remaining="0",
                x_app_limit_24hour_reset=700,
            ),
            701,
        ),
        # The clock here is an hour ahead of X's, or a day behind it.
        (
            limited(
                x_rate_limit_remaining="0",
                x_rate_limit_reset="1735689700",
                date="Wed, 01 Jan 2025 00:00:00 GMT",
            ),
            101,
        ),
        (limited(date="no date", x_rate_limit_remaining="0", x_rate_limit_reset="9" * 30), 15),
    ],
    ids=["reset", "none", "junk", "past", "far", "daily", "skewed clock", "absurd"],
)
def test_rate_limit_is_waited_out(
    machine: Machine, server: XServer, fault: Fault, seconds: float
) -> None:
    account = server.account("Quill").fill(150)
    server.script = at(2, fault=fault)
    machine.fetch()
    machine.holds(account)
    assert machine.waits == [seconds]


def test_rate_limit_without_end_is_bounded(machine: Machine, server: XServer) -> None:
    server.account("Quill").fill(150)
    server.script = lambda request: limited()
    with pytest.raises(XRefusalError, match="rate limit"):
        machine.fetch()
    assert machine.waits == [15, 30, 60, 120, 240, 480]


def test_rate_limit_wait_is_shown(server: XServer, tmp_path: Path) -> None:
    account = server.account("Quill").fill(150)
    server.script = at(2, fault=limited(x_rate_limit_remaining="0", x_rate_limit_reset=1))
    done = cli(server, tmp_path, "-v", "quill")
    assert "rate limit is reached: waiting 0:0" in done.stderr
    Machine(server, tmp_path / "tweets").holds(account)
    assert 1 < server.requests[2].at - server.requests[1].at < 10


# --- refusals that stay --------------------------------------------------------------------

CAPPED = problem(429, "UsageCapExceeded", "usage-capped", period="Monthly")
REFUSALS = [
    (problem(401, "Unauthorized"), "does not accept the token"),
    (problem(402, "Payment Required", "credits-depleted"), "no credits left"),
    (problem(402, "CreditsDepleted", "credits"), "no credits left"),
    (CAPPED, "usage cap is reached"),
    (problem(429, "Too Many", "credits-depleted"), "no credits left"),
    (problem(403, "SpendCapReached"), "spending limit"),
    (problem(403, "Client Forbidden", "client-forbidden"), "has no access"),
    (problem(403, "Unsupported Authentication", "unsupported-authentication"), "wrong kind"),
    (problem(403, "Forbidden", "user-suspended"), "owns the token is suspended"),
]


@pytest.mark.parametrize(("fault", "words"), REFUSALS)
def test_refusal_stops_at_once(machine: Machine, server: XServer, fault: Fault, words: str) -> None:
    server.account("Quill").fill(150)
    server.script = at(1, fault=fault)
    with pytest.raises(XRefusalError, match=words) as caught:
        machine.fetch()
    assert "\n" not in str(caught.value)
    assert (len(server.requests), machine.waits) == (1, [])


def test_refusal_in_the_middle_stops_all_accounts_and_keeps_the_pages(
    server: XServer, tmp_path: Path
) -> None:
    account, other = server.account("Quill").fill(150), server.account("Heron").fill(5)
    server.script = at(3, fault=CAPPED)
    done = cli(server, tmp_path, "quill", "heron")
    assert (done.returncode, len(server.requests)) == (1, 3)
    assert "100 tweets read so far are in tweets/quill.jsonl" in done.stderr
    assert "usage cap is reached" in done.stderr.splitlines()[-1]
    Machine(server, tmp_path / "tweets").holds(account, 50)
    assert cli(server, tmp_path, "quill", "heron").returncode == 0
    for each in (account, other):
        Machine(server, tmp_path / "tweets").holds(each)
    assert set(server.sent.values()) == {1}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("status", 400, {"errors": [{"message": "bad\x1b[31m thing"}]}), "400 .*bad .31m th"),
        (Fault("status", 404, HTML), "404 Not Found"),
        (Fault("status", 403, {"detail": 7}), "403 Forbidden: 7"),
        (Fault("status", 301, HTML, {"location": "/elsewhere"}), "301"),
        (Fault("status", 200, {"errors": ["odd"]}), "no answer for @Quill"),
        (Fault("status", 200, {"data": {"id": "../1"}}), "no answer for @Quill"),
    ],
)
def test_other_refusals_give_x_own_words(
    machine: Machine, server: XServer, fault: Fault, words: str
) -> None:
    server.account("Quill").fill(5)
    server.script = at(1, fault=fault)
    with pytest.raises(TwitterbotError, match=words) as caught:
        machine.fetch()
    assert str(caught.value).isprintable()
    assert len(server.requests) == 1


def test_account_that_cannot_be_read(machine: Machine, server: XServer) -> None:
    server.account("Gone", state="suspended")
    server.account("Shy", state="protected")
    server.account("Mute")
    for handle, words in {
        "nobody": "no account @nobody",
        "gone": "@gone is suspended",
        "shy": "@Shy is protected",
        "mute": "@mute has nothing to write: X shows no tweets",
    }.items():
        with pytest.raises(TwitterbotError, match=words) as caught:
            machine.fetch(handle)
        assert not isinstance(caught.value, XRefusalError)
        assert not machine.path(handle).exists()


def test_account_of_nothing_but_replies(machine: Machine, server: XServer) -> None:
    account = server.account("Quill")
    account.post(kind="reply")
    for _ in range(2):
        with pytest.raises(TwitterbotError, match="left out"):
            machine.fetch(no_replies=True)
        assert not machine.path().exists()


# --- the token -----------------------------------------------------------------------------


def test_no_token_says_how_to_get_one(server: XServer, tmp_path: Path) -> None:
    done = cli(server, tmp_path, "quill", X_BEARER_TOKEN="")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    for words in ("console.x.com", "X_BEARER_TOKEN", "twitterbot import"):
        assert words in done.stderr


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        (
            {"X_CONSUMER_KEY": "a", "X_ACCESS_TOKEN": "b"},
            "X_CONSUMER_SECRET, X_ACCESS_TOKEN_SECRET",
        ),
        ({"X_BEARER_TOKEN": f"Bearer {BEARER}"}, "X_BEARER_TOKEN holds a space"),
        ({"X_BEARER_TOKEN": f"'{BEARER}'"}, "X_BEARER_TOKEN holds"),
        ({"X_BEARER_TOKEN": f"{BEARER}\nX: 1"}, "X_BEARER_TOKEN holds"),
        ({"X_BEARER_TOKEN": f"{BEARER}é"}, "X_BEARER_TOKEN holds"),
    ],
)
def test_unusable_token_is_named_and_not_shown(environ: dict[str, str], words: str) -> None:
    with pytest.raises(XRefusalError, match=words) as caught:
        XClient(environ)
    assert BEARER not in str(caught.value)


def test_oauth_keys_sign_for_the_host_that_is_called(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(120)
    machine.environ = {**OAUTH, "TWITTERBOT_API_BASE": server.base}
    machine.fetch()
    machine.holds(account)
    machine.environ["X_ACCESS_TOKEN_SECRET"] = "another"
    with pytest.raises(XRefusalError, match="401"):
        machine.fetch()


@pytest.mark.parametrize(
    "base",
    [
        "http://api.x.com",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org:80",
        "ftp://127.0.0.1",
        "//api.x.com",
        "api.x.com",
        "https://",
        "https://user:word@api.x.com",
        "https://api.x.com?x=1",
        "http://127.0.0.1#@api.x.com",
        "http://[::1",
    ],
)
def test_token_goes_nowhere_in_the_open(base: str) -> None:
    with pytest.raises(XRefusalError, match="TWITTERBOT_API_BASE"):
        XClient({"X_BEARER_TOKEN": BEARER, "TWITTERBOT_API_BASE": base})


@pytest.mark.parametrize("base", ["https://api.x.com/", "http://localhost:1", "http://[::1]:1/v"])
def test_bases_that_are_fine(base: str) -> None:
    XClient({"X_BEARER_TOKEN": BEARER, "TWITTERBOT_API_BASE": base})


def test_redirects_proxies_and_netrc_get_nothing(
    machine: Machine, server: XServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = XServer()
    account = server.account("Quill").fill(8)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other.base)
    machine.fetch()
    machine.holds(account)
    target = {"location": f"{other.base}/2/users/by/username/quill"}
    for status in (301, 302, 307, 308):
        server.script = lambda request, s=status: Fault("status", s, HTML, target)  # type: ignore[misc]
        with pytest.raises(TwitterbotError, match=str(status)):
            machine.fetch()
    assert other.requests == []
    other.close()


def test_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine api.x.com login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent = []

    def send(session: Any, request: requests.PreparedRequest, **_: Any) -> Any:
        sent.append(request)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "send", send)
    environ = {"X_BEARER_TOKEN": BEARER, "TWITTERBOT_API_BASE": "https://api.x.com/"}
    with pytest.raises(XRefusalError):
        XClient(environ, sleep=lambda seconds: None).user("Quill")
    assert sent[0].url == "https://api.x.com/2/users/by/username/Quill"
    assert {request.headers["Authorization"] for request in sent} == {f"Bearer {BEARER}"}


# --- handles -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Quill",
        "@Quill",
        " Quill\n",
        "x.com/Quill",
        "https://x.com/Quill",
        "https://x.com/Quill/",
        "http://www.twitter.com/Quill?lang=en",
        "https://mobile.twitter.com/Quill/status/12?s=20#m",
        "HTTPS://X.COM/@Quill",
    ],
)
def test_handle_is_found(text: str) -> None:
    assert parse_handle(text) == "Quill"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "@@Quill",
        "Quill Feather",
        "sixteen_letters_",
        "Quill?user.fields=x",
        "x/../Heron",
        "https://x.com/home",
        "https://x.com/i/user/12",
        "https://twitter.com/search?q=Quill",
        "https://x.com/",
        "https://example.com/Quill",
        "https://x.com.example.com/Quill",
        "Q\uff55ill",
        "Qu\x1b[31mill",
    ],
)
def test_what_is_no_handle_is_refused_before_any_request(machine: Machine, text: str) -> None:
    with pytest.raises(TwitterbotError, match="is not an account") as caught:
        machine.fetch(text)
    assert str(caught.value).isprintable()
    assert machine.server.requests == []


@given(st.text())
def test_handle_always_fits_into_a_url(text: str) -> None:
    with contextlib.suppress(TwitterbotError):
        assert tweets.HANDLE.fullmatch(parse_handle(text))


def test_list_of_handles(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n  # no\r\n\r\n @two \r\n")
    assert read_handles(path) == ["one", "@two"]
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(TwitterbotError, match="UTF-8"):
        read_handles(path)


# --- gaps ----------------------------------------------------------------------------------


@pytest.fixture
def shallow(server: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """X's reach is 300 posts, so that a test need not make thousands."""
    server.reach = 300
    monkeypatch.setattr(fetching, "REACH", 300)
    monkeypatch.setattr(fetching, "_SLACK", 20)


@pytest.mark.usefixtures("shallow")
def test_what_lies_beyond_the_reach_is_told(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(500)
    assert machine.fetch().total == 300
    machine.holds(account, 200)
    assert any("older than" in note and "twitterbot import" in note for note in machine.notes)
    assert machine.fetch().new == 0
    assert set(server.sent.values()) == {1}


@pytest.mark.usefixtures("shallow")
def test_more_new_tweets_than_x_reaches_leave_a_recorded_gap(
    machine: Machine, server: XServer
) -> None:
    account = server.account("Quill").fill(50)
    machine.fetch()
    account.fill(400)
    machine.notes.clear()
    assert machine.fetch().new == 300
    [gap] = machine.record()["gaps"]
    assert (gap["after"], gap["before"]) == (account.posts[49]["id"], account.posts[150]["id"])
    assert any("between" in note and "missing" in note for note in machine.notes)
    account.fill(20)
    assert machine.fetch().new == 20
    assert len(machine.record()["gaps"]) == 1
    held = {tweet.id for tweet in tweets.read(machine.path())}
    assert held == {post["id"] for post in account.posts[:50] + account.posts[150:]}


def test_gap_left_by_max_tweets_is_told_and_filled_later(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(40)
    machine.fetch(max_tweets=100)
    account.fill(150)
    machine.fetch(max_tweets=100)
    assert any("a larger --max-tweets" in note for note in machine.notes)
    machine.fetch()
    machine.holds(account)
    assert set(server.sent.values()) == {1}


# --- files that are not as expected --------------------------------------------------------


def test_imported_timeline_is_continued(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(60)
    machine.path().write_text("\n".join(t.to_json() for t in list(account.truth.values())[:50]))
    machine.fetch()  # the imported file's last line has no line break
    machine.holds(account)
    assert server.sent.total() == 10
    assert any("not made by fetch" in note for note in machine.notes)


def test_deleted_timeline_is_read_again(machine: Machine, server: XServer) -> None:
    account = server.account("Quill").fill(60)
    machine.fetch()
    machine.path().unlink()
    machine.fetch()
    machine.holds(account)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 1}', '{"format": 2}', "\0", "[" * 99999]
)
def test_record_that_is_none(machine: Machine, server: XServer, content: str) -> None:
    account = server.account("Quill").fill(6)
    machine.fetch()
    record = machine.folder / "quill.fetch.json"
    record.write_text(content)
    with pytest.raises(TwitterbotError, match="remove it"):
        machine.fetch()
    record.unlink()
    machine.fetch()
    machine.holds(account)


def test_folder_that_cannot_be_written(server: XServer, tmp_path: Path) -> None:
    server.account("Quill").fill(6)
    (tmp_path / "tweets").write_text("a file")
    done = cli(server, tmp_path, "quill")
    assert (done.returncode, "Not a directory" in done.stderr) == (1, True)


# --- interruptions -------------------------------------------------------------------------


def fork(run: Callable[[], object]) -> int:
    """Runs in a child process; its wait status, so that it may kill itself."""
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    try:
        run()
        os._exit(0)
    except BaseException:
        os._exit(1)


def killing(number: int, torn: int) -> None:
    """From now on this process dies in the middle of its `number`-th step on the file system.

    A step is an fsync or a rename; it dies before or after it. Before an fsync the last
    `torn` bytes of the file are lost, as in a power cut.
    """
    steps = 0

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def step(first: Any, *rest: Any) -> Any:
            nonlocal steps
            steps += 2
            if steps - 1 == number:
                if isinstance(first, int):
                    os.ftruncate(first, max(0, os.fstat(first).st_size - torn))
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(first, *rest)
            if steps == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return step

    os.fsync = wrap(os.fsync)
    os.replace = wrap(os.replace)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_between_any_two_writes(server: XServer, tmp_path: Path) -> None:
    account = server.account("Quill").fill(210)
    steps = paid_twice = 0
    while True:
        steps += 1
        machine = Machine(server, tmp_path / str(steps))
        server.sent.clear()

        def dying(machine: Machine = machine, number: int = steps) -> None:
            killing(number, torn=number * 37 % 400)
            machine.fetch()

        status = fork(dying)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        machine.fetch()
        machine.holds(account)
        twice = sum(count - 1 for count in server.sent.values())
        assert twice in (0, 10, 100), f"killed at step {steps}"
        paid_twice += twice > 0
        leftovers = {path.name for path in machine.folder.iterdir()}
        assert leftovers == {"quill.jsonl", "quill.fetch.json"}
    # Only a page whose record was not yet in its place comes again: three steps a page.
    assert (steps, paid_twice) > (20, 0) and paid_twice <= 9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_again_before_the_run_after_a_kill_has_ended(
    server: XServer, tmp_path: Path
) -> None:
    account = server.account("Quill").fill(210)
    for first in range(1, 25):
        for second in range(1 + first % 12, 25, 12):
            machine = Machine(server, tmp_path / f"{first}-{second}")
            for number in (first, second):

                def dying(machine: Machine = machine, number: int = number) -> None:
                    killing(number, torn=number * 37 % 400)
                    machine.fetch()

                fork(dying)
            machine.fetch()
            machine.holds(account)


def test_killed_at_random_again_and_again(server: XServer, tmp_path: Path) -> None:
    account = server.account("Quill").fill(1500)
    server.delay = 0.02
    rng, kills = random.Random(7), 0
    machine = Machine(server, tmp_path / "tweets")
    while True:
        before = len(server.requests)
        process = subprocess.Popen(
            [sys.executable, "-m", "twitterbot", "fetch", "-q", "quill"],
            cwd=tmp_path,
            env=environment(server),
        )
        while len(server.requests) == before and process.poll() is None:
            time.sleep(0.005)
        try:
            process.wait(rng.uniform(0, 0.4))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        if machine.path().exists():
            lines = machine.path().read_text().splitlines()
            assert set(lines[:-1]) <= {tweet.to_json() for tweet in account.truth.values()}
    assert process.returncode == 0
    assert kills >= 4
    machine.holds(account)
    assert sum(count - 1 for count in server.sent.values()) <= 100 * kills


@pytest.mark.parametrize("during", ["hang", "wait"])
def test_ctrl_c_leaves_whole_files(server: XServer, tmp_path: Path, during: str) -> None:
    account = server.account("Quill").fill(330)
    fault = limited() if during == "wait" else Fault("hang", seconds=3)
    server.script = lambda request: fault if request.ordinal > 3 else None
    process = subprocess.Popen(
        [sys.executable, "-m", "twitterbot", "fetch", "quill"],
        cwd=tmp_path,
        env=environment(server),
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(server.requests) < 4:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert "200 tweets read so far are in tweets/quill.jsonl" in stderr
    assert stderr.splitlines()[-1] == "twitterbot: interrupted"
    machine = Machine(server, tmp_path / "tweets")
    machine.holds(account, 130)
    server.script = lambda request: None
    assert machine.fetch().new == 130
    machine.holds(account)
    assert set(server.sent.values()) == {1}


def interrupting(number: int) -> Callable[..., Any]:
    """A trace function: Ctrl-C comes at the `number`-th line run of what keeps a page."""
    lines, keeping = 0, ("add", "_update", "_advance", "_append", "finish")

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        code = frame.f_code
        if code.co_filename != fetching.__file__ or code.co_name not in keeping:
            return None
        lines += event == "line"
        if lines == number:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    return trace


def test_ctrl_c_at_any_line(server: XServer, tmp_path: Path) -> None:
    account = server.account("Quill").fill(110)
    for number in range(1, 99):
        machine = Machine(server, tmp_path / str(number))
        server.sent.clear()
        before = sys.gettrace()
        try:
            sys.settrace(interrupting(number))
            machine.fetch()
            break
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        machine.fetch()
        machine.holds(account)
        assert sum(count - 1 for count in server.sent.values()) <= 100
    assert 20 < number < 98


@pytest.mark.parametrize("number", range(1, 8))
def test_full_disk(
    machine: Machine, server: XServer, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    account = server.account("Quill").fill(210)
    machine.fetch(max_tweets=5)
    calls, fsync = iter(range(1, 99)), os.fsync

    def full(handle: int) -> None:
        if next(calls) >= number:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TwitterbotError, match=r"cannot write .* No space left"):
        machine.fetch()
    assert len(tweets.read(machine.path())) >= 5
    monkeypatch.setattr(os, "fsync", fsync)
    machine.fetch()
    machine.holds(account)


STEP = st.tuples(
    st.integers(0, 60),  # posts that come before the call
    st.sampled_from([5, 30, 100, 150, 3200]),  # --max-tweets
    st.integers(0, 4),  # the request at which all connections break; 0: none
    st.sampled_from(["", "empty", "short", "repeated", "refuse_token"]),
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=1, max_size=5), st.integers(0, 999))
def test_whatever_happens_nothing_is_lost_and_nothing_paid_twice(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int, int, str]],
    seed: int,
) -> None:
    server, rng = XServer(), random.Random(seed)
    account = server.account("Quill")
    account.post()
    machine = Machine(server, tmp_path_factory.mktemp("walk"))
    for posts, limit, break_at, oddity in steps:
        account.fill(posts)
        server.requests.clear()

        def script(
            request: Request, break_at: int = break_at, oddity: str = oddity
        ) -> Fault | None:
            if break_at and request.ordinal >= break_at:
                return Fault("drop")
            odd = bool(oddity) and "/tweets" in request.path and rng.random() < 0.4
            if odd and server.answer(request)[1].get("data"):
                return Fault(oddity)
            return None

        server.script = script
        try:
            machine.fetch(max_tweets=limit)
        except XRefusalError:
            assert break_at
    server.script = lambda request: None
    machine.fetch()
    machine.holds(account)
    assert set(server.sent.values()) == {1}
    server.close()
