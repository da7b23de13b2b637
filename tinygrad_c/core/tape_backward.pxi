"""The backward pass; part of tape.pyx.

Nodes are visited in descending order of their numbers, so that every consumer of a value is visited before the node that
computed it. The gradients that a node receives from its consumers are summed while it waits in the queue; its rule then
computes the gradients of the node's inputs from the sum.

In other files: the queue (tape_heap.pxi), backward() and grad() (tape_grad.pxi), hooks (tape_saved_hooks.pxi), anomaly mode
(tape_anomaly.pxi).
"""


@cython.final
cdef class BackwardPass:
    def __dealloc__(self):
        free_heap(&self.queue)

    cdef int run(self, tuple roots, tuple gradients) except -1:
        """Run the pass from `roots`. One pass at a time stores its gradients in the nodes; passes that run meanwhile, in other
        threads or in hooks, store theirs in a dict of their own."""
        global pass_in_nodes
        cdef bint before = set_grad(self.create_graph)
        if pass_in_nodes == NULL:
            pass_in_nodes = <PyObject*> self
        else:
            self.own_grads = {}
        try:
            for i in range(len(roots)):
                self.start_from(<TensorBase?> roots[i], gradients[i], i)
            self.visit_nodes()
            self.finish_leaves()
            if self.at_end is not None:
                self.call_at_end(False)
        except BaseException:
            self.call_at_end(True)
            raise
        finally:
            set_grad(before)
            if self.own_grads is None:
                self.reset()
                pass_in_nodes = NULL
        return 0

    cdef int visit_nodes(self) except -1:
        cdef Node node
        cdef TensorBase g
        cdef bint first = True
        while self.queue.n > 0:
            node = pop_node(&self.queue)
            g = self.take(node)
            if node.extras is not None:
                g = call_pre_hooks(self, node.extras, g)
            if not fits(g, node):               # kernels do not check; a hook may have changed g's shape
                raise_shape_mismatch(g, node)
            if self.wanted is not None and not self.capture(node, g):
                continue
            if node.freed != 0:
                raise_freed(node)
            if anomaly & ANOMALY or node.extras is not None:
                run_rule_checked(self, node, g)
            else:
                node.rule.backward(self, node, g)       # it calls send_grad for each input
            # As in PyTorch, a node that saved nothing (a view, a sum) stays usable by another pass, except the first one.
            if not self.retain_graph and (first or has_saved(node)):
                node.release()
                node.freed = self.number
            first = False
        return 0

    cdef int finish_leaves(self) except -1:
        """Add the gradients to the .grad of the leaves. This comes last, after all hooks, so that a pass that fails changes no
        .grad."""
        cdef TensorBase leaf, g
        cdef Py_ssize_t i
        for i in range(len(self.leaves)):
            leaf = <TensorBase> self.leaves[i]
            g = self.take(leaf)
            if leaf._hooks is not None:
                g = call_hooks(self, leaf._hooks.grad_hooks, g)
            if not fits(g, leaf):
                raise_shape_mismatch(g, leaf)
            if self.wanted is not None:
                self.capture(leaf, g)
            else:
                check_gradient(leaf)
                self.put(leaf, g)
        if self.wanted is None:
            for i in range(len(self.leaves)):
                leaf = <TensorBase> self.leaves[i]
                g = self.take(leaf)
                finish_leaf(leaf, g, self.create_graph)
        return 0

    # ---- Called by rules

    cdef bint needs(self, Node node, int i) except -1:
        """Whether the gradient of input i is needed."""
        cdef object target = edge(node, i)
        if target is None:
            return False
        return self.wanted is None or id(target) in self.wanted

    cdef int send_grad(self, Node node, int i, TensorBase g) except -1:
        """Add g to the gradient of input i. A rule may call this several times for one input."""
        if not self.needs(node, i):
            return 0
        if self.create_graph:
            g = with_graph(node, i, g)
        if self.held_grads is not None:
            self.held_grads[i] = accumulate(self.held_grads.get(i), g, False)
            return 0
        if anomaly & FIND_NAN:
            check_nan(node, i, g)
        return self.receive_grad(edge(node, i), g)

    cdef TensorBase accumulator(self, Node node, int i):
        """The gradient that input i has received so far, if a kernel may add to it in place; else None."""
        cdef object target = edge(node, i)
        cdef TensorBase total
        cdef bint sole
        if self.create_graph or target is None or anomaly & ANOMALY or self.held_grads is not None:
            return None
        total = self.take(target)
        if total is None:
            return None
        sole = is_sole_owner(<PyObject*> total)
        self.put(target, total)
        return total if sole else None

    cdef Node only_producer(self, Node node, int i):
        """The node of input i, if nothing else uses its output or looks at its gradient; else None. The caller may then compute
        the gradient of that node's input itself, send it with send_grad(), and call skip()."""
        cdef object target = edge(node, i)
        cdef Node producer
        cdef Py_ssize_t references = 2          # the edge and `target`
        if (type(target) is not Node or self.wanted is not None or self.own_grads is not None or self.held_grads is not None
                or self.create_graph or anomaly & ANOMALY):
            return None
        if node.saved0 is not None and node.saved0._grad_fn is target:      # the output itself
            references += 1
        if Py_REFCNT(<PyObject*> target) != references:
            return None
        producer = <Node> target
        if producer.extras is not None or producer.pending is not None or producer.freed != 0:
            return None
        return producer

    cdef int skip(self, Node node) except -1:
        """The work of this node's rule was done: it will not be visited."""
        if not self.retain_graph and has_saved(node):
            node.release()
            node.freed = self.number
        return 0

    cdef int go_on(self, TensorBase out, TensorBase g) except -1:
        """Visit the graph of `out`, which the rule has recorded anew in place of its node, with the gradient g."""
        if out._grad_fn is None:
            return 0
        if self.wanted is not None:
            for key, node in wanted((out,), self.captures).items():
                self.wanted.setdefault(key, node)
            if id(out._grad_fn) not in self.wanted:
                return 0
        return self.receive_grad(out._grad_fn, g)

    # ---- Gradients received so far

    cdef int receive_grad(self, object target, TensorBase g) except -1:
        """Add g to the gradient of a node or leaf; put it into the queue if this is its first."""
        cdef TensorBase total
        if not fits(g, target):
            g = unbroadcast(g, target)
        total = self.take(target)
        if total is not None:
            g = accumulate(total, g, not self.create_graph and is_sole_owner(<PyObject*> total))
        elif type(target) is Node:
            push_node(&self.queue, <Node> target)
        else:
            self.leaves.append(target)
        self.put(target, g)
        return 0

    cdef TensorBase take(self, object target):
        """Remove and return the gradient of a node or leaf, or None."""
        cdef TensorBase g
        if self.own_grads is not None:
            return self.own_grads.pop(id(target), None)
        if type(target) is Node:
            g = (<Node> target).pending
            (<Node> target).pending = None
        else:
            g = (<TensorBase> target)._pending
            (<TensorBase> target)._pending = None
        return g

    cdef int put(self, object target, TensorBase g) except -1:
        """Store the gradient of a node or leaf."""
        if self.own_grads is not None:
            self.own_grads[id(target)] = g
        elif type(target) is Node:
            (<Node> target).pending = g
        else:
            (<TensorBase> target)._pending = g
        return 0

    cdef int reset(self) except -1:
        """Drop all gradients that are stored in nodes and leaves, after a pass that failed."""
        while self.queue.n > 0:
            self.take(pop_node(&self.queue))
        for leaf in self.leaves:
            self.take(leaf)
        return 0

    # ---- Start, autograd.grad, callbacks

    cdef int start_from(self, TensorBase root, object gradient, Py_ssize_t i) except -1:
        if not wants_grad(root):
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn: nothing leads from it back to a "
                "tensor with requires_grad=True. It was made under no_grad(), by .detach(), .item() or NumPy, from integers, "
                "or from tensors that do not require grad. Setting requires_grad on the loss itself would silence this and "
                "train nothing.")
        cdef object target = edge_of(root)
        if self.wanted is None or type(target) is Node or id(target) in self.captures:
            self.receive_grad(target, first_gradient(root, gradient))
        return 0

    cdef bint capture(self, object target, TensorBase g) except -1:
        """autograd.grad: store g if target is one of the inputs. Returns whether the node leads to other inputs."""
        if id(target) in self.captures:
            self.captures[id(target)] = g
        return self.wanted.get(id(target)) is not None

    cdef int call_at_end(self, bint failed) except -1:
        calls, self.at_end = self.at_end, None
        for call in calls or ():
            call(failed)
        return 0


