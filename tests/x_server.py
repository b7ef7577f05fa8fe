"""A stand-in for X: the parts of API v2 that `fetch` uses, over real HTTP on loopback.

It holds invented accounts, answers in X's shapes and headers, enforces X's rules (tokens,
page sizes, the 3,200 newest, only the fields asked for) and fails on demand: `script` is
asked before every answer and may name a fault. `sent` counts what X would bill.
"""

import base64
import gzip
import hashlib
import hmac
import html
import json
import random
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from twitterbot.tweets import Tweet

BEARER = "AAAAAAAAAAAAAAAAAAAAAinvented%2Ftoken%3Dnot1real"
OAUTH = {
    "X_CONSUMER_KEY": "consumerkey1",
    "X_CONSUMER_SECRET": "consumersecret2",
    "X_ACCESS_TOKEN": "42-accesstoken3",
    "X_ACCESS_TOKEN_SECRET": "accesssecret4",
}
PROBLEM = "https://api.twitter.com/2/problems/"
FIRST_ID = 1_500_000_000_000_000_000  # above 2**53: a float would ruin it
_WORDS = re.split(
    " ",
    "quiet river lamp orchard kettle violin gravel & <3 winter ladder 🚲 paper maple's engine "
    "naïve 東京 signal bridge copper 👩\u200d👩\u200d👧 morning thread",
)


@dataclass
class Account:
    """An account and its posts, in X's JSON, oldest first; `truth` is what a record must hold."""

    id: str
    username: str
    state: str = "open"  # or "suspended", "protected"
    posts: list[dict[str, Any]] = field(default_factory=list)
    truth: dict[str, Tweet] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)  # posts retweeted or quoted

    def post(self, text: str | None = None, kind: str = "original", **extra: Any) -> str:
        """Appends a post and returns its id. `text` is what a reader sees, unescaped."""
        serial = len(self.truth)
        number = str(FIRST_ID + int(self.id) * 10**9 + serial * 4_194_304)
        rng = random.Random(serial)
        text = text or " ".join(rng.choices(_WORDS, k=rng.randint(3, 14))) + f" {serial}"
        created = f"2024-{serial // 28 % 12 + 1:02}-{serial % 28 + 1:02}T09:{serial % 60:02}:00"
        post: dict[str, Any] = {
            "id": number,
            "text": html.escape(text, quote=False),
            "created_at": f"{created}.000Z",
            "author_id": self.id,
            "lang": "en",
            "edit_history_tweet_ids": [number],
        }
        if kind != "original":
            other = str(int(number) - 7)
            relation = {"reply": "replied_to", "retweet": "retweeted", "quote": "quoted"}[kind]
            post["referenced_tweets"] = [{"type": relation, "id": other}]
            self.others[other] = {"id": other, "text": post["text"], "author_id": "77"}
            if kind == "reply":
                post["in_reply_to_user_id"] = "77"
            if kind == "retweet":
                post["text"] = f"RT @someone: {post['text'][:30]}…"
                text = f"RT @someone: {text}"
        post.update(extra)
        self.posts.append(post)
        self.truth[number] = Tweet(
            id=number,
            text=text,
            created_at=f"{created}Z",
            author=self.username,
            kind=kind,  # type: ignore[arg-type]
            lang="en",
        )
        return number

    def fill(self, count: int) -> "Account":
        """Posts `count` times: mostly originals, some replies and retweets."""
        for serial in range(count):
            self.post(kind={3: "reply", 5: "retweet", 8: "quote"}.get(serial % 10, "original"))
        return self


@dataclass
class Request:
    """One request as the server saw it."""

    ordinal: int  # from 1
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float


@dataclass(frozen=True)
class Fault:
    """How an answer goes wrong. `kind` is "status" or the name of a method of the handler."""

    kind: str
    status: int = 503
    body: Any = None  # a string is sent as HTML, anything else as JSON
    headers: dict[str, str | int] = field(default_factory=dict)  # a number is a time from now
    seconds: float = 0


def problem(status: int, title: str, kind: str = "about:blank", **more: Any) -> Fault:
    """A refusal in X's form."""
    url = kind if kind == "about:blank" else PROBLEM + kind
    body = {"title": title, "detail": title, "type": url, "status": status, **more}
    return Fault("status", status, body)


