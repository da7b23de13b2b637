"""The door of the public functions that are written in Python: what is no tensor where one must be is told in torch's words.

A function runs as it is, and only when it has failed are its arguments looked at: a call costs some 100 ns more. The functions
of a training step, whose kernels look at their arguments anyway, stay as they are.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from types import FunctionType
from typing import Any

from tinygrad_c.ops.arguments import not_a_tensor
from tinygrad_c.slots import guarded

IN_A_STEP = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gelu", "l1_loss",
                       "log_softmax", "mse_loss", "nll_loss", "relu", "smooth_l1_loss", "softmax"})
NOT_TENSORS = ("tensors", "equation", "model", "obj", "elements")


def door(function: Any, module: str) -> Any:
    """The function as `module` shows it: another for one in Python that takes a tensor first, else itself."""
    if type(function) not in (FunctionType, partial) or function.__name__ in IN_A_STEP:
        return function
    if "at_door" in function.__dict__:
        return function.at_door
    names, kinds = parameters(function)
    if not names or kinds.get(names[0], "Tensor") not in TENSORS or names[0] in NOT_TENSORS:
        return function
    guard = update_wrapper(guarded(function, explain), function)
    guard.__module__ = module           # where pickle finds it
    guard.at_door = function.at_door = guard
    return guard


def doors(namespace: dict[str, Any]) -> None:
    """All public functions of a module get their door."""
    module = namespace["__name__"]
    for name in namespace.get("__all__") or [*namespace]:
        if name[0] != "_" and name in namespace:
            namespace[name] = door(namespace[name], module)


# Names of parameters that are tensors in all functions that leave them without an annotation.
ALWAYS = ("input", "A", "B", "L", "LU", "LU_data", "LU_pivots", "b", "batch1", "batch2", "count", "index", "input1", "input2",
          "logits", "mask", "mat", "mat1", "mat2", "other", "pivots", "source", "src", "tau", "target", "tensor1", "tensor2",
          "vec", "vec1", "vec2", "weight", "x1", "x2", "y")
TENSORS = ("Tensor", "Tensor | None", "TensorBase | None", "Tensor | float", "float | Tensor")


def parameters(function: Callable) -> tuple[tuple[str, ...], dict[str, str]]:
    """The names of a function's parameters, and how they are annotated."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = function.__code__
    return code.co_varnames[:code.co_argcount + code.co_kwonlyargcount], function.__annotations__


def explain(function: Callable, args: tuple, kwargs: dict, error: Exception) -> None:
    """TypeError, if the function has failed and an argument that must be a tensor is none."""
    names, kinds = parameters(function)
    room = function.__module__.split(".")[1]
    prefix = f"{room}_" if room in ("linalg", "special") else ""
    given = {**dict(zip(names, args)), **kwargs}
    for position, name in enumerate(names):
        value = given.get(name, error)
        if value is error or hasattr(value, "grad_fn"):
            continue
        kind = kinds.get(name, "Tensor" if position == 0 or name in ALWAYS else "")
        if kind == "Tensor" or (kind.endswith("| None") and kind in TENSORS and value is not None) or (
                kind in TENSORS and not isinstance(value, (int, float)) and value is not None) or (
                isinstance(error, AttributeError) and not kind and error.obj is value):
            raise not_a_tensor(value, prefix + function.__name__, name, position + 1) from None
