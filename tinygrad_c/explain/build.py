"""One pass as plain data: lines, values, steps forward, steps backward, what is added to .grad. Text and page come from it."""
from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tinygrad_c.explain import chain, problems, rules
from tinygrad_c.explain.formula import element, number, readable, with_names, with_numbers
from tinygrad_c.explain.graph import PACKAGE, Graph, Leaf, Step
from tinygrad_c.explain.names import LONG, Names, text_of
from tinygrad_c.explain.numbers import plain, summary
from tinygrad_c.explain.source import Written, returned
from tinygrad_c.explain.values import compute, formal_inputs, label_object, parameters, rules_of, same, sum_to, summed_dims

Data = dict[str, Any]
POWERS = {"square": "2", "cube": "3", "sqrt": "0.5", "rsqrt": "-0.5", "reciprocal": "-1"}
SAID = {"ViewBackward0", "ExpandBackward0", "TransposeBackward0", "PermuteBackward0"}       # the program's text says it better
ARITHMETIC = ("neg", "add", "sub", "mul", "div", "pow", "where", "add_number", "mul_number", "rsub_number", "div_number",
              "rdiv_number", "pow_number", "rpow_number")


class Builder:
    """Makes the data of one pass. `modules`: the dotted path of the module that each recorded step was in, if known."""

    def __init__(self, graph: Graph, names: Names, modules: dict[int, str]) -> None:
        self.graph, self.names, self.modules = graph, names, names.modules(modules)
        self.values: list[Data] = []
        self.ids: dict[Any, int] = {}           # of a Leaf or Step, or the id() of a tensor that needs no gradient
        self.taken: dict[str, int] = {"g": 1}       # what formulas call the gradient that comes in
        self.unnamed = 0
        self.lines: list[Data] = []
        self.line_ids: dict[tuple[str, int], int] = {}
        self.forms: dict[Step, rules.Rule] = {}
        self.indices = {step: i for i, step in enumerate(graph.steps)}
        self.inputs: dict[Step, list[int | None]] = {}
        self.given_to: dict[int, list[Data]] = {}       # by value: the gradients that come together in it

    def build(self, before: dict[Leaf, Any]) -> Data:
        """The pass. `before`: each leaf's .grad before it."""
        steps = [self.step(step) for step in self.graph.steps]
        if not steps:                           # a tensor by itself
            last = self.graph.last
            self.value(last) if last is not None else self.constant(self.graph.root, None)
        done = [step for step in reversed(self.graph.steps) if step.gradient is not None]
        backward = [self.backward(step) for step in done]
        for each in backward:
            for give in each["gives"]:
                self.given_to.setdefault(give["to"], []).append({"from": each["step"], "gradient": give["gradient"]})
        for each in backward:
            each["parts"] = self.given_to.get(steps[each["step"]]["output"], [])
        leaves = [self.leaf(leaf, before.get(leaf)) for leaf in self.graph.leaves if leaf.gradient is not None]
        out = {"result": len(self.values) - 1 if not steps else steps[-1]["output"], "lines": self.lines, "values": self.values,
               "steps": steps, "backward": backward, "leaves": leaves}
        out["problems"] = problems.find(out)
        return out

    # ---- Values

    def unique(self, name: str) -> str:
        """The name, with a number when it was given before: a variable that was assigned several times."""
        self.taken[name] = self.taken.get(name, 0) + 1
        return name if self.taken[name] == 1 else f"{name}#{self.taken[name]}"

    def add(self, key: Any, kind: str, name: str, named: bool, numbers: Any, shape: Any, dtype: str) -> int:
        """Note a value; gives its number."""
        found = self.ids[key] = len(self.values)
        self.values.append({"id": found, "kind": kind, "name": name, "named": named, "shape": list(shape), "dtype": dtype,
                            "numbers": numbers})
        return found

    def value(self, what: Leaf | Step) -> int:
        """The number of what a step made, or of a leaf."""
        if what in self.ids:
            return self.ids[what]
        name = self.names.name.get(what)
        if isinstance(what, Leaf):
            numbers = summary(what.value)
            label = self.unique(name) if name else self.unique(short(what.value))
            return self.add(what, "leaf", label, name is not None, numbers, what.shape, what.dtype)
        if name is None:
            self.unnamed += 1
            label = f"t{self.unnamed}"
            while label in self.taken:
                self.unnamed += 1
                label = f"t{self.unnamed}"
        else:
            label = name
        return self.add(what, "step", self.unique(label), name is not None, summary(what.value), what.shape, what.dtype)

    def constant(self, tensor: Any, expression: Any) -> int:
        """The number of a tensor that needs no gradient."""
        key = ("data", id(tensor))
        if key in self.ids:
            return self.ids[key]
        name = self.names.scope.name_of(tensor)
        if name is None and expression is not None and len(text_of(expression)) <= LONG:
            name = text_of(expression)
        detached = tensor.detach()
        self.names.scope.kept.append(tensor)
        return self.add(key, "data", self.unique(name or short(detached)), name is not None, summary(detached), tensor.shape,
                        str(tensor.dtype).rpartition(".")[2])

    # ---- Forward

    def line(self, step: Step) -> int | None:
        place = self.names.place.get(step)
        if place is None:
            return None
        line = place.statement.lineno if place.statement is not None else place.line
        key = place.source.filename, line
        if key not in self.line_ids:
            end = getattr(place.statement, "end_lineno", None) or line
            text = " ".join(place.source.line(i) for i in range(line, min(end, line + 4) + 1))
            self.line_ids[key] = len(self.lines)
            file, number_there = place.source.where(line)
            self.lines.append({"id": len(self.lines), "file": file, "line": number_there, "text": text})
        return self.line_ids[key]

    def step(self, step: Step) -> Data:
        inputs: list[int | None] = []
        expressions = self.names.operands.get(step, [])
        for i in range(max(len(step.operands), len(step.inputs))):
            into = step.inputs[i] if i < len(step.inputs) else None
            if into is not None:
                inputs.append(self.value(into))
                continue
            tensor = label_object(step, i)
            if tensor is None and i < len(step.operands):
                tensor = step.operands[i]
            inputs.append(None if tensor is None else
                          self.constant(tensor, expressions[i] if i < len(expressions) else None))
        self.inputs[step] = inputs
        output = self.value(step)
        place = self.names.place.get(step)
        y, labels, env = self.formula(step, inputs)
        out: Data = {
            "id": self.indices[step],
            "op": plain_name(step), "rule": step.rule, "line": self.line(step),
            "code": place.text if place is not None and place.exact else None,
            "module": self.modules.get(step), "inputs": inputs, "output": output,
            "formula": with_names(y, labels) if y else None, "numbers": None, "at": None}
        names = self.names_of(step, inputs)
        if place is not None and isinstance(place.expression, Written):
            out["code"] = None
            out["formula"] = (out["formula"] or "").replace("[...]", index_of(place.expression))
        elif out["code"] is not None and y is not None and (not readable(y) or step.own_rule in SAID):
            out["formula"] = out["code"]
        elif y is not None and y.endswith("(...)") and len(names) > 1:      # cat and stack
            out["formula"] = y.replace("(...)", f"([{', '.join(names)}])")
        elif out["formula"] is not None:
            out["formula"] = out["formula"].removesuffix(" ...")
        out["call"] = call_of(step, [name for name in names if name != "…"])
        if step.value is not None and step.value.numel() and not self.large():
            at = first_of(step.value)
            equals = element(step.value, at)
            out["numbers"] = with_numbers(y, env, at, evaluator(env)) if y and readable(y) else None
            if out["numbers"] in (None, number(equals)) and step.row is None:
                out["numbers"] = chain.value_numbers(step, names, at) or out["numbers"]
            out["at"] = list(at) if step.value.numel() > 1 else None
            if out["numbers"] is not None:
                out["equals"] = plain(equals)
        return out

    def large(self) -> bool:
        """So many steps that only their values are told, not the arithmetic of an element of each."""
        return len(self.graph.steps) > 2000

    def form(self, step: Step) -> tuple[tuple[str, ...], str | None, tuple[str | None, ...]]:
        """The names of the inputs, the value and the derivatives of a step: a row's, or those of the rule that fits."""
        if step.row is not None:
            return step.row.inputs, step.row.y, step.row.derivatives
        if step not in self.forms:
            found = rules_of(step)
            if not found:
                return own_function(step) or (formal_inputs(step), None, ())
            self.forms[step] = next((each for each in found if self.agrees(step, each)), found[-1])
        rule = self.forms[step]
        return rule.inputs, rule.y, rule.derivatives

    def environment(self, step: Step, inputs: tuple[str, ...]) -> Data:
        env: Data = {**parameters(step), **dict(zip(inputs, step.operands)), "y": step.value, "g": step.gradient}
        return {name: value for name, value in env.items() if value is not None}

    def agrees(self, step: Step, rule: rules.Rule) -> bool:
        """Whether a rule's formulas give what the step computed, and the gradients that the engine computed."""
        env = self.environment(step, rule.inputs)
        pairs = [(rule.y, step.value), *zip(rule.derivatives, step.given)]
        for expression, value in pairs:
            if value is not None and readable(expression):
                mine = compute(expression, env)
                if mine is None or not same(mine, value):
                    return False
        return any(readable(expression) and value is not None for expression, value in pairs)

    def formula(self, step: Step, inputs: list[int | None]) -> tuple[str | None, dict[str, str], Data]:
        """The value's formula, the labels of its names, and the values of them."""
        formal, y, _ = self.form(step)
        labels = dict(zip(formal, self.names_of(step, inputs)))
        env = self.environment(step, formal)
        labels |= {name: number(value) for name, value in env.items() if isinstance(value, (int, float))}
        for call in ("softmax(x, 1)", "one_hot(t)"):
            if y and any(call in (each or "") for each in self.form(step)[2]) and "x" in env:
                found = compute(call, env)
                if found is not None:
                    env[call] = found
        return y, labels, env

    def names_of(self, step: Step, inputs: list[int | None]) -> list[str]:
        """What the inputs are called; of one whose value is not known, how the program writes it, or an ellipsis."""
        texts = [text_of(each) if each is not None else "" for each in self.names.operands.get(step, [])]
        texts += [""] * (len(inputs) - len(texts))
        return [self.values[i]["name"] if i is not None else text if 0 < len(text) <= LONG else "…"
                for i, text in zip(inputs, texts)]

    # ---- Backward

    def backward(self, step: Step) -> Data:
        """What a step's rule makes of the gradient that comes in, for each input that needs one."""
        ids: list[int | None] = [None if each is None else self.ids[each] for each in step.inputs]
        formal, _, derivatives = self.form(step)
        _, labels, env = self.formula(step, self.inputs[step])
        labels |= {"y": self.values[self.ids[step]]["name"], "g": "g"}
        gives = []
        for i, (to, given) in enumerate(zip(ids, step.given)):
            if to is None or given is None:
                continue
            rule = derivatives[i] if i < len(derivatives) else derivatives[0] if derivatives and len(formal) == 1 else None
            gives.append(self.give(step, i, to, rule, labels, env))
        together = None if step.together is None else self.ids[step.together]
        return {"step": self.indices[step], "gradient": summary(step.gradient), "gives": gives, "together": together}

    def give(self, step: Step, i: int, to: int, rule: str | None, labels: dict[str, str], env: Data) -> Data:
        given = step.given[i]
        out: Data = {"to": to, "rule": rule, "formula": self.derivative(step, rule, labels), "numbers": None, "at": None,
                     "equals": None, "summed": None, "gradient": summary(given)}
        if self.large() or not given.numel():
            return out
        at = largest_at(given)
        raw = None if rule is None else compute(rule, env)
        if raw is None or not raw.numel() or not same(sum_to(raw, tuple(given.shape)), given):
            if step.row is None:
                out["numbers"] = chain.gradient_numbers(step, i, at)
            if out["numbers"] is not None:
                out["at"] = list(at) if given.numel() > 1 else None
                out["equals"] = plain(element(given, at))
            return out
        if tuple(raw.shape) != tuple(given.shape):
            out["summed"] = summed_dims(tuple(raw.shape), tuple(given.shape))
            out["each"] = summary(raw)
            offset = raw.dim() - given.dim()
            at = tuple(0 if d < offset or given.shape[d - offset] != raw.shape[d] else at[d - offset] for d in range(raw.dim()))
        out["numbers"] = with_numbers(rule, env, at, evaluator(env))
        equals = element(raw, at)
        if out["numbers"] in (None, number(equals)) and not out["summed"] and step.row is None:
            out["numbers"] = chain.gradient_numbers(step, i, at) or out["numbers"]
        out["at"] = list(at) if raw.numel() > 1 else None
        out["equals"] = plain(equals) if out["numbers"] is not None else None
        return out

    def derivative(self, step: Step, rule: str | None, labels: dict[str, str]) -> str | None:
        """The formula of a gradient with the program's names; of a slice, with its index."""
        if rule is None or (step.row is None and not rules_of(step)):
            return rule
        place = self.names.place.get(step)
        if place is not None and place.exact and isinstance(place.expression, (ast.Subscript, Written)):
            rule = rule.replace("[...]", index_of(place.expression))
        return with_names(rule, labels).removesuffix(" ...")

    def leaf(self, leaf: Leaf, before: Any) -> Data:
        """What is added to a leaf's .grad, and what was there before."""
        value = self.value(leaf)
        after = leaf.gradient if before is None else before + leaf.gradient
        return {"value": value, "parts": self.given_to.get(value, []), "total": summary(leaf.gradient),
                "before": summary(before), "after": summary(after)}


