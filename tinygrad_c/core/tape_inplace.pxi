"""Writing in place: the checks before a write, and what happens to version counters and history after it; part of tape.pyx."""


cdef int check_inplace(TensorBase a) except -1:
    """Raise, before anything is written, if `a` may not be written to."""
    cdef int d
    if grad_mode:
        if a._requires_grad and a._grad_fn is None:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation. It would overwrite the value "
                "that the gradient is for; to update a parameter, write the line inside `with no_grad():`")
        if a._base is not None and a._base._requires_grad and a._base._grad_fn is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation. To update a "
                "parameter's elements, write the line inside `with no_grad():`")
    if a.storage.readonly:
        raise RuntimeError("this tensor's memory is read-only (it is shared with a read-only array): .clone() it first")
    if grad_mode and a._base is not None and not is_dense(a._base) and wants_grad(a):
        raise RuntimeError("an in-place operation on a view of a tensor that is not dense in memory cannot be recorded: "
                           ".clone() it first")
    if a.storage.inference and not inference_enabled():
        raise_inference()
    for d in range(a.ndim):
        if a.stride[d] == 0 and a.shape[d] > 1 and a.numel > 0:
            raise RuntimeError(
                "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
                "Please clone() the tensor before performing the operation.")
    return 0


cdef int raise_inference() except -1:
    raise RuntimeError("Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
                       "normal tensor before doing inplace update, or make it under `no_grad()` instead of `inference_mode()`.")


# ---- Replacing the storage or the shape of a tensor

cdef unsigned int n_changes = 0             # of the storage or shape of any tensor: see end_parse


cdef void new_generation(TensorBase a, unsigned int step) noexcept:
    """Call before `a` gets another storage or shape. A node that saved `a` before raises when it reads it."""
    global n_changes
    a._generation += 0x10000 + step
    n_changes += 1


cdef int replace_storage(TensorBase a, unsigned int version) except -1:
    """Call before `a` gets another storage, whose version is given: the sum of version and generation changes in any case."""
    new_generation(a, a.storage.version - version)
    return retire(a.storage)


cdef unsigned int begin_parse() noexcept:
    """Call before an op parses arguments that may run Python code, such as an object's __index__."""
    return n_changes


cdef int end_parse(unsigned int begun) except -1:
    """Call after parsing. Raises if a tensor's storage or shape was changed meanwhile: what was read from it may be wrong."""
    if n_changes != begun:
        raise RuntimeError("the shape or the memory of a tensor was changed by a method of an argument, such as its __index__, "
                           "during this call: pass plain ints")
    return 0


cdef int set_history(TensorBase a, Node node) except -1:
    """Make `node` the grad_fn of `a`. If `a` retains its gradient, move the reference from the old node to the new one."""
    cdef Node before = a._grad_fn
    a._grad_fn = node
    if a._retains_grad and before is not None and node is not None and before is not node:
        moved = [each for each in extras_of(before).retained if each() is a]
        before.extras.retained = [each for each in before.extras.retained if each() is not a]
        extras_of(node).retained.extend(moved)
    return 0


cdef int mark_written(TensorBase a) except -1:
    """Call after `a` was written in place, and after the write was recorded if it is recorded."""
    count_write(a.storage)
    if a.storage.watched:
        note_write(a.storage)
    if grad_mode and a._grad_fn is not None and a._base is not None:
        rebase_op(a)
    return 0
