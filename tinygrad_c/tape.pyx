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


# ---- The walk

cdef bint owned(PyObject* a) noexcept:
    """Nothing but the one reference that we hold leads to this tensor's memory: it may be written or kept as it is."""
    cdef TensorBase t = <TensorBase> a
    return Py_REFCNT(a) == 2 and Py_REFCNT(<PyObject*> t.storage) == 1 and t.contiguous and t.storage.owner is None  # 2: t


cdef inline TensorBase fit(TensorBase g, int dtype, int ndim, Py_ssize_t* shape):
    """g with the shape and dtype of what it is the gradient of: broadcasting undone."""
    cdef int d
    if g.dtype == dtype and g.ndim == ndim:
        for d in range(ndim):
            if g.shape[d] != shape[d]:
                return reduce_to_op(g, dtype, ndim, shape)
        return g
    return reduce_to_op(g, dtype, ndim, shape)


@cython.final
cdef class Walk:
    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.n_heap):
            Py_DECREF(<object> self.heap[i])
        free(self.heap)

    cdef bint needs(self, Node node, int i) except -1:
        """Whether the gradient of input i is wanted."""
        cdef object target = edge(node, i)
        if target is None:
            return False
        if not self.pruned:
            return True
        return (type(target) is Node and (<Node> target).needed) or id(target) in self.captures

    cdef int give(self, Node node, int i, TensorBase g) except -1:
        """Hand over the gradient of a node's input i."""
        if self.needs(node, i):
            if anomaly > 1:
                check_nan(node, i, g)
            self.arrive(edge(node, i), g)
        return 0

    cdef int arrive(self, object target, TensorBase g) except -1:
        cdef Node node
        cdef TensorBase leaf
        if type(target) is Node:
            node = <Node> target
            g = fit(g, node.dtype, node.ndim, node.shape)
            if node.pending is None:
                node.pending = g
                self.push(node)
            elif self.create_graph or not owned(<PyObject*> node.pending):
                node.pending = add_op(node.pending, g)
            else:
                add_into_op(node.pending, g)
        else:
            leaf = <TensorBase> target
            g = fit(g, leaf.dtype, leaf.ndim, leaf.shape)
            if leaf._pending is None:
                leaf._pending = g
                self.leaves.append(leaf)
            elif self.create_graph or not owned(<PyObject*> leaf._pending):
                leaf._pending = add_op(leaf._pending, g)
            else:
                add_into_op(leaf._pending, g)
        return 0

    cdef TensorBase accumulator(self, Node node, int i):
        """What has come in for input i so far, if a kernel may add into it in place; else None."""
        cdef object target = edge(node, i)
        cdef TensorBase pending = None
        if self.create_graph or target is None or anomaly:
            return None
        if type(target) is Node:
            if (<Node> target).pending is not None and owned(<PyObject*> (<Node> target).pending):
                pending = (<Node> target).pending
        elif (<TensorBase> target)._pending is not None and owned(<PyObject*> (<TensorBase> target)._pending):
            pending = (<TensorBase> target)._pending
        return pending

    cdef int push(self, Node node) except -1:
        cdef Py_ssize_t i = self.n_heap
        cdef Py_ssize_t parent
        cdef void* grown
        if i == self.room:
            grown = realloc(self.heap, (2 * self.room + 16) * sizeof(void*))
            if grown == NULL:
                raise MemoryError("no memory for the backward pass's queue")
            self.heap = <void**> grown
            self.room = 2 * self.room + 16
        Py_INCREF(node)
        self.n_heap += 1
        while i > 0:
            parent = (i - 1) // 2
            if (<Node> self.heap[parent]).number >= node.number:
                break
            self.heap[i] = self.heap[parent]
            i = parent
        self.heap[i] = <void*> node
        return 0

    cdef Node pop(self):
        cdef Node top = <Node> self.heap[0]
        cdef void* last
        cdef unsigned long long number
        cdef Py_ssize_t i = 0
        cdef Py_ssize_t child
        Py_DECREF(top)              # the heap's reference; `top` holds its own
        self.n_heap -= 1
        if self.n_heap > 0:
            last = self.heap[self.n_heap]
            number = (<Node> last).number
            while True:
                child = 2 * i + 1
                if child >= self.n_heap:
                    break
                if child + 1 < self.n_heap and (<Node> self.heap[child + 1]).number > (<Node> self.heap[child]).number:
                    child += 1
                if number >= (<Node> self.heap[child]).number:
                    break
                self.heap[i] = self.heap[child]
                i = child
            self.heap[i] = last
        return top

    cdef int run(self) except -1:
        global current_walk
        cdef void* outer = current_walk
        cdef bint before = set_grad(self.create_graph)
        if outer != NULL:
            (<Walk> outer).suspend()
        current_walk = <void*> self
        try:
            while self.targets:
                self.arrive(self.targets.pop(), self.given.pop())
            self.visit_nodes()
            self.finish_leaves()
        finally:
            set_grad(before)
            self.abandon()
            current_walk = outer
            if outer != NULL:
                (<Walk> outer).resume(self)
        return 0

    cdef int suspend(self) except -1:
        """One of this pass's hooks starts another pass: put the gradients aside that are on their way."""
        cdef Node node
        cdef TensorBase leaf
        cdef Py_ssize_t i
        self.suspended = []
        for i in range(self.n_heap):
            node = <Node> self.heap[i]
            self.suspended.append((node, node.pending))
            node.pending = None
        for leaf in self.leaves:
            self.suspended.append((leaf, leaf._pending))
            leaf._pending = None
        return 0

    cdef int resume(self, Walk inner) except -1:
        cdef Node node
        for target, g in self.suspended:
            if type(target) is Node:
                (<Node> target).pending = g
            else:
                (<TensorBase> target)._pending = g
        self.suspended = None
        for node in inner.marked:
            node.needed = False
        for node in self.marked:
            node.needed = True
        return 0

    cdef int visit_nodes(self) except -1:
        cdef Node node
        cdef TensorBase g
        while self.n_heap > 0:
            node = self.pop()
            g = node.pending
            node.pending = None
            if node.hooks is not None:
                g = run_hooks(node.hooks, g)
            if self.captures is not None and id(node) in self.captures:
                self.captures[id(node)] = g
            if self.pruned and not node.needed:
                continue
            if node.freed != 0:
                raise_freed(node)
            if anomaly:
                visit_with_care(self, node, g)
            else:
                node.rule.backward(self, node, g)
            if not self.retain_graph:
                node.release()
                node.freed = self.number
        return 0

    cdef int finish_leaves(self) except -1:
        """Last, so that a pass that fails leaves every .grad as it was."""
        cdef TensorBase leaf, g
        for leaf in self.leaves:
            g = leaf._pending
            leaf._pending = None
            if leaf._hooks is not None:
                g = run_hooks(leaf._hooks, g)
            if self.captures is not None:
                if id(leaf) in self.captures:
                    self.captures[id(leaf)] = g
                if self.pruned:
                    continue
            if leaf._grad is None:
                leaf._grad = g if self.create_graph or owned(<PyObject*> g) else clone_op(g)
            elif self.create_graph or not may_be_written(leaf._grad):
                leaf._grad = add_op(leaf._grad, g)
            else:
                add_into_op(leaf._grad, g)
            if leaf._hooks is not None:
                for hook in list(leaf._hooks):
                    if type(hook) is Afterwards:
                        hook.hook(leaf)
        return 0

    cdef int abandon(self) except -1:
        """After a failure, let go of the gradients that were on their way."""
        cdef TensorBase leaf
        while self.n_heap > 0:
            self.pop().pending = None
        for leaf in self.leaves:
            leaf._pending = None
        return 0


