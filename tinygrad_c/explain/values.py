"""What each step computed: from the program's variables, from what was saved for backward, or computed again."""
from __future__ import annotations

import ast
from functools import lru_cache
from importlib import import_module
from types import CodeType
from typing import Any

from tinygrad_c.autograd import no_grad
from tinygrad_c.explain import rules
from tinygrad_c.explain.arguments import COUNT, EPS, FREEDOM, filled
from tinygrad_c.explain.chain import linear_value
from tinygrad_c.explain.formula import parsed, readable
from tinygrad_c.explain.graph import OUTPUT, PACKAGE, Graph, Leaf, Step, is_tensor
from tinygrad_c.explain.names import Names
from tinygrad_c.nn.functional import one_hot
from tinygrad_c.ops.create.create import tensor
from tinygrad_c.ops.elementwise import elementwise
from tinygrad_c.ops.elementwise.logic import allclose
from tinygrad_c.ops.reduce import softmax

SAVES_ITS_INPUTS = ("Mm", "Addmm", "Bmm", "PairLoss", "NllLoss", "Convolution")     # slot i: input i


def _normal_cdf(x: Any) -> Any:
    return 0.5 * elementwise.erfc(x * -0.7071067811865476)


def _in_annex(module: str, name: str) -> Any:
    """A function of linalg or special, which are imported when a formula names them."""
    return lambda *args: getattr(import_module(f"{PACKAGE}.{module}"), name)(*args)


FUNCTIONS: dict[str, Any] = {
    "normal_cdf": _normal_cdf, "softplus1": lambda x: elementwise.logaddexp(x, x * 0), "range": range,
    "polygamma_n": lambda x, n: elementwise.polygamma(int(n), x),
    **{name: _in_annex("linalg", name) for name in ("inv", "solve", "det", "slogdet", "pinv", "cholesky", "qr", "eigh", "lu")},
    "svd": lambda x: _in_annex("linalg", "svd")(x, False),
    **{name: _in_annex("special", name) for name in ("i0", "i1", "i0e", "i1e", "gammainc", "gammaincc")},
}


class _Space(dict):
    """The names that a formula may use: its own, then the table's functions."""

    def __missing__(self, name: str) -> Any:
        if name in FUNCTIONS:
            return FUNCTIONS[name]
        if name == "one_hot":
            classes, dtype = self["x"].shape[1], self["x"].dtype
            return lambda t: one_hot(t, classes).to(dtype)
        return getattr(softmax if "softmax" in name else elementwise, name)


@lru_cache(maxsize=1024)
def compiled(expression: str) -> CodeType:
    return compile(ast.Expression(parsed(expression)), "<formula>", "eval")


def compute(expression: str, values: dict[str, Any]) -> Any:
    """The value of a formula, or None where it cannot be computed."""
    if not readable(expression):
        return None
    try:
        with no_grad():
            found = eval(compiled(expression), {"__builtins__": {}}, _Space(values))
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return None
    return found.detach() if is_tensor(found) else None


def parameters(step: Step) -> dict[str, Any]:
    """The numbers of a step: those of its row, and `n` and `p` of a loss."""
    if step.row is not None:
        return dict(zip(step.row.params, step.floats))
    if step.own_rule == "PairLoss":
        return {"p": step.floats[0], "n": 1 / step.floats[1] if step.floats[1] else 1}
    first = step.inputs[0] if step.inputs else None
    if step.own_rule.startswith("Nll"):
        return {"n": 1 / step.floats[3] if step.floats[3] else 1, "rows": first.shape[0] if first is not None else 1}
    if step.own_rule.startswith("Mean"):
        return {"n": step.floats[COUNT]}
    if step.own_rule.startswith("Var"):
        return {"freedom": step.floats[FREEDOM]}
    return {"eps": step.floats[EPS]} if "Norm" in step.own_rule else {}


def count(shape: tuple[int, ...]) -> int:
    n = 1
    for size in shape:
        n *= size
    return n


def rules_of(step: Step) -> list[rules.Rule]:
    """The rules that a step which is no row of the table may be, with the arguments of the call in them."""
    if step.rules is None:
        function = None
        if step.function is not None and step.function.__module__.partition(".")[0] == PACKAGE:
            function = step.function.__name__
        step.rules = [each._replace(y=filled(each.y, step), derivatives=tuple(filled(d, step) for d in each.derivatives))
                      for each in rules.of(step.rule, step.own_rule, function, step.output, len(step.inputs))]
    return step.rules


def formal_inputs(step: Step) -> tuple[str, ...]:
    """What the formulas of a step call its inputs."""
    if step.row is not None:
        return step.row.inputs
    found = rules_of(step)
    return found[0].inputs if found else ("x",)


def saved_input(step: Step, i: int) -> Any:
    """The tensor that went in as input i, if it was kept: itself, not a copy."""
    if i >= OUTPUT:
        return None
    if step.row is None and rules.base(step.own_rule) not in SAVES_ITS_INPUTS and i > 0:
        return None
    return step.saved_object(i)


