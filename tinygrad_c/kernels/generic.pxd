"""What needs no vectors of ours: integers and bool, conversions between dtypes, rarer functions. Compiled for the baseline."""
from tinygrad_c.kernels.call cimport inner_t
from tinygrad_c.kernels.table cimport Kernels

cdef inner_t cast(int source, int target) noexcept      # NULL from a dtype to itself: a plain copy
cdef inner_t scalar_kernel(int dtype, int number) noexcept      # of a row of formulas.SCALAR
cdef void register_generic(Kernels* all) noexcept       # one struct per dtype
