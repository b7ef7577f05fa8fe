"""The process that generates: it keeps the last model loaded, and is given back after a while."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from twitterbot.errors import TwitterbotError
from twitterbot.options import GenerateOptions
from twitterbot.serve.workers import Worker

_IDLE = 600.0  # seconds without a request after which the memory is given back
_GRACE = 20.0  # seconds for a request whose reader has left to end by itself


class Writer:
    """Generates for one reader at a time; the others wait."""

    def __init__(self, idle: float = _IDLE) -> None:
        self._idle = idle
        self._turn = asyncio.Lock()
        self._worker: Worker | None = None
        self._served: asyncio.Task[None] | None = None  # the request whose turn it is
        self._leaving: asyncio.Task[None] | None = None
        self._hurry: asyncio.Task[None] | None = None

    async def tweets(
        self, checkpoint: Path, options: GenerateOptions
    ) -> AsyncIterator[dict[str, Any]]:
        """The worker's answers as they come, an error among them."""
        answers: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        request = {"checkpoint": str(checkpoint), "options": asdict(options)}
        task = asyncio.create_task(self._serve(request, answers))
        try:
            while (answer := await answers.get()) is not None:
                yield answer
        finally:
            if not task.done():
                self._abandon(task)

    async def close(self) -> None:
        """Ends the process."""
        if self._worker:
            await self._worker.kill()

    async def _serve(
        self, request: dict[str, Any], answers: asyncio.Queue[dict[str, Any] | None]
    ) -> None:
        try:
            async with self._turn:
                self._served = asyncio.current_task()
                worker = await self._ready()
                self._leaving = asyncio.create_task(self._leave(worker))
                async for answer in worker.answers("generate", request):
                    answers.put_nowait(answer)
        except TwitterbotError as error:
            answers.put_nowait({"error": str(error)})
        finally:
            answers.put_nowait(None)

    async def _ready(self) -> Worker:
        if self._leaving:
            self._leaving.cancel()
        if self._worker is None or not self._worker.is_alive:
            self._worker = await Worker.start()
        return self._worker

    def _abandon(self, task: asyncio.Task[None]) -> None:
        """The reader has left: its turn is given up, or ended soon, so that the next can begin."""
        if self._served is not task or self._worker is None:
            task.cancel()
            return
        self._worker.stop()
        self._hurry = asyncio.create_task(self._kill_if_slow(task, self._worker))

    async def _kill_if_slow(self, task: asyncio.Task[None], worker: Worker) -> None:
        await asyncio.wait({task}, timeout=_GRACE)
        if not task.done():
            await worker.kill()

    async def _leave(self, worker: Worker) -> None:
        await asyncio.sleep(self._idle)
        async with self._turn:
            await worker.kill()
