"""Averaging of the models of all ranks: local SGD and post-local SGD, by torch's names."""

from tinygrad_c._base.lazy import lazy_names

__all__ = ["averagers", "utils"]
__getattr__, __dir__ = lazy_names(globals(), {"": "averagers utils"})
