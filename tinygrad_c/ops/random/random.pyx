"""Random tensors. A Generator is a seed and a position in that seed's stream of Philox blocks (kernels/portable/philox.pyx).

Each call uses whole blocks: the numbers depend on the seed and on the calls before, not on threads, instruction sets or
platforms. rand and randn take one word per float32 element and two per float64; bernoulli and dropout one
word per element; randint, randperm and multinomial draw single words and reject those that would bias the result.

In parts: the Generator (generator.pxi), uniform and normal numbers (here), integers and permutations
(integers.pxi), sampling by probability (choices.pxi), dropout (dropout.pxi).
"""
import os

cimport cython
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tinygrad_c.core.array cimport DTYPE_NAMES, default_dtype, itemsize, shape_of
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.runtime.dispatch cimport kernels, record_call, record_draw, recorder, refuse, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.portable.philox cimport *
from tinygrad_c.kernels.table cimport DROPOUT_SCALE
from tinygrad_c.ops.create.create cimport dtype_or, finish, fresh
from tinygrad_c.ops.elementwise.elementwise cimport *
from tinygrad_c.core.tape cimport *

from tinygrad_c.ops.create.create import dtype_of
from tinygrad_c.ops.elementwise.elementwise import into_out, write


include "generator.pxi"


# ---- Filling a tensor

cdef int fill(TensorBase out, Generator g, kernel_t of32, kernel_t of64, double p0, double p1) except -1:
    """Run a kernel over `out`, which is contiguous, and advance the stream."""
    cdef Call call
    cdef uint64_t blocks = <uint64_t> ((out.numel + 1) // 2 if out.dtype == FLOAT64 else (out.numel + 3) // 4)
    if out.numel == 0:
        return 0
    if recorder != NULL:
        record_draw(&g.key, blocks, g)
    call.kernel = of64 if out.dtype == FLOAT64 else of32
    call.ndim = 1
    call.n_operands = 1
    call.shape[0] = out.numel
    call.units = (out.numel + RANDOM_UNIT - 1) // RANDOM_UNIT
    call.work = out.numel * 4
    call.operand[0].data = out.data
    call.param[RANDOM_SEED].i = <int64_t> g.key
    call.param[RANDOM_BLOCK].i = <int64_t> g.position
    call.param[RANDOM_FIRST].f = p0
    call.param[RANDOM_SECOND].f = p1
    run(&call)
    g.position += blocks
    return 0


cdef int check_floats(int code, str name) except -1:
    if code < FLOAT32:
        what = ("give dtype=float32 and convert the result with .to()" if code >= FLOAT16 else
                "give dtype=float32 or float64, or use randint")
        raise NotImplementedError(f"\"{name}\" not implemented for '{DTYPE_NAMES[code]}': {what}")
    return 0


cdef TensorBase fresh_floats(tuple size, object dtype, str name):
    cdef int code = dtype_or(dtype, default_dtype())
    check_floats(code, name)
    return fresh(size, code)


cdef TensorBase like(object input, object dtype, str name):
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef int code = dtype_or(dtype, a.dtype)
    check_floats(code, name)
    return empty(code, a.ndim, a.shape)


cdef TensorBase fill_in_place(object input, Generator g, kernel_t of32, kernel_t of64, double p0, double p1):
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase fresh_one
    check_inplace(a)
    if a.dtype < FLOAT32:
        raise RuntimeError("in-place random numbers are for float tensors: call .float() first")
    fresh_one = a if a.contiguous and not recording(a) else empty_like(a)
    fill(fresh_one, g, of32, of64, p0, p1)
    if fresh_one is a:
        mark_written(a)
        return a
    return write(a, fresh_one)


def rand(*size, generator=None, dtype=None, device=None, requires_grad=False, out=None):
    """Uniform numbers in [0, 1): multiples of 2^-24 for float32, of 2^-53 for float64.

    >>> tinygrad_c.rand(2, 3).shape
    torch.Size([2, 3])
    """
    if out is not None:
        return into_out(rand(*size, generator=generator, dtype=dtype_of(out) if dtype is None else dtype), out)
    cdef TensorBase y = fresh_floats(size, dtype, "rand")
    fill(y, chosen(generator), uniform32, uniform64, 0, 1)
    return finish(y, requires_grad, device)


def randn(*size, generator=None, dtype=None, device=None, requires_grad=False, out=None):
    """Standard normal numbers: the inverse of the normal distribution function, at uniform numbers.

    >>> tinygrad_c.randn(2, 3).shape
    torch.Size([2, 3])
    """
    if out is not None:
        return into_out(randn(*size, generator=generator, dtype=dtype_of(out) if dtype is None else dtype), out)
    cdef TensorBase y = fresh_floats(size, dtype, "randn")
    fill(y, chosen(generator), normal32, normal64, 0, 1)
    return finish(y, requires_grad, device)


def rand_like(input, *, generator=None, dtype=None, device=None, requires_grad=False):
    """rand of input's shape and dtype.

    >>> tinygrad_c.rand_like(tinygrad_c.ones(2, 3)).shape
    torch.Size([2, 3])
    """
    cdef TensorBase out = like(input, dtype, "rand_like")
    fill(out, chosen(generator), uniform32, uniform64, 0, 1)
    return finish(out, requires_grad, device)


def randn_like(input, *, generator=None, dtype=None, device=None, requires_grad=False):
    """randn of input's shape and dtype.

    >>> tinygrad_c.randn_like(tinygrad_c.ones(2, 3)).shape
    torch.Size([2, 3])
    """
    cdef TensorBase out = like(input, dtype, "randn_like")
    fill(out, chosen(generator), normal32, normal64, 0, 1)
    return finish(out, requires_grad, device)


def uniform_(input, from_=0.0, to=1.0, *, generator=None):
    """Fill input with uniform numbers in [from_, to)."""
    if not from_ <= to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}")
    return fill_in_place(input, chosen(generator), uniform32, uniform64, from_, to - from_)


