# scattered[offset[r]] += dense[r]: the one indexing kernel that does arithmetic. See gather.pyx for the operands.

cdef void scatter_add(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """One unit: rows are added in order, so the sums are deterministic."""
    cdef const int64_t* offset = <const int64_t*> call.operand[2].data
    cdef Py_ssize_t[MAX_NDIM] index
    cdef Py_ssize_t run = 1, step0 = 1, step1 = 1, r, i
    cdef int last = call.ndim - 1, d
    cdef const real* dense
    cdef real* scattered
    if last > 0:
        run = call.shape[last]
        step0 = call.operand[0].stride[last]
        step1 = call.operand[1].stride[last]
    if last == 0:                                       # single elements
        for r in range(call.shape[0]):
            (<real*> call.operand[1].data)[offset[r]] += (<const real*> call.operand[0].data)[r * call.operand[0].stride[0]]
        return
    if last == 1 and call.operand[0].stride[0] == 1:    # column-major: the inner loop runs down a contiguous column
        for i in range(run):
            dense = <const real*> call.operand[0].data + i * step0
            scattered = <real*> call.operand[1].data + i * step1
            for r in range(call.shape[0]):
                scattered[offset[r]] += dense[r]
        return
    memset(index, 0, sizeof(index))
    for r in range(call.shape[0]):
        dense = <const real*> call.operand[0].data + r * call.operand[0].stride[0]
        scattered = <real*> call.operand[1].data + offset[r]
        while True:
            i = 0
            if step0 == 1 and step1 == 1:
                while i + LANES <= run:
                    store(scattered + i, load(scattered + i) + load(dense + i))
                    i += LANES
                if i < run:
                    store_upto(scattered + i, load_upto(scattered + i, run - i) + load_upto(dense + i, run - i), run - i)
            else:
                for i in range(run):
                    scattered[i * step1] += dense[i * step0]
            d = last - 1
            while d > 0:
                index[d] += 1
                dense += call.operand[0].stride[d]
                scattered += call.operand[1].stride[d]
                if index[d] < call.shape[d]:
                    break
                dense -= index[d] * call.operand[0].stride[d]
                scattered -= index[d] * call.operand[1].stride[d]
                index[d] = 0
                d -= 1
            if d <= 0:
                break


cdef void register_index(Kernels* k) noexcept:
    k.scatter_add = scatter_add
