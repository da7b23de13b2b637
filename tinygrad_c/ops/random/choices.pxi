"""Sampling by probability: bernoulli and multinomial; part of random.pyx."""


cdef TensorBase keep_mask(double probability, int ndim, const Py_ssize_t* shape, Generator g):
    """A bool tensor: each element True with the given probability."""
    cdef TensorBase out = empty(BOOL, ndim, shape)
    fill(out, g, keep, keep, probability, 0)
    return out


def bernoulli(input, p=None, *, generator=None, out=None):
    """Samples of 0 and 1: 1 with probability p or, without p, with the probability in input's element. In input's dtype.

    Raises RuntimeError for a probability outside [0, 1].

    >>> tinygrad_c.bernoulli(tinygrad_c.tensor([0., 1.]))
    tensor([0., 1.])
    """
    if out is not None:
        return into_out(bernoulli(input, p, generator=generator), out)
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    if p is not None:
        return to_dtype(keep_mask(probability_of(p, "bernoulli"), a.ndim, a.shape, chosen(generator)), a.dtype)
    if a.dtype < FLOAT32:
        raise RuntimeError("bernoulli takes probabilities, which are floats: call .float() first")
    check_probabilities(a)
    return to_dtype(binary(ROW_LT, rand_like(a, generator=generator), alias(a)), a.dtype)


cdef int check_probabilities(TensorBase a) except -1:
    from tinygrad_c.ops.reduce.reduce import all
    if not all(binary(ROW_GE, alias(a), 0)) or not all(binary(ROW_LE, alias(a), 1)):
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true: every probability must be between 0 and 1")
    return 0


cdef double probability_of(object p, str name) except -1:
    cdef double value = p
    if not 0 <= value <= 1:
        raise ValueError(f"{name} probability has to be between 0 and 1, but got {value}")
    return value


def bernoulli_(input, p=0.5, *, generator=None):
    """Fill input with 1 with probability p (a number, or a tensor that broadcasts to input), else 0."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase source
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    check_inplace(a)
    if isinstance(p, TensorBase):
        source = to_float(p)
        broadcast_shapes(a, source, &ndim, shape)
        check_probabilities(source)
        source = binary(ROW_LT, rand_like(to_dtype(alias(a), source.dtype), generator=generator), source)
    else:
        source = keep_mask(probability_of(p, "bernoulli_"), a.ndim, a.shape, chosen(generator))
    return write(a, source)


def multinomial(input, num_samples, replacement=False, *, generator=None, out=None):
    """Sample indices with probabilities proportional to input's rows: (n,) gives (num_samples,), (m, n) gives (m, num_samples).

    Raises RuntimeError for negative, infinite or NaN weights, a row of zeros, or more samples than positive weights without
    replacement.

    >>> tinygrad_c.multinomial(tinygrad_c.tensor([0., 1., 0.]), 2, replacement=True)
    tensor([1, 1])
    """
    if out is not None:
        if (<TensorBase?> out).dtype != INT64:
            raise RuntimeError(f"multinomial expects Long tensor out, got: {DTYPE_NAMES[(<TensorBase?> out).dtype]}")
        return into_out(multinomial(input, num_samples, replacement, generator=generator), out)
    cdef TensorBase w = as_tensor(input, "argument 'input' (position 1)"), y, sums
    cdef Generator g = chosen(generator)
    cdef Py_ssize_t rows, n, r, i, k, samples = num_samples, positive
    cdef Py_ssize_t[2] shape
    cdef Py_ssize_t leaves = 1
    cdef double u
    cdef double* p
    cdef double* tree
    if w.dtype < FLOAT32:
        raise RuntimeError("multinomial only supports floating-point dtypes for input, got: "
                           f"{DTYPE_NAMES[w.dtype]}: call .float()")
    if w.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, of floats: got shape {list(shape_of(w))}")
    if samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    w = copy_of(to_dtype(alias(w), FLOAT64))
    n = w.shape[w.ndim - 1]
    rows = w.shape[0] if w.ndim == 2 else 1
    shape[0] = rows
    shape[w.ndim - 1] = samples
    y = empty(INT64, w.ndim, shape)
    for r in range(rows):
        p = <double*> w.data + r * n
        positive = 0
        for i in range(n):
            if not 0 <= p[i] < INFINITY:
                raise RuntimeError("invalid multinomial distribution (probability tensor contains either `inf`, `nan` or "
                                   "element < 0)")
            positive += p[i] > 0
        if positive == 0:
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
        if not replacement and samples > positive:
            raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement: a row has only "
                               f"{positive} weights above 0, and {samples} were asked for")
    # A binary tree of sums over the weights, node i above 2 i and 2 i + 1: a draw takes log2(n) steps from its root, node 1.
    while leaves < n:
        leaves *= 2
    shape[0] = 2 * leaves
    sums = zeros(FLOAT64, 1, shape)
    tree = <double*> sums.data
    for r in range(rows):
        memcpy(tree + leaves, <double*> w.data + r * n, n * sizeof(double))
        for i in range(leaves - 1, 0, -1):
            tree[i] = tree[2 * i] + tree[2 * i + 1]
        for k in range(samples):
            u = g.real() * tree[1]
            i = 1
            while i < leaves:
                i *= 2
                if tree[i] == 0 or (u >= tree[i] and tree[i + 1] > 0):      # never to a sum of 0, however u is rounded
                    u -= tree[i]
                    i += 1
            (<int64_t*> y.data)[r * samples + k] = i - leaves
            if not replacement:
                tree[i] = 0
                while i > 1:
                    i //= 2
                    tree[i] = tree[2 * i] + tree[2 * i + 1]
    g.return_blocks()
    return y
