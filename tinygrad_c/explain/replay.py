"""After backward() the saved values are gone. If the program's variables still hold what went in, the pass is computed again
from the formulas, and it counts only if the result is the one that the program had."""
from __future__ import annotations

from typing import Any

from tinygrad_c.explain.graph import Graph, Leaf, Step
from tinygrad_c.explain.values import again, compute, parameters, rules_of, same, sum_to
from tinygrad_c.ops.create.create import ones_like


def run_formulas(graph: Graph, gradient: Any) -> bool:
    """Set the gradients of all steps and leaves by the formulas; False, and nothing is set, if that cannot be done."""
    last = graph.last
    if not isinstance(last, Step):
        return False
    for step in graph.steps:            # each value again: a variable that was changed since is found out here
        value = again(step)
        if value is None or step.value is None or not same(value, step.value):
            return False
    sums: dict[Step | Leaf, Any] = {last: ones_like(graph.root.detach()) if gradient is None else gradient}
    given: dict[Step, list[Any]] = {}
    for step in reversed(graph.steps):
        if step not in sums:
            continue
        g = sums[step]
        given[step] = made = gradients(step, g)
        for into, each in zip(step.inputs, made):
            if into is None:
                continue
            if each is None:
                return False
            sums[into] = each if into not in sums else sums[into] + each
    for step, made in given.items():
        step.gradient, step.given = sums[step], made
    for leaf in graph.leaves:
        leaf.gradient = sums.get(leaf)
    return True


def gradients(step: Step, g: Any) -> list[Any]:
    """dL/d(input) for each input, by the step's formulas; None where there is no formula that can be computed."""
    forms = [(step.row.inputs, step.row.y, step.row.derivatives)] if step.row is not None else \
        [(each.inputs, each.y, each.derivatives) for each in rules_of(step)]
    for inputs, y, derivatives in forms:
        env = {**parameters(step), **{name: value for name, value in zip(inputs, step.operands) if value is not None},
               "y": step.value, "g": g}
        value = compute(y, env)
        if value is None or not same(value, step.value):
            continue
        made: list[Any] = []
        for i, into in enumerate(step.inputs):
            expression = derivatives[i] if i < len(derivatives) else None
            if into is None or expression is None:
                made.append(None)
                continue
            raw = compute(expression, env)
            raw = None if raw is None else sum_to(raw, into.shape)
            made.append(raw if raw is not None and tuple(raw.shape) == into.shape else None)
        return made
    return [None] * len(step.inputs)
