"""The tape: what each op leaves behind in the forward pass, and the walk back over it.

Numbers make the order: a node's number is larger than those of the nodes that its inputs came from, so taking the largest
first visits every consumer of a value before the node that made it. A heap of pending nodes is all the state that a
backward pass needs; no recursion, whatever the depth.
"""
import sys
import weakref

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from tinygrad_c.array cimport Array, allocate_into, itemsize, shape_of, view_into
from tinygrad_c.kernels.call cimport FLOAT32

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        object (*tp_new)(PyTypeObject*, object, PyObject*)
    Py_ssize_t Py_REFCNT(PyObject*)

cdef extern from *:
    """
    #include <frameobject.h>
    #define frame_code(frame) ((PyObject*) PyFrame_GetCode((PyFrameObject*) (frame)))
    #if PY_VERSION_HEX >= 0x030B0000
    #define frame_lasti(frame) PyFrame_GetLasti((PyFrameObject*) (frame))
    #else
    #define frame_lasti(frame) (2 * ((PyFrameObject*) (frame))->f_lasti)
    #endif
    #if defined(_MSC_VER)
    static __declspec(thread) int grad_mode = 1;
    static __declspec(thread) void* current_walk = 0;
    #else
    static __thread int grad_mode = 1;
    static __thread void* current_walk = 0;
    #endif
    """
    int grad_mode
    int frame_lasti(PyObject* frame)
    object frame_code(PyObject* frame)
    void* current_walk          # this thread's backward pass, while it runs: its hooks may start another

DTYPE_NAMES = ("Bool", "Byte", "Int", "Long", "Float", "Double")     # as in torch.FloatTensor
cdef unsigned long long last_number = 0
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
    """Let every op make its results of this class, a subclass of TensorBase without an __init__ that must run."""
    global tensor_type, tensor_class, compiled_type
    tensor_class = cls
    tensor_type = <PyTypeObject*> cls
    compiled_type = <PyTypeObject*> cls.__base__


cdef void register_ops(add_t add, add_into_t add_into, reduce_to_t reduce_to, clone_t clone) noexcept:
    global add_op, add_into_op, reduce_to_op, clone_op
    add_op, add_into_op, reduce_to_op, clone_op = add, add_into, reduce_to, clone


cdef void register_views(rebase_t rebase, refresh_t refresh) noexcept:
    global rebase_op, refresh_op
    rebase_op, refresh_op = rebase, refresh


# ---- Making tensors

cdef bint making = False             # an op is making a tensor, and will give it memory

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
    return out


cdef TensorBase empty_like(TensorBase a):
    cdef TensorBase out = new_tensor()
    allocate_into(out, a.dtype, a.ndim, a.shape)
    return out


cdef TensorBase view_of(TensorBase a, char* data, int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride):
    cdef TensorBase out = new_tensor()
    view_into(out, a, data, ndim, shape, stride)
    if grad_mode:
        out._base = a if a._base is None else a._base
        out._base_number = number_of(out._base)
    return out


cdef TensorBase alias(TensorBase a):
    cdef TensorBase out = new_tensor()
    view_into(out, a, a.data, a.ndim, a.shape, a.stride)
    return out


# ---- Recording

cdef bint grad_enabled() noexcept:
    return grad_mode


cdef bint set_grad(bint on) noexcept:
    """Turn recording on or off in this thread; gives what it was."""
    global grad_mode
    cdef bint before = grad_mode
    grad_mode = on
    return before


cdef unsigned long long number_of(TensorBase a) noexcept:
    return 0 if a._grad_fn is None else a._grad_fn.number


cdef inline bint is_stale(TensorBase a) noexcept:
    """A view whose base has been written to, and recorded so, since the view was made."""
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
    if anomaly:
        note_place(node)
    return node


cdef Node record2(const Rule* rule, TensorBase out, TensorBase a, TensorBase b):
    cdef object edge1 = edge_of(b)          # first: in place, out is a or b
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
    """Add the next input after the third; call in order."""
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
    cdef object target = edge(node, i)
    if type(target) is Node:
        ndim[0] = (<Node> target).ndim
        memcpy(shape, (<Node> target).shape, ndim[0] * sizeof(Py_ssize_t))
    else:
        ndim[0] = (<TensorBase> target).ndim
        memcpy(shape, (<TensorBase> target).shape, ndim[0] * sizeof(Py_ssize_t))
    return 0


