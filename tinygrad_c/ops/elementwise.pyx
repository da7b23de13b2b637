"""Elementwise ops: one forward function and one backward rule for every row of the table.

    unary(row, x)  binary(row, a, b)      check, promote, broadcast, allocate; launch the kernel; record
    elementwise_backward                  launch the row's derivative kernels, or, with create_graph, evaluate the row's
                                          derivative expression on Tensors
"""
import math
import warnings

from cpython.ref cimport PyObject
from libc.math cimport INFINITY
from libc.string cimport memchr, memcpy

from tinygrad_c.array cimport DTYPES, allocate_into, default_dtype, fill_operand, itemsize, same_shape, shape_of
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.dispatch cimport kernels, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.generated.scalar_ids cimport *
from tinygrad_c.kernels.generic cimport cast, scalar_kernel
from tinygrad_c.kernels.table cimport Kernels
from tinygrad_c.tape cimport *

from tinygrad_c.formulas import POINTWISE, SCALAR

cdef enum:
    READS_G = 0             # what a derivative's kernel reads: g, input i (1 + i), the output
    READS_OUTPUT = 4
    KIND_FLOATS = 0
    KIND_NUMBERS = 1
    KIND_BOOLS = 2
    KIND_INTEGERS = 3
    UNIT = 8192             # elements in a unit of the elementwise loop (kernels/loop.pxi)

ctypedef struct Row:
    Rule rule
    int forward                 # the kernel's number
    int n_inputs
    int n_params
    int kind
    bint differentiable
    bint composed               # of formulas.SCALAR: one kernel for all processors, derivatives evaluated on Tensors
    int[3] derivative           # per input: the kernel's number, NO_DERIVATIVE, DERIVATIVE_IS_G or DERIVATIVE_COMPOSED
    int[3] saves                # per input: what its derivative reads, bit 1 + i for input i, bit 4 for the output
    int[3] n_operands
    int[3][4] operand           # per input: what its derivative reads, in order

cdef Row[N_ALL_ROWS] ROWS
include "../kernels/generated/rows.pxi"
fill_rows()
for _row in range(N_ALL_ROWS):
    ROWS[_row].rule.backward = elementwise_backward


cdef list row_names = list(POINTWISE)


cdef str row_name(int r):
    return row_names[r]


cdef object row_of(int r):
    return POINTWISE[row_names[r]]


cdef object not_implemented(int r, int dtype):
    return NotImplementedError(f"\"{row_name(r)}_cpu\" not implemented for '{TYPE_WORDS[dtype]}': call "
                               f"{'.int() or .float()' if dtype == BOOL else '.long()'} first")


# ---- Dtypes and numbers

cdef bint is_number(object a) noexcept:
    return type(a) is float or type(a) is int or type(a) is bool


cdef TensorBase scalar_tensor(object number, int dtype):
    cdef TensorBase out = empty(dtype, 0, NULL)
    put_number(out.data, dtype, number)
    return out


cdef int put_number(char* to, int dtype, object number) except -1:
    """Write a Python number as that dtype: integers cut fractions off, and take nothing larger than they can hold."""
    if dtype == FLOAT32:
        (<float*> to)[0] = number
    elif dtype == FLOAT64:
        (<double*> to)[0] = number
    elif dtype == BOOL:
        (<unsigned char*> to)[0] = bool(number)
    else:
        try:
            whole = int(number)
            if dtype == INT64:
                (<int64_t*> to)[0] = whole
            elif dtype == INT32:
                (<int*> to)[0] = whole
            else:
                (<unsigned char*> to)[0] = whole + 256 if -256 < whole < 0 else whole
        except (OverflowError, ValueError):     # ValueError: NaN
            raise RuntimeError(f"value cannot be converted to type {(<object> DTYPES[dtype]).name} without overflow: "
                               f"{number}") from None
    return 0


cdef TensorBase as_tensor(object a, str what):
    if isinstance(a, TensorBase):
        if (<TensorBase> a).storage is None:
            raise RuntimeError("this tensor was never given memory: make tensors with tinygrad_c.tensor(...)")
        return <TensorBase> a
    if isinstance(a, bool):
        return scalar_tensor(a, BOOL)
    if isinstance(a, int):
        return scalar_tensor(a, INT64)
    if isinstance(a, float):
        return scalar_tensor(a, default_dtype())
    if hasattr(a, "item") and hasattr(a, "dtype") and getattr(a, "ndim", 1) == 0:      # a NumPy scalar
        return as_tensor(a.item(), what)
    hint = ": make it a tensor with tinygrad_c.tensor(x) or from_numpy(x)" if hasattr(a, "__array__") else ""
    raise TypeError(f"{what} must be Tensor, not {type(a).__module__}.{type(a).__qualname__}{hint}"
                    if hint else f"{what} must be Tensor, not {type(a).__qualname__}")


cdef TensorBase as_operand(object a, object other, str what):
    """as_tensor, but a Python number beside a tensor takes that tensor's dtype, unless that is of a smaller category."""
    cdef int dtype
    if not is_number(a) or not isinstance(other, TensorBase):
        return as_tensor(a, what)
    dtype = (<TensorBase> other).dtype
    if type(a) is float and dtype < FLOAT32:
        dtype = default_dtype()
    elif type(a) is int and dtype == BOOL:
        dtype = INT64
    return scalar_tensor(a, dtype)


