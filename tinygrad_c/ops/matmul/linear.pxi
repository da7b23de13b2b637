"""linear, x @ weight.T + bias, also fused with an activation; addmm; LinearActivation; part of products.pyx."""


cdef int linear_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """For y = x @ w.T + b:  dL/dx = g @ w,  dL/dw = g.T @ x,  dL/db = the sum of g over the rows."""
    cdef TensorBase x, w
    cdef Node before
    cdef Storage held = None
    cdef Then then
    if back.needs(node, 2):
        back.send_grad(node, 2, sum_over(g, 1, False))
    if back.needs(node, 1):
        x = saved(node, 0)
        if back.create_graph:
            back.send_grad(node, 1, multiplied(transpose_dims(g, 0, 1), x))
        else:
            send_product(back, node, 1, g, True, x, False)
    if back.needs(node, 0):
        w = saved(node, 1)
        if back.create_graph:
            back.send_grad(node, 0, multiplied(g, w))
            return 0
        before = back.only_producer(node, 0) if type(node.edge0) is Node else None
        if (before is not None and before.dtype == g.dtype and before.ndim == 2 and before.shape[0] == g.shape[0]
                and before.shape[1] == w.shape[1]):
            held = derivative_then(back, before, &then)
        if held is not None:            # x = activation(..): its gradient too, in the kernel of the product
            back.send_grad(before, 0, product(g, False, w, False, None, None, NONE, &then))
            back.skip(before)
        else:
            send_product(back, node, 0, g, False, w, False)
    return 0

cdef Rule LINEAR = Rule(b"AddmmBackward0", linear_backward)


def linear(input, weight, bias=None, *, out=None):
    """input @ weight.T + bias.

    input is (..., in_features), weight is (out_features, in_features), bias is (out_features,) or None; the result is
    (..., out_features).

    >>> linear(tinygrad_c.ones(1, 2), tinygrad_c.tensor([[1., 2.]]), tinygrad_c.tensor([0.5]))
    tensor([[3.5000]])
    """
    if out is not None:
        return into_out(linear(input, weight, bias), out)
    return linear_then(input, weight, bias, NO_ROW)


cdef enum:
    NO_ROW = -1


def linear_relu(input, weight, bias):
    """relu(linear(input, weight, bias)) in one kernel: the activation is applied before the product is stored. Two nodes
    are recorded, as for two calls.

    >>> linear_relu(tinygrad_c.ones(1, 2), tinygrad_c.tensor([[1., 2.], [-1., -2.]]), None)
    tensor([[3., 0.]])
    """
    return linear_then(input, weight, bias, ROW_RELU)


