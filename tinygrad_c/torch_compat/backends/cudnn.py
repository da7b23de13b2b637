"""The flags of torch.backends.cudnn. They can be set but have no effect: results are always deterministic."""
from tinygrad_c._base.lazy import lazy_names

__all__ = ["allow_tf32", "benchmark", "deterministic", "enabled", "is_available", "version"]
__getattr__, __dir__ = lazy_names(globals())

enabled = False
benchmark = False
deterministic = False
allow_tf32 = False


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None."""