cdef int promote(TensorBase a, TensorBase b) noexcept:
    """The dtype of a result: the larger; but a 0-d operand only counts if it is of a larger category (bool, integer, float)."""
    cdef int x = a.dtype
    cdef int y = b.dtype
    if x == y:
        return x
    if (a.ndim == 0) != (b.ndim == 0):
        if a.ndim == 0 and category(x) <= category(y):
            return y
        if b.ndim == 0 and category(y) <= category(x):
            return x
    return max(x, y)


cdef inline int category(int dtype) noexcept:
    return 0 if dtype == BOOL else 1 if dtype < FLOAT32 else 2


# ---- Launching

cdef inline bint broadcasts_to(TensorBase a, TensorBase b) noexcept:
    return a.ndim == b.ndim and same_shape(a, b)


cdef int broadcast_shapes(TensorBase a, TensorBase b, int* ndim, Py_ssize_t* shape) except -1:
    """The shape of two broadcast together: aligned at the last dimension, 1 stretching to whatever the other has."""
    cdef int n = a.ndim if a.ndim > b.ndim else b.ndim
    cdef int d, i, j
    cdef Py_ssize_t x, y
    for d in range(n):
        i = a.ndim - n + d
        j = b.ndim - n + d
        x = a.shape[i] if i >= 0 else 1
        y = b.shape[j] if j >= 0 else 1
        if x != y and x != 1 and y != 1:
            raise RuntimeError(
                f"The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton dimension {d}: the shapes "
                f"are {list(shape_of(a))} and {list(shape_of(b))}")
        shape[d] = y if x == 1 else x
    ndim[0] = n
    return 0


cdef inline void place(Operand* o, TensorBase a, int ndim, const Py_ssize_t* shape) noexcept:
    """Describe an operand stretched to the given shape: stride 0 where it repeats."""
    cdef int offset = ndim - a.ndim
    cdef int d
    o.data = a.data
    o.itemsize = itemsize(a.dtype)
    for d in range(ndim):
        o.stride[d] = 0 if d < offset or (a.shape[d - offset] == 1 and shape[d] != 1) else a.stride[d - offset]


cdef void coalesce(Call* c) noexcept:
    """Merge neighbouring dimensions that every operand walks through as one; drop those of size 1."""
    cdef int d, i
    cdef int n = 0
    cdef bint merges
    for d in range(c.ndim):
        if c.shape[d] == 1:
            continue
        merges = n > 0
        for i in range(c.n_operands):
            if not merges:
                break
            merges = c.operand[i].stride[n - 1] == c.operand[i].stride[d] * c.shape[d]
        if merges:
            c.shape[n - 1] *= c.shape[d]
        else:
            c.shape[n] = c.shape[d]
            n += 1
        for i in range(c.n_operands):
            c.operand[i].stride[n - 1] = c.operand[i].stride[d]
    if n == 0:
        c.shape[0] = 1
        n = 1
        for i in range(c.n_operands):
            c.operand[i].stride[0] = 1
    c.ndim = n


cdef void launch(inner_t inner, Kernels* table, TensorBase out, int n_inputs, PyObject** inputs, const Scalar* param,
                 int n_params, int tenths) noexcept:
    """Run an elementwise kernel: inputs broadcast to out. `tenths`: its cost in tenths of a nanosecond an element."""
    cdef Call c
    cdef TensorBase a
    cdef int i
    cdef bint flat = out.contiguous
    if out.numel == 0:
        return
    c.kernel = table.loop
    c.inner = inner
    c.units = (out.numel + UNIT - 1) // UNIT
    c.work = out.numel * tenths // 10
    c.n_operands = 1 + n_inputs
    for i in range(n_params):
        c.param[i] = param[i]
    for i in range(n_inputs):
        a = <TensorBase> inputs[i]
        flat = flat and ((a.contiguous and a.numel == out.numel) or a.numel == 1)
    if flat:
        c.ndim = 1
        c.shape[0] = out.numel
        c.operand[0].data = out.data
        c.operand[0].itemsize = itemsize(out.dtype)
        c.operand[0].stride[0] = 1
        for i in range(n_inputs):
            a = <TensorBase> inputs[i]
            c.operand[1 + i].data = a.data
            c.operand[1 + i].itemsize = itemsize(a.dtype)
            c.operand[1 + i].stride[0] = 1 if a.numel == out.numel else 0
    else:
        c.ndim = out.ndim
        memcpy(c.shape, out.shape, out.ndim * sizeof(Py_ssize_t))
        fill_operand(&c.operand[0], out)
        for i in range(n_inputs):
            place(&c.operand[1 + i], <TensorBase> inputs[i], out.ndim, out.shape)
        coalesce(&c)
    run(&c)


cdef inline int cost(const Row* row) noexcept:
    return 40 if row.composed else 4 if row.kind == KIND_FLOATS else 1


cdef inline inner_t kernel_of(const Row* row, int dtype) noexcept:
    return scalar_kernel(dtype, row.forward) if row.composed else kernels(dtype).inner[row.forward]


# ---- Copies and conversions

cdef int copy_into(TensorBase out, TensorBase source) except -1:
    cdef PyObject* inputs[1]
    inputs[0] = <PyObject*> source
    launch(cast(source.dtype, out.dtype), kernels(out.dtype), out, 1, inputs, NULL, 0, 2)
    return 0


cdef TensorBase copy_of(TensorBase a):
    cdef TensorBase out = empty_like(a)
    copy_into(out, a)
    return out


cdef int convert_backward(Walk walk, Node node, TensorBase g) except -1:
    walk.give(node, 0, g)           # the walk brings g to the input's dtype
    return 0

cdef Rule CONVERT = Rule(b"ToCopyBackward0", convert_backward)
cdef Rule CLONE = Rule(b"CloneBackward0", convert_backward)