cdef bint may_be_written(TensorBase a) noexcept:
    """Whether each element has memory of its own: not so in an expanded tensor that a user made the gradient."""
    cdef int d
    if a.storage.readonly:
        return False
    for d in range(a.ndim):
        if a.stride[d] == 0 and a.shape[d] > 1:
            return False
    return True


cdef TensorBase run_hooks(list hooks, TensorBase g):
    """Each hook may replace the gradient; tensors that retain theirs see what came out."""
    for hook in list(hooks):
        if not isinstance(hook, (weakref.ref, Afterwards, Place)):
            result = hook(g)
            if result is not None:
                g = checked(result, g)
    for hook in hooks:
        if isinstance(hook, weakref.ref):
            tensor = hook()
            if tensor is not None and (<TensorBase> tensor)._grad is None:
                (<TensorBase> tensor)._grad = g
            elif tensor is not None:
                (<TensorBase> tensor)._grad = add_op((<TensorBase> tensor)._grad, g)
    return g


cdef TensorBase checked(object result, TensorBase g):
    """What a hook returned in place of g."""
    if not isinstance(result, TensorBase):
        raise TypeError(f"a hook must return a Tensor or None, not {type(result).__name__}")
    if shape_of(result) != shape_of(g):
        raise RuntimeError(f"hook has changed the size of value: it got a gradient of shape "
                           f"{list(shape_of(g))} and returned one "
                           f"of shape {list(shape_of(result))}")
    if (<TensorBase> result).dtype != g.dtype:
        raise RuntimeError(f"hook has changed the type of value: it got a torch.{DTYPE_NAMES[g.dtype]}Tensor and returned a "
                           f"torch.{DTYPE_NAMES[(<TensorBase> result).dtype]}Tensor")
    return result


