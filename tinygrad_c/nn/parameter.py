"""Parameter: a tensor that a Module registers as its own and an optimizer changes."""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import tensor


class Parameter(Tensor):
    """A tensor that, as an attribute of a Module, is one of its parameters. It shares the memory of `data`.

    >>> Parameter(tensor([1.0, 2.0]))
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

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
        """All is done in __new__."""

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)      # as torch: without .grad
        return memo[id(self)]

    def __reduce_ex__(self, protocol: int) -> tuple[Any, ...]:
        return type(self), (self.detach(), self.requires_grad)


class Buffer(Tensor):
    """A tensor that, as an attribute of a Module, is one of its buffers: register_buffer by assignment.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.by = Buffer(tensor(2.))
    >>> Scale().state_dict()
    OrderedDict([('by', tensor(2.))])
    """

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        self = super().__new__(cls)
        self.data = tensor([]) if data is None else data.detach()
        self.persistent = persistent
        return self

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        """All is done in __new__."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), persistent=self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: int) -> tuple[Any, ...]:
        return _buffer, (self.detach(), self.persistent)


def _buffer(data: Tensor, persistent: bool) -> Buffer:
    """A pickled buffer again."""
    return Buffer(data, persistent=persistent)