cdef int save(Node node, int slot, TensorBase a) except -1:
    """Keep `a` for the backward pass. What is about to be written in place is kept without its history: `a` will own `node`."""
    if a._grad_fn is node:
        a = alias(a)
    node.version[slot] = a.storage.version
    if slot == 0:
        node.saved0 = a
    elif slot == 1:
        node.saved1 = a
    else:
        node.saved2 = a
    return 0


cdef int save_output(Node node, TensorBase out) except -1:
    """Keep a fresh, contiguous output: its memory only, since the tensor owns the node."""
    node.saved_output = out.storage
    node.output_version = out.storage.version
    return 0


cdef int was_modified(Node node, int dtype, int ndim, Py_ssize_t* shape, unsigned int version, unsigned int expected) except -1:
    raise RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{DTYPE_NAMES[dtype]}Tensor {[shape[d] for d in range(ndim)]}], needed by {node.name()}, is at version "
        f"{version}; expected version {expected} instead. Write the in-place change as a new tensor (y = y + 1 for "
        "y += 1), or .clone() before it.")


cdef TensorBase saved(Node node, int slot):
    cdef TensorBase a = node.saved0 if slot == 0 else node.saved1 if slot == 1 else node.saved2
    if a is None:
        raise_freed(node)
    if a.storage.version != node.version[slot]:
        was_modified(node, a.dtype, a.ndim, a.shape, a.storage.version, node.version[slot])
    return a


cdef TensorBase output(Walk walk, Node node):
    """The saved output again; with create_graph it has its history."""
    cdef TensorBase out
    if node.saved_output is None:
        raise_freed(node)
    if node.saved_output.version != node.output_version:
        was_modified(node, node.dtype, node.ndim, node.shape, node.saved_output.version, node.output_version)
    out = new_tensor()
    out.storage = node.saved_output
    contiguous_view(out, node)
    if walk.create_graph:
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


# ---- Writing in place

cdef int check_inplace(TensorBase a) except -1:
    """Raise, before anything is written, if `a` may not be written to."""
    cdef int d
    if grad_mode:
        if a._requires_grad and a._grad_fn is None:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation. The tape could not record what "
                "its old value was used for; to update a parameter, write the line inside `with no_grad():`")
        if a._base is not None and a._base._requires_grad and a._base._grad_fn is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation. To update a "
                "parameter's elements, write the line inside `with no_grad():`")
    if a.storage.readonly:
        raise RuntimeError("this tensor's memory is read-only (it is shared with a read-only array): .clone() it first")
    if grad_mode and a._base is not None and not a._base.contiguous and wants_grad(a):
        raise RuntimeError("an in-place operation on a view of a tensor that is not contiguous cannot be recorded: "
                           ".clone() it first")
    for d in range(a.ndim):
        if a.stride[d] == 0 and a.shape[d] > 1 and a.numel > 0:
            raise RuntimeError(
                "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
                "Please clone() the tensor before performing the operation.")
    return 0


cdef int set_history(TensorBase a, Node node) except -1:
    """`a` is from now on what `node` stands for; the gradient that it retains is that one's."""
    cdef Node before = a._grad_fn
    a._grad_fn = node
    if a._retains_grad and before is not None and node is not None and before is not node:
        for hook in before.hooks:
            if isinstance(hook, weakref.ref) and hook() is a:
                before.hooks.remove(hook)
                node.hooks = (node.hooks or []) + [hook]
                break
    return 0


cdef int wrote(TensorBase a) except -1:
    """To be called after `a` was written, and after the write was recorded if it was."""
    a.storage.version += 1
    if grad_mode and a._grad_fn is not None and a._base is not None:
        rebase_op(a)
    return 0


# ---- Node

cdef int raise_freed(Node node) except -1:
    place = place_of_pass(node.freed)
    raise RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
        f"freed): {node.name()} has let go of its saved values when backward() ran before{f', at {place}' if place else ''}. "
        "Specify retain_graph=True the first time if you need to go through the same graph again. The usual cause in a loop: a "
        "tensor computed before the loop, or kept from the step before; compute it inside, or .detach() it.")


# The last passes that let go of their graphs, each a number and where in the program it was started: a code object and a place
# in it, from which the line is found when an error asks for it. This is all that a pass pays: some 20 ns.
cdef enum:
    NOTES = 64
cdef unsigned int last_pass = 0
cdef unsigned int[NOTES] pass_number
cdef int[NOTES] pass_lasti
cdef list pass_code = [None] * NOTES
cdef object frame_at = sys._getframe


