"""The public functions; part of elementwise.pyx."""


def add(input, other, *, alpha=1, out=None):
    """input + alpha * other, broadcast together.

    >>> tinygrad_c.add(tinygrad_c.tensor([[1., 2.], [3., 4.]]), tinygrad_c.tensor([10., 20.]))
    tensor([[11., 22.],
            [13., 24.]])
    """
    if out is not None:
        return into_out(add(input, other, alpha=alpha), out)
    if alpha != 1:
        if isinstance(input, TensorBase) and isinstance(other, TensorBase) and alike(input, other):
            return pair(ROW_ADD_SCALED, input, other, alpha, None)
        other = mul(other, alpha)
    if is_number(other) and isinstance(input, TensorBase):
        return binary_scalar(ROW_ADD_NUMBER, input, other)
    if is_number(input) and isinstance(other, TensorBase):
        return binary_scalar(ROW_ADD_NUMBER, other, input)
    return binary(ROW_ADD, input, other)


def sub(input, other, *, alpha=1, out=None):
    """input - alpha * other, broadcast together.

    >>> tinygrad_c.sub(tinygrad_c.tensor([1., 2.]), 3, alpha=2)
    tensor([-5., -4.])
    """
    if out is not None:
        return into_out(sub(input, other, alpha=alpha), out)
    if alpha != 1:
        if isinstance(input, TensorBase) and isinstance(other, TensorBase) and alike(input, other):
            return pair(ROW_ADD_SCALED, input, other, -alpha, None)
        other = mul(other, alpha)
    if is_number(other) and isinstance(input, TensorBase):
        return binary_scalar(ROW_ADD_NUMBER, input, -other)
    if is_number(input) and isinstance(other, TensorBase):
        return binary_scalar(ROW_RSUB_NUMBER, other, input)
    return binary(ROW_SUB, input, other)


def mul(input, other, *, out=None):
    """input * other, broadcast together.

    >>> tinygrad_c.mul(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([3., 4.]))
    tensor([3., 8.])
    """
    if out is not None:
        return into_out(mul(input, other), out)
    if is_number(other) and isinstance(input, TensorBase):
        return binary_scalar(ROW_MUL_NUMBER, input, other)
    if is_number(input) and isinstance(other, TensorBase):
        return binary_scalar(ROW_MUL_NUMBER, other, input)
    return binary(ROW_MUL, input, other)


def div(input, other, *, rounding_mode=None, out=None):
    """input / other, broadcast together; the quotient of integers is a float.

    rounding_mode="trunc" rounds the quotient toward 0, "floor" rounds it down; with either, integers stay integers.

    >>> tinygrad_c.div(tinygrad_c.tensor([7, -7]), 2, rounding_mode="floor")
    tensor([ 3, -4])
    """
    if out is not None:
        return into_out(div(input, other, rounding_mode=rounding_mode), out)
    if rounding_mode is not None:
        return rounded_div(input, other, rounding_mode)
    if is_number(other) and isinstance(input, TensorBase):
        return binary_scalar(ROW_DIV_NUMBER, input, other)
    if is_number(input) and isinstance(other, TensorBase):
        return binary_scalar(ROW_RDIV_NUMBER, other, input)
    return binary(ROW_DIV, input, other)


cdef TensorBase rounded_div(object input, object other, object mode):
    if mode not in ("trunc", "floor"):
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{mode}'")
    return divided(ROW_DIV_TRUNC if mode == "trunc" else ROW_DIV_FLOOR, input, other)


def pow(input, exponent, *, out=None):
    """input^exponent; at least one is a tensor, the other a tensor or a number. 0^0 is 1, with derivative 0.

    >>> tinygrad_c.pow(tinygrad_c.tensor([1., 2., 3.]), 2)
    tensor([1., 4., 9.])
    """
    if out is not None:
        return into_out(power(input, exponent), out)
    return power(input, exponent)


