# Runs a float64 kernel on float32 data: converts a block at a time, which stays in L1.

cdef enum:
    WIDE_BLOCK = 256

cdef Kernels* doubles       # the float64 table of the chosen instruction set; set before the first call


cdef void widened(int number, int inputs, Py_ssize_t n, char** p) noexcept nogil:
    cdef double[3][WIDE_BLOCK] block
    cdef char* q[3]
    cdef char* move[2]
    cdef Py_ssize_t start = 0, m
    cdef int i
    for i in range(3):
        q[i] = <char*> block[i]
    while start < n:
        m = min(n - start, WIDE_BLOCK)
        for i in range(1, 1 + inputs):
            move[0] = q[i]
            move[1] = p[i] + start * sizeof(float)
            doubles.inner[V_WIDEN](m, move, NULL)
        doubles.inner[number](m, q, NULL)
        move[0] = p[0] + start * sizeof(float)
        move[1] = q[0]
        doubles.inner[V_NARROW](m, move, NULL)
        start += m
