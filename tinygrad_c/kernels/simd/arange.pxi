# Evenly spaced numbers. The counter has 32 bits, since the conversion of int32 to float vectorizes.

cdef enum:
    STRETCH = 1 << 20


cdef void arange_int64(int64_t* out, Py_ssize_t n, int64_t start, int64_t step) noexcept nogil:
    """out[i] = start + i * step, modulo 2^64"""
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = <int64_t> (<uint64_t> start + <uint64_t> i * <uint64_t> step)


cdef void arange_double(int dtype, char* out, Py_ssize_t n, double first, double start, double step) noexcept nogil:
    """out[i] = start + (first + i) * step, computed in double"""
    cdef Py_ssize_t done = 0
    cdef double base
    cdef int i, m
    while done < n:
        m = <int> min(n - done, STRETCH)
        base = first + <double> done
        if dtype == FLOAT32:
            for i in range(m):
                (<float*> out)[i] = <float> (start + (base + i) * step)
            out += m * sizeof(float)
        else:
            for i in range(m):
                (<double*> out)[i] = start + (base + i) * step
            out += m * sizeof(double)
        done += m


cdef void arange_single(float* out, Py_ssize_t n, double first, float start, float step) noexcept nogil:
    """out[i] = start + (first + i) * step, computed in float"""
    cdef Py_ssize_t done = 0
    cdef double base
    cdef int i, m
    while done < n:
        m = <int> min(n - done, STRETCH)
        base = first + <double> done
        for i in range(m):
            out[i] = start + step * <float> (base + i)
        out += m
        done += m
