# All kernels, for one element type and one instruction set. Each module in isa/ includes this file and nothing else.
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.math cimport INFINITY, sqrt
from libc.string cimport memcpy, memset

from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.simd.simd cimport *
from tinygrad_c.kernels.table cimport *
from tinygrad_c.kernels.generated.ids cimport *

include "math.pxi"
include "math_double.pxi"
include "copy_run.pxi"
include "loop.pxi"
include "tiles.pxi"
include "../generated/elementwise.pxi"
include "../matmul/matvec.pxi"
include "../matmul/matmul.pxi"
include "short_rows.pxi"
include "reduce.pxi"
include "norm.pxi"
include "softmax.pxi"
include "cross_entropy.pxi"
include "loss.pxi"
include "update.pxi"
include "update_rare.pxi"
include "scatter_add.pxi"
include "dropout.pxi"
include "philox_simd.pxi"
include "register.pxi"
