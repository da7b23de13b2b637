"""Random tensors. A Generator is a seed and a position in that seed's stream of Philox blocks (kernels/philox.pyx).

Each call takes the blocks it needs, whole ones: so what is drawn depends on the seed and on the calls before, not on threads,
instruction sets or platforms. rand and randn take one word per float32 element and two per float64; bernoulli and dropout one
word per element; randint, randperm and multinomial draw word by word, rejecting what would make them uneven.
"""
import os

cimport cython
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from tinygrad_c.array cimport default_dtype, shape_of
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.dispatch cimport kernels, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.philox cimport *
from tinygrad_c.kernels.table cimport ELEMENT_BLOCK
from tinygrad_c.ops.create cimport dtype_or, finish, fresh
from tinygrad_c.ops.elementwise cimport *
from tinygrad_c.tape cimport *

from tinygrad_c.ops.elementwise import write


# ---- The generator

@cython.final
cdef class Generator:
    """A stream of random numbers: Philox 4x32-10 under a seed, and how many blocks of it have been used.

    >>> g = Generator().manual_seed(1)
    >>> g.initial_seed()
    1
    """

    cdef uint64_t key               # the seed
    cdef uint64_t position          # blocks used
    cdef uint32_t[4 * TOGETHER] word    # for draws one by one: the next words, and
    cdef int left                   # how many of them are unused

    def __init__(self, device="cpu"):
        if str(device) not in ("cpu", "cpu:0"):
            raise RuntimeError(f"there is only the CPU here, not device {str(device)!r}")
        self.seed()

    def manual_seed(self, seed) -> Generator:
        """Start the stream of that seed, an integer from -2^63 to 2^64 - 1. Returns the generator."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise TypeError(f"manual_seed expected an int, but got {type(seed).__name__}")
        seed = seed.__index__()
        if not -(1 << 63) <= seed < (1 << 64):
            raise ValueError("Overflow when unpacking long: a seed must be from -2^63 to 2^64 - 1")
        self.key = seed % (1 << 64)
        self.position = 0
        self.left = 0
        return self

    def seed(self) -> int:
        """Start the stream of a seed that the operating system gives, and return the seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self.key

    def initial_seed(self) -> int:
        """The seed that the stream began with."""
        return self.key

    def get_state(self):
        """The seed and the position, as a uint8 tensor of 16 bytes: set_state continues there."""
        cdef Py_ssize_t[1] shape = [16]
        cdef TensorBase out = empty(UINT8, 1, shape)
        (<uint64_t*> out.data)[0] = self.key
        (<uint64_t*> out.data)[1] = self.position
        return out

    def set_state(self, new_state) -> Generator:
        """Continue where get_state was called."""
        cdef TensorBase state = new_state
        if state.dtype != UINT8 or state.numel != 16 or not state.contiguous:
            raise RuntimeError(f"RNG state is wrong size or type: expected 16 uint8 numbers, as get_state() gives, got "
                               f"{list(shape_of(state))}")
        self.key = (<uint64_t*> state.data)[0]
        self.position = (<uint64_t*> state.data)[1]
        self.left = 0
        return self

    @property
    def device(self) -> str:
        return "cpu"

    cdef void give_back(self) noexcept:
        """After draws one by one: a block that was begun is used, the others of the buffer are not."""
        self.position -= self.left // 4
        self.left = 0

    cdef uint64_t draw(self, bint wide) noexcept:
        """The next word, or two of them."""
        cdef uint64_t low
        if self.left == 0:
            fill_words(self.key, self.position, self.word, TOGETHER)
            self.position += TOGETHER
            self.left = 4 * TOGETHER
        low = self.word[4 * TOGETHER - self.left]
        self.left -= 1
        return self.draw(False) << 32 | low if wide else low

    cdef uint64_t below(self, uint64_t n) noexcept:
        """An integer below n, each as likely: draws below 2^64 mod n (2^32 mod n for small n) are thrown away, so that as many
        are left for each remainder. n = 0 stands for 2^64."""
        cdef bint wide = n == 0 or n > (<uint64_t> 1 << 32)
        cdef uint64_t u = self.draw(wide), excess
        if n == 0:
            return u
        if u < n:                   # only then can it be below the excess
            excess = (0 - n) % n if wide else (<uint64_t> 1 << 32) % n
            while u < excess:
                u = self.draw(wide)
        return u % n if wide or n > 0xFFFFFFFFu else <uint32_t> u % <uint32_t> n

    cdef double real(self) noexcept:
        return <double> (self.draw(True) >> 11) * 1.1102230246251565e-16


