"""Containers: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from operator import index as as_index
from typing import Any

from tinygrad_c._base.lazy import load
from tinygrad_c._base.warn import typename
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn.activation import GELU, ReLU, Sigmoid, SiLU, Tanh
from tinygrad_c.nn.linear import Linear
from tinygrad_c.nn.module import Module, _indent
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.matmul.products import LinearActivation

FUSED = (ReLU, Tanh, Sigmoid, GELU, SiLU)       # activations that the kernel of a Linear before them computes


class _Indexed(Module):
    """Base class of the indexed containers. The items are the attributes '0', '1', ..."""

    _kind: type = Module

    @property
    def _parts(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, self._kind)}

    def _set_parts(self, parts: Iterable[Any]) -> None:
        parts = list(parts)
        for name in self._parts:
            delattr(self, name)
        self._add(parts)

    def _add(self, parts: Iterable[Any]) -> None:
        for number, part in enumerate(parts, len(self._parts)):
            self._check(part)
            setattr(self, str(number), part)

    def _check(self, part: Any) -> None:
        if not isinstance(part, self._kind):
            raise TypeError(f"{typename(part)} is not a Module subclass")

    def _name(self, index: Any) -> str:
        names, index = list(self._parts), as_index(index)
        if not -len(names) <= index < len(names):
            raise IndexError(f"index {index} is out of range")
        return names[index]

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._of(list(self._parts.items())[index])
        return self.__dict__[self._name(index)]

    def _of(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)(part for _, part in items)

    def __setitem__(self, index: int, part: Any) -> None:
        self._check(part)
        setattr(self, self._name(index), part)

    def __delitem__(self, index: int | slice) -> None:
        items = list(self._parts.values())
        if isinstance(index, slice):
            del items[index]
        else:
            self._name(index)
            del items[as_index(index)]
        self._set_parts(items)

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parts.values())

    def __contains__(self, part: Any) -> bool:
        return any(part is own for own in self)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def append(self, part: Any) -> Any:
        """Append one item at the end."""
        self._add([part])
        return self

    def extend(self, parts: Iterable[Any]) -> Any:
        """Append the items of an iterable at the end."""
        self._add(list(parts))
        return self

    def insert(self, index: int, part: Any) -> Any:
        """Insert an item before position index."""
        self._check(part)
        items = list(self._parts.values())
        if not -len(items) <= index <= len(items):
            raise IndexError(f"Index out of range: {index}")
        items.insert(index, part)
        self._set_parts(items)
        return self

    def pop(self, index: int = -1) -> Any:
        """Remove an item and return it."""
        part = self[index]
        del self[index]
        return part

    def __iadd__(self, parts: Iterable[Any]) -> Any:
        return self.extend(parts)


class Sequential(_Indexed):
    """y = f_n(... f_2(f_1(x))): apply the modules in order.

    Takes modules, or one OrderedDict of names and modules. A Linear followed by a ReLU, Tanh, Sigmoid, GELU or SiLU is
    computed by one kernel.

    >>> Sequential(Linear(2, 3), ReLU())[0]
    Linear(in_features=2, out_features=3, bias=True)
    """

    _chain: tuple[Any, ...] = ()   # what forward calls: the children; a Linear and its activation are fused into one

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            self._add(args)

    def forward(self, input: Any) -> Any:
        try:
            for module in self._chain:
                input = module(input)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            if isinstance(module, LinearActivation):
                module = module.linear
            name = next(name for name, own in self._modules.items() if own is module)
            if len(error.args) == 1 and isinstance(error.args[0], str):
                error.args = (f"{error.args[0]}\nin layer '{name}' of {type(self).__name__}",)
            raise
        return input

    def export(self, path: Any, example: Any, *, int8: bool = False) -> Any:
        """Write this net as a C header (path ends in .h) or an ONNX file (.onnx): see tinygrad_c.export.

        >>> net = Sequential(Linear(2, 3), Tanh())
        >>> print(net.export("net.h", tinygrad_c.rand(4, 2)))       # doctest: +SKIP
        wrote net.h: 36 bytes of constants, 0 bytes of stack, 6 multiplications
        compared with the net (cc): the largest difference is 1.1e-08
        """
        return load("export", "export")(self, path, example, int8=int8)

    def _of(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)(OrderedDict(items))

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name != "training":          # the same chain after train() and eval(): programs watch it
            self._link()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._link()

    def _link(self) -> None:
        chain: list[Any] = []
        for module in self._modules.values():
            if chain and type(chain[-1]) is Linear and type(module) in FUSED:
                chain[-1] = LinearActivation(chain[-1], module)
            else:
                chain.append(module)
        self.__dict__["_chain"] = tuple(chain)

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return Sequential(*self, *other)

    def __mul__(self, times: int) -> Sequential:
        if not isinstance(times, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(times)}")
        if times <= 0:
            raise ValueError(f"Non-positive multiplication factor {times} for {type(self)}")
        return Sequential(*(module for _ in range(times) for module in self))

    __rmul__ = __mul__


class ModuleList(_Indexed):
    """A list of modules that parameters(), to() and state_dict() find. Iterate over it in your forward.

    >>> layers = ModuleList([Linear(2, 2), Linear(2, 1)])
    >>> len(layers), len(list(layers.parameters()))
    (2, 4)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        """Like Module.__repr__, but consecutive equal modules are printed once: (0-2): 3 x Linear(...)."""
        runs: list[tuple[int, int, str]] = []
        for number, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], number, text)
            else:
                runs.append((number, number, text))
        if not runs:
            return f"{self._get_name()}()"
        lines = [f"({a}): {_indent(text)}" if a == b else f"({a}-{b}): {b - a + 1} x {_indent(text)}" for a, b, text in runs]
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ParameterList(_Indexed):
    """A list of parameters that parameters(), to() and state_dict() find. Tensors are converted to Parameters.

    >>> ParameterList([tinygrad_c.ones(2), tinygrad_c.zeros(3)])
    ParameterList(
        (0): Parameter containing: [torch.float32 of size 2]
        (1): Parameter containing: [torch.float32 of size 3]
    )
    """

    _kind = Parameter

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        if values is not None:
            self.extend(values)

    def _check(self, part: Any) -> None:
        if not isinstance(part, Tensor):
            raise TypeError(f"ParameterList holds tensors, not {type(part).__name__}")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        super().__setattr__(name, value)

    def extra_repr(self) -> str:
        return "\n".join(f"  ({name}): Parameter containing: [{part.dtype} of size {'x'.join(map(str, part.shape))}]"
                         for name, part in self._parts.items())


