"""A checkpoint: a self-contained directory that holds a model and where it comes from.

    checkpoint.json      format version, model config, training options, counts, history, scores
    tokenizer.json       see `tokenizer`
    model.safetensors    the weights, float16
    base.safetensors     a fine-tuned model's: those that it started from
    stock.safetensors    hashes of the stock tweets of the base's corpus (see `novelty`)
    README.md            a model card
    tweets.jsonl         a fine-tuned model's training tweets: the copy filter knows them by it;
                         those that only its parent learnt from are marked as inherited
    evaluation.json      what an evaluation found, and
    evaluation.html      the same as a page, both from `serve` and only once it was asked for

`describe` reads the first file alone and needs no Keras.
"""

import datetime
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from twitterbot import __version__
from twitterbot.errors import TwitterbotError
from twitterbot.files import cannot_write, replacing_folder
from twitterbot.options import BASE_NAME, CHECKPOINTS_DIR
from twitterbot.tokenizer import Tokenizer

if TYPE_CHECKING:
    from twitterbot.model import TweetModel

Kind = Literal["base", "finetuned"]
Weights = Mapping[str, NDArray[Any]]

FORMAT_VERSION = 1
EVALUATION, EVALUATION_PAGE = "evaluation.json", "evaluation.html"
_DESCRIPTION, _TOKENIZER, _WEIGHTS, _BASE_WEIGHTS, _STOCK, _CARD, _TWEETS = (
    "checkpoint.json",
    "tokenizer.json",
    "model.safetensors",
    "base.safetensors",
    "stock.safetensors",
    "README.md",
    "tweets.jsonl",
)


