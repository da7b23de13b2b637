"""Elementwise ops: one forward function and one backward rule for every row of the table.

    unary(row, x)  binary(row, a, b)      check, promote, broadcast, allocate; launch the kernel; record
    elementwise_backward                  launch the row's derivative kernels, or, with create_graph, evaluate the row's
                                          derivative expression on Tensors

In parts: numbers and copies (convert.pxi); dtype promotion, and dtypes without kernels (dtypes.pxi); the kernel's Call
(launch.pxi); in-place ops and out= (write.pxi); rows of several tensors with a number (mixed.pxi); the other public functions
(functions.pxi).
"""
import math

from cpython.long cimport PyLong_AsDouble
from cpython.ref cimport PyObject
from libc.math cimport INFINITY
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from tinygrad_c.core.array cimport DTYPE_NAMES, DTYPES, Storage, allocate_into, category, count_write, default_dtype, \
    dtype_code, fill_operand, is_dense, itemsize, same_shape, shape_of
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.runtime.dispatch cimport TINY_WORK, kernels, record_constant, record_inner, recorder, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.generated.scalar_ids cimport *
from tinygrad_c.kernels.matmul.gemm cimport Then
from tinygrad_c.kernels.matmul.matmul cimport OTHER_FIRST, OTHER_IS_OUT
from tinygrad_c.kernels.portable.generic cimport cast, scalar_kernel, to_bfloat, to_half
from tinygrad_c.kernels.table cimport ELEMENT_BLOCK, LOOP_ALIGN, LOOP_BLOCK, TILE_PARAM_ROWS, Kernels
from tinygrad_c.core.tape cimport *

from tinygrad_c.formulas import POINTWISE
from tinygrad_c._base.warn import warn

cdef enum:                  # Row.operand: an operand of a derivative's kernel
    READS_G
    READS_INPUT0
    READS_INPUT1
    READS_INPUT2
    READS_OUTPUT

cdef enum:                  # bits of Row.saves: what a node must save for it
    SAVES_INPUT0 = 1
    SAVES_INPUT1 = 2
    SAVES_INPUT2 = 4        # SAVES_INPUT0 << 2
    SAVES_OUTPUT = 8

cdef enum:                  # Row.kind, as in formulas.py
    KIND_FLOATS
    KIND_NUMBERS
    KIND_BOOLS
    KIND_INTEGERS

ctypedef struct Row:
    Rule rule
    int forward                 # the kernel's number
    int n_inputs
    int n_params
    int kind
    bint differentiable
    bint composed               # a row of formulas.SCALAR: its derivatives are evaluated on Tensors
    bint plain                  # its kernel is a loop over a C function
    int[3] derivative           # per input: the kernel's number, or one of NO_DERIVATIVE, DERIVATIVE_IS_...
    int[3] saves                # per input: what its derivative reads, as SAVES_ bits
    int[3] n_operands
    int[3][4] operand           # per input: the operands of its derivative's kernel, in order

cdef Row[N_ALL_ROWS] ROWS
include "../../kernels/generated/rows.pxi"
fill_rows()
for _row in range(N_ALL_ROWS):
    ROWS[_row].rule.backward = elementwise_backward


cdef list row_names = list(POINTWISE)


cdef str row_name(int r):
    return row_names[r]


cdef object row_of(int r):
    return POINTWISE[row_names[r]]


def _row_of_node(Node node not None):
    """The name of the table's row whose rule a node has, or None."""
    return row_names[node.op] if node.rule.backward == elementwise_backward else None


cdef object not_implemented(int r, int dtype):
    if r == ROW_NEG:
        return RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a "
                            "mask, use the `~` or `logical_not()` operator instead.")
    return NotImplementedError(f"\"{row_name(r)}_cpu\" not implemented for '{DTYPE_NAMES[dtype]}': call "
                               f"{'.int() or .float()' if dtype == BOOL else '.long()'} first")

include "convert.pxi"
include "dtypes.pxi"
include "launch.pxi"


# ---- Forward

cdef inline int result_dtype(const Row* row, int dtype) noexcept:
    """The dtype that a row computes in, given its inputs' common dtype."""
    if row.kind == KIND_FLOATS and dtype < FLOAT32:
        return default_dtype()
    return dtype