def at(*ordinals: int, fault: Fault) -> Callable[[Request], Fault | None]:
    """A script that fails the requests with these numbers."""
    return lambda request: fault if request.ordinal in ordinals else None


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class XServer:
    """The server, running from construction to `close`."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.script: Callable[[Request], Fault | None] = lambda request: None
        self.requests: list[Request] = []
        self.sent: Counter[str] = Counter()  # post id -> times that it left whole
        self.looked_up = 0
        self.reach = 3200
        self.delay = 0.0  # seconds before each answer
        self.lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.base = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def account(self, username: str, state: str = "open") -> Account:
        account = Account(str(1000 + len(self.accounts)), username, state)
        self.accounts[account.id] = account
        return account

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Status and body, as X would give them."""
        if match := re.fullmatch(r"/2/users/by/username/(\w+)", request.path):
            return 200, self._user(match[1])
        if match := re.fullmatch(r"/2/users/(\d+)/tweets", request.path):
            return self._timeline(match[1], request.query)
        if request.path == "/2/tweets":
            return 200, self._posts(request.query["ids"].split(","))
        return 404, {"title": "Not Found", "status": 404, "type": "about:blank"}

    def _user(self, name: str) -> dict[str, Any]:
        for account in self.accounts.values():
            if account.username.lower() == name.lower():
                if account.state == "suspended":
                    detail = f"User has been suspended: [{name}]."
                    return {"errors": [_error("Forbidden", detail, "resource-not-found", name)]}
                self.looked_up += 1
                user = {"id": account.id, "name": account.username, "username": account.username}
                return {"data": user}
        detail = f"Could not find user with username: [{name}]."
        return {"errors": [_error("Not Found Error", detail, "resource-not-found", name)]}

    def _timeline(self, number: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        account = self.accounts[number]
        if account.state != "open":
            detail = f"Sorry, you are not authorized to see the user with id: [{number}]."
            kind = "not-authorized-for-resource"
            return 200, {"errors": [_error("Authorization Error", detail, kind, number)]}
        size = int(query.get("max_results", "10"))
        if not 5 <= size <= 100:
            message = f"The `max_results` query parameter value [{size}] is not between 5 and 100"
            return 400, _invalid(message)
        token = query.get("pagination_token")
        if token is not None and not re.fullmatch(r"7140dib\d+", token):
            return 400, _invalid(
                f"The `pagination_token` query parameter value [{token}] is not valid"
            )
        before = int(token.removeprefix("7140dib")) if token else int(query.get("until_id", 2**63))
        after = int(query.get("since_id", 0))
        reachable = account.posts[-self.reach :]
        left = [p for p in reversed(reachable) if after < int(p["id"]) < before]
        return 200, self._page(account, left[:size], query, more=len(left) > size)

    def _page(
        self, account: Account, posts: list[dict[str, Any]], query: dict[str, str], more: bool
    ) -> dict[str, Any]:
        if not posts:
            return {"meta": {"result_count": 0}}
        wanted = {"id", "text", "edit_history_tweet_ids", *query["tweet.fields"].split(",")}
        meta: dict[str, Any] = {
            "result_count": len(posts),
            "newest_id": posts[0]["id"],
            "oldest_id": posts[-1]["id"],
        }
        if more:
            meta["next_token"] = f"7140dib{posts[-1]['id']}"
        page: dict[str, Any] = {
            "data": [{name: p[name] for name in p if name in wanted} for p in posts],
            "meta": meta,
        }
        if query.get("expansions") == "referenced_tweets.id":
            references = [r["id"] for p in posts for r in p.get("referenced_tweets", ())]
            held = [account.others[number] for number in references if number in account.others]
            page["includes"] = {"tweets": held}
            page["errors"] = [
                _error("Not Found Error", f"Could not find tweet: [{n}].", "resource-not-found", n)
                for n in references
                if n not in account.others
            ]
        return page

    def _posts(self, ids: list[str]) -> dict[str, Any]:
        assert len(ids) <= 100
        held = {p["id"]: p for account in self.accounts.values() for p in account.posts}
        body: dict[str, Any] = {
            "data": [{"id": n, "text": held[n]["text"]} for n in ids if n in held]
        }
        missing = [n for n in ids if n not in held]
        detail = "Could not find tweet with ids"
        body["errors"] = [
            _error("Not Found Error", detail, "resource-not-found", n) for n in missing
        ]
        return {name: value for name, value in body.items() if value}


def _error(title: str, detail: str, kind: str, value: str) -> dict[str, Any]:
    return {
        "value": value,
        "detail": detail,
        "title": title,
        "resource_id": value,
        "parameter": "id",
        "type": PROBLEM + kind,
    }


def _invalid(message: str) -> dict[str, Any]:
    return {
        "errors": [{"parameters": {}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": PROBLEM + "invalid-request",
    }


def _is_signed(request: Request, base: str) -> bool:
    """Checks an OAuth 1.0a signature over the address that was really called (RFC 5849, 3.4)."""
    pairs = re.findall(r'(\w+)="([^"]*)"', request.headers.get("Authorization", ""))
    oauth = {name: unquote(value) for name, value in pairs}
    signature = oauth.pop("oauth_signature", "")
    known = (OAUTH["X_CONSUMER_KEY"], OAUTH["X_ACCESS_TOKEN"])
    if (oauth.get("oauth_consumer_key"), oauth.get("oauth_token")) != known:
        return False
    both = sorted((quote(k, "~"), quote(v, "~")) for k, v in {**oauth, **request.query}.items())
    normal = "&".join(f"{name}={value}" for name, value in both)
    message = "&".join(quote(part, "~") for part in ("GET", base + request.path, normal))
    key = f"{OAUTH['X_CONSUMER_SECRET']}&{OAUTH['X_ACCESS_TOKEN_SECRET']}"
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha1).digest()
    return hmac.compare_digest(base64.b64encode(digest).decode(), signature)


def _handler(server: XServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer takes 40 ms

        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            with server.lock:
                request = Request(
                    len(server.requests) + 1,
                    url.path,
                    dict(parse_qsl(url.query)),
                    dict(self.headers),
                    time.monotonic(),
                )
                server.requests.append(request)
            time.sleep(server.delay)
            fault = server.script(request)
            try:
                if fault is not None:
                    getattr(self, fault.kind)(request, fault)
                else:
                    self.answer(request)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def answer(self, request: Request) -> None:
            bearer = request.headers.get("Authorization") == f"Bearer {BEARER}"
            if bearer or _is_signed(request, server.base):
                self.bill(server.answer(request))
            else:
                refusal = problem(401, "Unauthorized")
                self.reply(refusal.status, refusal.body, limits=False)

        def bill(self, answer: tuple[int, dict[str, Any]]) -> None:
            status, body = answer
            with server.lock:
                data = body.get("data", ())
                server.sent.update(p["id"] for p in data if isinstance(p, dict) and "text" in p)
            self.reply(status, body)

        def reply(
            self,
            status: int,
            body: Any,
            headers: dict[str, str | int] | None = None,
            limits: bool = True,
            keep: float = 1.0,
        ) -> None:
            """Sends a whole answer, or with `keep` < 1 the first part of the promised bytes."""
            is_html = isinstance(body, str)
            content = gzip.compress((body if is_html else json.dumps(body)).encode())
            kind = "text/html" if is_html else "application/json; charset=utf-8"
            now = int(time.time())
            fields: dict[str, str | int] = {
                "date": formatdate(now, usegmt=True),
                "server": "cloudflare envoy",
                "api-version": "2.155",
                "cache-control": "no-cache, no-store, max-age=0",
                "content-type": kind,
                "content-encoding": "gzip",
                "content-length": str(len(content)),
                "x-access-level": "read",
            }
            if limits:
                fields["x-rate-limit-limit"] = "10000"
                fields["x-rate-limit-remaining"] = "9998"
                fields["x-rate-limit-reset"] = 900
            fields.update(headers or {})
            self.send_response_only(status)
            for name, value in fields.items():
                if value:
                    self.send_header(name, str(now + value if isinstance(value, int) else value))
            self.end_headers()
            self.wfile.write(content[: int(len(content) * keep)])

        # The faults.

        def status(self, request: Request, fault: Fault) -> None:
            self.reply(fault.status, fault.body, fault.headers)

        def drop(self, request: Request, fault: Fault) -> None:
            """Closes the connection without a word."""
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def cut(self, request: Request, fault: Fault) -> None:
            """Breaks off in the middle of the body."""
            self.reply(*server.answer(request), keep=0.5)
            self.close_connection = True

        def truncated(self, request: Request, fault: Fault) -> None:
            """A well-formed answer that holds half a JSON document."""
            status, body = server.answer(request)
            text = json.dumps(body)
            self.reply(status, text[: len(text) // 2], {"content-type": "application/json"})

        def hang(self, request: Request, fault: Fault) -> None:
            time.sleep(fault.seconds)
            self.close_connection = True

        def empty(self, request: Request, fault: Fault) -> None:
            """A page without posts that says there are more."""
            token = request.query.get("pagination_token")
            number = token or f"7140dib{request.query.get('until_id', 2**63 - 1)}"
            self.reply(200, {"meta": {"result_count": 0, "next_token": number}})

        def short(self, request: Request, fault: Fault) -> None:
            """A third of the page that was asked for."""
            size = max(5, int(request.query["max_results"]) // 3)
            request.query["max_results"] = str(size)
            self.answer(request)

        def repeated(self, request: Request, fault: Fault) -> None:
            """The page, and once more the last posts of the page before."""
            status, body = server.answer(request)
            server.sent.update(post["id"] for post in body["data"])
            account = server.accounts[request.path.split("/")[3]]
            newer = [p for p in account.posts if int(p["id"]) > int(body["data"][0]["id"])]
            body["data"] = newer[:4][::-1] + body["data"] + body["data"][-2:]
            self.reply(status, body)

        def refuse_token(self, request: Request, fault: Fault) -> None:
            """Takes no pagination token, though it gave one."""
            if "pagination_token" in request.query:
                self.reply(400, _invalid("The `pagination_token` query parameter is not valid"))
            else:
                self.answer(request)

    return Handler