def pow_(input, exponent):
    """pow in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    check_inplace(x)
    return assign_inplace(x, power(x, exponent))


def add_(input, other, *, alpha=1):
    """add in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if alpha != 1:
        if isinstance(other, TensorBase) and alike(x, other):
            return add_scaled_(x, other, alpha)
        other = mul(other, alpha)
    return binary_scalar_(ROW_ADD_NUMBER, x, other) if is_number(other) else binary_(ROW_ADD, x, other)


cdef TensorBase add_scaled_(TensorBase x, TensorBase other, double alpha):
    check_inplace(x)
    if not writes_directly(x, other):
        return assign_inplace(x, pair(ROW_ADD_SCALED, x, other, alpha, None))
    pair(ROW_ADD_SCALED, x, other, alpha, x)
    mark_written(x)
    return x


def sub_(input, other, *, alpha=1):
    """sub in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if alpha != 1:
        if isinstance(other, TensorBase) and alike(x, other):
            return add_scaled_(x, other, -alpha)
        other = mul(other, alpha)
    return binary_scalar_(ROW_ADD_NUMBER, x, -other) if is_number(other) else binary_(ROW_SUB, x, other)


def mul_(input, other):
    """mul in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    return binary_scalar_(ROW_MUL_NUMBER, x, other) if is_number(other) else binary_(ROW_MUL, x, other)