cdef inline int64_t truncated(double x) noexcept:
    """x rounded toward 0, clamped to the range of int64."""
    return <int64_t> x if -9.2e18 < x < 9.2e18 else INT64_MIN if x < 0 else INT64_MAX


cdef int set_params(Scalar* param, int dtype, double p0, double p1) noexcept:
    if dtype >= FLOAT32:
        param[0].f = p0
        param[1].f = p1
    else:
        param[0].i = truncated(p0)
        param[1].i = truncated(p1)
    return 0


cdef TensorBase unary(int r, object input, double p0, double p1):
    """y = f(x) for a row of the table; p0 and p1 are the row's parameters."""
    cdef Scalar[2] param
    cdef Row* row = &ROWS[r]
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef int dtype
    if lacks_kernels(x.dtype):
        return unary_lacking(r, x, p0, p1)
    dtype = result_dtype(row, x.dtype)
    if dtype < FLOAT32 and row.kind == KIND_BOOLS:      # such as isnan: there are no integer kernels
        dtype = default_dtype()
    elif dtype == BOOL:
        if r == ROW_SIGN:
            return clone(x)
        if r != ROW_SQUARE:
            raise not_implemented(r, BOOL)
        dtype = INT64
    x = to_dtype(x, dtype)
    set_params(param, dtype, p0, p1)
    return unary_launch(row, r, x, param)


cdef TensorBase unary_launch(Row* row, int r, TensorBase x, const Scalar* param):
    cdef TensorBase out = empty(BOOL if row.kind == KIND_BOOLS else x.dtype, x.ndim, x.shape)
    cdef PyObject* inputs[1]
    cdef Node node
    cdef int i
    if not x.contiguous:
        copy_layout(out, x)
    inputs[0] = <PyObject*> x
    launch(kernel_of(row, x.dtype), kernels(x.dtype), out, 1, inputs, param, row.n_params, cost(row))
    if row.differentiable and x.dtype >= FLOAT32 and recording(x):
        node = record(&row.rule, out, x)
        node.op = r
        for i in range(row.n_params):
            node.param[i] = param[i]
        if row.saves[0] & SAVES_INPUT0:
            save(node, 0, x)
        if row.saves[0] & SAVES_OUTPUT:
            save_result(node, out)
    return out


cdef bint reads_input(int r) noexcept:
    return ROWS[r].saves[0] & SAVES_INPUT0


cdef void value_then(int r, int dtype, TensorBase out, Then* then) noexcept:
    """Describe a function without parameters as what follows the product that computes x: into `out`, or in place if it is
    None."""
    cdef Row* row = &ROWS[r]
    then.inner = kernels(dtype).inner[row.forward]
    then.other = NULL if out is None else out.data
    then.how = 0 if out is None else OTHER_IS_OUT
    then.param[0].f = then.param[1].f = 0
    then.cost = cost(row)


cdef int record_value(int r, TensorBase y, TensorBase x) except -1:
    cdef Row* row = &ROWS[r]
    cdef Node node = record(&row.rule, y, x)
    node.op = r
    node.param[0].f = node.param[1].f = 0
    if row.saves[0] & SAVES_INPUT0:
        save(node, 0, x)
    return save_result(node, y) if row.saves[0] & SAVES_OUTPUT else 0


cdef TensorBase binary_scalar(int r, TensorBase x, object number):
    """A row whose parameter is a Python number. Dtype promotion: the number changes x's dtype only if its category (bool,
    integer, float) is larger."""
    cdef Scalar[2] param
    cdef Row* row = &ROWS[r]
    cdef int dtype = x.dtype
    if x.storage is None:
        as_tensor(x, "self")            # raises
    if dtype < FLOAT32:
        if lacks_kernels(dtype):
            return binary_scalar_lacking(r, x, number)
        if type(number) is float:
            dtype = default_dtype()
        elif dtype == BOOL:
            if type(number) is bool and r in (ROW_ADD_NUMBER, ROW_MUL_NUMBER):
                return binary(ROW_ADD if r == ROW_ADD_NUMBER else ROW_MUL, x, scalar_tensor(number, BOOL))
            dtype = INT64
        dtype = result_dtype(row, dtype)
        x = to_dtype(x, dtype)
    if dtype < FLOAT32:
        param[0].i = number
    elif type(number) is int:           # float(number) would allocate a Python object
        param[0].f = PyLong_AsDouble(number)
    else:
        param[0].f = number
    param[1].f = 0
    return unary_launch(row, r, x, param)


