"""The tape: TensorBase, an array that can have a gradient; Node, a recorded operation; BackwardPass.

    forward:   out = an op's result;  node = record(&RULE, out, a, b);  save(node, 0, a)
    backward:  a BackwardPass visits nodes in descending number and calls  rule.backward(back, node, g);
               the rule computes the inputs' gradients with ops and passes each on with  back.send_grad(node, i, grad).
"""
from cpython.ref cimport PyObject

from tinygrad_c.core.array cimport Array, Storage
from tinygrad_c.kernels.call cimport MAX_NDIM, Scalar

ctypedef int (*backward_t)(BackwardPass back, Node node, TensorBase g) except -1

ctypedef struct Rule:
    const char* name                # of grad_fn: b"MulBackward0"; see Node.label
    backward_t backward


cdef class TensorBase(Array):
    cdef TensorBase _grad
    cdef Node _grad_fn              # the operation that made this tensor; None for a leaf
    cdef bint _requires_grad        # the flag of a leaf; for any tensor see wants_grad
    cdef bint _retains_grad
    cdef LeafHooks _hooks           # None unless hooks were registered
    cdef TensorBase _base           # of a differentiable view: the tensor it is a view of
    cdef unsigned long long _base_number    # the number of _base's node when this view's node was made
    cdef TensorBase _pending        # a leaf's gradient during a backward pass
    cdef unsigned int _generation   # added to the storage's version; grows when x.data = y replaces the storage
    cdef object __weakref__
    cdef PyObject* attributes       # the instance's __dict__, see type_slots.pyx; NULL until the first attribute is set


cdef enum:                          # Node.graph; see tape_linked.pxi
    GRAPH_ALWAYS = 1                # each gradient has one
    GRAPH_WITH_INPUT                # each gradient has its input in it, with derivative 0


cdef class Node:
    cdef const Rule* rule
    cdef const char* label          # grad_fn's name if it is not the rule's, else NULL; never freed
    cdef unsigned long long number  # increases with every node: the nodes of the inputs have smaller ones
    cdef int graph                  # with create_graph: which graph its gradients have, as in PyTorch; GRAPH_ or 0
    cdef int op                     # the operation's row in a table, for rules shared by many operations
    cdef unsigned int freed         # the number of the backward pass that freed the saved tensors; 0: none
    cdef object edge0               # per input: its Node, the leaf itself, or None if it needs no gradient
    cdef object edge1
    cdef object edge2
    cdef list more_edges            # inputs 3 and up
    cdef TensorBase saved0
    cdef TensorBase saved1
    cdef TensorBase saved2
    cdef unsigned int[3] version    # of saved0..2 when they were saved
    cdef Storage saved_output       # the output's storage; the output itself would be a reference cycle
    cdef unsigned int output_version
    cdef Scalar[4] param
    cdef object extra
    cdef int dtype                  # of the output, and its shape
    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef TensorBase pending         # during a backward pass: the sum of the gradients received so far
    cdef NodeExtras extras          # None for most nodes

    cdef void release(self) noexcept


cdef class NodeExtras:
    """What only few nodes need: hooks, packed saved tensors, a traceback, metadata."""
    cdef list pre_hooks             # hook(gradient of the output), before the rule runs
    cdef list post_hooks            # hook(gradients of the inputs, gradients of the outputs), after it
    cdef list retained              # weak references to the tensors whose .grad gets the output's gradient
    cdef dict packed                # slot -> PackedTensor, instead of a saved tensor, under saved_tensors_hooks
    cdef object created_at          # Traceback of the operation, recorded in anomaly mode
    cdef dict metadata              # for the user


cdef class LeafHooks:
    """The hooks of a leaf."""
    cdef list grad_hooks            # hook(gradient), before it is accumulated
    cdef list post_accumulate_hooks     # hook(leaf), after


cdef enum:
    FEW_NODES = 16

ctypedef struct NodeHeap:           # nodes, the one with the largest number on top
    void** nodes                    # `few`, or allocated memory once that is full
    void* few[FEW_NODES]
    Py_ssize_t n
    Py_ssize_t capacity


