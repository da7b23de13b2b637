"""Kernels without SIMD code: integers and bool, dtype conversions, rarely used functions. Compiled for the baseline."""
from libc.stdint cimport int64_t, uint16_t

from tinygrad_c.kernels.call cimport inner_t
from tinygrad_c.kernels.table cimport Kernels

cdef inner_t cast(int source, int target) noexcept      # NULL from a dtype to itself, a copy, and where it takes two steps
cdef inner_t scalar_kernel(int dtype, int number) noexcept      # of a row of formulas.SCALAR
cdef float from_half(uint16_t bits) noexcept nogil      # float16 and bfloat16, as their bits; rounded to nearest even
cdef uint16_t to_half(float x) noexcept nogil
cdef float from_bfloat(uint16_t bits) noexcept nogil
cdef uint16_t to_bfloat(float x) noexcept nogil
cdef void register_generic(Kernels* all) noexcept       # one struct per dtype
cdef void register_vectors(Kernels* all) noexcept       # SIMD kernels of formulas.SCALAR: after the float tables

# out[i] = start + i * step, or start + (first + i) * step computed in double or in float; n elements
cdef void arange_int64(int64_t* out, Py_ssize_t n, int64_t start, int64_t step) noexcept nogil
cdef void arange_double(int dtype, char* out, Py_ssize_t n, double first, double start, double step) noexcept nogil
cdef void arange_single(float* out, Py_ssize_t n, double first, float start, float step) noexcept nogil
