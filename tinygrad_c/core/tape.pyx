"""The tape: the graph that ops record in the forward pass, and the backward pass over it.

Node numbers give a topological order: a node's number is larger than the numbers of the nodes of its inputs. Visiting the
largest number first reaches every consumer of a value before the node that computed it. So a heap of pending nodes is all the
state that a backward pass needs, without recursion at any depth.

This file creates tensors, records operations and saves tensors for the backward rules. The other parts:

    tape_node         Node, a recorded operation
    tape_backward     the backward pass; tape_heap: its queue of nodes; tape_grad: where it starts, autograd.grad
    tape_linked       which gradients have a graph where the second derivative is zero
    tape_inplace      writing in place, and replacing a tensor's storage or shape
    tape_saved_hooks  calls of hooks; saved tensors that the user packs
    tape_guarded      the public form of a function, which explains its errors
    tape_function     functions written in Python
    tape_anomaly      anomaly mode
    callsites         lines of the user's program, for error messages
    tape_tensor_base  TensorBase: requires_grad, grad, backward(), hooks, detach()
"""
import sys
import weakref

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, Py_XINCREF, PyObject
from cpython.unicode cimport PyUnicode_AsUTF8
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from tinygrad_c.core.array cimport (
    DTYPE_NAMES, Array, Storage, allocate_into, count_write, inference_enabled, is_dense, itemsize, same_shape, set_inference,
    shape_of, view_into)
from tinygrad_c.kernels.call cimport FLOAT16, FLOAT32
from tinygrad_c.kernels.runtime.dispatch cimport keep_gil, record_constant, record_zeros, recorder, retire

from tinygrad_c._base.warn import PACKAGE, warn_once
from tinygrad_c.core.hooks import AccumulateGrad, PackedTensor, RemovableHandle, Traceback, first_of

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        object (*tp_new)(PyTypeObject*, object, PyObject*)
        void* tp_vectorcall
    Py_ssize_t Py_REFCNT(PyObject*)

cdef extern from *:
    """
    #include <frameobject.h>
    #define frame_code(frame) ((PyObject*) PyFrame_GetCode((PyFrameObject*) (frame)))
    #define frame_back(frame) ((PyObject*) PyFrame_GetBack((PyFrameObject*) (frame)))
    #if PY_VERSION_HEX >= 0x030B0000
    #define frame_lasti(frame) PyFrame_GetLasti((PyFrameObject*) (frame))
    #else
    #define frame_lasti(frame) (2 * ((PyFrameObject*) (frame))->f_lasti)
    #endif
    #if defined(_MSC_VER)
    static __declspec(thread) int grad_mode = 1;
    static __declspec(thread) PyObject* packing = NULL;
    static __declspec(thread) PyObject* hooks_pass = NULL;
    #else
    static __thread int grad_mode = 1;
    static __thread PyObject* packing = NULL;
    static __thread PyObject* hooks_pass = NULL;
    #endif
    """
    int grad_mode
    PyObject* hooks_pass            # the backward pass whose hooks this thread is running, or NULL
    PyObject* packing               # (pack, unpack) of this thread's innermost saved_tensors_hooks, or NULL
    int frame_lasti(PyObject* frame)
    object frame_code(PyObject* frame)
    PyObject* frame_back(PyObject* frame)           # a new reference, or NULL
    ctypedef struct PyFrameObject:
        pass
    PyFrameObject* PyEval_GetFrame()                # of the Python function that called us: borrowed, or NULL

cdef unsigned long long last_number = 0
cdef PyObject* pass_in_nodes = NULL          # the backward pass that stores its gradients in the nodes
cdef PyTypeObject* tensor_type = NULL
cdef PyTypeObject* compiled_type = NULL      # its compiled base, whose tp_new skips the Python class's __new__
cdef object tensor_class = None
cdef tuple no_arguments = ()
cdef add_t add_op = NULL
cdef add_into_t add_into_op = NULL
cdef reduce_to_t reduce_to_op = NULL
cdef clone_t clone_op = NULL
cdef rebase_t rebase_op = NULL
cdef refresh_t refresh_op = NULL