cdef TensorBase linear_then(object input, object weight, object bias, int row):
    """A function of the table without parameters of linear(input, weight, bias), in one kernel; NO_ROW: linear itself."""
    cdef TensorBase x, w, b, h, y
    cdef bint recorded
    cdef Then then
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Node node
    x = as_tensor(input, "linear(): argument 'input' (position 1)")
    w = as_tensor(weight, "linear(): argument 'weight' (position 2)")
    b = None if bias is None else as_tensor(bias, "linear(): argument 'bias' (position 3)")
    if x.ndim != 2 or w.ndim != 2:
        if w.ndim != 2:
            raise RuntimeError(f"linear(): weight must be 2D (out_features, in_features), but it is {list(shape_of(w))}")
        if x.ndim == 0:
            raise RuntimeError("both arguments to linear need to be at least 1D, but the input is 0D")
        check_features(x, w)
        shape[0], shape[1] = leading(x), x.shape[x.ndim - 1]
        y = linear_then(reshape_to(x, 2, shape), w, b, NO_ROW)
        memcpy(shape, x.shape, x.ndim * sizeof(Py_ssize_t))
        shape[x.ndim - 1] = w.shape[0]
        y = reshape_to(y, x.ndim, shape)
        return y if row == NO_ROW else unary(row, y, 0, 0)
    check_features(x, w)
    if x.dtype != w.dtype or (b is not None and b.dtype != w.dtype):
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {DTYPE_NAMES[x.dtype]} and {DTYPE_NAMES[w.dtype]}. NumPy makes "
            "float64 by default: convert the input with .float() or from_numpy(array.astype('float32'))")
    check_dtypes(x, w)
    if b is not None and (b.ndim != 1 or b.shape[0] != w.shape[0]):
        raise RuntimeError(f"The expanded size of the tensor ({w.shape[0]}) must match the existing size ({b.numel}): "
                           f"linear()'s bias must have shape [{w.shape[0]}] to match weight {list(shape_of(w))}, but it is "
                           f"{list(shape_of(b))}")
    if x.dtype < FLOAT32:                           # integer kernels have no bias and no activation
        y = product(x, False, w, True, None, None)
        if b is not None:
            y = add(y, b)
        return y if row == NO_ROW else unary(row, y, 0, 0)
    recorded = recording(x) or recording(w) or (b is not None and recording(b))
    if row == NO_ROW or row == ROW_RELU:
        h = y = product(x, False, w, True, b, None, NONE if row == NO_ROW else THEN_RELU)
    else:
        shape[0], shape[1] = x.shape[0], w.shape[0]
        y = empty(x.dtype, 2, shape) if recorded and reads_input(row) else None
        value_then(row, x.dtype, y, &then)
        h = product(x, False, w, True, b, None, NONE, &then)
        if y is None:
            y = h
    if recorded:
        node = record2(&LINEAR, h, x, w)
        if b is not None:
            node.edge2 = edge_of(b)
        else:
            node.label = b"MmBackward0"
        if node.edge1 is not None:
            save(node, 0, x)
        if node.edge0 is not None:
            save(node, 1, w)
        if row != NO_ROW:
            record_value(row, y, h)
    return y


# ---- A batch of linear layers, for func.vmap

cdef int linear_of_batch_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """For y[b] = x[b] @ w[b].T + bias[b]:  dL/dx = g @ w,  dL/dw = g.T @ x,  dL/dbias = the sum of g over the rows."""
    cdef TensorBase x
    if back.needs(node, 2):
        back.send_grad(node, 2, sum_over(g, 2, False))
    if back.needs(node, 1):
        x = saved(node, 0)
        g_t = transpose_dims(g, 1, 2)
        back.send_grad(node, 1, mul(g_t, x) if x.shape[1] == 1 else batched(g_t, x))      # of one row: the outer product
    if back.needs(node, 0):
        back.send_grad(node, 0, batched(g, saved(node, 1)))
    return 0

cdef Rule LINEAR_OF_BATCH = Rule(b"BaddbmmBackward0", linear_of_batch_backward)