cdef TensorBase to_dtype(TensorBase a, int dtype):
    cdef TensorBase out
    if a.dtype == dtype:
        return a
    out = empty(dtype, a.ndim, a.shape)
    copy_into(out, a)
    if dtype >= FLOAT32 and recording(a):
        record(&CONVERT, out, a)
    return out


cdef TensorBase to_float(TensorBase a):
    return a if a.dtype >= FLOAT32 else to_dtype(a, default_dtype())


cdef TensorBase clone(TensorBase a):
    cdef TensorBase out = copy_of(a)
    if recording(a):
        record(&CLONE, out, a)
    return out


cdef TensorBase contiguous(TensorBase a):
    return a if a.contiguous else clone(a)


# ---- Forward

cdef inline int result_dtype(const Row* row, int dtype) noexcept:
    """The dtype that a row computes in, given its inputs' common dtype."""
    if row.kind == KIND_FLOATS and dtype < FLOAT32:
        return default_dtype()
    return dtype


cdef int set_params(Scalar* param, int dtype, double p0, double p1) noexcept:
    if dtype >= FLOAT32:
        param[0].f = p0
        param[1].f = p1
    else:
        param[0].i = <int64_t> p0 if -9.2e18 < p0 < 9.2e18 else (-(<int64_t> 1 << 62) * 2 if p0 < 0 else 0x7fffffffffffffff)
        param[1].i = <int64_t> p1 if -9.2e18 < p1 < 9.2e18 else (-(<int64_t> 1 << 62) * 2 if p1 < 0 else 0x7fffffffffffffff)
    return 0


cdef TensorBase unary(int r, object input, double p0, double p1):
    """y = f(x) for a row of the table; p0 and p1 are the row's parameters."""
    cdef Scalar[2] param
    cdef Row* row = &ROWS[r]
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef int dtype = result_dtype(row, x.dtype)
    if dtype < FLOAT32 and row.kind == KIND_BOOLS:      # isnan: integers have no kernel of it
        dtype = default_dtype()
    elif dtype == BOOL:
        raise not_implemented(r, BOOL)
    x = to_dtype(x, dtype)
    set_params(param, dtype, p0, p1)
    return unary_launch(row, r, x, param)


cdef TensorBase unary_launch(Row* row, int r, TensorBase x, const Scalar* param):
    cdef TensorBase out = empty(BOOL if row.kind == KIND_BOOLS else x.dtype, x.ndim, x.shape)
    cdef PyObject* inputs[1]
    cdef Node node
    inputs[0] = <PyObject*> x
    launch(kernel_of(row, x.dtype), kernels(x.dtype), out, 1, inputs, param, row.n_params, cost(row))
    if row.differentiable and x.dtype >= FLOAT32 and recording(x):
        node = record(&row.rule, out, x)
        node.op = r
        node.param[0] = param[0]
        node.param[1] = param[1]
        if row.saves[0] & 2:
            save(node, 0, x)
        if row.saves[0] & 16:
            save_output(node, out)
    return out


cdef TensorBase with_number(int r, TensorBase x, object number):
    """A row whose parameter is a Python number: the number is weak, it changes x's dtype only to a larger category."""
    cdef Scalar[2] param
    cdef Row* row = &ROWS[r]
    cdef int dtype = x.dtype
    if x.storage is None:
        as_tensor(x, "self")            # raises
    if type(number) is float and dtype < FLOAT32:
        dtype = default_dtype()
    elif dtype == BOOL:
        dtype = INT64
    dtype = result_dtype(row, dtype)
    x = to_dtype(x, dtype)
    if dtype >= FLOAT32:
        param[0].f = number
    else:
        param[0].i = number
    param[1].f = 0
    return unary_launch(row, r, x, param)


cdef TensorBase binary(int r, object left, object right):
    """y = f(a, b) for a row of the table, a and b broadcast together."""
    cdef Row* row = &ROWS[r]
    cdef TensorBase a = as_operand(left, right, "argument 'input' (position 1)")
    cdef TensorBase b = as_operand(right, left, "argument 'other' (position 2)")
    cdef TensorBase out
    cdef int dtype = a.dtype
    cdef bint logical = False
    if a.dtype != b.dtype:
        dtype = promote(a, b)
    if row.kind == KIND_FLOATS and dtype < FLOAT32:
        dtype = default_dtype()
    if row.kind == KIND_INTEGERS and dtype >= FLOAT32:
        raise not_implemented(r, dtype)
    if dtype == BOOL:
        if r == ROW_SUB:
            raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                               "`logical_xor()` operator instead.")
        if row.kind == KIND_INTEGERS and r not in (ROW_BITWISE_AND, ROW_BITWISE_OR, ROW_BITWISE_XOR):
            raise not_implemented(r, BOOL)
        dtype = UINT8
        logical = row.kind != KIND_BOOLS
    a = to_dtype(a, dtype)
    b = to_dtype(b, dtype)
    out = binary_launch(row, r, a, b, None)
    return to_dtype(out, BOOL) if logical else out


cdef TensorBase binary_launch(Row* row, int r, TensorBase a, TensorBase b, TensorBase out):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef PyObject* inputs[2]
    cdef int ndim
    cdef int dtype = a.dtype
    if out is None:
        if same_shape(a, b):
            out = empty(BOOL if row.kind == KIND_BOOLS else dtype, a.ndim, a.shape)
        else:
            broadcast_shapes(a, b, &ndim, shape)
            out = empty(BOOL if row.kind == KIND_BOOLS else dtype, ndim, shape)
    inputs[0] = <PyObject*> a
    inputs[1] = <PyObject*> b
    launch(kernel_of(row, dtype), kernels(dtype), out, 2, inputs, NULL, 0, cost(row))
    if row.differentiable and dtype >= FLOAT32 and (recording(a) or recording(b)):
        record_binary(row, r, out, a, b)
    return out


