"""The process that does the heavy work, so that the server itself stays light and alive.

It speaks JSON, one object a line. Each request on stdin, `{"task", "arguments"}`, has its
answers on stdout: any number of `message`, `progress` and `item`, and in the end one
`result`, `error` or `stopped`. The request STOP asks for an early end. The end of stdin
means that the server is gone, however it went: the process then ends at once.

What no task foresees ends the process with a traceback on stderr, the server's terminal.
No browser ever sees it: it could hold a secret.
"""

import dataclasses
import functools
import json
import math
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from twitterbot import checkpoint, preparation, tweets
from twitterbot.errors import TwitterbotError
from twitterbot.files import replacing
from twitterbot.options import FetchOptions, FinetuneOptions, GenerateOptions, ImportOptions

if TYPE_CHECKING:
    from twitterbot.generate import Generator, Yield

STOP = {"stop": True}
_PROGRESS_EVERY = 0.25  # seconds


class Talk:
    """One request's line back to the server."""

    def __init__(self, channel: IO[str]) -> None:
        self._channel = channel
        self.stopping = threading.Event()

    def say(self, **answer: Any) -> None:
        """Sends one answer."""
        self._channel.write(json.dumps(answer) + "\n")
        self._channel.flush()

    def check(self) -> None:
        """Raises KeyboardInterrupt, as Ctrl-C does, once the server has sent STOP."""
        if self.stopping.is_set():
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Waits, but not past a STOP; raises like `check`."""
        self.stopping.wait(seconds)
        self.check()


def main() -> None:
    """Works on one request after the other for as long as there is a server."""
    # What libraries print must not get between the answers.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests: queue.SimpleQueue[tuple[dict[str, Any], Talk]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel, requests), daemon=True).start()
    while True:
        _answer(*requests.get())


def _listen(channel: IO[str], requests: "queue.SimpleQueue[tuple[dict[str, Any], Talk]]") -> None:
    talk = Talk(channel)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request == STOP:
            talk.stopping.set()
        else:
            talk = Talk(channel)
            requests.put((request, talk))
    # At once, whatever the main thread is in; files appear whole or not at all.
    os.kill(os.getpid(), signal.SIGTERM)


def _answer(request: dict[str, Any], talk: Talk) -> None:
    try:
        talk.say(result=_TASKS[request["task"]](talk, **request["arguments"]))
    except TwitterbotError as error:
        talk.say(error=str(error), status=getattr(error, "status", None))
    except OSError as error:
        talk.say(error=f"{error.filename or 'a file'}: {error.strerror or error}", status=None)
    except KeyboardInterrupt:
        talk.say(stopped=True)


# ------------------------------------------------------------------ the tasks


def _fetch(talk: Talk, handle: str, folder: str, patience: float | None) -> dict[str, Any]:
    """An account's timeline; `patience` is the longest wait for X in seconds, None any."""
    from twitterbot.fetch import Report, fetch
    from twitterbot.xapi import XClient

    def tell_wait(reason: str, seconds: float) -> None:
        talk.say(progress={"waiting": f"{reason}; going on in {math.ceil(seconds)} s"})

    def tell_read(_: str, read: int) -> None:
        talk.check()
        talk.say(progress={"read": read, "waiting": None})

    longest = math.inf if patience is None else patience
    client = XClient(os.environ, tell_wait, talk.sleep, longest)
    report = Report(tell_read, lambda note: talk.say(message=note))
    done = fetch(client, handle, Path(folder), FetchOptions(), report)
    counts = {"tweets": done.total, "new": done.new, "removed": done.removed}
    return {"handle": done.path.stem, **counts}


def _import(talk: Talk, file: str, author: str | None, folder: str) -> dict[str, Any]:
    """A file's tweets into timelines; the report as JSON."""
    from twitterbot.importers import import_files

    report = import_files([file], ImportOptions(author=author), Path(folder))
    return {
        "sources": [
            {
                "format": source.format,
                "kept": source.kept,
                "dropped": source.dropped,
                "notes": source.notes,
                "damage": source.damage[:3],
            }
            for source in report.sources
        ],
        "timelines": [
            {
                "handle": timeline.path.stem,
                "tweets": timeline.tweets,
                "added": timeline.added,
                "repeated": timeline.repeated,
            }
            for timeline in report.timelines
        ],
    }