def register_tensor_class(cls) -> None:
    """Set the class of all results of ops: a subclass of TensorBase whose __init__ need not run. Called once, at import."""
    global tensor_type, tensor_class, compiled_type
    if tensor_class is not None or not issubclass(cls, TensorBase):
        raise RuntimeError("the class Tensor is registered once, when the package is imported")
    tensor_class = cls
    tensor_type = <PyTypeObject*> cls
    compiled_type = <PyTypeObject*> cls.__base__


cdef void register_ops(add_t add, add_into_t add_into, reduce_to_t reduce_to, clone_t clone) noexcept:
    global add_op, add_into_op, reduce_to_op, clone_op
    add_op, add_into_op, reduce_to_op, clone_op = add, add_into, reduce_to, clone


cdef void register_views(rebase_t rebase, refresh_t refresh) noexcept:
    global rebase_op, refresh_op
    rebase_op, refresh_op = rebase, refresh


# ---- Creating tensors

cdef bint making = False            # an op is creating a tensor, and will give it memory

cdef TensorBase new_tensor():
    global making
    making = True
    return <TensorBase> compiled_type.tp_new(tensor_type, no_arguments, NULL)


cdef TensorBase empty(int dtype, int ndim, const Py_ssize_t* shape):
    cdef TensorBase out = new_tensor()
    allocate_into(out, dtype, ndim, shape)
    return out


cdef TensorBase zeros(int dtype, int ndim, const Py_ssize_t* shape):
    cdef TensorBase out = empty(dtype, ndim, shape)
    memset(out.data, 0, out.numel * itemsize(dtype))
    if recorder != NULL:
        record_zeros(out.data, out.numel * itemsize(dtype))
    return out


cdef TensorBase empty_like(TensorBase a):
    cdef TensorBase out = new_tensor()
    allocate_into(out, a.dtype, a.ndim, a.shape)
    return out


cdef TensorBase view_of(TensorBase a, char* data, int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride):
    cdef TensorBase out
    check_within(a.storage, data, a.dtype, ndim, shape, stride)
    out = new_tensor()
    view_into(out, a, data, ndim, shape, stride)
    if grad_mode:
        out._base = a if a._base is None else a._base
        out._base_number = number_of(out._base)
    return out


cdef int check_within(Storage storage, char* data, int dtype, int ndim, const Py_ssize_t* shape,
                      const Py_ssize_t* stride) except -1:
    """Raise unless the view lies inside the storage, whatever sizes and strides an op was given. Computed in doubles, which
    cannot overflow and are exact up to 2**53 bytes."""
    cdef double low = <double> (data - storage.data), high = low + itemsize(dtype), step
    cdef int d
    for d in range(ndim):
        if shape[d] <= 0:
            return 0 if shape[d] == 0 else raise_outside(storage, ndim, shape)
        step = <double> (shape[d] - 1) * <double> stride[d] * itemsize(dtype)
        if step < 0:
            low += step
        else:
            high += step
    if low < 0 or high > <double> storage.nbytes:
        raise_outside(storage, ndim, shape)
    return 0


cdef int raise_outside(Storage storage, int ndim, const Py_ssize_t* shape) except -1:
    raise RuntimeError(f"a view of sizes {[shape[d] for d in range(ndim)]} is out of bounds for storage of size "
                       f"{storage.nbytes}: the tensor was changed while the view was created, or the sizes, strides or offset "
                       "are wrong")


cdef TensorBase alias(TensorBase a):
    cdef TensorBase out = new_tensor()
    view_into(out, a, a.data, a.ndim, a.shape, a.stride)
    return out


# ---- Recording

cdef bint grad_enabled() noexcept:
    return grad_mode


cdef bint set_grad(bint on) noexcept:
    """Turn recording on or off in this thread; returns the old setting."""
    global grad_mode
    cdef bint before = grad_mode
    grad_mode = on
    return before


cdef unsigned long long number_of(TensorBase a) noexcept:
    return 0 if a._grad_fn is None else a._grad_fn.number