cdef TensorBase first_gradient(TensorBase root, object given):
    """The gradient of a root of the graph: what the caller gave, or 1 for a scalar."""
    cdef TensorBase g
    if given is None:
        if root.numel != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs, but this one has shape {list(shape_of(root))}: call "
                ".sum() or .mean() first, or pass backward(gradient=...) of that shape")
        g = empty_like(root)
        if root.dtype == FLOAT32:
            (<float*> g.data)[0] = 1
        else:
            (<double*> g.data)[0] = 1
        return g
    if not isinstance(given, TensorBase):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(given).__name__}")
    g = given
    if shape_of(g) != shape_of(root):
        raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of torch.Size({list(shape_of(g))}) and "
                           "output[0] has "
                           f"a shape of torch.Size({list(shape_of(root))}).")
    return g


cdef Walk start(tuple roots, tuple gradients, bint retain_graph, bint create_graph, dict captures):
    """A walk from the roots, not yet begun; with `captures`, only to what is named there."""
    cdef Walk walk = Walk.__new__(Walk)
    cdef TensorBase root
    walk.leaves = []
    walk.targets = []
    walk.given = []
    walk.create_graph = create_graph
    walk.retain_graph = retain_graph
    walk.captures = captures
    walk.pruned = captures is not None
    walk.marked = mark_needed(roots, captures) if walk.pruned else []
    for i, root in enumerate(roots):
        if not wants_grad(root):
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn: nothing leads from it back to a "
                "tensor with requires_grad=True. It was made under no_grad(), by .detach(), .item() or NumPy, from integers, "
                "or from tensors that do not require grad. Setting requires_grad on the loss itself would silence this and "
                "train nothing.")
        g = first_gradient(root, gradients[i])
        target = edge_of(root)
        if not walk.pruned or type(target) is Node or id(target) in captures:
            walk.targets.append(target)
            walk.given.append(g)
    return walk


def backward(tuple roots, tuple gradients, bint retain_graph, bint create_graph, depth) -> None:
    """Add the gradient of each root, times its entry of `gradients`, into the .grad of the leaves that it came from. The line
    of the program that asks for it is `depth` Python calls up."""
    cdef Walk walk = start(roots, gradients, retain_graph, create_graph, None)
    roots = gradients = ()
    if not retain_graph:
        note_pass(depth)
        walk.number = last_pass
    walk.run()


