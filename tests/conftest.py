"""What the tests share: an invented corpus, and tiny real checkpoints that are made once a run."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import twitterbot
from twitterbot import console, tweets
from twitterbot.tweets import Tweet

if TYPE_CHECKING:
    from twitterbot.evaluate import Evaluation

# Invented authors: a trade's own words in a grammar that all of them share.
_TRADES = {
    "milla": ("flour", "sourdough", "oven", "crumb", "rye loaf"),
    "tarn": ("harbour", "anchor", "gull", "lantern", "north wind"),
    "quist": ("sonata", "cello", "tuning fork", "encore", "quiet hall"),
    "bramble": ("tomato", "compost", "wheelbarrow", "slug", "green frost"),
}
_OPENINGS = ("Today the", "Nobody told me that the", "I dreamt of a", "Once more: the", "Ah, the")
_VERBS = ("sings to", "forgot", "is late for", "argues with", "quietly outlives", "mends")
_ENDINGS = ("!", "?", " 🎉", ", of course.", " #mondays", ".", " @neighbour", " https://ex.am/ple")


_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Of a headless browser on a machine without a screen, a network or a user.
_QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)

# For subprocesses, which run in other folders.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(twitterbot.__file__).parents[1])}


def invented_tweets(author: str, count: int) -> list[str]:
    """`count` different texts of one of the invented authors, the same ones each time."""
    random_ = random.Random(author)
    words = _TRADES[author]
    texts: dict[str, None] = {}
    while len(texts) < count:
        subject, other = random_.sample(words, 2)
        opening, verb = random_.choice(_OPENINGS), random_.choice(_VERBS)
        number = random_.randrange(2, 90)
        texts[f"{opening} {subject} {verb} {number} {other}s{random_.choice(_ENDINGS)}"] = None
    return list(texts)


def timeline(author: str, count: int) -> list[Tweet]:
    """An invented author's tweets as records."""
    texts = invented_tweets(author, count)
    return [Tweet(str(1000 + number), text, author=author) for number, text in enumerate(texts)]


def write_corpus(path: Path, count: int, *authors: str) -> Path:
    """`count` tweets of each author, JSON lines."""
    lines = [
        json.dumps({"author": author, "text": text}) + "\n"
        for author in authors
        for text in invented_tweets(author, count)
    ]
    path.write_text("".join(lines))
    return path


@pytest.fixture(autouse=True)
def _talk_as_usual() -> Iterator[None]:
    """A command that a test runs with --quiet leaves no silence behind."""
    yield
    console.set_level(console.Level.NORMAL)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of three authors, JSON lines."""
    path = tmp_path_factory.mktemp("corpus") / "train.jsonl"
    return write_corpus(path, 150, "milla", "tarn", "quist")


@pytest.fixture(scope="session")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tweets of an author who is not in `corpus`."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "validation.jsonl", 150, "bramble")


@pytest.fixture(scope="session")
def base(corpus: Path, validation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base checkpoint of 35,000 weights that `pretrain` made."""
    from twitterbot.options import PretrainOptions
    from twitterbot.pretrain import pretrain

    folder = tmp_path_factory.mktemp("base")
    options = PretrainOptions(
        tokens=60 * 8 * 64,
        batch=8,
        learning_rate=2e-2,
        warmup=0.1,
        width=32,
        layers=2,
        heads=2,
        context=64,
        vocabulary_size=400,
        precision="float32",
    )
    output = folder / "checkpoints" / "base"
    pretrain([corpus], output, work=folder / "work", validation=[validation], options=options)
    return output


@pytest.fixture(scope="session")
def finetuned(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base, fine-tuned on an author that it has not seen."""
    from twitterbot import checkpoint, finetune, preparation
    from twitterbot.options import FinetuneOptions

    output = tmp_path_factory.mktemp("finetuned") / "checkpoints" / "bramble"
    data = preparation.prepare(timeline("bramble", 120))
    options = FinetuneOptions(epochs=4, batch=4, learning_rate=1e-2, precision="float32")
    finetune.finetune(data, checkpoint.load(base), output, options=options)
    return output


@pytest.fixture(scope="session")
def evaluation(finetuned: Path) -> "Evaluation":
    """Of the fine-tuned checkpoint, told apart from two authors."""
    from twitterbot import checkpoint
    from twitterbot.evaluate import evaluate
    from twitterbot.options import EvaluateOptions

    return evaluate(
        checkpoint.load(finetuned),
        timeline("bramble", 120),
        [(name, timeline(name, 120)) for name in ("milla", "tarn")],
        options=EvaluateOptions(count=30, temperature=1.2, strength=1.5),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if not chromium:
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_QUIET.split())
        yield browser
        browser.close()


@pytest.fixture
def bramble(tmp_path: Path) -> Path:
    """A timeline file, as `fetch` writes it."""
    path = tmp_path / "tweets" / "bramble.jsonl"
    tweets.write(path, timeline("bramble", 120))
    return path
