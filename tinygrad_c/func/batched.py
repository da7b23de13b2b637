"""BatchedTensor, one element of a batch as the function inside vmap sees it, and what happens when an operation gets one.

    vmap(f)(x):   level = Level(B);   f(BatchedTensor with .batch = x, of shape (B, *))
    op(batched):  core/batched.pyx calls handle(op, args, kwargs), which looks up op's rule in rules.TABLE;
                  the rule calls op once, on the whole batch, whose first dimension is the batch's.

A BatchedTensor has the shape and the dtype of an element, and no memory. Its batch is an ordinary tensor, or a BatchedTensor of
an outer vmap. The ordinary tape records what the rules do, so gradients need no rules of their own.
"""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tinygrad_c._base import batched as hooks
from tinygrad_c._base.warn import warn_once
from tinygrad_c._tensor.tensor import Size, Tensor
from tinygrad_c.autograd.function import Function
from tinygrad_c.core import batched as watching
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.func.trees import flatten, rebuild
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.elementwise.operators import Operators
from tinygrad_c.ops.matmul.products import matmul
from tinygrad_c.ops.shape.rearrange import movedim
from tinygrad_c.ops.shape.shape import expand, select, stack

DATA_DEPENDENT = (
    "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor, please "
    "try to rewrite what you're doing with other operations: each element of the batch has a value of its own.")
CONTROL_FLOW = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support that yet: the "
    "function runs once for the whole batch. Write where(condition, a, b) for `a if condition else b`.")
NO_STORAGE = (
    "Cannot access data pointer of Tensor that doesn't have storage: inside vmap a tensor stands for every element of a batch")
IN_PLACE = (
    "vmap: {op}(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that has more elements "
    "than `self`. This happened due to `other` being vmapped over but `self` not being vmapped over in a vmap. Please try to "
    "use out-of-place operators instead of {op}: y = y + x for y += x, or make `self` with zeros_like(x) of a batched x.")


class NoRule(Exception):
    """Raised by a rule that does not cover its arguments: the operation is called for each element."""


class CannotLoop(Exception):
    """An operation without a rule, in a batch that its caller made to be faster than a loop."""


class Level:
    """A running vmap: the size of its batch, what random operations do in it, whether operations without a rule loop."""

    __slots__ = ("depth", "loops", "randomness", "size")

    def __init__(self, size: int, randomness: str, depth: int, loops: bool) -> None:
        self.size, self.randomness, self.depth, self.loops = size, randomness, depth, loops


class Running(threading.local):
    """The levels that are running in this thread, the innermost last."""

    def __init__(self) -> None:
        self.levels: list[Level] = []


running = Running()


def operator(name: str, function: Callable, reflected: bool = False) -> Any:
    """A method for one of Python's operators."""
    def method(self: BatchedTensor, other: Any) -> Any:
        if other is None:
            return NotImplemented
        return function(other, self) if reflected else function(self, other)
    method.__name__ = method.__qualname__ = name
    return method


