"""Writes the pages of the reference: every public name, its signature and its docstring."""
from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

SPACES = [      # the page's title, the namespace, what it holds
    ("tinygrad_c", "tinygrad_c", "Functions on tensors, and the modes."),
    ("Tensor", "tinygrad_c.Tensor", "What a tensor can do."),
    ("nn", "tinygrad_c.nn", "Layers, losses, and what they are made of."),
    ("nn.functional", "tinygrad_c.nn.functional", "The same as functions."),
    ("nn.init", "tinygrad_c.nn.init", "First values of parameters."),
    ("nn.utils", "tinygrad_c.nn.utils", "Clipping, normalisation, packing."),
    ("optim", "tinygrad_c.optim", "Optimizers."),
    ("optim.lr_scheduler", "tinygrad_c.optim.lr_scheduler", "Learning rates over time."),
    ("autograd", "tinygrad_c.autograd", "Differentiation."),
    ("autograd.graph", "tinygrad_c.autograd.graph", "The recorded graph."),
    ("func", "tinygrad_c.func", "Functions of functions."),
    ("explain", "tinygrad_c.explain", "Forward and backward, seen."),
    ("utils.data", "tinygrad_c.utils.data", "Datasets and loaders."),
    ("datasets", "tinygrad_c.datasets", "Data to learn with."),
    ("linalg", "tinygrad_c.linalg", "Linear algebra."),
    ("special", "tinygrad_c.special", "Special functions."),
    ("distributions", "tinygrad_c.distributions", "Probability distributions."),
]


def write_reference(folder: Path) -> int:
    """One page a namespace; gives how many names there are."""
    folder.mkdir(parents=True)
    count = 0
    for title, space, about in SPACES:
        owner = namespace(space)
        entries = [entry(space, name, value) for name, value in public(owner)]
        count += len(entries)
        page = [f"# {title}\n", about + "\n", *entries]
        (folder / f"{title}.md").write_text("\n".join(page), encoding="utf-8")
    listed = "\n".join(title for title, _, _ in SPACES)
    page = f"# API reference\n\nMade from the docstrings.\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    (folder / "index.md").write_text(page, encoding="utf-8")
    return count


def namespace(space: str) -> Any:
    if space == "tinygrad_c.Tensor":
        return import_module("tinygrad_c").Tensor
    return import_module(space)


def public(owner: Any) -> list[tuple[str, Any]]:
    """(name, value) of what has a docstring of its own."""
    names = getattr(owner, "__all__", None) or dir(owner)
    found = []
    for name in sorted(set(names)):
        if name.startswith("_"):
            continue
        value = inspect.getattr_static(owner, name) if isinstance(owner, type) else getattr(owner, name, None)
        text = getattr(value, "__doc__", None)
        if inspect.ismodule(value) or isinstance(value, (int, float, str, tuple)):
            continue
        if not isinstance(text, str) or not text.strip():
            continue
        if callable(value) or inspect.isdatadescriptor(value) or isinstance(value, (staticmethod, classmethod)):
            found.append((name, value))
    return found


def signature(name: str, value: Any) -> str:
    """The signature as text, or just the name where it cannot be known."""
    try:
        text = str(inspect.signature(value))
    except (TypeError, ValueError):
        return f"{name}(...)" if callable(value) else name
    text = re.sub(r"<[^>]*>", "...", text)
    try:
        ast.parse(f"def f{text}: pass")
    except SyntaxError:
        return f"{name}(...)"
    arguments = ast.parse(f"def f{text}: pass").body[0].args     # without annotations: the docstring says it in words
    for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if each is not None:
            each.annotation = None
    return f"{name}({ast.unparse(arguments)})"


def entry(space: str, name: str, value: Any) -> str:
    """One name, as a Sphinx object, so that index and search know it."""
    is_function = callable(value) or isinstance(value, (staticmethod, classmethod))
    kind = "class" if inspect.isclass(value) else "function" if is_function else "attribute"
    shown = signature(name, value) if kind != "attribute" else name
    body = markdown(inspect.cleandoc(value.__doc__))
    return f"::::{{py:{kind}}} {space}.{shown}\n\n{body}\n::::\n"


def markdown(doc: str) -> str:
    """A docstring as Markdown: examples as code, and nothing else taken as a sign."""
    parts: list[str] = []
    for block in re.split(r"\n\s*\n", doc):
        if ">>>" in block:
            before, _, example = block.partition(">>>")
            if before.strip():
                parts.append(escaped(before.strip()))
            parts.append("```pycon\n>>>" + example.rstrip() + "\n```")
        elif block.startswith("    "):
            parts.append("```text\n" + inspect.cleandoc(block) + "\n```")
        else:
            parts.append(escaped(block))
    return "\n\n".join(parts)


def escaped(text: str) -> str:
    return re.sub(r"([\\*_\[\]<>`$|~#:{}])", r"\\\1", " ".join(text.split()))