def linear_of_batch(input, weight, bias):
    """input[b] @ weight[b].T + bias[b] for each b: (B, n, in), (B, out, in) and (B, out) or None give (B, n, out).

    >>> linear_of_batch(tinygrad_c.ones(2, 1, 1), tinygrad_c.tensor([[[1.]], [[2.]]]), None).flatten()
    tensor([1., 2.])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase w = as_tensor(weight, "argument 'weight' (position 2)")
    cdef TensorBase b = None if bias is None else as_tensor(bias, "argument 'bias' (position 3)")
    cdef TensorBase y
    cdef Node node
    cdef bint before
    if x.ndim != 3 or w.ndim != 3 or x.shape[0] != w.shape[0] or x.shape[2] != w.shape[2] or (b is not None and (
            b.ndim != 2 or b.shape[0] != w.shape[0] or b.shape[1] != w.shape[1])):
        raise RuntimeError(f"the shapes of a batch of linear layers do not fit: {list(shape_of(x))} and {list(shape_of(w))}")
    check_dtypes(x, w)
    before = set_grad(False)
    try:
        y = batched(x, transpose_dims(w, 1, 2))
        if b is not None:
            y = add(y, unsqueeze(b, 1))
    finally:
        set_grad(before)
    if y.dtype >= FLOAT32 and (recording(x) or recording(w) or (b is not None and recording(b))):
        node = record2(&LINEAR_OF_BATCH, y, x, w)
        if b is not None:
            node.edge2 = edge_of(b)
        save(node, 0, x)
        save(node, 1, w)
    return y


cdef int check_features(TensorBase x, TensorBase w) except -1:
    if x.shape[x.ndim - 1] != w.shape[1]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({leading(x)}x{x.shape[x.ndim - 1]} and {w.shape[1]}x{w.shape[0]}): a "
            f"Linear layer with in_features={w.shape[1]} received an input of shape {list(shape_of(x))}, whose last dimension "
            f"is {x.shape[x.ndim - 1]}")
    return 0


def addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None):
    """beta * input + alpha * (mat1 @ mat2); input broadcasts to the product's shape.

    >>> tinygrad_c.addmm(tinygrad_c.ones(1, 2), tinygrad_c.ones(1, 3), tinygrad_c.ones(3, 2))
    tensor([[4., 4.]])
    """
    if out is not None:
        return into_out(addmm(input, mat1, mat2, beta=beta, alpha=alpha), out)
    cdef TensorBase bias = as_tensor(input, "addmm(): argument 'input' (position 1)")
    cdef TensorBase a = as_tensor(mat1, "addmm(): argument 'mat1' (position 2)")
    cdef TensorBase b = as_tensor(mat2, "addmm(): argument 'mat2' (position 3)")
    if a.ndim != 2 or b.ndim != 2:
        raise RuntimeError(f"mat{1 if a.ndim != 2 else 2} must be a matrix, got {a.ndim if a.ndim != 2 else b.ndim}-D tensor: "
                           f"the shapes are {list(shape_of(a))} and {list(shape_of(b))}")
    check_inner(a, b)
    if beta == 1 and alpha == 1 and bias.ndim == 1 and bias.shape[0] == b.shape[1]:
        return linear(a, transpose_dims(b, 0, 1), bias)         # one kernel, which adds the bias as it stores the product
    return named(add_scaled(bias, matmul(a, b), beta, alpha), b"AddmmBackward0")


def add_scaled(input, TensorBase product not None, beta, alpha):
    """beta * input + alpha * product, in the product's shape. With beta = 0, input is ignored, even its NaN."""
    if product.dtype < FLOAT32:                     # for integers, the factors are truncated to integers
        beta, alpha = int(beta), int(alpha)
    scaled = product if alpha == 1 else mul(product, alpha)
    if beta == 0:
        return scaled
    return add(scaled, mul(expand(input, shape_of(product)), beta) if beta != 1 else expand(input, shape_of(product)))


# ---- Linear followed by an activation, for Sequential

cdef dict ACTIVATIONS = {"ReLU": ROW_RELU, "Tanh": ROW_TANH, "Sigmoid": ROW_SIGMOID, "GELU": ROW_GELU, "SiLU": ROW_SILU}


@cython.binding(False)            # the methods check their self
cdef class LinearActivation:
    """activation(linear(x)) for adjacent modules of a Sequential, in one kernel. If either module has another `forward` than
    its class (the user set one, or a hook is registered), the two are called one after the other."""
    cdef readonly object linear
    cdef readonly object activation
    cdef object linear_forward          # `forward` of their classes
    cdef object activation_forward
    cdef int row

    def __init__(self, linear, activation):
        self.linear, self.activation = linear, activation
        self.linear_forward, self.activation_forward = type(linear).forward, type(activation).forward
        self.row = ACTIVATIONS[type(activation).__name__]

    def __call__(self, input):
        cdef int row = self.row
        if (self.is_own(self.linear.forward, self.linear_forward)
                and self.is_own(self.activation.forward, self.activation_forward)):
            if row == ROW_GELU and self.activation.approximate != "none":
                row = ROW_GELU_TANH if self.activation.approximate == "tanh" else NO_ROW
            elif row == ROW_SILU and self.activation.inplace:
                row = NO_ROW
            if row != NO_ROW:
                try:
                    return linear_then(input, self.linear.weight, self.linear.bias, row)
                except (RuntimeError, TypeError):
                    pass                # call it alone, so that the error is Linear's own
        return self.activation(self.linear(input))

    cdef bint is_own(self, object forward, object of_class):
        return forward is of_class or (PyMethod_Check(forward) and PyMethod_GET_FUNCTION(forward) == <PyObject*> of_class)

    def __reduce__(self):
        return LinearActivation, (self.linear, self.activation)


LinearReLU = LinearActivation       # its name up to version 0.1.0