cdef int record_binary(Row* row, int r, TensorBase out, TensorBase a, TensorBase b) except -1:
    cdef Node node = record2(&row.rule, out, a, b)
    cdef int saves = (row.saves[0] if node.edge0 is not None else 0) | (row.saves[1] if node.edge1 is not None else 0)
    node.op = r
    if saves & 2:
        save(node, 0, a)
    if saves & 4:
        save(node, 1, b)
    if saves & 16:
        save_output(node, out)
    return 0


cdef TensorBase where_(object condition, object left, object right):
    cdef Row* row = &ROWS[ROW_WHERE]
    cdef TensorBase c = as_tensor(condition, "argument 'condition' (position 1)")
    cdef TensorBase a = as_operand(left, right, "argument 'input' (position 2)")
    cdef TensorBase b = as_operand(right, left, "argument 'other' (position 3)")
    cdef TensorBase out
    cdef PyObject* inputs[3]
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    cdef int dtype = promote(a, b)
    cdef Node node
    if c.dtype != BOOL:
        if c.dtype != UINT8:
            raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype "
                               f"{DTYPES[c.dtype]}")
        c = to_dtype(c, BOOL)
    a = to_dtype(a, dtype)
    b = to_dtype(b, dtype)
    broadcast_shapes(a, b, &ndim, shape)
    out = empty(dtype, ndim, shape)
    broadcast_shapes(out, c, &ndim, shape)
    if ndim != out.ndim or not shapes_equal(out, ndim, shape):
        out = empty(dtype, ndim, shape)
    inputs[0], inputs[1], inputs[2] = <PyObject*> c, <PyObject*> a, <PyObject*> b
    launch(kernels(UINT8 if dtype == BOOL else dtype).inner[row.forward], kernels(dtype), out, 3, inputs, NULL, 0, 2)
    if dtype >= FLOAT32 and (recording(a) or recording(b)):
        node = record3(&row.rule, out, c, a, b)
        node.op = ROW_WHERE
        save(node, 0, c)
    return out


cdef bint shapes_equal(TensorBase a, int ndim, const Py_ssize_t* shape) noexcept:
    cdef int d
    if a.ndim != ndim:
        return False
    for d in range(ndim):
        if a.shape[d] != shape[d]:
            return False
    return True


cdef TensorBase power(object a, object b):
    """a^b. Whole exponents of integers stay integers; 2, 1/2 and -1 take their own row."""
    cdef TensorBase x
    cdef double p
    if isinstance(a, TensorBase) and is_number(b):
        x = a
        p = b
        if p == 2:
            return with_number(ROW_POW_NUMBER, x, b) if x.dtype < FLOAT32 and type(b) is float else unary(ROW_SQUARE, x, 0, 0)
        if x.dtype < FLOAT32 and type(b) is not float:
            return integer_power(x, b)
        if p == 0.5:
            return unary(ROW_SQRT, x, 0, 0)
        if p == -1:
            return unary(ROW_RECIPROCAL, x, 0, 0)
        return with_number(ROW_POW_NUMBER, x, b)
    if isinstance(b, TensorBase) and is_number(a) and ((<TensorBase> b).dtype >= FLOAT32 or type(a) is float):
        return with_number(ROW_RPOW_NUMBER, b, a)
    x = as_tensor(a, "argument 'input' (position 1)")
    if x.dtype < FLOAT32 and as_tensor(b, "argument 'exponent' (position 2)").dtype < FLOAT32:
        return to_dtype(binary(ROW_POW, to_dtype(x, FLOAT64), to_dtype(as_tensor(b, "exponent"), FLOAT64)),
                        promote(x, as_tensor(b, "exponent")))
    return binary(ROW_POW, a, b)


cdef TensorBase integer_power(TensorBase x, object exponent):
    """Repeated squaring."""
    cdef TensorBase y = None
    if exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed: call .float() first")
    if exponent == 0:
        return with_number(ROW_ADD_NUMBER, with_number(ROW_MUL_NUMBER, x, 0), 1)
    while exponent:
        if exponent & 1:
            y = x if y is None else binary(ROW_MUL, y, x)
        exponent >>= 1
        if exponent:
            x = binary(ROW_MUL, x, x)
    return clone(y)


# ---- In place

cdef bint overlaps(TensorBase out, TensorBase a) noexcept:
    """Whether a shares out's memory other than element for element."""
    cdef int d
    if out.storage is not a.storage:
        return False
    if out.data != a.data or not same_shape(out, a):
        return True
    for d in range(out.ndim):
        if out.stride[d] != a.stride[d]:
            return True
    return False


cdef TensorBase adopt(TensorBase x, TensorBase y):
    """Write y, just computed from x, into x; x takes over y's history. The last part of a recorded in-place op."""
    cdef Node node = y._grad_fn
    cdef TensorBase old
    if not same_shape(x, y):
        raise RuntimeError(f"output with shape {list(shape_of(x))} doesn't match the broadcast shape {list(shape_of(y))}")
    if category(y.dtype) > category(x.dtype):
        raise RuntimeError(f"result type {TYPE_WORDS[y.dtype]} can't be cast to the desired output type {TYPE_WORDS[x.dtype]}: "
                           "write x = x + y, or call .float() on x first")
    if node is not None:
        if y.dtype != x.dtype:
            y = to_dtype(y, x.dtype)
            node = y._grad_fn
        if node.saved0 is x or node.saved1 is x:        # the rule needs what x was: it is about to be overwritten
            old = copy_of(x)
            old._grad_fn = x._grad_fn
            if node.saved0 is x:
                save(node, 0, old)
            if node.saved1 is x:
                save(node, 1, old)
    copy_into(x, y)
    if node is not None:
        set_history(x, node)
    wrote(x)
    return x

