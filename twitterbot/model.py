"""The language model: a decoder-only Transformer over token ids, in `keras.ops` alone.

Pre-norm blocks, rotary positions (Su et al. 2021, arXiv 2104.09864), normalized queries
and keys (Henry et al. 2020, arXiv 2010.04245), squared ReLU (So et al. 2021, arXiv
2109.08668), RMS norms without gains, no biases, tied embeddings. It knows nothing of text.

Shapes: B batch, T tokens, V vocabulary, D width, H heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from twitterbot.engine import COMPILE_STEP, fused, keras

ops = keras.ops

_PART = 8  # windows

Memory = tuple[Any, Any]  # keys and values (B, H, slots, D / H) of earlier tokens


@dataclass(frozen=True)
class ModelConfig:
    """What a checkpoint must know to build its model again."""

    vocabulary_size: int
    context: int  # tokens that the model sees at most
    width: int
    layers: int
    heads: int


class TweetModel(keras.Model):
    """Token ids (B, T) to next-token logits (B, T, V) in the compute precision.

    Weights are float32 whatever the precision, unless `frozen`: a model that learns nothing
    has them in the compute precision too, and need not convert them for every step.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        precision: str = "float32",
        dropout: float = 0.0,
        frozen: bool = False,
    ) -> None:
        dtype = "mixed_bfloat16" if precision == "bfloat16" and not frozen else precision
        super().__init__(dtype=dtype)
        self.config = config
        self.embedding = keras.layers.Embedding(
            config.vocabulary_size,
            config.width,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=self.dtype_policy,
        )
        self.blocks = [
            Block(config, index, dropout, self.dtype_policy) for index in range(config.layers)
        ]
        self.build((None, config.context))

    def build(self, input_shape: Any) -> None:
        """Makes every weight at once, in an order that a checkpoint can rely on."""
        self.embedding.build(input_shape)
        for block in self.blocks:
            block.build((*input_shape, self.config.width))
        self.built = True

    def call(self, ids: Any, training: bool = False) -> Any:
        """Logits for every position, each seeing the ids up to its own."""
        x, _ = self._encode(ids, training)
        return self._logits(x)

    def prefill(self, ids: Any) -> tuple[Any, list[Memory]]:
        """Logits (B, V) after the last of `ids` (B, T), and each block's memory of them."""
        x, memories = self._encode(ids, training=False)
        return self._logits(x[:, -1:])[:, 0], memories

    def decode(
        self,
        ids: Any,
        past: Sequence[Memory],
        recent: Sequence[Memory],
        slot: Any,
        positions: Any,
        mask: Any,
    ) -> tuple[Any, list[Memory]]:
        """Logits (B, V) after one more token a row, and `recent` with it in `slot`.

        `past` holds the tokens of `prefill`, `recent` some of those after (see
        `empty_memories`); both have a memory a block. `positions` (B,) are the places of `ids`
        (B,) in their rows; `mask` (B, slots of both) says which slots a row sees.
        """
        rotation = _rotation(positions[:, None, None], self.config.width // self.config.heads)
        x = _normalize(self.embedding(ids[:, None]))
        updated = []
        for block, old, new in zip(self.blocks, past, recent, strict=True):
            x, new = block(x, rotation, mask[:, None, None], past=old, recent=new, slot=slot)
            updated.append(new)
        return self._logits(x)[:, 0], updated

    def empty_memories(self, batch: int, slots: int) -> list[Memory]:
        """For each block keys and values, zeros (B, H, slots, D / H)."""
        config = self.config
        shape = (batch, config.heads, slots, config.width // config.heads)
        zeros = ops.zeros(shape, dtype=self.compute_dtype)
        return [(zeros, zeros) for _ in self.blocks]

    def _encode(self, ids: Any, training: bool) -> tuple[Any, list[Memory]]:
        positions = ops.arange(ops.shape(ids)[1], dtype="int32")
        rotation = _rotation(positions, self.config.width // self.config.heads)
        mask = positions[None, :] <= positions[:, None]
        x = _normalize(self.embedding(ids))
        memories = []
        for block in self.blocks:
            x, memory = block(x, rotation, mask, training=training)
            memories.append(memory)
        return x, memories

    def named_weights(self) -> dict[str, Any]:
        """Every weight by the name that it has in `model.safetensors`."""
        weights = {"embedding": self.embedding.embeddings}
        for number, block in enumerate(self.blocks):
            for dense in block.matrices():
                weights[f"blocks.{number}.{dense.name}"] = dense.kernel
        return weights

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """The values of `named_weights`, float32."""
        return {name: ops.convert_to_numpy(value) for name, value in self.named_weights().items()}

    def set_named_weights(self, arrays: Mapping[str, Any]) -> None:
        """Takes its weights from `arrays`; raises KeyError or ValueError when they do not fit."""
        for name, variable in self.named_weights().items():
            variable.assign(arrays[name])

    def _logits(self, x: Any) -> Any:
        weights = ops.cast(self.embedding.embeddings, self.compute_dtype)
        return ops.matmul(_normalize(x), ops.transpose(weights))


class Block(keras.layers.Layer):
    """Attention, then a feed-forward network four times as wide, each added to its input."""

    def __init__(self, config: ModelConfig, index: int, dropout: float, dtype: Any) -> None:
        super().__init__(name=f"block_{index}", dtype=dtype, autocast=False)
        self.heads = config.heads
        self.query_key_value = _dense(3 * config.width, "query_key_value", dtype)
        self.attention_out = _dense(config.width, "attention_out", dtype, "zeros")
        self.up = _dense(4 * config.width, "up", dtype)
        self.down = _dense(config.width, "down", dtype, "zeros")
        self.dropout = keras.layers.Dropout(dropout, dtype=dtype)

    def matrices(self) -> tuple[Any, ...]:
        """The layers that hold all of the block's weights."""
        return (self.query_key_value, self.attention_out, self.up, self.down)

    def build(self, input_shape: Any) -> None:
        """Makes the four matrices."""
        *batch, width = input_shape
        for dense in self.matrices():
            dense.build((*batch, 4 * width if dense is self.down else width))
        self.built = True

    def call(
        self,
        x: Any,
        rotation: Any,
        mask: Any,
        past: Memory | None = None,
        recent: Memory | None = None,
        slot: Any = None,
        training: bool = False,
    ) -> tuple[Any, Memory]:
        """`x` (B, T, D) to the same shape; with it its own memory, or the updated `recent`."""
        attended, memory = self._attend(_normalize(x), rotation, mask, past, recent, slot)
        x = x + self.dropout(self.attention_out(attended), training=training)
        hidden = _squared_relu(self.up(_normalize(x)))
        return x + self.dropout(self.down(hidden), training=training), memory

    def _attend(
        self,
        x: Any,
        rotation: Any,
        mask: Any,
        past: Memory | None,
        recent: Memory | None,
        slot: Any,
    ) -> tuple[Any, Memory]:
        _, length, width = ops.shape(x)
        size = width // self.heads
        split = ops.reshape(self.query_key_value(x), (-1, length, 3, self.heads, size))
        query, key, value = ops.unstack(ops.transpose(split, (2, 0, 3, 1, 4)), 3)  # (B, H, T, size)
        query, key = _rotate(_normalize(query), rotation), _rotate(_normalize(key), rotation)
        memory = (key, value)
        if recent is not None:
            start = (0, 0, slot, 0)
            memory = tuple(map(ops.slice_update, recent, (start, start), memory))
        # The memories stay apart: joining them would copy them for every token.
        parts = [memory] if past is None else [past, memory]
        scores = [ops.matmul(query, ops.swapaxes(keys, -1, -2)) for keys, _ in parts]
        weights = _masked_softmax(ops.concatenate(scores, axis=-1), mask, size)
        if past is None:
            mixed = ops.matmul(weights, value)
        else:
            old = past[0].shape[2]
            mixed = ops.matmul(weights[..., :old], past[1])
            mixed = mixed + ops.matmul(weights[..., old:], memory[1])
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, length, width)), memory


class NextTokenLoss(keras.Model):
    """Windows (B, T + 1) to the negative log likelihood (B, T) of each next token, in nats.

    Its mean is the training loss, so `train_on_batch(windows)` trains the model inside.
    """

    def __init__(self, model: TweetModel) -> None:
        super().__init__()
        self.model = model

    def call(self, windows: Any, training: bool = False) -> Any:
        """float32, whatever precision the model computes in."""
        # A large batch in parts: 8 % faster on two cores, which work on two parts at a time,
        # and a quarter less memory. A compiled step is planned as a whole.
        parts = -(-(windows.shape[0] or 1) // _PART) if not COMPILE_STEP else 1
        losses = [
            _cross_entropy(self.model(part[:, :-1], training=training), part[:, 1:])
            for part in (ops.array_split(windows, parts) if parts > 1 else [windows])
        ]
        return ops.concatenate(losses)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """The mean over all tokens."""
        return ops.mean(y_pred)


def _dense(units: int, name: str, dtype: Any, initializer: Any = None) -> Any:
    # Matrices that write into the residual stream start at zero, so that depth costs nothing
    # in the first steps (nanochat does the same).
    initializer = initializer or keras.initializers.RandomNormal(stddev=0.02)
    return keras.layers.Dense(
        units, use_bias=False, kernel_initializer=initializer, name=name, dtype=dtype
    )


def _rotation(positions: Any, size: int) -> tuple[Any, Any]:
    """Cosines and sines (..., size / 2) of the rotary angles at `positions` (...)."""
    frequencies = 10000.0 ** (-ops.arange(size // 2, dtype="float32") / (size // 2))
    angles = ops.cast(positions, "float32")[..., None] * frequencies
    return ops.cos(angles), ops.sin(angles)


# Chains of element-wise operations, in float32 inside, each one pass over memory when fused.


@fused
def _normalize(x: Any) -> Any:
    wide = ops.cast(x, "float32")
    scale = ops.rsqrt(ops.mean(wide * wide, axis=-1, keepdims=True) + 1e-6)
    return ops.cast(wide * scale, x.dtype)


@fused
def _rotate(x: Any, rotation: tuple[Any, Any]) -> Any:
    cosines, sines = rotation
    left, right = ops.split(ops.cast(x, "float32"), 2, axis=-1)
    turned = [left * cosines - right * sines, left * sines + right * cosines]
    return ops.cast(ops.concatenate(turned, axis=-1), x.dtype)


@fused
def _squared_relu(x: Any) -> Any:
    return ops.square(ops.relu(x))


@fused
def _masked_softmax(scores: Any, mask: Any, size: int) -> Any:
    wide = ops.where(mask, ops.cast(scores, "float32") * size**-0.5, -1e9)
    weights = ops.exp(wide - ops.stop_gradient(ops.max(wide, axis=-1, keepdims=True)))
    return ops.cast(weights / ops.sum(weights, axis=-1, keepdims=True), scores.dtype)


@fused
def _cross_entropy(logits: Any, targets: Any) -> Any:
    logits = ops.cast(logits, "float32")
    logits = logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))
    # A one-hot product, since XLA's gradient of a gather is a slow scatter on a CPU.
    chosen = logits * ops.one_hot(targets, logits.shape[-1], dtype="float32")
    return ops.log(ops.sum(ops.exp(logits), axis=-1)) - ops.sum(chosen, axis=-1)
