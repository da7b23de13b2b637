"""What the program calls its tensors, and on which line each step is.

Names come from the variables of the program: a tensor that is one of them gives its name to the step that made it, a module
gives dotted names to its parameters. The lines come from the syntax tree: from a name to its assignment, and from there down
both the expression and the graph, as far as they agree. Steps that were recorded (`recording()`) know their place exactly.
"""
from __future__ import annotations

import ast
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from tinygrad_c.explain.graph import Graph, Leaf, Step, is_tensor
from tinygrad_c.explain.source import Function, Source, Written, source_of
from tinygrad_c.nn.container import Sequential
from tinygrad_c.nn.module import Module

DEEP = 3            # how far into lists, tuples and dicts of the program names are looked for
LONG = 40           # characters of an expression that may stand for a value without a name
OPERATORS = {
    ast.Add: {"add", "add_number"}, ast.Sub: {"sub", "add_number", "rsub_number"}, ast.Mult: {"mul", "mul_number"},
    ast.Div: {"div", "div_number", "rdiv_number"},
    ast.Pow: {"square", "cube", "sqrt", "rsqrt", "reciprocal", "pow_number", "rpow_number", "pow"},
    ast.MatMult: {"Mm", "Bmm"},
}
VIEWS = ("T", "Transpose", "Permute", "View", "Select", "Slice", "Index", "Expand", "Sum", "Mean")     # any program takes them
COPIES = ("CopyBackwards", "CloneBackward0", "ToCopyBackward0")
LAST_OF_MANY = ("add", "sub", "mul", "div", "where", "add_number", "mul_number", "div_number", "rsub_number", "rdiv_number")
ON_THE_RIGHT = {"rsub_number", "rdiv_number", "rpow_number"}     # the number is on the left: number - x


class Place(NamedTuple):
    """Where in the program a step is."""

    source: Source
    statement: ast.stmt | None
    line: int
    expression: ast.expr | None
    exact: bool         # the expression is this step alone, not a call that makes several

    @property
    def text(self) -> str:
        return "" if self.expression is None else text_of(self.expression)


def text_of(expression: ast.expr) -> str:
    try:
        return ast.unparse(expression)
    except Exception:       # a tree that was put together by hand
        return ""


class Scope:
    """The variables of some frames of the program, by what they are."""

    def __init__(self) -> None:
        self.tensors: dict[int, str] = {}           # by id
        self.made_by: dict[int, tuple[str, Any]] = {}       # by id of a node: the name and the tensor
        self.modules: dict[str, Any] = {}
        self.namespaces: set[str] = set()           # names of Python modules: torch, F
        self.parameters: dict[int, tuple[str, str]] = {}    # by id: its own name, and that of the module that has it
        self.kept: list[Any] = []                   # so that ids stay true

    def add(self, frame: FrameType) -> None:
        """Take in a frame: its local names first, then the module's."""
        spaces = [frame.f_locals] if frame.f_locals is frame.f_globals else [frame.f_locals, frame.f_globals]
        for space in spaces:
            for name, value in list(space.items()):
                if isinstance(name, str) and not name.startswith("__") and name != "_":
                    self.take(name, value)

    def take(self, name: str, value: Any, depth: int = 0) -> None:
        """Note what a name stands for."""
        if is_tensor(value):
            self.kept.append(value)
            self.tensors.setdefault(id(value), name)
            if value.requires_grad and value.grad_fn is not None:
                self.made_by.setdefault(id(value.grad_fn), (name, value))
        elif isinstance(value, Module):
            self.take_module(name, value)
        elif isinstance(value, ModuleType):
            self.namespaces.add(name)
        elif depth < DEEP and isinstance(value, (list, tuple)) and len(value) <= 100:
            for i, each in enumerate(value):
                self.take(f"{name}[{i}]", each, depth + 1)
        elif depth < DEEP and isinstance(value, dict) and len(value) <= 100:
            for key, each in list(value.items()):
                self.take(f"{name}[{key!r}]", each, depth + 1)

    def take_module(self, name: str, module: Any) -> None:
        if name in self.modules or any(each is module for each in self.modules.values()):
            return
        self.modules[name] = module
        for path, child in module.named_modules():
            owner = f"{name}.{path}" if path else name
            for own, value in [*child._parameters.items(), *child._buffers.items()]:
                if value is not None:
                    self.kept.append(value)
                    self.parameters.setdefault(id(value), (f"{owner}.{own}", owner))

    def name_of(self, tensor: Any) -> str | None:
        """The name of a tensor that is a variable or a parameter."""
        found = self.tensors.get(id(tensor))
        return found if found is not None else self.parameters.get(id(tensor), (None,))[0]


