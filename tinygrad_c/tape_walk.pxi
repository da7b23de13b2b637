"""The walk back over the tape: Walk, backward and grad; part of tape.pyx."""

cdef bint owned(PyObject* a) noexcept:
    """Nothing but the one reference that we hold leads to this tensor's memory: it may be written or kept as it is."""
    cdef TensorBase t = <TensorBase> a
    return Py_REFCNT(a) == 2 and Py_REFCNT(<PyObject*> t.storage) == 1 and t.contiguous and t.storage.owner is None  # 2: t


cdef inline bint fits(TensorBase g, int dtype, int ndim, Py_ssize_t* shape) noexcept:
    cdef int d
    if g.dtype != dtype or g.ndim != ndim:
        return False
    for d in range(ndim):
        if g.shape[d] != shape[d]:
            return False
    return True


cdef inline TensorBase fit(TensorBase g, int dtype, int ndim, Py_ssize_t* shape):
    """g with the shape and dtype of what it is the gradient of: broadcasting undone."""
    if fits(g, dtype, ndim, shape):
        return g
    cdef TensorBase reduced = reduce_to_op(g, dtype, ndim, shape)
    if not fits(reduced, dtype, ndim, shape):
        misfit(g, ndim, shape)
    return reduced


cdef int misfit(TensorBase g, int ndim, Py_ssize_t* shape) except -1:
    """A hook, or x.data = y, has come between."""
    raise RuntimeError(
        f"a gradient of shape {list(shape_of(g))} does not fit the value of shape {[shape[d] for d in range(ndim)]} that it is "
        "of: the size of one of them was changed, by x.data = y or in a hook, after the value was used. Change .data before "
        "the forward pass or after backward()")


