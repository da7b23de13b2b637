"""Kernels for integers and bool, and conversions between dtypes.

Plain loops: the compiler makes vectors of them. bool has no arithmetic of its own: ops compute it as uint8.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.table cimport Kernels

cdef inner_t[N_DTYPES][N_DTYPES] casts

include "loop.pxi"
include "matmul_integers.pxi"
include "generated/casts.pxi"
include "generated/integers.pxi"


cdef inner_t cast(int source, int target) noexcept:
    return casts[source][target]


cdef void register_generic(Kernels* all) noexcept:
    cdef int dtype
    register_casts()
    register_integers(all)
    register_matmul_integers(all)
    for dtype in range(N_DTYPES):
        all[dtype].loop = loop