cdef TensorBase binary(int r, object left, object right):
    """y = f(a, b) for a row of the table; a and b broadcast."""
    cdef Row* row = &ROWS[r]
    cdef TensorBase a = as_operand(left, right, "argument 'input' (position 1)")
    cdef TensorBase b = as_operand(right, left, "argument 'other' (position 2)")
    cdef TensorBase out
    cdef int dtype = a.dtype
    if a.dtype != b.dtype:
        dtype = promote(a, b)
    if dtype < FLOAT32:
        if row.kind == KIND_FLOATS and not is_stored(dtype):
            dtype = default_dtype()
        elif lacks_kernels(dtype):
            return binary_lacking(r, a, b, dtype)
        elif dtype == BOOL:
            if r == ROW_SUB:
                raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                                   "`logical_xor()` operator instead.")
            if row.kind == KIND_INTEGERS and r not in (ROW_BITWISE_AND, ROW_BITWISE_OR, ROW_BITWISE_XOR):
                raise not_implemented(r, BOOL)
            out = binary_launch(row, r, as_bytes(a), as_bytes(b), NULL, None)
            if row.kind == KIND_INTEGERS:       # & | ^ of 0 and 1 are 0 and 1
                out.dtype = BOOL
            return to_dtype(out, BOOL)
    elif row.kind == KIND_INTEGERS:
        raise not_implemented(r, dtype)
    a = to_dtype(a, dtype)
    b = to_dtype(b, dtype)
    return binary_launch(row, r, a, b, NULL, None)


cdef TensorBase as_bytes(TensorBase a):
    """A uint8 view of a bool tensor."""
    cdef TensorBase out = view_of(a, a.data, a.ndim, a.shape, a.stride)
    out.dtype = UINT8
    return out


cdef TensorBase binary_launch(Row* row, int r, TensorBase a, TensorBase b, const Scalar* param, TensorBase out):
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
        if not (a.contiguous and b.contiguous):
            copy_layout(out, a if same_shape(a, out) else b)
    inputs[0] = <PyObject*> a
    inputs[1] = <PyObject*> b
    launch(kernel_of(row, dtype), kernels(dtype), out, 2, inputs, param, row.n_params, cost(row))
    if row.differentiable and dtype >= FLOAT32 and (recording(a) or recording(b)):
        record_binary(row, r, out, a, b, param)
    elif r == ROW_HEAVISIDE:
        without_derivative(out, row_name(r), a, b)
    return out


cdef int record_binary(Row* row, int r, TensorBase out, TensorBase a, TensorBase b, const Scalar* param) except -1:
    cdef Node node = record2(&row.rule, out, a, b)
    cdef int saves = (row.saves[0] if node.edge0 is not None else 0) | (row.saves[1] if node.edge1 is not None else 0)
    node.op = r
    if row.n_params:
        node.param[0] = param[0]
    if saves & SAVES_INPUT0:
        save(node, 0, a)
    if saves & SAVES_INPUT1:
        save(node, 1, b)
    if saves & SAVES_OUTPUT:
        save_result(node, out)
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
    if lacks_kernels(dtype):
        if recording(a) or recording(b):
            raise no_arithmetic(dtype, "where")
        return moved(where_(c, movable(a), movable(b)), dtype)
    broadcast_shapes(a, b, &ndim, shape)
    out = empty(dtype, ndim, shape)
    broadcast_shapes(out, c, &ndim, shape)
    if ndim != out.ndim or not shapes_equal(out, ndim, shape):
        out = empty(dtype, ndim, shape)
    # Compute: no Python code runs from here on.
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


cdef TensorBase power_by(int r, TensorBase x, double p):
    """x^p by the kernel of a faster row. The node is that of pow, which saves x, so that the result may be written to."""
    cdef TensorBase out
    cdef Node node
    cdef bint before
    x = to_dtype(x, result_dtype(&ROWS[r], x.dtype))
    before = set_grad(False)
    try:
        out = unary(r, x, 0, 0)
    finally:
        set_grad(before)
    if recording(x):
        node = record(&ROWS[ROW_POW_NUMBER].rule, out, x)
        node.op = ROW_POW_NUMBER
        node.param[0].f, node.param[1].f = p, 0
        save(node, 0, x)
    return out