@cython.final
cdef class Walk:
    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.n_heap):
            Py_DECREF(<object> self.heap[i])
        if self.heap != self.first_heap:
            free(self.heap)

    cdef bint needs(self, Node node, int i) except -1:
        """Whether the gradient of input i is wanted."""
        cdef object target = edge(node, i)
        if target is None:
            return False
        return not self.pruned or id(target) in self.wanted

    cdef int give(self, Node node, int i, TensorBase g) except -1:
        """Hand over the gradient of a node's input i."""
        if self.needs(node, i):
            if self.kept_back is not None:
                held = self.kept_back.get(i)
                self.kept_back[i] = g if held is None else add_op(held, g)
                return 0
            if anomaly & FIND_NAN:
                check_nan(node, i, g)
            self.arrive(edge(node, i), g)
        return 0

    cdef int arrive(self, object target, TensorBase g) except -1:
        cdef Node node
        cdef TensorBase leaf
        if self.aside is not None:
            return self.arrive_aside(target, g)
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

    cdef int arrive_aside(self, object target, TensorBase g) except -1:
        """Another pass has the nodes' own places: what is on its way in this one is kept here."""
        cdef object key = id(target)
        cdef TensorBase held = self.aside.get(key)
        if type(target) is Node:
            g = fit(g, (<Node> target).dtype, (<Node> target).ndim, (<Node> target).shape)
        else:
            g = fit(g, (<TensorBase> target).dtype, (<TensorBase> target).ndim, (<TensorBase> target).shape)
        if held is not None:
            g = add_op(held, g)
        self.aside[key] = g
        if held is None:
            if type(target) is Node:
                self.push(<Node> target)
            else:
                self.leaves.append(target)
        return 0

    cdef TensorBase accumulator(self, Node node, int i):
        """What has come in for input i so far, if a kernel may add into it in place; else None."""
        cdef object target = edge(node, i)
        cdef TensorBase pending = None
        if self.create_graph or target is None or anomaly & ANOMALY or self.kept_back is not None or self.aside is not None:
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
        if self.heap == NULL:
            self.heap, self.room = self.first_heap, FIRST_HEAP
        elif i == self.room:
            grown = realloc(NULL if self.heap == self.first_heap else self.heap, 2 * i * sizeof(void*))
            if grown == NULL:
                raise MemoryError("no memory for the backward pass's queue")
            if self.heap == self.first_heap:
                memcpy(grown, self.first_heap, i * sizeof(void*))
            self.heap, self.room = <void**> grown, 2 * i
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

    cdef int run(self, tuple roots, tuple gradients) except -1:
        """One pass at a time keeps gradients in the nodes. Others, of other threads or of this one's hooks, keep their own."""
        global walking, endings
        cdef bint before = set_grad(self.create_graph)
        cdef list outer = endings
        endings = None
        if walking == NULL:
            walking = <void*> self
        else:
            self.aside = {}
        try:
            for i in range(len(roots)):
                self.begin(<TensorBase?> roots[i], gradients[i], i)
            self.visit_nodes()
            self.finish_leaves()
            call_endings(False)
        except BaseException:
            call_endings(True)
            raise
        finally:
            endings = outer
            set_grad(before)
            if self.aside is None:
                self.abandon()
                walking = NULL
        return 0

    cdef int begin(self, TensorBase root, object gradient, Py_ssize_t i) except -1:
        if not wants_grad(root):
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn: nothing leads from it back to a "
                "tensor with requires_grad=True. It was made under no_grad(), by .detach(), .item() or NumPy, from integers, "
                "or from tensors that do not require grad. Setting requires_grad on the loss itself would silence this and "
                "train nothing.")
        cdef object target = edge_of(root)
        if not self.pruned or type(target) is Node or id(target) in self.captures:
            self.arrive(target, first_gradient(root, gradient))
        return 0

    cdef int visit_nodes(self) except -1:
        cdef Node node
        cdef TensorBase g
        cdef bint first = True
        while self.n_heap > 0:
            node = self.pop()
            if self.aside is None:
                g = node.pending
                node.pending = None
            else:
                g = self.aside.pop(id(node))
            if node.hooks is not None:
                g = run_hooks(node.hooks, g)
            if not fits(g, node.dtype, node.ndim, node.shape):      # kernels trust it
                misfit(g, node.ndim, node.shape)
            if self.captures is not None and id(node) in self.captures:
                self.captures[id(node)] = g
            if self.pruned and self.wanted.get(id(node)) is None:
                continue
            if node.freed != 0:
                raise_freed(node)
            if anomaly & ANOMALY or node.hooks is not None:
                visit_with_care(self, node, g)
            else:
                node.rule.backward(self, node, g)
            # What saved nothing (a view, a sum) can be walked again from elsewhere, as in torch; not as where a pass begins.
            if not self.retain_graph and (first or node.saved0 is not None or node.saved_output is not None or
                                          node.saved1 is not None or node.saved2 is not None or has_packed(node)):
                node.release()
                node.freed = self.number
            first = False
        return 0

    cdef int finish_leaves(self) except -1:
        """Last, and after all hooks, so that a pass that fails leaves every .grad as it was."""
        cdef TensorBase leaf, g
        for leaf in self.leaves:
            g = leaf._pending if self.aside is None else self.aside[id(leaf)]
            if leaf._hooks is not None:
                g = run_hooks(leaf._hooks, g)
                if self.aside is None:
                    leaf._pending = g
                else:
                    self.aside[id(leaf)] = g
            if not fits(g, leaf.dtype, leaf.ndim, leaf.shape):
                misfit(g, leaf.ndim, leaf.shape)
            if self.captures is not None and id(leaf) in self.captures:
                self.captures[id(leaf)] = g
            if leaf._grad is not None and not self.pruned:
                check_gradient(leaf)
        if self.pruned:
            return 0
        for leaf in self.leaves:
            if self.aside is None:
                g = leaf._pending
                leaf._pending = None
            else:
                g = self.aside.pop(id(leaf))
            if leaf._grad is None and owned(<PyObject*> g):
                leaf._grad = g
            else:
                add_to_grad(leaf, g, self.create_graph)
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


cdef int check_gradient(TensorBase leaf) except -1:
    """x.data = y can have left it a gradient of another shape."""
    if not same_shape(leaf, leaf._grad):
        raise RuntimeError(f"a gradient of shape {list(shape_of(leaf))} cannot be added to a .grad of shape "
                           f"{list(shape_of(leaf._grad))}: its tensor was given other .data; set .grad = None first")
    return 0


cdef int add_to_grad(TensorBase a, TensorBase g, bint create_graph) except -1:
    """a.grad += g, and no other thread comes between."""
    hold_lock(1)
    try:
        if a._grad is None:
            a._grad = clone_op(g)
        elif create_graph or not may_be_written(a._grad):
            a._grad = add_op(a._grad, g)
        else:
            add_into_op(a._grad, g)
    finally:
        hold_lock(-1)
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
        if not isinstance(hook, NOT_CALLED):
            result = hook(g)
            if result is not None:
                g = checked(result, g)
    for hook in hooks:
        if isinstance(hook, weakref.ref):
            tensor = hook()
            if not isinstance(tensor, TensorBase):          # it is gone; or the user's, put into handle.hooks
                pass
            elif (<TensorBase> tensor)._grad is None:
                (<TensorBase> tensor)._grad = clone_op(g)
            else:
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