cdef int note_pass(object depth) except -1:
    """Remember the line that starts a pass, `depth` Python calls up, under the number last_pass."""
    global last_pass
    cdef int i
    last_pass += 1
    if last_pass == 0:
        last_pass = 1
    i = last_pass % NOTES
    try:
        frame = frame_at(depth)
    except ValueError:              # called from C
        return 0
    pass_number[i] = last_pass
    pass_lasti[i] = frame_lasti(<PyObject*> frame)
    pass_code[i] = frame_code(<PyObject*> frame)
    return 0


cdef object place_of_pass(unsigned int number):
    """'file.py:12', or None if it is forgotten or not a line of the user's."""
    from tinygrad_c.notices import PACKAGE
    cdef int i = number % NOTES
    code = pass_code[i]
    if number == 0 or pass_number[i] != number or code is None or code.co_filename.startswith(PACKAGE):
        return None
    for start, end, line in code.co_lines():
        if start <= pass_lasti[i] < end:
            return f"{code.co_filename}:{line}"
    return None


@cython.final
@cython.freelist(256)
@cython.trashcan(True)
cdef class Node:
    """What an op left on the tape: which rule, whose gradients it feeds, what it saved. Seen as `tensor.grad_fn`."""

    def name(self) -> str:
        """The rule's name.

        >>> (tinygrad_c.ones(2, requires_grad=True) * 2).grad_fn.name()
        'MulBackward0'
        """
        if self.rule is &FUNCTION:
            return self.extra.name()
        if self.rule is &FUNCTION_OUTPUT:
            return (<Node> self.edge0).name()
        return self.rule.name.decode()

    @property
    def next_functions(self) -> tuple:
        """Per input, (its grad_fn, 0); an AccumulateGrad for a leaf; (None, 0) where no gradient is needed."""
        if self.rule is &FUNCTION_OUTPUT:
            return self.edge0.next_functions
        edges = [self.edge0, self.edge1, self.edge2, *(self.more_edges or ())]
        while edges and edges[len(edges) - 1] is None:
            edges.pop()
        return tuple([(AccumulateGrad(e) if isinstance(e, TensorBase) else e, 0) for e in edges])

    def register_prehook(self, hook):
        """Call hook((gradient,)) before the rule runs; a tuple that it returns replaces the gradient."""
        def called(g):
            result = hook((g,))
            return result[0] if isinstance(result, tuple) else result
        if self.hooks is None:
            self.hooks = []
        self.hooks.append(called)
        return RemovableHandle(self.hooks, called)

    def __getattr__(self, name):
        """What a Function's context holds can be read here: y.grad_fn.saved_tensors."""
        if self.rule is &FUNCTION_OUTPUT and not name.startswith("__"):
            return getattr(self.edge0, name)
        if self.rule is &FUNCTION and not name.startswith("__"):
            return getattr(self.extra, name)
        raise AttributeError(f"'{self.name()}' object has no attribute {name!r}")

    def __repr__(self):
        return f"<{self.name()} object at {<size_t> <PyObject*> self:#x}>"

    cdef void release(self) noexcept:
        self.saved0 = None
        self.saved1 = None
        self.saved2 = None
        self.saved_output = None


class AccumulateGrad:
    """Stands in `next_functions` for a leaf, whose gradient is added into `variable.grad`."""

    def __init__(self, variable):
        self.variable = variable
        self.next_functions = ()

    def name(self) -> str:
        return "AccumulateGrad"

    def __repr__(self):
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


include "tape_walk.pxi"
include "tape_function.pxi"
include "tape_anomaly.pxi"


# ---- TensorBase: what of a tensor the tape sees

class Afterwards:
    """Among a leaf's hooks: one that is called when its .grad has been changed."""

    def __init__(self, hook):
        self.hook = hook


class RemovableHandle:
    """What register_hook returns; remove() takes the hook off again, and so does leaving a `with` block."""

    def __init__(self, hooks: list, hook):
        self.hooks, self.hook = hooks, hook

    def remove(self) -> None:
        if self.hook in self.hooks:
            self.hooks.remove(self.hook)

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        self.remove()