class _Named(Module):
    """Base class of the named containers. The items are attributes with those names."""

    _kind: type = Module

    def __init__(self, parts: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        if parts is not None:
            self.update(parts)

    @property
    def _parts(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, self._kind)}

    def __getitem__(self, key: str) -> Any:
        return self._parts[key]

    def __setitem__(self, key: str, part: Any) -> None:
        self.add_module(key, part)

    def __delitem__(self, key: str) -> None:
        self._parts[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __contains__(self, key: object) -> bool:
        return key in self._parts

    def keys(self) -> Iterable[str]:
        """The keys."""
        return self._parts.keys()

    def values(self) -> Iterable[Any]:
        """The values."""
        return self._parts.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """(key, value) pairs."""
        return self._parts.items()

    def update(self, parts: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add or replace items from a dict or from (key, value) pairs."""
        for name, part in parts.items() if hasattr(parts, "items") else parts:
            self[name] = part

    def pop(self, key: str) -> Any:
        """Remove an item and return it."""
        part = self[key]
        del self[key]
        return part

    def clear(self) -> None:
        """Remove all items."""
        for name in self._parts:
            delattr(self, name)


    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._parts))

    def get(self, key: str, default: Any = None) -> Any:
        """The value of the key, or the default."""
        return self._parts.get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of the key. If it is missing, insert the default first."""
        if key not in self._parts:
            self[key] = default
        return self[key]

    def popitem(self) -> tuple[str, Any]:
        """Remove the last (key, value) pair and return it."""
        key = list(self._parts)[-1]
        return key, self.pop(key)

    def copy(self) -> Any:
        """A shallow copy."""
        return type(self)(self._parts)

    def __or__(self, other: Any) -> Any:
        merged = self.copy()
        merged.update(other)
        return merged


class ModuleDict(_Named):
    """A dict of modules that parameters(), to() and state_dict() find.

    >>> heads = ModuleDict({"mean": Linear(2, 1), "width": Linear(2, 1)})
    >>> heads["mean"](tinygrad_c.ones(3, 2)).shape
    torch.Size([3, 1])
    """


class ParameterDict(_Named):
    """A dict of parameters that parameters(), to() and state_dict() find. Tensors are converted to Parameters.

    >>> ParameterDict({"scale": tinygrad_c.ones(2)})["scale"]
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    _kind = Parameter

    def __setitem__(self, key: str, part: Any) -> None:
        self.register_parameter(key, part if isinstance(part, Parameter) else Parameter(part))

    def extra_repr(self) -> str:
        return "\n".join(f"  ({name}): Parameter containing: [{part.type()} of size {'x'.join(map(str, part.shape))}]"
                         for name, part in self._parts.items())