cdef Walk new_walk(bint retain_graph, bint create_graph):
    cdef Walk walk = Walk.__new__(Walk)
    walk.leaves = []
    walk.create_graph = create_graph
    walk.retain_graph = retain_graph
    return walk


def as_tuple(given) -> tuple:
    """A tensor, an edge of the graph, or None, as a tuple of one; several of them as a tuple."""
    return (given,) if given is None or isinstance(given, TensorBase) or hasattr(given, "output_nr") else tuple(given)


def tensors_of(given, name: str) -> tuple:
    """The argument as a tuple of Tensors; TypeError if it holds anything else."""
    given = as_tuple(given)
    for each in given:
        if not isinstance(each, TensorBase):
            if hasattr(each, "output_nr"):
                return tuple([each if isinstance(each, TensorBase) else stand_in(each.node) for each in given])
            raise TypeError(f"{name} must be a Tensor or Tensors, but one of them is {type(each).__name__}")
    return given


cdef object stand_in(object node):
    """A tensor in the place of a GradientEdge."""
    return _tensor_at(node) if isinstance(node, Node) else node.variable


def backward(tuple roots, tuple gradients, retain_graph, bint create_graph, inputs, int depth) -> None:
    """Add the gradient of each root, times its entry of `gradients`, into the .grad of the leaves that it came from, or only of
    `inputs`. The line of the program that asks for it is `depth` Python calls above the function that called this."""
    go_back(roots, gradients, retain_graph, create_graph, inputs, depth)


cdef int go_back(tuple roots, tuple gradients, object retain, bint create_graph, object inputs, int depth) except -1:
    global until_mark
    cdef bint retain_graph = create_graph if retain is None else retain
    cdef Walk walk
    cdef TensorBase root
    if inputs is not None:
        if not as_tuple(inputs):
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        grad(roots, tensors_of(inputs, "inputs"), gradients, retain_graph, create_graph, depth, True)
        return 0
    walk = new_walk(retain_graph, create_graph)
    if not retain_graph:
        walk.number = note_line(depth)
    walk.run(roots, gradients)
    if not retain_graph:
        until_mark -= 1
        if until_mark <= 0 and roots:
            root = roots[0]
            if root._grad_fn is not None:
                mark_graph(root._grad_fn)
    return 0


def grad(tuple outputs, tuple inputs, tuple gradients, bint retain_graph, bint create_graph, int depth,
         bint accumulate=False) -> list:
    """The gradients of the outputs by each input, or None where none leads there; .grad is left alone.

    With `accumulate` they are added into the inputs' .grad, as backward(inputs=...) does.
    """
    cdef TensorBase a
    cdef dict captures = {}
    cdef list keys = []
    for each in inputs:
        a = <TensorBase?> each
        if not wants_grad(a):
            raise RuntimeError("One of the differentiated Tensors does not require grad: set requires_grad=True before it "
                               "is used")
        if accumulate:
            a.retain_grad()
        target = edge_of(a)
        captures[id(target)] = None
        keys.append(target)
    cdef Walk walk = new_walk(retain_graph, create_graph)
    walk.captures = captures
    walk.pruned = True
    walk.wanted = wanted(outputs, captures)
    if not retain_graph:
        walk.number = note_line(depth)
    walk.run(outputs, gradients)
    results = [captures[id(target)] for target in keys]
    if accumulate:
        for a, g in {id(a): (a, g) for a, g in zip(inputs, results)}.values():
            if g is not None and a._grad_fn is None:        # or it retains its gradient already
                if a._grad is not None:
                    check_gradient(a)
                add_to_grad(a, g, True)
                for hook in list(a._hooks or ()):
                    if type(hook) is Afterwards:
                        hook.hook(a)
    return results


cdef dict wanted(tuple roots, dict captures):
    """By id, the captures, and the nodes that lead to one of them: only these have a value, and their rules are run."""
    cdef Node node
    cdef dict seen = {}
    cdef list todo = []
    cdef dict found = dict.fromkeys(captures)
    for each in roots:
        target = edge_of(<TensorBase?> each)
        if type(target) is Node:
            todo.append(target)
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            todo.extend([e for e in edges_of(node) if type(e) is Node])
    for node in sorted(seen.values(), key=node_number):
        for e in edges_of(node):
            if id(e) in found:
                found[id(node)] = node
                break
    return found


def node_number(Node node not None):
    return node.number


cdef list edges_of(Node node):
    return [e for e in (node.edge0, node.edge1, node.edge2, *(node.more_edges or ())) if e is not None]
