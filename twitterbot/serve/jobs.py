"""The one job at a time: fetching, fine-tuning or evaluating, in a process of its own.

A record of it lies beside the data while it runs. A server that finds one at its start
knows that the one before it went without a word, and says what became of the job.
"""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from twitterbot import checkpoint, files, tweets
from twitterbot.checkpoint import now
from twitterbot.errors import TwitterbotError
from twitterbot.serve.workers import Worker

RECORD = Path(".twitterbot-job.json")
_MOST_LOSSES = 200  # of a curve; then every second one goes

Kind = Literal["fetch", "finetune", "evaluate"]
State = Literal["running", "done", "failed", "cancelled", "interrupted"]


class BusyError(TwitterbotError):
    """Something that runs must end first."""


@dataclass
class Job:
    """What the page knows of a job. Scores are bits per character on held-out tweets."""

    id: str
    kind: Kind
    subject: str  # the handle, or the checkpoint's name
    state: State = "running"
    started_at: str = field(default_factory=now)
    finished_at: str | None = None
    message: str | None = None  # what it does now; what went wrong; what it wrote
    progress: dict[str, Any] | None = None
    curve: list[dict[str, float]] = field(default_factory=list)
    result: dict[str, Any] | None = None


@dataclass(frozen=True)
class Order:
    """What a job is to do: a worker's task, its arguments, and the path that it will write."""

    kind: Kind
    subject: str
    output: Path
    arguments: dict[str, Any]


class Changes:
    """Tells many waiting readers that something is new."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def announce(self) -> None:
        """Wakes all who wait now."""
        self._event.set()
        self._event = asyncio.Event()

    def next(self) -> Callable[[float], Coroutine[Any, Any, None]]:
        """A function that waits for a change after this call, so many seconds at most."""
        event = self._event

        async def wait(seconds: float) -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)

        return wait


class Jobs:
    """Runs one job at a time; `current` is it, or the last one, or None."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.current = _interrupted()
        self._order: Order | None = None
        self._task: asyncio.Task[None] | None = None
        self._worker: Worker | None = None
        self._number = 0
        self.is_closed = False

    @property
    def is_running(self) -> bool:
        """True while there is work to wait for, or to cancel."""
        return self.current is not None and self.current.state == "running"

    def needs(self, path: Path) -> bool:
        """True while a job reads or writes what lies there."""
        order = self._order if self.is_running else None
        return order is not None and str(path) in order.arguments.values()

    def start(self, order: Order) -> asyncio.Task[None]:
        """Begins a job, whose task ends with it. Raises BusyError while another one runs."""
        if self.is_running:
            raise BusyError("another job runs; wait for its end, or cancel it")
        self._number += 1
        job = Job(f"{now()}-{self._number}", order.kind, order.subject, message="starting")
        with files.replacing(RECORD) as file:
            record = dataclasses.asdict(job) | {"output": str(order.output)}
            file.write(json.dumps(record).encode())
        self.current, self._order = job, order
        self._task = asyncio.create_task(self._run(job, order))
        self.changes.announce()
        return self._task

    async def cancel(self, keep: bool) -> Job:
        """Ends the job: at once and with nothing written, or with `keep` as Ctrl-C does.

        A training then goes on until it has scored what it keeps; an evaluation, which has nothing
        to keep, ends at once. Raises BusyError when there is no job.
        """
        if not self.current or not self._task or not self.is_running:
            raise BusyError("there is no job to cancel")
        if keep and self._worker and self.current.kind != "evaluate":
            self._worker.stop()
            self.current.message = "stopping"
            self.changes.announce()
        else:
            await asyncio.sleep(0)  # a task that has not begun would never come to its `finally`
            self._task.cancel()
            await asyncio.wait({self._task})
        return self.current

    async def wait(self, seconds: float) -> None:
        """Until the job has ended, so many seconds at most."""
        if self._task:
            await asyncio.wait({self._task}, timeout=seconds)

    async def close(self) -> None:
        """Ends the job, and the streams that tell of it."""
        self.is_closed = True
        self.changes.announce()
        if self.is_running:
            await self.cancel(keep=False)

    # -------------------------------------------------------------- the work

    async def _run(self, job: Job, order: Order) -> None:
        end: tuple[State, str] = "failed", "it broke off for a reason that only a bug can have"
        try:
            end = _ending(job, order, await self._work(job, order))
        except (TwitterbotError, OSError) as error:
            end = "failed", str(error)
        except asyncio.CancelledError:
            files.recover(order.output)
            end = "cancelled", f"cancelled; {_on_disk(job, order.output)}"
        finally:  # whatever happens, a job does not seem to run for ever
            RECORD.unlink(missing_ok=True)
            _end(job, *end)
            self.changes.announce()

    async def _work(self, job: Job, order: Order) -> dict[str, Any]:
        """The worker's last answer."""
        worker = self._worker = await Worker.start(with_token=order.kind == "fetch")
        try:
            async for answer in worker.answers(order.kind, order.arguments):
                _take(job, answer)
                self.changes.announce()
            return answer
        finally:
            self._worker = None
            await worker.kill()


