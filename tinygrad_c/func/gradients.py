"""Gradients of functions: grad, vjp, jvp. All use backward passes.

Inside vmap the same code runs on batched tensors: each transform gives its function tensors of its own, one per element of the
batch, so that one backward pass over the sum of the batch finds the gradient of each element.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tinygrad_c import autograd
from tinygrad_c.autograd import enable_grad, is_grad_enabled
from tinygrad_c.core.hooks import AccumulateGrad
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.func.batched import at_all_levels, with_bottom, without_levels
from tinygrad_c.func.trees import flatten, rebuild, tree_map
from tinygrad_c.ops.create.create import zeros_like


def _fresh(x: Any) -> Any:
    """A tensor to differentiate with respect to, one per element of each vmap that is running: a view that keeps x's history,
    or a new leaf."""
    if not isinstance(x, TensorBase):
        return x
    x = at_all_levels(x)
    return x.view_as(x) if x.requires_grad and is_grad_enabled() else with_bottom(x, lambda x: x.detach().requires_grad_())


def _tracked(given: list, inputs: list, outputs: list) -> bool:
    """Whether the result must stay differentiable: the arguments require grad, or the outputs' graph has another leaf."""
    if not is_grad_enabled():
        return False
    if any(isinstance(x, TensorBase) and x.requires_grad for x in given):
        return True
    own = {id(without_levels(x)) for x in inputs}
    todo = [out.grad_fn for out in outputs if isinstance(out, TensorBase) and out.grad_fn is not None]
    seen = set()
    while todo:
        node = todo.pop()
        if isinstance(node, AccumulateGrad):
            if id(node.variable) not in own:
                return True
        elif id(node) not in seen:
            seen.add(id(node))
            todo += [each for each, _ in node.next_functions if each is not None]
    return False


def _picked(args: tuple, argnums: int | tuple[int, ...]) -> list:
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
    return [args[n] for n in numbers]


def _replaced(args: tuple, argnums: int | tuple[int, ...], new: list) -> tuple:
    args = list(args)
    for n, each in zip((argnums,) if isinstance(argnums, int) else argnums, new):
        args[n] = each
    return tuple(args)


def _recorded(func: Callable, args: tuple, kwargs: dict, argnums: int | tuple[int, ...], has_aux: bool, call: str) -> tuple:
    """Call func with recording on fresh tensors for the chosen arguments. Returns (these tensors, its value, aux, whether the
    result must stay differentiable)."""
    chosen = _picked(args, argnums)
    fresh = [tree_map(_fresh, each) for each in chosen]
    with enable_grad():
        out, aux = func(*_replaced(args, argnums, fresh), **kwargs), None
    if has_aux:
        if not isinstance(out, tuple) or len(out) != 2:
            raise RuntimeError(f"{call}: output of function f should be a tuple: (output, aux) if has_aux is True")
        out, aux = out
    return fresh, out, aux, _tracked(flatten(chosen), flatten(fresh), flatten(out))


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """A function that returns (gradient of func with respect to argument argnums, value); with has_aux, (..., (value, aux)).

    >>> grad_and_value(lambda x: x ** 2)(tensor(3.))
    (tensor(6.), tensor(9.))
    """
    call = "grad_and_value(f)(*args)"

    @functools.wraps(func)
    def gradient(*args, **kwargs):
        fresh, out, aux, tracked = _recorded(func, args, kwargs, argnums, has_aux, call)
        if not isinstance(out, TensorBase):
            raise RuntimeError(f"{call}: Expected f(*args) to return a Tensor, got {type(out)}")
        if out.ndim != 0:
            raise RuntimeError(f"{call}: Expected f(*args) to return a scalar tensor, got tensor with {out.ndim} dims. Maybe "
                               "you wanted to use the vjp or jacrev APIs instead?")
        results = rebuild(fresh, _grads([out], flatten(fresh), None, tracked))
        value = _released(out, tracked)
        return _as_chosen(results, argnums), ((value, _released(aux, tracked)) if has_aux else value)
    return gradient


def _as_chosen(results: list, argnums: int | tuple[int, ...]) -> Any:
    """The results for the chosen arguments: one result if argnums is an int, else a tuple."""
    return results[0] if isinstance(argnums, int) else tuple(results)


def _released(tree: Any, tracked: bool) -> Any:
    return tree if tracked else tree_map(lambda x: x.detach() if isinstance(x, TensorBase) else x, tree)