def div_(input, other, *, rounding_mode=None):
    """div in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if rounding_mode is not None:
        check_inplace(x)
        return assign_inplace(x, rounded_div(x, other, rounding_mode))
    return binary_scalar_(ROW_DIV_NUMBER, x, other) if is_number(other) else binary_(ROW_DIV, x, other)


def maximum(input, other, *, out=None):
    """The elementwise maximum; NaN if either is NaN. Where they are equal, each gets half of the gradient.

    >>> tinygrad_c.maximum(tinygrad_c.tensor([1., 5.]), tinygrad_c.tensor([3., 4.]))
    tensor([3., 5.])
    """
    if out is not None:
        return into_out(maximum(input, other), out)
    return binary(ROW_MAXIMUM, input, other)


def minimum(input, other, *, out=None):
    """The elementwise minimum; NaN if either is NaN. Where they are equal, each gets half of the gradient.

    >>> tinygrad_c.minimum(tinygrad_c.tensor([1., 5.]), tinygrad_c.tensor([3., 4.]))
    tensor([1., 4.])
    """
    if out is not None:
        return into_out(minimum(input, other), out)
    return binary(ROW_MINIMUM, input, other)


def where(condition, input=None, other=None, *, out=None):
    """input where condition is true, else other; the three broadcast together. where(condition) is nonzero(condition,
    as_tuple=True): the indices of its true elements.

    >>> tinygrad_c.where(tinygrad_c.tensor([True, False]), tinygrad_c.tensor([1., 2.]), 0)
    tensor([1., 0.])
    >>> tinygrad_c.where(tinygrad_c.tensor([False, True, True]))
    (tensor([1, 2]),)
    """
    if input is None and other is None:
        from tinygrad_c.ops.indexing.index import nonzero
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where() takes (condition) or (condition, input, other), but got only one of input and other")
    if out is not None:
        return into_out(where_(condition, input, other), out)
    return where_(condition, input, other)


def clamp(input, min=None, max=None, *, out=None):
    """min(max(input, min), max); the gradient is 0 where input is outside [min, max].

    >>> tinygrad_c.clamp(tinygrad_c.tensor([-3., 0.5, 3.]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if out is not None:
        return into_out(clamp(input, min, max), out)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    cdef Scalar[2] bounds
    cdef int64_t low = INT64_MIN
    cdef int64_t high = INT64_MAX
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if lacks_kernels(x.dtype) and not isinstance(min, TensorBase) and not isinstance(max, TensorBase):
        for each in (min, max):
            if type(each) is int and not fits(each, x.dtype):
                raise RuntimeError(f"value cannot be converted to type {(<object> DTYPES[x.dtype]).name} without overflow: "
                                   f"{each}")
        return narrowed(clamp(computed(x, "clamp"), min, max), x.dtype)
    if isinstance(min, TensorBase) or isinstance(max, TensorBase):
        if min is not None:
            x = binary(ROW_MAXIMUM, x, min)
        return x if max is None else binary(ROW_MINIMUM, x, max)
    if x.dtype < FLOAT32 and (type(min) is float or type(max) is float):
        x = to_float(x)
    if x.dtype >= FLOAT32:
        return unary(ROW_CLAMP, x, -INFINITY if min is None else min, INFINITY if max is None else max)
    x = x if x.dtype != BOOL else to_dtype(x, INT64)
    if x.dtype == INT32:            # its kernel reads 32-bit bounds
        low, high = INT32_MIN, INT32_MAX
    bounds[0].i = low if min is None or min < low else high if min > high else min
    bounds[1].i = high if max is None or max > high else low if max < low else max
    return unary_launch(&ROWS[ROW_CLAMP], ROW_CLAMP, x, bounds)


def clamp_(input, min=None, max=None):
    """clamp in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if x.dtype >= FLOAT32 and (min is None or is_number(min)) and (max is None or is_number(max)) and min is not max:
        return unary_(ROW_CLAMP, x, -INFINITY if min is None else min, INFINITY if max is None else max)
    check_inplace(x)
    bound = min if isinstance(min, TensorBase) else max if isinstance(max, TensorBase) else None
    if bound is not None and (recording(x) or recording(<TensorBase> bound)):        # they are saved for the gradient
        return assign_inplace(x, clamp(clone(x), min, max))
    return assign_inplace(x, clamp(x, min, max))


def leaky_relu(input, negative_slope=0.01):
    """x where x > 0, else negative_slope * x"""
    return unary(ROW_LEAKY_RELU, input, negative_slope, 0)


def hardtanh(input, lowest=-1.0, highest=1.0):
    """input limited to [lowest, highest]; the gradient is 0 outside and at both limits."""
    return unary(ROW_HARDTANH, input, lowest, highest)


def elu(input, alpha=1.0):
    """x where x > 0, else alpha * (e^x - 1)"""
    return unary(ROW_ELU, input, alpha, 0)


def softshrink(input, lambd=0.5):
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0"""
    return unary(ROW_SOFTSHRINK, input, lambd, 0)


def hardshrink(input, lambd=0.5):
    """x where |x| > lambd, else 0"""
    return unary(ROW_HARDSHRINK, input, lambd, 0)


def threshold(input, limit, value):
    """x where x > limit, else value"""
    return unary(ROW_THRESHOLD, input, limit, value)


def leaky_relu_(input, negative_slope=0.01):
    """leaky_relu in place"""
    return unary_(ROW_LEAKY_RELU, input, negative_slope, 0)


def hardtanh_(input, lowest=-1.0, highest=1.0):
    """hardtanh in place"""
    return unary_(ROW_HARDTANH, input, lowest, highest)


def elu_(input, alpha=1.0):
    """elu in place"""
    return unary_(ROW_ELU, input, alpha, 0)


def threshold_(input, limit, value):
    """threshold in place"""
    return unary_(ROW_THRESHOLD, input, limit, value)


def gelu(input, *, approximate="none"):
    """x * P(Z < x), Z standard normal; approximate="tanh" uses x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, not {approximate!r}.")
    return unary(ROW_GELU_TANH if approximate == "tanh" else ROW_GELU, input, 0, 0)


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + e^(beta x)) / beta, and x itself where beta x > threshold"""
    return unary(ROW_SOFTPLUS, input, beta, threshold)


def softplus1(input):
    """log(1 + e^x), for the table's expressions."""
    return unary(ROW_SOFTPLUS1, input, 0, 0)


def eq(input, other, *, out=None):
    """input == other, element by element.

    >>> tinygrad_c.eq(tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([1, 3]))
    tensor([ True, False])
    """
    if out is not None:
        return into_out(eq(input, other), out)
    return binary(ROW_EQ, input, comparable(other, input))


def ne(input, other, *, out=None):
    """input != other, element by element.

    >>> tinygrad_c.ne(tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([1, 3]))
    tensor([False,  True])
    """
    if out is not None:
        return into_out(ne(input, other), out)
    return binary(ROW_NE, input, comparable(other, input))


def lt(input, other, *, out=None):
    """input < other, element by element.

    >>> tinygrad_c.lt(tinygrad_c.tensor([1, 2, 3]), 2)
    tensor([ True, False, False])
    """
    if out is not None:
        return into_out(lt(input, other), out)
    return binary(ROW_LT, input, comparable(other, input))


def le(input, other, *, out=None):
    """input <= other, element by element.

    >>> tinygrad_c.le(tinygrad_c.tensor([1, 2, 3]), 2)
    tensor([ True,  True, False])
    """
    if out is not None:
        return into_out(le(input, other), out)
    return binary(ROW_LE, input, comparable(other, input))


def gt(input, other, *, out=None):
    """input > other, element by element.

    >>> tinygrad_c.gt(tinygrad_c.tensor([1, 2, 3]), 2)
    tensor([False, False,  True])
    """
    if out is not None:
        return into_out(gt(input, other), out)
    return binary(ROW_GT, input, comparable(other, input))


def ge(input, other, *, out=None):
    """input >= other, element by element.

    >>> tinygrad_c.ge(tinygrad_c.tensor([1, 2, 3]), 2)
    tensor([False,  True,  True])
    """
    if out is not None:
        return into_out(ge(input, other), out)
    return binary(ROW_GE, input, comparable(other, input))


cdef object comparable(object other, object input):
    """An int outside the range of input's dtype becomes +-inf, which compares the same way; else `other` itself."""
    cdef int dtype
    if type(other) is not int or not isinstance(input, TensorBase):
        return other
    dtype = (<TensorBase> input).dtype
    if fits(other, dtype):
        return other
    return math.inf if other > 0 else -math.inf


# ---- The table's rows without parameters, as functions

cdef str documentation(int r):
    """The docstring of a row: its description, its value y, the gradient of each input, and an example."""
    cdef object row = row_of(r)
    gradients = [f"    d{name} = {each}" for name, each in zip(row.inputs, row.derivatives) if each]
    if row.shows:
        given, _, results = row.shows.partition(" -> ")
        given, also, other = given.partition("; ")
        argument = f"tinygrad_c.tensor([{other}])" if also else ""
        gradients += ["", f"    >>> tinygrad_c.tensor([{given}]).{row_name(r)}({argument})", f"    tensor([{results}])"]
    return "\n".join([row.doc, "", f"    y = {row.y}", *gradients])


cdef object function_of_row(int r):
    """For a row such as tanh: the functions tanh(input, *, out=None) and tanh_(input)."""
    if ROWS[r].n_inputs == 1:
        def function(input, *, out=None):
            return unary(r, input, 0, 0) if out is None else into_out(unary(r, input, 0, 0), out)

        def function_(input):
            return unary_(r, input, 0, 0)
    else:
        def function(input, other, *, out=None):
            return binary(r, input, other) if out is None else into_out(binary(r, input, other), out)

        def function_(input, other):
            return binary_(r, as_tensor(input, "argument 'input' (position 1)"), other)
    function.__name__ = function.__qualname__ = row_name(r)
    function.__doc__ = documentation(r)
    function_.__name__ = function_.__qualname__ = row_name(r) + "_"
    function_.__doc__ = row_name(r) + " in place: the tensor is overwritten and returned."
    return function, function_


for _name in POINTWISE:
    if not POINTWISE[_name].params and _name not in globals():
        globals()[_name], globals()[_name + "_"] = function_of_row(row_names.index(_name))


cdef TensorBase divided(int r, object left, object right):
    """binary() for a row that divides. An integer divided by an integer 0 raises, and so do two bools."""
    cdef TensorBase a = as_operand(left, right, "argument 'input' (position 1)")
    cdef TensorBase b = as_operand(right, left, "argument 'other' (position 2)")
    if category(a.dtype) < 2 and category(b.dtype) < 2:
        if a.dtype == BOOL and b.dtype == BOOL:
            raise not_implemented(r, BOOL)
        if has_zero(b):
            raise RuntimeError("ZeroDivisionError: an integer tensor is divided by an integer 0: call .float() on one of them "
                               "to get inf or nan")
    return binary(r, a, b)


cdef bint has_zero(TensorBase a) except -1:
    cdef TensorBase zero = binary(ROW_EQ, a, scalar_tensor(0, a.dtype))
    return zero.numel > 0 and memchr(zero.data, 1, zero.numel) != NULL


cdef TensorBase divided_(int r, TensorBase x, object other):
    check_inplace(x)
    return assign_inplace(x, divided(r, x, other))


def fmod(input, other, *, out=None):
    """input - other * trunc(input / other): the remainder of the division, with the sign of input.

    RuntimeError (ZeroDivisionError) for integers divided by 0; a float divided by 0 gives nan.

    >>> tinygrad_c.fmod(tinygrad_c.tensor([-3., 3.]), 2)
    tensor([-1.,  1.])
    """
    if out is not None:
        return into_out(fmod(input, other), out)
    return divided(ROW_FMOD, input, other)


def remainder(input, other, *, out=None):
    """input - other * floor(input / other): the remainder of the division, with the sign of other, as Python's `%`.

    RuntimeError (ZeroDivisionError) for integers divided by 0; a float divided by 0 gives nan.

    >>> tinygrad_c.remainder(tinygrad_c.tensor([-3., 3.]), 2)
    tensor([1., 1.])
    """
    if out is not None:
        return into_out(remainder(input, other), out)
    return divided(ROW_REMAINDER, input, other)


def floor_divide(input, other, *, out=None):
    """input / other, rounded down, as Python's `//`. As in PyTorch it has no derivative: a backward pass that reaches
    it raises. The gradient of div(..., rounding_mode="floor") is 0.

    RuntimeError (ZeroDivisionError) for integers divided by 0.

    >>> tinygrad_c.floor_divide(tinygrad_c.tensor([-3, 3]), 2)
    tensor([-2,  1])
    """
    if out is not None:
        return into_out(floor_divide(input, other), out)
    return floor_divided(input, other)


cdef TensorBase floor_divided(object left, object right):
    return without_derivative(divided(ROW_DIV_FLOOR, detached(left), detached(right)), "floor_divide", left, right)


cdef object detached(object a):
    return alias(a) if isinstance(a, TensorBase) else a


def fmod_(input, other):
    """fmod in place."""
    return divided_(ROW_FMOD, as_tensor(input, "argument 'input' (position 1)"), other)


def remainder_(input, other):
    """remainder in place."""
    return divided_(ROW_REMAINDER, as_tensor(input, "argument 'input' (position 1)"), other)


def floor_divide_(input, other):
    """floor_divide in place."""
    return floor_divided_(as_tensor(input, "argument 'input' (position 1)"), other)


cdef TensorBase floor_divided_(TensorBase x, object other):
    check_inplace(x)
    return assign_inplace(x, floor_divided(x, other))


def bitwise_not(input, *, out=None):
    """Each bit inverted, which is -input - 1; the logical not of bools.

    >>> tinygrad_c.bitwise_not(tinygrad_c.tensor([0, 5]))
    tensor([-1, -6])
    """
    if out is not None:
        return into_out(bitwise_not(input), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if x.dtype >= FLOAT16:
        raise NotImplementedError(f"\"bitwise_not_cpu\" not implemented for '{DTYPE_NAMES[x.dtype]}': call .long() first")
    if x.dtype == BOOL:             # 1 - x of bytes
        x = binary_scalar(ROW_RSUB_NUMBER, as_bytes(x), 1)
        x.dtype = BOOL
        return x
    return binary_scalar(ROW_RSUB_NUMBER, x, -1)


def polygamma(n, input, *, out=None):
    """The derivative of order n of digamma; n = 0 is digamma itself.

    >>> tinygrad_c.polygamma(1, tinygrad_c.tensor([1.]))
    tensor([1.6449])
    """
    if out is not None:
        return into_out(polygamma(n, input), out)
    if n != int(n) or n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n: n must be an integer >= 0, but is {n}")
    return unary(ROW_POLYGAMMA_N, input, n, 0)


bitwise_not_ = in_place(bitwise_not)