def grad(tuple outputs, tuple inputs, tuple gradients, bint retain_graph, bint create_graph, depth,
         bint accumulate=False) -> list:
    """The gradients of the outputs by each input, or None where none leads there; .grad is left alone.

    With `accumulate` they are added into the inputs' .grad, as backward(inputs=...) does.
    """
    cdef TensorBase a
    cdef dict captures = {}
    cdef list keys = []
    for a in inputs:
        if not wants_grad(a):
            raise RuntimeError("One of the differentiated Tensors does not require grad: set requires_grad=True before it "
                               "is used")
        target = edge_of(a)
        captures[id(target)] = None
        keys.append(target)
    cdef Walk walk = start(outputs, gradients, retain_graph, create_graph, captures)
    if not retain_graph:
        note_pass(depth)
        walk.number = last_pass
    walk.run()
    results = [captures[id(target)] for target in keys]
    if accumulate:
        for a, g in zip(inputs, results):
            if g is not None and not (a._retains_grad and a._grad_fn is not None):      # its hook has done that
                a._grad = clone_op(g) if a._grad is None else add_op(a._grad, g)
                for hook in list(a._hooks or ()):
                    if type(hook) is Afterwards:
                        hook.hook(a)
    return results


cdef list mark_needed(tuple roots, dict captures):
    """Set `needed` on the nodes that lead to one of the captures, clear it on the others; gives those that are needed."""
    cdef Node node
    cdef TensorBase root
    cdef dict seen = {}
    cdef list todo = []
    cdef list marked = []
    for root in roots:
        target = edge_of(root)
        if type(target) is Node:
            todo.append(target)
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            todo.extend([e for e in edges_of(node) if type(e) is Node])
    for node in sorted(seen.values(), key=node_number):
        node.needed = False
        for e in edges_of(node):
            if id(e) in captures or (type(e) is Node and (<Node> e).needed):
                node.needed = True
        if node.needed:
            marked.append(node)
    return marked


def node_number(Node node):
    return node.number


cdef list edges_of(Node node):
    return [e for e in (node.edge0, node.edge1, node.edge2, *(node.more_edges or ())) if e is not None]


# ---- Functions written in Python: autograd.Function
#
# The context of a call has the user's backward: context.run(gradients of the outputs, node, which inputs need theirs) gives one
# gradient or None per tensor that went in. A single output's node is the function's own. Of several outputs each has a node
# that leads to the function's; it has a larger number, so that all of them are visited before the function is.

cdef int function_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef int i
    cdef tuple gradients = (g,) if node.op == 0 else tuple(walk.parts.pop(node.number))
    cdef int n = node.param[0].i
    results = node.extra.run(gradients, node, [walk.needs(node, i) for i in range(n)])
    gradients = None
    for i in range(n):
        if results[i] is not None:
            walk.give(node, i, <TensorBase?> results[i])
    if not walk.retain_graph:
        node.extra.release()
    return 0


cdef int function_output_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef Node function = node.edge0
    cdef list parts
    if walk.parts is None:
        walk.parts = {}
    if function.number not in walk.parts:
        walk.parts[function.number] = [None] * function.op
        walk.give(node, 0, zeros(FLOAT32, 0, NULL))         # so that the function is visited
    parts = walk.parts[function.number]
    parts[node.op] = g if parts[node.op] is None else add_op(parts[node.op], g)
    return 0

cdef Rule FUNCTION = Rule(b"Function", function_backward)
cdef Rule FUNCTION_OUTPUT = Rule(b"FunctionOutput", function_output_backward)


cdef Node output_node(Node function, int i, TensorBase out):
    """The node of output i of several."""
    cdef Node node = Node.__new__(Node)
    node.rule = &FUNCTION_OUTPUT
    node.edge0 = function
    node.op = i
    node.number = function.number + 1 + i
    node.dtype = out.dtype
    node.ndim = out.ndim
    memcpy(node.shape, out.shape, out.ndim * sizeof(Py_ssize_t))
    return node


