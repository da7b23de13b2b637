"""A variational autoencoder of the digits: an image is encoded as a normal distribution of four latent variables."""
from __future__ import annotations

from pathlib import Path

from digits_data import digits
from pictures import out_folder, save_images

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.nn.functional as F

HIDDEN, LATENT = 48, 4


class VAE(nn.Module):
    """(N, 64) to the reconstructed image (as logits), and the mean and log-variance of its latent variables (N, LATENT)."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU())
        self.mean = nn.Linear(HIDDEN, LATENT)
        self.log_variance = nn.Linear(HIDDEN, LATENT)
        self.decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 64))

    def forward(self, x, noise):
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * noise            # a sample: gradients go through mean and log_variance
        return self.decoder(z), mean, log_variance


def loss_of(logits, x, mean, log_variance):
    """(reconstruction, divergence), in nats per image: Kingma & Welling 2013."""
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return reconstruction / len(x), divergence / len(x)


def train(model, x, noise, batch: int = 100) -> list[tuple[float, float]]:
    """Returns the two parts of the loss at each step. noise is (steps, batch, LATENT)."""
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for step, each in enumerate(noise):
        rows = x[step * batch % 1700:][:batch]
        optimizer.zero_grad()
        logits, mean, log_variance = model(rows, each[:len(rows)])
        reconstruction, divergence = loss_of(logits, rows, mean, log_variance)
        (reconstruction + divergence).backward()
        optimizer.step()
        losses.append((reconstruction.item(), divergence.item()))
    return losses


def draw(picture) -> str:
    """The image as eight lines of eight characters."""
    marks = " .:-=+*#%@"
    return "\n".join("".join(marks[min(int(pixel * 10), 9)] * 2 for pixel in row) for row in picture.reshape(8, 8).tolist())


def main() -> dict:
    torch.manual_seed(0)
    x = torch.tensor(digits()[0])
    model = VAE()
    losses = train(model, x, torch.randn(400, 100, LATENT))
    for step in (0, 100, 399):
        print(f"step {step:3}: reconstruction {losses[step][0]:.2f} + divergence {losses[step][1]:.2f} nats")
    with torch.no_grad():
        invented = torch.sigmoid(model.decoder(torch.randn(1, LATENT)))
        samples = torch.sigmoid(model.decoder(torch.randn(10, LATENT))).reshape(-1, 8, 8).tolist()
        again = torch.sigmoid(model(x[:10], torch.zeros(10, LATENT))[0]).reshape(-1, 8, 8).tolist()
    print("a generated digit:\n" + draw(invented))
    return {"losses": losses, "invented": invented, "samples": samples, "again": again,
            "real": x[:10].reshape(-1, 8, 8).tolist()}


def save(found: dict, out: Path) -> None:
    """Images of the data, their reconstructions, and generated images."""
    save_images(out / "10_vae.png", "a variational autoencoder of the digits", {
        "data": found["real"], "reconstructed": found["again"], "generated": found["samples"]})


if __name__ == "__main__":
    folder = out_folder(__doc__)
    save(main(), folder)
