"""recording(): see everything that a block does, forward, backward and the changes between, with exact places.

While the block runs, each operation that is recorded for backward tells its value and which instruction of the program it came
from; each backward() is explained at the moment when it begins, since it lets go of the graph. It is slow: for looking into
things. Outside the block nothing of it is left.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tinygrad_c import autograd
from tinygrad_c.explain import graph as tape_view
from tinygrad_c.explain.explanation import Explanation, one_pass
from tinygrad_c.explain.names import Names, Scope
from tinygrad_c.explain.numbers import summary
from tinygrad_c.explain.source import Source, position, users_frame
from tinygrad_c.nn.module import Module

MOST = 20_000           # operations; the block goes on after that, without being recorded


class Site:
    """Where an operation was: the frame, and the instruction in it."""

    __slots__ = ("code", "file", "lasti", "line", "module", "space")

    def __init__(self, frame: FrameType, module: str | None) -> None:
        self.code, self.lasti, self.line = frame.f_code, frame.f_lasti, frame.f_lineno
        self.file, self.space, self.module = frame.f_code.co_filename, frame.f_globals, module


class Record:
    """What was seen since the last backward(): values and sites by node, and the frames whose variables give names."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []          # so that ids stay true
        self.values: dict[int, Any] = {}
        self.sites: dict[int, Site] = {}
        self.modules: dict[int, str] = {}
        self.frames: dict[int, FrameType] = {}
        self.last: tuple[Any, Any] | None = None
        self.root: Any = None

    def fill_scope(self, scope: Scope) -> None:
        """Give names from all frames that operations were in, the outermost first."""
        for frame in self.frames.values():
            scope.add(frame)

    def fill_places(self, names: Names) -> None:
        """Give the exact places of the steps."""
        sources: dict[str, Source] = {}
        spans: dict[tuple[Any, int], Any] = {}
        for step in names.graph.steps:
            site = self.sites.get(id(step.node))
            if site is None:
                continue
            if site.file not in sources:
                sources[site.file] = Source(site.file, site.space)
            key = site.code, site.lasti
            if key not in spans:
                spans[key] = position(site.code, site.lasti)
            source = sources[site.file]
            names.put(step, source, source.function(site.code), spans[key], site.line)
        self._name_modules(names.scope)

    def _name_modules(self, scope: Scope) -> None:
        """Paths of modules from the ids that were noted."""
        paths: dict[int, str] = {}
        for name, module in scope.modules.items():
            for path, child in module.named_modules():
                paths.setdefault(id(child), f"{name}.{path}" if path else name)
        for node in self.nodes:
            site = self.sites.get(id(node))
            if site is not None and site.module is not None and int(site.module) in paths:
                self.modules[id(node)] = paths[int(site.module)]