def _grads(outs: list, inputs: list, weights: list | None, tracked: bool, retain: bool = False) -> list:
    """The gradients of the weighted outputs with respect to the inputs. Zeros if there is none."""
    ends = [i for i, each in enumerate(outs) if each.requires_grad]
    by = [x for x in inputs if isinstance(x, TensorBase) and x.requires_grad]
    found: Any = [None] * len(by)
    if ends and by:
        found = autograd.grad([outs[i] for i in ends], by, None if weights is None else [weights[i] for i in ends],
                              retain_graph=True if retain or tracked else None, create_graph=tracked, allow_unused=True)
    grads = iter(found)
    made = [next(grads) if isinstance(x, TensorBase) and x.requires_grad else None for x in inputs]
    return [zeros_like(x.detach()) if g is None and isinstance(x, TensorBase) else g for x, g in zip(inputs, made)]


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """A function that returns the gradient of a scalar func with respect to argument argnums; with has_aux, also aux.

    >>> grad(grad(lambda x: x ** 3))(tensor(2.))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args, **kwargs):
        result, value = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result
    return gradient


def vjp(func: Callable, *primals, has_aux: bool = False):
    """(func(*primals), f) with f(v) = v J: a tuple with one gradient per primal, or one tensor for one primal; or also aux.

    >>> out, f = vjp(lambda x: x * x, tensor([1., 2.]))
    >>> f(tensor([1., 1.]))
    (tensor([2., 4.]),)
    """
    outside = is_grad_enabled()
    fresh, out, aux, tracked = _recorded(func, primals, {}, tuple(range(len(primals))), has_aux, "vjp(f, *primals)")
    outs, inputs = flatten(out), flatten(fresh)

    def function(*v):
        weights = flatten(v[0] if len(v) == 1 else v)
        if len(weights) != len(outs):
            raise RuntimeError(f"Expected pytree structure of cotangents to be the same as pytree structure of outputs to the "
                               f"function: there are {len(outs)} outputs and {len(weights)} cotangents")
        again = tracked or (outside and any(w.requires_grad for w in weights))
        return tuple(rebuild(fresh, _grads(outs, inputs, weights, again, True)))
    value, aux = _released(out, tracked), _released(aux, tracked)
    return (value, function, aux) if has_aux else (value, function)


def jvp(func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False):
    """(func(*primals), J tangents): the directional derivative, by two backward passes; with has_aux, also aux.

    >>> jvp(lambda x: x * x, (tensor([1., 2.]),), (tensor([1., 0.]),))
    (tensor([1., 4.]), tensor([2., 0.]))
    """
    fresh, out, aux, tracked = _recorded(func, primals, {}, tuple(range(len(primals))), has_aux, "jvp(f, primals, tangents)")
    tracked = tracked or (is_grad_enabled() and any(t.requires_grad for t in flatten(tangents)))
    with enable_grad():
        columns = _directional(flatten(out), flatten(fresh), flatten(tangents), tracked)
    value, direction, aux = _released(out, tracked), _released(rebuild(out, columns), tracked), _released(aux, tracked)
    return (value, direction, aux) if has_aux else (value, direction)


def linearize(func: Callable, *primals):
    """(func(*primals), f) with f(*tangents) = J tangents at these primals.

    >>> out, f = linearize(lambda x: x * x, tensor([1., 2.]))
    >>> f(tensor([1., 0.]))
    tensor([2., 0.])
    """
    value = func(*primals)
    return value, lambda *tangents: jvp(func, primals, tangents)[1]


def _directional(outs: list, inputs: list, tangents: list, tracked: bool) -> list:
    """J v. u J is linear in u, and the gradient of (u J) v with respect to u is J v."""
    u = _cotangents(outs)
    return _grads(_grads(outs, inputs, u, True), u, tangents, tracked, True)


def _cotangents(outs: list) -> list:
    """A u for each output: leaves of zeros, since the product u J is differentiated, not looked at."""
    return [_fresh(zeros_like(each.detach())) for each in outs]


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """Return func unchanged: the functions of this module support in-place operations.

    RuntimeError unless remove is "mutations" or "mutations_and_views".

    >>> grad(functionalize(lambda x: x.clone().mul_(3)))(tensor(1.))
    tensor(3.)
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError("functionalize(f, remove=...): Valid options for argument \"remove\" are [\"mutations\", "
                           f"\"mutations_and_views\"], got remove={remove}")
    return func
