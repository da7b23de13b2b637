"""Function: an operation whose forward and backward you write yourself, in Python.

What the tape keeps of a call is its context (FunctionCtx); the tape calls `context.run` in the backward pass (tape.pyx,
FUNCTION).
"""
from __future__ import annotations

import functools

from tinygrad_c._base.missing import public_names
from tinygrad_c.core import tape
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.create import create

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
__getattr__, __dir__ = public_names(globals())

PACKED = -2         # instead of the number of an output: what pack made, and unpack, of saved_tensors_hooks
FREED = ("Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
         "freed): {} has let go of its saved tensors when backward() ran before. Specify retain_graph=True the first time if "
         "you need to go through the same graph again.")


class FunctionCtx:
    """The context of one call of a Function: what forward leaves for backward, tensors and anything else.

    >>> class Square(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         x, = ctx.saved_tensors
    ...         return 2 * x * g
    >>> x = tinygrad_c.tensor(3., requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.)
    """

    needs_input_grad: tuple = ()
    _to_save: tuple = ()
    _saved: list | None = []            # (tensor, its version, which output it is or -1), or None  # noqa: RUF012
    _dirty: tuple = ()
    _not_differentiable: tuple = ()
    _materialize = True
    _inputs: list                       # (position, shape) of each tensor that went in
    _outputs: list                      # (shape, dtype) of each output, None for what is not a tensor
    _n_inputs = 0
    _node = None                        # while backward runs
    called: str | None = None           # what the op is called that the function stands for

    def __init__(self, function: type[Function]):
        self._function = function

    # ---- What forward says

    def save_for_backward(self, *tensors) -> None:
        """Keep tensors (inputs, outputs, or others; None is kept as None) for backward: ctx.saved_tensors.

        In backward they are checked for not having been modified in place since.

        >>> class Square(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return 2 * g * ctx.saved_tensors[0]
        >>> tinygrad_c.autograd.gradcheck(Square.apply, tinygrad_c.ones(2, dtype=tinygrad_c.float64, requires_grad=True))
        True
        """
        for i, each in enumerate(tensors):
            if each is not None and not isinstance(each, TensorBase):
                raise TypeError(f"save_for_backward can only save variables, but argument {i} is of type "
                                f"{type(each).__name__}: write ctx.name = value for what is not a tensor")
        self._to_save = tensors

    def save_for_forward(self, *tensors) -> None:
        """Taken and ignored: jvp here goes through backward, which has what save_for_backward kept."""

    def mark_dirty(self, *args) -> None:
        """Say which inputs forward has written to in place; they must be returned.

        >>> class Zero(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.mark_dirty(x)
        ...         return x.zero_()
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return 0 * g
        >>> x = tinygrad_c.ones(2)
        >>> Zero.apply(x) is x, x
        (True, tensor([0., 0.]))
        """
        self._dirty = args

    def mark_non_differentiable(self, *args) -> None:
        """Say which outputs have no gradient; backward gets zeros for them.

        >>> class Order(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         y, places = x.sort()
        ...         ctx.mark_non_differentiable(places)
        ...         ctx.save_for_backward(places)
        ...         return y, places
        ...     @staticmethod
        ...     def backward(ctx, g, _):
        ...         return g[ctx.saved_tensors[0].argsort()]
        >>> y, places = Order.apply(tinygrad_c.tensor([2., 1.], requires_grad=True))
        >>> y.requires_grad, places.requires_grad
        (True, False)
        """
        self._not_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True, as at first) or None for an output that no gradient came in for.

        >>> class Two(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.set_materialize_grads(False)
        ...         return x * 1, x * 2
        ...     @staticmethod
        ...     def backward(ctx, g, h):
        ...         return g if h is None else h
        >>> x = tinygrad_c.tensor(3., requires_grad=True)
        >>> Two.apply(x)[0].backward()
        >>> x.grad
        tensor(1.)
        """
        self._materialize = value

    # ---- What backward reads

    @property
    def saved_tensors(self) -> tuple:
        """What save_for_backward kept.

        >>> class Exp(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(y := x.exp())
        ...         return y
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         y, = ctx.saved_tensors
        ...         return g * y
        >>> x = tinygrad_c.tensor(0., requires_grad=True)
        >>> Exp.apply(x).backward()
        >>> x.grad
        tensor(1.)
        """
        if self._saved is None:
            raise RuntimeError(FREED.format(self.name()))
        return tuple([None if each is None else self._unpacked(*each) for each in self._saved])

    def name(self) -> str:
        """The name that tensor.grad_fn shows."""
        return self.called or self._function.__name__ + "Backward"

    # ---- What the tape calls

    def run(self, gradients: tuple, node, needed: list[bool]) -> list:
        """The user's backward: from the gradients of the outputs, one gradient or None per tensor that went in."""
        if self._saved is None:
            raise RuntimeError(FREED.format(self.name()))
        wanted = [False] * self._n_inputs
        for (position, _), each in zip(self._inputs, needed):
            wanted[position] = each
        self.needs_input_grad = tuple(wanted)
        if self._materialize:
            gradients = tuple([create.full(spec[0], 0.0, dtype=spec[1]) if g is None and spec is not None else g
                               for g, spec in zip(gradients, self._outputs)])
        self._node = node
        try:
            results = self._function._backward()(self, *gradients)
        finally:
            self._node = None
        return self._checked(results if isinstance(results, tuple) else (results,))

    def release(self) -> None:
        """Let go of the saved tensors: the graph is used up."""
        self._saved = None

    # ---- Inside

    def _unpacked(self, tensor, version, output: int):
        if output == PACKED:
            return version(tensor)
        if tensor._version != version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"[{tensor.type()} {list(tensor.shape)}], needed by {self.name()}, is at version {tensor._version}; expected "
                f"version {version} instead. Write the in-place change as a new tensor (y = y + 1 for y += 1), or .clone() "
                "before it.")
        return tape.with_history(tensor, self._node, output) if output >= 0 and self._node is not None else tensor

    def _checked(self, results: tuple) -> list:
        if len(results) < self._n_inputs or any(each is not None for each in results[self._n_inputs:]):
            raise RuntimeError(f"function {self.name()} returned an incorrect number of gradients (expected {self._n_inputs}, "
                               f"got {len(results)}): backward must return one gradient, or None, for each argument of forward "
                               "after ctx")
        tensors = dict(self._inputs)
        for i, g in enumerate(results[:self._n_inputs]):
            if g is None:
                continue
            if i not in tensors:
                raise RuntimeError(f"function {self.name()} returned a gradient different than None at position {i + 1}, but "
                                   "the corresponding forward input was not a Variable")
            if not isinstance(g, TensorBase):
                raise RuntimeError(f"expected Variable or None (got {type(g).__name__}): {self.name()} returned it as the "
                                   f"gradient of argument {i}")
            shape, got = tensors[i], tuple(g.shape)
            tail = got[len(got) - len(shape):]
            if len(got) < len(shape) or any(n not in (1, m) for n, m in zip(shape, tail)):
                raise RuntimeError(f"Function {self.name()} returned an invalid gradient at index {i} - got {list(got)} but "
                                   f"expected shape compatible with {list(shape)}")
        return [results[position] for position, _ in self._inputs]


class Function:
    """An operation with a backward of your own: a subclass gives forward and backward, `apply` calls it.

    `forward(ctx, *args)` computes on plain tensors, without recording; `backward(ctx, *grads)` gets the gradient of each
    output and returns that of each argument of forward (None where there is none). Written in tensor operations, backward can
    itself be differentiated. forward may also be written without ctx, with `setup_context(ctx, inputs, output)` beside it.

    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x ** 3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x ** 2
    >>> x = tensor(2., requires_grad=True)
    >>> y = Cube.apply(x)
    >>> y
    tensor(8., grad_fn=<CubeBackward>)
    >>> y.backward()
    >>> x.grad
    tensor(12.)
    """

    def __init__(self, *args, **kwargs):
        import warnings
        warnings.warn(f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
                      "invoke them on the class itself.", DeprecationWarning, stacklevel=2)

    def __call__(self, *args, **kwargs):
        raise RuntimeError("Legacy autograd function with non-static forward method is deprecated. Please use new-style "
                           f"autograd function with static forward method: write {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(*args, **kwargs):
        """The operation: forward(ctx, *args), or forward(*args) beside setup_context."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs: tuple, output) -> None:
        """Beside a forward without ctx: store what backward needs.

        >>> class Square(Function):
        ...     @staticmethod
        ...     def forward(x):
        ...         return x * x
        ...     @staticmethod
        ...     def setup_context(ctx, inputs, output):
        ...         ctx.save_for_backward(*inputs)
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return 2 * g * ctx.saved_tensors[0]
        >>> x = tinygrad_c.tensor(3., requires_grad=True)
        >>> Square.apply(x).backward()
        >>> x.grad
        tensor(6.)
        """
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """The gradient of each argument of forward, from that of each output. May be called vjp instead.

        >>> class Steep(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x.clone()
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return 10 * g
        >>> x = tinygrad_c.tensor(3., requires_grad=True)
        >>> Steep.apply(x).backward()
        >>> x.grad
        tensor(10.)
        """
        raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to "
                                  "use it with backward mode AD.")

    vjp = backward

    @classmethod
    def _backward(cls):
        return cls.vjp if cls.backward is Function.backward else cls.backward

    @classmethod
    def apply(cls, *args, **kwargs):
        """Call the function and record it, if a tensor among the arguments requires a gradient.

        >>> class Double(Function):
        ...     @staticmethod
        ...     def forward(ctx, x, times):
        ...         return times * x
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return 2 * g, None
        >>> Double.apply(tinygrad_c.ones(2), 2)
        tensor([2., 2.])
        """
        ctx = FunctionCtx(cls)
        separate = cls.setup_context is not Function.setup_context
        if kwargs:
            args = _positional(cls.forward, args if separate else (ctx, *args), kwargs)[0 if separate else 1:]
        elif separate:
            args = _positional(cls.forward, args, {})
        inputs = tuple([x for x in args if isinstance(x, TensorBase)])
        ctx.needs_input_grad = needed = tuple([isinstance(x, TensorBase) and x.requires_grad for x in args])
        with tape.GradMode(False):
            result = cls.forward(*args) if separate else cls.forward(ctx, *args)
            if separate:
                cls.setup_context(ctx, args, result)
        outputs = result if isinstance(result, tuple) else (result,)
        for x in ctx._dirty:
            if _is_in(x, inputs) and not _is_in(x, outputs):
                raise RuntimeError("Some elements marked as dirty during the forward method were not returned as output. The "
                                   "inputs that are modified inplace must all be outputs of the Function.")
        outputs = _separate(ctx, inputs, outputs)
        if tape.is_grad_enabled() and True in needed:
            ctx._n_inputs = len(args)
            ctx._inputs = [(i, tuple(x.shape)) for i, x in enumerate(args) if isinstance(x, TensorBase)]
            _record(ctx, inputs, outputs)
        return outputs if isinstance(result, tuple) else outputs[0]


def _is_in(x, tensors) -> bool:
    for each in tensors:        # noqa: SIM110  (a generator would cost more than the loop)
        if x is each:
            return True
    return False


def _positional(function, args: tuple, kwargs: dict) -> tuple:
    """The arguments in order, with forward's defaults."""
    import inspect
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _separate(ctx: FunctionCtx, inputs: tuple, outputs: tuple) -> tuple:
    """Outputs that may each get a history of their own: an input that was handed through, and a tensor that is returned
    twice or has a history already, is replaced by one on the same memory."""
    made: list = []
    for out in outputs:
        if isinstance(out, TensorBase):
            given = _is_in(out, inputs)
            dirty = given and _is_in(out, ctx._dirty)
            if (given and not dirty) or (not given and out.requires_grad) or _is_in(out, made):
                changed = _is_in(out, ctx._not_differentiable)
                out = out.detach()
                if changed:
                    ctx._not_differentiable += (out,)
        made.append(out)
    return tuple(made)


def _record(ctx: FunctionCtx, inputs: tuple, outputs: tuple) -> None:
    ctx._outputs = [(tuple(out.shape), out.dtype) if isinstance(out, TensorBase) else None for out in outputs]
    differentiable = tuple([out if isinstance(out, TensorBase) and out.is_floating_point()
                            and not _is_in(out, ctx._not_differentiable) else None for out in outputs])
    ctx._saved = saved = []
    packing = tape._packing()
    for each in ctx._to_save:
        if each is None:
            saved.append(None)
        elif _is_in(each, differentiable):      # an output must not keep itself alive
            saved.append((each.detach(), each._version, [each is out for out in differentiable].index(True)))
        elif packing is not None:
            saved.append((packing[0](each.detach()), packing[1], PACKED))
        else:
            saved.append((each, each._version, -1))
    ctx._to_save = ()
    dirty = tuple([x for x in ctx._dirty if _is_in(x, inputs)])
    ctx._dirty = ctx._not_differentiable = ()
    tape.record_function(ctx, inputs, differentiable, dirty)


class _Undifferentiable(Function):
    """The identity; its backward raises."""

    @staticmethod
    def forward(ctx, message, *tensors):
        ctx.message = message
        return tensors

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(ctx.message)


def once_differentiable(function):
    """Decorate a Function's backward that is not written in tensor operations: differentiating it again raises.

    >>> class Double(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, g):
    ...         return tinygrad_c.from_numpy(2 * g.numpy())
    >>> x = tinygrad_c.ones(1, requires_grad=True)
    >>> Double.apply(x).sum().backward()
    >>> x.grad
    tensor([2.])
    """
    @functools.wraps(function)
    def wrapped(ctx, *grads):
        before = tape.is_grad_enabled()
        with tape.GradMode(False):
            results = function(ctx, *grads)
        if not before or not any(isinstance(g, TensorBase) and g.requires_grad for g in grads):
            return results
        many = results if isinstance(results, tuple) else (results,)
        tensors = iter(_Undifferentiable.apply(
            "trying to differentiate twice a function that was marked with @once_differentiable",
            *[g.detach().requires_grad_() for g in many if g is not None]))
        many = tuple([None if g is None else next(tensors) for g in many])
        return many if isinstance(results, tuple) else many[0]
    return wrapped
