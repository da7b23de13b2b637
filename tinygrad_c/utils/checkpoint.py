"""torch.utils.checkpoint: less memory for more time. Intermediate results are recomputed in the backward pass."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_c import autograd
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.autograd import enable_grad, is_grad_enabled
from tinygrad_c.autograd.function import Function, once_differentiable
from tinygrad_c.core import tape
from tinygrad_c.core.hooks import AccumulateGrad
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.random.random import get_rng_state, set_rng_state

__all__ = ["checkpoint", "checkpoint_sequential"]
__getattr__, __dir__ = lazy_names(globals())


def checkpoint(function: Callable, *args: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True,
               context_fn: Any = None, determinism_check: str = "default", debug: bool = False, **kwargs: Any) -> Any:
    """function(*args), saving only its inputs. The backward pass runs the function again to compute the intermediate results.

    Parameters that the function uses get gradients too, and so do tensors computed before the call. preserve_rng_state:
    random numbers (dropout) are the same both times. Double backward through it raises.

    >>> x = tinygrad_c.ones(2, requires_grad=True)
    >>> checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([-2.4783, -2.4783])
    """
    if not is_grad_enabled():
        return function(*args, **kwargs)
    state = get_rng_state() if preserve_rng_state else None
    inner = [x.detach().requires_grad_(x.requires_grad) if isinstance(x, TensorBase) else x for x in args]
    begun = tape._last_number()
    with enable_grad():
        result = function(*inner, **kwargs)
    outputs = result if isinstance(result, tuple) else (result,)
    own = {id(x) for x in inner}
    parameters = [x for x in reached_from(outputs, begun) if id(x) not in own]
    kept = tuple([out.detach() if isinstance(out, TensorBase) else out for out in outputs])
    made = CheckpointFunction.apply(lambda *given: function(*given, **kwargs), (state,), kept, len(args), *args, *parameters)
    return made if isinstance(result, tuple) else made[0]


def reached_from(outputs: tuple, begun: int) -> list[TensorBase]:
    """The tensors that receive the gradients of the outputs: leaves, and outputs of nodes created before the call (number <=
    `begun`). The outer backward pass visits those nodes later, when the gradients of their other uses are added."""
    found, seen = [], set()
    todo = [out.grad_fn for out in outputs if isinstance(out, TensorBase) and out.grad_fn is not None]
    while todo:
        node = todo.pop()
        if isinstance(node, AccumulateGrad):
            if id(node.variable) not in seen:
                seen.add(id(node.variable))
                found.append(node.variable)
        elif id(node) not in seen:
            seen.add(id(node))
            if tape.node_number(node) <= begun:
                found.append(tape._tensor_at(node))
                continue
            todo += [each for each, _ in node.next_functions if each is not None]
    return found


class CheckpointFunction(Function):
    """Returns results that are already computed. Its backward runs the function again with recording."""

    @staticmethod
    def forward(ctx: Any, function: Callable, state: tuple, results: tuple, n: int, *tensors: Any) -> tuple:
        ctx.function, (ctx.state,), ctx.n = function, state, n
        ctx.others = [None if isinstance(x, TensorBase) else x for x in tensors]
        ctx.save_for_backward(*[x if isinstance(x, TensorBase) else None for x in tensors])
        ctx.set_materialize_grads(False)
        return results

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple:
        saved = [other if x is None else x for x, other in zip(ctx.saved_tensors, ctx.others)]
        inner = [x.detach().requires_grad_(x.requires_grad) if isinstance(x, TensorBase) else x for x in saved[:ctx.n]]
        now = get_rng_state()
        if ctx.state is not None:
            set_rng_state(ctx.state)
        with enable_grad():
            outputs = ctx.function(*inner)
        if ctx.state is not None:
            set_rng_state(now)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        ends = [(out, g) for out, g in zip(outputs, grads) if g is not None and out.requires_grad]
        by = [x for x in (*inner, *saved[ctx.n:]) if isinstance(x, TensorBase) and x.requires_grad]
        found = iter(autograd.grad([out for out, _ in ends], by, [g for _, g in ends], allow_unused=True)
                     if ends and by else [None] * len(by))
        return None, None, None, None, *[next(found) if isinstance(x, TensorBase) and x.requires_grad else None
                                         for x in (*inner, *saved[ctx.n:])]


def checkpoint_sequential(functions: Sequence[Callable], segments: int, input: Any, use_reentrant: bool | None = None,
                          **kwargs: Any) -> Any:
    """Apply the functions in order, in segments. Only the inputs of the segments are saved.

    >>> x = tinygrad_c.tensor(3., requires_grad=True)
    >>> checkpoint_sequential([tinygrad_c.square, tinygrad_c.exp], 2, x, use_reentrant=False)
    tensor(8103.0840, grad_fn=<ExpBackward0>)
    """
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = max(len(functions) // segments, 1)

    def run(part: list[Callable]) -> Callable:
        def run_all(x: Any) -> Any:
            for each in part:
                x = each(x)
            return x
        return run_all
    starts = [i * size for i in range(min(segments, len(functions)))]
    for start in starts[:-1]:
        input = checkpoint(run(functions[start:start + size]), input, use_reentrant=use_reentrant, **kwargs)
    return run(functions[starts[-1]:])(input)
