"""Pruning: parameters of which some elements are kept at zero by a mask. The names of torch.nn.utils.prune.

Pruning `weight` replaces the parameter by three things: the parameter `weight_orig`, the buffer `weight_mask`, and the tensor
`weight` = weight_orig * weight_mask, which a forward pre-hook computes anew for each call. Pruning again multiplies the masks.
"""
from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn.hooks import BEFORE
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.nn.utils import parameters_to_vector

__all__ = ["BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
           "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
           "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove"]
__getattr__, __dir__ = lazy_names(globals())


class BasePruningMethod:
    """Base class. A subclass defines PRUNING_TYPE ("unstructured", "structured" or "global") and compute_mask(t, default_mask).

    >>> class Positive(BasePruningMethod):
    ...     PRUNING_TYPE = "unstructured"
    ...     def compute_mask(self, t, default_mask):
    ...         return default_mask * (t > 0)
    >>> layer = tinygrad_c.nn.Linear(2, 1)
    >>> _ = Positive.apply(layer, "weight")
    >>> bool((layer.weight >= 0).all())
    True
    """

    PRUNING_TYPE = "unstructured"
    _tensor_name: str

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask for t: zeros for the elements to prune, and where default_mask has zeros.

        >>> L1Unstructured(1).compute_mask(tensor([3., -1., 2.]), tinygrad_c.ones(3))
        tensor([1., 0., 1.])
        """
        raise NotImplementedError

    def apply_mask(self, module: Any) -> Tensor:
        """weight_orig * weight_mask, of the parameter's name.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> bool((identity(layer, "weight")._forward_pre_hooks is None))
        False
        """
        mask = getattr(module, f"{self._tensor_name}_mask")
        original = getattr(module, f"{self._tensor_name}_orig")
        return mask.to(original.dtype) * original

    @classmethod
    def apply(cls, module: Any, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any) -> Any:
        """Prune module.name by this method, created with the arguments. Returns the method, or the container of several.

        importance_scores: what to compare in place of the elements, a tensor of the same shape.

        >>> layer = tinygrad_c.nn.Linear(2, 1)
        >>> _ = L1Unstructured.apply(layer, "weight", 1)
        >>> int((layer.weight == 0).sum())
        1
        """
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        earlier = _method_of(module, name)
        first = earlier is None
        tensor = getattr(module, name) if not first else _parameter(module, name)
        scores = tensor if importance_scores is None else importance_scores
        if tuple(scores.shape) != tuple(tensor.shape):
            raise AssertionError(f"importance_scores should have the same shape as parameter {name} of {module}: "
                                 f"{tuple(scores.shape)} and {tuple(tensor.shape)}")
        if not first:
            default = getattr(module, f"{name}_mask").clone()
            container = earlier if isinstance(earlier, PruningContainer) else PruningContainer(earlier)
            container.add_pruning_method(method)
            method = container
            with no_grad():
                mask = method.compute_mask(scores.detach(), default)
            _drop_hook(module, earlier)
        else:
            with no_grad():
                mask = method.compute_mask(scores.detach(), tensor.detach() * 0 + 1)
            delattr(module, name)
            module.register_parameter(f"{name}_orig", tensor)
        if first:
            module.register_buffer(f"{name}_mask", mask)
        else:
            setattr(module, f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """t with the elements pruned, without a module.

        >>> L1Unstructured(1).prune(tensor([3., -1., 2.]))
        tensor([3., -0., 2.])
        """
        scores = t if importance_scores is None else importance_scores
        if tuple(scores.shape) != tuple(t.shape):
            raise AssertionError(f"importance_scores should have the same shape as tensor t: {tuple(scores.shape)}")
        default_mask = t.detach() * 0 + 1 if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=default_mask)

    def remove(self, module: Any) -> None:
        """Make the pruned tensor a parameter again: the pruned elements are zero, and may be trained again.

        >>> layer = l1_unstructured(tinygrad_c.nn.Linear(2, 1), "weight", 1)
        >>> remove(layer, "weight")
        Linear(in_features=2, out_features=1, bias=True)
        >>> isinstance(layer.weight, tinygrad_c.nn.Parameter)
        True
        """
        name = self._tensor_name
        original, mask = getattr(module, f"{name}_orig"), getattr(module, f"{name}_mask")
        with no_grad():
            original.copy_(original * mask.to(original.dtype))
        for each in (f"{name}_orig", f"{name}_mask", name):
            delattr(module, each)
        setattr(module, name, original)


def _method_of(module: Any, name: str) -> Any:
    """The pruning method of this parameter, or None."""
    for hook in module.__dict__.get(BEFORE, {}).values():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return hook
    return None


def _drop_hook(module: Any, method: BasePruningMethod) -> None:
    for handle, hook in list(module.__dict__.get(BEFORE, {}).items()):
        if hook is method:
            handle.remove()


def _parameter(module: Any, name: str) -> Parameter:
    found = getattr(module, name, None)
    if not isinstance(found, Parameter):
        raise AttributeError(f"{type(module).__name__!r} object has no parameter {name!r}: its parameters are "
                             f"{', '.join(module._parameters) or 'none'}")
    return found


class PruningContainer(BasePruningMethod):
    """Several pruning methods of one parameter, applied one after another.

    >>> layer = random_unstructured(tinygrad_c.nn.Linear(4, 1), "weight", 1)
    >>> _ = l1_unstructured(layer, "weight", 1)
    >>> int((layer.weight == 0).sum())
    2
    """

    def __init__(self, *args: Any):
        self._pruning_methods: tuple = ()
        for each in args if args and not isinstance(args[0], Iterable) else (args[0] if args else ()):
            self._tensor_name = getattr(self, "_tensor_name", each._tensor_name)
            self.add_pruning_method(each)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Add a method for the same parameter.

        >>> first, second = L1Unstructured(1), L1Unstructured(2)
        >>> first._tensor_name = second._tensor_name = "weight"
        >>> container = PruningContainer(first)
        >>> container.add_pruning_method(second)
        >>> len(container)
        2
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError("Can only add pruning methods acting on the parameter named "
                             f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'")
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Any:
        return iter(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of the last method, for what the earlier ones have left.

        >>> layer = random_unstructured(tinygrad_c.nn.Linear(4, 1), "weight", 1)
        >>> method = L1Unstructured.apply(layer, "weight", 1)
        >>> int(method.compute_mask(layer.weight_orig, layer.weight_mask).sum())
        1
        """
        method = self._pruning_methods[-1]
        mask = default_mask.clone()
        if method.PRUNING_TYPE == "unstructured":
            left = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.dim()
            kept = mask.sum([d for d in range(t.dim()) if d != dim]) != 0 if t.dim() > 1 else mask != 0
            left = (slice(None),) * dim + (kept,)
        elif method.PRUNING_TYPE == "global":
            left = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask[left] = method.compute_mask(t[left], default_mask=mask[left]).to(mask.dtype)
        return mask


