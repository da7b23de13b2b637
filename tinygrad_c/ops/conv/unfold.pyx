"""Sliding windows over (N, C, H, W): im2col (columns), col2im (fold), max pooling (largest).

A Geometry holds kernel size, stride, padding and dilation. columns and fold are each other's gradients. Convolution, composed
of them and matrix products, is in convolution.pxi.
"""
from tinygrad_c.core.array cimport DTYPE_NAMES, itemsize, shape_of
from tinygrad_c.kernels.portable cimport unfold as kernels_of_windows
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.runtime.dispatch cimport kernels, run
from tinygrad_c.kernels.matmul.gemm cimport Gemm, gemm
from tinygrad_c.kernels.generated.ids cimport K_ADD
from tinygrad_c.ops.elementwise.elementwise cimport add_into, as_tensor, computed, contiguous, copy_of, lacks_kernels, narrowed
from tinygrad_c.ops.reduce.reduce cimport sum_over
from tinygrad_c.ops.shape.shape cimport reshape_to, transpose_dims
from tinygrad_c.core.tape cimport *

from tinygrad_c.kernels.runtime.threads import get_num_threads
from tinygrad_c.ops.matmul.products import matmul


cdef tuple pair(str name, object given, Py_ssize_t least):
    cdef Py_ssize_t n
    cdef tuple out = tuple([n for n in given])
    if len(out) != 2 or min(out) < least or max(out) >= 1 << 31:
        raise RuntimeError(f"a window's {name} must be two numbers of at least {least} and below 2**31, got {out}")
    return out


cdef class Geometry:
    """Windows over planes of `size`: kernel size, stride, padding with zeros, dilation.

    Each is a pair (vertical, horizontal). `places` is the number of window positions, (oh, ow).
    """

    cdef readonly tuple size, kernel, stride, padding, dilation, places

    def __cinit__(self, size, kernel, stride, padding, dilation, places):
        self.size, self.kernel, self.stride = pair("size", size, 0), pair("kernel", kernel, 1), pair("stride", stride, 1)
        self.padding, self.dilation = pair("padding", padding, 0), pair("dilation", dilation, 1)
        self.places = pair("places", places, 0)
        if self.kernel[0] * self.kernel[1] > 1 << 31:
            raise RuntimeError(f"a window of {self.kernel} has more elements than memory can address")

    cdef int fill(self, Call* call, Py_ssize_t planes, Py_ssize_t work) except -1:
        cdef int d
        call.units = planes
        call.work = work // 2
        call.ndim = 1
        call.shape[0] = planes
        for d in range(2):
            call.shape[kernels_of_windows.SIZE_H + d] = self.size[d]
            call.shape[kernels_of_windows.WINDOW_H + d] = self.kernel[d]
            call.shape[kernels_of_windows.OUT_H + d] = self.places[d]
            call.param[kernels_of_windows.STRIDE_H + d].i = self.stride[d]
            call.param[kernels_of_windows.PADDING_H + d].i = self.padding[d]
            call.param[kernels_of_windows.DILATION_H + d].i = self.dilation[d]
        return 0


cdef int columns_backward(BackwardPass back, Node node, TensorBase g) except -1:
    return back.send_grad(node, 0, fold(g, node.extra))

cdef int fold_backward(BackwardPass back, Node node, TensorBase g) except -1:
    return back.send_grad(node, 0, columns(g, node.extra))

cdef Rule COLUMNS = Rule(b"Im2ColBackward0", columns_backward)
cdef Rule FOLD = Rule(b"Col2ImBackward0", fold_backward)


cdef TensorBase run_on(kernel_t kernel, Geometry geometry, TensorBase x, TensorBase where, int ndim, const Py_ssize_t* shape):
    cdef TensorBase out = empty(x.dtype, ndim, shape)
    cdef Call call
    if out.numel > 0:
        call.kernel = kernel
        call.inner = NULL
        call.n_operands = 3
        geometry.fill(&call, shape[0] * (x.shape[1] if ndim == 3 else shape[1]), max(out.numel, x.numel))
        call.operand[0].data = out.data
        call.operand[1].data = x.data
        call.operand[2].data = NULL if where is None else where.data
        call.operand[0].itemsize = call.operand[1].itemsize = itemsize(x.dtype)
        run(&call)
    return out


cdef TensorBase planes_of(object input, Geometry geometry):
    cdef TensorBase x = contiguous(as_tensor(input, "argument 'input' (position 1)"))
    if x.ndim != 4 or (x.shape[2], x.shape[3]) != geometry.size:
        raise RuntimeError(f"expected planes (N, C, {geometry.size[0]}, {geometry.size[1]}), got {list(shape_of(x))}")
    computed(x, "unfold")
    if itemsize(x.dtype) < 4:
        raise RuntimeError("sliding windows need float, int32 or int64 elements: convert with .float()")
    return x


