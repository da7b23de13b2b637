"""The recorded graph as explain sees it. The only file of explain that knows the tape's own names.

    read(root)                 the steps that lead to a tensor, in the order of the forward pass, and the leaves
    run_backward(graph, ...)   the engine's own backward pass over it, watched; .grad, hooks and graph stay as they were
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import enable_grad
from tinygrad_c.core import tape
from tinygrad_c.formulas import POINTWISE, Row
from tinygrad_c.ops.elementwise.elementwise import _row_of_node

PACKAGE = __name__.partition(".")[0]
OUTPUT = 3              # the slot of a saved output, after those of three saved inputs
DTYPES = {"Float": "float32", "Double": "float64"}


class Leaf:
    """A tensor with requires_grad that no recorded operation made: backward() adds into its .grad."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor
        self.shape, self.dtype = tuple(tensor.shape), str(tensor.dtype).rpartition(".")[2]
        self.value = tensor.detach()
        self.gradient: Any = None           # what this pass brings


class Step:
    """One recorded operation: a node of the graph, and what is found out about it."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.own_rule, number, shape, dtype, floats, integers, freed, output, extra = tape._read_node(node)
        self.number, self.shape, self.dtype, self.freed = number, shape, DTYPES.get(dtype, dtype.lower()), freed
        self.floats, self.integers = floats, integers
        self.output, self.extra = output, extra     # which output of a Function; its context, or the axes of a permute
        self.rule: str = node.name().rpartition("::")[2]     # PyTorch's name, perhaps a label that several share with one rule
        self.op: str | None = _row_of_node(node)            # the row of the table, if it has one
        self.inputs: list[Step | Leaf | None] = []          # None: no gradient goes there
        self.value: Any = None              # what it computed, where that is known
        self.operands: list[Any] = []       # the values that went in, where they are known
        self.gradient: Any = None           # dL/d(output)
        self.given: list[Any] = []          # dL/d(input), one for each of the inputs, None where there is none
        self.rules: Any = None              # the formulas that it may have
        self.together: Step | None = None   # the output of the same function that gives the gradients of all its outputs

    @property
    def row(self) -> Row | None:
        return None if self.op is None else POINTWISE[self.op]

    @property
    def function(self) -> type | None:
        """The autograd.Function that made it."""
        return self.extra._function if self.own_rule in ("Function", "FunctionOutput") else None

    def saved(self, slot: int) -> Any:
        """What is kept for the backward pass in this slot, detached, or None. None too if it was overwritten since."""
        try:
            kept = tape._saved_in(self.node, slot)
        except (RuntimeError, TypeError):
            return None
        return None if kept is None else kept.detach()

    def saved_object(self, slot: int) -> Any:
        """The tensor in this slot itself: perhaps one that the program has a name for."""
        try:
            return tape._saved_in(self.node, slot)
        except (RuntimeError, TypeError):
            return None


class Graph:
    """The steps in the order of the forward pass, and the leaves in the order in which they were used."""

    def __init__(self, root: Any, steps: list[Step], leaves: list[Leaf]) -> None:
        self.root, self.steps, self.leaves = root, steps, leaves
        self.step_of = {id(step.node): step for step in steps}
        self.leaf_of = {id(leaf.tensor): leaf for leaf in leaves}

    @property
    def last(self) -> Step | Leaf | None:
        """What made the root."""
        if self.root.grad_fn is not None:
            return self.step_of.get(id(self.root.grad_fn))
        return self.leaf_of.get(id(self.root))

    @property
    def freed(self) -> bool:
        """Whether a backward pass has let go of saved values."""
        return any(step.freed for step in self.steps)


def read(root: Any) -> Graph:
    """The graph behind a tensor; without a loop that could be too deep: any number of nodes."""
    steps: dict[int, Step] = {}
    edges: dict[int, list[Any]] = {}
    leaves: dict[int, Leaf] = {}
    todo = [root.grad_fn] if root.grad_fn is not None else []
    while todo:
        node = todo.pop()
        if id(node) in steps:
            continue
        steps[id(node)] = Step(node)
        following = edges[id(node)] = [each for each, _ in node.next_functions]
        todo += [each for each in following if isinstance(each, tape.Node)]
    ordered = sorted(steps.values(), key=lambda step: step.number)
    if root.grad_fn is None and root.requires_grad:
        leaves[id(root)] = Leaf(root)
    for step in ordered:
        for each in edges[id(step.node)]:
            if each is None:
                step.inputs.append(None)
            elif isinstance(each, tape.Node):
                step.inputs.append(steps[id(each)])
            else:
                variable = each.variable
                step.inputs.append(leaves.setdefault(id(variable), Leaf(variable)))
    return Graph(root, ordered, list(leaves.values()))


def is_tensor(value: object) -> bool:
    return isinstance(value, tape.TensorBase)


def has_hooks(graph: Graph) -> bool:
    """Whether the program has hooks that would see, and could change, the gradients of this graph."""
    if any(hooks for leaf in graph.leaves for hooks in tape._leaf_hooks(leaf.tensor)):
        return True
    return any(hooks for step in graph.steps for hooks in tape._node_hooks(step.node)[:2])


@contextmanager
def without_hooks(graph: Graph) -> Iterator[None]:
    """Take the program's hooks away for a while."""
    lists = [each for step in graph.steps for each in tape._node_hooks(step.node)]
    lists += [each for leaf in graph.leaves for each in tape._leaf_hooks(leaf.tensor)]
    hooks = {id(each): (each, list(each)) for each in lists}        # the nodes of a function's outputs share a list
    try:
        for own, _ in hooks.values():
            own.clear()
        yield
    finally:
        for own, before in hooks.values():
            own[:] = before


