"""The JSON API behind the page, `/api/v1/`."""

import asyncio
import functools
import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from twitterbot import __version__, checkpoint, tweets
from twitterbot.errors import TwitterbotError
from twitterbot.fetch import RECORD_SUFFIX, parse_handle
from twitterbot.novelty import CopyFilter
from twitterbot.options import (
    CHECKPOINTS_DIR,
    FinetuneOptions,
    GenerateOptions,
    ServeOptions,
)
from twitterbot.serve import desk, streams
from twitterbot.serve.bodies import (
    SEEDS,
    CancelBody,
    EvaluateBody,
    FetchBody,
    FinetuneBody,
    GenerateBody,
    NearestBody,
)
from twitterbot.serve.downloads import download, pieces, zipped
from twitterbot.serve.jobs import BusyError, Job, Jobs, Order
from twitterbot.serve.security import REPORT_POLICY
from twitterbot.serve.tweet_server import TweetServer
from twitterbot.serve.uploads import imported
from twitterbot.serve.writer import Writer
from twitterbot.tweets import TWEETS_DIR
from twitterbot.xapi import XClient


def page_routes(
    options: ServeOptions, jobs: Jobs, writer: Writer, server: TweetServer
) -> APIRouter:
    """`/api/v1/`."""
    router = APIRouter(prefix="/api/v1")
    importing = asyncio.Lock()

    # ---------------------------------------------------------- what there is

    @router.get("/status")
    def status() -> dict[str, Any]:
        """What the page needs to begin."""
        training = {"epochs": None, "learning_rate": FinetuneOptions.learning_rate}
        return {
            "version": __version__,
            "x_token": _has_token(),
            "job": jobs.current,
            "upload_limit": options.upload_limit << 20,
            "defaults": asdict(GenerateOptions()) | training,
        }

    @router.get("/timelines")
    def timelines() -> dict[str, list[desk.Timeline]]:
        """All timelines, the file written last first."""
        return {"timelines": desk.timelines()}

    @router.get("/timelines/{handle}")
    def timeline(handle: str) -> dict[str, Any]:
        """One timeline, and what fine-tuning would make of it."""
        path = desk.timeline_path(handle)
        return asdict(desk.timeline(path)) | desk.report(path)

    @router.get("/timelines/{handle}/download")
    def download_timeline(handle: str) -> Response:
        """The file."""
        path = desk.timeline_path(handle)
        return download(pieces(path.open("rb")), path.name, "application/x-ndjson")

    @router.delete("/timelines/{handle}", status_code=204)
    async def delete_timeline(handle: str) -> None:
        """Deletes the file, and what `fetch` remembers of it."""
        path = desk.timeline_path(handle)
        if handle in server.fetching:
            raise BusyError(f"@{handle} is being fetched; wait for its end")
        path.with_suffix(RECORD_SUFFIX).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        jobs.changes.announce()

    @router.get("/checkpoints")
    def checkpoints() -> dict[str, list[desk.Model]]:
        """All checkpoints, the newest first, the base last."""
        return {"checkpoints": desk.models()}

    @router.get("/checkpoints/{name}/download")
    def download_checkpoint(name: str) -> Response:
        """The folder as a zip."""
        path = desk.checkpoint_path(name)
        return download(zipped(path), f"{path.name}.zip", "application/zip")

    @router.delete("/checkpoints/{name}", status_code=204)
    async def delete_checkpoint(name: str) -> None:
        """Deletes a fine-tuned checkpoint."""
        path = desk.checkpoint_path(name)
        if desk.model(path).kind != "finetuned":
            raise BusyError("the base stays: without it there is nothing to fine-tune")
        if jobs.needs(path):
            raise BusyError(f"a job works on {name}; wait for its end, or cancel it")
        checkpoint.delete(path)
        jobs.changes.announce()

    # ---------------------------------------------------------- what is to be done

    @router.post("/fetch", status_code=202)
    async def fetch(body: FetchBody) -> Job | None:
        """Fetches an account's newest tweets."""
        handle = parse_handle(body.handle).lower()
        if handle in server.fetching or importing.locked():
            raise BusyError("tweets are being read in; wait for the end of that")
        arguments = {"handle": handle, "folder": str(TWEETS_DIR), "patience": None}
        order = Order("fetch", handle, tweets.path_for(handle), arguments)
        task = jobs.start(order)
        server.begin(handle, task)
        job = jobs.current
        task.add_done_callback(
            lambda _: server.succeeded(handle) if job and job.state == "done" else None
        )
        return job

    @router.post("/finetune", status_code=202)
    async def finetune(body: FinetuneBody) -> Job | None:
        """Makes a checkpoint of a timeline."""
        timeline, base = desk.timeline_path(body.timeline), desk.checkpoint_path(body.base)
        output = CHECKPOINTS_DIR / (body.name or timeline.stem)
        checkpoint.check_replaceable(output, "finetuned")
        given = body.model_dump(include={"epochs", "learning_rate", "seed"}, exclude_none=True)
        arguments = {
            "timeline": str(timeline),
            "base": str(base),
            "output": str(output),
            "options": asdict(FinetuneOptions(**given)),
        }
        jobs.start(Order("finetune", timeline.stem, output, arguments))
        return jobs.current

    @router.post("/evaluate", status_code=202)
    async def evaluate(body: EvaluateBody) -> Job | None:
        """Measures a checkpoint; the answer is then at `/checkpoints/{name}/evaluation`."""
        path = desk.checkpoint_path(body.checkpoint)
        timeline = desk.timeline_path(body.timeline) if body.timeline else desk.timeline_of(path)
        arguments = {"name": str(path), "timeline": str(timeline)}
        jobs.start(Order("evaluate", path.name, path / checkpoint.EVALUATION, arguments))
        return jobs.current

    @router.get("/checkpoints/{name}/evaluation")
    def evaluation(name: str) -> Response:
        """All that the last evaluation found."""
        content = desk.evaluation(name, checkpoint.EVALUATION)
        return Response(content, media_type="application/json")

    @router.get("/checkpoints/{name}/evaluation.html")
    def evaluation_page(name: str) -> Response:
        """The same as a page, whose script cannot call this API."""
        content = desk.evaluation(name, checkpoint.EVALUATION_PAGE)
        policy = {"content-security-policy": REPORT_POLICY}
        return Response(content, headers=policy, media_type="text/html")

    @router.post("/job/cancel")
    async def cancel(body: CancelBody) -> Job:
        """Ends the job that runs."""
        return await jobs.cancel(body.keep)

    @router.get("/events")
    async def events() -> Response:
        """The job and the folders as they change, as server-sent events."""
        return StreamingResponse(streams.events(jobs), media_type="text/event-stream")

    @router.post("/import")
    async def import_(
        request: Request,
        name: Annotated[str, Query(min_length=1, max_length=255)],
        author: Annotated[str | None, Query(max_length=100)] = None,
    ) -> dict[str, Any]:
        """Makes timelines of a file, which is the body."""
        if importing.locked():
            raise BusyError("another file is being imported; wait for its end")
        if server.fetching:
            raise BusyError("tweets are being fetched; wait for the end of that")
        async with importing:
            return await imported(request, name, author or None)

    # ---------------------------------------------------------- generating

    @router.post("/generate")
    async def generate(body: GenerateBody) -> Response:
        """New tweets, a line of JSON each, and a last one with the seed and the counts."""
        path = desk.checkpoint_path(body.checkpoint)
        given = body.model_dump(exclude={"checkpoint"})
        seed = secrets.randbelow(SEEDS) if body.seed is None else body.seed
        wanted = GenerateOptions(**given | {"seed": seed})
        return StreamingResponse(
            streams.lines(writer, path, wanted), media_type="application/x-ndjson"
        )

    @router.post("/nearest")
    def nearest(body: NearestBody) -> dict[str, Any]:
        """The training tweet that shares the longest run with a text."""
        path = desk.checkpoint_path(body.checkpoint)
        match = _copies(path, checkpoint.modified(path)).nearest(body.text)
        if match is None:
            return {"source": None, "share": 0.0, "spans": [], "source_spans": []}
        return {
            "source": match.source,
            "share": match.share,
            "spans": match.spans,
            "source_spans": match.source_spans,
        }

    return router


def _has_token() -> bool:
    try:
        XClient(os.environ)
    except TwitterbotError:
        return False
    return True


@functools.lru_cache(maxsize=1)
def _copies(path: Path, stamp: int) -> CopyFilter:
    return CopyFilter(checkpoint.known_texts(path))
