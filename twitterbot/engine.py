"""Keras and the backend under it: the one door to what is particular to TensorFlow.

Importing this module imports Keras (about two seconds), so only modules that a
command needs at run time do. The model itself is written in `keras.ops` and trains on
TensorFlow (the default) or JAX, chosen by `KERAS_BACKEND`.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from twitterbot.options import Precision

# x86 flags of instructions that multiply bfloat16 matrices two to three times as fast as float32.
_FAST_BFLOAT16 = {"amx_bf16", "avx512_bf16"}

_Function = TypeVar("_Function", bound=Callable[..., Any])


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """TensorFlow greets from C++, past Python's stderr; only descriptor 2 itself silences it.

    Switching oneDNN off silences it too, at 1.7 times the training time.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as null:
            os.dup2(null.fileno(), 2)
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


with _silent_stderr():
    import keras as keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")  # its advice on retracing is not for users
        if tf.__version__.startswith("2.21."):
            # Its XLA has YNNPACK do some reductions, and prepares that without a lock: two parts
            # of a batch that come there at once may end the process. Later versions of XLA lock,
            # earlier ones have neither YNNPACK nor the option. XLA reads it at its first use.
            flags = os.environ.get("XLA_FLAGS", "")
            os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_experimental_ynn_fusion_type=".strip()
    else:
        tf = None


_fusing = True


def fused(function: _Function) -> _Function:
    """Compiles a chain of element-wise operations into one pass over memory.

    On TensorFlow by XLA; matrix products stay outside, where oneDNN is faster. JAX compiles
    the whole step and needs no help.
    """
    if tf is None:
        return function
    in_one_pass = tf.function(function, jit_compile=True, autograph=False)

    @functools.wraps(function)
    def choose(*args: Any) -> Any:
        return (in_one_pass if _fusing else function)(*args)

    return cast(_Function, choose)


@contextlib.contextmanager
def unfused() -> Iterator[None]:
    """Graphs traced in the block start sooner and run slower: `fused` does nothing in it."""
    global _fusing
    _fusing, before = False, _fusing
    try:
        yield
    finally:
        _fusing = before


# Of a whole training step: what JAX needs, and what is slower on TensorFlow.
COMPILE_STEP = keras.backend.backend() == "jax"


def compiled(function: _Function) -> _Function:
    """Compiles a whole loop as one graph, where the backend has graphs."""
    return function if tf is None else tf.function(function, autograph=False)


def choose_precision(precision: Precision = "auto") -> Literal["bfloat16", "float32"]:
    """bfloat16 where the hardware gains from it: a GPU, or a CPU with the instructions."""
    if precision != "auto":
        return precision
    return "bfloat16" if _has_gpu() or _cpu_flags() & _FAST_BFLOAT16 else "float32"


def _has_gpu() -> bool:
    return any(device.startswith(("gpu", "cuda")) for device in keras.distribution.list_devices())


def _cpu_flags() -> set[str]:
    """The processor's feature flags on Linux, nothing elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return set()
    return set(
        next((line.split(":")[1] for line in text.splitlines() if "flags" in line), "").split()
    )