cdef tuple TYPE_WORDS = ("Bool", "Byte", "Int", "Long", "Float", "Double")


cdef TensorBase unary_(int r, object input, double p0, double p1):
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    check_inplace(x)
    return adopt(x, unary(r, x, p0, p1))


cdef TensorBase with_number_(int r, TensorBase x, object number):
    cdef Scalar[2] param
    cdef PyObject* inputs[1]
    cdef Row* row = &ROWS[r]
    check_inplace(x)
    if x.dtype < FLOAT32 or recording(x):
        return adopt(x, with_number(r, x, number))
    param[0].f = number
    inputs[0] = <PyObject*> x
    launch(kernels(x.dtype).inner[row.forward], kernels(x.dtype), x, 1, inputs, param, row.n_params, cost(row))
    wrote(x)
    return x


cdef TensorBase binary_(int r, TensorBase a, object other):
    cdef TensorBase b
    cdef Row* row = &ROWS[r]
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    check_inplace(a)
    b = as_tensor(other, "argument 'other' (position 2)")
    if a.dtype != b.dtype or a.dtype < FLOAT32 or row.composed or recording(a) or recording(b) or overlaps(a, b):
        return adopt(a, binary(r, a, b))
    broadcast_shapes(a, b, &ndim, shape)
    if not shapes_equal(a, ndim, shape):
        raise RuntimeError(f"output with shape {list(shape_of(a))} doesn't match the broadcast shape "
                           f"{[shape[d] for d in range(ndim)]}")
    binary_launch(row, r, a, b, a)
    wrote(a)
    return a


# ---- Backward

cdef int elementwise_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef Row* row = &ROWS[node.op]
    cdef TensorBase out, held
    cdef TensorBase y = None
    cdef PyObject* inputs[4]
    cdef int i, j, reads, d
    cdef int last = -1
    if walk.create_graph or row.composed:
        return differentiable_backward(walk, node, g)
    for i in range(row.n_inputs):
        if row.derivative[i] != NO_DERIVATIVE and walk.needs(node, i):
            last = i
    for i in range(last + 1):
        d = row.derivative[i]
        if d == NO_DERIVATIVE or not walk.needs(node, i):
            continue
        if d == DERIVATIVE_IS_G:
            walk.give(node, i, g)
            continue
        for j in range(row.n_operands[i]):
            reads = row.operand[i][j]
            if reads == READS_G:
                inputs[j] = <PyObject*> g
            elif reads == READS_OUTPUT:
                if y is None:
                    y = output(walk, node)
                inputs[j] = <PyObject*> y
            else:
                held = saved(node, reads - 1)       # the node keeps it alive
                inputs[j] = <PyObject*> held
        # Overwriting g, when nobody else has it, saves a trip to memory.
        out = g if i == last and g.dtype == node.dtype and owned(<PyObject*> g) else empty(node.dtype, node.ndim, node.shape)
        launch(kernels(node.dtype).inner[d], kernels(node.dtype), out, row.n_operands[i], inputs, node.param, row.n_params,
               cost(row))
        walk.give(node, i, out)
    return 0


cdef dict derivative_code = {}      # by row and input: the expression, compiled when it is first needed
cdef dict functions = {}            # what the table's expressions call, on Tensors; filled at the end of this file


cdef int differentiable_backward(Walk walk, Node node, TensorBase g) except -1:
    """Evaluate the row's derivative expressions on Tensors: with create_graph, the gradient is recorded in its turn."""
    cdef Row* row = &ROWS[node.op]
    cdef dict names = {"g": g}
    each = row_of(node.op)
    for i, name in enumerate(each.params):
        names[name] = node.param[i].f
    for i in range(row.n_inputs):
        if row.derivative[i] == NO_DERIVATIVE or not walk.needs(node, i):
            continue
        for j in range(row.n_operands[i]):
            reads = row.operand[i][j]
            if reads == READS_OUTPUT:
                names["y"] = output(walk, node)
            elif reads != READS_G:
                names[each.inputs[reads - 1]] = saved(node, reads - 1)
        code = derivative_code.get((node.op, i))
        if code is None:
            code = derivative_code[node.op, i] = compile(each.derivatives[i], f"<derivative of {row_name(node.op)}>", "eval")
        walk.give(node, i, eval(code, functions, names))
    return 0


# ---- The tape's own needs

cdef TensorBase add_tensors(TensorBase a, TensorBase b):
    return binary(ROW_ADD, a, b)


cdef int add_into(TensorBase a, TensorBase b) except -1:
    if b.dtype != a.dtype:
        b = to_dtype(b, a.dtype)
    binary_launch(&ROWS[ROW_ADD], ROW_ADD, a, b, a)
    a.storage.version += 1
    return 0


# ---- Public functions



def add(input, other, *, alpha=1, out=None):
    """input + alpha * other, broadcast together."""
    if out is not None:
        return into(add(input, other, alpha=alpha), out)
    if alpha != 1:
        other = mul(other, alpha)
    if is_number(other) and isinstance(input, TensorBase):
        return with_number(ROW_ADD_NUMBER, input, other)
    if is_number(input) and isinstance(other, TensorBase):
        return with_number(ROW_ADD_NUMBER, other, input)
    return binary(ROW_ADD, input, other)


