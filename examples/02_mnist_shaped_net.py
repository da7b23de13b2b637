"""A net for 28 x 28 images of ten classes, written as a class: 784-128-64-10, trained by SGD on the mean squared error.

The images are generated here (noise with a blob, and its position is the class), so nothing is downloaded.
"""
from __future__ import annotations

from pathlib import Path

from pictures import out_folder, save_panels

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.optim as optim


class PictureNet(nn.Module):
    """(n, 28, 28) -> (n, 10): Flatten, Linear, relu, Linear, sigmoid, Linear."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()               # (n, 28, 28) -> (n, 784)
        self.hidden1 = nn.Linear(784, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.hidden1(self.flatten(x)))
        x = torch.sigmoid(self.hidden2(x))
        return self.out(x)


def make_pictures(count: int):
    """Images (count, 28, 28) with values around 0 to 1, and their classes as one-hot rows (count, 10)."""
    kinds = torch.randint(0, 10, (count,))
    pictures = 0.1 * torch.rand(count, 28, 28)
    for i, kind in enumerate(kinds.tolist()):
        top, left = 4 + 14 * (kind // 5), 1 + 5 * (kind % 5)
        pictures[i, top:top + 6, left:left + 5] += 0.8
    return pictures, (kinds.reshape(-1, 1) == torch.arange(10)).float()


def train(model, pictures, wanted, lr: float, epochs: int) -> list[float]:
    """Full-batch SGD on MSELoss: the loss of each epoch, before its step."""
    optimizer = optim.SGD(model.parameters(), lr=lr)
    loss_fn = nn.MSELoss()
    losses = []
    for _ in range(epochs):
        loss = loss_fn(model(pictures), wanted)   # forward
        optimizer.zero_grad()
        loss.backward()                           # backward
        optimizer.step()                          # update
        losses.append(loss.item())
    return losses


def main(out: Path = Path(".")) -> dict:
    torch.manual_seed(0)
    pictures, wanted = make_pictures(100)
    model = PictureNet()
    print(model)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")      # 784*128+128 + 128*64+64 + 64*10+10 = 109,386

    # After 100 epochs at lr = 0.01 the loss is near 0.09, the loss of the constant output 0.1: 0.9 * 0.1^2 + 0.1 * 0.9^2.
    # The squared error is a mean over 10 outputs, so its gradients are small: learning needs lr = 0.5 and more epochs.
    slow = train(model, pictures, wanted, lr=0.01, epochs=100)
    print(f"lr 0.01: loss {slow[0]:.4f} -> {slow[-1]:.4f} in 100 epochs")
    fast = train(model, pictures, wanted, lr=0.5, epochs=400)
    with torch.no_grad():
        right = (model(pictures).argmax(1) == wanted.argmax(1)).float().mean().item()
    print(f"lr 0.5: loss {fast[-1]:.4f} after 400 more; {right:.0%} of the images classified correctly")

    save_panels(out / "02_mnist_shaped_net.png", {
        "title": "784-128-64-10", "xlabel": "epoch", "ylabel": "loss", "log": True,
        "lines": {"lr = 0.01": (range(100), slow), "lr = 0.5": (range(100, 500), fast)}})
    return {"slow": slow, "fast": fast, "right": right}


if __name__ == "__main__":
    main(out_folder(__doc__))