def _finetune(
    talk: Talk, timeline: str, base: str, output: str, options: dict[str, Any]
) -> dict[str, Any]:
    """A new checkpoint; `scores` are those of its history."""
    checkpoint.check_replaceable(Path(output), "finetuned")
    data = preparation.prepare(tweets.read(Path(timeline)))
    parent = checkpoint.load(Path(base))
    talk.say(message="loading the model")
    from twitterbot.finetune import finetune

    talk.say(message="scoring the base")
    result = finetune(
        data,
        parent,
        Path(output),
        options=FinetuneOptions(**options),
        on_progress=_progress_teller(talk),
        on_interrupt=lambda: talk.say(message="stopping: scoring what was learnt so far"),
    )
    description = result.checkpoint.description
    return {
        "checkpoint": description.name,
        "base_score": description.base_scores["in_context"],
        "score": description.scores["in_context"],
        "seconds": round(result.seconds, 1),
        "interrupted": result.interrupted,
        "scores": [epoch["in_context"] for epoch in description.history],
    }


def _progress_teller(talk: Talk) -> Callable[[Any], None]:
    """A callback that tells a few times a second how far the training is, and every new score."""
    told, score = -math.inf, None

    def tell(progress: Any) -> None:
        nonlocal told, score
        talk.check()
        now = time.monotonic()
        if now - told >= _PROGRESS_EVERY or progress.score != score:
            told, score = now, progress.score
            talk.say(progress=dataclasses.asdict(progress))

    return tell


def _evaluate(talk: Talk, name: str, timeline: str) -> dict[str, Any]:
    """What an evaluation found, written beside the checkpoint's other files."""
    path, source = Path(name), Path(timeline)
    records, model = tweets.read(source), checkpoint.load(path)
    talk.say(progress={"stage": "loading the model"})
    from twitterbot.evaluate import evaluate
    from twitterbot.report import page
    from twitterbot.summary import as_json

    def tell(stage: str) -> None:
        talk.check()
        talk.say(progress={"stage": stage})

    found = evaluate(model, records, tweets.others(source), on_progress=tell)
    for file, content in (
        (checkpoint.EVALUATION_PAGE, page(found)),
        (checkpoint.EVALUATION, as_json(found)),
    ):
        with replacing(path / file) as target:
            target.write(content.encode())
    return {"checkpoint": path.name}


def _generate(talk: Talk, checkpoint: str, options: dict[str, Any]) -> dict[str, Any]:
    """Tweets, an item each, with the share of their characters that is new."""
    began = time.monotonic()
    counts: dict[str, Any] = {}

    def tell(yielded: "Yield") -> None:
        talk.check()
        counts.update(sampled=yielded.sampled, dropped=dict(yielded.dropped))

    generator = _generator(checkpoint, _stamp(checkpoint))
    for text in generator.tweets(GenerateOptions(**options), tell):
        talk.check()
        match = generator.copies.nearest(text)
        talk.say(item={"text": text, "novelty": round(1 - (match.share if match else 0), 3)})
    return {"seed": options["seed"], "seconds": round(time.monotonic() - began, 2), **counts}


def _stamp(path: str) -> int:
    return checkpoint.modified(Path(path))


@functools.lru_cache(maxsize=1)
def _generator(path: str, stamp: int) -> "Generator":
    """The last model used stays loaded; `stamp` makes a rewritten checkpoint another one."""
    from twitterbot.generate import Generator

    return Generator(checkpoint.load(Path(path)))


_TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "fetch": _fetch,
    "import": _import,
    "finetune": _finetune,
    "evaluate": _evaluate,
    "generate": _generate,
}

if __name__ == "__main__":
    main()