def sub(input, other, *, alpha=1, out=None):
    """input - alpha * other, broadcast together."""
    if out is not None:
        return into(sub(input, other, alpha=alpha), out)
    if alpha != 1:
        other = mul(other, alpha)
    if is_number(other) and isinstance(input, TensorBase):
        return with_number(ROW_ADD_NUMBER, input, -other)
    if is_number(input) and isinstance(other, TensorBase):
        return with_number(ROW_RSUB_NUMBER, other, input)
    return binary(ROW_SUB, input, other)


def mul(input, other, *, out=None):
    """input * other, broadcast together."""
    if out is not None:
        return into(mul(input, other), out)
    if is_number(other) and isinstance(input, TensorBase):
        return with_number(ROW_MUL_NUMBER, input, other)
    if is_number(input) and isinstance(other, TensorBase):
        return with_number(ROW_MUL_NUMBER, other, input)
    return binary(ROW_MUL, input, other)


def div(input, other, *, rounding_mode=None, out=None):
    """input / other, broadcast together; integers give floats.

    rounding_mode="trunc" drops the quotient's fraction, "floor" rounds it down: then integers stay integers.
    """
    if out is not None:
        return into(div(input, other, rounding_mode=rounding_mode), out)
    if rounding_mode is not None:
        return rounded_div(input, other, rounding_mode)
    if is_number(other) and isinstance(input, TensorBase):
        return with_number(ROW_DIV_NUMBER, input, other)
    if is_number(input) and isinstance(other, TensorBase):
        return with_number(ROW_RDIV_NUMBER, other, input)
    return binary(ROW_DIV, input, other)


cdef TensorBase rounded_div(object input, object other, object mode):
    if mode not in ("trunc", "floor"):
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{mode}'")
    return divided(ROW_DIV_TRUNC if mode == "trunc" else ROW_DIV_FLOOR, input, other)


def pow(input, exponent, *, out=None):
    """input^exponent, either a tensor, the other a tensor or a number; 0^0 is 1, with derivative 0.

    >>> pow(tinygrad_c.tensor([1., 2., 3.]), 2)
    tensor([1., 4., 9.])
    """
    if out is not None:
        return into(power(input, exponent), out)
    return power(input, exponent)


def pow_(input, exponent):
    """pow in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    check_inplace(x)
    return adopt(x, power(x, exponent))


def add_(input, other, *, alpha=1):
    """add in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if alpha != 1:
        other = mul(other, alpha)
    return with_number_(ROW_ADD_NUMBER, x, other) if is_number(other) else binary_(ROW_ADD, x, other)


def sub_(input, other, *, alpha=1):
    """sub in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if alpha != 1:
        other = mul(other, alpha)
    return with_number_(ROW_ADD_NUMBER, x, -other) if is_number(other) else binary_(ROW_SUB, x, other)


def mul_(input, other):
    """mul in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    return with_number_(ROW_MUL_NUMBER, x, other) if is_number(other) else binary_(ROW_MUL, x, other)


def div_(input, other, *, rounding_mode=None):
    """div in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if rounding_mode is not None:
        check_inplace(x)
        return adopt(x, rounded_div(x, other, rounding_mode))
    return with_number_(ROW_DIV_NUMBER, x, other) if is_number(other) else binary_(ROW_DIV, x, other)


def maximum(input, other, *, out=None):
    """The larger of two, element by element; NaN where either is. Where they are equal each gets half of the gradient."""
    if out is not None:
        return into(maximum(input, other), out)
    return binary(ROW_MAXIMUM, input, other)


def minimum(input, other, *, out=None):
    """The smaller of two, element by element; NaN where either is. Where they are equal each gets half of the gradient."""
    if out is not None:
        return into(minimum(input, other), out)
    return binary(ROW_MINIMUM, input, other)


def where(condition, input, other, *, out=None):
    """input where condition is true, else other; the three broadcast together.

    >>> where(tinygrad_c.tensor([True, False]), tinygrad_c.tensor([1., 2.]), 0)
    tensor([1., 0.])
    """
    if out is not None:
        return into(where_(condition, input, other), out)
    return where_(condition, input, other)


def clamp(input, min=None, max=None, *, out=None):
    """input, but no less than min and no more than max; the gradient is 0 where it was cut."""
    if out is not None:
        return into(clamp(input, min, max), out)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    cdef Scalar[2] bounds
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if isinstance(min, TensorBase) or isinstance(max, TensorBase):
        if min is not None:
            x = binary(ROW_MAXIMUM, x, min)
        return x if max is None else binary(ROW_MINIMUM, x, max)
    if x.dtype < FLOAT32 and (type(min) is float or type(max) is float):
        x = to_float(x)
    if x.dtype >= FLOAT32:
        return unary(ROW_CLAMP, x, -INFINITY if min is None else min, INFINITY if max is None else max)
    x = x if x.dtype != BOOL else to_dtype(x, INT64)
    bounds[0].i = -(1 << 63) if min is None else min
    bounds[1].i = (1 << 63) - 1 if max is None else max
    return unary_launch(&ROWS[ROW_CLAMP], ROW_CLAMP, x, bounds)


def clamp_(input, min=None, max=None):
    """clamp in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    check_inplace(x)
    return adopt(x, clamp(x, min, max))


