"""Protocols for NumPy and other libraries: __array_ufunc__ and DLPack."""
from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.create import create

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor

# The ufuncs of Python's operators. They run our operations, so array * tensor is recorded.
OPERATORS = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv, "power": operator.pow,
    "floor_divide": operator.floordiv, "remainder": operator.mod, "matmul": operator.matmul, "equal": operator.eq,
    "not_equal": operator.ne, "less": operator.lt, "less_equal": operator.le, "greater": operator.gt,
    "greater_equal": operator.ge, "bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_xor": operator.xor,
}


class Interchange:
    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """array * tensor runs the tensor's operation. Other ufuncs, np.sin(tensor), run in NumPy and return a tensor."""
        if method == "__call__" and not kwargs and ufunc.__name__ in OPERATORS:
            return OPERATORS[ufunc.__name__](*[
                x if isinstance(x, TensorBase) or not hasattr(x, "__array__") else create.tensor(x) for x in inputs])
        arrays = [x.numpy() if isinstance(x, TensorBase) else x for x in inputs]
        if "out" in kwargs:
            kwargs["out"] = tuple([x.numpy() if isinstance(x, TensorBase) else x for x in kwargs["out"]])
        result = getattr(ufunc, method)(*arrays, **kwargs)
        given = kwargs.get("out", (None,))[0]
        if given is not None and result is given:
            return result
        return tuple([tensor_of(each) for each in result]) if isinstance(result, tuple) else tensor_of(result)

    def __dlpack__(self, *, stream: Any = None, max_version: tuple[int, int] | None = None,
                   dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> Any:
        """A DLPack capsule that shares the tensor's memory and keeps it alive, for other.from_dlpack(tensor).

        BufferError if the tensor requires grad, or if its memory is read-only and the consumer does not support that.
        """
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        array = self.numpy()
        if copy:
            array = array.copy()
        if dl_device is not None and tuple(dl_device) != (1, 0):
            raise BufferError(f"there is only the CPU here, device (1, 0), not {dl_device}")
        if max_version is not None:
            try:
                return array.__dlpack__(stream=stream, max_version=max_version)
            except TypeError:       # NumPy before 2.1 has only the first version
                pass
        return array.__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        """(1, 0): the CPU."""
        return (1, 0)


def tensor_of(result: Any) -> Tensor | Any:
    """A ufunc's result as a tensor, if its dtype is supported."""
    try:
        return create.tensor(result)
    except TypeError:
        return result
