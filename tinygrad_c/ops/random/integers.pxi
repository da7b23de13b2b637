"""Uniform integers and permutations; part of random.pyx."""


cdef int draw_integers(Generator g, TensorBase out, kernel_t kernel, int64_t n, int64_t first) except -1:
    """Run draw_below or draw_order, which advances the stream by as many blocks as it needs. It keeps the GIL."""
    cdef Call call
    cdef int i
    if recorder != NULL:
        record_draw(&g.key, 0, g)
        for i in range(MAX_PARAMS):
            call.param[i].i = 0
    call.kernel, call.inner, call.ndim, call.n_operands, call.units, call.work = kernel, NULL, 1, 1, 1, out.numel * 4
    call.shape[0] = out.numel
    call.operand[0].data, call.operand[0].itemsize = out.data, sizeof(int64_t)
    call.param[STREAM].i = <int64_t> <size_t> &g.key
    call.param[BELOW].i, call.param[FROM].i = n, first
    call.kernel(&call, 0, 1)
    if recorder != NULL:
        record_call(&call)
    return 0


cdef int fill_integers(TensorBase out, Generator g, object low, object high) except -1:
    """Fill out with uniform integers from low to high - 1."""
    cdef uint64_t n = (high - low) % (1 << 64)
    cdef int64_t first = low
    cdef Py_ssize_t i
    cdef TensorBase whole = out if out.dtype == INT64 else empty(INT64, out.ndim, out.shape)
    if 0 < n < (<uint64_t> 1 << 32):
        draw_integers(g, whole, draw_below, <int64_t> n, first)
    else:
        for i in range(out.numel):
            (<int64_t*> whole.data)[i] = <int64_t> (<uint64_t> first + g.below(n))
        g.return_blocks()
    return 0 if whole is out else copy_into(out, whole)


cdef int check_range(object low, object high, int dtype) except -1:
    cdef object bits = 1 if dtype == BOOL else 64 if dtype >= FLOAT16 else 8 * itemsize(dtype)    # object: 1 << 63 in Python
    if dtype == BOOL or dtype == UINT8 or dtype == UINT16 or dtype == UINT32:
        lowest, highest = 0, (<object> 1 << bits) - 1
    else:                           # uint64: drawn as int64
        lowest, highest = -(<object> 1 << bits - 1), (<object> 1 << bits - 1) - 1
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if low < lowest or high - 1 > highest:
        raise RuntimeError(f"integers from {low} to {high - 1} do not fit the dtype, whose range is {lowest} to {highest}")
    return 0


cdef object whole_bound(object x, str name):
    if not hasattr(x, "__index__"):
        raise TypeError(f"randint(): argument '{name}' must be int, not {type(x).__name__}")
    return x.__index__()


def randint(low, high=None, size=None, *, generator=None, dtype=None, device=None, requires_grad=False, out=None):
    """Uniform integers from low (default 0) to high - 1: randint(high, size) or randint(low, high, size). int64 by default.

    >>> int(tinygrad_c.randint(5, 6, (1,)))
    5
    """
    if out is not None:
        return into_out(randint(low, high, size, generator=generator, dtype=dtype_of(out) if dtype is None else dtype), out)
    cdef TensorBase y
    if size is None:
        if high is None:
            raise TypeError("randint() missing the size: write randint(high, size) or randint(low, high, size)")
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    low, high = whole_bound(low, "low"), whole_bound(high, "high")
    y = fresh((size,), dtype_or(dtype, INT64))
    check_range(low, high, y.dtype)
    fill_integers(y, chosen(generator), low, high)
    return finish(y, requires_grad, device)


def randint_like(input, low, high=None, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False):
    """randint of input's shape and dtype.

    >>> tinygrad_c.randint_like(tinygrad_c.ones(2, 3), 10).shape
    torch.Size([2, 3])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase out = empty(dtype_or(dtype, a.dtype), a.ndim, a.shape)
    low, high = (0, low) if high is None else (low, high)
    check_range(low, high, out.dtype)
    fill_integers(out, chosen(generator), low, high)
    return finish(out, requires_grad, device)


def random_(input, from_=None, to=None, *, generator=None):
    """Fill input with uniform integers: from from_ to to - 1; of one argument, below it; of none, any that the dtype holds."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase out
    check_inplace(a)
    if from_ is None:
        counts = {BOOL: 2, UINT8: 256, INT8: 1 << 7, INT16: 1 << 15, INT32: 1 << 31, UINT16: 1 << 16, UINT32: 1 << 32,
                  BFLOAT16: (1 << 8) + 1, FLOAT16: (1 << 11) + 1, FLOAT32: (1 << 24) + 1, FLOAT64: (1 << 53) + 1}  # exact
        from_, to = 0, counts.get(a.dtype, 1 << 63)
    elif to is None:
        from_, to = 0, from_
    check_range(from_, to, a.dtype)
    out = empty_like(a)
    fill_integers(out, chosen(generator), from_, to)
    return write(a, out)


def randperm(n, *, generator=None, dtype=None, device=None, requires_grad=False, out=None):
    """A random permutation of 0 to n - 1, all equally likely (Fisher-Yates shuffle, from the last position down).

    >>> int(tinygrad_c.randperm(10).sum())
    45
    """
    if out is not None:
        return into_out(randperm(n, generator=generator, dtype=dtype_of(out) if dtype is None else dtype), out)
    cdef Py_ssize_t count = n
    cdef TensorBase y
    cdef Generator g = chosen(generator)
    if count < 0:
        raise RuntimeError(f"n must be non-negative, got {count}")
    y = empty(INT64, 1, &count)
    draw_integers(g, y, draw_order, 0, 0)
    return finish(to_dtype(y, dtype_or(dtype, INT64)), requires_grad, device)