def leaky_relu(input, negative_slope=0.01):
    """x where x > 0, else negative_slope * x"""
    return unary(ROW_LEAKY_RELU, input, negative_slope, 0)


def elu(input, alpha=1.0):
    """x where x > 0, else alpha * (e^x - 1)"""
    return unary(ROW_ELU, input, alpha, 0)


def gelu(input, *, approximate="none"):
    """x * P(Z < x), Z standard normal; approximate="tanh" uses x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, not {approximate!r}.")
    return unary(ROW_GELU_TANH if approximate == "tanh" else ROW_GELU, input, 0, 0)


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + e^(beta x)) / beta, and x itself where beta x > threshold"""
    return unary(ROW_SOFTPLUS, input, beta, threshold)


def softplus1(input):
    """log(1 + e^x): what the table's expressions call."""
    return unary(ROW_SOFTPLUS1, input, 0, 0)


def eq(input, other, *, out=None):
    """input == other, element by element."""
    if out is not None:
        return into(eq(input, other), out)
    return binary(ROW_EQ, input, comparable(other, input))


def ne(input, other, *, out=None):
    """input != other, element by element."""
    if out is not None:
        return into(ne(input, other), out)
    return binary(ROW_NE, input, comparable(other, input))


def lt(input, other, *, out=None):
    """input < other, element by element."""
    if out is not None:
        return into(lt(input, other), out)
    return binary(ROW_LT, input, comparable(other, input))


def le(input, other, *, out=None):
    """input <= other, element by element."""
    if out is not None:
        return into(le(input, other), out)
    return binary(ROW_LE, input, comparable(other, input))


def gt(input, other, *, out=None):
    """input > other, element by element."""
    if out is not None:
        return into(gt(input, other), out)
    return binary(ROW_GT, input, comparable(other, input))


def ge(input, other, *, out=None):
    """input >= other, element by element."""
    if out is not None:
        return into(ge(input, other), out)
    return binary(ROW_GE, input, comparable(other, input))


cdef object comparable(object other, object input):
    """A whole number that the other side's dtype cannot hold is larger, or smaller, than all that it can: as infinity is."""
    cdef int dtype
    if type(other) is not int or not isinstance(input, TensorBase):
        return other
    dtype = (<TensorBase> input).dtype
    if fits(other, dtype):
        return other
    return math.inf if other > 0 else -math.inf


cdef bint fits(object number, int dtype) except -1:
    """Whether a dtype can hold a whole number; bool stands beside int64."""
    if dtype == UINT8:
        return 0 <= number < 256
    if dtype == INT32:
        return -(1 << 31) <= number < (1 << 31)
    return -(1 << 63) <= number < (1 << 63)


# ---- The table's rows without parameters, as functions

cdef object function_of_row(int r):
    """def tanh(input, *, out=None), from its row, and def tanh_(input)."""
    if ROWS[r].n_inputs == 1:
        def function(input, *, out=None):
            return unary(r, input, 0, 0) if out is None else into(unary(r, input, 0, 0), out)

        def function_(input):
            return unary_(r, input, 0, 0)
    else:
        def function(input, other, *, out=None):
            return binary(r, input, other) if out is None else into(binary(r, input, other), out)

        def function_(input, other):
            return binary_(r, as_tensor(input, "argument 'input' (position 1)"), other)
    function.__name__ = function.__qualname__ = row_name(r)
    function.__doc__ = row_of(r).doc
    function_.__name__ = function_.__qualname__ = row_name(r) + "_"
    function_.__doc__ = row_name(r) + " in place"
    return function, function_


for _name in POINTWISE:
    if not POINTWISE[_name].params and _name not in globals():
        globals()[_name], globals()[_name + "_"] = function_of_row(row_names.index(_name))


cdef TensorBase divided(int r, object left, object right):
    """A row that divides: integers by an integer 0 raise, and bools do."""
    cdef TensorBase a = as_operand(left, right, "argument 'input' (position 1)")
    cdef TensorBase b = as_operand(right, left, "argument 'other' (position 2)")
    if a.dtype < FLOAT32 and b.dtype < FLOAT32:
        if a.dtype == BOOL and b.dtype == BOOL:
            raise not_implemented(r, BOOL)
        if has_zero(b):
            raise RuntimeError("ZeroDivisionError: an integer tensor is divided by an integer 0: call .float() on one for inf "
                               "and nan")
    return binary(r, a, b)


cdef bint has_zero(TensorBase a) except -1:
    cdef TensorBase zero = binary(ROW_EQ, a, scalar_tensor(0, a.dtype))
    return zero.numel > 0 and memchr(zero.data, 1, zero.numel) != NULL


cdef TensorBase divided_(int r, TensorBase x, object other):
    check_inplace(x)
    return adopt(x, divided(r, x, other))


def fmod(input, other, *, out=None):
    """input - other * trunc(input / other): the remainder of the division, with the sign of input.

    RuntimeError (ZeroDivisionError) for integers by 0; floats by 0 give nan.

    >>> fmod(tinygrad_c.tensor([-3., 3.]), 2)
    tensor([-1.,  1.])
    """
    if out is not None:
        return into(fmod(input, other), out)
    return divided(ROW_FMOD, input, other)


def remainder(input, other, *, out=None):
    """input - other * floor(input / other): the remainder of the division, with the sign of other, as Python's `%`.

    RuntimeError (ZeroDivisionError) for integers by 0; floats by 0 give nan.

    >>> remainder(tinygrad_c.tensor([-3., 3.]), 2)
    tensor([1., 1.])
    """
    if out is not None:
        return into(remainder(input, other), out)
    return divided(ROW_REMAINDER, input, other)


