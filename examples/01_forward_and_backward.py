"""One weight, one bias: what a forward pass, a backward pass and a step do, and why gradients must be zeroed.

The forward pass computes the loss and records the operations. loss.backward() runs through them in reverse and stores
dloss/dw in w.grad. A step changes w in the direction of the negative gradient.
"""
from __future__ import annotations

from pathlib import Path

from pictures import out_folder, save_panels

import tinygrad_c as torch


def learn(lr: float, steps: int) -> list[dict[str, float]]:
    """Gradient descent on (w*x + b - target)^2 from w = 2, b = 1, for x = 3, target = 8: the values of each step."""
    w = torch.tensor(2.0, requires_grad=True)
    b = torch.tensor(1.0, requires_grad=True)
    x, target = torch.tensor(3.0), torch.tensor(8.0)
    seen = []
    for _ in range(steps):
        prediction = w * x + b                    # forward
        loss = (prediction - target) ** 2
        loss.backward()                           # dloss/dw = 2 (prediction - target) x,  dloss/db = 2 (prediction - target)
        seen.append({"prediction": prediction.item(), "loss": loss.item(), "dw": w.grad.item(), "db": b.grad.item()})
        with torch.no_grad():                     # the update is not recorded
            w -= lr * w.grad
            b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    return seen


def no_forward_no_backward() -> str:
    """The error of a backward pass without a recorded forward pass."""
    loss = torch.tensor(1.0)
    try:
        loss.backward()
    except RuntimeError as error:
        return str(error)
    raise AssertionError("backward() did not raise without a forward pass")


def only_what_asks() -> tuple[float, object]:
    """Gradients of (w*x - 8)^2 at w = 2, x = 3: w requires grad, x does not."""
    w = torch.tensor(2.0, requires_grad=True)
    x = torch.tensor(3.0)
    loss = (w * x - 8) ** 2
    loss.backward()
    return w.grad.item(), x.grad


def twice(zero: bool) -> list[float]:
    """w.grad after each of two backward passes through (3w - 5)^2 at w = 2, zeroed in between or not."""
    w = torch.tensor(2.0, requires_grad=True)
    seen = []
    for _ in range(2):
        if zero and w.grad is not None:
            w.grad.zero_()
        loss = (w * 3 - 5) ** 2
        loss.backward()
        seen.append(w.grad.item())
    return seen


def main(out: Path = Path(".")) -> dict:
    # At lr = 0.1 each step overshoots the target by the same distance: prediction 7, 9, 7, loss 1, 1, 1, dw -6, 6, -6,
    # db -2, 2, -2. The loss has curvature 2 (x^2 + 1) = 20 along its gradient, so the error decreases only for lr < 0.1.
    # At lr = 0.02 each step multiplies the error by 1 - 20 lr = 0.6: prediction 7, 7.4, 7.64, loss 1, 0.36, 0.1296.
    runs = {lr: learn(lr, steps=3) for lr in (0.1, 0.02)}
    for lr, steps in runs.items():
        print(f"lr = {lr}")
        for number, step in enumerate(steps, 1):
            print(f"  step {number}: " + ", ".join(f"{name} {value:.4f}" for name, value in step.items()))

    message = no_forward_no_backward()
    print(f"\nbackward without forward: {message.splitlines()[0]}")

    dw, dx = only_what_asks()                     # 2 (6 - 8) * 3 = -12, and None: x does not require grad
    print(f"\nw.grad {dw:.0f}, x.grad {dx}")

    kept, zeroed = twice(zero=False), twice(zero=True)    # 2 (6 - 5) * 3 = 6 each time: 6, 12 added up; 6, 6 zeroed
    print(f"gradients of two passes: {kept} when not zeroed, {zeroed} when zeroed")

    curves = {f"lr = {lr}": (range(1, 21), [step["loss"] for step in learn(lr, 20)]) for lr in (0.1, 0.02)}
    save_panels(out / "01_forward_and_backward.png", {
        "title": "a large learning rate does not converge", "xlabel": "step", "ylabel": "loss", "log": True, "lines": curves})
    return {"runs": runs, "message": message, "dw": dw, "dx": dx, "kept": kept, "zeroed": zeroed}


if __name__ == "__main__":
    main(out_folder(__doc__))
