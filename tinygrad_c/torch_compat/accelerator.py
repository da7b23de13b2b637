"""torch.accelerator where there is none: the CPU is the only device."""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard_all

__all__ = ["current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count",
           "is_available", "set_device_idx", "set_device_index", "set_stream", "synchronize"]
__getattr__, __dir__ = lazy_names(globals())


def is_available() -> bool:
    """False: there is no accelerator.

    >>> tinygrad_c.accelerator.is_available()
    False
    """
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None: there is no accelerator.

    >>> accelerator = tinygrad_c.accelerator
    >>> accelerator.current_accelerator().type if accelerator.is_available() else "cpu"
    'cpu'
    """
    return


def device_count() -> int:
    """0, the number of accelerators.

    >>> tinygrad_c.accelerator.device_count()
    0
    """
    return 0


def _none(*args: Any, **kwargs: Any) -> Any:
    """Raises RuntimeError: there is no accelerator.

    >>> tinygrad_c.accelerator.synchronize()
    Traceback (most recent call last):
    RuntimeError: Cannot access accelerator device when none is available: there is only the CPU here
    """
    raise RuntimeError("Cannot access accelerator device when none is available: there is only the CPU here")


current_device_idx = current_device_index = current_stream = synchronize = _none
set_device_idx = set_device_index = set_stream = _none

guard_all(globals())
