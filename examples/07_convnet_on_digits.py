"""A small convolutional net for handwritten digits: two convolutions with batch norm, pooling, one linear layer."""
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
    """The first 1,400 images for training, the other 397 for testing."""
    pictures, labels = digits()
    x, y = torch.tensor(pictures).reshape(-1, 1, 8, 8), torch.tensor(labels)
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def train(model, x, y, epochs: int, batch: int = 50) -> list[float]:
    """Returns the mean loss of each epoch. The batches are in the order of the data."""
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
    """The fraction of images that are classified correctly."""
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
    print(f"accuracy on {len(unknown[1])} test images: {right:.3f}")
    with torch.no_grad():
        predicted = model(unknown[0]).argmax(1)
    wrong = (predicted != unknown[1]).nonzero().reshape(-1).tolist()
    test = {"images": unknown[0].reshape(-1, 8, 8), "labels": unknown[1].tolist(), "predicted": predicted.tolist(),
            "wrong": wrong}
    return {"test": test, "losses": losses, "accuracy": right, "parameters": sum(p.numel() for p in model.parameters())}


def draw(found: dict, out: Path) -> None:
    """Test images that were classified correctly, and those that were not."""
    test = found["test"]
    correct = [i for i in range(len(test["labels"])) if i not in test["wrong"]][:8]
    wrong = test["wrong"][:8]
    shown = ", ".join(str(test["predicted"][i]) for i in wrong)
    title = f"accuracy {found['accuracy']:.1%}; the wrong ones were classified as {shown or 'none'}"
    save_images(out / "07_convnet_on_digits.png", title, {
        "correct": [test["images"][i].tolist() for i in correct], "wrong": [test["images"][i].tolist() for i in wrong]})


if __name__ == "__main__":
    folder = out_folder(__doc__)
    draw(main(), folder)