@dataclass(frozen=True)
class Description:
    """The content of `checkpoint.json`."""

    name: str
    model: dict[str, int]  # ModelConfig's fields
    kind: Kind
    created_at: str  # ISO 8601 UTC
    author: str | None = None  # the handle of a fine-tuned model's account, where it is known
    options: dict[str, Any] = field(default_factory=dict)  # of the training command
    data: dict[str, Any] = field(default_factory=dict)  # counts of what it was trained on
    scores: dict[str, float] = field(default_factory=dict)  # bits per character, by protocol
    history: list[dict[str, float]] = field(default_factory=list)
    parent: dict[str, Any] | None = None  # name and scores of the checkpoint it started from
    handles: list[str] = field(default_factory=list)  # mentions that stay words (see `text`)
    provenance: str = ""
    license: str = "MIT"
    format_version: int = FORMAT_VERSION
    code_version: str = __version__

    @property
    def base_scores(self) -> dict[str, float]:
        """A fine-tuned model's base on the same held-out tweets."""
        scores: dict[str, float] = (self.parent or {})["scores"]
        return scores

    def origin(self) -> dict[str, Any]:
        """What a checkpoint that starts from this one remembers of it."""
        return {"name": self.name, "created_at": self.created_at, "scores": self.scores}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory, the weights as arrays by name."""

    description: Description
    tokenizer: Tokenizer
    weights: Weights
    training_texts: Sequence[str] = ()
    inherited_texts: Sequence[str] = ()  # which a fine-tuned parent was trained on, and it was not
    base_weights: Weights | None = None  # which fine-tuning started from
    stock: Sequence[int] = ()  # hashes of the stock tweets that the copy filter knows

    @property
    def known_texts(self) -> list[str]:
        """All tweets of accounts that these weights have seen."""
        return [*self.training_texts, *self.inherited_texts]

    def started_from(self) -> "Checkpoint":
        """What fine-tuning started from, without the tweets that it had seen.

        Raises TwitterbotError for a checkpoint that does not carry those weights.
        """
        parent = self.description.parent
        if parent is None or self.base_weights is None:
            raise TwitterbotError(f"{self.description.name} knows no base; name one with --base")
        description = Description(
            name=parent["name"],
            model=self.description.model,
            kind="base",
            created_at=parent["created_at"],
        )
        return Checkpoint(description, self.tokenizer, self.base_weights, stock=self.stock)

    def weights_at(self, strength: float) -> Weights:
        """The weights `strength` times as far from the base's as fine-tuning went.

        A checkpoint that knows no base has its own weights at any strength, as they are stored;
        others are float32.
        """
        if self.base_weights is None:
            return self.weights
        return between(self.base_weights, self.weights, strength)

    def build(
        self, *, precision: str = "float32", dropout: float = 0.0, frozen: bool = False
    ) -> "TweetModel":
        """The Keras model with these weights. Raises TwitterbotError when they do not fit."""
        from twitterbot.model import ModelConfig, TweetModel

        try:
            config = ModelConfig(**self.description.model)
            model = TweetModel(config, precision=precision, dropout=dropout, frozen=frozen)
            if model.named_weights().keys() != self.weights.keys():
                raise ValueError("it has other weights")
            model.set_named_weights(self.weights)
        except (KeyError, TypeError, ValueError) as error:
            raise TwitterbotError(
                f"the weights of {self.description.name} do not fit it"
            ) from error
        return model

    def save(self, path: Path) -> None:
        """Writes the directory, in place of what was there, in one step."""
        with replacing_folder(path) as folder:
            (folder / _DESCRIPTION).write_text(
                json.dumps(asdict(self.description), indent=2, ensure_ascii=False) + "\n",
                encoding="utf-8",
            )
            self.tokenizer.save(folder / _TOKENIZER)
            (folder / _WEIGHTS).write_bytes(safetensors.numpy.save(dict(self.weights)))
            if self.base_weights is not None:
                (folder / _BASE_WEIGHTS).write_bytes(
                    safetensors.numpy.save(dict(self.base_weights))
                )
            if len(self.stock):
                stock = {"hashes": np.array(self.stock, np.uint64)}
                (folder / _STOCK).write_bytes(safetensors.numpy.save(stock))
            (folder / _CARD).write_text(card(self.description), encoding="utf-8")
            if self.known_texts:
                own = [{"text": text} for text in self.training_texts]
                inherited = [{"text": text, "inherited": True} for text in self.inherited_texts]
                with (folder / _TWEETS).open("w", encoding="utf-8") as file:
                    file.writelines(
                        json.dumps(line, ensure_ascii=False) + "\n" for line in own + inherited
                    )


def half(weights: Weights) -> dict[str, NDArray[np.float16]]:
    """Weights as they are stored, in float16."""
    return {name: value.astype(np.float16) for name, value in weights.items()}


def between(start: Weights, end: Weights, share: float) -> dict[str, NDArray[np.float32]]:
    """Weights `share` of the way from `start` to `end`, float32; beyond `end` where it is over 1.

    On such ways see Wortsman et al. 2022 (arXiv 2109.01903), on beyond them Ilharco et al. 2023
    (arXiv 2212.04089).
    """
    near, far = np.float32(1 - share), np.float32(share)
    return {
        name: near * value.astype(np.float32) + far * end[name].astype(np.float32)
        for name, value in start.items()
    }


def now() -> str:
    """The time as checkpoints write it, ISO 8601 UTC."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe(path: Path) -> Description:
    """Reads `checkpoint.json`. Raises TwitterbotError when that is no checkpoint of ours."""
    file = path / _DESCRIPTION
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TwitterbotError(f"{path} is not a checkpoint: it has no {_DESCRIPTION}") from error
    except OSError as error:
        raise TwitterbotError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise TwitterbotError(f"{file} is damaged: {error}") from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if not isinstance(version, int):
        raise TwitterbotError(f"{file} was not written by twitterbot: it has no format_version")
    if version > FORMAT_VERSION:
        raise TwitterbotError(
            f"{path} has checkpoint format {version} and this twitterbot reads up to "
            f"{FORMAT_VERSION}; install a newer twitterbot"
        )
    known = {field.name for field in fields(Description)}
    try:
        description = Description(**{name: value for name, value in data.items() if name in known})
    except TypeError as error:
        raise TwitterbotError(f"{file} is damaged: {error}") from error
    if not isinstance(description.model, dict):
        raise TwitterbotError(f"{file} is damaged: its model is not described")
    return description


