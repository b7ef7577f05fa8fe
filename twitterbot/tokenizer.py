"""Byte-level BPE from the `tokenizers` package, stored in a checkpoint as `tokenizer.json`.

Every Unicode string without lone surrogates round-trips exactly. The placeholders of
`text` are single tokens; two control tokens frame the tweets and have no text:

    BEGIN tweet END tweet END ...

BEGIN says that the context starts here (a new author, or the start of a window), END
ends one tweet.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer as _Backend
from tokenizers import decoders, models, pre_tokenizers, trainers

from twitterbot.errors import TwitterbotError
from twitterbot.text import LINK, MENTION

# Ids of the control tokens in every tokenizer that `train` makes.
BEGIN, END = 0, 1


class Tokenizer:
    """Text to token ids and back. Control tokens never come out of text."""

    def __init__(self, backend: _Backend) -> None:
        # Text that happens to spell a control token is encoded as ordinary text.
        backend.encode_special_tokens = True
        self._backend = backend

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary_size: int) -> "Tokenizer":
        """Learns the merges from normalized texts."""
        backend = _Backend(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            special_tokens=["<|begin|>", "<|end|>", LINK, MENTION],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        backend.train_from_iterator(texts, trainer)
        # The trainer makes every token that it reserves "special". The placeholders are not:
        # they come out of text, where the control tokens must not.
        settings = json.loads(backend.to_str())
        for token in settings["added_tokens"]:
            token["special"] = token["content"] not in (LINK, MENTION)
        return cls(_Backend.from_str(json.dumps(settings)))

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Raises TwitterbotError when the file is missing or not a tokenizer."""
        try:
            text = path.read_text(encoding="utf-8")
            return cls(_Backend.from_str(text))
        except OSError as error:
            raise TwitterbotError(f"cannot read {path}: {error.strerror}") from error
        except Exception as error:  # the backend raises bare Exception for bad JSON
            raise TwitterbotError(f"{path} is not a tokenizer file: {error}") from error

    def save(self, path: Path) -> None:
        """Writes `tokenizer.json`, readable by any user of the `tokenizers` package."""
        path.write_text(self.to_json(), encoding="utf-8")

    def to_json(self) -> str:
        """The content of `tokenizer.json`."""
        return str(self._backend.to_str(pretty=False))

    @property
    def vocabulary_size(self) -> int:
        """The number of ids, control tokens included."""
        return int(self._backend.get_vocab_size())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without control tokens. Works on all cores."""
        encodings = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; bytes that are not UTF-8 become U+FFFD."""
        return str(self._backend.decode(list(ids), skip_special_tokens=False))
