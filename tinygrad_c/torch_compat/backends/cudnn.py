"""torch.backends.cudnn's switches: they can be set, and change nothing. Results are always the same from run to run."""
from tinygrad_c._base.missing import public_names

__all__ = ["allow_tf32", "benchmark", "deterministic", "enabled", "is_available", "version"]
__getattr__, __dir__ = public_names(globals())

enabled = False
benchmark = False
deterministic = False
allow_tf32 = False


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None."""
