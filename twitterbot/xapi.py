"""X's API v2 through tweepy: the token, one patient request at a time, what an answer means.

It knows nothing of files. A request either returns the parsed body of a 200 answer
or raises TwitterbotError, after bounded waits where waiting can help.
"""

import ipaddress
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import tweepy  # type: ignore[import-untyped]

from twitterbot.errors import TwitterbotError

TWEET_PRICE = (
    0.005  # US dollars for each post read, https://docs.x.com/x-api/getting-started/pricing
)
USER_PRICE = 0.010  # and for each user looked up
BASE_VARIABLE = "TWITTERBOT_API_BASE"
TOKEN_VARIABLE = "X_BEARER_TOKEN"
KEY_VARIABLES = (
    "X_CONSUMER_KEY",
    "X_CONSUMER_SECRET",
    "X_ACCESS_TOKEN",
    "X_ACCESS_TOKEN_SECRET",
)
PAGE_MAX, PAGE_MIN = 100, 5  # what X takes as max_results
TIMEOUT = (10.0, 30.0)  # seconds to connect, seconds of silence in an answer
TRIES = 7  # of one request: half a minute of failures, or six rate-limit windows
_LONGEST_WAIT = 15 * 60 + 1  # X counts requests in windows of 15 minutes

_NOT_SET_UP = 503  # the status of what is wrong here and not at X

_HOST = "https://api.twitter.com"  # where tweepy sends every request
# tweepy's own list of fields lacks note_tweet, the whole text of a long post.
_TWEET_FIELDS = (
    "author_id,created_at,edit_history_tweet_ids,entities,in_reply_to_user_id,lang,note_tweet,"
    "referenced_tweets,withheld"
)


class XError(TwitterbotError):
    """X does not give what was asked for; `status` is its HTTP status, or the one that fits."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class XRefusalError(XError):
    """X refuses this token or cannot be reached: no other account can be read either."""


class TokenRefusedError(XError):
    """X refuses the pagination token; a walk goes on from the oldest post it has."""


@dataclass(frozen=True)
class User:
    """An account as X knows it."""

    id: str
    username: str  # in X's own spelling


@dataclass(frozen=True)
class Page:
    """One answer about posts, as X's own objects (see `payloads`)."""

    posts: list[Any]
    includes: dict[str, Any]
    next_token: str | None


