# The strided copy, for every dtype: shared by the elementwise loop and the gather kernels.

cdef inline void copy_run(char* to, Py_ssize_t to_stride, const char* source, Py_ssize_t stride, Py_ssize_t n,
                          Py_ssize_t size) noexcept nogil:
    """n elements of size bytes; strides in elements."""
    cdef Py_ssize_t i
    cdef int32_t four
    cdef int64_t eight
    if to_stride == 1 and stride == 1:
        memcpy(to, source, n * size)
    elif to_stride == 1 and stride == 0 and size == 4:      # broadcast: one value along the row; vectorizes
        four = (<const int32_t*> source)[0]
        for i in range(n):
            (<int32_t*> to)[i] = four
    elif to_stride == 1 and stride == 0 and size == 8:
        eight = (<const int64_t*> source)[0]
        for i in range(n):
            (<int64_t*> to)[i] = eight
    elif to_stride == 1 and stride == -1 and size == 4:     # reversed; vectorizes too
        for i in range(n):
            (<int32_t*> to)[i] = (<const int32_t*> source)[-i]
    elif to_stride == 1 and stride == -1 and size == 8:
        for i in range(n):
            (<int64_t*> to)[i] = (<const int64_t*> source)[-i]
    elif size == 4:
        for i in range(n):
            (<int32_t*> to)[i * to_stride] = (<const int32_t*> source)[i * stride]
    elif size == 8:
        for i in range(n):
            (<int64_t*> to)[i * to_stride] = (<const int64_t*> source)[i * stride]
    elif size == 2:
        for i in range(n):
            (<int16_t*> to)[i * to_stride] = (<const int16_t*> source)[i * stride]
    else:
        for i in range(n):
            to[i * to_stride] = source[i * stride]
