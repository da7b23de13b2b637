"""TensorBase: requires_grad, grad, grad_fn, backward(), hooks, detach(), data; part of tape.pyx."""


cdef int raise_cannot_require_grad(str subject) except -1:
    raise RuntimeError(f"{subject} can require gradients: this one holds integers or bools. Write the numbers with a point (1. "
                       "for 1), pass dtype=float32, or call .float() first.")


@cython.trashcan(True)
@cython.embedsignature(True)
@cython.embedsignature.format("clinic")
@cython.binding(False)            # so that Tensor.detach(5) raises, as for Node
cdef class TensorBase(Array):
    """An array that can have a gradient.

    >>> issubclass(tinygrad_c.Tensor, TensorBase)
    True
    """

    def __cinit__(self):
        """A tensor created from Python (TensorBase.__new__), not by an op, gets memory here: it is empty."""
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
        """Whether operations on this tensor are recorded, so that backward() can find its gradient.

        >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
        >>> (w * 2).requires_grad, w.detach().requires_grad
        (True, False)
        """
        return wants_grad(self)

    @requires_grad.setter
    def requires_grad(self, bint value):
        if self._grad_fn is not None or is_stale(self):
            if not value:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                    "subgraph that doesn't require differentiation use var_no_grad = var.detach().")
            return
        if value and self.dtype < FLOAT16:
            raise_cannot_require_grad("only Tensors of floating point dtype")
        if value and self.storage.inference and not inference_enabled():
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed. If you "
                               "want to record computations on it, .clone() it first.")
        self._requires_grad = value

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor: the user created it, or it requires no gradient.

        >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
        >>> w.is_leaf, (w * 2).is_leaf
        (True, False)
        """
        return self._grad_fn is None and not is_stale(self)

    @property
    def grad_fn(self):
        """The Node of the operation that made this tensor; None for a leaf.

        >>> (tinygrad_c.ones(2, requires_grad=True) * 2).grad_fn.name()
        'MulBackward0'
        """
        if is_stale(self):
            refresh_op(self)
        return self._grad_fn

    @property
    def grad(self):
        """The gradient that backward() accumulated, or None.

        >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
        >>> (w * w).sum().backward()
        >>> w.grad
        tensor([2., 4.])
        """
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
            if (<TensorBase> value).storage is None:
                raise RuntimeError(getattr(value, "_no_memory", "this tensor has no memory"))
            if shape_of(value) != shape_of(self):
                raise RuntimeError(
                    f"attempting to assign a gradient of size '{list(shape_of(value))}' to a tensor of size "
                    f"'{list(shape_of(self))}'. Please ensure that the gradient and the tensor are the same size")
            if (<TensorBase> value).dtype != self.dtype:
                raise RuntimeError(
                    f"attempting to assign a gradient with dtype '{DTYPE_NAMES[(<TensorBase> value).dtype].lower()}' to a "
                    f"tensor with dtype '{DTYPE_NAMES[self.dtype].lower()}'. Please ensure that the gradient and the tensor "
                    "have the same dtype")
        self._grad = value

    @grad.deleter
    def grad(self):
        self._grad = None

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None) -> None:
        """Add dL/dx to x.grad, for L this tensor and every leaf x of its graph that requires grad, or only for `inputs`.

        `gradient` is dL/d(self); it is needed if this is not a scalar. The graph's saved tensors are freed unless
        retain_graph. RuntimeError if this tensor does not require grad, or if the graph was freed by an earlier backward().

        >>> x = tinygrad_c.tensor([1., 2.], requires_grad=True)
        >>> (x ** 2).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        run_backward((self,), (gradient,), retain_graph, create_graph, inputs, 0)

    @property
    def retains_grad(self) -> bool:
        """Whether backward() will set the .grad of this non-leaf tensor: whether retain_grad() was called.

        >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
        >>> y = w * 2
        >>> y.retain_grad()
        >>> y.retains_grad
        True
        """
        return self._retains_grad and self._grad_fn is not None

    def retain_grad(self) -> None:
        """Make backward() set the .grad of this tensor although it is not a leaf.

        >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
        >>> y = w * 2
        >>> y.retain_grad()
        >>> y.sum().backward()
        >>> y.grad
        tensor([1., 1.])
        """
        if not wants_grad(self):
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.grad_fn is not None and not self._retains_grad:
            self._retains_grad = True
            extras_of(self._grad_fn).retained.append(weakref.ref(self))

    def register_hook(self, hook):
        """Call hook(grad) each time the gradient of this tensor is computed. If it returns a tensor, that replaces grad.

        >>> x = tinygrad_c.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda g: 2 * g)
        >>> x.sum().backward()
        >>> x.grad
        tensor([2., 2.])
        """
        if not wants_grad(self):
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.grad_fn is not None:
            return add_hook(extras_of(self._grad_fn).pre_hooks, hook)
        return add_hook(hooks_of(self).grad_hooks, hook)

    def register_post_accumulate_grad_hook(self, hook):
        """Call hook(tensor) each time backward() has added to this leaf's .grad. An optimizer can step in the hook.

        >>> x = tinygrad_c.ones(2, requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda x: print(x.grad))
        >>> x.sum().backward()
        tensor([1., 1.])
        """
        if not wants_grad(self):
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.grad_fn is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        return add_hook(hooks_of(self).post_accumulate_hooks, hook)

    def detach(self):
        """A tensor on the same memory without history: no gradient flows through it.

        >>> tinygrad_c.ones(2, requires_grad=True).detach().requires_grad
        False
        """
        return alias(self)

    def detach_(self):
        """Remove this tensor's history in place; it becomes a leaf.

        >>> (tinygrad_c.ones(2, requires_grad=True) * 2).detach_()
        tensor([2., 2.])
        """
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._grad_fn = None
        self._requires_grad = False
        return self

    @property
    def data(self):
        """A tensor on the same memory without history. Assigning a tensor replaces this tensor's memory and shape.

        >>> w = tinygrad_c.ones(2, requires_grad=True)
        >>> w.data.mul_(3).requires_grad, w
        (False, tensor([3., 3.], requires_grad=True))
        """
        return alias(self)

    @data.setter
    def data(self, TensorBase value not None):
        if value.storage is None:
            raise RuntimeError(getattr(value, "_no_memory", "this tensor has no memory"))
        if value.dtype != self.dtype and wants_grad(self) and value.dtype < FLOAT16:
            raise RuntimeError("data set to a tensor that requires gradients must be floating point")
        edge_of(self)               # a stale view gets its node first, before _base is removed
        self._base = None
        replace_storage(self, value.storage.version)
        view_into(self, value, value.data, value.ndim, value.shape, value.stride)

    @property
    def _version(self) -> int:
        """The version counter: how often this tensor's memory was written in place."""
        if self.storage.inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        return self.storage.version

    def is_inference(self) -> bool:
        """Whether this tensor's memory was made inside inference_mode().

        >>> tinygrad_c.ones(2).is_inference()
        False
        """
        return bool(self.storage.inference)

    def _is_view(self) -> bool:
        return self._base is not None
