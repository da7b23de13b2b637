"""Settings of torch that have only one value here, and old names of constructors."""
from __future__ import annotations

from tinygrad_c._base import warn
from tinygrad_c._base.arguments import tensor_arg
from tinygrad_c._base.device import Device, check_device
from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import (
    Tensor,
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    sized,
    uint8,
)
from tinygrad_c.core.array import dtype, set_default_dtype
from tinygrad_c.ops.create import create


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Does nothing: results always have the same bits from run to run, for any number of threads.

    >>> tinygrad_c.use_deterministic_algorithms(True)
    """


def are_deterministic_algorithms_enabled() -> bool:
    """True: see use_deterministic_algorithms.

    >>> tinygrad_c.are_deterministic_algorithms_enabled()
    True
    """
    return True


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Accepts 0, 1 and 2, or "default", "warn" and "error". It has no effect, see use_deterministic_algorithms.

    >>> tinygrad_c.set_deterministic_debug_mode("error")
    """
    if debug_mode not in (0, 1, 2, "default", "warn", "error"):
        raise RuntimeError("invalid value of debug_mode, expected `default`, `warn`, or `error`, or 0, 1 or 2, "
                           f"but got {debug_mode}")


def get_deterministic_debug_mode() -> int:
    """2: a nondeterministic operation would raise an error; there are none.

    >>> tinygrad_c.get_deterministic_debug_mode()
    2
    """
    return 2


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """False.

    >>> tinygrad_c.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return False


def set_float32_matmul_precision(precision: str) -> None:
    """Accepts 'highest', 'high' and 'medium'. float32 products are always computed in float32.

    >>> tinygrad_c.set_float32_matmul_precision("high")
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"set_float32_matmul_precision: {precision!r} is none of 'highest', 'high', 'medium'")


def get_float32_matmul_precision() -> str:
    """'highest'.

    >>> tinygrad_c.get_float32_matmul_precision()
    'highest'
    """
    return "highest"


def set_num_interop_threads(n: int) -> None:
    """Does nothing: operations run one after the other. set_num_threads sets the threads within one operation.

    >>> tinygrad_c.set_num_interop_threads(1)
    """


def get_num_interop_threads() -> int:
    """1.

    >>> tinygrad_c.get_num_interop_threads()
    1
    """
    return 1


def init_num_threads() -> None:
    """Does nothing: threads are created when they are first needed.

    >>> tinygrad_c.init_num_threads()
    """


def set_flush_denormal(mode: bool) -> bool:
    """Returns True: kernels always flush denormal numbers to 0.

    >>> tinygrad_c.set_flush_denormal(True)
    True
    """
    return True


def set_default_device(device: object) -> None:
    """Accepts the CPU.

    AssertionError for CUDA, RuntimeError for anything else.

    >>> tinygrad_c.set_default_device("cpu")
    """
    check_device(device)


def get_default_device() -> Device:
    """The CPU.

    >>> tinygrad_c.get_default_device()
    device(type='cpu')
    """
    return Device("cpu")


def set_default_tensor_type(t: object) -> None:
    """The old form of set_default_dtype: FloatTensor or DoubleTensor.

    >>> tinygrad_c.set_default_tensor_type(tinygrad_c.FloatTensor)
    """
    set_default_dtype((t if isinstance(t, _Typed) else globals()[str(t).removeprefix("torch.")]).dtype)


@public
def is_floating_point(input) -> bool:
    """Whether the tensor's elements are float32 or float64.

    >>> tinygrad_c.is_floating_point(tinygrad_c.ones(2))
    True
    """
    return input.is_floating_point()


@public
def is_complex(input) -> bool:
    """False: there are no complex dtypes.

    >>> tinygrad_c.is_complex(tinygrad_c.ones(2))
    False
    """
    tensor_arg(input, "is_complex")
    return False


@public
def is_conj(input) -> bool:
    """False: there are no complex dtypes.

    >>> tinygrad_c.is_conj(tinygrad_c.ones(2))
    False
    """
    return False


@public
def is_inference(input) -> bool:
    """Whether the tensor was created inside inference_mode().

    >>> tinygrad_c.is_inference(tinygrad_c.ones(2))
    False
    """
    return input.is_inference()


