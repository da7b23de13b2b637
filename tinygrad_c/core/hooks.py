"""Python classes that tape.pyx uses: hook handles, AccumulateGrad nodes, packed saved tensors, tracebacks."""
from __future__ import annotations


class PackedTensor:
    """A saved tensor as the user's pack hook returned it, with the unpack hook and what is needed to check its result."""

    def __init__(self, value, unpack, like, edge):
        self.value, self.unpack, self.like, self.edge = value, unpack, like, edge


class RemovableHandle:
    """Returned by register_hook. remove() removes the hook; so does leaving a `with` block.

    >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
    >>> with w.register_hook(lambda g: 10 * g):
    ...     w.sum().backward()
    >>> w.grad
    tensor([10., 10.])
    """

    def __init__(self, hooks: list, hook):
        self.hooks, self.hook = hooks, hook

    def remove(self) -> None:
        for i, hook in enumerate(self.hooks):
            if hook is self.hook:
                del self.hooks[i]
                break
        self.hooks = []         # the same hook may be registered again, under another handle

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        self.remove()


class AccumulateGrad:
    """The node of a leaf in `next_functions`: it adds the gradient to `variable.grad`.

    >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
    >>> (w * 2).grad_fn.next_functions[0][0].variable is w
    True
    """

    def __init__(self, variable):
        self.variable = variable
        self.next_functions = ()

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def register_prehook(self, hook):
        """Call hook((gradient,)) before the gradient is added; a tuple that it returns replaces it.

        >>> w = tinygrad_c.ones(2, requires_grad=True)
        >>> node = (w * 3).grad_fn.next_functions[0][0]
        >>> handle = node.register_prehook(lambda outputs: print(outputs[0]))
        >>> w.sum().backward()
        tensor([1., 1.])
        """
        return self.variable.register_hook(lambda g: first_of(hook((g,))))

    def register_hook(self, hook):
        """Call hook((), (gradient,)) after the gradient has been added.

        >>> w = tinygrad_c.ones(2, requires_grad=True)
        >>> node = (w * 3).grad_fn.next_functions[0][0]
        >>> handle = node.register_hook(lambda inputs, outputs: print(outputs[0], w.grad))
        >>> w.sum().backward()
        tensor([1., 1.]) tensor([1., 1.])
        """
        seen = []
        taken = self.variable.register_hook(lambda g: seen.__setitem__(slice(None), [g]))
        called = self.variable.register_post_accumulate_grad_hook(lambda leaf: hook((), tuple(seen)))

        def remove() -> None:
            taken.remove()
            RemovableHandle.remove(called)

        called.remove = remove
        return called

    def __repr__(self):
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


def first_of(result):
    """A gradient that a hook returned, alone or as a tuple of one."""
    return result[0] if isinstance(result, tuple) else result


class Traceback:
    """The lines of the program that led to a node's operation."""

    def __init__(self, stack):
        self.stack = stack

    def __str__(self) -> str:
        return "".join(self.stack.format()).rstrip()
