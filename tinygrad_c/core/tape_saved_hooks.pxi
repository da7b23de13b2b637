"""What is hung on a node or a leaf beside its rule: hooks, packed values, the user's notes; part of tape.pyx."""

cdef enum:
    OUTPUT = 3                      # the slot of a saved output, after those of the saved inputs
cdef int packers = 0                # threads inside saved_tensors_hooks: asked first, read faster than a thread's own variable
cdef list endings = None            # what is to be called when the pass ends that runs
cdef object accumulators = weakref.WeakValueDictionary()       # id of a leaf -> its AccumulateGrad, while somebody has that


class Afterwards:
    """Among a leaf's hooks: one that is called when its .grad has been changed."""

    def __init__(self, hook):
        self.hook = hook


class AfterRule:
    """Among a node's hooks: one that is called with the gradients that its rule has computed."""

    def __init__(self, hook):
        self.hook = hook


class Packed:
    """Among a node's hooks: what a user's pack made of the value that was to be saved in a slot."""

    def __init__(self, slot, value, unpack, like, edge):
        self.slot, self.value, self.unpack, self.like, self.edge = slot, value, unpack, like, edge


class RemovableHandle:
    """What register_hook returns; remove() takes the hook off again, and so does leaving a `with` block.

    >>> w = tinygrad_c.tensor([1., 2.], requires_grad=True)
    >>> with w.register_hook(lambda g: 10 * g):
    ...     w.sum().backward()
    >>> w.grad
    tensor([10., 10.])
    """

    def __init__(self, hooks: list, hook):
        self.hooks, self.hook = hooks, hook

    def remove(self) -> None:
        if self.hook in self.hooks:
            self.hooks.remove(self.hook)

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        self.remove()


class AccumulateGrad:
    """Stands in `next_functions` for a leaf, whose gradient is added into `variable.grad`.

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
        return self.variable.register_hook(lambda g: only(hook((g,))))

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
        called.remove = lambda: (taken.remove(), RemovableHandle.remove(called)) and None
        return called

    def __repr__(self):
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


cdef object accumulate_grad(TensorBase leaf):
    """The leaf's AccumulateGrad: the same one for as long as somebody has it."""
    found = accumulators.get(id(leaf))
    if found is None or found.variable is not leaf:
        found = accumulators[id(leaf)] = AccumulateGrad(leaf)
    return found


cdef object only(object result):
    return result[0] if isinstance(result, tuple) else result


# ---- Saved values that the user keeps

def _set_packing(pair):
    """What this thread's saved values go through, (pack, unpack), or None; gives what it was."""
    global packing, packers
    before = _packing()
    Py_INCREF(pair)
    Py_XDECREF(packing)
    packing = NULL if pair is None else <PyObject*> pair
    packers += (pair is not None) - (before is not None)
    return before


def _packing():
    return None if packing == NULL else <object> packing


cdef bint pack(Node node, int slot, TensorBase a) except -1:
    """Give what is to be saved to the user's hooks; True if they have it. A leaf that needs a gradient stays as it is."""
    if a.storage.inference:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
            "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
            "autograd, or use `no_grad()` instead of `inference_mode()`.")
    if packing == NULL or (a._requires_grad and a._grad_fn is None):
        return False
    like = alias(a)
    hooks = <object> packing
    before = set_grad(False)
    try:
        value = hooks[0](like)
    finally:
        set_grad(before)
    node.hooks = (node.hooks or []) + [
        Packed(slot, value, hooks[1], (shape_of(a), a.dtype), None if slot == OUTPUT else edge_of(a))]
    return True


cdef TensorBase unpacked(Node node, int slot):
    cdef TensorBase out
    for each in node.hooks or ():
        if type(each) is Packed and each.slot == slot:
            break
    else:
        raise_freed(node)
    before = set_grad(False)
    try:
        made = each.unpack(each.value)
    finally:
        set_grad(before)
    if not isinstance(made, TensorBase):
        raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(made)}")
    if (shape_of(made), (<TensorBase> made).dtype) != each.like:
        raise RuntimeError(f"the unpack hook gave a torch.{DTYPE_NAMES[(<TensorBase> made).dtype]}Tensor of shape "
                           f"{list(shape_of(made))} for a torch.{DTYPE_NAMES[each.like[1]]}Tensor of shape "
                           f"{list(each.like[0])}")
    out = alias(made) if (<TensorBase> made).contiguous else clone_op(alias(made))
    for slot in range(3):               # the rule has looked at them perhaps, before the hook could change them
        if (node.saved0 if slot == 0 else node.saved1 if slot == 1 else node.saved2) is not None:
            saved(node, slot)
    if type(each.edge) is Node:
        out._grad_fn = each.edge
    return out


cdef bint has_packed(Node node) except -1:
    for each in node.hooks or ():
        if type(each) is Packed:
            return True
    return False


