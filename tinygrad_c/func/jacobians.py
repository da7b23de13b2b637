"""Jacobians and Hessians: jacrev, jacfwd, hessian.

A Jacobian has a row per element of the output, a backward pass each. More than a few rows are found in one pass: the function
runs on a batch of copies of its arguments, as inside vmap, and copy i gives row i. If it cannot run on a batch (.item(),
random numbers, operations without a rule), the rows are found one after the other.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from math import prod
from typing import Any

from tinygrad_c.autograd import enable_grad
from tinygrad_c.autograd.functional import stack_rows
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.func.batched import Level, batch_of, is_at, wrap
from tinygrad_c.func.gradients import _as_chosen, _cotangents, _grads, _picked, _recorded, _released
from tinygrad_c.func.mapping import level_of
from tinygrad_c.func.trees import flatten, rebuild
from tinygrad_c.ops.create.create import eye, full, zeros_
from tinygrad_c.ops.shape.rearrange import movedim
from tinygrad_c.ops.shape.shape import cat, stack

FEW = 4         # rows: so many backward passes cost less than running the function again
MOST = 1024     # copies at a time, if chunk_size does not say


# ---- One row after the other

def _one_by_one(outs: list, inputs: list, tracked: bool) -> list:
    """d out / d input for each output and input, with one backward pass per element of the outputs."""
    return [_rows(each, inputs, tracked) for each in outs]


def _rows(out: TensorBase, inputs: list, tracked: bool) -> list:
    rows = [_grads([each], inputs, None, tracked, True) for each in out.reshape(-1).unbind(0)] if out.numel() else []
    return stack_rows(rows, out, inputs)


def _columns(outs: list, inputs: list, tracked: bool) -> list:
    """The Jacobians [output][input] from directional derivatives, one per element of the inputs."""
    u = _cotangents(outs)
    weighed = _grads(outs, inputs, u, True)
    found: list[list] = [[] for _ in outs]
    for x, row in zip(inputs, weighed):
        columns = [_grads([each], u, None, tracked, True) for each in row.reshape(-1).unbind(0)] if x.numel() else []
        for k, out in enumerate(outs):
            joined = stack([column[k] for column in columns], -1) if columns else full((*out.shape, 0), 0.0, dtype=out.dtype)
            found[k].append(joined.reshape((*out.shape, *x.shape)))
    return found


# ---- A batch of copies

def _selecting(tensors: list, start: int, stop: int, level: Level) -> list:
    """One-hot weights: counted through all tensors, element `start` + i is 1 in copy i."""
    found, before = [], 0
    for each in tensors:
        n = each.numel()
        first, last = max(start, before), min(stop, before + n)
        weight = zeros_(stop - start, n, dtype=each.dtype)
        if first < last:
            weight[first - start:last - start, first - before:last - before] = eye(last - first, dtype=each.dtype)
        found.append(wrap(weight.reshape((stop - start, *each.shape)), level))
        before += n
    return found


def _in_blocks(rows: Any, shapes: list) -> list:
    """The rows of a batch, cut into a block for each shape: (*shape, *rest)."""
    found, before = [], 0
    for shape in shapes:
        n = prod(shape)
        found.append(rows[before:before + n].reshape((*shape, *rows.shape[1:])))
        before += n
    return found


def _in_chunks(total: int, chunk_size: int | None, rows_of: Callable[[int, int], list]) -> list | None:
    """rows_of(start, stop) for all rows, joined; None if the function cannot run on a batch."""
    size = chunk_size or MOST
    try:
        parts = [rows_of(start, min(start + size, total)) for start in range(0, total, size)]
    except Exception:       # whatever it is: without a batch it is raised again, or not at all
        return None
    return parts[0] if len(parts) == 1 else [cat(list(column)) for column in zip(*parts)]


def _is_float(tensors: list) -> bool:
    return all(isinstance(each, TensorBase) and each.is_floating_point() for each in tensors)


def jacrev(func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False,
           chunk_size: int | None = None) -> Callable:
    """A function that returns the Jacobian of func with respect to argument argnums, from backward passes.

    If the output has more than a few elements, func is called twice: the second time on a batch of copies of the arguments, at
    most chunk_size at a time.

    >>> jacrev(lambda x: x * x)(tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    @functools.wraps(func)
    def jacobian(*args, **kwargs):
        fresh, out, aux, tracked = _recorded(func, args, kwargs, argnums, has_aux, "jacobian(f)(*args)")
        outs, inputs = flatten(out), flatten(fresh)
        total = sum([each.numel() for each in outs])

        def rows_of(start: int, stop: int) -> list:
            with level_of(stop - start, loops=False) as level:
                fresh, out, _, tracked = _recorded(func, args, kwargs, argnums, has_aux, "jacobian(f)(*args)")
                return [batch_of(each, level) for each in _grads(flatten(out), flatten(fresh),
                                                                 _selecting(outs, start, stop, level), tracked)]

        with enable_grad():
            rows = _in_chunks(total, chunk_size, rows_of) if total > FEW and _is_float(outs + inputs) else None
            if rows is None:
                found = _one_by_one(outs, inputs, tracked)
            else:
                found = [*zip(*[_in_blocks(each, [out.shape for out in outs]) for each in rows])]
        result = _arranged(out, fresh, found, argnums, tracked)
        return (result, _released(aux, tracked)) if has_aux else result
    return jacobian


def _arranged(out: Any, fresh: list, found: list, argnums: int | tuple[int, ...], tracked: bool) -> Any:
    """The Jacobians [output][input] in the structure of the output, and in it that of the arguments."""
    return _released(rebuild(out, [_as_chosen(rebuild(fresh, list(row)), argnums) for row in found]), tracked)


def jacfwd(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *,
           randomness: str = "error") -> Callable:
    """Like jacrev, but with a directional derivative per element of the input: faster if the input is smaller than the output.

    >>> jacfwd(lambda x: x.sum() * x)(tensor([1., 2.]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    @functools.wraps(func)
    def jacobian(*args, **kwargs):
        given = flatten([_picked(args, argnums)])
        total = sum([each.numel() for each in given]) if _is_float(given) else 0
        seen: list = []

        def columns_of(start: int, stop: int) -> list:
            with level_of(stop - start, loops=False) as level:
                fresh, out, aux, tracked = _recorded(func, args, kwargs, argnums, has_aux, "jacobian(f)(*args)")
                outs, inputs = flatten(out), flatten(fresh)
                if not _is_float(outs):
                    raise TypeError("jacfwd: the outputs must be floating point tensors")
                u = _cotangents(outs)
                columns = _grads(_grads(outs, inputs, u, True), u, _selecting(inputs, start, stop, level), tracked, True)
                if not seen:
                    seen.append((rebuild(out, [_first(each, level) for each in outs]), fresh, tracked,
                                 rebuild(aux, [_first(each, level) for each in flatten(aux)])))
                return [batch_of(each, level) for each in columns]

        with enable_grad():
            columns = _in_chunks(total, None, columns_of) if total else None
            if columns is None:
                fresh, out, aux, tracked = _recorded(func, args, kwargs, argnums, has_aux, "jacobian(f)(*args)")
                found = _columns(flatten(out), flatten(fresh), tracked)
            else:
                out, fresh, tracked, aux = seen[0]
                shapes = [each.shape for each in given]
                found = [[movedim(block, tuple(range(len(shape))), tuple(range(-len(shape), 0))) if shape else block
                          for block, shape in zip(_in_blocks(each, shapes), shapes)] for each in columns]
        result = _arranged(out, fresh, found, argnums, tracked)
        return (result, _released(aux, tracked)) if has_aux else result
    return jacobian


def _first(x: Any, level: Level) -> Any:
    return x.batch[0] if is_at(x, level) else x


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """A function that returns the Hessian of func with respect to argument argnums.

    >>> hessian(lambda x: (x ** 3).sum())(tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    gradient = jacrev(func, argnums)

    @functools.wraps(func)
    def second(*args, **kwargs):
        given = flatten([_picked(args, argnums)])
        total = sum([each.numel() for each in given]) if _is_float(given) else 0
        shapes = [each.shape for each in given] if total else []
        seen: list = []

        def rows_of(start: int, stop: int) -> list:
            """Row i of each output's Hessians, (copies, *output, *input) for each output and input: one backward pass per
            element of the outputs, since element i of the gradient is differentiated in copy i."""
            with level_of(stop - start, loops=False) as level:
                fresh, slopes, _, tracked = _recorded(gradient, args, kwargs, argnums, False, "jacobian(f)(*args)")
                inputs = flatten(fresh)
                seen[:] = [(slopes, fresh, tracked)]
                weights = _selecting(inputs, start, stop, level)
                leaves, n = flatten(slopes), len(inputs)
                found = []
                for of_output in [leaves[k:k + n] for k in range(0, len(leaves), n)]:
                    size = of_output[0].shape[:of_output[0].ndim - inputs[0].ndim]
                    flat = [each.reshape(-1, *x.shape) for each, x in zip(of_output, inputs)]
                    passes = [_grads([each[o] for each in flat], inputs, weights, tracked, True) for o in range(prod(size))]
                    found += [batch_of(stack(list(column)).reshape((*size, *column[0].shape)), level)
                              for column in zip(*passes)]
                return found

        with enable_grad():
            rows = _in_chunks(total, None, rows_of) if total else None
        if rows is None:
            return jacfwd(gradient, argnums)(*args, **kwargs)
        slopes, fresh, tracked = seen[0]
        n, found = len(shapes), []
        for of_output in [rows[k:k + n] for k in range(0, len(rows), n)]:       # (copies, *output, *input j) for each j
            blocks = [_in_blocks(each, shapes) for each in of_output]            # [j][i]: (*input i, *output, *input j)
            for i, shape in enumerate(shapes):
                after = of_output[0].ndim - 1 - len(shapes[0])
                found.append([movedim(blocks[j][i], tuple(range(len(shape))), tuple(range(after, after + len(shape))))
                              if shape and after else blocks[j][i] for j in range(n)])
        return _arranged(slopes, fresh, found, argnums, tracked)
    return second
