"""A small convolutional net that reads handwritten digits: two convolutions with batch norm, pooling, one linear layer."""
from __future__ import annotations

from pathlib import Path

from digits_data import digits
from pictures import out_folder, save_images

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.nn.functional as F


class ConvNet(nn.Module):
    """(N, 1, 8, 8) to the scores of ten digits, (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(24)
        self.fc = nn.Linear(24 * 2 * 2, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)      # (N, 12, 4, 4)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)      # (N, 24, 2, 2)
        return self.fc(torch.flatten(x, 1))


def make_data():
    """The first 1,400 pictures to learn from, the other 397 to be asked about."""
    pictures, labels = digits()
    x, y = torch.tensor(pictures).reshape(-1, 1, 8, 8), torch.tensor(labels)
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def train(model, x, y, epochs: int, batch: int = 50) -> list[float]:
    """The mean loss of each epoch; batches in the order of the data."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    means = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[start:start + batch]), y[start:start + batch])
            loss.backward()
            optimizer.step()
            total += loss.item()
        means.append(total * batch / len(x))
    return means


def accuracy(model, x, y) -> float:
    """The share of pictures that are read right."""
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main() -> dict:
    torch.manual_seed(0)
    known, unknown = make_data()
    model = ConvNet()
    print(model)
    losses = train(model, *known, epochs=4)
    for epoch, loss in enumerate(losses):
        print(f"epoch {epoch}: loss {loss:.4f}")
    right = accuracy(model, *unknown)
    print(f"read right, of {len(unknown[1])} pictures never seen: {right:.3f}")
    with torch.no_grad():
        taken = model(unknown[0]).argmax(1)
    wrong = (taken != unknown[1]).nonzero().reshape(-1).tolist()
    read = {"pictures": unknown[0].reshape(-1, 8, 8), "is": unknown[1].tolist(), "taken": taken.tolist(), "wrong": wrong}
    return {"read": read, "losses": losses, "accuracy": right, "parameters": sum(p.numel() for p in model.parameters())}


def draw(found: dict, out: Path) -> None:
    """Digits that were read right, and those that were not."""
    read = found["read"]
    right = [i for i in range(len(read["is"])) if i not in read["wrong"]][:8]
    wrong = read["wrong"][:8]
    shown = ", ".join(str(read["taken"][i]) for i in wrong)
    save_images(out / "07_convnet_on_digits.png", f"{found['accuracy']:.1%} read right; the wrong ones as {shown or 'none'}", {
        "right": [read["pictures"][i].tolist() for i in right], "wrong": [read["pictures"][i].tolist() for i in wrong]})


if __name__ == "__main__":
    folder = out_folder(__doc__)
    draw(main(), folder)
