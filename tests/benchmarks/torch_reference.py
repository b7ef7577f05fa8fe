"""A plain PyTorch model of twitterbot's shape, and its training step, for `throughput.py`.

Compiled, bfloat16 autocast, fused AdamW; squared ReLU, RMS norms without gains, rotary
positions, normalized queries and keys, tied embeddings, scaled_dot_product_attention.
`throughput.py` starts it as a worker, in an interpreter that has PyTorch
(pip install torch==2.13.0 numpy) and need not have twitterbot.
"""

import sys

import torch
from rounds import Shape, answer
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def normalize(x: Tensor) -> Tensor:
    """RMS norm without gains."""
    return F.rms_norm(x, (x.shape[-1],), eps=1e-6)


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotary positions for `x` (B, H, T, size)."""
    left, right = x.chunk(2, dim=-1)
    turned = [left * cosines - right * sines, left * sines + right * cosines]
    return torch.cat(turned, dim=-1).to(x.dtype)


class Block(nn.Module):
    """Attention, then a feed-forward network four times as wide."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.attention_out = nn.Linear(shape.width, shape.width, bias=False)
        self.up = nn.Linear(shape.width, 4 * shape.width, bias=False)
        self.down = nn.Linear(4 * shape.width, shape.width, bias=False)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        """(B, T, D) to the same."""
        x = x + self.attention_out(self.attend(normalize(x), cosines, sines))
        return x + self.down(F.relu(self.up(normalize(x))).square())

    def attend(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        """(B, T, D) to the same, before the output matrix."""
        batch, length, width = x.shape
        split = self.query_key_value(x).view(batch, length, 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        query = rotate(normalize(query), cosines, sines)
        key = rotate(normalize(key), cosines, sines)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return mixed.transpose(1, 2).reshape(batch, length, width)


class Reference(nn.Module):
    """Windows (B, T + 1) to the mean loss of their next tokens, in nats."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary_size, shape.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        half = shape.head_size // 2
        frequencies = 10000.0 ** (-torch.arange(half) / half)
        angles = torch.arange(shape.context)[:, None] * frequencies
        self.register_buffer("cosines", angles.cos())
        self.register_buffer("sines", angles.sin())

    def forward(self, windows: Tensor) -> Tensor:
        """The training loss."""
        x = normalize(self.embedding(windows[:, :-1]))
        for block in self.blocks:
            x = block(x, self.cosines, self.sines)
        logits = F.linear(normalize(x), self.embedding.weight)
        return F.cross_entropy(logits.flatten(0, 1).float(), windows[:, 1:].flatten())


def main() -> None:
    """The worker."""
    shape = Shape.from_json(sys.argv[1])
    torch.manual_seed(0)
    model = Reference(shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1, fused=True)
    loss_of = torch.compile(model)
    windows = torch.randint(shape.vocabulary_size, (shape.batch, shape.context + 1))

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(windows)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    answer(
        {
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "library": f"torch {torch.__version__}",
            "threads": torch.get_num_threads(),
        },
        step,
    )


if __name__ == "__main__":
    main()
