"""Data sets, samplers and the loader that makes batches of them: PyTorch's torch.utils.data."""
from tinygrad_c.absent import unknown
from tinygrad_c.utils.data.collate import default_collate
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
    "random_split",
]


def __getattr__(name: str):
    raise unknown(__name__, name, globals())
