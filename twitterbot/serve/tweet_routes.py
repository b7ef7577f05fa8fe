"""`/api/{user}`, the one route that pages of other sites may read."""

import json

from fastapi import APIRouter, Request, Response

from twitterbot.serve.tweet_server import TweetServer
from twitterbot.serve.workers import WorkError


def tweet_routes(server: TweetServer) -> APIRouter:
    """`/api/{user}`. Other sites may read it; only it is shared so."""
    router = APIRouter()
    shared = {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "x-twitterbot-stale",
    }

    @router.get("/api/{user}")
    async def user_tweets(user: str, request: Request) -> Response:
        """An account's tweets, newest first: `{"error": null, "tweets": ["...", ...]}`."""
        # Whoever can make a browser open an address must not spend money with it.
        may_fetch = request.headers.get("sec-fetch-site") != "cross-site"
        try:
            answer = await server.answer(user, may_fetch)
        except WorkError as error:
            body = json.dumps({"error": str(error), "tweets": None}).encode()
            return Response(body, error.status or 502, shared, "application/json")
        stale = {"x-twitterbot-stale": _header(answer.stale)} if answer.stale else {}
        return Response(answer.body, 200, shared | stale, "application/json")

    @router.options("/api/{user}")
    def preflight(user: str) -> Response:
        """What a page of another site may send along: a token."""
        allowed = {"methods": "GET", "headers": "authorization"}
        headers = {f"access-control-allow-{name}": value for name, value in allowed.items()}
        return Response(None, 204, shared | headers)

    return router


def _header(text: str) -> str:
    return text.encode("ascii", "replace").decode()