@cython.trashcan(True)
cdef class TensorBase(Array):
    """An array that can have a gradient."""

    def __cinit__(self):
        """Made from Python (TensorBase.__new__) and not by an op, it is an empty tensor: never one without memory."""
        global making
        cdef Py_ssize_t nothing = 0
        if not making:
            allocate_into(self, FLOAT32, 1, &nothing)
        making = False

    cdef int check_export(self) except -1:
        if wants_grad(self):
            raise BufferError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return 0

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded, so that backward() can find its gradient."""
        return wants_grad(self)

    @requires_grad.setter
    def requires_grad(self, bint value):
        if self._grad_fn is not None or is_stale(self):
            if not value:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                    "subgraph that doesn't require differentiation use var_no_grad = var.detach().")
            return
        if value and self.dtype < FLOAT32:
            raise RuntimeError(
                "only Tensors of floating point dtype can require gradients: this one holds integers or bools. Write the "
                "numbers with a point (1. for 1), pass dtype=float32, or call .float() first.")
        self._requires_grad = value

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor: it was created by you, or needs no gradient."""
        return self._grad_fn is None and not is_stale(self)

    @property
    def grad_fn(self):
        """The Node of the operation that made this tensor; None for a leaf."""
        if is_stale(self):
            refresh_op(self)
        return self._grad_fn

    @property
    def grad(self):
        """The gradient that backward() accumulated, or None."""
        if self._grad is None and self._grad_fn is not None and not self._retains_grad:
            import warnings
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                "populated during autograd.backward(). If you want it, call .retain_grad() on this tensor before backward(); "
                "if you meant a leaf, access that one instead.", stacklevel=1)
        return self._grad

    @grad.setter
    def grad(self, value):
        if value is not None:
            if not isinstance(value, TensorBase):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if shape_of(value) != shape_of(self):
                raise RuntimeError(f"assigned grad has data of a different size: {list(shape_of(value))} for a tensor of "
                                   f"{list(shape_of(self))}")
            if (<TensorBase> value).dtype != self.dtype:
                raise RuntimeError("assigned grad has data of a different type")
        self._grad = value

    @grad.deleter
    def grad(self):
        self._grad = None

    @property
    def retains_grad(self) -> bool:
        """Whether a non-leaf's .grad will be filled, since retain_grad() was called."""
        return self._retains_grad and self._grad_fn is not None

    def retain_grad(self) -> None:
        """Have backward() fill this tensor's .grad although it is not a leaf."""
        if not wants_grad(self):
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.grad_fn is not None and not self._retains_grad:
            self._retains_grad = True
            if self._grad_fn.hooks is None:
                self._grad_fn.hooks = []
            self._grad_fn.hooks.append(weakref.ref(self))

    def register_hook(self, hook):
        """Call hook(grad) whenever the gradient of this tensor is computed; what it returns, if not None, replaces it.

        >>> x = tinygrad_c.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda g: 2 * g)
        >>> x.sum().backward()
        >>> x.grad
        tensor([2., 2.])
        """
        cdef list hooks
        if not wants_grad(self):
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.grad_fn is not None:
            if self._grad_fn.hooks is None:
                self._grad_fn.hooks = []
            hooks = self._grad_fn.hooks
        else:
            if self._hooks is None:
                self._hooks = []
            hooks = self._hooks
        hooks.append(hook)
        return RemovableHandle(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook):
        """Call hook(tensor) whenever backward() has added into this leaf's .grad: so that an optimizer may step at once.

        >>> x = tinygrad_c.ones(2, requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda x: print(x.grad))
        >>> x.sum().backward()
        tensor([1., 1.])
        """
        if not wants_grad(self):
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.grad_fn is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._hooks is None:
            self._hooks = []
        self._hooks.append(Afterwards(hook))
        return RemovableHandle(self._hooks, self._hooks[len(self._hooks) - 1])

    def detach(self):
        """The same memory without the history: no gradient flows through it.

        >>> tinygrad_c.ones(2, requires_grad=True).detach().requires_grad
        False
        """
        return alias(self)

    def detach_(self):
        """Cut this tensor's own history off; it becomes a leaf."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._grad_fn = None
        self._requires_grad = False
        return self

    @property
    def data(self):
        """The same memory without the history; assigning a tensor to it replaces this one's memory."""
        return alias(self)

    @data.setter
    def data(self, TensorBase value not None):
        if value.dtype != self.dtype and wants_grad(self) and value.dtype < FLOAT32:
            raise RuntimeError("data set to a tensor that requires gradients must be floating point")
        edge_of(self)               # whose history a view has is settled before
        self._base = None
        view_into(self, value, value.data, value.ndim, value.shape, value.stride)

    @property
    def _version(self) -> int:
        """How often this tensor's memory has been written to in place."""
        return self.storage.version

    def _is_view(self) -> bool:
        return self._base is not None


# ---- The grad mode, for autograd.py

def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread.

    >>> is_grad_enabled()
    True
    """
    return bool(grad_mode)


def _set_grad_enabled(bint on) -> bool:
    """Turn recording on or off in this thread; returns what it was."""
    return set_grad(on)