def load(path: Path) -> Checkpoint:
    """Reads a whole checkpoint.

    Raises TwitterbotError, naming the file, when it is missing, damaged, foreign or newer.
    """
    description = describe(path)
    weights = _read_weights(path / _WEIGHTS)
    base_weights = None
    if (path / _BASE_WEIGHTS).exists():
        base_weights = _read_weights(path / _BASE_WEIGHTS)
        if _shapes(base_weights) != _shapes(weights):
            raise TwitterbotError(f"{path / _BASE_WEIGHTS} does not belong to the model beside it")
    tokenizer = Tokenizer.load(path / _TOKENIZER)
    if tokenizer.vocabulary_size != description.model.get("vocabulary_size"):
        raise TwitterbotError(f"{path / _TOKENIZER} does not belong to the model beside it")
    texts = _read_texts(path / _TWEETS)
    return Checkpoint(
        description, tokenizer, weights, *texts, base_weights, _read_stock(path / _STOCK)
    )


def _read_stock(file: Path) -> list[int]:
    if not file.exists():
        return []
    hashes = _read_weights(file).get("hashes")
    if hashes is None or hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise TwitterbotError(f"{file} is damaged: it has no list of hashes")
    numbers: list[int] = hashes.tolist()
    return numbers


def _read_weights(file: Path) -> Weights:
    try:
        weights: Weights = safetensors.numpy.load_file(file)
    except OSError as error:
        raise TwitterbotError(f"cannot read {file}: {error.strerror or 'not found'}") from error
    except (safetensors.SafetensorError, ValueError) as error:
        raise TwitterbotError(f"{file} is damaged: {error}") from error
    return weights


def _shapes(weights: Weights) -> dict[str, tuple[int, ...]]:
    return {name: value.shape for name, value in weights.items()}


def known_texts(path: Path) -> list[str]:
    """`Checkpoint.known_texts` without the rest, in normal form; none for a base."""
    own, inherited = _read_texts(path / _TWEETS)
    return own + inherited


def _read_texts(file: Path) -> tuple[list[str], list[str]]:
    """The training texts, and the inherited ones."""
    own: list[str] = []
    inherited: list[str] = []
    if not file.exists():
        return own, inherited
    try:
        with file.open(encoding="utf-8") as lines:
            for record in map(json.loads, lines):
                (inherited if record.get("inherited") else own).append(record["text"])
            return own, inherited
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TwitterbotError(f"{file} is damaged: {error}") from error


# ------------------------------------------------------------------ finding one


def base_path() -> Path:
    """The base checkpoint: the working folder's own, else the one that came with the package.

    A wheel holds it inside the package, an editable checkout beside it.
    """
    package = Path(__file__).parent
    candidates = [
        folder / CHECKPOINTS_DIR / BASE_NAME for folder in (Path(), package, package.parent)
    ]
    for candidate in candidates:
        if (candidate / _DESCRIPTION).is_file():
            return candidate
    raise TwitterbotError(
        "no base checkpoint came with this installation; name one, or make one with "
        "`twitterbot pretrain CORPUS`"
    )


def find(name: str, folder: Path = CHECKPOINTS_DIR) -> Path:
    """The checkpoint that a command line argument means: a path, a name in `folder`, or "base"."""
    if (Path(name) / _DESCRIPTION).is_file():
        return Path(name)
    for candidate in in_folder(folder):
        if candidate.name.casefold() == name.removeprefix("@").casefold():
            return candidate
    if name == BASE_NAME:
        return base_path()
    here = ", ".join(path.name for path in in_folder(folder)) or "none"
    raise TwitterbotError(f"no checkpoint at {name}; in {folder}{os.sep} there is: {here}")


