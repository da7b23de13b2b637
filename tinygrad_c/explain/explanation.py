"""Explanation: what explain() gives. One or several passes as data, with three faces: print, page, to_dict."""
from __future__ import annotations

import json
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from tinygrad_c.autograd import no_grad
from tinygrad_c.explain import source as text_of_program
from tinygrad_c.explain import values
from tinygrad_c.explain.build import Builder
from tinygrad_c.explain.graph import Graph, Leaf, Step, has_hooks, is_tensor, read, run_backward, without_hooks
from tinygrad_c.explain.names import Names, Scope
from tinygrad_c.explain.replay import run_formulas

LANGUAGES = ("en", "zh")


class Explanation:
    """The forward and backward pass that computed a tensor and its gradient, with their numbers. It can be printed, saved as an
    HTML page, or converted to a dict; a notebook shows the page.

    >>> w = tinygrad_c.tensor(2., requires_grad=True)
    >>> e = explain((w * 3 - 5) ** 2, names={"w": w})
    >>> e.to_dict()["passes"][0]["leaves"][0]["total"]["data"]
    6.0
    """

    def __init__(self, passes: list[dict[str, Any]], lang: str = "en") -> None:
        if lang not in LANGUAGES:
            raise ValueError(f"lang must be one of {', '.join(map(repr, LANGUAGES))}, not {lang!r}")
        self.passes, self.lang = passes, lang

    def __str__(self) -> str:
        from tinygrad_c.explain.text import text
        return text(self.passes, self.lang)

    __repr__ = __str__

    def text(self, lang: str | None = None) -> str:
        """What print shows, in another language too: "en" or "zh".

        >>> e = explain(tinygrad_c.ones(2, requires_grad=True).sum())
        >>> "Backward pass" in e.text("en"), "反向传播" in e.text("zh")
        (True, True)
        """
        return str(Explanation(self.passes, lang or self.lang))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data that json.dumps takes: {"format", "version", "passes"}. NaN and infinities are strings.

        >>> e = explain(tinygrad_c.ones(2, requires_grad=True).sum())
        >>> sorted(e.to_dict()["passes"][0])
        ['backward', 'leaves', 'lines', 'notes', 'problems', 'result', 'steps', 'values']
        """
        return json.loads(json.dumps({"format": "tinygrad_c.explain", "version": 1, "passes": self.passes}))

    def html(self, lang: str | None = None) -> str:
        """The page: one HTML document that loads no other file.

        >>> explain(tinygrad_c.ones(2, requires_grad=True).sum()).html("en")[:15]
        '<!DOCTYPE html>'
        """
        from tinygrad_c.explain.page import page
        return page(self, lang)

    def save(self, path: Any, lang: str | None = None) -> None:
        """Write the page to a file. Without `lang` it begins in the language of the browser, if it has that one.

        >>> import os, tempfile
        >>> file = os.path.join(tempfile.mkdtemp(), "graph.html")
        >>> explain(tinygrad_c.ones(2, requires_grad=True).sum()).save(file)
        >>> os.path.getsize(file) < 300_000
        True
        """
        Path(path).write_text(self.html(lang), encoding="utf-8")

    def _repr_html_(self) -> str:
        from tinygrad_c.explain.page import in_notebook
        return in_notebook(self)


def explain(tensor: Any, gradient: Any = None, *, lang: str = "en", names: dict[str, Any] | None = None) -> Explanation:
    """How a tensor and its gradient are computed, line by line, with formulas and numbers.

    Call it before backward(), which frees the saved tensors. It does not change .grad, hooks or the graph. After backward() the
    values are computed again from the tensors that the program's variables still hold. A tensor that is not a scalar needs
    `gradient`, dL/d(tensor), of its shape; without it only the forward pass is shown. `names` gives names to tensors that are
    in no variable.

    Raises TypeError if `tensor` is not a Tensor.

    >>> w = tinygrad_c.tensor(2., requires_grad=True)
    >>> x = tinygrad_c.tensor(3.)
    >>> print(explain((w * x - 8) ** 2, names={"w": w, "x": x}).passes[0]["leaves"][0]["total"]["data"])
    -12.0
    """
    if not is_tensor(tensor):
        raise TypeError(f"explain() takes a Tensor, the loss for example, not {type(tensor).__name__}")
    frame = text_of_program.users_frame(sys._getframe(1))
    return Explanation([one_pass(tensor, gradient, frame, names)], lang)


def one_pass(tensor: Any, gradient: Any, frame: FrameType | None, given: dict[str, Any] | None = None,
             record: Any = None, forward_only: bool = False) -> dict[str, Any]:
    """The data of one pass; `record` is what recording() has seen of it."""
    with no_grad():
        graph = read(tensor)
        scope = Scope()
        for name, value in (given or {}).items():
            scope.take(name, value)
        if frame is not None:
            scope.add(frame)
        if record is not None:
            record.fill_scope(scope)
        names = Names(graph, scope)
        if record is not None:
            record.fill_places(names)
        if frame is not None:
            names.follow(frame)
        recorded, modules = ({}, {}) if record is None else (record.values, record.modules)
        notes: list[dict[str, Any]] = []
        hooks = has_hooks(graph)
        with without_hooks(graph):
            values.fill(graph, names, recorded)
            if (isinstance(graph.last, Step) or graph.leaves) and not forward_only:
                back(graph, gradient, notes, hooks)
            before = {leaf: before_pass(leaf, graph.freed) for leaf in graph.leaves}
            out = Builder(graph, names, modules).build(before)
        out["notes"] = notes
        return out


def before_pass(leaf: Leaf, done: bool) -> Any:
    """A leaf's .grad as it was before the pass; if that has run already, what is there now less what it brought."""
    now = None if leaf.tensor.grad is None else leaf.tensor.grad.detach().clone()
    if not done or now is None or leaf.gradient is None:
        return now
    return None if values.same(now, leaf.gradient) else now - leaf.gradient


def back(graph: Graph, gradient: Any, notes: list[dict[str, Any]], hooks: bool) -> None:
    """Run the backward pass if there can be one; note why not."""
    if gradient is None and graph.root.numel() != 1:
        notes.append({"kind": "no scalar", "shape": list(graph.root.shape)})
        return
    if graph.freed:
        notes.append({"kind": "replayed" if run_formulas(graph, gradient) else "freed"})
        return
    if hooks:
        notes.append({"kind": "hooks"})
    try:
        run_backward(graph, gradient)
    except RuntimeError as error:
        notes.append({"kind": "error", "text": str(error)})
