"""Muon: orthogonalized momentum, for the hidden weight matrices of a net."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import zeros_like
from tinygrad_c.optim.each import EachOptimizer


class Muon(EachOptimizer):
    """p <- (1 - lr * weight_decay) p - lr * ratio * O, O approximately U V^T of the momentum U S V^T.

    O comes from ns_steps Newton-Schulz steps X <- a X + (b X X^T + c (X X^T)^2) X, with numbers rounded to bfloat16's
    8 significant bits, as torch computes them. ratio: sqrt(max(1, rows / columns)), or with adjust_lr_fn="match_rms_adamw"
    0.2 sqrt(max(rows, columns)). Only for matrices: use AdamW for biases and for the first and last layer. Jordan 2024.

    >>> w = tensor([[1., 0.], [0., -2.]], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Muon([w], lr=0.1).step()
    >>> w.data
    tensor([[ 0.8783,  0.0000],
            [ 0.0000, -1.9109]])
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
                 eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported: use None, 'original' or "
                             "'match_rms_adamw'")
        if ns_steps >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(ns_coefficients) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
                                      ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn))
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}. "
                                     "Use another optimizer for it, such as AdamW")

    _counts = False

    def _gradient(self, p: Tensor, group: dict[str, Any]) -> Tensor:
        return p.grad

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = zeros_like(g)
        momentum, lr = group["momentum"], float(group["lr"])
        mean = state["momentum_buffer"].lerp_(g, 1 - momentum)
        u = orthogonal(g.lerp(mean, momentum) if group["nesterov"] else mean, group["ns_coefficients"], group["ns_steps"],
                       group["eps"])
        rows, columns = p.shape
        ratio = 0.2 * max(rows, columns) ** 0.5 if group["adjust_lr_fn"] == "match_rms_adamw" else max(1, rows / columns) ** 0.5
        p.mul_(1 - lr * group["weight_decay"])
        p.sub_(u.to(p.dtype) * (lr * ratio))


def orthogonal(g: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """g with all singular values close to 1, in float32."""
    a, b, c = coefficients
    x = eight_bits(g.float())
    if g.shape[0] > g.shape[1]:
        x = x.T
    x = eight_bits(x / eight_bits(x.norm()).clamp(min=eps))
    for _ in range(steps):
        gram = eight_bits(x @ x.T)
        x = eight_bits(x * a + eight_bits(gram * b + gram @ gram * c) @ x)
    return x.T if g.shape[0] > g.shape[1] else x


def eight_bits(x: Tensor) -> Tensor:
    """Round float32 to bfloat16's 8 significant bits, by Veltkamp's splitting with 2^16 + 1."""
    big = x * 65537.0
    return big - (big - x)