def record_function(context, tuple inputs, tuple outputs, tuple dirty) -> None:
    """Make the outputs (None: not differentiable) the results of a call of a function written in Python; those that are in
    `dirty` are inputs that it has written to."""
    global last_number
    cdef Node node = Node.__new__(Node)
    cdef TensorBase a, out
    cdef int i
    for a in dirty:
        check_inplace(a)
    for i, a in enumerate(inputs):
        if i == 0:
            node.edge0 = edge_of(a)
        elif i == 1:
            node.edge1 = edge_of(a)
        elif i == 2:
            node.edge2 = edge_of(a)
        else:
            record_more(node, a)
    node.rule = &FUNCTION
    node.op = 0 if len(outputs) == 1 else len(outputs)
    node.param[0].i = len(inputs)
    node.extra = context
    last_number += 1
    node.number = last_number
    last_number += node.op
    node.dtype = FLOAT32
    for i, out in enumerate(outputs):
        if out is None:
            continue
        if node.op == 0:
            node.dtype = out.dtype
            node.ndim = out.ndim
            memcpy(node.shape, out.shape, out.ndim * sizeof(Py_ssize_t))
        set_history(out, node if node.op == 0 else output_node(node, i, out))
        if out._base is not None:
            rebase_op(out)
    if anomaly:
        note_place(node)


def with_history(TensorBase kept, Node node, int i) -> TensorBase:
    """Output i of a function again, for its own backward: `kept` is its memory, `node` the function's."""
    cdef TensorBase out = alias(kept)
    if grad_mode:
        out._grad_fn = node if node.op == 0 else output_node(node, i, kept)
    return out


# ---- Anomaly mode: 1 notes where each operation was, 2 also looks for NaN in what comes out of every rule

cdef int anomaly = 0


class Place:
    """Among a node's hooks: the lines of the program that led to its operation."""

    def __init__(self, stack):
        self.stack = stack

    def __str__(self) -> str:
        return "".join(self.stack.format()).rstrip()


cdef int note_place(Node node) except -1:
    import traceback
    from tinygrad_c.notices import PACKAGE
    frame = frame_at(0)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    stack = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=20, lookup_lines=False)
    stack.reverse()
    node.hooks = (node.hooks or []) + [Place(stack)]
    return 0


cdef object place_of(Node node):
    for hook in node.hooks or ():
        if type(hook) is Place:
            return hook
    return None


cdef int visit_with_care(Walk walk, Node node, TensorBase g) except -1:
    """Run a node's rule; of an error, say which line of the forward pass it belongs to."""
    try:
        node.rule.backward(walk, node, g)
    except Exception:
        from tinygrad_c.notices import warn
        place = place_of(node)
        said = f"Traceback of forward call that caused the error:\n{place}" if place is not None else \
            "It was recorded before anomaly detection was on: no traceback of its forward call."
        warn(f"Error detected in {node.name()}. {said}")
        raise
    return 0


cdef int check_nan(Node node, int i, TensorBase g) except -1:
    cdef Py_ssize_t k
    cdef TensorBase flat = g if g.contiguous else clone_op(g)
    cdef double x
    if g.dtype < FLOAT32:
        return 0
    for k in range(flat.numel):
        x = (<float*> flat.data)[k] if flat.dtype == FLOAT32 else (<double*> flat.data)[k]
        if x != x:
            break
    else:
        return 0
    place = place_of(node)
    where = ""
    if place is not None and len(place.stack) > 0:
        line = place.stack[len(place.stack) - 1]
        where = f" The operation was at {line.filename}:{line.lineno}, in {line.name}: `{line.line}`."
    of = node.saved0.detach() if node.saved0 is not None and node.saved0.numel == g.numel else None
    value = f" The first nan is at {k} of {g.numel}" + (
        f", where the operation had saved {of.reshape(-1)[k].item():g}." if of is not None else " elements.")
    raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.{where}{value} The usual cause: an "
                       "infinite derivative times 0 (sqrt or log at 0, x / 0), or inf - inf.")


def _set_anomaly(int mode) -> int:
    """0: off; 1: note where operations are; 2: look for NaN too. Gives what it was."""
    global anomaly
    before = anomaly
    anomaly = mode
    return before


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