# ---- Hooks that see what a rule has computed

cdef int visit_with_hooks(Walk walk, Node node, TensorBase g, list hooks) except -1:
    """Run a node's rule, keep its gradients back, and hand over what the hooks make of them."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef TensorBase each
    cdef int i, ndim
    outputs = (g,) if node.rule is not &FUNCTION or node.op == 0 else tuple(walk.parts[node.number])
    walk.kept_back = {}
    try:
        node.rule.backward(walk, node, g)
    finally:
        kept, walk.kept_back = walk.kept_back, None
    inputs = []
    for i in range(len(node.next_functions)):
        each = kept.get(i)
        if each is not None:
            input_shape(node, i, &ndim, shape)
            each = fit(each, dtype_of_input(node, i), ndim, shape)
        inputs.append(each)
    for hook in hooks:
        result = hook.hook(tuple(inputs), outputs)
        if result is not None:
            result = result if isinstance(result, tuple) else (result,)
            if len(result) != len(inputs):
                raise RuntimeError(f"a hook on {node.name()} got {len(inputs)} gradients and returned {len(result)}")
            inputs = [new if new is None or old is None else checked(new, old) for new, old in zip(result, inputs)]
    for i, each in enumerate(inputs):
        if each is not None:
            walk.give(node, i, each)
    return 0


cdef int dtype_of_input(Node node, int i) except -1:
    target = edge(node, i)
    return (<Node> target).dtype if type(target) is Node else (<TensorBase> target).dtype


def _when_pass_ends(call) -> None:
    """Call this, with whether it failed, when the backward pass ends that is running."""
    global endings
    endings = (endings or []) + [call]


cdef int call_endings(bint failed) except -1:
    global endings
    calls, endings = endings, None
    for call in calls or ():
        call(failed)
    return 0


# ---- What has no derivative

cdef int not_implemented_backward(Walk walk, Node node, TensorBase g) except -1:
    raise RuntimeError(f"derivative for aten::{node.extra} is not implemented: it is flat nearly everywhere. Take what needs "
                       "no gradient through .detach()")

cdef Rule NOT_IMPLEMENTED = Rule(b"NotImplemented", not_implemented_backward)


cdef TensorBase without_derivative(TensorBase out, str op, object a, object b):
    """The result of an op that a backward pass must not come to, as in torch: recorded if an input is, so that it says so."""
    cdef Node node
    for each in (a, b):
        if isinstance(each, TensorBase) and recording(<TensorBase> each):
            node = record(&NOT_IMPLEMENTED, out, <TensorBase> each)
            node.extra = op
            break
    return out


def _without_derivative(TensorBase out not None, str op not None, a, b=None):
    return without_derivative(out, op, a, b)


# ---- Nodes from outside

def _last_number() -> int:
    """Of the newest node: those that are made from now on have larger ones."""
    return last_number


def _tensor_at(Node node not None):
    """A tensor that stands for what the node made, to start a pass from or to ask for the gradient of; its elements are 0."""
    cdef TensorBase out = zeros(node.dtype, node.ndim, node.shape)
    out._grad_fn = node
    return out


cdef dict labels = {}               # names that Python has given to nodes: nodes point into them


cdef str kept_label(str name):
    """The name, alive as long as the process."""
    return labels.setdefault(name, name)


cdef int label_result(TensorBase out, str name) except -1:
    """Name the node of a result. The name of a function written in Python is its context's."""
    cdef Node node = out._grad_fn
    if node is not None:
        if node.rule is &FUNCTION_OUTPUT:
            node = <Node> node.edge0
        if node.rule is &FUNCTION:
            node.extra.called = name
        else:
            node.label = PyUnicode_AsUTF8(name)
    return 0


def _named(TensorBase out not None, str name not None):
    """`out`, which the caller has made of several operations, named as the one that it is in PyTorch."""
    label_result(out, kept_label(name))
    return out


def _guarded(function, explain, str node):
    """The function, with explain(function, args, kwargs, error) called when it fails, which raises another error or gives (the
    result,), or None; and the nodes of its results, if it has made them, named `node`. Here, since a wrapper written in Python
    would cost 400 ns a call.
    """
    if node is not None:
        node = kept_label(node)

    def call(*args, **kwargs):
        cdef unsigned long long before = last_number
        try:
            out = function(*args, **kwargs)
        except Exception as error:
            again = explain(function, args, kwargs, error)
            if again is None:
                raise
            out, = again
        if node is not None and last_number != before:
            if isinstance(out, TensorBase):
                if number_of(<TensorBase> out) > before:
                    label_result(<TensorBase> out, node)
            elif isinstance(out, tuple):
                for each in out:
                    if isinstance(each, TensorBase) and number_of(<TensorBase> each) > before:
                        label_result(<TensorBase> each, node)
        return out
    return call
