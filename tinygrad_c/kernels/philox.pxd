"""Random numbers out of a counter: Philox 4x32-10, uniform and normal. The same bits on every platform."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from tinygrad_c.kernels.call cimport Call

cdef enum:
    RANDOM_UNIT = 4096          # elements of a unit
    TOGETHER = 8                # blocks that are made together: vectors of words

# Block `number` of the stream of `seed`: four words.
cdef void philox(uint64_t seed, uint64_t number, uint64_t high, uint32_t* out) noexcept nogil
# The words of that many blocks, a multiple of TOGETHER.
cdef void fill_words(uint64_t seed, uint64_t block, uint32_t* out, Py_ssize_t blocks) noexcept nogil
cdef double inverse_normal(double p) noexcept nogil
# operand 0: a contiguous output of shape[0] elements; param: seed, first block (as i), then two numbers
cdef void uniform32(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void uniform64(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void normal32(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void normal64(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void keep(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
