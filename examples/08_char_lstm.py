"""A net that writes: an LSTM reads a rhyme character by character and learns to predict the next one."""
from __future__ import annotations

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.nn.functional as F

TEXT = ("the cat sat on the mat and the rat ran at the cat. the cat ran at the rat and the rat sat on the hat. "
        "the man had the hat and the hat had the rat. the rat and the cat sat and the man sat on the mat.")
LETTERS = sorted(set(TEXT))
LENGTH = 24         # characters in each training window


class CharLSTM(nn.Module):
    """Character indices (T, B) to the logits of each next character (T, B, letters)."""

    def __init__(self, letters: int, size: int = 32):
        super().__init__()
        self.embedding = nn.Embedding(letters, 12)
        self.lstm = nn.LSTM(12, size)
        self.head = nn.Linear(size, letters)

    def forward(self, x, state=None):
        output, state = self.lstm(self.embedding(x), state)
        return self.head(output), state


def make_data():
    """All windows of the text as a batch: the characters (T, B) and the next characters (T, B)."""
    numbers = [LETTERS.index(letter) for letter in TEXT]
    windows = [numbers[i:i + LENGTH + 1] for i in range(0, len(numbers) - LENGTH, 3)]
    x = torch.tensor(windows).t()
    return x[:-1], x[1:]


def train(model, x, y, steps: int) -> list[float]:
    """Returns the loss of each step, in nats per character."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        scores, _ = model(x)
        loss = F.cross_entropy(scores.reshape(-1, len(LETTERS)), y.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def write(model, start: str, letters: int) -> str:
    """Continue `start`, always with the most likely character. The LSTM's state is passed from step to step."""
    model.eval()
    text, state = start, None
    with torch.no_grad():
        scores, state = model(torch.tensor([[LETTERS.index(letter)] for letter in start]))
        for _ in range(letters):
            best = scores[-1, 0].argmax().item()
            text += LETTERS[best]
            scores, state = model(torch.tensor([[best]]), state)
    return text


def main() -> dict:
    torch.manual_seed(0)
    x, y = make_data()
    model = CharLSTM(len(LETTERS))
    losses = train(model, x, y, steps=60)
    for step in (0, 10, 30, 59):
        print(f"step {step:2}: {losses[step]:.4f} nats per character")
    text = write(model, "the cat ", 40)
    print(text)
    return {"losses": losses, "text": text}


if __name__ == "__main__":
    main()