class Names:
    """For the steps of a graph: their names, places and the expressions of what goes into them."""

    def __init__(self, graph: Graph, scope: Scope) -> None:
        self.graph, self.scope = graph, scope
        self.name: dict[Step | Leaf, str] = {}
        self.place: dict[Step, Place] = {}
        self.operands: dict[Step, list[ast.expr | None]] = {}
        for leaf in graph.leaves:
            name = scope.name_of(leaf.tensor)
            if name is not None:
                self.name[leaf] = name
        for step in graph.steps:
            if id(step.node) in scope.made_by:
                self.name[step] = scope.made_by[id(step.node)][0]

    def modules(self, recorded: dict[int, str]) -> dict[Step, str]:
        """The module of each step, where that is known: the one whose parameters it uses, the one whose forward ran, or, in a
        Sequential, the one behind that of its input."""
        found: dict[Step, str] = {}
        for step in self.graph.steps:
            owner = None
            if step.op is not None or step.rule.partition("Backward")[0] not in VIEWS:
                owner = next((self.scope.parameters[id(each.tensor)][1] for each in step.inputs
                              if isinstance(each, Leaf) and id(each.tensor) in self.scope.parameters), None)
            if owner is None:
                owner = next((after for after in (self._following(found[each], step) for each in step.inputs
                                                  if isinstance(each, Step) and each in found) if after is not None), None)
            owner = owner or recorded.get(id(step.node))
            if owner is not None:
                found[step] = owner
        self._fill_between(found)
        return found

    def _fill_between(self, found: dict[Step, str]) -> None:
        """What stands between two children of a module, the relu between conv1 and fc, is of the module."""
        order = {path: i for name, module in self.scope.modules.items()
                 for i, path in enumerate(f"{name}.{own}" if own else name for own, _ in module.named_modules())}
        after: dict[Step, set[str]] = {step: set() for step in self.graph.steps}    # the next modules behind a step
        for step in reversed(self.graph.steps):
            for each in step.inputs:
                if isinstance(each, Step):
                    after[each] |= {found[step]} if step in found else after[step]
        came: dict[Step, str] = {}                      # the child that a step comes from
        for step in self.graph.steps:
            for each in step.inputs:
                child = came.get(each, found.get(each)) if isinstance(each, Step) and step not in found else None
                if child is not None and any(outermost(child) == outermost(path) and order.get(child, 0) < order.get(path, 0)
                                             for path in after[step]):
                    came[step] = child
        found.update({step: outermost(child) for step, child in came.items()})

    def _following(self, path: str, step: Step) -> str | None:
        """The path of the next module in the Sequential that `path` is in, if that module can have made the step."""
        outer, _, own = path.rpartition(".")
        sequence = self._module_at(outer) if own.isdigit() else None
        if not isinstance(sequence, Sequential) or int(own) + 1 >= len(sequence):
            return None
        kind = plain(type(sequence[int(own) + 1]).__name__)
        return f"{outer}.{int(own) + 1}" if kind in (plain(step.op or ""), plain(step.rule.partition("Backward")[0])) else None

    def _module_at(self, path: str) -> Any:
        for name, module in self.scope.modules.items():
            if path == name:
                return module
            if path.startswith(name + "."):
                return dict(module.named_modules()).get(path[len(name) + 1:])
        return None

    # ---- From the program's text

    def follow(self, frame: FrameType) -> None:
        """Find the places of the steps from the text of the function that asks for the explanation."""
        source, here = source_of(frame)
        if source.tree is None:
            return
        function = source.function(frame.f_code)
        walk = _Match(self, source, function)
        last = self.graph.last
        if isinstance(last, Step):
            asked = _argument(function, here)
            if asked is not None:
                walk.start(asked, last, here)
            for step in reversed(self.graph.steps):
                name = self.name.get(step)
                if name is not None and name.isidentifier():
                    walk.start(ast.Name(name, ast.Load()), step, here)

    # ---- From what was recorded

    def put(self, step: Step, source: Source, function: Function, span: tuple[int, int, int, int] | None, line: int) -> None:
        """Note the exact place of a recorded step."""
        found = function.expression(span) if span is not None else None
        exact = found is not None
        if found is None:
            found = function.on_line(line)
        if found is None:
            self.place[step] = Place(source, None, line, None, False)
            return
        statement, expression = found
        self.place[step] = Place(source, statement, statement.lineno, expression, exact and fits(expression, step))
        if exact:
            self.operands[step] = operands_of(expression, step, self.scope)
            for into in step.inputs:        # of a call that makes several steps the last has the name
                if isinstance(into, Step) and into in self.place and self.place[into].expression is expression:
                    self.name.pop(into, None)
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            value = getattr(statement, "value", None)
            if (value is expression or isinstance(statement, ast.AugAssign)) and isinstance(targets[0], ast.Name):
                self.name.setdefault(step, targets[0].id)