class BatchedTensor(Tensor):
    """One element of a batch, for each element: the shape is an element's, `batch` is the tensor of all, `level` the vmap."""

    __slots__ = ("batch", "level")

    shape = property(lambda self: Size(watching.sizes(self)))
    ndim = property(watching.dimensions)
    dtype = property(watching.dtype_of)

    def dim(self) -> int:
        return self.ndim

    def numel(self) -> int:
        return watching.numel(self)

    ndimension, nelement = dim, numel

    def stride(self, dim: int | None = None) -> Any:
        strides = watching.strides(self)
        return strides if dim is None else strides[dim]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return watching.is_contiguous_tensor(self)

    # Raised by what does not look at its arguments for a batched tensor: y += x of an ordinary y.
    _no_memory = IN_PLACE.format(op="inplace arithmetic")

    # ---- What would read an element's value

    def item(self) -> Any:
        raise RuntimeError(DATA_DEPENDENT)

    def __bool__(self) -> bool:
        raise RuntimeError(CONTROL_FLOW)

    __float__ = __int__ = __index__ = __complex__ = __round__ = item

    def numpy(self, *, force: bool = False) -> Any:
        raise RuntimeError(NO_STORAGE)

    def tolist(self) -> Any:
        raise RuntimeError(NO_STORAGE)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError(NO_STORAGE)

    def __repr__(self) -> str:
        batch = repr(self.batch).replace("\n", "\n    ")
        return f"BatchedTensor(lvl={self.level.depth + 1}, bdim=0, value=\n    {batch}\n)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> Any:
        raise RuntimeError(NO_STORAGE)

    def __deepcopy__(self, memo: dict) -> Any:
        return wrap(self.batch.clone(), self.level)

    # ---- Gradients

    @property
    def requires_grad(self) -> bool:
        return self.batch.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        raise RuntimeError(
            "You are attempting to call Tensor.requires_grad_() (or perhaps using torch.autograd.functional.* APIs) inside of "
            "a function being transformed by a functorch transform. This is unsupported, please attempt to use the functorch "
            "transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside of a function being "
            "transformed instead.")

    @property
    def grad_fn(self) -> Any:
        return self.batch.grad_fn

    @property
    def is_leaf(self) -> bool:
        return self.batch.is_leaf

    @property
    def grad(self) -> None:
        return None

    def backward(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("backward() called inside a functorch transform. This is not supported, please use functorch.grad "
                           "or functorch.vjp instead or call backward() outside of functorch transforms.")

    def detach(self) -> Any:
        return wrap(self.batch.detach(), self.level)

    @property
    def data(self) -> Any:
        raise RuntimeError("accessing `data` under vmap transform is not allowed: write .detach()")

    def is_inference(self) -> bool:
        return self.batch.is_inference()

    @property
    def _version(self) -> int:
        return self.batch._version

    # ---- New tensors are batched, so that elements can be written to them

    def new_zeros(self, *size: Any, **options: Any) -> Any:
        return self._new("new_zeros", size, options)

    def new_ones(self, *size: Any, **options: Any) -> Any:
        return self._new("new_ones", size, options)

    def new_empty(self, *size: Any, **options: Any) -> Any:
        return self._new("new_empty", size, options)

    def new_full(self, size: Any, fill_value: Any, **options: Any) -> Any:
        return wrap(self.batch.new_full((self.level.size, *size), fill_value, **options), self.level)

    def _new(self, name: str, size: tuple, options: dict) -> Any:
        size = size if not size or isinstance(size[0], int) else tuple(size[0])
        return wrap(getattr(self.batch, name)(self.level.size, *size, **options), self.level)

    # ---- Operators

    def __neg__(self) -> Any:
        return ops.neg(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return ops.abs(self)

    def __invert__(self) -> Any:
        return ops.bitwise_not(self)

    __hash__ = Operators.__hash__


for _name, _function in (("add", ops.add), ("sub", ops.sub), ("mul", ops.mul), ("truediv", ops.div), ("mod", ops.remainder),
                         ("floordiv", ops.floor_divide), ("pow", ops.pow), ("matmul", matmul), ("and", ops.bitwise_and),
                         ("or", ops.bitwise_or), ("xor", ops.bitwise_xor), ("lshift", ops.bitwise_left_shift),
                         ("rshift", ops.bitwise_right_shift)):
    setattr(BatchedTensor, f"__{_name}__", operator(f"__{_name}__", _function))
    setattr(BatchedTensor, f"__r{_name}__", operator(f"__r{_name}__", _function, True))
    if _name != "matmul":
        setattr(BatchedTensor, f"__i{_name}__", operator(f"__i{_name}__", getattr(ops, f"{_function.__name__}_")))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(BatchedTensor, f"__{_name}__", operator(f"__{_name}__", getattr(ops, _name)))


def wrap(batch: Any, level: Level) -> Any:
    """An element of a batch, whose first dimension is the batch's."""
    made = Operators.__new__(BatchedTensor)
    made.batch, made.level = batch, level
    watching.shape_as_element(made, batch)
    return made


def wrap_all(result: Any, level: Level) -> Any:
    """wrap for each tensor of a tuple or list."""
    if isinstance(result, TensorBase):
        return wrap(result, level)
    return rebuild(result, [wrap(each, level) if isinstance(each, TensorBase) else each for each in flatten(result)])


def is_at(x: Any, level: Level) -> bool:
    """Whether x is an element of this level's batch."""
    return type(x) is BatchedTensor and x.level is level


def lowered(x: Any, level: Level) -> Any:
    """The batch of an element of this level; anything else as it is. In lists and tuples, too."""
    if type(x) is BatchedTensor:
        return x.batch if x.level is level else x
    if type(x) is list or type(x) is tuple:
        return type(x)([lowered(each, level) for each in x])
    return x


def batch_of(x: Any, level: Level) -> Any:
    """The batch of an element of this level; that of another tensor repeats it, without copying."""
    return x.batch if type(x) is BatchedTensor and x.level is level else expand(x, (level.size, *x.shape))


def without_levels(x: Any) -> Any:
    """The ordinary tensor at the bottom."""
    while type(x) is BatchedTensor:
        x = x.batch
    return x


def at_all_levels(x: Any, levels: list[Level] | None = None) -> Any:
    """x as an element of the batch of every level that is running here: then its gradient is one per element."""
    levels = running.levels if levels is None else levels
    if not levels:
        return x
    *outer, level = levels
    return wrap(at_all_levels(batch_of(x, level), outer), level)


def with_bottom(x: Any, change: Callable) -> Any:
    """The same element of batches with change(the ordinary tensor at the bottom) there."""
    return wrap(with_bottom(x.batch, change), x.level) if type(x) is BatchedTensor else change(x)


# ---- Calls of operations

table: dict[str, Callable] = {}         # name of an operation -> its rule; filled by the modules of rules


def handle(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Call an operation, at least one of whose arguments is batched, or which draws random numbers."""
    level = None
    for each in args:
        if type(each) is BatchedTensor:
            if level is None or each.level.depth > level.depth:
                level = each.level
        elif type(each) is tuple or type(each) is list:
            level = innermost(each, level)
    if kwargs:
        level = innermost(kwargs.values(), level)
    rule = table.get(function.__name__)
    if rule is None:
        return loop(function, level, args, kwargs)
    try:
        return rule(function, level, args, kwargs)
    except NoRule:
        return loop(function, level, args, kwargs)
    except (RuntimeError, TypeError, ValueError, IndexError):
        if function.__name__[-1] != "_" and level is not None:
            of_first_element(function, level, args, kwargs)
        raise


def handle_python(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Call a function marked with @unbatched."""
    if not running.levels or innermost((*args, *kwargs.values()), None) is None:
        return function.__wrapped__(*args, **kwargs)
    return handle(function, args, kwargs)


class Info:
    """What the vmap method of an autograd.Function is told."""

    def __init__(self, level: Level) -> None:
        self.batch_size, self.randomness = level.size, level.randomness


def apply(cls: Any, args: tuple, kwargs: dict) -> tuple | None:
    """(the result,) of an autograd.Function's apply, if an argument is batched; else None."""
    level = innermost((*args, *kwargs.values()), None) if running.levels else None
    if level is None:
        return None
    if cls._leading_batch:
        batches = [batch_of(each, level) if isinstance(each, TensorBase) else each for each in args]
        return (wrap_all(cls.apply(*batches), level),)
    if cls.vmap is not Function.vmap:
        running.levels.remove(level)
        try:
            out, dims = cls.vmap(Info(level), tuple([0 if is_at(each, level) else None for each in args]),
                                 *[lowered(each, level) for each in args])
        finally:
            running.levels.append(level)
        many = out if isinstance(out, tuple) else (out,)
        dims = dims if isinstance(dims, tuple) else (dims,) * len(many)
        many = tuple([each if dim is None else wrap(movedim(each, dim, 0), level) for each, dim in zip(many, dims)])
        return (many if isinstance(out, tuple) else many[0],)
    if not cls.generate_vmap_rule and not cls.__module__.startswith("tinygrad_c."):
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and "
                           "implement the vmap staticmethod or set generate_vmap_rule=True.")

    def of_element(*args: Any, **kwargs: Any) -> Any:
        return cls.apply(*args, **kwargs)
    of_element.__name__ = cls.__name__
    return (loop(of_element, level, args, kwargs),)


def innermost(values: Any, level: Level | None) -> Level | None:
    """The innermost level of the tensors among the values."""
    for each in values:
        if type(each) is BatchedTensor:
            if level is None or each.level.depth > level.depth:
                level = each.level
        elif type(each) is tuple or type(each) is list:
            level = innermost(each, level)
    return level


def element(x: Any, level: Level, i: int) -> Any:
    """Element i of a batch; of lists and tuples the same."""
    if type(x) is BatchedTensor:
        return select(x.batch, 0, i) if x.level is level else x
    if type(x) is list or type(x) is tuple:
        return type(x)([element(each, level, i) for each in x])
    return x


def called_with(function: Callable, level: Level, args: tuple, kwargs: dict, i: int) -> Any:
    return function(*[element(each, level, i) for each in args], **{k: element(each, level, i) for k, each in kwargs.items()})


def of_first_element(function: Callable, level: Level, args: tuple, kwargs: dict) -> None:
    """Raise the error of a call whose arguments have the shapes that the program sees, if it raises."""
    if level.size:
        called_with(function, level, args, kwargs, 0)


def loop(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """Call an operation without a rule for each element of the batch, and stack the results."""
    name = function.__name__
    if not level.loops:
        raise CannotLoop(name)
    warn_once(("vmap", name), f"There is a performance drop because we have not yet implemented the batching rule for {name}: "
              "vmap calls it once for each element of the batch.")
    if not level.size:
        raise RuntimeError(f"vmap: the batch is empty, so the shape of {name}'s results is unknown")
    if name[-1] == "_" and not is_at(args[0], level):
        raise RuntimeError(IN_PLACE.format(op=name))
    results = [called_with(function, level, args, kwargs, i) for i in range(level.size)]
    if name[-1] == "_":
        return args[0]
    columns = zip(*[flatten(each) for each in results])
    return rebuild(results[0], [wrap(stack(list(column)), level) if isinstance(column[0], TensorBase) else column[0]
                                for column in columns])


hooks.handler, hooks.of_function = handle_python, apply
