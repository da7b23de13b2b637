"""What stands beside nn and optim: utils.data."""
from tinygrad_c.absent import unknown
from tinygrad_c.utils import data

__all__ = ["data"]


def __getattr__(name: str):
    if name in ("benchmark", "checkpoint", "dlpack", "tensorboard"):
        from importlib import import_module
        return import_module(f"tinygrad_c.utils.{name}")
    raise unknown(__name__, name, globals())