cdef inline bint is_stale(TensorBase a) noexcept:
    """Whether a view's base was written by a recorded operation after the view (or its node) was created."""
    return a._base is not None and a._base_number != number_of(a._base)


cdef bint wants_grad(TensorBase a) noexcept:
    return a._requires_grad or a._grad_fn is not None or is_stale(a)


cdef bint recording(TensorBase a) noexcept:
    return grad_mode and wants_grad(a)


cdef object edge_of(TensorBase a):
    if is_stale(a):
        refresh_op(a)
    if a._grad_fn is not None:
        return a._grad_fn
    return a if a._requires_grad else None


cdef Node record(const Rule* rule, TensorBase out, TensorBase a):
    global last_number
    cdef Node node = Node.__new__(Node)
    node.rule = rule
    node.edge0 = edge_of(a)
    last_number += 1
    node.number = last_number
    node.dtype = out.dtype
    node.ndim = out.ndim
    memcpy(node.shape, out.shape, out.ndim * sizeof(Py_ssize_t))
    if out._retains_grad:
        set_history(out, node)
    else:
        out._grad_fn = node
    if anomaly & (RECORD_TRACEBACKS | OBSERVE):
        note_created(node, out)
    return node


cdef Node record2(const Rule* rule, TensorBase out, TensorBase a, TensorBase b):
    cdef object edge1 = edge_of(b)          # before record(): in an in-place op, out is a or b
    cdef Node node = record(rule, out, a)
    node.edge1 = edge1
    return node


cdef Node record3(const Rule* rule, TensorBase out, TensorBase a, TensorBase b, TensorBase c):
    cdef object edge1 = edge_of(b)
    cdef object edge2 = edge_of(c)
    cdef Node node = record(rule, out, a)
    node.edge1 = edge1
    node.edge2 = edge2
    return node


cdef int record_more(Node node, TensorBase a) except -1:
    """Add an input after the third; called once per input, in order."""
    if node.more_edges is None:
        node.more_edges = []
    node.more_edges.append(edge_of(a))
    return 0


cdef inline object edge(Node node, int i):
    if i == 0:
        return node.edge0
    if i == 1:
        return node.edge1
    if i == 2:
        return node.edge2
    return node.more_edges[i - 3]


cdef int input_shape(Node node, int i, int* ndim, Py_ssize_t* shape) except -1:
    shape_of_target(edge(node, i), ndim, shape)
    return 0


cdef int shape_of_target(object target, int* ndim, Py_ssize_t* shape) noexcept:
    """Fill in the shape of a node's output or of a leaf; returns the dtype."""
    if type(target) is Node:
        ndim[0] = (<Node> target).ndim
        memcpy(shape, (<Node> target).shape, ndim[0] * sizeof(Py_ssize_t))
        return (<Node> target).dtype
    ndim[0] = (<TensorBase> target).ndim
    memcpy(shape, (<TensorBase> target).shape, ndim[0] * sizeof(Py_ssize_t))
    return (<TensorBase> target).dtype


cdef int save(Node node, int slot, TensorBase a) except -1:
    """Save `a` for the backward pass. If `a` is the node's own output (an in-place op), an alias without history is saved:
    `a` itself would be a reference cycle."""
    if a._grad_fn is node:
        a = alias(a)
    if (a.storage.inference or packers != 0) and pack(node, slot, a):
        return 0
    a.storage.watched = True
    node.version[slot] = a.storage.version + a._generation
    if slot == 0:
        node.saved0 = a
    elif slot == 1:
        node.saved1 = a
    else:
        node.saved2 = a
    return 0


cdef int save_output(Node node, TensorBase out) except -1:
    """Save a new, contiguous output: only its storage, since the tensor owns the node and would be a reference cycle."""
    if packers != 0 and pack(node, OUTPUT, out):
        return 0
    out.storage.watched = True
    node.saved_output = out.storage
    node.output_version = out.storage.version
    return 0


