"""What the page's API takes: the bodies of its requests, with their limits."""

from pydantic import BaseModel, ConfigDict, Field

from twitterbot.options import BASE_NAME, GenerateOptions

SEEDS = 2**31
_NEW_NAME = r"^[\w-]{1,64}$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class FetchBody(_Body):
    """An account: name, @name or a profile's address."""

    handle: str = Field(max_length=200)


class FinetuneBody(_Body):
    """What to learn, from where on, and what to call it (the handle, when None)."""

    timeline: str
    base: str = BASE_NAME
    name: str | None = Field(None, pattern=_NEW_NAME)
    epochs: int | None = Field(None, ge=1, le=1000)
    learning_rate: float | None = Field(None, ge=0, le=1)
    seed: int | None = Field(None, ge=0, lt=SEEDS)


class EvaluateBody(_Body):
    """A checkpoint, and the timeline that it was made of (that of its author, when None)."""

    checkpoint: str
    timeline: str | None = None


class CancelBody(_Body):
    """True keeps the best so far, False ends the work at once."""

    keep: bool = False


class GenerateBody(_Body):
    """The options of `generate`; a seed is drawn when it is None."""

    checkpoint: str
    count: int = Field(GenerateOptions.count, ge=1, le=200)
    temperature: float = Field(GenerateOptions.temperature, ge=0, le=10)
    top_p: float = Field(GenerateOptions.top_p, ge=0, le=1)
    top_k: int = Field(GenerateOptions.top_k, ge=0, le=100_000)
    strength: float = Field(GenerateOptions.strength, ge=0, le=3)
    prompt: str = Field(GenerateOptions.prompt, max_length=1000)
    seed: int | None = Field(GenerateOptions.seed, ge=0, lt=SEEDS)
    max_length: int = Field(GenerateOptions.max_length, ge=1, le=10_000)
    allow_copies: bool = GenerateOptions.allow_copies
    links: str = Field(GenerateOptions.links, max_length=200)
    mentions: str = Field(GenerateOptions.mentions, max_length=200)


class NearestBody(_Body):
    """A tweet, to find where in the training tweets it comes from."""

    checkpoint: str
    text: str = Field(max_length=10_000)