cdef TensorBase power(object a, object b):
    """a^b. An integer to an integer power is an integer. The exponents 2, 3, 1/2, -1/2 and -1 have rows of their own."""
    cdef TensorBase x
    cdef double p
    if isinstance(a, TensorBase) and is_number(b):
        x = a
        p = b
        if lacks_kernels(x.dtype):
            return narrowed(power(computed(x, "pow"), b), x.dtype)
        if p == 2:
            return binary_scalar(ROW_POW_NUMBER, x, b) if x.dtype < FLOAT32 and type(b) is float else unary(ROW_SQUARE, x, 0, 0)
        if x.dtype < FLOAT32 and type(b) is not float:
            return integer_power(x, b)
        if p == 3:
            return unary(ROW_CUBE, x, 0, 0)
        if p == 0.5 or p == -0.5 or p == -1:
            return power_by(ROW_SQRT if p == 0.5 else ROW_RECIPROCAL if p == -1 else ROW_RSQRT, x, p)
        return binary_scalar(ROW_POW_NUMBER, x, b)
    if isinstance(b, TensorBase) and is_number(a) and ((<TensorBase> b).dtype >= FLOAT32 or type(a) is float):
        return binary_scalar(ROW_RPOW_NUMBER, b, a)
    x = as_tensor(a, "argument 'input' (position 1)")
    if x.dtype < FLOAT32 and as_tensor(b, "argument 'exponent' (position 2)").dtype < FLOAT32:
        return binary(ROW_POW_WHOLE, x, b)
    return binary(ROW_POW, a, b)


cdef TensorBase integer_power(TensorBase x, object exponent):
    """Repeated squaring."""
    cdef TensorBase y = None
    if exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed: call .float() first")
    if exponent == 0:
        return binary_scalar(ROW_ADD_NUMBER, binary_scalar(ROW_MUL_NUMBER, x, 0), 1)
    while exponent:
        if exponent & 1:
            y = x if y is None else binary(ROW_MUL, y, x)
        exponent >>= 1
        if exponent:
            x = binary(ROW_MUL, x, x)
    return clone(y)


# ---- Backward

cdef inline int save_result(Node node, TensorBase out) except -1:
    save_output(node, out)
    if node.saved_output is not None and not out.contiguous:        # not if a pack hook has it
        node.extra = tuple([out.stride[d] for d in range(out.ndim)])
    return 0


cdef TensorBase result(BackwardPass back, Node node):
    """The saved output, with its strides."""
    cdef TensorBase y = output(back, node)
    cdef int d
    if node.extra is not None:
        for d in range(y.ndim):
            y.stride[d] = node.extra[d]
        y.contiguous = False
    return y


cdef int elementwise_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Row* row = &ROWS[node.op]
    cdef TensorBase out, held
    cdef TensorBase y = None
    cdef PyObject* inputs[4]
    cdef int i, j, reads, d
    cdef int last = -1
    if back.create_graph or row.composed:
        return differentiable_backward(back, node, g)
    for i in range(row.n_inputs):
        if row.derivative[i] != NO_DERIVATIVE and back.needs(node, i):
            last = i
    for i in range(last + 1):
        d = row.derivative[i]
        if d == NO_DERIVATIVE or not back.needs(node, i):
            continue
        if d == DERIVATIVE_IS_G:
            back.send_grad(node, i, g)
            continue
        if d == DERIVATIVE_IS_0:
            back.send_grad(node, i, zeros(node.dtype, node.ndim, node.shape))
            continue
        for j in range(row.n_operands[i]):
            reads = row.operand[i][j]
            if reads == READS_G:
                inputs[j] = <PyObject*> g
            elif reads == READS_OUTPUT:
                if y is None:
                    y = result(back, node)
                inputs[j] = <PyObject*> y
            else:
                held = saved(node, reads - READS_INPUT0)       # the node keeps it alive
                inputs[j] = <PyObject*> held
        # If this is the only reference to g, its memory is reused: less memory traffic.
        if i == last and g.dtype == node.dtype and is_sole_owner(<PyObject*> g):
            out = g
        else:
            out = empty(node.dtype, node.ndim, node.shape)
        launch(kernels(node.dtype).inner[d], kernels(node.dtype), out, row.n_operands[i], inputs, node.param, row.n_params,
               cost(row))
        back.send_grad(node, i, out)
    return 0