def index_of(expression: ast.Subscript | Written) -> str:
    """[1:, 0], as the program writes it."""
    return ast.unparse(ast.Subscript(ast.Name("x"), expression.slice))[1:]


def evaluator(env: Data) -> Callable[[str], Any]:
    """The value of a part of a formula."""
    return lambda text: compute(text, env)


def own_function(step: Step) -> tuple[tuple[str, ...], str | None, tuple[str | None, ...]] | None:
    """For a function of the program: what its forward and its backward return, in its own words."""
    if step.function is None or step.function.__module__.partition(".")[0] == PACKAGE:
        return None
    values = returned(step.function.forward)
    y = values[step.output] if step.output < len(values) else None
    return (), y, tuple(returned(step.function._backward()))


def plain_name(step: Step) -> str:
    """The operation as a program writes it: mul, linear, mse_loss."""
    if step.op is not None:
        return {"square": "pow", "cube": "pow", "rpow_number": "pow", "rsub_number": "sub", "rdiv_number": "div"}.get(
            step.op, step.op.removesuffix("_number"))
    name = step.rule.partition("Backward")[0] or step.rule
    known = {"Addmm": "linear", "Mm": "matmul", "Bmm": "matmul", "NllLoss": "cross_entropy", "NllLoss2D": "cross_entropy",
             "Mul": "dropout", "T": "t", "ToCopy": "to", "MaxPool2DWithIndices": "max_pool2d",
             "NativeBatchNorm": "batch_norm", "NativeLayerNorm": "layer_norm", "NativeGroupNorm": "group_norm"}
    return known.get(name) or "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


def call_of(step: Step, names: list[str]) -> str | None:
    """relu(t1), where the formula says what relu is; None where the formula says it all."""
    if step.function is not None:
        return f"{step.function.__name__.lstrip('_')}({', '.join(names)})"
    if step.op in POWERS and names:
        return with_names(f"x ** {POWERS[step.op]}", {"x": names[0]})
    if step.op is None or step.row is None or step.op in ARITHMETIC or step.row.y.startswith(step.op + "("):
        return None
    return f"{step.op}({', '.join(names)})"


def short(tensor: Any) -> str:
    """A tensor without a name, by what it is."""
    return f"tensor({number(tensor.item())})" if tensor.numel() == 1 else f"tensor{list(tensor.shape)}"


def first_of(tensor: Any) -> tuple[int, ...]:
    return (0,) * tensor.dim() if tensor.numel() else ()


def largest_at(tensor: Any) -> tuple[int, ...]:
    """The place of the element that is largest in absolute value, or is NaN."""
    if tensor.dim() == 0 or tensor.numel() == 0:
        return ()
    flat, at = int(tensor.abs().argmax().item()), []
    for size in reversed(tuple(tensor.shape)):
        at.append(flat % size)
        flat //= size
    return tuple(reversed(at))
