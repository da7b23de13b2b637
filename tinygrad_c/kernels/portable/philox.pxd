"""Counter-based random numbers: Philox 4x32-10, uniform and normal. Bitwise the same on every platform."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from tinygrad_c.kernels.call cimport Call
from tinygrad_c.kernels.table cimport philox_simd_t

cdef enum:
    RANDOM_UNIT = 4096          # elements per unit
    TOGETHER = 8                # blocks that are computed together: at least one vector of words

# Block `number` of the stream of `seed`: four words.
cdef void philox(uint64_t seed, uint64_t number, uint64_t high, uint32_t* out) noexcept nogil
# The words of `blocks` blocks, a multiple of TOGETHER, with the chosen instruction set's kernel (kernels/simd/philox_simd.pxi).
cdef void set_philox_simd(philox_simd_t of_this_processor) noexcept
cdef void fill_words(uint64_t seed, uint64_t block, uint32_t* out, Py_ssize_t blocks) noexcept nogil
cdef double inverse_normal(double p) noexcept nogil
# operand 0: a contiguous output of shape[0] elements
cdef enum:                      # param
    RANDOM_SEED = 0             # .i
    RANDOM_BLOCK = 1            # .i: number of the first block
    RANDOM_FIRST = 2            # .f: low (uniform), mean (normal), probability of 1 (keep)
    RANDOM_SECOND = 3           # .f: high - low (uniform), standard deviation (normal)
cdef void uniform32(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void uniform64(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void normal32(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void normal64(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void keep(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil

# These two read the stream from its position on, and advance it past the blocks that they used. operand 0: int64.
cdef enum:                      # param
    STREAM = 2                  # .i: the address of the seed and the position; 0 and 1 are not used
    BELOW = 3                   # .i: n of draw_below
    FROM = 4                    # .i: what is added
cdef void draw_below(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void draw_order(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