class recording:
    """A `with` block whose passes are explained: print(e), e.save("graph.html") and e.to_dict() after it.

    Each backward() gives one pass; what happened to the leaves between two of them (a step of the optimizer, zero_grad) is
    told too. A block without backward() gives the forward pass of what it computed last.

    >>> with recording() as e:
    ...     w = tinygrad_c.tensor(2., requires_grad=True)
    ...     for _ in range(2):
    ...         loss = (w * 3 - 5) ** 2
    ...         loss.backward()
    >>> [each["leaves"][0]["after"]["data"] for each in e.passes]
    [6.0, 12.0]
    """

    def __init__(self, lang: str = "en") -> None:
        self.explanation = Explanation([], lang)

    def __enter__(self) -> Explanation:
        self.record = Record()
        self.known: dict[int, tuple[Any, str, Any, Any]] = {}      # leaves after the last pass: tensor, name, value, .grad
        self.busy = False
        self.before = tape_view.observe(self._observe)
        self.patched = _Patched(self._backward)
        return self.explanation

    def __exit__(self, kind: Any, *exception: Any) -> None:
        self.patched.undo()
        tape_view.observe(self.before)
        record, frame = self.record, users_frame(sys._getframe(1))
        if record.nodes and record.root is not None and kind is None:
            self._add(record.root, None, frame)
        if self.explanation.passes and self.known:
            after = self._changes()
            if after:
                self.explanation.passes[-1]["after"] = after
        self.record = Record()
        self.known = {}

    # ---- What happens in the block

    def _observe(self, node: Any, out: Any) -> None:
        """A node was made."""
        if self.busy or len(self.record.nodes) >= MOST:
            return
        self.busy = True
        try:
            self._note(node, out)
        finally:
            self.busy = False

    def _note(self, node: Any, out: Any) -> None:
        record = self.record
        frame, module = _users_frame_and_module(sys._getframe(2))
        record.nodes.append(node)
        if frame is not None:
            record.frames.setdefault(id(frame), frame)
            record.sites[id(node)] = Site(frame, module)
        if out is None:
            return
        if record.last is not None and record.last[1] == out.data_ptr() and out.numel():
            record.values.pop(id(record.last[0]), None)     # written over by this one: it is computed again when needed
        with autograd.no_grad():
            record.values[id(node)] = out.detach().clone()
        record.last = node, out.data_ptr()
        record.root = node

    def _backward(self, root: Any, gradient: Any, frame: FrameType | None) -> Callable[[], None]:
        """backward() was called: explain it, and look at the leaves when it is done."""
        if self.busy:
            return lambda: None
        self.busy = True
        try:
            changes = self._changes()
            one = self._add(root, gradient, frame)
            if changes:
                one["between"] = changes
        finally:
            self.busy = False
        return self._look

    def _add(self, root: Any, gradient: Any, frame: FrameType | None) -> dict[str, Any]:
        if not tape_view.is_tensor(root):
            root = tape_view.stand_for(root, self.record.values.get(id(root)))
            gradient = None
            forward_only = True
        else:
            forward_only = False
        one = one_pass(root, gradient, frame, record=self.record, forward_only=forward_only)
        self.explanation.passes.append(one)
        graph = tape_view.read(root)
        scope = Scope()
        if frame is not None:
            scope.add(frame)
        self.record.fill_scope(scope)
        self.leaves = [(leaf.tensor, scope.name_of(leaf.tensor) or "?") for leaf in graph.leaves]
        if not forward_only:
            self.record = Record()
        return one

    def _look(self) -> None:
        """Remember the leaves as the pass left them."""
        for tensor, name in self.leaves:
            grad = None if tensor.grad is None else tensor.grad.detach().clone()
            self.known[id(tensor)] = tensor, name, tensor.detach().clone(), grad

    def _changes(self) -> list[dict[str, Any]]:
        """What was done to the leaves since the last pass."""
        found: list[dict[str, Any]] = []
        for tensor, name, value, grad in self.known.values():
            now = tensor.detach()
            if tuple(now.shape) == tuple(value.shape) and not bool((now == value).all().item()):
                found.append({"kind": "updated", "name": name, "before": summary(value), "after": summary(now.clone())})
            if grad is not None and bool((grad != 0).any().item()) and (
                    tensor.grad is None or not bool((tensor.grad != 0).any().item())):
                found.append({"kind": "zeroed", "name": name, "before": summary(grad),
                              "after": None if tensor.grad is None else summary(tensor.grad.detach())})
        return found


class _Patched:
    """Tensor.backward and autograd.backward tell first; undo() puts back what was there."""

    def __init__(self, tell: Callable[[Any, Any, Any], Callable[[], None]]) -> None:
        cls = tape_view.tensor_class()
        self.cls = cls
        self.module_function = autograd.backward
        method, function = cls.backward, autograd.backward

        def backward(self: Any, gradient: Any = None, retain_graph: Any = None, create_graph: bool = False,
                     inputs: Any = None) -> None:
            then = tell(self, gradient, users_frame(sys._getframe(1))) if inputs is None else _nothing
            method(self, gradient, retain_graph, create_graph, inputs)
            then()

        def backward_of(tensors: Any, grad_tensors: Any = None, retain_graph: Any = None, create_graph: bool = False,
                        inputs: Any = None) -> None:
            alone = tape_view.is_tensor(tensors) or (len(tensors) == 1 and tape_view.is_tensor(tensors[0]))
            then = _nothing
            if alone and inputs is None:
                root = tensors if tape_view.is_tensor(tensors) else tensors[0]
                gradient = grad_tensors if grad_tensors is None or tape_view.is_tensor(grad_tensors) else grad_tensors[0]
                then = tell(root, gradient, users_frame(sys._getframe(1)))
            function(tensors, grad_tensors, retain_graph, create_graph, inputs)
            then()

        cls.backward, autograd.backward = backward, backward_of

    def undo(self) -> None:
        del self.cls.backward
        autograd.backward = self.module_function


def _nothing() -> None:
    """Nothing is to be done afterwards."""


def _users_frame_and_module(frame: FrameType | None) -> tuple[FrameType | None, str | None]:
    """The program's frame that an operation is in, and the id of the innermost module whose forward is running."""
    module: str | None = None
    found: FrameType | None = None
    while frame is not None:
        if frame.f_code.co_name in ("forward", "__call__") and module is None:
            owner = frame.f_locals.get("self")
            if isinstance(owner, Module):
                module = str(id(owner))
        if found is None and users_frame(frame) is frame:
            found = frame
        if found is not None and module is not None:
            break
        frame = frame.f_back
    return found, module
