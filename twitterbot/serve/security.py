"""Who may ask the server for what: one ASGI layer around everything else.

The server can spend its user's money and delete files, and every page that the user's
browser opens can send it requests. So:

- The Host must be ours: a foreign name that resolves to this machine (DNS rebinding) is not.
- Outside `/api/{user}`, an Origin must be ours and Sec-Fetch-Site not another site's.
- What a POST brings must be of a type that no form of another site can send.
- Where others than this machine can connect, a token must be shown.
- Bodies have a limit, whatever Content-Length says.
"""

import hmac
import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

V1 = "/api/v1/"
UPLOAD = "/api/v1/import"
COOKIE = "twitterbot_token"
_API = "/api/"
_BODY_LIMIT = 1 << 20
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::([0-9]{1,5}))?")
_STAYS_OPEN = {"GET", "HEAD", "OPTIONS"}

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Of a page with its own style and script inside. In the sandbox its origin is not ours,
# so that whatever a tweet in it may do, it cannot call the API.
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": CONTENT_POLICY,
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Address:
    """Where the server listens."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True where only this machine can connect."""
        return self.host == "localhost" or _is_ip(self.host, lambda ip: ip.is_loopback)

    @property
    def is_wildcard(self) -> bool:
        """True for all of the machine's addresses."""
        return _is_ip(self.host, lambda ip: ip.is_unspecified)

    def is_named_by(self, authority: str) -> bool:
        """True for the Host headers that mean this server."""
        match = _AUTHORITY.fullmatch(authority)
        if not match or int(match[3] or 80) != self.port:
            return False
        name = (match[1] or match[2]).lower()
        if self.is_wildcard:  # only a name can be made to point here
            return _is_ip(name) or name in {"localhost", socket.gethostname().lower()}
        loopback = {"localhost", "127.0.0.1", "::1"} if self.is_loopback else set()
        return name in {self.host.lower(), *loopback}


def _is_ip(
    name: str,
    test: Callable[[ipaddress.IPv4Address | ipaddress.IPv6Address], bool] = lambda ip: True,
) -> bool:
    try:
        return test(ipaddress.ip_address(name))
    except ValueError:
        return False


class Guard:
    """Refuses what must not come in, and adds the headers that every answer has."""

    def __init__(
        self, app: ASGIApp, address: Address, token: str | None, upload_limit: int
    ) -> None:
        self._app = app
        self._address = address
        self._token = token
        self._upload_limit = upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or lets it through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        limit = self._upload_limit if request.url.path == UPLOAD else _BODY_LIMIT
        try:
            self._check(request, limit)
        except HTTPException as refusal:
            await _refused(request, refusal)(scope, receive, _with_headers(send))
            return
        if answer := self._login(request):
            await answer(scope, receive, _with_headers(send))
        else:
            await self._app(scope, _limited(receive, limit), _with_headers(send))

    def _check(self, request: Request, limit: int) -> None:
        """Raises HTTPException for what is refused."""
        if not self._address.is_named_by(request.headers.get("host", "")):
            raise HTTPException(421, "this server has another address")
        if not _is_open(request):
            _check_site(request)
        if request.method == "POST":
            _check_type(request)
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > limit:
            raise HTTPException(413, f"more than {limit:,} bytes are not taken")
        if self._token and request.method != "OPTIONS" and not self._is_shown(request):
            raise HTTPException(
                401, "open the address that `twitterbot serve` showed, token and all"
            )

    def _is_shown(self, request: Request) -> bool:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        shown = [request.cookies.get(COOKIE, ""), *_tokens(request)]
        if scheme.lower() == "bearer":
            shown.append(bearer.strip())
        return any(
            hmac.compare_digest(each.encode(), (self._token or "").encode()) for each in shown
        )

    def _login(self, request: Request) -> Response | None:
        """The answer to `/?token=...`: the token moves from the address to a cookie."""
        if not self._token or not _tokens(request):
            return None
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        return answer


def _tokens(request: Request) -> list[str]:
    if request.url.path != "/" or request.method != "GET":
        return []
    return parse_qs(request.url.query).get("token", [])


def _is_open(request: Request) -> bool:
    """True for what other sites may ask for: tweets, and a link to our page."""
    path, method = request.url.path, request.method
    if path.startswith(_API):
        return not path.startswith(V1) and method in _STAYS_OPEN
    return method in _STAYS_OPEN


def _check_site(request: Request) -> None:
    own = f"http://{request.headers.get('host', '')}"
    if request.headers.get("origin", own) != own:
        raise HTTPException(403, "requests from other sites are refused")
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise HTTPException(403, "requests from other sites are refused")


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = "application/octet-stream" if request.url.path == UPLOAD else "application/json"
    if given != wanted:
        raise HTTPException(415, f"the Content-Type must be {wanted}")


def _refused(request: Request, refusal: HTTPException) -> JSONResponse:
    content: dict[str, str | None] = {"error": refusal.detail}
    if not request.url.path.startswith(V1):
        content["tweets"] = None
    # What the body holds is not read.
    return JSONResponse(content, refusal.status_code, {"connection": "close"})


def _limited(receive: Receive, limit: int) -> Receive:
    """Counts what really comes: a body in chunks does not tell its length."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413, f"more than {limit:,} bytes are not taken")
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return adding
