"""Reductions of integers and bool."""
from tinygrad_c.kernels.table cimport Kernels

cdef void register_integer_kernels(Kernels* all) noexcept       # one struct per dtype
