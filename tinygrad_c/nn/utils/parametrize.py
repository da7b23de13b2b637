"""Parametrizations: a weight that is computed from other parameters each time it is read."""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn.container import ModuleDict, ModuleList
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter

__all__ = ["ParametrizationList", "is_parametrized", "register_parametrization", "remove_parametrizations"]
__getattr__, __dir__ = lazy_names(globals())


class ParametrizationList(ModuleList):
    """The modules that compute a weight, in order, from `original`, or from original0, original1, ...

    >>> tinygrad_c.nn.utils.parametrizations.weight_norm(Linear(2, 3)).parametrizations.weight
    ParametrizationList(
      (0): _WeightNorm()
    )
    """

    def __init__(self, modules: list[Module], original: Tensor) -> None:
        super().__init__(modules)
        parts: Any = original
        for module in reversed(modules):
            if hasattr(module, "right_inverse"):
                with no_grad():
                    parts = module.right_inverse(parts)
        self.is_tensor = isinstance(parts, Tensor)
        trained = original.requires_grad
        for name, part in [("original", parts)] if self.is_tensor else [(f"original{i}", p) for i, p in enumerate(parts)]:
            kept = part if isinstance(part, Parameter) else Parameter(part.detach().clone(), trained)
            self.register_parameter(name, kept)
        self.ntensors = 1 if self.is_tensor else len(parts)

    def originals(self) -> list[Parameter]:
        """The parameters that the weight is computed from."""
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Tensor:
        first, *rest = self
        x = first(*self.originals())
        for module in rest:
            x = module(x)
        return x


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Make module.tensor_name equal to parametrization(original), where original starts as the present value.

    Further calls append parametrizations. If a parametrization has right_inverse, original starts as right_inverse(value).

    >>> class Double(Module):
    ...     def forward(self, w):
    ...         return 2 * w
    >>> layer = Linear(1, 1, bias=False)
    >>> _ = register_parametrization(layer, "weight", Double())
    >>> layer.weight / layer.parametrizations.weight.original
    tensor([[2.]], grad_fn=<DivBackward0>)
    """
    if is_parametrized(module, tensor_name):
        module.parametrizations[tensor_name].append(parametrization)
        return module
    original = module.__dict__.get(tensor_name)
    if not isinstance(original, Tensor):
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
                         f"'{tensor_name}'")
    made = ParametrizationList([parametrization], original)
    made.train(module.training)
    shape = tuple(made.forward().shape)
    if not unsafe and shape != tuple(original.shape):
        raise ValueError(f"Registering a parametrization may not change the shape of the tensor: {tuple(original.shape)} "
                         f"became {shape}")
    delattr(module, tensor_name)
    if not is_parametrized(module):
        kind = type(module)
        module.__class__ = type(f"Parametrized{kind.__name__}", (kind,), {"__module__": kind.__module__})
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = made
    setattr(type(module), tensor_name, property(lambda self: self.parametrizations[tensor_name].forward(),
                                                lambda self, value: _assign(self.parametrizations[tensor_name], value)))
    return module


def _assign(parts: ParametrizationList, value: Tensor) -> None:
    with no_grad():
        made: Any = value
        for module in reversed(list(parts)):
            if not hasattr(module, "right_inverse"):
                raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
            made = module.right_inverse(made)
        for original, part in zip(parts.originals(), [made] if parts.is_tensor else made):
            original.copy_(part)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module, or its tensor of this name, has parametrizations.

    >>> is_parametrized(tinygrad_c.nn.utils.parametrizations.weight_norm(Linear(2, 3)), "weight")
    True
    """
    found = module.__dict__.get("parametrizations")
    return found is not None and (tensor_name is None or tensor_name in found)


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Replace the tensor by a plain parameter with its present value, or with the original if leave_parametrized=False.

    >>> layer = tinygrad_c.nn.utils.parametrizations.weight_norm(Linear(2, 3))
    >>> _ = remove_parametrizations(layer, "weight")
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parts = module.parametrizations[tensor_name]
    if not leave_parametrized and not parts.is_tensor:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
                         "sequence of tensors.")
    value = parts.forward().detach() if leave_parametrized else parts.original.detach()
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if len(module.parametrizations) == 0:
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    setattr(module, tensor_name, Parameter(value.clone()))
    return module