cdef Storage derivative_then(BackwardPass back, Node node, Then* then):
    """Describe the derivative of a function of one contiguous tensor as what follows the product that computes g. Returns the
    memory that it reads, which the caller holds until the kernel has run; None if the node is of something else."""
    cdef Row* row = &ROWS[node.op]
    cdef TensorBase held
    cdef int other
    if (node.rule.backward != elementwise_backward or row.composed or row.n_inputs != 1 or row.derivative[0] < 0
            or row.n_operands[0] != 2 or row.n_params > 2 or node.dtype < FLOAT32):
        return None
    then.how = 0 if row.operand[0][0] == READS_G else OTHER_FIRST
    other = row.operand[0][1 if row.operand[0][0] == READS_G else 0]
    held = result(back, node) if other == READS_OUTPUT else saved(node, 0)
    if not held.contiguous or held.dtype != node.dtype:
        return None
    then.inner = kernels(node.dtype).inner[row.derivative[0]]
    then.other = held.data
    then.param[0], then.param[1] = node.param[0], node.param[1]
    then.cost = cost(row)
    return held.storage


cdef dict derivative_code = {}      # (row, input) -> the expression, compiled at its first use
cdef dict functions = {}            # the functions that the expressions call, on Tensors; filled at the end of this file


cdef int differentiable_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """Evaluate the row's derivative expressions on Tensors. With create_graph, this records the gradient."""
    cdef Row* row = &ROWS[node.op]
    cdef dict names = {"g": g}
    each = row_of(node.op)
    for i, name in enumerate(each.params):
        names[name] = node.param[i].f
    for i in range(row.n_inputs):
        if row.derivative[i] == NO_DERIVATIVE or not back.needs(node, i):
            continue
        if row.derivative[i] == DERIVATIVE_IS_0:
            back.send_grad(node, i, zeros(node.dtype, node.ndim, node.shape))
            continue
        for j in range(row.n_operands[i]):
            reads = row.operand[i][j]
            if reads == READS_OUTPUT:
                names["y"] = result(back, node)
            elif reads != READS_G:
                names[each.inputs[reads - READS_INPUT0]] = saved(node, reads - READS_INPUT0)
        code = derivative_code.get((node.op, i))
        if code is None:
            code = derivative_code[node.op, i] = compile(each.derivatives[i], f"<derivative of {row_name(node.op)}>", "eval")
        back.send_grad(node, i, eval(code, functions, names))
    return 0


# ---- Ops for the tape (register_ops)

cdef TensorBase add_tensors(TensorBase a, TensorBase b):
    if lacks_kernels(a.dtype):          # the gradients of a float16 or bfloat16 parameter
        return to_dtype(binary(ROW_ADD, to_dtype(a, FLOAT32), to_dtype(b, FLOAT32)), a.dtype)
    return binary(ROW_ADD, a, b)


cdef int add_into(TensorBase a, TensorBase b) except -1:
    if lacks_kernels(a.dtype):
        copy_into(a, add_tensors(a, b))
        count_write(a.storage)
        return 0
    if b.dtype != a.dtype:
        b = to_dtype(b, a.dtype)
    binary_launch(&ROWS[ROW_ADD], ROW_ADD, a, b, NULL, a)
    count_write(a.storage)
    return 0


include "write.pxi"
include "mixed.pxi"
include "functions.pxi"


# ---- The functions that the table's expressions call. Arguments: Tensors, or Python numbers for a row's parameters

def _where(condition, a, b):
    return (a if condition else b) if isinstance(condition, bool) else where_(condition, a, b)


def _log(x):
    return (math.log(x) if x > 0 else -math.inf if x == 0 else math.nan) if is_number(x) else unary(ROW_LOG, x, 0, 0)


def _normal_cdf(x):
    return (unary(ROW_ERF, x * math.sqrt(0.5), 0, 0) + 1) * 0.5


functions.update({name: globals()[name] for name in POINTWISE if name in globals() and not name.endswith("_number")})
functions.update({"where": _where, "log": _log, "normal_cdf": _normal_cdf, "polygamma": polygamma})
