"""The names of torch.cuda. There is no GPU."""
from __future__ import annotations

from tinygrad_c._base.device import no_cuda
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.torch_compat.switches import OutOfMemoryError

__all__ = ["OutOfMemoryError", "amp", "current_device", "device_count", "empty_cache", "get_device_capability",
           "get_device_name", "get_device_properties", "is_available", "is_bf16_supported", "is_initialized", "manual_seed",
           "manual_seed_all", "max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved",
           "reset_peak_memory_stats", "set_device", "synchronize"]
__getattr__, __dir__ = lazy_names(globals(), {"": "amp"})


def is_available() -> bool:
    """False: there is only the CPU.

    >>> tinygrad_c.cuda.is_available()
    False
    """
    return False


def is_initialized() -> bool:
    """False.

    >>> tinygrad_c.cuda.is_initialized()
    False
    """
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False.

    >>> tinygrad_c.cuda.is_bf16_supported()
    False
    """
    return False


def device_count() -> int:
    """0.

    >>> tinygrad_c.cuda.device_count()
    0
    """
    return 0


def manual_seed(seed: int) -> None:
    """Does nothing: there is no GPU. tinygrad_c.manual_seed seeds the CPU's generator.

    >>> tinygrad_c.cuda.manual_seed(0)
    """


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Does nothing: there is no GPU memory.

    >>> tinygrad_c.cuda.empty_cache()
    """


def memory_allocated(device=None) -> int:
    """0.

    >>> tinygrad_c.cuda.memory_allocated()
    0
    """
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def reset_peak_memory_stats(device=None) -> None:
    """Does nothing.

    >>> tinygrad_c.cuda.reset_peak_memory_stats()
    """


synchronize = current_device = get_device_name = get_device_properties = get_device_capability = set_device = no_cuda
