include "../simd/kernels.pxi"
