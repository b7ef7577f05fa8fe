"""The options of each command: frozen dataclasses, so that every default stands once.

The command line shows these defaults and checkpoints store the values used.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHECKPOINTS_DIR = Path("checkpoints")
BASE_NAME = "base"  # of the checkpoint that fine-tuning starts from

Precision = Literal["auto", "bfloat16", "float32"]
Format = Literal["text", "jsonl", "csv"]


@dataclass(frozen=True)
class PretrainOptions:
    """How a base model is trained."""

    tokens: int = 100_000_000  # length of the run; a longer one may go on from an earlier state
    batch: int = 32  # windows a step
    learning_rate: float = 4e-3  # at the plateau
    warmup: float = 0.01  # share of the steps over which the learning rate rises
    decay: float = 0.3  # share of the steps over which it falls to zero
    weight_decay: float = 0.1
    seed: int = 0
    precision: Precision = "auto"
    provenance: str = ""  # a sentence on the corpus, for the model card
    # Of the model.
    width: int = 320
    layers: int = 6
    heads: int = 5
    context: int = 256
    vocabulary_size: int = 8192


@dataclass(frozen=True)
class FetchOptions:
    """What `fetch` reads of an account's timeline."""

    max_tweets: int = 3200  # of the newest; X's timelines reach no further back
    no_retweets: bool = False  # left out here, after X has counted and billed them
    no_replies: bool = False
    refresh: bool = False  # look every tweet on file up again, drop those that X no longer shows


@dataclass(frozen=True)
class ImportOptions:
    """How `import` reads files that do not explain themselves."""

    author: str | None = None  # only this one's tweets, and those of sources that do not tell
    text_column: str | None = None  # of tables and JSON objects: a name, or a number from 1
    id_column: str | None = None
    date_column: str | None = None
    strict: bool = False  # damage is an error


@dataclass(frozen=True)
class GenerateOptions:
    """What is sampled and how."""

    count: int = 10
    temperature: float = 1.0  # 0 always takes the likeliest token
    top_p: float = 0.9  # 1 is off
    top_k: int = 0  # 0 is off
    # How much of what fine-tuning changed: the weights that predict the author best (1) hold
    # back when they write.
    strength: float = 1.25
    prompt: str = ""  # every tweet begins with it
    seed: int | None = None  # None draws one
    max_length: int = 280  # in X's weighted count
    allow_copies: bool = False  # keep copies of training tweets
    links: str = ""  # stands where the model put a link
    mentions: str = "@user"  # stands where the model mentions a stranger


@dataclass(frozen=True)
class EvaluateOptions:
    """What `evaluate` samples to judge a checkpoint by."""

    count: int = 500  # tweets that pass the filters
    temperature: float = GenerateOptions.temperature
    top_p: float = GenerateOptions.top_p
    strength: float = GenerateOptions.strength
    seed: int = 0


@dataclass(frozen=True)
class FinetuneOptions:
    """How a base is adapted to one account."""

    epochs: int | None = None  # passes; None chooses by the amount of text
    batch: int = 16  # windows a step
    learning_rate: float = 1.7e-3
    warmup: float = 0.1  # share of the steps over which the learning rate rises
    weight_decay: float = 0.1
    dropout: float = 0.0  # the base learnt without; what it knows suffers from more
    held_out: float = 0.1  # share of the tweets, the newest, that only scores see
    seed: int = 0
    precision: Precision = "auto"


@dataclass(frozen=True)
class ServeOptions:
    """Where `serve` listens, and what it takes."""

    host: str = "127.0.0.1"
    port: int = 8000  # 0 takes any free one
    token: str | None = None  # what callers must show; None draws one where others can call
    fresh_minutes: float = 15  # for so long /api/{user} answers from the file
    upload_limit: int = 2048  # MiB
