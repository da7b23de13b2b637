"""The Generator, and the default generator; part of random.pyx."""


cdef uint64_t read_word(const uint8_t* p) noexcept:
    """The number in 8 bytes, little-endian on every processor: a state may be saved on one and set on another."""
    cdef uint64_t n = 0
    cdef int i
    for i in range(8):
        n |= <uint64_t> p[i] << 8 * i
    return n


cdef void write_word(uint8_t* p, uint64_t n) noexcept:
    cdef int i
    for i in range(8):
        p[i] = <uint8_t> (n >> 8 * i)


@cython.final
@cython.embedsignature(True)
@cython.embedsignature.format("clinic")
@cython.binding(False)            # a method taken from the class checks its self
cdef class Generator:
    """A stream of random numbers: Philox 4x32-10 under a seed, and how many blocks of it have been used.

    >>> g = Generator().manual_seed(1)
    >>> g.initial_seed()
    1
    """

    cdef uint64_t key               # the seed, and
    cdef uint64_t position          # blocks used: a program knows the two by the address of the first
    cdef uint32_t[4 * TOGETHER] word    # a buffer for draws of single words, and
    cdef int left                   # how many words in it are unused

    def __init__(self, device="cpu"):
        if str(device) not in ("cpu", "cpu:0"):
            raise RuntimeError(f"there is only the CPU here, not device {str(device)!r}")
        self.seed()

    def manual_seed(self, seed) -> Generator:
        """Set the seed, an integer from -2^63 to 2^64 - 1, and restart the stream. Returns the generator.

        >>> tinygrad_c.Generator().manual_seed(7).initial_seed()
        7
        """
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise TypeError(f"manual_seed expected an int, but got {type(seed).__name__}")
        seed = seed.__index__()
        refuse(b"it seeds a random generator")
        if not -(1 << 63) <= seed < (1 << 64):
            raise ValueError("Overflow when unpacking long: a seed must be from -2^63 to 2^64 - 1")
        self.key = seed % (1 << 64)
        self.position = 0
        self.left = 0
        return self

    def seed(self) -> int:
        """Set a seed from the operating system, and return it.

        >>> g = tinygrad_c.Generator()
        >>> g.seed() == g.initial_seed()
        True
        """
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self.key

    def initial_seed(self) -> int:
        """The seed of the stream.

        >>> tinygrad_c.Generator().manual_seed(7).initial_seed()
        7
        """
        return self.key

    def get_state(self):
        """The seed and the position, little-endian, as a uint8 tensor of 16 bytes, for set_state.

        >>> tinygrad_c.Generator().get_state().shape
        torch.Size([16])
        """
        cdef Py_ssize_t[1] shape = [16]
        cdef TensorBase out = empty(UINT8, 1, shape)
        refuse(b"it reads or sets the state of a random generator")
        write_word(<uint8_t*> out.data, self.key)
        write_word(<uint8_t*> out.data + 8, self.position)
        return out

    def set_state(self, new_state) -> Generator:
        """Set the state: the stream continues where get_state was called.

        >>> g = tinygrad_c.Generator()
        >>> state, x = g.get_state(), tinygrad_c.rand(2, generator=g)
        >>> _ = g.set_state(state)
        >>> tinygrad_c.equal(x, tinygrad_c.rand(2, generator=g))
        True
        """
        cdef TensorBase state = as_tensor(new_state, "set_state(): argument 'new_state'")
        if state.dtype != UINT8 or state.numel != 16 or not state.contiguous:
            raise RuntimeError(f"RNG state is wrong size or type: expected 16 uint8 numbers, as get_state() gives, got "
                               f"{list(shape_of(state))}")
        refuse(b"it reads or sets the state of a random generator")
        self.key = read_word(<uint8_t*> state.data)
        self.position = read_word(<uint8_t*> state.data + 8)
        self.left = 0
        return self

    @property
    def device(self) -> str:
        return "cpu"

    def __reduce__(self):
        return Generator, (), (self.key, self.position)

    def __setstate__(self, state) -> None:
        self.key, self.position = state
        self.left = 0

    cdef void return_blocks(self) noexcept:
        """After draws of single words: return the unused blocks of the buffer. A block that was begun is used up."""
        self.position -= self.left // 4
        self.left = 0

    cdef uint64_t draw(self, bint wide) noexcept:
        """The next word, or two of them."""
        cdef uint64_t low
        refuse(b"it draws random numbers in Python: multinomial, or randint of a range of more than 2**32")
        if self.left == 0:
            fill_words(self.key, self.position, self.word, TOGETHER)
            self.position += TOGETHER
            self.left = 4 * TOGETHER
        low = self.word[4 * TOGETHER - self.left]
        self.left -= 1
        return self.draw(False) << 32 | low if wide else low

    cdef uint64_t below(self, uint64_t n) noexcept:
        """A uniform integer below n: draws below 2^64 mod n (2^32 mod n for small n) are rejected, so that equally many
        remain for each remainder. n = 0 stands for 2^64."""
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
    """Seed the default generator. The same seed gives the same numbers on every platform.

    >>> tinygrad_c.manual_seed(0).initial_seed()
    0
    """
    return standard.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system, and return the seed.

    >>> tinygrad_c.seed() == tinygrad_c.initial_seed()
    True
    """
    return standard.seed()


def initial_seed() -> int:
    """The seed of the default generator.

    >>> _ = tinygrad_c.manual_seed(7)
    >>> tinygrad_c.initial_seed()
    7
    """
    return standard.key


def get_rng_state():
    """The default generator's state; see Generator.get_state.

    >>> state = tinygrad_c.get_rng_state()
    >>> x = tinygrad_c.rand(2)
    >>> tinygrad_c.set_rng_state(state)
    >>> tinygrad_c.equal(x, tinygrad_c.rand(2))
    True
    """
    return standard.get_state()


def set_rng_state(new_state) -> None:
    """Set the default generator's state: it continues where get_rng_state was called.

    RuntimeError for a tensor that is not such a state.

    >>> tinygrad_c.set_rng_state(tinygrad_c.get_rng_state())
    """
    standard.set_state(new_state)
