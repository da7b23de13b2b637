"""A transformer block written from scratch: causal attention that learns to repeat the first half of a sequence."""
from __future__ import annotations

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.nn.functional as F

SYMBOLS, HALF, SIZE = 8, 6, 32


class Block(nn.Module):
    """x + attention(norm(x)), then x + net(norm(x)): (B, T, SIZE) to (B, T, SIZE)."""

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(size)
        self.attention = nn.MultiheadAttention(size, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(size)
        self.net = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def forward(self, x, mask):
        seen = self.norm1(x)
        attended, weights = self.attention(seen, seen, seen, attn_mask=mask)
        x = x + attended
        return x + self.net(self.norm2(x)), weights


class Repeater(nn.Module):
    """Symbols (B, T) to the logits of the next symbol (B, T, SYMBOLS), and the attention weights (B, T, T)."""

    def __init__(self):
        super().__init__()
        self.symbols = nn.Embedding(SYMBOLS, SIZE)
        self.places = nn.Embedding(2 * HALF, SIZE)
        self.block = Block(SIZE, heads=2)
        self.norm = nn.LayerNorm(SIZE)
        self.head = nn.Linear(SIZE, SYMBOLS, bias=False)

    def forward(self, x):
        length = x.shape[1]
        later = torch.ones(length, length).tril() == 0              # True where attention is not allowed
        x, weights = self.block(self.symbols(x) + self.places(torch.arange(length)), later)
        return self.head(self.norm(x)), weights


def make_data(batch: int = 64):
    """Sequences (B, 2 HALF). The second half repeats the first."""
    half = torch.randint(0, SYMBOLS, (batch, HALF))
    return torch.cat([half, half], dim=1)


def train(model, batches) -> list[float]:
    """Returns the loss of each step, on the symbols of the second half."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
    losses = []
    for x in batches:
        scores, _ = model(x[:, :-1])
        loss = F.cross_entropy(scores[:, HALF - 1:].transpose(1, 2), x[:, HALF:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main() -> dict:
    torch.manual_seed(0)
    model = Repeater()
    losses = train(model, [make_data() for _ in range(150)])
    for step in (0, 50, 100, 149):
        print(f"step {step:3}: loss {losses[step]:.4f}")
    x = make_data(200)
    with torch.no_grad():
        scores, weights = model(x[:, :-1])
    right = (scores[:, HALF - 1:].argmax(-1) == x[:, HALF:]).float().mean().item()
    look = weights[:, HALF:].mean(0).argmax(-1)         # position t should attend to t - HALF + 1
    print(f"repeated correctly: {right:.3f}; positions {list(range(HALF, 2 * HALF - 1))} attend to {look.tolist()}")
    return {"losses": losses, "right": right, "look": look.tolist()}


if __name__ == "__main__":
    main()
