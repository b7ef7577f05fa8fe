"""PPMd, the strongest classic compressor of text, as a language model (pip install pyppmd).

What a text costs after another is by how much the compressed size of both exceeds that of
the first alone. Variant H, order 7.
"""

from common import to_bytes

from twitterbot.scores import characters

ORDER = 7
MEMORY = 2 << 30  # bytes; a model that runs out of them would start again from nothing


def size(data: bytes) -> int:
    """Compressed bytes."""
    import pyppmd

    encoder = pyppmd.Ppmd7Encoder(ORDER, MEMORY)
    return len(encoder.encode(data)) + len(encoder.flush())


def bits_per_character(prime: bytes, train: list[str], held_out: list[str]) -> float:
    """Of the held-out texts, after the account's training texts, after `prime`."""
    before = prime + to_bytes(train)
    bits = 8 * (size(before + to_bytes(held_out)) - size(before))
    return bits / characters(held_out)
