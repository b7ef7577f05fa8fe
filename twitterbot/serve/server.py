"""The web server around the application, from the socket to the end of all processes."""

import contextlib
import dataclasses
import errno
import logging
import os
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from urllib.parse import quote

import uvicorn

from twitterbot.errors import TwitterbotError
from twitterbot.options import ServeOptions
from twitterbot.serve.app import Application
from twitterbot.serve.security import Address

_CONNECTION_PATIENCE = 2  # seconds for answers that are on their way
_BACKLOG = 2048  # connections that wait to be taken
_TOKEN = re.compile("[ -~]{8,}")  # what headers can carry


def run(
    options: ServeOptions, on_ready: Callable[[str], None], on_stop: Callable[[str], None]
) -> None:
    """Serves until Ctrl-C or SIGTERM (see `serve`)."""
    with _alone(), _listen(options.host, options.port) as listener:
        address = Address(options.host, listener.getsockname()[1])
        options = dataclasses.replace(options, token=_token(options, address))
        application = Application(options, address)
        config = uvicorn.Config(
            application.asgi,
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_CONNECTION_PATIENCE,
        )
        url = _url(address, options.token)
        with contextlib.suppress(KeyboardInterrupt):  # the ordinary end
            _Server(config, application, lambda: on_ready(url), on_stop).run([listener])


class _Server(uvicorn.Server):
    """Ends the application's work before its own; a second Ctrl-C waits for no job."""

    def __init__(
        self,
        config: uvicorn.Config,
        application: Application,
        on_ready: Callable[[], None],
        on_stop: Callable[[str], None],
    ) -> None:
        super().__init__(config)
        self._application = application
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()  # not before Ctrl-C is uvicorn's

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        jobs = self._application.jobs
        if jobs.is_running:
            self._on_stop("stopping the job; Ctrl-C once more ends it at once")
            job = await jobs.cancel(keep=True)
            while jobs.is_running and not self.force_exit:  # a training scores what it has
                await jobs.wait(0.1)
            await jobs.close()
            self._on_stop(f"{job.kind} of {job.subject}: {job.message}")
        await self._application.close()
        # A request that is cut off now, such as an upload, is no error to be traced.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Holds the working folder: a second server would take this one's job for a dead one's."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows has no such lock
        yield
        return
    folder = os.open(".", os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TwitterbotError(
                "another `twitterbot serve` works in this folder; use it, or end it first"
            ) from error
        yield
    finally:
        os.close(folder)


def _token(options: ServeOptions, address: Address) -> str | None:
    """The token that callers must show: needed where others than this machine can connect."""
    if options.token is None and not address.is_loopback:
        return secrets.token_urlsafe(24)
    if options.token is not None and not _TOKEN.fullmatch(options.token):
        raise TwitterbotError("a --token needs 8 characters or more, all of them ASCII")
    return options.token


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise TwitterbotError(
                f"port {port} is in use; end what uses it, or choose another --port (0 takes any)"
            ) from error
        raise TwitterbotError(f"cannot listen on {host}, port {port}: {error.strerror}") from error


def _url(address: Address, token: str | None) -> str:
    host = socket.gethostname() if address.is_wildcard else address.host
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{address.port}/" + (f"?token={quote(token)}" if token else "")