cdef Generator standard = Generator()
default_generator = standard


cdef inline Generator chosen(object generator):
    return standard if generator is None else <Generator?> generator


def manual_seed(seed) -> Generator:
    """Start the default generator's stream anew, the same one for the same seed everywhere.

    >>> manual_seed(0).initial_seed()
    0
    """
    return standard.manual_seed(seed)


def seed() -> int:
    """Start the default generator from a seed that the operating system gives; returns it."""
    return standard.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return standard.key


def get_rng_state():
    """The default generator's state; see Generator.get_state."""
    return standard.get_state()


def set_rng_state(new_state) -> None:
    """Continue the default generator where get_rng_state was called."""
    standard.set_state(new_state)


# ---- Filling a tensor

cdef int fill(TensorBase out, Generator g, kernel_t of32, kernel_t of64, double p0, double p1) except -1:
    """Run a kernel over `out`, which is contiguous, and take its blocks from the stream."""
    cdef Call call
    if out.numel == 0:
        return 0
    call.kernel = of64 if out.dtype == FLOAT64 else of32
    call.ndim = 1
    call.n_operands = 1
    call.shape[0] = out.numel
    call.units = (out.numel + RANDOM_UNIT - 1) // RANDOM_UNIT
    call.work = out.numel * 4
    call.operand[0].data = out.data
    call.param[0].i = <int64_t> g.key
    call.param[1].i = <int64_t> g.position
    call.param[2].f = p0
    call.param[3].f = p1
    run(&call)
    g.position += <uint64_t> ((out.numel + 1) // 2 if out.dtype == FLOAT64 else (out.numel + 3) // 4)
    return 0


cdef TensorBase fresh_floats(tuple size, object dtype, str name):
    cdef int code = dtype_or(dtype, default_dtype())
    if code < FLOAT32:
        raise RuntimeError(f"\"{name}\" is not implemented for integers or bool: choose float32 or float64, or use randint")
    return fresh(size, code)


cdef TensorBase like(object input, object dtype, str name):
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef int code = dtype_or(dtype, a.dtype)
    if code < FLOAT32:
        raise RuntimeError(f"\"{name}\" is not implemented for integers or bool: give dtype=float32")
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
        wrote(a)
        return a
    return write(a, fresh_one)


def rand(*size, generator=None, dtype=None, device=None, requires_grad=False):
    """Numbers uniform in [0, 1): multiples of 2^-24 for float32, of 2^-53 for float64.

    >>> rand(2, 3).shape
    torch.Size([2, 3])
    """
    cdef TensorBase out = fresh_floats(size, dtype, "rand")
    fill(out, chosen(generator), uniform32, uniform64, 0, 1)
    return finish(out, requires_grad, device)


def randn(*size, generator=None, dtype=None, device=None, requires_grad=False):
    """Normal numbers of mean 0 and variance 1: the inverse of their distribution function at uniform numbers.

    >>> randn(2, 3).shape
    torch.Size([2, 3])
    """
    cdef TensorBase out = fresh_floats(size, dtype, "randn")
    fill(out, chosen(generator), normal32, normal64, 0, 1)
    return finish(out, requires_grad, device)


def rand_like(input, *, generator=None, dtype=None, device=None, requires_grad=False):
    """rand of input's shape and dtype."""
    cdef TensorBase out = like(input, dtype, "rand_like")
    fill(out, chosen(generator), uniform32, uniform64, 0, 1)
    return finish(out, requires_grad, device)


def randn_like(input, *, generator=None, dtype=None, device=None, requires_grad=False):
    """randn of input's shape and dtype."""
    cdef TensorBase out = like(input, dtype, "randn_like")
    fill(out, chosen(generator), normal32, normal64, 0, 1)
    return finish(out, requires_grad, device)


def uniform_(input, from_=0.0, to=1.0, *, generator=None):
    """Fill input with numbers uniform in [from_, to)."""
    if not from_ <= to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}")
    return fill_in_place(input, chosen(generator), uniform32, uniform64, from_, to - from_)