cdef class BackwardPass:
    """One backward pass: the nodes still to visit, and the gradients received so far by nodes and leaves."""
    cdef bint create_graph
    cdef bint retain_graph
    cdef unsigned int number        # of the pass, if it frees the saved tensors
    cdef NodeHeap queue
    cdef list leaves                # that have received a gradient
    cdef dict own_grads             # id of node or leaf -> gradient, while another pass stores its own in the nodes
    cdef dict held_grads            # input index -> its gradient, held until the node's post-hooks have run
    cdef dict output_grads          # node number of a function with several outputs -> their gradients
    cdef dict captures              # autograd.grad: id of a node or leaf given as input -> its gradient
    cdef dict wanted                # autograd.grad: id of those -> None; id of the nodes on a path to them -> the node
    cdef list at_end                # callbacks for the end of the pass

    # Called by rules.
    cdef bint needs(self, Node node, int i) except -1
    cdef int send_grad(self, Node node, int i, TensorBase g) except -1
    cdef TensorBase accumulator(self, Node node, int i)
    cdef Node only_producer(self, Node node, int i)
    cdef int skip(self, Node node) except -1
    cdef int go_on(self, TensorBase out, TensorBase g) except -1
    # The pass.
    cdef int run(self, tuple roots, tuple gradients) except -1
    cdef int start_from(self, TensorBase root, object gradient, Py_ssize_t i) except -1
    cdef int visit_nodes(self) except -1
    cdef int finish_leaves(self) except -1
    cdef int receive_grad(self, object target, TensorBase g) except -1
    cdef TensorBase take(self, object target)
    cdef int put(self, object target, TensorBase g) except -1
    cdef bint capture(self, object target, TensorBase g) except -1
    cdef int call_at_end(self, bint failed) except -1
    cdef int reset(self) except -1


# Making tensors. _tensor registers the class Tensor; ops know only TensorBase.
cdef TensorBase new_tensor()
cdef TensorBase empty(int dtype, int ndim, const Py_ssize_t* shape)
cdef TensorBase zeros(int dtype, int ndim, const Py_ssize_t* shape)
cdef TensorBase empty_like(TensorBase a)
cdef TensorBase view_of(TensorBase a, char* data, int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride)
cdef TensorBase alias(TensorBase a)

# Recording.
cdef bint grad_enabled() noexcept
cdef bint set_grad(bint on) noexcept
cdef bint plain_mode() noexcept
cdef bint wants_grad(TensorBase a) noexcept
cdef unsigned long long number_of(TensorBase a) noexcept
cdef object edge_of(TensorBase a)
cdef bint recording(TensorBase a) noexcept
cdef Node record(const Rule* rule, TensorBase out, TensorBase a)
cdef Node record2(const Rule* rule, TensorBase out, TensorBase a, TensorBase b)
cdef Node record3(const Rule* rule, TensorBase out, TensorBase a, TensorBase b, TensorBase c)
cdef int record_more(Node node, TensorBase a) except -1
cdef inline TensorBase named(TensorBase out, const char* label):
    """Returns `out`; its node, if it was recorded, gets PyTorch's name."""
    if out._grad_fn is not None:
        out._grad_fn.label = label
    return out
cdef int raise_cannot_require_grad(str subject) except -1
cdef TensorBase without_derivative(TensorBase out, str op, object a, object b)
cdef int input_shape(Node node, int i, int* ndim, Py_ssize_t* shape) except -1     # of an input that needs a gradient
cdef int save(Node node, int slot, TensorBase a) except -1
cdef int save_output(Node node, TensorBase out) except -1
cdef TensorBase saved(Node node, int slot)
cdef TensorBase output(BackwardPass back, Node node)
cdef TensorBase linked(TensorBase g, object target)
cdef bint is_sole_owner(PyObject* a) noexcept   # the caller holds the only reference to it: it may be overwritten

# Ops that the backward pass needs; registered at import, since ops are above core.
ctypedef TensorBase (*add_t)(TensorBase a, TensorBase b)
ctypedef int (*add_into_t)(TensorBase a, TensorBase b) except -1
ctypedef TensorBase (*reduce_to_t)(TensorBase g, int dtype, int ndim, const Py_ssize_t* shape)
ctypedef TensorBase (*clone_t)(TensorBase a)
cdef void register_ops(add_t add, add_into_t add_into, reduce_to_t reduce_to, clone_t clone) noexcept
# After a recorded in-place write through a view, `rebase` gives the base a new node (CopySlices), and `refresh` gives another
# view of that base a new node when it is next used.
ctypedef int (*rebase_t)(TensorBase view) except -1
ctypedef int (*refresh_t)(TensorBase view) except -1
cdef void register_views(rebase_t rebase, refresh_t refresh) noexcept

# Writing in place.
cdef int check_inplace(TensorBase a) except -1
cdef void new_generation(TensorBase a, unsigned int step) noexcept         # call before a gets another shape
cdef int replace_storage(TensorBase a, unsigned int version) except -1      # call before a gets a storage of that version
# An op has two phases. First it parses its arguments. This may run Python code, which may change the shape or storage of
# any tensor; end_parse raises if that happened. Then it computes, and runs no Python code until it has its result. (Up to
# Python 3.11 the garbage collector may run a __del__ whenever an object is allocated. An op that allocates between its first
# read of a tensor and the kernel holds an alias of the tensor, or reads it again, as index's Plan does.)
cdef unsigned int begin_parse() noexcept
cdef int end_parse(unsigned int begun) except -1
cdef int set_history(TensorBase a, Node node) except -1
cdef int mark_written(TensorBase a) except -1
cdef int note_step() except -1              # call as an optimizer's step begins
cdef void mark_step_write(Storage storage) noexcept     # call after the step wrote to this storage
