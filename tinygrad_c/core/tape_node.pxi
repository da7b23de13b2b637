"""Node, a recorded operation, with its rare extras (NodeExtras) and the hooks of leaves (LeafHooks); part of tape.pyx."""


cdef int raise_freed(Node node) except -1:
    place = callsite_of_note(node.freed)
    raise RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
        f"freed): the saved tensors of {node.name()} were freed by an earlier backward(){f', at {place}' if place else ''}. "
        "Specify retain_graph=True the first time if you need to go through the same graph again. The usual cause in a loop: a "
        "tensor computed before the loop, or kept from the step before; compute it inside, or .detach() it.")


SAVED_NAMES = {"_saved_self": 0, "_saved_input": 0, "_saved_mat1": 0, "_saved_other": 1, "_saved_mat2": 1,
               "_saved_result": OUTPUT, "_saved_output": OUTPUT}


@cython.final
cdef class NodeExtras:
    def __cinit__(self):
        self.pre_hooks, self.post_hooks, self.retained, self.packed, self.metadata = [], [], [], {}, {}


@cython.final
cdef class LeafHooks:
    def __cinit__(self):
        self.grad_hooks, self.post_accumulate_hooks = [], []


cdef NodeExtras extras_of(Node node):
    if node.extras is None:
        node.extras = NodeExtras.__new__(NodeExtras)
    return node.extras


cdef LeafHooks hooks_of(TensorBase leaf):
    if leaf._hooks is None:
        leaf._hooks = LeafHooks.__new__(LeafHooks)
    return leaf._hooks


cdef bint has_saved(Node node) noexcept:
    return (node.saved0 is not None or node.saved1 is not None or node.saved2 is not None or node.saved_output is not None
            or (node.extras is not None and len(node.extras.packed) > 0))


cdef object add_hook(list hooks, object hook):
    hooks.append(hook)
    return RemovableHandle(hooks, hook)


@cython.final
@cython.freelist(256)
@cython.embedsignature(True)
@cython.embedsignature.format("clinic")
@cython.binding(False)            # so that Node.name(5) raises: the method checks its self
cdef class Node:
    """A recorded operation: its backward rule, its edges to the nodes of its inputs, its saved tensors. See `tensor.grad_fn`.

    >>> y = (tinygrad_c.ones(2, requires_grad=True) * 2).sum()
    >>> y.grad_fn.name(), y.grad_fn.next_functions[0][0].name()
    ('SumBackward0', 'MulBackward0')
    """

    def name(self) -> str:
        """The name of the backward rule, as in PyTorch.

        >>> (tinygrad_c.ones(2, requires_grad=True) * 2).grad_fn.name()
        'MulBackward0'
        """
        if self.rule is &FUNCTION:
            return self.extra.name()
        if self.rule is &FUNCTION_OUTPUT:
            return (<Node> self.edge0).name()
        name = (self.label if self.label != NULL else self.rule.name).decode()
        return f"torch::autograd::{name}" if name in ("CopySlices", "CopyBackwards") else name

    @property
    def next_functions(self) -> tuple:
        """Per input (its grad_fn, 0); (its AccumulateGrad, 0) for a leaf; (None, 0) if it needs no gradient."""
        if self.rule is &FUNCTION_OUTPUT:
            return self.edge0.next_functions
        edges = [self.edge0, self.edge1, self.edge2, *(self.more_edges or ())]
        while edges and edges[len(edges) - 1] is None:
            edges.pop()
        return tuple([(accumulate_grad(e) if isinstance(e, TensorBase) else e, 0) for e in edges])

    def register_prehook(self, hook):
        """Call hook((gradient,)) before the rule runs; a tuple that it returns replaces the gradient.

        >>> y = tinygrad_c.ones(2, requires_grad=True) * 3
        >>> handle = y.grad_fn.register_prehook(lambda outputs: print(outputs[0]))
        >>> y.sum().backward()
        tensor([1., 1.])
        """
        return add_hook(extras_of(self).pre_hooks, lambda g: first_of(hook((g,))))

    def register_hook(self, hook):
        """Call hook(gradients of the inputs, (gradient,)) after the rule has run; a tuple that it returns replaces the first.

        >>> y = tinygrad_c.ones(2, requires_grad=True) * 3
        >>> handle = y.grad_fn.register_hook(lambda inputs, outputs: print(inputs[0], outputs[0]))
        >>> y.sum().backward()
        tensor([3., 3.]) tensor([1., 1.])
        """
        return add_hook(extras_of(<Node> self.edge0 if self.rule is &FUNCTION_OUTPUT else self).post_hooks, hook)

    @property
    def metadata(self) -> dict:
        """A dict for the user's data."""
        return extras_of(self).metadata

    def __getattr__(self, name):
        """Attributes of a Function's context (y.grad_fn.saved_tensors), and saved tensors (y.grad_fn._saved_self)."""
        cdef BackwardPass back
        if self.rule is &FUNCTION_OUTPUT and not name.startswith("__"):
            return getattr(self.edge0, name)
        if self.rule is &FUNCTION and not name.startswith("__"):
            return getattr(self.extra, name)
        if name in SAVED_NAMES:
            slot = SAVED_NAMES[name]
            if self.freed:
                raise_freed(self)
            if slot == OUTPUT and self.saved_output is not None:
                back = BackwardPass.__new__(BackwardPass)
                back.create_graph = True
                return output(back, self)
            if slot != OUTPUT and (self.saved0 if slot == 0 else self.saved1) is not None:
                return saved(self, slot)
        raise AttributeError(f"'{self.name()}' object has no attribute {name!r}")

    def __repr__(self):
        return f"<{self.name().rpartition('::')[2]} object at {<size_t> <PyObject*> self:#x}>"

    cdef void release(self) noexcept:
        self.saved0 = None
        self.saved1 = None
        self.saved2 = None
        self.saved_output = None
        if self.extras is not None:
            self.extras.packed = {}
