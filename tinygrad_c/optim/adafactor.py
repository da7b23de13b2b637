"""Adafactor: Adam with factored second moments, one row and one column per matrix."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import zeros_
from tinygrad_c.optim.each import EachOptimizer

EPSILON = {"float32": 2.0 ** -23, "float64": 2.0 ** -52}


class Adafactor(EachOptimizer):
    """p <- p - a * u / max(1, rms(u) / d), u = g / sqrt(v), a = max(eps[1], rms(p)) * min(lr, 1 / sqrt(step)).

    v is a running mean of g^2, in which the new value has weight step^beta2_decay. For a matrix only the means over rows and
    over columns are stored: v is their outer product, divided by the mean of the first. Shazeer & Stern 2018.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adafactor([w]).step()
    >>> w.data
    tensor([ 0.9842, -1.9842])
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, beta2_decay: float = -0.8,
                 eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
                 foreach: bool | None = None, maximize: bool = False) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for right, message in (
                (lr >= 0, f"Learning rate should be >= 0 but is: {lr}"),
                (beta2_decay <= 0, f"beta2_decay should be <= 0 but is: {beta2_decay}"),
                (eps[0] is None or eps[0] >= 0, f"epsilon1 should be >= 0 but is: {eps[0]}"),
                (eps[1] >= 0, f"epsilon2 should be >= 0 but is: {eps[1]}"),
                (d >= 1, f"Clipping threshold d should be >= 1 but is: {d}"),
                (weight_decay >= 0, f"weight_decay should be >= 0 but is: {weight_decay}")):
            if not right:
                raise ValueError(message)
        super().__init__(params, dict(lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay, foreach=foreach,
                                      maximize=maximize))

    def _gradient(self, p: Tensor, group: dict[str, Any]) -> Tensor:
        return -p.grad if group["maximize"] else p.grad

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        step, lr, weight = state["step"], float(group["lr"]), float(state["step"]) ** group["beta2_decay"]
        small = EPSILON[p.dtype.name] if group["eps"][0] is None else group["eps"][0]
        size = max(group["eps"][1], p.norm().item() / p.numel() ** 0.5) * min(lr, step ** -0.5)
        if group["weight_decay"]:
            p.mul_(1 - lr * group["weight_decay"])
        if g.ndim > 1:
            if "row_var" not in state:
                state["row_var"] = zeros_(*g.shape[:-1], 1, dtype=g.dtype)
                state["col_var"] = zeros_(*g.shape[:-2], 1, g.shape[-1], dtype=g.dtype)
            rows, columns, squares = state["row_var"], state["col_var"], g * g
            rows.lerp_(squares.mean(-1, keepdim=True), weight)
            columns.lerp_(squares.mean(-2, keepdim=True), weight)
            v = rows @ columns / rows.mean(-2, keepdim=True).clamp(min=small)
        else:
            if "variance" not in state:
                state["variance"] = zeros_(*g.shape, dtype=g.dtype)
            v = state["variance"].lerp_(g * g, weight)
        u = g * v.clamp(min=small * small).rsqrt()
        p.sub_(u * (size / max(1.0, u.norm().item() / (u.numel() ** 0.5 * group["d"]))))
