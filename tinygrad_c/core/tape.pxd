"""The tape: TensorBase, an array that can have a gradient; Node, what an op leaves behind for the backward pass.

    forward:   out = an op's result;  node = record(&RULE, out, a, b);  save(node, 0, a)
    backward:  a BackwardPass takes nodes in descending number and calls  rule.backward(back, node, g),
               which computes the inputs' gradients with ops and hands each over by  back.send_grad(node, i, grad).
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
    cdef Node _grad_fn              # what made this; None for a leaf
    cdef bint _requires_grad        # a leaf's own wish; see wants_grad
    cdef bint _retains_grad
    cdef LeafHooks _hooks          # None for nearly all
    cdef TensorBase _base           # of a differentiable view: the tensor it looks into
    cdef unsigned long long _base_number    # the number of _base's node when this view's node was made
    cdef TensorBase _pending        # a leaf's gradient during a backward pass
    cdef unsigned int _generation    # added to the version of its memory: grows when x.data = y gives it other memory
    cdef object __weakref__


cdef class Node:
    cdef const Rule* rule
    cdef const char* label          # grad_fn's name where it is not the rule's, or NULL; it lives as long as the process
    cdef unsigned long long number  # only grows: an input's node has a smaller one
    cdef int op                     # which row of the table, for the rules that serve many
    cdef unsigned int freed         # the number of the backward pass that has let go of what was saved; 0: none
    cdef object edge0               # per input: its Node, the leaf itself, or None: needs no gradient
    cdef object edge1
    cdef object edge2
    cdef list more_edges            # inputs 3 and up
    cdef TensorBase saved0
    cdef TensorBase saved1
    cdef TensorBase saved2
    cdef unsigned int[3] version    # of saved0..2, when they were saved
    cdef Storage saved_output       # the output's memory: not the output, which would keep itself alive
    cdef unsigned int output_version
    cdef Scalar[4] param
    cdef object extra
    cdef int dtype                  # of the output, and its shape
    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef TensorBase pending         # the sum of the gradients that came in, during a backward pass
    cdef NodeExtras extras          # None for nearly all

    cdef void release(self) noexcept


cdef class NodeExtras:
    """What few nodes have beside their rule: hooks, values that the user packed, notes."""
    cdef list pre_hooks             # hook(gradient of the output), before the rule runs
    cdef list post_hooks            # hook(gradients of the inputs, gradients of the outputs), after it
    cdef list retained              # weak references to the tensors whose .grad gets the output's gradient
    cdef dict packed                # slot -> PackedTensor: in place of a saved value, under saved_tensors_hooks
    cdef object created_at          # Traceback of the operation, recorded in anomaly mode
    cdef dict metadata              # the user's own


cdef class LeafHooks:
    """The hooks of a leaf."""
    cdef list grad_hooks            # hook(gradient), before it is accumulated
    cdef list post_accumulate_hooks     # hook(leaf), after


cdef enum:
    FEW_NODES = 16

ctypedef struct NodeHeap:           # nodes, the one with the largest number on top
    void** nodes                    # `few`, or memory of its own once that is full
    void* few[FEW_NODES]
    Py_ssize_t n
    Py_ssize_t capacity


cdef class BackwardPass:
    """One backward pass: the nodes still to visit, and the gradients that came in for them and for the leaves."""
    cdef bint create_graph
    cdef bint retain_graph
    cdef unsigned int number        # of the pass, if it frees what the nodes saved
    cdef NodeHeap queue
    cdef list leaves                # those for which a gradient came in
    cdef dict own_grads             # id of node or leaf -> what came in, while another pass keeps its gradients in the nodes
    cdef dict held_grads            # input -> its gradient, while post-hooks wait for all that a rule computes
    cdef dict output_grads          # number of a function with several outputs -> the gradients that came in for them
    cdef dict captures              # autograd.grad: id of a node or leaf that is asked for -> its gradient
    cdef dict wanted                # autograd.grad: id of those -> None, and of the nodes that lead to them -> the node
    cdef list at_end                # what is to be called when the pass ends

    # What a rule calls.
    cdef bint needs(self, Node node, int i) except -1
    cdef int send_grad(self, Node node, int i, TensorBase g) except -1
    cdef TensorBase accumulator(self, Node node, int i)
    # The pass.
    cdef int run(self, tuple roots, tuple gradients) except -1
    cdef int start_from(self, TensorBase root, object gradient, Py_ssize_t i) except -1
    cdef int visit_nodes(self) except -1
    cdef int finish_leaves(self) except -1
    cdef int receive_grad(self, object target, TensorBase g) except -1
    cdef TensorBase take(self, object target)
    cdef int put(self, object target, TensorBase g) except -1
    cdef bint leads_on(self, object target, TensorBase g) except -1
    cdef int call_at_end(self, bint failed) except -1
    cdef int reset(self) except -1


# Making tensors. The class is registered by tensor.py: ops know only TensorBase.
cdef TensorBase new_tensor()
cdef TensorBase empty(int dtype, int ndim, const Py_ssize_t* shape)
cdef TensorBase zeros(int dtype, int ndim, const Py_ssize_t* shape)
cdef TensorBase empty_like(TensorBase a)
cdef TensorBase view_of(TensorBase a, char* data, int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride)
cdef TensorBase alias(TensorBase a)

# Recording.
cdef bint grad_enabled() noexcept
cdef bint set_grad(bint on) noexcept
cdef bint wants_grad(TensorBase a) noexcept
cdef unsigned long long number_of(TensorBase a) noexcept
cdef object edge_of(TensorBase a)
cdef bint recording(TensorBase a) noexcept
cdef Node record(const Rule* rule, TensorBase out, TensorBase a)
cdef Node record2(const Rule* rule, TensorBase out, TensorBase a, TensorBase b)
cdef Node record3(const Rule* rule, TensorBase out, TensorBase a, TensorBase b, TensorBase c)
cdef int record_more(Node node, TensorBase a) except -1
cdef inline TensorBase named(TensorBase out, const char* label):
    """`out`, which the caller has made; its node, if it was recorded, has the name that PyTorch gives it."""
    if out._grad_fn is not None:
        out._grad_fn.label = label
    return out
cdef int no_gradient_of_integers(str words) except -1
cdef TensorBase without_derivative(TensorBase out, str op, object a, object b)
cdef int input_shape(Node node, int i, int* ndim, Py_ssize_t* shape) except -1     # of an input that needs a gradient
cdef int save(Node node, int slot, TensorBase a) except -1
cdef int save_output(Node node, TensorBase out) except -1
cdef TensorBase saved(Node node, int slot)
cdef TensorBase output(BackwardPass back, Node node)
cdef bint is_sole_owner(PyObject* a) noexcept   # the caller's one reference is all that leads to it: it may be overwritten

# What the walker needs from the ops above it.
ctypedef TensorBase (*add_t)(TensorBase a, TensorBase b)
ctypedef int (*add_into_t)(TensorBase a, TensorBase b) except -1
ctypedef TensorBase (*reduce_to_t)(TensorBase g, int dtype, int ndim, const Py_ssize_t* shape)
ctypedef TensorBase (*clone_t)(TensorBase a)
cdef void register_ops(add_t add, add_into_t add_into, reduce_to_t reduce_to, clone_t clone) noexcept
# A recorded write through a view: `rebase` gives its base a new node; `refresh` gives a view of a base that has one its own.
ctypedef int (*rebase_t)(TensorBase view) except -1
ctypedef int (*refresh_t)(TensorBase view) except -1
cdef void register_views(rebase_t rebase, refresh_t refresh) noexcept

# Writing in place.
cdef int check_inplace(TensorBase a) except -1
cdef void new_generation(TensorBase a, unsigned int step) noexcept         # before a gets another shape
cdef int replace_storage(TensorBase a, unsigned int version) except -1      # before a gets other memory, of that version
# An op has two phases. It parses its arguments, which may run Python code, and such code may give any tensor another shape or
# other memory; end_parse raises if that happened. Then it computes, and runs no Python code until its result is there. (Up to
# Python 3.11 the collector may run a __del__ whenever an object is made. Where an op makes one between its first look at a
# tensor and the kernel, it holds an alias of the tensor or looks again, as index's Plan does.)
cdef unsigned int begin_parse() noexcept
cdef int end_parse(unsigned int begun) except -1
cdef int set_history(TensorBase a, Node node) except -1
cdef int mark_written(TensorBase a) except -1
cdef int note_step() except -1              # an optimizer's step begins; and it has written here:
cdef void stepped(Storage storage) noexcept