def newest(folder: Path = CHECKPOINTS_DIR) -> Path | None:
    """The fine-tuned checkpoint written last, or None."""
    finetuned = [path for path in in_folder(folder) if describe(path).kind == "finetuned"]
    return max(finetuned, key=modified, default=None)


def modified(path: Path) -> int:
    """When a checkpoint was written, in nanoseconds. Raises TwitterbotError where there is none."""
    try:
        return (path / _DESCRIPTION).stat().st_mtime_ns
    except OSError as error:
        raise TwitterbotError(f"cannot read {path}: {error.strerror}") from error


def check_replaceable(path: Path, kind: Kind) -> None:
    """Raises TwitterbotError where a checkpoint of this kind cannot or must not be written.

    An earlier one of the same kind is replaced; one of the other, or anything else, is not.
    """
    if path.exists() and describe(path).kind != kind:
        other = {"base": "fine-tuned", "finetuned": "base"}[kind]
        raise TwitterbotError(f"{path} holds a {other} checkpoint; choose another --output")
    if kind == "finetuned" and path.name.casefold() == BASE_NAME:
        raise TwitterbotError(
            f"what is named {BASE_NAME} is what fine-tuning starts from; choose another --output"
        )
    # Better told now than after the training.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    if not os.access(path.parent, os.W_OK):
        raise TwitterbotError(f"cannot write into {path.parent}{os.sep}; choose another --output")


def delete(path: Path) -> None:
    """Removes a fine-tuned checkpoint, all at once. Raises TwitterbotError for any other."""
    if describe(path).kind != "finetuned":
        raise TwitterbotError(f"{path.name} is a base checkpoint and stays")
    # Moved into a folder that nobody takes for a checkpoint, so that no half of it remains.
    try:
        grave = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
        path.rename(grave / path.name)
    except OSError as error:
        raise TwitterbotError(f"cannot delete {path}: {error.strerror}") from error
    shutil.rmtree(grave, ignore_errors=True)


def in_folder(folder: Path = CHECKPOINTS_DIR) -> list[Path]:
    """The checkpoints in a folder, of any kind, by name."""
    return sorted(file.parent for file in folder.glob(f"[!.]*/{_DESCRIPTION}"))


# ------------------------------------------------------------------ the model card


def card(description: Description) -> str:
    """The model card, Markdown, in words and numbers of `description` alone."""
    model = description.model
    lines = [
        f"# {description.name}",
        "",
        _PURPOSE[description.kind],
        "",
        f"- A decoder-only Transformer: {model['layers']} layers, width {model['width']}, "
        f"{model['heads']} heads, context {model['context']} tokens, vocabulary "
        f"{model['vocabulary_size']}. Weights in float16.",
        f"- Made by twitterbot {description.code_version} on {description.created_at}.",
    ]
    if description.parent:
        parent = description.parent
        lines.append(f"- Trained from `{parent['name']}` of {parent['created_at']}.")
    lines += ["", "## Data", "", *_table(description.data)]
    if description.provenance:
        lines += ["", description.provenance]
    lines += ["", "## Scores", "", "Bits per character on held-out tweets; lower is better.", ""]
    lines += _table({name: f"{value:.3f}" for name, value in description.scores.items()})
    lines += ["", "## Training", "", *_table(description.options), "", "## Limits", "", _LIMITS]
    lines += ["", "## Licence", "", description.license, ""]
    return "\n".join(lines)


_PURPOSE = {
    "base": "A base model of tweets, to be fine-tuned on one account by `twitterbot finetune`.",
    "finetuned": "A model that writes tweets in one account's style, for `twitterbot generate`.",
}
_LIMITS = (
    "A small model: it knows how tweets are worded, not what is true. What it writes may be "
    "wrong, rude or absurd, and may name real people. It is synthetic: label it so wherever it "
    "is shown, and do not pass it off as anyone's words."
)


def _table(values: Mapping[str, Any]) -> list[str]:
    rows = [f"| {name.replace('_', ' ')} | {value} |" for name, value in values.items()]
    return ["| | |", "|---|---|", *rows]