# ---- Sums of gradients

cdef inline TensorBase accumulate(TensorBase total, TensorBase g, bint in_place):
    """total + g, in place or as a new tensor; g if total is None."""
    if total is None:
        return g
    if in_place:
        add_into_op(total, g)
        return total
    return add_op(total, g)


cdef bint is_sole_owner(PyObject* a) noexcept:
    """Whether the caller has the only reference to this tensor and its memory, so that it may be written or kept."""
    cdef TensorBase t = <TensorBase> a
    return Py_REFCNT(a) == 2 and Py_REFCNT(<PyObject*> t.storage) == 1 and t.contiguous and t.storage.owner is None  # 2: t


cdef int finish_leaf(TensorBase leaf, TensorBase g, bint create_graph) except -1:
    """leaf.grad += g; then the post-accumulate hooks."""
    if leaf._grad is None and is_sole_owner(<PyObject*> g):
        leaf._grad = g
    else:
        add_to_grad(leaf, g, create_graph)
    if leaf._hooks is not None:
        for hook in list(leaf._hooks.post_accumulate_hooks):
            hook(leaf)
    return 0


cdef int add_to_grad(TensorBase a, TensorBase g, bint create_graph) except -1:
    """a.grad += g, atomically with respect to other threads: the kernel keeps the GIL."""
    keep_gil(1)
    try:
        if a._grad is None:
            a._grad = clone_op(g)
        else:
            a._grad = accumulate(a._grad, g, not create_graph and may_be_written(a._grad))
    finally:
        keep_gil(-1)
    return 0


