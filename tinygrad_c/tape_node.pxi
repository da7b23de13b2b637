"""Node, and which backward pass has let go of what it saved; part of tape.pyx."""


cdef int raise_freed(Node node) except -1:
    place = place_of_note(node.freed)
    raise RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
        f"freed): {node.name()} has let go of its saved values when backward() ran before{f', at {place}' if place else ''}. "
        "Specify retain_graph=True the first time if you need to go through the same graph again. The usual cause in a loop: a "
        "tensor computed before the loop, or kept from the step before; compute it inside, or .detach() it.")


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
