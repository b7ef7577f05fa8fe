"""`twitterbot serve` as its users meet it: a process, HTTP, and no cooperation from within."""

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ENVIRONMENT

# A megabyte and a bit, in chunks, for bodies that do not tell their length.
OVER_A_MEGABYTE = (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 17 + b"0\r\n\r\n"
PATIENCE = 120.0  # seconds; TensorFlow starts slowly on a busy machine


@dataclass(frozen=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """A server on a free port that works in `folder`."""

    def __init__(self, folder: Path, *args: str, **environment: str) -> None:
        kept = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("X_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "twitterbot", "serve", "--port", "0", *args],
            cwd=folder,
            env={**kept, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr
        line = self.process.stderr.readline()
        match = re.fullmatch(r"serving on (http://(.+):(\d+)/\S*) \(Ctrl-C ends it\)\n", line)
        if not match:
            self.process.kill()
            raise AssertionError(line + self.process.stderr.read())
        self.url, self.host, self.port = match[1], match[2], int(match[3])
        self.lines: list[str] = []  # on its stderr
        self._reader = threading.Thread(target=self.lines.extend, args=(self.process.stderr,))
        self._reader.start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def line(self, number: int) -> str:
        """That line of its stderr, counted from 1, once it is there."""
        deadline = time.monotonic() + PATIENCE
        while len(self.lines) < number:
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.02)
        return self.lines[number - 1]

    def close(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ends it and returns its exit code. A job may have to come to its end before."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self._reader.join()

    # -------------------------------------------------------------- HTTP

    @contextlib.contextmanager
    def open(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """A request whose answer the block reads. What is not bytes is sent as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes | Iterator):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, sent)
            yield connection.getresponse()
        finally:
            connection.close()

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        with self.open(method, path, body, headers) as response:
            return Reply(response.status, response.headers, response.read())

    def get(self, path: str, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", path, headers=named)

    def post(self, path: str, body: Any) -> Reply:
        return self.ask("POST", f"/api/v1/{path}", body)

    def upload(self, name: str, content: bytes) -> Reply:
        kind = {"Content-Type": "application/octet-stream"}
        return self.ask("POST", f"/api/v1/import?name={name}", content, kind)

    def raw(self, path: str, body: bytes = b"", *, leave: bool = False, **headers: str) -> bytes:
        """What comes back to a POST of exactly this; or nothing, when the client leaves at once."""
        named = {"Host": f"localhost:{self.port}", "Connection": "close"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
            return b"" if leave else b"".join(iter(lambda: connection.recv(65536), b""))

    def events(self) -> Iterator[tuple[str, Any]]:
        """The server-sent events as they come, for as long as they are asked for."""
        with self.open("GET", "/api/v1/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            kind = ""
            for line in response:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)
                elif line.startswith(b":"):
                    yield "comment", None

    def job(self, until: Callable[[Any], Any]) -> Any:
        """The job as soon as it is `until`, as the events tell it."""
        deadline, job = time.monotonic() + PATIENCE, None
        for kind, data in self.events():
            if kind == "job" and data:
                job = data
                if until(job):
                    return job
                assert job["state"] == "running", job
            assert time.monotonic() < deadline, job
        raise AssertionError("the events ended")

    def ended(self) -> Any:
        """The job once it is over."""
        return self.job(lambda job: job["state"] != "running")
