"""Samples new tweets from a checkpoint: whole ones, short enough, and no copies.

Batches of rows run through one compiled loop. Every row starts with the same number of
tokens of the author's own recent tweets, which set the tone; when a row ends its tweet it starts
the next at once, so that no row waits for the longest one.
"""

import functools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twitterbot.checkpoint import Checkpoint
from twitterbot.dataset import Ids
from twitterbot.engine import choose_precision, compiled, fused, keras, unfused
from twitterbot.errors import TwitterbotError
from twitterbot.model import TweetModel
from twitterbot.novelty import CopyFilter
from twitterbot.options import GenerateOptions
from twitterbot.text import fold, hide_invented, normalize, restore, weighted_length
from twitterbot.tokenizer import BEGIN, END

ops = keras.ops

_ROWS = 32  # of a batch
_BATCHES = 2  # at a time, in threads: the steps of one are too small to keep two cores busy
_ROUND = 512  # tweets that a batch samples at once, at most
_PRIMER = 64  # tokens before a new tweet, of the author's own and the prompt
_RECENT = 0.2  # of the training tweets, the newest: the author's tone changes over the years
_BISECTIONS = 20  # that find the nucleus: to a millionth of the likeliest token's probability
_BLOCK = 128  # ids that are summed at once, so that a draw need not add up the whole vocabulary
_ASTRAY = re.compile("[\ufffd\0-\x09\x0b-\x1f\x7f-\x9f]")
_FUTILE = 20  # rounds without a tweet that passes: give up after so many


@dataclass
class Yield:
    """What became of the sampled tweets: how many, and how many were dropped by reason."""

    sampled: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sample:
    """A text as the model wrote it, and what becomes of it."""

    text: str | None  # in normal form (see `text`); None when it did not end in time
    shown: str  # the same with its placeholders replaced, and its prompt as it was typed
    dropped: str | None  # why it is not a tweet to show


