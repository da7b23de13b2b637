"""The names of torch.func: function transforms. grad(f) is the gradient of f. They nest: grad(grad(f)), vmap(grad(f)).

Arguments may be tensors, or dicts, lists and tuples of them. All derivatives use backward passes. vmap calls the function
once per element of the batch and stacks the results: it makes programs shorter, not faster.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from tinygrad_c import autograd
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard_all
from tinygrad_c.autograd import enable_grad, is_grad_enabled
from tinygrad_c.autograd.functional import stack_rows
from tinygrad_c.core.hooks import AccumulateGrad
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.create.create import full, zeros_like
from tinygrad_c.ops.random.random import get_rng_state, set_rng_state
from tinygrad_c.ops.shape.shape import stack

__all__ = ["functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
           "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap"]
__getattr__, __dir__ = lazy_names(globals())


# ---- Nested containers

def flatten(tree: Any) -> list:
    """The leaves of a tree of dicts, lists and tuples, in order."""
    if isinstance(tree, dict):
        return [leaf for each in tree.values() for leaf in flatten(each)]
    if isinstance(tree, (list, tuple)):
        return [leaf for each in tree for leaf in flatten(each)]
    return [tree]


def rebuild(tree: Any, leaves: list) -> Any:
    """The same tree with other leaves."""
    return _build(tree, iter(leaves))


def _build(tree: Any, leaves: Iterator) -> Any:
    if isinstance(tree, dict):
        return type(tree)((key, _build(value, leaves)) for key, value in tree.items())
    if isinstance(tree, (list, tuple)):
        items = [_build(value, leaves) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return next(leaves)


def tree_map(f: Callable, tree: Any) -> Any:
    """The same tree with f applied to each leaf."""
    return rebuild(tree, [f(leaf) for leaf in flatten(tree)])


# ---- Gradients

def _fresh(x: Any) -> Any:
    """A tensor to differentiate with respect to: a view that keeps x's history, or a new leaf."""
    if not isinstance(x, TensorBase):
        return x
    return x.view_as(x) if x.requires_grad and is_grad_enabled() else x.detach().requires_grad_()


def _tracked(given: list, inputs: list, outputs: list) -> bool:
    """Whether the result must stay differentiable: the arguments require grad, or the outputs' graph has another leaf."""
    if not is_grad_enabled():
        return False
    if any(isinstance(x, TensorBase) and x.requires_grad for x in given):
        return True
    own = {id(x) for x in inputs}
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
    u = [zeros_like(each.detach()).requires_grad_() for each in outs]
    return _grads(_grads(outs, inputs, u, True), u, tangents, tracked, True)


def _jacobian(func: Callable, argnums, has_aux: bool, forward: bool) -> Callable:
    @functools.wraps(func)
    def jacobian(*args, **kwargs):
        fresh, out, aux, tracked = _recorded(func, args, kwargs, argnums, has_aux, "jacobian(f)(*args)")
        outs, inputs = flatten(out), flatten(fresh)
        with enable_grad():
            found = _columns(outs, inputs, tracked) if forward else [_rows(each, inputs, tracked) for each in outs]
        per_output = [_as_chosen(rebuild(fresh, row), argnums) for row in found]
        result = _released(rebuild(out, per_output), tracked)
        return (result, _released(aux, tracked)) if has_aux else result
    return jacobian


def _rows(out: TensorBase, inputs: list, tracked: bool) -> list:
    """d out / d input for each input, with one backward pass per element of out."""
    rows = [_grads([each], inputs, None, tracked, True) for each in out.reshape(-1).unbind(0)] if out.numel() else []
    return stack_rows(rows, out, inputs)


def _columns(outs: list, inputs: list, tracked: bool) -> list:
    """The Jacobians [output][input] from directional derivatives, one per element of the inputs."""
    u = [zeros_like(each.detach()).requires_grad_() for each in outs]
    weighed = _grads(outs, inputs, u, True)
    found: list[list] = [[] for _ in outs]
    for x, row in zip(inputs, weighed):
        columns = [_grads([each], u, None, tracked, True) for each in row.reshape(-1).unbind(0)] if x.numel() else []
        for k, out in enumerate(outs):
            joined = stack([column[k] for column in columns], -1) if columns else full((*out.shape, 0), 0.0, dtype=out.dtype)
            found[k].append(joined.reshape((*out.shape, *x.shape)))
    return found


