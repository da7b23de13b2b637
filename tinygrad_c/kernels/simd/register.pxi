# Fills this module's table of kernels and exports it as a capsule.
from cpython.pycapsule cimport PyCapsule_New

cdef Kernels TABLE


cdef void register(Kernels* k) noexcept:
    register_elementwise(k)
    k.loop = loop
    k.tiles = tiles_across
    register_matmul(k)
    register_reduce(k)
    k.norm = norm
    k.norm_backward = norm_backward
    register_softmax(k)
    register_cross_entropy(k)
    register_loss(k)
    register_update(k)
    register_update_rare(k)
    register_index(k)
    k.dropout = dropout
    if REAL_BITS == 64:
        k.philox_simd = philox_simd


def capsule():
    """A pointer to the module's Kernels, for dispatch.pyx."""
    register(&TABLE)
    return PyCapsule_New(&TABLE, "tinygrad_c.Kernels", NULL)