def columns(input, Geometry geometry not None):
    """im2col: (N, C, H, W) to (N, C * kh * kw, oh * ow), a column with the window's elements for each position.

    >>> columns(tinygrad_c.arange(4.).reshape(1, 1, 1, 4), Geometry((1, 4), (1, 3), (1, 1), (0, 0), (1, 1), (1, 2)))
    tensor([[[0., 1.],
             [1., 2.],
             [2., 3.]]])
    """
    cdef TensorBase given = as_tensor(input, "argument 'input' (position 1)")
    if lacks_kernels(given.dtype):
        return narrowed(columns(computed(given, "unfold"), geometry), given.dtype)
    cdef TensorBase x = planes_of(given, geometry)
    cdef Py_ssize_t[3] shape
    cdef TensorBase out
    shape[0] = x.shape[0]
    shape[1] = x.shape[1] * geometry.kernel[0] * geometry.kernel[1]
    shape[2] = geometry.places[0] * geometry.places[1]
    out = run_on(kernels_of_windows.columns, geometry, x, None, 3, shape)
    if recording(x):
        record(&COLUMNS, out, x).extra = geometry
    return out


def fold(input, Geometry geometry not None):
    """col2im: (N, C * kh * kw, oh * ow) to (N, C, H, W), each element the sum of its copies in the columns.

    >>> fold(tinygrad_c.ones(1, 3, 2), Geometry((1, 4), (1, 3), (1, 1), (0, 0), (1, 1), (1, 2)))
    tensor([[[[1., 2., 2., 1.]]]])
    """
    cdef TensorBase x = contiguous(as_tensor(input, "argument 'input' (position 1)"))
    cdef Py_ssize_t[4] shape
    cdef Py_ssize_t window = geometry.kernel[0] * geometry.kernel[1]
    cdef TensorBase out
    if x.ndim != 3 or x.shape[1] % window or x.shape[2] != geometry.places[0] * geometry.places[1]:
        raise RuntimeError(f"expected columns (N, C * {window}, {geometry.places[0] * geometry.places[1]}), got "
                           f"{list(shape_of(x))}")
    if x.dtype < FLOAT32:
        raise RuntimeError("fold needs float elements: convert with .float()")
    shape[0], shape[1], shape[2], shape[3] = x.shape[0], x.shape[1] // window, geometry.size[0], geometry.size[1]
    out = run_on(kernels_of_windows.fold, geometry, x, None, 4, shape)
    if recording(x):
        record(&FOLD, out, x).extra = geometry
    return out


cdef int largest_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef TensorBase where = saved(node, 1)
    cdef Py_ssize_t[4] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    if back.create_graph:
        from tinygrad_c.ops.indexing.index import scatter_add
        flat = scatter_add(reshape_to(zeros(g.dtype, 4, shape), 3, [shape[0], shape[1], shape[2] * shape[3]]), 2,
                           reshape_to(where, 3, [shape[0], shape[1], where.shape[2] * where.shape[3]]),
                           reshape_to(g, 3, [shape[0], shape[1], where.shape[2] * where.shape[3]]))
        return back.send_grad(node, 0, reshape_to(flat, 4, shape))
    return back.send_grad(node, 0, run_on(kernels_of_windows.put, node.extra, contiguous(g), where, 4, shape))

cdef Rule LARGEST = Rule(b"MaxPool2DWithIndicesBackward0", largest_backward)


def largest(input, Geometry geometry not None):
    """Max pooling: the largest element of each window, (N, C, oh, ow), and its flat index in the plane.

    >>> largest(tinygrad_c.arange(4.).reshape(1, 1, 1, 4), Geometry((1, 4), (1, 2), (1, 2), (0, 0), (1, 1), (1, 2)))
    (tensor([[[[1., 3.]]]]), tensor([[[[1, 3]]]]))
    """
    cdef TensorBase x = planes_of(input, geometry)
    cdef TensorBase out, where
    cdef Node node
    cdef Py_ssize_t[4] shape
    if x.dtype < FLOAT32:
        raise RuntimeError("max pooling needs float elements: convert with .float()")
    if x.numel == 0 and x.shape[0] * x.shape[1] > 0:
        raise RuntimeError(f"max pooling of empty planes: {list(shape_of(x))}")
    if x.shape[2] * x.shape[3] > 1 << 30:
        raise RuntimeError(f"max pooling of planes of more than 2**30 elements: {list(shape_of(x))}")
    shape[0], shape[1], shape[2], shape[3] = x.shape[0], x.shape[1], geometry.places[0], geometry.places[1]
    where = empty(INT64, 4, shape)
    out = run_on(kernels_of_windows.largest, geometry, x, where, 4, shape)
    if recording(x):
        node = record(&LARGEST, out, x)
        save(node, 1, where)
        node.extra = geometry
    return out, where


include "convolution.pxi"
