"""Kernels: the kernels for one element type, as one compiled module of one instruction set offers them.

Each module in isa/ fills one such struct; dispatch.pyx picks one per dtype at import. A member is NULL where the element
type has no such kernel. The elementwise kernels stand in `inner`, by the number that generated/ids.pxd gives them.
"""
from tinygrad_c.kernels.call cimport inner_t, kernel_t
from tinygrad_c.kernels.generated.ids cimport N_INNER

ctypedef struct Kernels:
    inner_t inner[N_INNER]
    kernel_t loop               # runs call.inner over operands of any strides        (loop.pxi)
    kernel_t matmul             # a product, cut into units of rows and columns        (matmul.pxi)
    kernel_t matmul_pack        # its first operand into panels
    Py_ssize_t lanes            # elements of a vector
    Py_ssize_t tile_rows        # what the product keeps in registers
    Py_ssize_t tile_cols
    Py_ssize_t packed_rows      # elements that a packed row of a panel takes
