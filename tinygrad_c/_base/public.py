"""@public marks a public function at its definition; guard raises PyTorch's TypeError when an argument that must be a Tensor
is not one, and names the nearest parameter for a misspelt keyword.

A public namespace exposes guard(function) for each marked function. The arguments are checked only after the call has failed,
so a call that succeeds costs some 100 ns more. Calls within the package go to the function itself. The functions of a training
step are not marked: their kernels check the arguments anyway. Of the public classes, the constructor is guarded.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from tinygrad_c._base import old_calls
from tinygrad_c._base.arguments import NUMPY, not_a_tensor

if TYPE_CHECKING:
    from inspect import Signature

Guarded: Any = None             # the compiled wrapper, core.tape.Guarded; set by ops/arguments.py


def register(wrapper: type) -> None:
    """Set the wrapper from the compiled module."""
    global Guarded
    Guarded = wrapper


class Public:
    """The arguments of @public."""

    __slots__ = ("axis", "node", "tensors")

    def __init__(self, tensors: str = "", node: str | None = None, axis: bool = False) -> None:
        self.tensors, self.node, self.axis = tensors, node, axis


FIRST = Public()
PACKAGE = __name__.partition(".")[0]
seen: set[type] = set()         # classes that are guarded


def public(tensors: Any = "", *, node: str | None = None, axis: bool = False) -> Callable:
    """Mark a function: `tensors` names the parameters that must be Tensors, "input weight bias? other#" (?: or None; #: or a
    number or None); by default the first. `node` is PyTorch's name of the grad_fn, for a function that is one operation there
    and composed of several here. With `axis`, NumPy's axis= and keepdims= are accepted for dim= and keepdim=.

    The function itself is returned, so calls within the package cost nothing; public namespaces expose guard(function).
    """
    if not isinstance(tensors, str):        # @public without arguments
        tensors._public = FIRST
        return tensors
    mark = Public(tensors, node, axis)

    def decorate(function: Callable) -> Callable:
        function._public = mark      # type: ignore[attr-defined]
        return function
    return decorate


def guard(function: Any, module: str) -> Any:
    """The function as `module` exposes it: guarded if it is marked, else itself. Of a class, the constructor is guarded."""
    if isinstance(function, type):
        guard_class(function)
        return function
    if not callable(function):
        return function
    mark = getattr(function, "_public", None)
    if mark is None:
        show_types(function)
        if getattr(function, "__name__", None) not in old_calls.NAMES:
            return function
        return guard_old(function)
    if "guarded" not in function.__dict__:
        function.guarded = Guarded(function, explain, mark.node, module)
    return function.guarded


def guard_old(function: Any) -> Any:
    """Guard a function that accepts the calls of 2018, in its module too: pickles name it there."""
    if "guarded" not in function.__dict__:
        explaining = explain if hasattr(function, "_public") else old_calls.explain
        function.guarded = Guarded(function, explaining, None, function.__module__)
        home = sys.modules.get(function.__module__)
        if getattr(home, function.__name__, None) is function:
            setattr(home, function.__name__, function.guarded)
    return function.guarded


def guard_class(cls: type) -> None:
    """Guard the constructor of a class, and those of its base classes in this package."""
    for each in cls.__mro__:
        if each in seen or not each.__module__.startswith(PACKAGE):
            continue
        seen.add(each)
        for name, member in vars(each).items():
            if name[0] != "_" or name == "__new__":
                member = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if isinstance(member, FunctionType):
                    show_types(member)
        constructor = vars(each).get("__init__")
        if isinstance(constructor, FunctionType):
            each.__init__ = Guarded(constructor, explain_keyword, None, constructor.__module__)     # type: ignore[misc]


class Annotation(str):
    """The text of an annotation. Its repr has no quotes, so that help() shows `bias: bool = True`."""

    __slots__ = ()
    __repr__ = str.__str__


class Annotations(dict):
    """The Annotation of each text; other annotations as they are."""

    def __missing__(self, text: Any) -> Any:
        self[text] = Annotation(text) if type(text) is str else text
        return self[text]


shown = Annotations()


def show_types(function: Any) -> None:
    """Make the annotations of a function readable in help()."""
    annotations = getattr(function, "__annotations__", ())
    for name in annotations:
        annotations[name] = shown[annotations[name]]


def signature(function: Any) -> Signature:
    """The signature of a function, its annotations readable."""
    import inspect
    show_types(function)
    return inspect.signature(function)


def guard_all(namespace: dict[str, Any], keywords: bool = False) -> None:
    """Guard the public functions and classes of a module. With `keywords`, functions that are not marked are guarded too: only
    a misspelt keyword is explained."""
    module = namespace["__name__"]
    made: dict[Any, Any] = {}       # two names of a function stay one object
    for name in namespace.get("__all__") or [*namespace]:
        if name[0] != "_" and name in namespace:
            value = namespace[name] = guard(namespace[name], module)
            if keywords and isinstance(value, FunctionType):
                if value not in made:
                    made[value] = Guarded(value, explain_keyword, None, value.__module__)
                namespace[name] = made[value]


def guard_methods(cls: type) -> None:
    """Guard the methods that have a node name or accept NumPy's axis=."""
    for base in reversed(cls.__mro__):
        for name, method in list(vars(base).items()):
            mark = getattr(method, "_public", None)
            wanted = name in old_calls.NAMES or (mark is not None and (mark.node or mark.axis))
            if not wanted or getattr(cls, name) is not method:
                continue
            if mark is None or not (mark.node or mark.axis):
                setattr(base, name, guard_old(method))
            else:
                setattr(cls, name, Guarded(method, explain, mark.node, method.__module__))