class Identity(BasePruningMethod):
    """Prune nothing: a mask of ones.

    >>> Identity().prune(tensor([3., -1.]))
    tensor([ 3., -1.])
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class _Amount(BasePruningMethod):
    """Base class of methods with an amount: how many, or which part of the elements or slices is pruned."""

    def __init__(self, amount: float):
        if isinstance(amount, bool) or not isinstance(amount, (int, float)):
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        if amount < 0 or (isinstance(amount, float) and amount > 1):
            raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")
        self.amount = amount

    def _count(self, size: int) -> int:
        if isinstance(self.amount, int) and self.amount > size:
            raise ValueError(f"amount={self.amount} should be smaller than the number of parameters to prune={size}")
        return self.amount if isinstance(self.amount, int) else round(self.amount * size)

    def _without_smallest(self, values: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the elements whose values are smallest."""
        count, mask = self._count(values.numel()), default_mask.clone()
        if count:
            mask.view(-1)[values.reshape(-1).topk(count, largest=False).indices] = 0
        return mask


class RandomUnstructured(_Amount):
    """Prune elements at random.

    >>> int((RandomUnstructured(0.5).prune(tinygrad_c.ones(10)) == 0).sum())
    5
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return self._without_smallest((t * 0).uniform_(), default_mask)


class L1Unstructured(_Amount):
    """Prune the elements of the smallest absolute values.

    >>> L1Unstructured(1).prune(tensor([3., -1., 2.]))
    tensor([3., -0., 2.])
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return self._without_smallest(t.abs(), default_mask)


