"""Numbers from a step's own rule, by the chain rule, where no formula gives them.

The gradient that a step gives is linear in the gradient `g` that it gets: dL/dx[i] = sum over k of g[k] * dy[k]/dx[i]. The
derivative of the rule by g is this row of the Jacobian: it says which elements of g an element came from, and how much of each.
Of an operation that is linear itself (a slice, a sum, a convolution), the rule says in the same way what its value is made of.
"""
from __future__ import annotations

from typing import Any

from tinygrad_c.autograd import enable_grad
from tinygrad_c.explain.formula import TERMS, operand, sum_of, unravel
from tinygrad_c.explain.graph import PACKAGE, Step, call_rule, differentiate
from tinygrad_c.explain.numbers import shortest
from tinygrad_c.explain.rules import LINEAR, PRODUCTS, base
from tinygrad_c.ops.create.create import full

MOST = 50_000           # elements of a tensor that is looked into


def callable_again(step: Step) -> bool:
    """Whether its rule may be called again: the backward of a function of the program might print or count."""
    if step.freed or step.shape is None:
        return False
    return step.function is None or step.function.__module__.partition(".")[0] == PACKAGE


def gradient_numbers(step: Step, i: int, at: tuple[int, ...]) -> str | None:
    """Element `at` of the gradient that goes to input i, made of elements of g; None if that cannot be told."""
    g, given = step.gradient, step.given[i]
    if not callable_again(step) or max(g.numel(), given.numel()) > MOST:
        return None
    own = g.clone().requires_grad_()
    made = call_rule(step, own)
    if i >= len(made) or made[i] is None or tuple(made[i].shape) != tuple(given.shape):
        return None
    row = differentiate(made[i], own, unit(given, at))
    if row is None:
        return "0" if given[at].item() == 0 else None
    return terms([("g", row, g)], given[at].item())


def value_numbers(step: Step, names: list[str], at: tuple[int, ...]) -> str | None:
    """Element `at` of a linear operation's value, made of elements of its inputs."""
    which = linear_inputs(step)
    if not which or step.value is None or not callable_again(step) or step.value.numel() > MOST:
        return None
    made = call_rule(step, unit(step.value, at))
    if not made:
        return None
    parts = [(names[i], made[i].detach(), step.operands[i]) for i in which if made[i] is not None]
    if any(each is None or each.numel() > MOST for _, _, each in parts):
        return None
    return terms(parts, step.value[at].item())


def linear_value(step: Step) -> Any:
    """The value of a linear operation from its inputs; None if they are not known."""
    which = linear_inputs(step)
    if not which or not callable_again(step) or any(step.operands[i] is None for i in which):
        return None
    g = full(step.shape, 0.0, dtype=step.operands[which[0]].dtype).requires_grad_()
    made = call_rule(step, g)
    if not made or any(made[i] is None or made[i].shape != step.operands[i].shape for i in which):
        return None
    with enable_grad():
        total = sum((made[i] * step.operands[i]).sum() for i in which)
    value = differentiate(total, g)
    return None if value is None else value.detach()


def unit(like: Any, at: tuple[int, ...]) -> Any:
    """Zeros, and 1 at a place."""
    out = full(like.shape, 0.0, dtype=like.dtype)
    out[at] = 1
    return out


def linear_inputs(step: Step) -> tuple[int, ...]:
    """The inputs in which the operation is linear together, if all of them are in the graph; () if there are none such."""
    name = step.function.__name__ if step.function is not None else base(step.own_rule)
    which = LINEAR.get(name)
    if which is None or step.row is not None:
        return ()
    which = which or tuple(range(len(step.inputs)))
    if name in PRODUCTS:
        which = which[:max(len(step.inputs) - 1, 1)]
        if step.inputs[0] is None:          # of a constant and a weight: linear in the weight
            which = (1, *which[1:])
    return which if all(i < len(step.inputs) and step.inputs[i] is not None for i in which) else ()


def terms(parts: list[tuple[str, Any, Any]], total: float) -> str | None:
    """The sum of coefficient * element over all parts (name, coefficients, elements), if it gives the total."""
    found: list[tuple[str, float, float]] = []
    for name, coefficients, elements in parts:
        flat, values = coefficients.reshape(-1), elements.reshape(-1)
        for k in flat.nonzero().reshape(-1).tolist():
            found.append((element_name(name, k, tuple(elements.shape)), flat[k].item(), values[k].item()))
    reached = sum(c * x for _, c, x in found)
    size = sum(abs(c * x) for _, c, x in found)
    if not (abs(reached - total) <= 1e-4 * max(size, 1e-30) or (reached != reached and total != total)):
        return None
    if not found:
        return "0"
    if len(found) == 1 and found[0][1] == 1:
        return found[0][0]
    shown = found if len(found) <= TERMS else ([each for each in found if each[1] * each[2]] or found)[:TERMS]
    dtype = str(parts[0][2].dtype).rpartition(".")[2]
    texts = [operand(shortest(x, dtype)) if c == 1 else f"{operand(shortest(c, dtype))} * {operand(shortest(x, dtype))}"
             for _, c, x in shown]
    return sum_of(texts, len(found))


def element_name(name: str, k: int, shape: tuple[int, ...]) -> str:
    """x[1, 2]: element k in the order of memory."""
    return f"{name}[{', '.join(map(str, unravel(k, shape)))}]" if shape else name