cdef bint may_be_written(TensorBase a) noexcept:
    """Whether each element has its own memory. A .grad that the user set may be an expanded tensor."""
    cdef int d
    if a.storage.readonly:
        return False
    for d in range(a.ndim):
        if a.stride[d] == 0 and a.shape[d] > 1:
            return False
    return True


# ---- Shapes: a gradient has the shape and dtype of its node's output, or of its leaf

cdef inline bint has_shape(TensorBase g, int dtype, int ndim, const Py_ssize_t* shape) noexcept:
    cdef int d
    if g.dtype != dtype or g.ndim != ndim:
        return False
    for d in range(ndim):
        if g.shape[d] != shape[d]:
            return False
    return True


cdef inline bint fits(TensorBase g, object target) noexcept:
    if type(target) is Node:
        return has_shape(g, (<Node> target).dtype, (<Node> target).ndim, (<Node> target).shape)
    return has_shape(g, (<TensorBase> target).dtype, (<TensorBase> target).ndim, (<TensorBase> target).shape)


cdef TensorBase unbroadcast(TensorBase g, object target):
    """The sum of g over the broadcast dimensions, in the dtype and shape of the target."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    cdef int dtype = shape_of_target(target, &ndim, shape)
    cdef TensorBase reduced = reduce_to_op(g, dtype, ndim, shape)
    if not fits(reduced, target):
        raise_shape_mismatch(g, target)
    return reduced


cdef int raise_shape_mismatch(TensorBase g, object target) except -1:
    """The cause is a hook, or x.data = y, that changed a shape."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    shape_of_target(target, &ndim, shape)
    raise RuntimeError(
        f"a gradient of shape {list(shape_of(g))} does not fit its tensor of shape {[shape[d] for d in range(ndim)]}: "
        "the shape of one of them was changed, by x.data = y or in a hook, after the tensor was used. Change .data before the "
        "forward pass or after backward()")


cdef int check_gradient(TensorBase leaf) except -1:
    """Raise if the leaf has a .grad of another shape, as after x.data = y."""
    if leaf._grad is not None and not same_shape(leaf, leaf._grad):
        raise RuntimeError(f"a gradient of shape {list(shape_of(leaf))} cannot be added to a .grad of shape "
                           f"{list(shape_of(leaf._grad))}: its .data was replaced; set .grad = None first")
    return 0