def normal_(input, mean=0.0, std=1.0, *, generator=None):
    """Fill input with normal numbers of that mean and standard deviation."""
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return fill_in_place(input, chosen(generator), normal32, normal64, mean, std)


def normal(mean=0.0, std=1.0, size=None, *, generator=None, dtype=None, device=None, requires_grad=False):
    """Normal numbers: of numbers mean and std in a given size, or of tensors mean and std, one for each element of them.

    >>> normal(0.0, 1.0, (2, 3)).shape
    torch.Size([2, 3])
    """
    cdef TensorBase out
    if not isinstance(mean, TensorBase) and not isinstance(std, TensorBase):
        if size is None:
            raise TypeError("normal() of numbers needs a size: normal(0.0, 1.0, (2, 3))")
        out = fresh_floats((size,) if not isinstance(size, int) else (size,), dtype, "normal")
        return finish(normal_(out, mean, std, generator=generator), requires_grad, device)
    out = to_float(binary(ROW_ADD, mean, with_number(ROW_MUL_NUMBER, std, 0) if isinstance(std, TensorBase) else 0.0))
    out = randn_like(out, generator=generator)
    return finish(binary(ROW_ADD, binary(ROW_MUL, out, std), mean), requires_grad, device)


# ---- Integers

cdef int fill_integers(TensorBase out, Generator g, object low, object high) except -1:
    """Integers from low to high - 1, each as likely."""
    cdef uint64_t n = (high - low) % (1 << 64)
    cdef int64_t first = low, value
    cdef Py_ssize_t i
    for i in range(out.numel):
        value = <int64_t> (<uint64_t> first + g.below(n))
        if out.dtype == INT64:
            (<int64_t*> out.data)[i] = value
        elif out.dtype == INT32:
            (<int32_t*> out.data)[i] = <int32_t> value
        elif out.dtype == FLOAT32:
            (<float*> out.data)[i] = <float> value
        elif out.dtype == FLOAT64:
            (<double*> out.data)[i] = <double> value
        else:
            (<uint8_t*> out.data)[i] = <uint8_t> value
    g.give_back()
    return 0


cdef int check_range(object low, object high, int dtype) except -1:
    limits = {BOOL: (0, 1), UINT8: (0, 255), INT32: (-(1 << 31), (1 << 31) - 1)}
    lowest, highest = limits.get(dtype, (-(1 << 63), (1 << 63) - 1))
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if low < lowest or high - 1 > highest:
        raise RuntimeError(f"integers from {low} to {high - 1} do not fit the dtype, which goes from {lowest} to {highest}")
    return 0


def randint(low, high=None, size=None, *, generator=None, dtype=None, device=None, requires_grad=False):
    """Integers from low (0 if left out) to high - 1, each as likely: randint(high, size) or randint(low, high, size). int64.

    >>> int(randint(5, 6, (1,)))
    5
    """
    cdef TensorBase out
    if size is None:
        if high is None:
            raise TypeError("randint() missing the size: write randint(high, size) or randint(low, high, size)")
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    low, high = low.__index__(), high.__index__()
    out = fresh((size,), dtype_or(dtype, INT64))
    check_range(low, high, out.dtype)
    fill_integers(out, chosen(generator), low, high)
    return finish(out, requires_grad, device)


