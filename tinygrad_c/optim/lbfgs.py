"""LBFGS: a quasi-Newton method, for small problems and full-batch losses."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import enable_grad, no_grad
from tinygrad_c.ops.create.create import zeros_like
from tinygrad_c.ops.shape.shape import cat
from tinygrad_c.optim.optimizer import Optimizer, check_lr

Point = tuple[float, float, Tensor, float]      # step length t, loss, gradient, slope along the direction


class LBFGS(Optimizer):
    """Limited-memory Broyden-Fletcher-Goldfarb-Shanno. Nocedal & Wright, Numerical Optimization, 2nd ed., chapters 3 and 7.

    step(closure) makes up to max_iter iterations. The closure clears the gradients, computes the loss, calls backward and
    returns the loss. line_search_fn: None takes steps of length lr, 'strong_wolfe' searches for the length.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - 3) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(closure)
    >>> w.data
    tensor([3.0000, 3.0000])
    """

    _step_count = 0

    def __init__(self, params: Iterable[Any], lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
                 line_search_fn: str | None = None) -> None:
        check_lr(lr)
        if line_search_fn not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        super().__init__(params, dict(
            lr=lr, max_iter=max_iter, max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change, history_size=history_size,
            line_search_fn=line_search_fn))
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any]) -> Any:      # type: ignore[override]
        self._step_count += 1
        with no_grad():
            return self._step(closure)

    def _step(self, closure: Callable[[], Any]) -> Any:
        group, params = self.param_groups[0], self.param_groups[0]["params"]
        state = self.state[params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        evaluations = 0

        def evaluate() -> tuple[float, Tensor]:
            nonlocal evaluations
            evaluations += 1
            state["func_evals"] += 1
            with enable_grad():
                value = float(closure())
            return value, _flat_gradient(params)

        with enable_grad():
            first = closure()
        evaluations += 1
        state["func_evals"] += 1
        loss, gradient = float(first), _flat_gradient(params)
        if _largest(gradient) <= group["tolerance_grad"]:
            return first
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(state, gradient, group["history_size"])
            state["prev_flat_grad"], state["prev_loss"] = gradient.clone(), loss
            start_rate = min(1.0, 1.0 / gradient.abs().sum().item()) if state["n_iter"] == 1 else 1.0
            t = start_rate * group["lr"]
            state["d"], state["t"] = direction, t
            slope = _dot(gradient, direction)
            if slope > -group["tolerance_change"]:
                break
            before = loss
            if group["line_search_fn"] == "strong_wolfe":
                start = [parameter.clone() for parameter in params]

                def along(t: float, start: list[Tensor] = start, direction: Tensor = direction) -> Point:
                    for parameter, value in zip(params, start):
                        parameter.copy_(value)
                    _move(params, direction, t)
                    value, g = evaluate()
                    return t, value, g, _dot(g, direction)
                t, loss, gradient, _ = strong_wolfe(along, (0.0, loss, gradient, slope), t, _largest(direction))
                for parameter, value in zip(params, start):
                    parameter.copy_(value)
                _move(params, direction, t)
            else:
                _move(params, direction, t)
                if iteration != group["max_iter"]:
                    loss, gradient = evaluate()
            state["t"] = t
            if (evaluations >= group["max_eval"] or _largest(gradient) <= group["tolerance_grad"]
                    or _largest(direction * t) <= group["tolerance_change"]
                    or abs(loss - before) < group["tolerance_change"]):
                break
        return first

    def _direction(self, state: dict[str, Any], gradient: Tensor, history_size: int) -> Tensor:
        """-H g, H the inverse Hessian approximated from the last steps s and gradient differences y."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -gradient
        y, s = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = _dot(y, s)
        if curvature > 1e-10:
            for name, new in (("old_dirs", y), ("old_stps", s), ("ro", 1 / curvature)):
                state[name] = [*state[name], new][-history_size:]
            state["H_diag"] = curvature / _dot(y, y)
        pairs = list(zip(state["old_stps"], state["old_dirs"], state["ro"]))
        q, shares = -gradient, []
        for s, y, rho in reversed(pairs):
            share = _dot(s, q) * rho
            shares.insert(0, share)
            q = q - y * share
        q = q * state["H_diag"]
        for (s, y, rho), share in zip(pairs, shares):
            q = q + s * (share - _dot(y, q) * rho)
        state["al"] = shares
        return q


def _flat_gradient(params: list[Tensor]) -> Tensor:
    return cat([(zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in params])


def _move(params: list[Tensor], direction: Tensor, t: float) -> None:
    start = 0
    for parameter in params:
        parameter.add_(direction[start:start + parameter.numel()].reshape(parameter.shape) * t)
        start += parameter.numel()


def _dot(a: Tensor, b: Tensor) -> float:
    return (a * b).sum().item()


def _largest(a: Tensor) -> float:
    return a.abs().max().item()


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """The minimum, within bounds, of the cubic that has both points' losses and slopes (Nocedal & Wright, 3.59)."""
    low, high = bounds or (min(a[0], b[0]), max(a[0], b[0]))
    d1 = a[3] + b[3] - 3 * (a[1] - b[1]) / (a[0] - b[0])
    square = d1 * d1 - a[3] * b[3]
    if square < 0:
        return (low + high) / 2
    left, right = (a, b) if a[0] <= b[0] else (b, a)
    d2 = math.sqrt(square)
    t = right[0] - (right[0] - left[0]) * (right[3] + d2 - d1) / (right[3] - left[3] + 2 * d2)
    return min(max(t, low), high)


def strong_wolfe(along: Callable[[float], Point], start: Point, t: float, size: float, c1: float = 1e-4, c2: float = 0.9,
                 tolerance: float = 1e-9, max_tries: int = 25) -> Point:
    """A point that satisfies the strong Wolfe conditions: loss <= loss_0 + c1 t slope_0, and |slope| <= c2 |slope_0|.

    First increases t until a bracket contains such a point, then shrinks it by cubics. Nocedal & Wright, algorithms 3.5, 3.6.
    """
    def falls_short(point: Point) -> bool:
        return point[1] > start[1] + c1 * point[0] * start[3]

    previous, point, tries = start, along(t), 0
    while True:
        if falls_short(point) or (tries > 1 and point[1] >= previous[1]):
            bracket = [previous, point]
            break
        if abs(point[3]) <= -c2 * start[3]:
            return point
        if point[3] >= 0:
            bracket = [previous, point]
            break
        if tries == max_tries:
            bracket = [start, point]
            break
        bounds = (point[0] + 0.01 * (point[0] - previous[0]), point[0] * 10)
        previous, point = point, along(cubic_minimum(previous, point, bounds))
        tries += 1

    stalled = False
    low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
    while tries < max_tries:
        width = abs(bracket[1][0] - bracket[0][0])
        if width * size < tolerance:
            break
        t = cubic_minimum(bracket[0], bracket[1])
        left, right = sorted((bracket[0][0], bracket[1][0]))
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:       # too close to an end: accept once, then move away
            if stalled or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        point = along(t)
        tries += 1
        if falls_short(point) or point[1] >= bracket[low][1]:
            bracket[high] = point
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(point[3]) <= -c2 * start[3]:
                return point
            if point[3] * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    return bracket[low]
