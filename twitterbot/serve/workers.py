"""The server's side of its worker processes (see `worker`)."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import twitterbot
from twitterbot.errors import TwitterbotError
from twitterbot.serve.worker import STOP
from twitterbot.xapi import KEY_VARIABLES, TOKEN_VARIABLE

_FINAL = {"result", "error", "stopped"}
_LONGEST_LINE = 64 << 20


class WorkError(TwitterbotError):
    """What a worker could not do; `status` is the HTTP status that the task names, if any."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Worker:
    """A process of its own session: a Ctrl-C in the terminal is for the server alone."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, *, with_token: bool = False) -> Self:
        """A new process; X's credentials are in its environment only where it needs them."""
        secrets = set() if with_token else {TOKEN_VARIABLE, *KEY_VARIABLES}
        environment = {name: value for name, value in os.environ.items() if name not in secrets}
        # Found from wherever the server was started; -P keeps the folder's own files out.
        paths = [str(Path(twitterbot.__file__).parents[1]), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "twitterbot.serve.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
        return cls(process)

    async def answers(self, task: str, arguments: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Sends a request and yields its answers. Raises WorkError for `error`, or a crash."""
        self._send({"task": task, "arguments": arguments})
        assert self._process.stdout
        async for line in self._process.stdout:
            answer = json.loads(line, parse_constant=lambda _: None)  # NaN, inf
            if "error" in answer:
                raise WorkError(answer["error"], answer["status"])
            yield answer
            if answer.keys() & _FINAL:
                return
        raise WorkError(_obituary(await self._process.wait()))

    def stop(self) -> None:
        """Asks for an early end of the present request, which keeps what there is to keep."""
        self._send(STOP)

    async def kill(self) -> None:
        """Ends the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    @property
    def is_alive(self) -> bool:
        """False once the process has ended."""
        return self._process.returncode is None

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request).encode() + b"\n")


def _obituary(code: int) -> str:
    if code < 0:
        return f"the process that did the work was killed by signal {-code}; was memory short?"
    return f"the process that did the work broke off with code {code}; the terminal says why"


async def work(task: str, arguments: dict[str, Any], *, with_token: bool = False) -> dict[str, Any]:
    """The result of one task in a process of its own. Raises WorkError."""
    worker = await Worker.start(with_token=with_token)
    try:
        async for answer in worker.answers(task, arguments):
            if "result" in answer:
                return dict(answer["result"])
        raise WorkError(f"the {task} was stopped")
    finally:
        await worker.kill()