cdef int raise_modified(Node node, Storage storage, int dtype, int ndim, Py_ssize_t* shape, unsigned int version,
                        unsigned int expected) except -1:
    place = callsite_of_note(storage.written)
    raise RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{DTYPE_NAMES[dtype]}Tensor {[shape[d] for d in range(ndim)]}], needed by {node.name()}, is at version "
        f"{version}; expected version {expected} instead{f': it was changed at {place}' if place else ''}. "
        "Write the in-place change as a new tensor (y = y + 1 for y += 1), or .clone() before it.")


cdef TensorBase saved(Node node, int slot):
    cdef TensorBase a = node.saved0 if slot == 0 else node.saved1 if slot == 1 else node.saved2
    if a is None:
        return unpacked(node, slot)
    if a.storage.version + a._generation != node.version[slot]:
        raise_modified(node, a.storage, a.dtype, a.ndim, a.shape, a.storage.version + a._generation, node.version[slot])
    return a


cdef TensorBase output(BackwardPass back, Node node):
    """A tensor on the saved output's storage; with create_graph its grad_fn is the node."""
    cdef TensorBase out
    if node.saved_output is None:
        out = unpacked(node, OUTPUT)
        if back.create_graph:
            out._grad_fn = node
        return out
    if node.saved_output.version != node.output_version:
        raise_modified(node, node.saved_output, node.dtype, node.ndim, node.shape, node.saved_output.version,
                       node.output_version)
    out = new_tensor()
    out.storage = node.saved_output
    contiguous_view(out, node)
    if back.create_graph:
        out._grad_fn = node
    return out


cdef int contiguous_view(TensorBase out, Node node) except -1:
    cdef Py_ssize_t numel = 1
    cdef int d
    for d in range(node.ndim - 1, -1, -1):
        out.shape[d] = node.shape[d]
        out.stride[d] = numel
        numel *= node.shape[d] if node.shape[d] != 0 else 1
    for d in range(node.ndim):
        if node.shape[d] == 0:
            numel = 0
    out.numel = numel
    out.ndim = node.ndim
    out.dtype = node.dtype
    out.contiguous = True
    out.data = out.storage.data
    return 0


cdef bint plain_mode() noexcept:
    """Gradients are recorded in this thread, and no setting changes what an operation or the backward pass does."""
    return grad_mode and anomaly == 0 and packers == 0 and not inference_enabled() and pass_in_nodes == NULL


# ---- Grad mode and inference mode, for the package autograd

def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread.

    >>> is_grad_enabled()
    True
    """
    return bool(grad_mode)


def _set_grad_enabled(bint on) -> bool:
    """Turn recording on or off in this thread; returns the old setting."""
    return set_grad(on)


def is_inference_mode_enabled() -> bool:
    """Whether this is inside a `with inference_mode()` block, in this thread.

    >>> with tinygrad_c.inference_mode():
    ...     print(tinygrad_c.is_inference_mode_enabled())
    True
    """
    return inference_enabled()


def _set_inference(bint on) -> bool:
    """Mark the storages that this thread allocates from now on as inference storages, or not; returns the old setting."""
    return set_inference(on)


include "tape_modes.pxi"
include "tape_inplace.pxi"
include "tape_node.pxi"
include "tape_free.pxi"
include "callsites.pxi"
include "tape_saved_hooks.pxi"
include "tape_guarded.pxi"
include "tape_heap.pxi"
include "tape_backward.pxi"
include "tape_linked.pxi"
include "tape_grad.pxi"
include "tape_function.pxi"
include "tape_anomaly.pxi"
include "tape_tensor_base.pxi"


cdef object not_from_python(PyTypeObject* type, object arguments, PyObject* keywords):
    raise TypeError("cannot create instances of this type: operations on tensors create them")

# A Node without a rule would crash. Calls of __new__ in Cython code do not go through tp_new.
(<PyTypeObject*> Node).tp_new = (<PyTypeObject*> BackwardPass).tp_new = not_from_python
(<PyTypeObject*> Node).tp_vectorcall = (<PyTypeObject*> BackwardPass).tp_vectorcall = NULL