class XClient:
    """Reads accounts and posts with the credentials in `environ`.

    `on_wait(reason, seconds)` is called before each wait; a wait of more than `patience`
    seconds is an error instead. Raises XRefusalError at once when there are no credentials.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        on_wait: Callable[[str, float], None] = lambda reason, seconds: None,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = math.inf,
    ) -> None:
        credentials = _credentials(environ)
        self._user_auth = "bearer_token" not in credentials
        self._client = tweepy.Client(**credentials, return_type=requests.Response)
        self._client.session = _Session(_base(environ))
        self._on_wait = on_wait
        self._sleep = sleep
        self._patience = patience

    def user(self, handle: str) -> User:
        """Looks an account up by its handle, which must be valid (it becomes part of a URL)."""
        body = self._call(self._client.get_user, username=handle)
        data = body.get("data")
        if not isinstance(data, dict) or not str(data.get("id", "")).isdecimal():
            raise _account_error(body, handle)
        return User(str(data["id"]), str(data.get("username", handle)))

    def timeline(
        self,
        user: User,
        *,
        size: int,
        since_id: str | None = None,
        until_id: str | None = None,
        token: str | None = None,
        originals: bool = True,
    ) -> Page:
        """Up to `size` (5 to 100) posts, newest first; both ids are themselves excluded.

        `originals` asks for the whole text of what was retweeted. Raises
        TokenRefusedError for a `token` that X no longer takes.
        """
        body = self._call(
            self._client.get_users_tweets,
            user.id,
            max_results=size,
            since_id=since_id,
            until_id=until_id,
            pagination_token=token,
            tweet_fields=_TWEET_FIELDS,
            expansions="referenced_tweets.id" if originals else None,
        )
        if "data" not in body and "meta" not in body:
            raise _account_error(body, user.username)
        return _page(body)

    def gone(self, ids: Sequence[str]) -> list[str]:
        """Those of up to 100 post ids that X names as deleted or no longer public."""
        errors = _errors(self._call(self._client.get_tweets, list(ids)))
        named = {str(error.get("resource_id")) for error in errors if _problem(error) in _GONE}
        return [number for number in ids if number in named]

    def _call(self, method: Callable[..., Any], *args: Any, **params: Any) -> dict[str, Any]:
        """The body of a 200 answer. Waits out what passes, raises what does not."""
        params = {name: value for name, value in params.items() if value is not None}
        for attempt in range(1, TRIES + 1):
            try:
                return _body(method(*args, user_auth=self._user_auth, **params))
            except requests.RequestException as error:
                reason, seconds = _diagnose(error, attempt)
                if attempt == TRIES or seconds > self._patience:
                    raise _exhausted(error, reason, attempt) from error
            self._on_wait(reason, seconds)
            self._sleep(seconds)
        raise AssertionError("the last attempt returns or raises")


class _Session(requests.Session):
    """Sends tweepy's requests to `base`, with a timeout, and takes nothing but 200 for an answer.

    No redirect is followed and no password from ~/.netrc is sent, so that the token
    goes to `base` alone. Status codes are judged here because tweepy's own handling
    trips over error bodies of unexpected shape and over a rate limit without a reset.
    """

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        # A proxy of the environment would capture the loopback calls of a test.
        self.trust_env = base.startswith("https:")

    def request(
        self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any
    ) -> requests.Response:
        kwargs.update(timeout=TIMEOUT, allow_redirects=False)
        kwargs["auth"] = kwargs.get("auth") or (lambda request: request)
        response = super().request(
            method, self._base + str(url).removeprefix(_HOST), *args, **kwargs
        )
        if response.status_code != 200:
            raise requests.HTTPError(response=response)
        return response


def _base(environ: Mapping[str, str]) -> str:
    """Where requests go: X, or what TWITTERBOT_API_BASE names."""
    base = environ.get(BASE_VARIABLE, "").strip().rstrip("/") or _HOST
    try:
        url = urlsplit(base)
        local = url.scheme == "http" and _is_loopback(url.hostname or "")
        valid = (url.scheme == "https" and url.hostname) or local
    except ValueError:
        valid = False
    if not valid or "@" in base or "?" in base or "#" in base:
        raise XRefusalError(
            f"{BASE_VARIABLE} must be an address like https://api.x.com (plain http only on "
            f"this machine), so that the token is not sent in the open",
            _NOT_SET_UP,
        )
    return base


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """The keyword arguments for tweepy's client. No message ever holds a value."""
    found = {name: environ.get(name, "").strip() for name in (TOKEN_VARIABLE, *KEY_VARIABLES)}
    names = [TOKEN_VARIABLE] if found[TOKEN_VARIABLE] else list(KEY_VARIABLES)
    missing = [name for name in names if not found[name]]
    if len(missing) == len(KEY_VARIABLES):
        raise XRefusalError(
            f"no X API token: create an app at https://console.x.com, then "
            f"`export {TOKEN_VARIABLE}=...` with its bearer token; `twitterbot import` needs "
            f"none, it reads the archive that X gives to every account",
            _NOT_SET_UP,
        )
    if missing:
        raise XRefusalError(
            f"{', '.join(missing)} must be set too; OAuth 1.0a takes four keys together, "
            f"{TOKEN_VARIABLE} alone will do instead",
            _NOT_SET_UP,
        )
    for name in names:
        if not all("!" <= c <= "~" and c not in "\"'" for c in found[name]):
            raise XRefusalError(
                f"{name} holds a space, a quote or another character that no X key has; "
                f"copy the bare key again from https://console.x.com",
                _NOT_SET_UP,
            )
    return {name.removeprefix("X_").lower(): found[name] for name in names}


def _body(response: requests.Response) -> dict[str, Any]:
    """The JSON object of an answer; requests.InvalidJSONError for anything else."""
    try:
        body = response.json()
    except RecursionError as error:
        raise requests.exceptions.InvalidJSONError from error
    if not isinstance(body, dict) or not body.keys() & {"data", "errors", "meta"}:
        raise requests.exceptions.InvalidJSONError
    return body


def _page(body: Mapping[str, Any]) -> Page:
    posts, includes = body.get("data"), body.get("includes")
    meta, token = body.get("meta"), None
    if isinstance(meta, dict) and isinstance(meta.get("next_token"), str):
        token = meta["next_token"]
    return Page(
        posts=posts if isinstance(posts, list) else [],
        includes=includes if isinstance(includes, dict) else {},
        next_token=token,
    )


def _diagnose(error: requests.RequestException, attempt: int) -> tuple[str, float]:
    """What failed and for how many seconds to wait. Raises what waiting cannot cure."""
    response = error.response
    if response is None:
        return _network_reason(error), _backoff(attempt)
    if response.status_code >= 500:
        return f"X answers {_status(response)}", _backoff(attempt)
    if response.status_code == 429 and _problem(_json(response)) not in _NO_CREDIT:
        return "X's rate limit is reached", _rate_limit_wait(response, attempt)
    raise _refusal(response)


def _backoff(attempt: int) -> float:
    """0.5, 1, 2, 4, 8, 16 seconds."""
    return 2.0 ** (attempt - 2)


def _rate_limit_wait(response: requests.Response, attempt: int) -> float:
    """Seconds until the reset that X names, by X's own clock, at most 15 minutes.

    Where the reset is missing or past it grows from 15 seconds to 8 minutes, which
    adds up to more than one of X's windows.
    """
    headers = response.headers
    # Of several limits (old plans also count by the day) those that are used up matter.
    resets = [
        int(value)
        for name, value in headers.items()
        if name.lower().endswith("-reset")
        and value.isdecimal()
        and len(value) <= 10
        and headers.get(name[: -len("reset")] + "remaining", "0") == "0"
    ]
    ahead = max(resets, default=0) - _server_time(headers.get("date"))
    return min(ahead + 1, _LONGEST_WAIT) if ahead >= 0 else 7.5 * 2**attempt


