"""The names of torch.func: function transforms. grad(f) is the gradient of f. They nest: grad(grad(f)), vmap(grad(f)).

Arguments may be tensors, or dicts, lists and tuples of them. All derivatives use backward passes. vmap runs each operation
once, for the whole batch.
"""
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard_all
from tinygrad_c.func.gradients import functionalize, grad, grad_and_value, jvp, linearize, vjp
from tinygrad_c.func.jacobians import hessian, jacfwd, jacrev
from tinygrad_c.func.mapping import vmap
from tinygrad_c.func.modules import functional_call, replace_all_batch_norm_modules_, stack_module_state

__all__ = ["functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
           "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap"]
__getattr__, __dir__ = lazy_names(globals())
guard_all(globals(), keywords=True)
