"""Function: a custom operation with forward and backward in Python.

The node of a call has its context (FunctionCtx). In the backward pass the tape calls `context.run` (tape.pyx, FUNCTION).
"""
from __future__ import annotations

import functools

from tinygrad_c._base import batched
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.core import tape
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.create import create

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
__getattr__, __dir__ = lazy_names(globals())

PACKED = -2         # in place of an output index: a value packed by saved_tensors_hooks, with its unpack
FREED = ("Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
         "freed): {} freed its saved tensors in an earlier backward(). Specify retain_graph=True the first time if "
         "you need to go through the same graph again.")


class FunctionCtx:
    """The context of one call of a Function. forward stores in it what backward needs, tensors and other objects.

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
    _saved: list | None = []            # (tensor, its version, its output index or -1), or None  # noqa: RUF012
    _dirty: tuple = ()
    _not_differentiable: tuple = ()
    _materialize = True
    _inputs: list                       # (position, shape) of each input tensor
    _outputs: list                      # (shape, dtype) of each output, None if it is not a tensor
    _n_inputs = 0
    _node = None                        # set while backward runs
    called: str | None = None           # the name of the op that the function implements

    def __init__(self, function: type[Function]):
        self._function = function

    # ---- Called by forward

    def save_for_backward(self, *tensors) -> None:
        """Save tensors for backward, which reads ctx.saved_tensors. None is allowed.

        backward checks that they have not been modified in place.

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
                                f"{type(each).__name__}: write ctx.name = value for other objects")
        self._to_save = tensors

    def save_for_forward(self, *tensors) -> None:
        """Accepted and ignored: jvp is computed with backward, which uses save_for_backward."""

    def mark_dirty(self, *args) -> None:
        """Mark the inputs that forward modified in place. forward must return them.

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
        """Mark the outputs that have no gradient. backward gets zeros for them.

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
        """Whether backward gets zeros (True, the default) or None for an output without a gradient.

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

    # ---- Called by backward

    @property
    def saved_tensors(self) -> tuple:
        """The tensors that save_for_backward saved.

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

    # ---- Called by the tape

    def run(self, gradients: tuple, node, needed: list[bool]) -> list:
        """Run the user's backward: from the gradients of the outputs to one gradient, or None, per input tensor."""
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
        """Free the saved tensors."""
        self._saved = None

    # ---- Internal

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
    """Base class of custom operations. A subclass defines forward and backward; `apply` calls it.

    `forward(ctx, *args)` runs without recording. `backward(ctx, *grads)` gets the gradient of each output and returns the
    gradient of each argument of forward, or None. If backward uses tensor operations, it can itself be differentiated.
    Alternatively, forward has no ctx, and `setup_context(ctx, inputs, output)` stores what backward needs.

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
        """The operation: forward(ctx, *args), or forward(*args) if setup_context is defined."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs: tuple, output) -> None:
        """Store what backward needs, if forward has no ctx.

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
        """The gradients of forward's arguments, from the gradients of its outputs. It may be named vjp instead.

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

    # Inside func.vmap: with generate_vmap_rule, it is called for each element of the batch; the functions of this package that
    # treat leading dimensions as a batch are called once.
    generate_vmap_rule = False
    _leading_batch = False

    @staticmethod
    def vmap(info, in_dims: tuple, *args):
        """(outputs, their batch dimensions) for a batch of arguments, inside func.vmap: in_dims has the batch dimension of each
        argument or None, info.batch_size and info.randomness describe the vmap.

        >>> class Double(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return 2 * x
        ...     @staticmethod
        ...     def vmap(info, in_dims, x):
        ...         return Double.apply(x), in_dims[0]
        >>> tinygrad_c.vmap(Double.apply)(tinygrad_c.ones(2))
        tensor([2., 2.])
        """
        raise NotImplementedError("To use autograd.Function with vmap, you must either override the vmap static method or set "
                                  "generate_vmap_rule=True.")

    @classmethod
    def _backward(cls):
        return cls.vjp if cls.backward is Function.backward else cls.backward

    @classmethod
    def apply(cls, *args, **kwargs):
        """Call the function, and record it if a tensor argument requires grad.

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
        if batched.handler is not None:
            found = batched.of_function(cls, args, kwargs)
            if found is not None:
                return found[0]
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
    for each in tensors:        # noqa: SIM110  (a generator is slower than the loop)
        if x is each:
            return True
    return False


def _positional(function, args: tuple, kwargs: dict) -> tuple:
    """The arguments by position, with forward's defaults."""
    import inspect
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _separate(ctx: FunctionCtx, inputs: tuple, outputs: tuple) -> tuple:
    """Make each output a tensor that can get its own grad_fn. An output that is an input, is returned twice, or already has a
    grad_fn is replaced by a new tensor on the same memory."""
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
        elif _is_in(each, differentiable):      # saving an output must not make a reference cycle
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
    """Decorator for a Function's backward that cannot be differentiated: double backward raises.

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