def randint_like(input, low, high=None, *, generator=None, dtype=None):
    """randint of input's shape and dtype."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase out = empty(dtype_or(dtype, a.dtype), a.ndim, a.shape)
    low, high = (0, low) if high is None else (low, high)
    check_range(low, high, out.dtype)
    fill_integers(out, chosen(generator), low, high)
    return out


def random_(input, from_=None, to=None, *, generator=None):
    """Fill input with integers: from from_ to to - 1; given one number, below it; given none, any of the dtype."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase out
    check_inplace(a)
    if from_ is None:
        counts = {BOOL: 2, UINT8: 256, INT32: 1 << 31, FLOAT32: (1 << 24) + 1, FLOAT64: (1 << 53) + 1}     # exact as floats
        from_, to = 0, counts.get(a.dtype, 1 << 63)
    elif to is None:
        from_, to = 0, from_
    check_range(from_, to, a.dtype)
    out = empty_like(a)
    fill_integers(out, chosen(generator), from_, to)
    return write(a, out)


def randperm(n, *, generator=None, dtype=None, device=None, requires_grad=False):
    """The integers 0 to n - 1 in random order, every order as likely (Fisher & Yates, from the last position down).

    >>> int(randperm(10).sum())
    45
    """
    cdef Py_ssize_t count = n, i, j
    cdef TensorBase out
    cdef int64_t* p
    cdef Generator g = chosen(generator)
    if count < 0:
        raise RuntimeError(f"n must be non-negative, got {count}")
    out = empty(INT64, 1, &count)
    p = <int64_t*> out.data
    for i in range(count):
        p[i] = i
    for i in range(count - 1, 0, -1):
        j = <Py_ssize_t> g.below(<uint64_t> i + 1)
        p[i], p[j] = p[j], p[i]
    g.give_back()
    return finish(to_dtype(out, dtype_or(dtype, INT64)), requires_grad, device)


# ---- Choices

cdef TensorBase kept(double probability, int ndim, const Py_ssize_t* shape, Generator g):
    """bool: true with the given probability."""
    cdef TensorBase out = empty(BOOL, ndim, shape)
    fill(out, g, keep, keep, probability, 0)
    return out


