"""An autoencoder of the digits: 64 pixels compressed to 3 numbers and back, compared with PCA, the best linear map."""
from __future__ import annotations

from pathlib import Path

from digits_data import digits
from pictures import out_folder, save_panels

import tinygrad_c as torch
import tinygrad_c.nn as nn


class Autoencoder(nn.Module):
    """(N, 64) to (N, 64) through a bottleneck of `neck` numbers."""

    def __init__(self, neck: int = 3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, neck))
        self.decoder = nn.Sequential(nn.Linear(neck, 64), nn.SiLU(), nn.Linear(64, 64))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def train(model, x, epochs: int, batch: int = 128) -> list[float]:
    """Returns the mean squared error of each epoch. The learning rate follows a cosine schedule."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    criterion = nn.MSELoss()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in x.split(batch):
            optimizer.zero_grad()
            loss = criterion(model(rows), rows)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        scheduler.step()
        losses.append(total / len(x))
    return losses


def linear_error(x, neck: int, rounds: int = 60) -> float:
    """The mean squared error of the projection on the `neck` principal directions, found by power iteration."""
    centred = x - x.mean(0)
    directions = torch.randn(64, neck)
    for _ in range(rounds):
        directions = centred.t() @ (centred @ directions)
        for i in range(neck):                           # Gram-Schmidt
            for j in range(i):
                directions[:, i] -= (directions[:, i] @ directions[:, j]) * directions[:, j]
            directions[:, i] /= directions[:, i].norm()
    return ((centred - centred @ directions @ directions.t()) ** 2).mean().item()


def main() -> dict:
    torch.manual_seed(0)
    x = torch.tensor(digits()[0])
    model = Autoencoder()
    losses = train(model, x, epochs=60)
    with torch.no_grad():
        error = ((model(x) - x) ** 2).mean().item()
        necks = model.encoder(x).tolist()
    best_linear = linear_error(x, 3)
    for epoch in (0, 10, 59):
        print(f"epoch {epoch:2}: mean squared error {losses[epoch]:.4f}")
    print(f"error with 3 numbers, all images: {error:.4f}; with the best linear map: {best_linear:.4f}")
    return {"losses": losses, "error": error, "linear": best_linear, "necks": necks, "labels": list(digits()[1])}


def draw(found: dict, out: Path) -> None:
    """The first two numbers of the bottleneck, each image as its digit, and the loss."""
    points = {}
    for digit in range(10):
        own = [neck for neck, label in zip(found["necks"], found["labels"]) if label == digit][:60]
        points[str(digit)] = [neck[0] for neck in own], [neck[1] for neck in own], f"${digit}$"
    save_panels(out / "12_autoencoder.png", {
        "title": "the images, as two of the three numbers", "xlabel": "first number", "ylabel": "second number",
        "lines": points},
        {"title": "mean squared error", "xlabel": "epoch", "ylabel": "error", "log": True, "whole": True, "lines": {
            "autoencoder, 3 numbers": (range(1, len(found["losses"]) + 1), found["losses"]),
            "best linear map": ((1, len(found["losses"])), (found["linear"],) * 2)}})


if __name__ == "__main__":
    folder = out_folder(__doc__)
    draw(main(), folder)
