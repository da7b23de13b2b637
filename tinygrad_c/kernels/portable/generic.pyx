"""Kernels for integers and bool, dtype conversions, and elementwise functions without SIMD code.

Plain loops, which the compiler vectorizes. bool has no arithmetic kernels: ops compute it as uint8.
"""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.generated.scalar_ids cimport *
from tinygrad_c.kernels.table cimport ELEMENT_BLOCK, LOOP_ALIGN, LOOP_BLOCK, Kernels

cdef inner_t[N_DTYPES][N_DTYPES] casts
cdef inner_t[N_DTYPES][N_SCALAR] scalars

include "../simd/copy_run.pxi"
include "../simd/loop.pxi"
include "../matmul/integers.pxi"
include "half.pxi"
include "../generated/casts.pxi"
include "../generated/integers.pxi"
include "scalar.pxi"
include "../simd/widen.pxi"
include "../generated/scalar.pxi"
include "../simd/arange.pxi"


cdef inner_t cast(int source, int target) noexcept:
    return casts[source][target]


cdef inner_t scalar_kernel(int dtype, int number) noexcept:
    return scalars[dtype][number - N_INNER]


cdef void register_generic(Kernels* all) noexcept:
    cdef int dtype
    register_casts()
    register_scalars()
    register_integers(all)
    register_matmul_integers(all)
    for dtype in range(N_DTYPES):
        all[dtype].loop = loop