def bernoulli(input, p=None, *, generator=None):
    """1 with the probability that input's element says, or p, else 0; in input's dtype.

    Raises RuntimeError for a probability outside [0, 1].

    >>> bernoulli(tinygrad_c.tensor([0., 1.]))
    tensor([0., 1.])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    if p is not None:
        return to_dtype(kept(probability_of(p, "bernoulli"), a.ndim, a.shape, chosen(generator)), a.dtype)
    if a.dtype < FLOAT32:
        raise RuntimeError("bernoulli takes probabilities, which are floats: call .float() first")
    check_probabilities(a)
    return to_dtype(binary(ROW_LT, rand_like(a, generator=generator), alias(a)), a.dtype)


cdef int check_probabilities(TensorBase a) except -1:
    from tinygrad_c.ops.reduce import all
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
        source = kept(probability_of(p, "bernoulli_"), a.ndim, a.shape, chosen(generator))
    return write(a, source)


def multinomial(input, num_samples, replacement=False, *, generator=None):
    """Indices drawn with probabilities proportional to input's rows: (n,) gives (num_samples,), (m, n) gives (m, num_samples).

    Raises RuntimeError for negative, infinite or NaN weights, a row of zeros, or more samples than there are positive weights
    when they are not put back.

    >>> multinomial(tinygrad_c.tensor([0., 1., 0.]), 2, replacement=True)
    tensor([1, 1])
    """
    cdef TensorBase w = to_dtype(alias(as_tensor(input, "argument 'input' (position 1)")), FLOAT64)
    cdef TensorBase out
    cdef Generator g = chosen(generator)
    cdef Py_ssize_t rows, n, r, i, k, samples = num_samples, positive
    cdef Py_ssize_t[2] shape
    cdef double total, u
    cdef double* p
    if w.ndim not in (1, 2) or (<TensorBase> input).dtype < FLOAT32:
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, of floats: got shape {list(shape_of(w))}")
    if samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    w = copy_of(w)
    n = w.shape[w.ndim - 1]
    rows = w.shape[0] if w.ndim == 2 else 1
    shape[0] = rows
    shape[w.ndim - 1] = samples
    out = empty(INT64, w.ndim, shape)
    for r in range(rows):
        p = <double*> w.data + r * n
        positive = 0
        total = 0
        for i in range(n):
            if not 0 <= p[i] < INFINITY:
                raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
            positive += p[i] > 0
            total += p[i]
        if positive == 0:
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
        if not replacement and samples > positive:
            raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement: a row has only "
                               f"{positive} weights above 0, and {samples} were asked for")
    for r in range(rows):
        p = <double*> w.data + r * n
        for k in range(samples):
            total = 0
            for i in range(n):
                total += p[i]
            u = g.real() * total
            i = 0
            while i < n - 1 and (p[i] == 0 or u >= p[i]):
                u -= p[i]
                i += 1
            while p[i] == 0:                    # rounding may step past the last weight
                i -= 1
            (<int64_t*> out.data)[r * samples + k] = i
            if not replacement:
                p[i] = 0
    g.give_back()
    return out


# ---- Dropout

cdef int dropout_backward(Walk walk, Node node, TensorBase g) except -1:
    return walk.give(node, 0, masked(g, saved(node, 1), node.param[0].f))

cdef Rule DROPOUT = Rule(b"NativeDropoutBackward0", dropout_backward)


cdef TensorBase masked(TensorBase x, TensorBase mask, double scale):
    """x * scale where mask is true, else 0. Its own gradient's rule; recorded."""
    cdef TensorBase source = x if x.contiguous else copy_of(x)
    cdef TensorBase out = empty_like(x)
    cdef Node node
    cdef Call call
    if x.numel > 0:
        call.kernel = kernels(x.dtype).dropout
        call.ndim = 1
        call.n_operands = 3
        call.shape[0] = x.numel
        call.units = (x.numel + ELEMENT_BLOCK - 1) // ELEMENT_BLOCK
        call.work = x.numel // 3
        call.operand[0].data = out.data
        call.operand[1].data = source.data
        call.operand[2].data = mask.data
        call.param[0].f = scale
        run(&call)
    if recording(x):
        node = record(&DROPOUT, out, x)
        node.param[0].f = scale
        save(node, 1, mask)
    return out


def dropout(input, p=0.5, training=True, *, generator=None):
    """Each element 0 with probability p, else divided by 1 - p; the input itself when not training (Srivastava et al. 2014).

    Raises ValueError unless 0 <= p <= 1.

    >>> dropout(tinygrad_c.tensor([1., 2.]), 0.5, training=False)
    tensor([1., 2.])
    """
    cdef TensorBase x = to_float(as_tensor(input, "dropout(): argument 'input' (position 1)"))
    cdef double gone = probability_of(p, "dropout")
    if not training or gone == 0:
        return x
    return masked(x, kept(1 - gone, x.ndim, x.shape, chosen(generator)), 0 if gone == 1 else 1 / (1 - gone))


def _philox(unsigned long long key, unsigned long long low, unsigned long long high) -> tuple:
    """One block, for the tests: Philox of that counter under that key."""
    cdef uint32_t[4] out
    philox(key, low, high, out)
    return out[0], out[1], out[2], out[3]


def _inverse_normal(double p) -> float:
    """For the tests."""
    return inverse_normal(p)