class _Structured(_Amount):
    """Base class: prune whole slices along `dim`."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1):
        super().__init__(amount)
        self.dim = dim

    def _importance(self, t: Tensor) -> Tensor:
        """A number for each slice."""
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.dim() <= 1:
            raise ValueError("Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                             f"{tuple(t.shape)} with {t.dim()} dims")
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {tuple(t.shape)}")
        values = self._importance(t)
        slices = self._without_smallest(values, values * 0 + 1)
        shape = [1] * t.dim()
        shape[self.dim] = -1
        return default_mask * slices.reshape(shape).to(default_mask.dtype)


class RandomStructured(_Structured):
    """Prune slices along `dim` at random.

    >>> int((RandomStructured(1, dim=0).prune(tinygrad_c.ones(3, 2)) == 0).sum())
    2
    """

    def _importance(self, t: Tensor) -> Tensor:
        return t.new_zeros(t.shape[self.dim]).uniform_()


class LnStructured(_Structured):
    """Prune the slices along `dim` whose norm of order n is smallest.

    >>> LnStructured(1, n=2, dim=0).prune(tensor([[3., 4.], [1., 1.]]))
    tensor([[3., 4.],
            [0., 0.]])
    """

    def __init__(self, amount: float, n: Any, dim: int = -1):
        super().__init__(amount, dim)
        self.n = n

    def _importance(self, t: Tensor) -> Tensor:
        return t.norm(p=self.n, dim=[d for d in range(t.dim()) if d != self.dim % t.dim()])


class CustomFromMask(BasePruningMethod):
    """Prune where the given mask is 0.

    >>> CustomFromMask(tensor([1, 0])).prune(tensor([3., -1.]))
    tensor([3., -0.])
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor):
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if tuple(default_mask.shape) != tuple(self.mask.shape):
            raise AssertionError(f"the mask has the shape {tuple(self.mask.shape)}, the tensor {tuple(default_mask.shape)}")
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: Any, name: str) -> Any:
    """Make module.name a pruned parameter with a mask of ones. Returns the module.

    >>> [name for name, _ in identity(tinygrad_c.nn.Linear(2, 1), "weight").named_buffers()]
    ['weight_mask']
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: float) -> Any:
    """Prune elements at random: a number of them (int), or a part (float). Returns the module.

    >>> layer = random_unstructured(tinygrad_c.nn.Linear(4, 1), "weight", amount=3)
    >>> int(layer.weight_mask.sum())
    1
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: float, importance_scores: Tensor | None = None) -> Any:
    """Prune the elements of the smallest absolute values: a number of them (int), or a part (float). Returns the module.

    >>> layer = l1_unstructured(tinygrad_c.nn.Linear(4, 1), "weight", amount=0.5)
    >>> int(layer.weight_mask.sum())
    2
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: float, dim: int) -> Any:
    """Prune slices along `dim` at random. Returns the module.

    >>> layer = random_structured(tinygrad_c.nn.Linear(4, 2), "weight", amount=1, dim=1)
    >>> int(layer.weight_mask.sum())
    6
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: Any, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None) -> Any:
    """Prune the slices along `dim` whose norm of order n is smallest. Returns the module.

    >>> layer = ln_structured(tinygrad_c.nn.Linear(4, 2), "weight", amount=1, n=2, dim=0)
    >>> int(layer.weight_mask.sum())
    4
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(parameters: Iterable[tuple[Any, str]], pruning_method: type[BasePruningMethod],
                        importance_scores: dict[tuple[Any, str], Tensor] | None = None, **kwargs: Any) -> None:
    """Prune several parameters, given as (module, name), together: `amount` counts the elements of all of them.

    >>> net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(4, 2), tinygrad_c.nn.Linear(2, 1))
    >>> global_unstructured([(net[0], "weight"), (net[1], "weight")], L1Unstructured, amount=0.5)
    >>> int(net[0].weight_mask.sum() + net[1].weight_mask.sum())
    5
    """
    places = list(parameters)
    scores = importance_scores or {}
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    values = [scores.get((module, name), getattr(module, name)) for module, name in places]
    masks = [getattr(module, f"{name}_mask", getattr(module, name).detach() * 0 + 1) for module, name in places]
    method: Any = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError('Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
                        f"Found method {pruning_method} of type {method.PRUNING_TYPE}")
    container = PruningContainer()
    container._tensor_name = "temp"
    container.add_pruning_method(method)
    with no_grad():
        whole = container.compute_mask(parameters_to_vector([v.detach() for v in values]), parameters_to_vector(masks))
    start = 0
    for (module, name), value in zip(places, values, strict=True):
        n = math.prod(value.shape)
        custom_from_mask(module, name, whole[start:start + n].reshape(value.shape))
        start += n


def custom_from_mask(module: Any, name: str, mask: Tensor) -> Any:
    """Prune where the mask is 0. Returns the module.

    >>> layer = custom_from_mask(tinygrad_c.nn.Linear(2, 1), "bias", tensor([0.]))
    >>> layer.bias
    tensor([0.], grad_fn=<MulBackward0>)
    """
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: Any, name: str) -> Any:
    """Make a pruned parameter an ordinary one, with its pruned values. Returns the module.

    >>> layer = l1_unstructured(tinygrad_c.nn.Linear(2, 1), "weight", amount=1)
    >>> list(dict(remove(layer, "weight").named_parameters()))
    ['bias', 'weight']
    """
    method = _method_of(module, name)
    if method is None:
        raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")
    method.remove(module)
    _drop_hook(module, method)
    return module


def is_pruned(module: Any) -> bool:
    """Whether a parameter of the module, or of one of its modules, is pruned.

    >>> layer = tinygrad_c.nn.Linear(2, 1)
    >>> is_pruned(layer), is_pruned(identity(layer, "weight"))
    (False, True)
    """
    return any(isinstance(hook, BasePruningMethod) for each in module.modules()
               for hook in each.__dict__.get(BEFORE, {}).values())