def floor_divide(input, other, *, out=None):
    """input / other, rounded down, as Python's `//`; no gradient.

    RuntimeError (ZeroDivisionError) for integers by 0.

    >>> floor_divide(tinygrad_c.tensor([-3, 3]), 2)
    tensor([-2,  1])
    """
    if out is not None:
        return into(floor_divide(input, other), out)
    return divided(ROW_DIV_FLOOR, detached(input), detached(other))


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
    return divided_(ROW_DIV_FLOOR, as_tensor(input, "argument 'input' (position 1)"), other)


def bitwise_not(input, *, out=None):
    """-input - 1, each bit turned; of bools, the opposite."""
    if out is not None:
        return into(bitwise_not(input), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if x.dtype >= FLOAT32:
        raise NotImplementedError(f"\"bitwise_not_cpu\" not implemented for '{TYPE_WORDS[x.dtype]}': call .long() first")
    if x.dtype == BOOL:
        return binary(ROW_EQ, x, scalar_tensor(False, BOOL))
    return with_number(ROW_RSUB_NUMBER, x, -1)


def polygamma(n, input, *, out=None):
    """The derivative of order n of digamma; n = 0 is digamma itself.

    >>> polygamma(1, tinygrad_c.tensor([1.]))
    tensor([1.6449])
    """
    if out is not None:
        return into(polygamma(n, input), out)
    if n != int(n) or n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n: n must be a whole number from 0 on, not {n}")
    return unary(ROW_POLYGAMMA_N, input, n, 0)


# ---- Composed functions, in place; results into out=

def into(result, out):
    """What f(..., out=out) does with f's result: writes it into `out`, which takes its shape, and gives that back.

    Of several results each goes into its own. RuntimeError, before anything is written, where a gradient would be lost or
    floats would have to become integers; a warning where `out` had elements and another shape.
    """
    cdef TensorBase y, o
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"argument 'out' must be tuple of {len(result)} Tensors, not {type(out).__name__}")
        return type(result)([into(each, to) for each, to in zip(result, out)])
    if not isinstance(out, TensorBase):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    y, o = result, out
    if recording(y) or recording(o):
        raise RuntimeError("functions with out=... arguments don't support automatic differentiation, but one of the arguments "
                           "requires grad: leave out= away, or write the line inside `with no_grad():`")
    if category(y.dtype) > category(o.dtype):
        raise RuntimeError(f"result type {TYPE_WORDS[y.dtype]} can't be cast to the desired output type {TYPE_WORDS[o.dtype]}: "
                           "give an `out` of another dtype")
    check_inplace(o)
    if not same_shape(o, y):
        if o.numel:
            warnings.warn(f"An output with one or more elements was resized since it had shape {list(shape_of(o))}, which does "
                          f"not match the required output shape {list(shape_of(y))}: give an `out` of that shape, or empty(0).",
                          stacklevel=2)
        allocate_into(o, o.dtype, y.ndim, y.shape)
    copy_into(o, y)
    wrote(o)
    return o


def in_place(function):
    """The twin of a function that tensors' other functions compose: it writes the result into its first argument."""
    def twin(input, *args, **kwargs):
        cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
        cdef bint recorded = recording(x)
        check_inplace(x)
        for each in (*args, *kwargs.values()):
            recorded = recorded or (isinstance(each, TensorBase) and recording(each))
        # Recorded, the function may keep its input for the gradient: then it computes from a copy.
        return adopt(x, function(clone(x) if recorded else x, *args, **kwargs))
    twin.__name__ = twin.__qualname__ = function.__name__ + "_"
    twin.__doc__ = function.__name__ + " in place"
    twin.__module__ = function.__module__
    return twin


bitwise_not_ = in_place(bitwise_not)


# ---- Whole-tensor copies, as functions

def clone_op(input):
    """A copy; gradients flow through it."""
    return clone(as_tensor(input, "argument 'input' (position 1)"))


def write(input, source):
    """Write source into input in place, broadcast and converted to input's dtype; recorded."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase b, y
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    b = scalar_tensor(source, a.dtype) if is_number(source) else as_tensor(source, "argument 'source' (position 2)")
    check_inplace(a)
    broadcast_shapes(a, b, &ndim, shape)
    if not shapes_equal(a, ndim, shape):
        raise RuntimeError(f"output with shape {list(shape_of(a))} doesn't match the broadcast shape "
                           f"{[shape[d] for d in range(ndim)]}")
    y = empty(a.dtype, a.ndim, a.shape)
    copy_into(y, b)
    if a.dtype >= FLOAT32 and (recording(a) or recording(b)):
        record2(&COPY, y, a, b)
    return adopt(a, y)


cdef int copy_backward(Walk walk, Node node, TensorBase g) except -1:
    if walk.needs(node, 0):         # the old value is gone: nothing of it counts
        walk.give(node, 0, zeros(node.dtype, node.ndim, node.shape))
    walk.give(node, 1, g)
    return 0

cdef Rule COPY = Rule(b"CopyBackwards", copy_backward)


# ---- The functions of the table's expressions, on Tensors or, for a row's parameters, Python numbers

def _where(condition, a, b):
    return (a if condition else b) if isinstance(condition, bool) else where_(condition, a, b)


def _log(x):
    return (math.log(x) if x > 0 else -math.inf if x == 0 else math.nan) if is_number(x) else unary(ROW_LOG, x, 0, 0)


functions.update({name: globals()[name] for name in POINTWISE if name in globals() and not name.endswith("_number")})
functions.update({"where": _where, "log": _log, "polygamma": polygamma})
