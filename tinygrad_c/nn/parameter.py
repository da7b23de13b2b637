"""Parameter and Buffer: tensors that a Module registers when they are assigned to it."""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import empty_ as empty
from tinygrad_c.ops.create.create import tensor


class Parameter(Tensor):
    """A tensor that becomes a parameter of a Module when it is assigned as an attribute. It shares the memory of `data`.

    >>> Parameter(tensor([1.0, 2.0]))
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()
    _makes_plain_tensors = True

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = tensor([])
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter(): argument 'data' must be Tensor, not {type(data).__name__}; "
                            "write Parameter(tensor(data))")
        self = super().__new__(cls)
        self.data = data
        self.requires_grad = requires_grad
        return self

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        """Everything is done in __new__."""

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)      # as torch: without .grad
        return memo[id(self)]

    def __reduce_ex__(self, protocol: int) -> tuple[Any, ...]:
        return type(self), (self.detach(), self.requires_grad)


class Buffer(Tensor):
    """A tensor that becomes a buffer of a Module when it is assigned as an attribute, as with register_buffer.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.by = Buffer(tensor(2.))
    >>> dict(Scale().state_dict())
    {'by': tensor(2.)}
    """

    __slots__ = ("persistent",)

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        self = super().__new__(cls)
        self.data = tensor([]) if data is None else data.detach()
        self.persistent = persistent
        return self

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        """Everything is done in __new__."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), persistent=self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: int) -> tuple[Any, ...]:
        return _buffer, (self.detach(), self.persistent)


def _buffer(data: Tensor, persistent: bool) -> Buffer:
    """Rebuild a pickled buffer."""
    return Buffer(data, persistent=persistent)


# ---- Without a size yet

# What a parameter without a size can be asked; everything else that Tensor has waits for the first input.
_ALLOWED = {
    "data", "requires_grad", "requires_grad_", "grad", "grad_fn", "is_leaf", "retains_grad", "dtype", "device", "detach",
    "to", "float", "double", "type", "cpu", "is_floating_point", "is_complex", "is_inference", "is_meta", "output_nr",
    "register_hook", "register_post_accumulate_grad_hook", "is_sparse", "is_cuda", "layout", "names", "is_shared"}
_OPERATORS = [
    "len", "iter", "getitem", "setitem", "bool", "int", "float", "neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt",
    "ge", "matmul", "rmatmul", "imatmul", "contains",
    *(letter + name for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
      for letter in ("", "r", "i"))]


def _refuse(kind: str, what: str) -> ValueError:
    return ValueError(f"Attempted to use an uninitialized parameter in {what}. This error happens when you are using a "
                      f"`LazyModule` or explicitly manipulating `torch.nn.parameter.{kind}` objects. When using LazyModules "
                      "Call `forward` with a dummy batch to initialize the parameters before calling torch functions")


class _Uninitialized:
    """What the two share: nothing but their dtype can be used until materialize(shape)."""

    __slots__ = ()
    cls_to_become: type[Tensor]

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give it a size: its elements are whatever the memory held.

        >>> weight = UninitializedParameter()
        >>> weight.materialize((2, 3))
        >>> type(weight).__name__, weight.shape
        ('Parameter', torch.Size([2, 3]))
        """
        self.data = empty(tuple(shape), device=device, dtype=self.data.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become

    def __getattribute__(self, name: str) -> Any:
        if name[:1] != "_" and name not in _ALLOWED and hasattr(Tensor, name):
            kind = type(self).__name__
            if name == "shape":
                raise RuntimeError("Can't access the shape of an uninitialized parameter or buffer. This error usually happens "
                                   "in `load_state_dict` when trying to load an uninitialized parameter into an initialized "
                                   "one. Call `forward` to initialize the parameters before accessing their attributes.")
            if name == "share_memory_":
                raise RuntimeError("Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize "
                                   "the parameters before calling `module.share_memory()`.")
            raise _refuse(kind, f"Tensor.{name}")
        return super().__getattribute__(name)

    def detach(self) -> Any:
        """Itself: there is nothing to share, and a state dict holds it."""
        return self

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _refusing(name: str) -> Any:
    def operator(self: Any, *args: Any) -> Any:
        raise _refuse(type(self).__name__, f"Tensor.{name}")
    return operator


for _name in _OPERATORS:
    setattr(_Uninitialized, f"__{_name}__", _refusing(f"__{_name}__"))


class UninitializedParameter(_Uninitialized, Parameter):
    """A Parameter whose size is not known yet: a lazy layer's, before its first input.

    >>> UninitializedParameter()
    <UninitializedParameter>
    """

    __slots__ = ()
    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        return super().__new__(cls, empty(0, device=device, dtype=dtype), requires_grad)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        """All is done in __new__."""

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, dtype=self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: int) -> tuple[Any, ...]:
        return type(self), (self.requires_grad, None, self.dtype)


class UninitializedBuffer(_Uninitialized, Buffer):
    """A Buffer whose size is not known yet.

    >>> UninitializedBuffer()
    <UninitializedBuffer>
    """

    __slots__ = ()
    cls_to_become = Buffer

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> UninitializedBuffer:
        return super().__new__(cls, empty(0, device=device, dtype=dtype))

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> None:
        """All is done in __new__."""

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(dtype=self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: int) -> tuple[Any, ...]:
        return type(self), (False, None, self.dtype)


def is_lazy(value: Any) -> bool:
    """Whether it is a parameter or buffer without a size.

    >>> is_lazy(UninitializedParameter()), is_lazy(tensor([1.]))
    (True, False)
    """
    return isinstance(value, _Uninitialized)