def fill(graph: Graph, names: Names, recorded: dict[int, Any]) -> None:
    """Set `value` and `operands` of every step, None where nothing tells. `recorded`: values by id of the node."""
    for step in graph.steps:
        made = names.scope.made_by.get(id(step.node))
        if id(step.node) in recorded:
            step.value = recorded[id(step.node)]
        elif made is not None:
            step.value = made[1].detach()
        else:
            step.value = step.saved(OUTPUT)
    for step in graph.steps:
        for i, into in enumerate(step.inputs):
            if isinstance(into, Step) and into.value is None:
                kept = saved_input(step, i)
                if kept is not None and tuple(kept.shape) == into.shape:
                    into.value = kept.detach()
    if graph.root.grad_fn is not None and isinstance(graph.last, Step):
        graph.last.value = graph.root.detach()
    for step in graph.steps:
        step.operands = operands(step, names)
        if step.freed or step.value is not None:
            guess(step, names)
        for find in (again, linear_value):
            if step.value is None:
                step.value = find(step)
        if step.value is None:
            step.value = indexed(step, names)


def operands(step: Step, names: Names) -> list[Any]:
    """What went into a step, for each of its formal inputs."""
    inputs = formal_inputs(step)
    found: list[Any] = []
    for i in range(max(len(inputs), len(step.inputs))):
        into = step.inputs[i] if i < len(step.inputs) else None
        if into is not None:
            found.append(into.value)
            continue
        kept = saved_input(step, i)
        if kept is None:
            kept = named_operand(step, i, names)
        found.append(kept.detach() if kept is not None else None)
    return found


def named_operand(step: Step, i: int, names: Names) -> Any:
    """What a variable of the program holds that stands, in its text, where input i is."""
    expressions = names.operands.get(step, [])
    expression = expressions[i] if i < len(expressions) else None
    if isinstance(expression, ast.Name):
        for each in names.scope.kept:
            if names.scope.tensors.get(id(each)) == expression.id and not each.requires_grad:
                return each
    if isinstance(expression, ast.Constant) and isinstance(expression.value, (int, float)):
        return tensor(expression.value)
    return None


def guess(step: Step, names: Names) -> None:
    """Fill the one operand that is missing by trying the tensors that the step's line names: model(x), criterion(out, y)."""
    missing = [i for i, each in enumerate(step.operands) if each is None and (i >= len(step.inputs) or step.inputs[i] is None)]
    place = names.place.get(step)
    if len(missing) != 1 or place is None or place.expression is None:
        return
    mentioned = {node.id for node in ast.walk(place.expression) if isinstance(node, ast.Name)}
    for each in names.scope.kept:
        if names.scope.tensors.get(id(each)) in mentioned and not each.requires_grad:
            step.operands[missing[0]] = each
            value = again(step)
            if value is not None and (step.value is None or same(value, step.value)):
                return
    step.operands[missing[0]] = None


def same(a: Any, b: Any) -> bool:
    """Whether two tensors are equal, but for rounding."""
    if tuple(a.shape) != tuple(b.shape):
        return False
    a, b = a.double(), b.double()
    scale = b.abs().max().item() if b.numel() else 0.0
    return bool(allclose(a, b, rtol=1e-4, atol=1e-5 * (scale if 0 < scale < float("inf") else 1), equal_nan=True))


def again(step: Step) -> Any:
    """The value computed from the operands, if they are known and its formula can be evaluated. Where the rule has several
    forms, only if they agree."""
    forms = [(step.row.inputs, step.row.y)] if step.row is not None else [(each.inputs, each.y) for each in rules_of(step)]
    found: Any = None
    for inputs, y in forms:
        if any(each is None for each in step.operands[:len(inputs)]):
            continue
        value = compute(y, {**dict(zip(inputs, step.operands)), **parameters(step)})
        if value is None or tuple(value.shape) != step.shape:
            continue
        if found is not None and not same(found, value):
            return None
        found = value
    return found


def indexed(step: Step, names: Names) -> Any:
    """x[0], x[:, 1:]: by the program's text, where the index is written in numbers."""
    place = names.place.get(step)
    if place is None or not place.exact or not isinstance(place.expression, ast.Subscript) or step.operands[:1] in ([], [None]):
        return None
    if any(isinstance(node, (ast.Name, ast.Call, ast.Attribute)) for node in ast.walk(place.expression.slice)):
        return None
    value = compute(f"x[{ast.unparse(place.expression.slice)}]", {"x": step.operands[0]})
    return value if value is not None and tuple(value.shape) == step.shape else None


def label_object(step: Step, i: int) -> Any:
    """The tensor behind input i that needs no gradient, to look its name up by what it is."""
    into = step.inputs[i] if i < len(step.inputs) else None
    return into.tensor if isinstance(into, Leaf) else saved_input(step, i)


def summed_dims(raw: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """The dimensions that broadcasting had added or stretched."""
    offset = len(raw) - len(shape)
    return [d for d in range(len(raw)) if d < offset or (shape[d - offset] == 1 and raw[d] != 1)]


def sum_to(raw: Any, shape: tuple[int, ...]) -> Any:
    """A gradient summed over the dimensions that broadcasting had added or stretched."""
    if tuple(raw.shape) == shape or len(raw.shape) < len(shape):
        return raw
    dims = summed_dims(tuple(raw.shape), shape)
    return raw.sum(tuple(dims)).reshape(shape) if dims and raw.numel() else raw
