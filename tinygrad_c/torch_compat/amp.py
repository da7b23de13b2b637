"""The names of mixed precision. They have no effect: tensors keep their own precision."""
from __future__ import annotations

from tinygrad_c._base.lazy import lazy_names

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]
__getattr__, __dir__ = lazy_names(globals())
__path__: list[str] = []     # so that amp.autocast_mode can be imported: import_aliases finds it


class autocast:
    """A context manager and decorator without effect: there is no half precision.

    >>> with tinygrad_c.autocast("cpu"):
    ...     print((tinygrad_c.ones(1) * 2).dtype)
    torch.float32
    """

    def __init__(self, device_type: str = "cpu", dtype=None, enabled: bool = True, cache_enabled: bool | None = None):
        self.device = device_type

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        pass

    def __call__(self, function):
        return function


class GradScaler:
    """A gradient scaler with factor 1: `scale(loss).backward(); step(optimizer); update()` is a plain training step.

    >>> w = tinygrad_c.tensor(1., requires_grad=True)
    >>> scaler, optimizer = tinygrad_c.GradScaler(), tinygrad_c.optim.SGD([w], lr=0.1)
    >>> scaler.scale(3 * w).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w
    tensor(0.7000, requires_grad=True)
    """

    def __init__(self, device: str = "cpu", init_scale: float = 65536.0, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True):
        pass

    def is_enabled(self) -> bool:
        """False: nothing is scaled.

        >>> GradScaler().is_enabled()
        False
        """
        return False

    def scale(self, outputs):
        """The outputs themselves.

        >>> GradScaler().scale(tinygrad_c.ones(1))
        tensor([1.])
        """
        return outputs

    def unscale_(self, optimizer) -> None:
        """Does nothing.

        >>> GradScaler().unscale_(tinygrad_c.optim.SGD([tinygrad_c.ones(1, requires_grad=True)]))
        """

    def step(self, optimizer, *args, **kwargs):
        """optimizer.step().

        >>> w = tinygrad_c.ones(1, requires_grad=True)
        >>> w.sum().backward()
        >>> GradScaler().step(tinygrad_c.optim.SGD([w], lr=0.5))
        >>> w
        tensor([0.5000], requires_grad=True)
        """
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale=None) -> None:
        """Does nothing.

        >>> GradScaler().update()
        """

    def get_scale(self) -> float:
        """1.

        >>> GradScaler().get_scale()
        1.0
        """
        return 1.0

    def state_dict(self) -> dict:
        """An empty dict.

        >>> GradScaler().state_dict()
        {}
        """
        return {}

    def load_state_dict(self, state_dict: dict) -> None:
        """Does nothing.

        >>> GradScaler().load_state_dict({})
        """


def custom_fwd(fwd=None, *, device_type: str = "cpu", cast_inputs=None):
    """A decorator for the forward of an autograd.Function: the function itself.

    >>> custom_fwd(len) is len
    True
    """
    return fwd if fwd is not None else custom_fwd


def custom_bwd(bwd=None, *, device_type: str = "cpu"):
    """A decorator for the backward of an autograd.Function: the function itself.

    >>> custom_bwd(len) is len
    True
    """
    return bwd if bwd is not None else custom_bwd
