# Dropout: y = x * param[DROPOUT_SCALE] where the mask is set, else 0.

cdef void dropout(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0: y; 1: x; 2: bool mask; all contiguous. A unit is ELEMENT_BLOCK elements."""
    cdef real* y = <real*> call.operand[0].data
    cdef const real* x = <const real*> call.operand[1].data
    cdef const uint8_t* kept = <const uint8_t*> call.operand[2].data
    cdef vec scale = splat(<real> call.param[DROPOUT_SCALE].f)
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    while i < stop:
        n = min(LANES, stop - i)
        store_upto(y + i, blend(load_bool(kept + i, n), load_upto(x + i, n) * scale, splat(0)), n)
        i += LANES
