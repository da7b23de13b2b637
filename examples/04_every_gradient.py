"""Every parameter of a small net with its gradient, and what the number means: Linear(1, 2), ReLU, Linear(2, 1).

A gradient is a slope: if a weight changes by a small amount, the loss changes by this amount times the gradient.
"""
from __future__ import annotations

import tinygrad_c as torch
import tinygrad_c.nn as nn
import tinygrad_c.optim as optim


def make_data():
    """Ten points of y = 2x + 3 with noise of 0.1; x from -1 to 1, both of shape (10, 1)."""
    x = torch.unsqueeze(torch.linspace(-1, 1, 10), dim=1)
    return x, 2 * x + 3 + 0.1 * torch.randn(x.size())


def gradients(model, x, y) -> tuple[float, dict]:
    """The loss, and dloss/dparameter by the parameter's name."""
    model.zero_grad()
    loss = nn.MSELoss()(model(x), y)
    loss.backward()
    return loss.item(), {name: parameter.grad for name, parameter in model.named_parameters()}


def slope(model, x, y, parameter, index, nudge: float = 1e-3) -> float:
    """dloss/dparameter[index] from two more forward passes: (loss(w + nudge) - loss(w - nudge)) / (2 nudge)."""
    with torch.no_grad():
        kept = parameter[index].item()
        losses = []
        for value in (kept + nudge, kept - nudge):
            parameter[index] = value
            losses.append(nn.MSELoss()(model(x), y).item())
        parameter[index] = kept
    return (losses[0] - losses[1]) / (2 * nudge)


def main() -> dict:
    torch.manual_seed(0)
    x, y = make_data()
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))

    loss, found = gradients(model, x, y)
    print(f"loss {loss:.4f}\n")
    for name, parameter in model.named_parameters():      # 0.weight (2, 1), 0.bias (2,), 2.weight (1, 2), 2.bias (1,)
        print(f"{name}\n  value    {parameter.data}\n  gradient {found[name]}")

    # The last bias changes every prediction by the same amount, so its gradient is twice the mean error.
    error = 2 * (model(x) - y).mean().item()
    nudged = slope(model, x, y, model[2].bias, 0)
    print(f"\n2.bias: gradient {found['2.bias'].item():.4f}, twice the mean error {error:.4f}, by differences {nudged:.4f}")

    optim.SGD(model.parameters(), lr=0.1).step()
    after = nn.MSELoss()(model(x), y).item()
    print(f"one step of SGD at lr 0.1: loss {loss:.4f} -> {after:.4f}")
    return {"loss": loss, "gradients": found, "error": error, "nudged": nudged, "after": after}


if __name__ == "__main__":
    main()
