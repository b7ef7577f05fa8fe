"""The application: routes, the page's files, errors as JSON, and the guard around it all."""

import mimetypes
from importlib import resources

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from twitterbot import __version__
from twitterbot.errors import TwitterbotError
from twitterbot.options import ServeOptions
from twitterbot.serve import uploads
from twitterbot.serve.desk import UnknownError
from twitterbot.serve.jobs import BusyError, Jobs
from twitterbot.serve.routes import page_routes
from twitterbot.serve.security import V1, Address, Guard
from twitterbot.serve.tweet_routes import tweet_routes
from twitterbot.serve.tweet_server import TweetServer
from twitterbot.serve.writer import Writer
from twitterbot.tweets import TWEETS_DIR


class Application:
    """What runs while the server does: the web application and all that works for it."""

    def __init__(self, options: ServeOptions, address: Address) -> None:
        uploads.clear_away()
        self.jobs = Jobs()
        self._writer = Writer()
        self._tweets = TweetServer(TWEETS_DIR, options.fresh_minutes * 60)
        web = FastAPI(
            title="twitterbot",
            version=__version__,
            openapi_url=f"{V1}openapi.json",
            docs_url=None,  # these would load scripts from elsewhere
            redoc_url=None,
        )
        web.include_router(page_routes(options, self.jobs, self._writer, self._tweets))
        web.include_router(tweet_routes(self._tweets))
        _add_page(web)
        _add_errors(web)
        self.asgi: ASGIApp = Guard(web, address, options.token, options.upload_limit << 20)

    async def close(self) -> None:
        """Ends all work at once: streams, fetches, the processes."""
        await self.jobs.close()
        for task in list(self._tweets.fetching.values()):
            task.cancel()
        await self._writer.close()


def _add_page(web: FastAPI) -> None:
    """Serves the files that are in the page's folder now; no other name is ever opened."""
    folder = resources.files("twitterbot") / "serve" / "page"
    files = {file.name: file for file in folder.iterdir() if file.is_file()}

    @web.get("/{name}", include_in_schema=False)
    def file(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(files[name].read_bytes(), media_type=kind)

    @web.get("/", include_in_schema=False)
    def index() -> Response:
        return file("index.html")


def _add_errors(web: FastAPI) -> None:
    """Every error as `{"error": "one sentence"}`."""

    def answer(request: Request, error: Exception) -> Response:
        status, message = _meaning(error)
        return JSONResponse({"error": message}, status)

    for kind in (TwitterbotError, OSError, HTTPException, RequestValidationError):
        web.add_exception_handler(kind, answer)


def _meaning(error: Exception) -> tuple[int, str]:
    match error:
        case HTTPException():
            return error.status_code, error.detail
        case RequestValidationError():
            first = error.errors()[0]
            return 422, f"{'.'.join(map(str, first['loc'][1:])) or 'the body'}: {first['msg']}"
        case UnknownError():
            return 404, str(error)
        case BusyError():
            return 409, str(error)
        case OSError():
            return 500, f"{error.filename or 'a file'}: {error.strerror or error}"
    return 422, str(error)
