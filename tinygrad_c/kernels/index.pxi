# out[offset[i]] += row i: the one indexing kernel that does arithmetic. The others only move bytes: see gather.pyx.

cdef void scatter_add(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0: where the rows go, with the strides of a row's dimensions; 1: the rows, contiguous; 2: int64 offsets in elements.
    shape: rows, then the dimensions of a row. One unit: in order, so that the sum is always the same."""
    cdef real* out = <real*> call.operand[0].data
    cdef const real* x = <const real*> call.operand[1].data
    cdef const int64_t* offset = <const int64_t*> call.operand[2].data
    cdef Py_ssize_t index[MAX_NDIM]
    cdef Py_ssize_t run = 1, step = 1, r, i, place
    cdef int last = call.ndim - 1, d
    cdef real* p
    if last > 0:
        run = call.shape[last]
        step = call.operand[0].stride[last]
    for r in range(call.shape[0]):
        memset(index, 0, sizeof(index))
        place = 0
        while True:
            p = out + offset[r] + place
            if step == 1:
                i = 0
                while i < run:
                    store_upto(p + i, load_upto(p + i, run - i) + load_upto(x + i, run - i), run - i)
                    i += LANES
            else:
                for i in range(run):
                    p[i * step] += x[i]
            x += run
            d = last - 1
            while d > 0:
                index[d] += 1
                place += call.operand[0].stride[d]
                if index[d] < call.shape[d]:
                    break
                place -= index[d] * call.operand[0].stride[d]
                index[d] = 0
                d -= 1
            if d <= 0:
                break


cdef void register_index(Kernels* k) noexcept:
    k.scatter_add = scatter_add