def run_backward(graph: Graph, gradient: Any = None) -> None:
    """Run the engine's backward pass from the root, keep every gradient on its way in the steps and leaves, and change nothing.

    The program's hooks are not called. RuntimeError where backward() itself would raise one.
    """
    with without_hooks(graph):
        for step in graph.steps:
            step.node.register_prehook(_keep_gradient(step))
            step.node.register_hook(_keep_given(step))
        tensors = tuple(leaf.tensor for leaf in graph.leaves)
        results = tape.grad((graph.root,), tensors, (gradient,), True, False, 0)
        for leaf, result in zip(graph.leaves, results):
            leaf.gradient = result
    _divide_among_outputs(graph)


def _divide_among_outputs(graph: Graph) -> None:
    """A function with several outputs takes their gradients at once. One of this package is asked again for each of them; what
    a function of the program gives is told once, at the first output."""
    functions: dict[int, list[Step]] = {}
    for step in graph.steps:
        if step.own_rule == "FunctionOutput" and step.gradient is not None:
            functions.setdefault(step.number - step.output, []).append(step)
    for first, *others in functions.values():
        if not others:
            continue
        alone = []
        if first.function is not None and first.function.__module__.partition(".")[0] == PACKAGE:
            with without_hooks(graph):
                alone = [call_rule(each, each.gradient) for each in (first, *others)]
        for i, step in enumerate((first, *others)):
            if all(alone) and alone:
                step.given = [None if each is None else each.detach() for each in alone[i]]
            elif step is not first:
                step.given, step.together = [], first


def call_rule(step: Step, g: Any) -> list[Any]:
    """What the step's own rule makes of a gradient, recorded, so that it can be differentiated by `g`: one for each input, None
    where there is none; [] if the rule cannot be called. No hook of the program may be there (`without_hooks`)."""
    kept: list[Any] = []
    ends = {id(each): each.tensor if isinstance(each, Leaf) else tape._tensor_at(each.node)
            for each in step.inputs if each is not None}
    handle = step.node.register_hook(lambda inputs, outputs: kept.append(list(inputs)))
    try:
        with enable_grad():
            tape.grad((tape._tensor_at(step.node),), tuple(ends.values()), (g,), True, True, 0)
    except (NotImplementedError, RuntimeError):
        return []
    finally:
        handle.remove()
    return kept[0] if kept else []


def differentiate(y: Any, x: Any, weights: Any = None) -> Any:
    """The gradient by x of the sum of weights * y, or None."""
    if not is_tensor(y) or y.grad_fn is None:
        return None
    try:
        return tape.grad((y,), (x,), (weights,), False, False, 0)[0]
    except (NotImplementedError, RuntimeError):
        return None


def _keep_gradient(step: Step) -> Callable[[Any], None]:
    def hook(outputs: Any) -> None:
        step.gradient = outputs[0].detach()
    return hook


def _keep_given(step: Step) -> Callable[[Any, Any], None]:
    def hook(inputs: Any, outputs: Any) -> None:
        step.given = [None if each is None else each.detach() for each in inputs]
    return hook


def observe(call: Callable[[Any, Any], None] | None) -> Any:
    """Have call(node, out) called for every new node; None ends it. Gives what was called before."""
    return tape._set_observer(call)


def tensor_class() -> type:
    return Tensor


def stand_for(node: Any, value: Any) -> Any:
    """A tensor whose history is the node: what the node made, if the value is known."""
    out = tape._tensor_at(node)
    if value is not None and tuple(value.shape) == tuple(out.shape):
        out.detach().copy_(value)
    return out
