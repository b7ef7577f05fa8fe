"""Everything that is drawn on the terminal, all of it on stderr; data goes to stdout.

Text from users and models never passes through a Rich markup parser.
"""

import contextlib
import sys
from collections.abc import Iterator
from enum import IntEnum
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from twitterbot.finetune import Progress as FinetuneProgress
    from twitterbot.finetune import Result
    from twitterbot.generate import Yield
    from twitterbot.preparation import Data
    from twitterbot.pretrain import Progress as PretrainProgress


class Level(IntEnum):
    """How much is said on stderr."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


_stderr = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
_level = Level.NORMAL


def set_level(level: Level) -> None:
    """Chooses how much `info`, `detail` and `live` say from now on."""
    global _level
    _level = level


def info(message: str) -> None:
    """A line of talk, silenced by --quiet."""
    if _level >= Level.NORMAL:
        _stderr.print(message)


def detail(message: str) -> None:
    """A line that only --verbose shows."""
    if _level >= Level.VERBOSE:
        _stderr.print(message)


def warning(message: str) -> None:
    """A line that --quiet does not silence."""
    _stderr.print(f"warning: {message}", style="yellow")


def error(message: str) -> None:
    """The one line of a failure."""
    _stderr.print(f"twitterbot: {' '.join(message.split())}", style="red")


class LiveLine:
    """One line that is redrawn in place on a terminal."""

    def __init__(self, live: Live | None) -> None:
        self._live = live

    def update(self, text: str) -> None:
        """Shows `text` in place of the last one; does nothing where nobody watches."""
        if self._live is not None:
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)


@contextlib.contextmanager
def live() -> Iterator[LiveLine]:
    """A live line for the time of the block, on a terminal and unless --quiet."""
    if _level < Level.NORMAL or not sys.stderr.isatty():
        yield LiveLine(None)
        return
    with Live(console=_stderr, auto_refresh=False, transient=True) as drawn:
        yield LiveLine(drawn)


def duration(seconds: float) -> str:
    """`75` as "1:15", `3675` as "1:01:15"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def quote(text: str) -> None:
    """A tweet that the model wrote, shown beside the talk."""
    info("  > " + " ".join(text.split()))


def step(explanation: str, command: str) -> None:
    """A paragraph of the demo, and the command that it is about."""
    info(f"\n{explanation}")
    if _level >= Level.NORMAL:
        _stderr.print(f"$ {command}", style="bold")


# ------------------------------------------------------------------ finetune


def data_report(data: "Data") -> None:
    """What was read, kept and dropped, and what to expect of it."""
    reasons = "".join(f", {count:,} {reason}" for reason, count in data.dropped.most_common())
    info(f"{data.read:,} tweets read{reasons and '; dropped' + reasons[1:]}; {data.kept:,} kept")
    (warning if data.is_small else info)(f"{data.kept:,} tweets are {data.expectation}")
    info(f"training on {len(data.train):,}; the newest {len(data.held_out):,} are for the score")


def finetune_line(progress: "FinetuneProgress") -> str:
    """The live line: how far, how long yet, and the base's score beside the best so far."""
    scores = f"held-out bits per character {progress.base_score:.3f}"
    if progress.score is not None:
        scores += f" -> {progress.score:.3f} (best {progress.best_score:.3f})"
    return (
        f"{progress.step}/{progress.total_steps} steps, {duration(progress.seconds_left)} left, "
        f"{progress.tokens_per_second:,.0f} tokens/s, {scores}"
    )


def finetune_report(result: "Result") -> None:
    """The score before and after, and the time."""
    description = result.checkpoint.description
    after = description.scores["in_context"]
    before = description.base_scores["in_context"]
    epochs = description.history[-1]["epoch"] if description.history else 0
    if result.interrupted:
        warning("interrupted; the best model so far is kept")
    if after >= before:
        warning("nothing learnt that helps with unseen tweets; these are the base's weights")
    info(
        f"held-out bits per character: base {before:.3f} -> fine-tuned {after:.3f} "
        f"({(after / before - 1) * 100:+.1f} %) in {duration(result.seconds)}, "
        f"{epochs:g} epoch{'s' * (epochs != 1)} in {description.options['precision']}"
    )


# ------------------------------------------------------------------ generate


def yield_report(counts: "Yield") -> None:
    """How many samples were dropped, and why; for --verbose."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.dropped.most_common())
    detail(f"{counts.sampled:,} sampled, dropped: {reasons or 'none'}")


# ------------------------------------------------------------------ pretrain


def pretrain_line(progress: "PretrainProgress") -> str:
    """The live line of a pretraining run."""
    score = progress.bits_per_character
    return (
        f"{progress.tokens / 1e6:,.1f} of {progress.total_tokens / 1e6:,.1f} M tokens, "
        f"{duration(progress.seconds_left)} left, {progress.tokens_per_second:,.0f} tokens/s, "
        f"loss {progress.loss:.3f}" + (f", {score:.3f} bits per character" if score else "")
    )