def _server_time(date: str | None) -> float:
    """The time in an answer's Date header, for the clock here may be wrong; else the clock's."""
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (ValueError, OverflowError):
        return time.time()


def _network_reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.InvalidJSONError):
        return "X's answer is cut or not JSON"
    if isinstance(error, requests.exceptions.SSLError):
        return "the connection to X is not secure (TLS failed)"
    if isinstance(error, requests.ConnectionError):
        return "the connection to X failed"
    if isinstance(error, requests.Timeout):
        return "X does not answer"
    return "the connection to X broke off"


def _exhausted(error: requests.RequestException, reason: str, tries: int) -> XError:
    """The end of patience. Without a usable connection no other account needs to be tried."""
    unreachable = isinstance(error, requests.ConnectionError | requests.Timeout)
    status = 504 if isinstance(error, requests.Timeout) else 502
    if error.response is not None:
        status = error.response.status_code
    kind = XRefusalError if unreachable or status == 429 else XError
    after = f"{tries} tries" if tries > 1 else "one try"
    return kind(f"{reason}, after {after}; run the same command later to go on from here", status)


# Here and below: the last part of a problem's type URL.
_GONE = {"resource-not-found", "not-authorized-for-resource"}

# Refusals that only money or time cures.
_NO_CREDIT = {
    "credits": "the app's account has no credits left; add some at https://console.x.com",
    "credits-depleted": "the app's account has no credits left; add some at https://console.x.com",
    "usage-capped": "the app's usage cap is reached; raise it at https://console.x.com "
    "or go on when the next period begins",
}
_REFUSALS = {
    **_NO_CREDIT,
    "client-forbidden": "the app has no access to this part of the API; give it a project and "
    "credits at https://console.x.com (the free tier reads nothing), or use `twitterbot import`",
    "unsupported-authentication": f"this is the wrong kind of token; {TOKEN_VARIABLE} takes the "
    f"app's bearer token, {KEY_VARIABLES[0]} and its three companions take OAuth 1.0a keys",
    "user-suspended": "the account that owns the token is suspended",
}


def _refusal(response: requests.Response) -> XError:
    """The error for an answer that stays the same however often one asks."""
    body, status = _json(response), response.status_code
    if status == 400 and "pagination_token" in response.text:
        return TokenRefusedError(
            "X refuses to go on from this page; run the same command again", status
        )
    if status == 401:
        return XRefusalError(
            "X does not accept the token (401 Unauthorized); copy it again from "
            "https://console.x.com, or make a new one there",
            status,
        )
    problem = "credits" if status == 402 else _problem(body)
    if problem in _REFUSALS:
        return XRefusalError(f"X refuses: {_REFUSALS[problem]}", status)
    if body.get("title") == "SpendCapReached":
        return XRefusalError(
            "X refuses: the spending limit is reached; raise it at https://console.x.com", status
        )
    return XError(f"X refuses with {_status(response)}{_detail(body)}", status)


def _account_error(body: Mapping[str, Any], handle: str) -> XError:
    """The error for a 200 answer that says why there is no such account or timeline."""
    error = next(iter(_errors(body)), {})
    problem = _problem(error)
    if "suspended" in str(error.get("detail")).lower():
        return XError(f"@{handle} is suspended, so X shows none of its tweets", 403)
    if problem == "resource-not-found":
        return XError(f"there is no account @{handle}; check how it is spelt", 404)
    if problem == "not-authorized-for-resource":
        return XError(
            f"@{handle} is protected: only its approved followers may read it; its owner can "
            f"download the archive from X and use `twitterbot import`",
            403,
        )
    return XError(f"X has no answer for @{handle}{_detail(error)}", 502)


def _json(response: requests.Response) -> dict[str, Any]:
    """The body of a refusal, where it is a JSON object."""
    try:
        body = response.json()
    except (requests.exceptions.InvalidJSONError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _errors(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    errors = body.get("errors")
    return [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []


def _problem(body: Mapping[str, Any]) -> str:
    """`https://api.x.com/2/problems/usage-capped` -> `usage-capped`; the host varies."""
    return str(body.get("type", "")).rpartition("/")[2]


def _status(response: requests.Response) -> str:
    return f"{response.status_code} {_clean(response.reason or '')}".strip()


def _detail(body: Mapping[str, Any]) -> str:
    """X's own words, behind a colon, where there are any."""
    first = next(iter(_errors(body)), {})
    words = first.get("message") or body.get("detail") or body.get("title")
    return f": {_clean(str(words))}" if words else ""


def _clean(text: str) -> str:
    """Text from a server, safe for a terminal, on one line of at most 200 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