def _take(job: Job, answer: dict[str, Any]) -> None:
    """Notes one of a worker's answers in the job."""
    if "message" in answer:
        job.message = answer["message"]
    if "progress" in answer:
        job.progress = (job.progress or {}) | answer["progress"]
        job.message = _doing(job.kind, job.progress)
        if job.kind == "finetune":
            _plot(job.curve, answer["progress"])


def _doing(kind: Kind, progress: dict[str, Any]) -> str:
    if kind == "fetch":
        return progress.get("waiting") or f"{progress.get('read', 0):,} tweets read"
    return "training" if kind == "finetune" else progress["stage"]


def _plot(curve: list[dict[str, float]], progress: dict[str, Any]) -> None:
    """Adds what is new in a fine-tuning's progress to its curve."""
    if not curve:
        curve.append({"step": 0, "score": progress["base_score"]})
    scores = [point["score"] for point in curve if "score" in point]
    if progress["score"] is not None and progress["score"] != scores[-1]:
        curve.append({"step": progress["step"] - 1, "score": progress["score"]})
    curve.append({"step": progress["step"], "loss": progress["loss"]})
    losses = [point for point in curve if "loss" in point]
    if len(losses) > _MOST_LOSSES:
        gone = [id(point) for point in losses[1::2]]
        curve[:] = [point for point in curve if id(point) not in gone]


def _ending(job: Job, order: Order, answer: dict[str, Any]) -> tuple[State, str]:
    """How a worker's last answer ends the job."""
    if "stopped" in answer:
        fate = _on_disk(job, order.output)
        return "cancelled", f"stopped before there was anything to keep; {fate}"
    result = job.result = answer["result"]
    if job.kind == "fetch":
        return "done", f"{result['tweets']:,} tweets of {job.subject}, {result['new']:,} new"
    if job.kind == "evaluate":
        return "done", f"evaluated {job.subject}"
    _plot_last(job, result.pop("scores"))
    kept = "stopped early, the best so far is kept; " if result.pop("interrupted") else ""
    return "done", f"{kept}wrote the checkpoint {result['checkpoint']}"


def _plot_last(job: Job, scores: list[float]) -> None:
    """Adds the last score of the mean, which no step follows that could tell it."""
    told = [point["score"] for point in job.curve if "score" in point][1:]
    if job.progress and job.result and len(told) < len(scores):
        job.curve.append({"step": job.progress["step"], "score": scores[-1]})
        job.progress |= {"score": scores[-1], "best_score": job.result["score"]}


def _end(job: Job, state: State, message: str) -> None:
    job.state, job.message, job.finished_at = state, message, now()


# ------------------------------------------------------------------ after an end before its time


def _interrupted() -> Job | None:
    """The job that the last server left unfinished, with what became of it; its record goes."""
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
        output = Path(record.pop("output"))
        job = Job(**record)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        RECORD.unlink(missing_ok=True)
        return None
    files.recover(output)
    RECORD.unlink()
    _end(job, "interrupted", f"cut off when the server ended; {_on_disk(job, output)}")
    return job


def _on_disk(job: Job, output: Path) -> str:
    """What there is of a job that ended early."""
    with contextlib.suppress(TwitterbotError):
        if job.kind == "fetch":
            return f"{len(tweets.read(output)):,} tweets of it are on file, fetch again to go on"
        if job.kind == "finetune":
            is_new = checkpoint.describe(output).created_at >= job.started_at
            return f"the checkpoint {output.name} is {'the new one' if is_new else 'as before'}"
    return "nothing was written"