def normal_(input, mean=0.0, std=1.0, *, generator=None):
    """Fill input with normal numbers of the given mean and standard deviation."""
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return fill_in_place(input, chosen(generator), normal32, normal64, mean, std)


def normal(mean=0.0, std=1.0, size=None, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False,
           out=None):
    """Normal numbers of the given mean and std: numbers, with a size, or tensors, whose shape the result has.

    >>> tinygrad_c.normal(0.0, 1.0, (2, 3)).shape
    torch.Size([2, 3])
    """
    cdef TensorBase y
    if out is not None:
        return into_out(normal(mean, std, size, generator=generator, dtype=dtype), out)
    if not isinstance(mean, TensorBase) and not isinstance(std, TensorBase):
        if size is None:
            raise TypeError("normal() of two numbers needs a size: normal(0.0, 1.0, (2, 3))")
        y = fresh_floats((size,), dtype, "normal")
        return finish(normal_(y, mean, std, generator=generator), requires_grad, device)
    y = to_float(binary(ROW_ADD, mean, binary_scalar(ROW_MUL_NUMBER, std, 0) if isinstance(std, TensorBase) else 0.0))
    y = randn_like(y, generator=generator)
    return finish(binary(ROW_ADD, binary(ROW_MUL, y, std), mean), requires_grad, device)


include "integers.pxi"
include "choices.pxi"
include "dropout.pxi"


# ---- For the tests

def _philox(unsigned long long key, unsigned long long low, unsigned long long high) -> tuple:
    """One Philox block of this counter and key, for the tests."""
    cdef uint32_t[4] out
    philox(key, low, high, out)
    return out[0], out[1], out[2], out[3]


def _inverse_normal(double p) -> float:
    """For the tests."""
    return inverse_normal(p)