class _Match:
    """Goes down an expression and the graph at once; a list of what is to do, since loops can make it long."""

    def __init__(self, names: Names, source: Source, function: Function) -> None:
        self.names, self.source, self.function = names, source, function
        self.statement: ast.stmt | None = None

    def start(self, expression: ast.expr, step: Step, line: int) -> None:
        todo: list[tuple[ast.expr, Step, int, ast.stmt | None, bool]] = [(expression, step, line, None, True)]
        while todo:
            expression, step, line, statement, alone = todo.pop()
            if step in self.names.place and self.names.place[step].exact:
                continue
            if isinstance(expression, ast.Name):
                found = self.function.assignment(expression.id, line, at=statement is None)
                if found is None:
                    continue
                self.names.name.setdefault(step, expression.id)
                todo.append((found[1], step, found[0].lineno, found[0], True))
                continue
            known = self.names.place.get(step)
            exact = alone and fits(expression, step)
            if alone and not exact and step.rule in COPIES and known is None:       # of the value that is written
                self.names.place[step] = Place(self.source, statement, line, expression, False)
                todo += [(expression, into, line, statement, True) for into in step.inputs if isinstance(into, Step)]
                continue
            if known is not None and not exact:
                continue
            self.names.place[step] = Place(self.source, statement, line, expression, exact)
            if exact:
                operands = self.names.operands[step] = operands_of(expression, step, self.names.scope)
                for operand, into in zip(operands, step.inputs):
                    if isinstance(into, Step) and operand is not None:
                        todo.append((operand, into, line, statement, True))
            else:               # a call that makes several steps: down to values that have a name of their own
                for into in step.inputs:
                    if isinstance(into, Step):
                        name = self.names.name.get(into)
                        if name is None or not name.isidentifier():
                            todo.append((expression, into, line, statement, False))


def outermost(path: str) -> str:
    """model of model.layers.0; the name may have dots in brackets, which a path has not."""
    return path.partition(".")[0]


def _argument(function: Function, line: int) -> ast.expr | None:
    """What explain() is called with, on a line."""
    for statement in function.statements:
        if statement.lineno <= line <= (statement.end_lineno or statement.lineno) and not hasattr(statement, "body"):
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and called(node) == "explain" and node.args:
                    return node.args[0]
    return None


def called(call: ast.Call) -> str:
    """The last part of what is called: "relu" of torch.relu(x)."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def plain(name: str) -> str:
    return name.lower().replace("_", "").removesuffix("number")


def fits(expression: ast.expr, step: Step) -> bool:
    """Whether the expression can be this step alone."""
    rule = step.rule.partition("Backward")[0]
    if isinstance(expression, ast.BinOp):
        kinds = OPERATORS.get(type(expression.op), set())
        return step.op in kinds or (step.op is None and rule in kinds)
    if isinstance(expression, ast.UnaryOp):
        return step.op == "neg" and isinstance(expression.op, ast.USub)
    if isinstance(expression, ast.Call):
        if composed(step, rule):
            return False
        name = plain(called(expression))
        return name in (plain(step.op or rule), plain(rule)) or (name, rule) in (("reshape", "View"), ("flatten", "View"))
    if isinstance(expression, Written):
        return rule in ("CopySlices", "IndexPut")
    if isinstance(expression, ast.Subscript):
        return step.op is None and rule in ("Select", "Slice", "Index", "Unbind")
    if isinstance(expression, ast.Attribute):
        return step.op is None and expression.attr in ("T", "mT") and rule in ("T", "Transpose", "Permute")
    return False


def composed(step: Step, rule: str) -> bool:
    """Whether it is the last of several operations of one function, whose name it has: the division of nll_loss."""
    if step.op in LAST_OF_MANY:
        return rule not in ("Add", "Sub", "Mul", "Div", "Rsub", "Where", "MaskedFill")
    return step.own_rule == "ViewBackward0" and rule in ("Dot", "Mv", "Addmv", "Kron")


def operands_of(expression: ast.expr, step: Step, scope: Scope) -> list[ast.expr | None]:
    """The expressions of what goes into a step, in the order of its inputs."""
    if isinstance(expression, ast.BinOp):
        if step.op is not None and step.row is not None and len(step.row.inputs) == 1:
            left_is_number = isinstance(expression.left, ast.Constant) or step.op in ON_THE_RIGHT
            return [expression.right if left_is_number else expression.left]
        return [expression.left, expression.right]
    if isinstance(expression, ast.UnaryOp):
        return [expression.operand]
    if isinstance(expression, Written):
        return [expression.name, expression.value]
    if isinstance(expression, ast.Call):
        function = expression.func
        if isinstance(function, ast.Attribute) and not is_a_module(function.value, scope) and fits(expression, step):
            return [function.value, *expression.args]
        return list(expression.args)
    if isinstance(expression, (ast.Subscript, ast.Attribute)):
        return [expression.value]
    return []


def is_a_module(expression: ast.expr, scope: Scope) -> bool:
    """Whether it is the `torch` of torch.relu(x), the `F` of F.relu(x), or torch.nn.functional."""
    while isinstance(expression, ast.Attribute):
        expression = expression.value
    return isinstance(expression, ast.Name) and expression.id in scope.namespaces
