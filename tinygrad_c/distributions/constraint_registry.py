"""biject_to and transform_to: a transform from real numbers to the values that satisfy a constraint."""
from collections.abc import Callable
from typing import Any

from tinygrad_c._base.lazy import lazy_names, names_of
from tinygrad_c.distributions import constraints, transforms

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]
_find, __dir__ = lazy_names(globals())
__getattr__ = names_of("tinygrad_c.distributions")      # what this path gave in 0.1.0


class ConstraintRegistry:
    """A function from constraints to transforms, by the class of the constraint.

    >>> registry = tinygrad_c.distributions.constraint_registry.ConstraintRegistry()
    >>> @registry.register(tinygrad_c.distributions.constraints.positive)
    ... def softplus(constraint):
    ...     return tinygrad_c.distributions.SoftplusTransform()
    >>> registry(tinygrad_c.distributions.constraints.positive)(tensor(0.))
    tensor(0.6931)
    """

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], Any]] = {}

    def register(self, constraint: Any, factory: Callable[[Any], Any] | None = None) -> Any:
        """Register the function that makes the transform for constraints of a class (or of the class of an instance).

        >>> registry = tinygrad_c.distributions.constraint_registry.ConstraintRegistry()
        >>> make = registry.register(constraints.positive, lambda constraint: transforms.SoftplusTransform())
        """
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not (isinstance(kind, type) and issubclass(kind, constraints.Constraint)):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        if factory is None:
            return lambda function: self.register(kind, function)
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: constraints.Constraint) -> Any:
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints; "
                                      "register a function for them with register(...)")
        return factory(constraint)


biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()


def _scaled(kind: Any, loc: Any, scale: Any) -> transforms.Transform:
    return transforms.ComposeTransform([kind(), transforms.AffineTransform(loc, scale)])


def _to_interval(constraint: Any) -> transforms.Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    return _scaled(transforms.SigmoidTransform, low, high - low)


def _to_above(constraint: Any) -> transforms.Transform:
    low = constraint.lower_bound
    if isinstance(low, (int, float)) and low == 0:
        return transforms.ExpTransform()
    return _scaled(transforms.ExpTransform, low, 1)


for _registry in (biject_to, transform_to):
    _registry.register(constraints.real, lambda constraint: transforms.identity_transform)
    _registry.register(constraints.greater_than, _to_above)
    _registry.register(constraints.greater_than_eq, _to_above)
    _registry.register(constraints.less_than, lambda constraint: _scaled(transforms.ExpTransform, constraint.upper_bound, -1))
    _registry.register(constraints.interval, _to_interval)
    _registry.register(constraints.half_open_interval, _to_interval)
    _registry.register(constraints.corr_cholesky, lambda constraint: transforms.CorrCholeskyTransform())
    _registry.register(constraints.independent, lambda constraint, of=_registry: transforms.IndependentTransform(
        of(constraint.base_constraint), constraint.reinterpreted_batch_ndims))
    _registry.register(constraints.cat, lambda constraint, of=_registry: transforms.CatTransform(
        [of(each) for each in constraint.cseq], constraint.dim, constraint.lengths))
    _registry.register(constraints.stack, lambda constraint, of=_registry: transforms.StackTransform(
        [of(each) for each in constraint.cseq], constraint.dim))

biject_to.register(constraints.simplex, lambda constraint: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda constraint: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda constraint: transforms.LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda constraint: transforms.PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda constraint: transforms.PositiveDefiniteTransform())