def parameters(function: Callable) -> tuple[str, ...]:
    """The parameter names of a function, below its decorators."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = function.__code__
    return code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]


# What other libraries call some parameters.
OTHER_WORDS = {
    "learning_rate": "lr", "learning_rate_init": "lr", "decay": "weight_decay", "l2": "weight_decay", "epsilon": "eps",
    "beta1": "betas", "beta2": "betas", "beta_1": "betas", "beta_2": "betas", "rho": "alpha", "parameters": "params",
    "axis": "dim", "axes": "dim", "keepdims": "keepdim", "rate": "p", "prob": "p", "dropout": "p", "units": "out_features",
    "filters": "out_channels", "input_dim": "in_features", "output_dim": "out_features", "kernel": "kernel_size",
    "filter_size": "kernel_size", "pool_size": "kernel_size", "strides": "stride", "use_bias": "bias",
    "vocab_size": "num_embeddings", "heads": "num_heads", "layers": "num_layers", "x": "input", "workers": "num_workers",
}


def explain_keyword(function: Any, args: tuple, kwargs: dict, error: Exception) -> None:
    """Raise a TypeError that names the nearest parameter, if `error` is about a keyword that the function does not have."""
    if not isinstance(error, TypeError) or "unexpected keyword argument" not in str(error) or "Did you mean" in str(error):
        return
    names = [name for name in parameters(function) if name != "self"]
    wrong = next((name for name in kwargs if name not in names), None)
    if wrong is None:
        return
    from difflib import get_close_matches
    near = [OTHER_WORDS[wrong]] if OTHER_WORDS.get(wrong) in names else get_close_matches(wrong, names, 1) or [
        name for name in names if wrong in name or (len(name) > 2 and name in wrong)]
    if near:
        raise TypeError(f"{error}. Did you mean {near[0]!r}?") from None


def explain(function: Any, args: tuple, kwargs: dict, error: Exception) -> tuple | None:
    """Called when a marked function has raised `error`. Returns (result,) if the call works with NumPy's axis= and keepdims=
    renamed, raises TypeError if an argument that must be a Tensor is not one, and returns None if the error is the right one.
    """
    mark = function._public
    if function.__name__ in old_calls.NAMES:
        found = old_calls.explain(function, args, kwargs, error)
        if found is not None:
            return found
    if mark.axis and isinstance(error, TypeError) and not NUMPY.keys().isdisjoint(kwargs):
        return (function(*args, **{NUMPY.get(name, name): value for name, value in kwargs.items()}),)
    explain_keyword(function, args, kwargs, error)
    names = parameters(function)
    given = {**dict(zip(names, args)), **kwargs}
    checked = {name.rstrip("?#"): name[-1] for name in (mark.tensors or names[0]).split(" ")}
    package = function.__module__.split(".")[1]
    prefix = f"{package}_" if package in ("linalg", "special") else ""
    for position, name in enumerate(names, names[0] != "self"):
        value = given.get(name, error)
        if value is error or hasattr(value, "grad_fn"):
            continue
        number = isinstance(value, (int, float))
        if number and isinstance(error, IndexError):        # accepted as a 0-d tensor: select(3, 0, 7)
            continue
        kind = checked.get(name)
        allowed = kind is None or (kind in "?#" and value is None) or (kind == "#" and number)
        if not allowed or (isinstance(error, AttributeError) and error.obj is value):
            raise not_a_tensor(value, prefix + function.__name__, name, position) from None
    return None
