"""Epochs: memory that a tensor gives up is freed once every kernel that began before has ended; part of dispatch.pyx.

A long kernel runs without the GIL, and another thread may run `x.data = y` meanwhile, on a tensor that the kernel reads.

This is epoch-based reclamation with two epochs. A kernel enters the present one. The other becomes the present one as soon as
no kernel of its own is left; what was retired before the last such change is then freed, since every kernel that could read it
has ended.
"""

cdef int epoch = 0              # the present one, 0 or 1
cdef int[2] running             # kernels without the GIL, by the epoch that they entered
cdef list retired = []          # in the present epoch
cdef list retired_before = []   # in the one before it


cdef int enter() noexcept:
    running[epoch] += 1
    return epoch


cdef void leave(int entered) noexcept:
    running[entered] -= 1


cdef int retire(object memory) except -1:
    """Keep `memory`, which its tensor is about to give up, for the kernels that may read it."""
    global epoch, retired, retired_before
    cdef list freed = []        # at the end of this function: a destructor may run Python code, which may come here
    if running[0] == running[1] == 0:
        freed = [retired_before, retired]
        retired_before, retired = [], []
        return 0
    if running[1 - epoch] == 0:
        epoch = 1 - epoch
        freed = retired_before
        retired_before, retired = retired, []
    retired.append(memory)
    return 0