def jacrev(func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False,
           chunk_size: int | None = None) -> Callable:
    """A function that returns the Jacobian of func with respect to argument argnums: one backward pass per output element.

    >>> jacrev(lambda x: x * x)(tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    return _jacobian(func, argnums, has_aux, False)


def jacfwd(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *,
           randomness: str = "error") -> Callable:
    """Like jacrev, but with one pass per element of the input: faster if the input is smaller than the output.

    >>> jacfwd(lambda x: x.sum() * x)(tensor([1., 2.]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    return _jacobian(func, argnums, has_aux, True)


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """A function that returns the Hessian of func with respect to argument argnums.

    >>> hessian(lambda x: (x ** 3).sum())(tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


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


# ---- Batches

def vmap(func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable:
    """A function that calls func for each element of a batch and stacks the results. It is a loop: shorter, not faster.

    in_dims is the batch dimension of each argument, out_dims the batch dimension of the results: an int, or a structure like
    the arguments or results. None, and keyword arguments, are passed whole to each call. If func uses random numbers,
    `randomness` must be "different" or "same". chunk_size is ignored. ValueError for in_dims or out_dims that do not match,
    for batch sizes that differ, and for results that are not tensors.

    >>> vmap(lambda x, w: (x * w).sum(), in_dims=(0, None))(tensor([[1., 2.], [3., 4.]]), tensor([1., 10.]))
    tensor([21., 43.])
    >>> vmap(grad(lambda w, x: (w * x).square().sum()), in_dims=(None, 0))(tensor(1.), tensor([1., 2.]))    # one per sample
    tensor([2., 8.])
    """
    name = getattr(func, "__name__", "f")
    called = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for vmap randomness are 'error', 'different', or 'same'. Got {randomness!r}")

    @functools.wraps(func)
    def batched(*args, **kwargs):
        if not args:
            raise ValueError(f"{called}: got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a "
                             "function with no inputs. The latter is unsupported.")
        if not isinstance(in_dims, (int, tuple, list)):
            raise ValueError(f"{called}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure "
                             f"of inputs, got: {type(in_dims)}.")
        dims = [in_dims] * len(args) if isinstance(in_dims, int) else in_dims
        wrong = f"{called}: in_dims is not compatible with the structure of `inputs`: {len(args)} arguments"
        places = _expand(tuple(dims), args, wrong)
        leaves = [flatten(arg) for arg in args]
        places = [[places.pop(0) for _ in row] for row in leaves]
        for leaf, dim in [pair for row, where in zip(leaves, places) for pair in zip(row, where) if pair[1] is not None]:
            if not isinstance(leaf, TensorBase):
                raise ValueError(f"{called}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot "
                                 "vmap over non-Tensor arguments, please use None as the respective in_dim")
            if not -leaf.ndim <= dim < leaf.ndim:
                raise ValueError(f"{called}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality "
                                 f"{leaf.ndim} so expected in_dim to satisfy -{leaf.ndim} <= in_dim < {leaf.ndim}.")
        sizes = {leaf.shape[dim] for row, where in zip(leaves, places) for leaf, dim in zip(row, where) if dim is not None}
        if not sizes:
            raise ValueError(f"{called}: at least one argument must have a batch dimension, but in_dims is None for all")
        if len(sizes) > 1:
            raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                             f"{sorted(sizes)} for the mapped dimension")
        results = []
        random = get_rng_state()
        for i in range(sizes.pop()):
            if randomness == "same":
                set_rng_state(random)
            here = [rebuild(arg, [leaf if dim is None else leaf.select(dim, i) for leaf, dim in zip(row, where)])
                    for arg, row, where in zip(args, leaves, places)]
            results.append(func(*here, **kwargs))
            if randomness == "error" and not i and get_rng_state().tolist() != random.tolist():
                raise RuntimeError("vmap: called random operation while in randomness error mode. Please either use the 'same' "
                                   "or 'different' randomness flags on vmap or perform the randomness operation out of vmap")
        if not results:
            raise ValueError("vmap: the batch is empty, so the shapes of the results are unknown")
        columns = list(zip(*[flatten(each) for each in results]))
        where = _expand(out_dims, results[0], f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible "
                        "with the structure of `outputs`")
        for leaf, dim in zip(flatten(results[0]), where):
            if not isinstance(leaf, TensorBase) and dim is not None:
                raise ValueError(f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(leaf)}. Did you mean "
                                 "to set out_dims= to None for output?")
        return rebuild(results[0], [column[0] if dim is None else stack(list(column), dim)
                                    for column, dim in zip(columns, where)])
    return batched


def _expand(dims: Any, tree: Any, wrong: str) -> list:
    """One dim per leaf of the tree. An int or None applies to its whole subtree. ValueError(wrong) if the structures differ."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(flatten(tree))
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        return [d for key in tree for d in _expand(dims[key], tree[key], wrong)]
    if isinstance(dims, (tuple, list)) and isinstance(tree, (tuple, list)) and len(dims) == len(tree):
        return [d for each, part in zip(dims, tree) for d in _expand(each, part, wrong)]
    raise ValueError(wrong)


# ---- Modules as functions

def functional_call(module, parameter_and_buffer_dicts: dict | tuple, args: Any = None, kwargs: dict | None = None, *,
                    tie_weights: bool = True, strict: bool = False):
    """module(*args, **kwargs) with other parameters and buffers, by name. Afterwards the module has its own ones again.

    >>> layer = Linear(1, 1)
    >>> functional_call(layer, {"weight": tensor([[2.]]), "bias": tensor([1.])}, tensor([[3.]]))
    tensor([[7.]])
    """
    given: dict = {}
    for each in (parameter_and_buffer_dicts if isinstance(parameter_and_buffer_dicts, (tuple, list)) else [
            parameter_and_buffer_dicts]):
        given.update(each)
    own = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    unknown_names = [name for name in given if name not in own]
    missing = [name for name in own if name not in given]
    if unknown_names or (strict and missing):
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}: unexpected key(s) "
                           f"{', '.join(unknown_names) or 'none'}, missing key(s) "
                           f"{', '.join(missing) if strict else 'not checked'}")
    if tie_weights:
        by_tensor = {id(own[name]): value for name, value in given.items()}
        given = {**{name: by_tensor[id(t)] for name, t in own.items() if id(t) in by_tensor}, **given}
    modules = dict(module.named_modules(remove_duplicate=False))
    kept = []
    try:
        for name, value in given.items():
            path, _, last = name.rpartition(".")
            attributes = modules[path].__dict__
            kept.append((attributes, last, attributes[last]))
            attributes[last] = value
        args = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*args, **(kwargs or {}))
    finally:
        for attributes, last, before in reversed(kept):
            attributes[last] = before


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Remove the running statistics of every BatchNorm, so that it always uses the batch's: vmap cannot update them.

    >>> from tinygrad_c.nn import BatchNorm1d
    >>> replace_all_batch_norm_modules_(BatchNorm1d(2)).running_mean is None
    True
    """
    for module in root.modules():
        if any(each.__name__ == "_BatchNorm" for each in type(module).__mro__) and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def stack_module_state(models: list) -> tuple[dict, dict]:
    """(parameters, buffers) of models of the same structure, by name, stacked along a new first dimension, for vmap.

    >>> parameters, buffers = stack_module_state([Linear(2, 1) for _ in range(3)])
    >>> {name: value.shape for name, value in parameters.items()}
    {'weight': torch.Size([3, 1, 2]), 'bias': torch.Size([3, 1])}
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    parameters = {name: stack([dict(m.named_parameters())[name].detach() for m in models]).requires_grad_()
                  for name, _ in models[0].named_parameters()}
    buffers = {name: stack([dict(m.named_buffers())[name] for m in models]) for name, _ in models[0].named_buffers()}
    return parameters, buffers


guard_all(globals(), keywords=True)
