# Every kernel, for the one element type and instruction set that this is compiled for; the modules in isa/ are this file.
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.simd cimport *
from tinygrad_c.kernels.table cimport Kernels
from tinygrad_c.kernels.generated.ids cimport *

include "math.pxi"
include "loop.pxi"
include "generated/elementwise.pxi"
include "matmul.pxi"
include "register.pxi"
