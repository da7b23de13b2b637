"""Datasets, samplers and DataLoader: the names of torch.utils.data."""
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard, guard_all
from tinygrad_c.utils.data.collate import default_collate, default_convert
from tinygrad_c.utils.data.dataloader import DataLoader
from tinygrad_c.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tinygrad_c.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]
__getattr__, __dir__ = lazy_names(globals(), {"distributed": "DistributedSampler"}, guard)


def get_worker_info() -> None:
    """None: one thread iterates over an IterableDataset, so there is no work to divide among workers.

    >>> tinygrad_c.utils.data.get_worker_info() is None
    True
    """


guard_all(globals())