@public
def is_nonzero(input) -> bool:
    """Whether the only element is not 0.

    RuntimeError unless there is exactly one element.

    >>> tinygrad_c.is_nonzero(tinygrad_c.tensor([0.]))
    False
    """
    return bool(tensor_arg(input, "is_nonzero"))


def typename(obj) -> str:
    """The name of a tensor's type, or of another object's class.

    >>> tinygrad_c.typename(tinygrad_c.ones(2))
    'torch.FloatTensor'
    """
    return obj.type() if isinstance(obj, Tensor) else f"{type(obj).__module__}.{type(obj).__qualname__}"


def set_warn_always(b: bool, /) -> None:
    """Set whether warnings that appear once appear every time.

    >>> tinygrad_c.set_warn_always(False)
    """
    if not isinstance(b, bool):
        raise RuntimeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    warn.always = b


def is_warn_always_enabled() -> bool:
    """The value of set_warn_always.

    >>> tinygrad_c.is_warn_always_enabled()
    False
    """
    return warn.always


class AcceleratorError(RuntimeError):
    """torch's error for a GPU. It is never raised here.

    >>> issubclass(tinygrad_c.AcceleratorError, RuntimeError)
    True
    """


class OutOfMemoryError(RuntimeError):
    """torch's error when GPU memory is exhausted. It is never raised here: lack of memory raises MemoryError.

    >>> issubclass(tinygrad_c.OutOfMemoryError, RuntimeError)
    True
    """


class _Typed(type):
    """The metaclass of FloatTensor, LongTensor, ...: calling one creates a Tensor, and isinstance checks the dtype."""

    dtype: dtype

    def __call__(cls, data=(), *more):
        made = sized((data, *more), cls.dtype)
        if made is not None:
            return made
        return data.to(cls.dtype) if isinstance(data, Tensor) else create.tensor(data, dtype=cls.dtype)

    def __instancecheck__(cls, x) -> bool:
        return isinstance(x, Tensor) and x.dtype == cls.dtype


class FloatTensor(metaclass=_Typed):
    """tensor(data, dtype=float32), in old programs.

    >>> tinygrad_c.FloatTensor([1, 2])
    tensor([1., 2.])
    """

    dtype = float32


class DoubleTensor(metaclass=_Typed):
    """tensor(data, dtype=float64), in old programs.

    >>> tinygrad_c.DoubleTensor([1, 2])
    tensor([1., 2.], dtype=torch.float64)
    """

    dtype = float64


class LongTensor(metaclass=_Typed):
    """tensor(data, dtype=int64), in old programs.

    >>> tinygrad_c.LongTensor([1, 2])
    tensor([1, 2])
    """

    dtype = int64


class IntTensor(metaclass=_Typed):
    """tensor(data, dtype=int32), in old programs.

    >>> tinygrad_c.IntTensor([1, 2])
    tensor([1, 2], dtype=torch.int32)
    """

    dtype = int32


class ShortTensor(metaclass=_Typed):
    """tensor(data, dtype=int16), in old programs.

    >>> tinygrad_c.ShortTensor([1, 2])
    tensor([1, 2], dtype=torch.int16)
    """

    dtype = int16


class CharTensor(metaclass=_Typed):
    """tensor(data, dtype=int8), in old programs.

    >>> tinygrad_c.CharTensor([1, 2])
    tensor([1, 2], dtype=torch.int8)
    """

    dtype = int8


class HalfTensor(metaclass=_Typed):
    """tensor(data, dtype=float16), in old programs.

    >>> tinygrad_c.HalfTensor([1, 2])
    tensor([1., 2.], dtype=torch.float16)
    """

    dtype = float16


class BFloat16Tensor(metaclass=_Typed):
    """tensor(data, dtype=bfloat16), in old programs.

    >>> tinygrad_c.BFloat16Tensor([1, 2])
    tensor([1., 2.], dtype=torch.bfloat16)
    """

    dtype = bfloat16


class ByteTensor(metaclass=_Typed):
    """tensor(data, dtype=uint8), in old programs.

    >>> tinygrad_c.ByteTensor([1, 2])
    tensor([1, 2], dtype=torch.uint8)
    """

    dtype = uint8


class BoolTensor(metaclass=_Typed):
    """tensor(data, dtype=bool), in old programs.

    >>> tinygrad_c.BoolTensor([1, 0])
    tensor([ True, False])
    """

    dtype = bool_