class Generator:
    """Samples tweets from one checkpoint; the compiled loop is kept between calls."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.copies = CopyFilter(checkpoint.known_texts, checkpoint.stock)
        self._model = checkpoint.build(precision=choose_precision(), frozen=True)
        self._strength = 1.0  # of the weights in the model
        self._tweets = checkpoint.tokenizer.encode(checkpoint.training_texts)
        context = self._model.config.context
        self._room = min(_PRIMER, context // 2)  # tokens before a tweet; the rest is its own
        # No longer than the author's longest: every slot of a memory costs time.
        longest = max((len(ids) + 1 for ids in self._tweets), default=context)
        self._sampler = _Sampler(self._model, min(longest, context - self._room))

    def tweets(
        self,
        options: GenerateOptions,
        on_yield: Callable[[Yield], None] = lambda counts: None,
    ) -> Iterator[str]:
        """Yields `options.count` tweets, placeholders replaced, none twice.

        Raises TwitterbotError when hardly any sample passes the filters.
        """
        return (sample.shown for sample in self.samples(options, on_yield) if not sample.dropped)

    def samples(
        self,
        options: GenerateOptions,
        on_yield: Callable[[Yield], None] = lambda counts: None,
    ) -> Iterator[Sample]:
        """Yields all that is sampled on the way to `options.count` tweets; raises like `tweets`."""
        counts = Yield()
        seen: set[str] = set()
        fruitless = 0
        random = np.random.default_rng(options.seed)
        # Words start with their space in the vocabulary: one at the prompt's end would leave
        # the model to start the next word without.
        prompt = normalize(options.prompt, self._checkpoint.description.handles)
        # The same in all rounds, for one graph.
        rows = min(_ROWS, _share_of_batch(options.count))
        while len(seen) < options.count:
            wanted = min(_ROUND, max(rows, _share_of_batch(options.count - len(seen))))
            before = len(seen)
            for text in self._sample(wanted, rows, prompt, options, random):
                sample = self._judged(text, prompt, options, seen)
                counts.sampled += 1
                if sample.dropped:
                    counts.dropped[sample.dropped] += 1
                else:
                    seen.add(fold(sample.text or ""))
                yield sample
                if len(seen) == options.count:
                    break
            on_yield(counts)
            fruitless = fruitless + 1 if len(seen) == before else 0
            if fruitless == _FUTILE:
                reasons = ", ".join(f"{n} {reason}" for reason, n in counts.dropped.most_common())
                raise TwitterbotError(
                    f"of {counts.sampled} sampled tweets {counts.sampled - len(seen)} were dropped "
                    f"({reasons}); try a higher --temperature or another --prompt"
                )

    def _judged(
        self, text: str | None, prompt: str, options: GenerateOptions, seen: set[str]
    ) -> Sample:
        """A text with the reason to drop it, if there is one; `prompt` is in normal form."""
        if text is None:
            return Sample(None, "", "unfinished")
        shown = _shown(text, prompt, options)
        dropped = None
        if not fold(text):
            dropped = "empty"
        elif weighted_length(shown) > options.max_length:
            dropped = "too long"
        elif fold(text) in seen:
            dropped = "repeated"
        elif not options.allow_copies and self.copies.is_copy(text):
            dropped = "copies"
        return Sample(text, shown, dropped)

    # -------------------------------------------------------------- sampling

    def _sample(
        self,
        count: int,
        rows: int,
        prompt: str,
        options: GenerateOptions,
        random: np.random.Generator,
    ) -> list[str | None]:
        """Texts as the model ends them, `count` of each batch; None where one did not in time."""
        start = self._checkpoint.tokenizer.encode([prompt])[0]
        if len(start) >= self._room or weighted_length(options.prompt) >= options.max_length:
            raise TwitterbotError("the --prompt leaves no room for a tweet; give a shorter one")
        if options.strength != self._strength:
            self._model.set_named_weights(self._checkpoint.weights_at(options.strength))
            self._strength = options.strength
        steps = math.ceil(_ROUND / rows) * self._sampler.longest  # enough, whatever `count`
        starts, uniforms = [], []
        for _ in range(_BATCHES):
            primers = self._primers(rows, self._room - len(start), random)
            prompts = np.tile(start, (rows, 1))
            starts.append(np.concatenate([primers, prompts], axis=1).astype(np.int32))
            uniforms.append(random.random((steps, rows), np.float32))
        sample = functools.partial(self._sampler, count=count, options=options)
        with ThreadPoolExecutor(_BATCHES) as threads:
            batches = list(threads.map(sample, starts, uniforms))
        return [self._text(start, row) for row in np.concatenate(batches)]

    def _text(self, prompt: Sequence[int], row: Ids) -> str | None:
        ends = np.flatnonzero(row == END)
        if not len(ends):
            return None
        text = self._checkpoint.tokenizer.decode([*prompt, *row[: ends[0]]])
        # Half a character or a control character: the sampler went astray.
        if _ASTRAY.search(text):
            return None
        start = len(self._checkpoint.tokenizer.decode(prompt))
        # A link that stands there, or a handle that the author does not often mention, is one
        # that the model made up.
        handles = self._checkpoint.description.handles
        return (text[:start] + hide_invented(text[start:], handles)).strip()

    def _primers(self, rows: int, length: int, random: np.random.Generator) -> Ids:
        """(rows, length) ids: BEGIN, then tweets of the author's up to a random recent one.

        A model without training texts starts from BEGIN alone.
        """
        tweets = self._tweets
        if not tweets:
            return np.full((rows, 1), BEGIN, np.int32)
        primers = []
        for place in random.integers(int((1 - _RECENT) * len(tweets)), len(tweets), rows):
            ids: list[int] = []
            while len(ids) < length - 1:
                ids = [*tweets[place], END, *ids]
                place = (place - 1) % len(tweets)
            # What is too much is cut at the front.
            primers.append([BEGIN, *ids[len(ids) - length + 1 :]])
        return np.array(primers, np.int32)


def _share_of_batch(tweets: int) -> int:
    """How many a batch samples for so many tweets: some will be dropped."""
    return math.ceil((tweets * 1.35 + 2) / _BATCHES)


def _shown(text: str, prompt: str, options: GenerateOptions) -> str:
    # The bar keeps the space that may stand between the prompt and the rest.
    rest = "|" + text[len(prompt) :]
    return (
        options.prompt.strip() + restore(rest, links=options.links, mentions=options.mentions)[1:]
    ).strip()


class _Sampler:
    """The compiled loop: token ids in, token ids out."""

    def __init__(self, model: TweetModel, longest: int) -> None:
        self._model = model
        self._run = compiled(self._loop)
        self.longest = longest  # tokens of a tweet, END among them

    def __call__(
        self,
        starts: Ids,
        uniforms: NDArray[np.float32],
        count: int,
        options: GenerateOptions,
    ) -> Ids:
        """Token ids (count, longest) of tweets that go on from `starts` (rows, n).

        A tweet's ids end with END unless it did not end in time. `uniforms` (steps, rows) are
        the random numbers, one a token.
        """
        tokens = self._run(
            ops.convert_to_tensor(starts),
            ops.convert_to_tensor(count, "int32"),
            ops.convert_to_tensor(uniforms),
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
        )
        return np.asarray(tokens, np.int32)

    def _loop(self, starts: Any, count: Any, uniforms: Any, **sampling: Any) -> Any:
        # Memory slots after those of `starts` are a ring that all rows write at the same
        # place; a row sees those of its present tweet. Tweets are numbered as they start, and
        # the first `count` to start are returned: the first to end would be the short ones.
        rows, prefix = starts.shape
        longest = self.longest
        ring = ops.arange(longest)
        with unfused():
            first_logits, past = self._model.prefill(starts)

        def unfinished(time: Any, tweet: Any, *_: Any) -> Any:
            return ops.logical_and(ops.any(tweet < count), time < ops.shape(uniforms)[0])

        def step(
            time: Any, tweet: Any, age: Any, tokens: Any, logits: Any, recent: Any
        ) -> tuple[Any, ...]:
            token = _choose(logits, uniforms[time], **sampling)
            place = ops.stack([ops.minimum(tweet, count), age], axis=1)  # row `count` is waste
            tokens = ops.scatter_update(tokens, place, token)
            written = ops.mod(time - ring, longest)  # steps since each slot was written
            seen = ops.concatenate(
                [ops.ones((rows, prefix), "bool"), written <= age[:, None]], axis=1
            )
            with unfused():
                logits, recent = self._model.decode(
                    token, past, recent, ops.mod(time, longest), prefix + age, seen
                )
            ended = ops.logical_or(token == END, age == longest - 1)
            numbers = ops.max(tweet) + ops.cumsum(ops.cast(ended, "int32"))
            tweet = ops.where(ended, numbers, tweet)
            logits = ops.where(ended[:, None], first_logits, logits)
            return (time + 1, tweet, ops.where(ended, 0, age + 1), tokens, logits, recent)

        state = (
            ops.convert_to_tensor(0, "int32"),
            ops.arange(rows, dtype="int32"),
            ops.zeros((rows,), "int32"),
            ops.zeros((count + 1, longest), "int32") + BEGIN,
            first_logits,
            self._model.empty_memories(rows, longest),
        )
        return ops.while_loop(unfinished, step, state)[3][:count]


def _choose(logits: Any, uniform: Any, *, temperature: float, top_p: float, top_k: int) -> Any:
    """Token ids (B,) drawn from logits (B, V), one uniform number (B,) for each."""
    logits = ops.cast(logits, "float32")
    vocabulary = logits.shape[-1]
    logits = ops.where(ops.arange(vocabulary) == BEGIN, -1e9, logits)
    if temperature == 0 or top_p == 0 or top_k == 1:
        return ops.cast(ops.argmax(logits, axis=-1), "int32")
    if 0 < top_k < vocabulary:
        least = ops.top_k(logits, top_k)[0][:, -1:]
        logits = ops.where(logits >= least, logits, -1e9)
    # As tensors, for one graph: options that change need no other.
    options = (ops.convert_to_tensor(number, "float32") for number in (temperature, top_p))
    return _draw(logits, uniform, *options)


@fused
def _draw(logits: Any, uniform: Any, temperature: Any, top_p: Any) -> Any:
    # Nothing is sorted: that would take half of a step's time.
    weights = ops.exp((logits - ops.max(logits, axis=-1, keepdims=True)) / temperature)
    # What bisection finds for 1 need not be all, for sums are rounded.
    least = ops.where(top_p < 1, _least_of_nucleus(weights, top_p), 0.0)
    weights = ops.where(weights >= least, weights, 0.0)
    padded = ops.pad(weights, ((0, 0), (0, -weights.shape[-1] % _BLOCK)))
    blocks = ops.reshape(padded, (weights.shape[0], -1, _BLOCK))
    sums = ops.sum(blocks, axis=-1)
    goal = uniform[:, None] * ops.sum(sums, axis=-1, keepdims=True)
    block = _first_beyond(sums, goal)
    before = ops.sum(
        ops.where(ops.arange(sums.shape[-1]) < block, sums, 0.0), axis=-1, keepdims=True
    )
    chosen = ops.take_along_axis(blocks, block[:, :, None], axis=1)[:, 0]
    return (block * _BLOCK + _first_beyond(chosen, goal - before))[:, 0]


def _least_of_nucleus(weights: Any, top_p: Any) -> Any:
    """The largest bound (B, 1) of `weights` (B, V) above which they still reach top_p.

    Found by bisection, between 0 and the largest weight, which is 1.
    """
    goal = top_p * ops.sum(weights, axis=-1, keepdims=True)
    low, high = ops.zeros_like(goal), ops.ones_like(goal)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        kept = ops.where(weights >= middle, weights, 0.0)
        reached = ops.sum(kept, axis=-1, keepdims=True) >= goal
        low, high = ops.where(reached, middle, low), ops.where(reached, high, middle)
    return low


def _first_beyond(weights: Any, goal: Any) -> Any:
    """The place (B, 1) in `weights` (B, N) at which their sum gets larger than `goal` (B, 1)."""
    # Sums of one thing in two orders differ in their last bit: what has no weight must not be
    # chosen for that, and where no sum is larger the largest weight stands in.
    beyond = ops.logical_and(ops.cumsum(weights, axis=-1) > goal, weights > 0)
    some = ops.any(beyond, axis=-1, keepdims=True)
    places = ops.argmax(ops.where(some, ops.cast(beyond, "float32"), weights), axis=-1)
    return ops.cast(places, "int32")[:, None]
