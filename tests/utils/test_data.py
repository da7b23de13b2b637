"""utils.data: the loader's batches by every way in, against stacking the samples one by one; splits, samplers, collation."""
from collections import Counter, OrderedDict, UserList, defaultdict, namedtuple

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c as tg
from tinygrad_c.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    random_split,
)


class Squares(Dataset):
    """Sample i is (i, i * i), from plain Python."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(i)
        return float(i), i * i


class Stream(IterableDataset):
    def __iter__(self):
        yield from range(5)


def rows(n=10):
    return TensorDataset(tg.arange(2 * n).float().reshape(n, 2), tg.arange(n))


def test_tensor_dataset():
    data = rows()
    assert len(data) == 10
    assert [part.tolist() for part in data[3]] == [[6, 7], 3]
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(tg.zeros(3), tg.zeros(4))
    with pytest.raises(TypeError, match="not numpy.ndarray"):
        TensorDataset(np.zeros(3))


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 12])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_in_order(batch_size, drop_last):
    loader = DataLoader(rows(), batch_size, drop_last=drop_last)
    batches = list(loader)
    assert len(batches) == len(loader) == (10 // batch_size if drop_last else -(-10 // batch_size))
    labels = [label for _, y in batches for label in y.tolist()]
    assert labels == list(range(10 // batch_size * batch_size if drop_last else 10))
    for x, y in batches:
        assert x.tolist() == [[2 * label, 2 * label + 1] for label in y.tolist()]
        assert (x.dtype, y.dtype) == (tg.float32, tg.int64)
    assert isinstance(batches[0], list) if batches else True


def test_shuffled_batches_are_a_permutation_and_differ_from_epoch_to_epoch():
    tg.manual_seed(0)
    loader = DataLoader(rows(50), batch_size=7, shuffle=True)
    epochs = [[label for _, y in loader for label in y.tolist()] for _ in range(3)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    tg.manual_seed(0)
    assert [label for _, y in loader for label in y.tolist()] == epochs[0]
    for x, y in loader:
        assert x.tolist() == [[2 * label, 2 * label + 1] for label in y.tolist()]


def test_a_generator_decides_the_order_however_the_samples_come():
    def order(dataset, **settings):
        loader = DataLoader(dataset, 4, shuffle=True, generator=tg.Generator().manual_seed(5), **settings)
        return [label for batch in loader for label in batch[-1].tolist()]
    first = order(rows(20))
    assert order(rows(20)) == first
    assert order(rows(20), collate_fn=lambda samples: default_collate(samples)) == first
    assert order(rows(20), num_workers=2) == first
    assert order(Subset(rows(40), range(20))) == first
    state = tg.Generator().manual_seed(5)
    assert [i for i in RandomSampler(range(20), generator=state)] == first


def test_batches_are_copies():
    data = rows()
    for shuffle in (False, True):
        for x, _ in DataLoader(data, 4, shuffle=shuffle):
            x.zero_()
    assert data.tensors[0].sum().item() == sum(range(20))


def test_subsets_and_splits_take_the_short_way_and_the_long_way_alike():
    data = rows(20)
    part = Subset(Subset(data, [1, 3, 5, 7, 9, 11]), [5, 0, 2])
    assert [y.tolist() for _, y in DataLoader(part, 2)] == [[11, 1], [5]]
    assert [y.tolist() for _, y in DataLoader(part, 2, collate_fn=lambda samples: default_collate(samples))] == [[11, 1], [5]]
    train, test = random_split(data, [15, 5], generator=tg.Generator().manual_seed(1))
    labels = [label for half in (train, test) for _, y in DataLoader(half, 4) for label in y.tolist()]
    assert sorted(labels) == list(range(20))
    assert labels != list(range(20))


def test_a_changed_getitem_is_used():
    class Shifted(TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return x + 100, y
    assert next(iter(DataLoader(Shifted(tg.zeros(4), tg.arange(4)), 2)))[0].tolist() == [100, 100]


def test_python_datasets():
    loader = DataLoader(Squares(5), batch_size=2)
    assert [(x.tolist(), y.tolist()) for x, y in loader] == [([0, 1], [0, 1]), ([2, 3], [4, 9]), ([4], [16])]
    assert next(iter(loader))[0].dtype == tg.float64
    assert next(iter(loader))[1].dtype == tg.int64
    assert list(DataLoader(Squares(3), batch_size=None)) == [[0.0, 0], [1.0, 1], [2.0, 4]]
    assert list(DataLoader(Squares(4), batch_size=2, collate_fn=list)) == [[(0.0, 0), (1.0, 1)], [(2.0, 4), (3.0, 9)]]
    both = Squares(2) + Squares(3)
    assert isinstance(both, ConcatDataset)
    assert [both[i][1] for i in range(5)] == [0, 1, 0, 1, 4]
    assert both[-1] == (2.0, 4)
    with pytest.raises(IndexError):
        both[5]


def test_workers_keep_the_order_and_hand_errors_on():
    loader = DataLoader(Squares(23), batch_size=4, num_workers=3)
    assert [y.tolist() for _, y in loader] == [y.tolist() for _, y in DataLoader(Squares(23), batch_size=4)]

    class Fails(Squares):
        def __getitem__(self, i):
            if i == 5:
                raise ValueError("sample 5 is bad")
            return super().__getitem__(i)
    with pytest.raises(ValueError, match="sample 5 is bad"):
        list(DataLoader(Fails(10), batch_size=2, num_workers=2))


def test_streams():
    assert [batch.tolist() for batch in DataLoader(Stream(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    assert [batch.tolist() for batch in DataLoader(Stream(), batch_size=2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Stream(), batch_size=None)) == [0, 1, 2, 3, 4]
    assert len(list(Stream() + Stream())) == 10
    assert isinstance(Stream() + Stream(), ChainDataset)
    with pytest.raises(ValueError, match="unspecified shuffle option"):
        DataLoader(Stream(), shuffle=True)


def test_samplers():
    assert list(SequentialSampler(range(3))) == [0, 1, 2]
    assert sorted(RandomSampler(range(9))) == list(range(9))
    drawn = list(RandomSampler(range(3), replacement=True, num_samples=300))
    assert len(drawn) == 300
    assert min(Counter(drawn).values()) > 60
    twice = Counter(RandomSampler(range(4), num_samples=10))
    assert sum(twice.values()) == 10
    assert set(twice.values()) <= {2, 3}
    assert sorted(SubsetRandomSampler([3, 5, 8])) == [3, 5, 8]
    weighted = Counter(WeightedRandomSampler([0.0, 1.0, 3.0], 4000))
    assert 0 not in weighted
    assert weighted[2] / weighted[1] == pytest.approx(3, rel=0.2)
    assert sorted(WeightedRandomSampler([1.0, 0.0, 2.0, 1.0], 3, replacement=False)) == [0, 2, 3]
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3
    loader = DataLoader(rows(), batch_sampler=[[1, 2], [9]])
    assert [y.tolist() for _, y in loader] == [[1, 2], [9]]
    assert len(loader) == 2
    assert [y.tolist() for _, y in DataLoader(rows(), 2, sampler=[4, 4, 1])] == [[4, 4], [1]]
    with pytest.raises(ValueError, match="num_samples should be a positive integer value, but got num_samples=0"):
        DataLoader(TensorDataset(tg.zeros(0)), shuffle=True)


def test_collate():
    Point = namedtuple("Point", "x y")
    point = default_collate([Point(1, tg.ones(2)), Point(2, tg.zeros(2))])
    assert type(point).__name__ == "Point"
    assert point.x.tolist() == [1, 2]
    assert point.y.tolist() == [[1, 1], [0, 0]]
    batch = default_collate([{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}])
    assert batch["a"].tolist() == [1, 2]
    assert batch["b"] == ["x", "y"]
    assert default_collate([np.float32(1), np.float32(2)]).dtype == tg.float32
    assert default_collate([np.ones(2), np.zeros(2)]).shape == (2, 2)
    assert default_collate([True, False]).dtype == tg.bool
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="batch must contain tensors, numpy arrays, numbers, dicts or lists"):
        default_collate([object()])


def test_random_split():
    parts = random_split(range(10), [0.5, 0.3, 0.2])
    assert [len(part) for part in parts] == [5, 3, 2]
    assert sorted(sample for part in parts for sample in part) == list(range(10))
    assert [len(part) for part in random_split(range(7), [0.5, 0.5])] == [4, 3]
    again = [list(random_split(range(10), [4, 6], generator=tg.Generator().manual_seed(2))[0]) for _ in range(2)]
    assert again[0] == again[1]
    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length of the input dataset!"):
        random_split(range(10), [4, 4])


def test_stack_dataset():
    assert StackDataset(range(3), range(3, 6))[1] == (1, 4)
    assert StackDataset(a=range(3), b=range(3))[2] == {"a": 2, "b": 2}
    with pytest.raises(ValueError, match="Size mismatch"):
        StackDataset(range(3), range(4))


def test_loader_errors():
    with pytest.raises(ValueError, match="sampler option is mutually exclusive with shuffle"):
        DataLoader(rows(), shuffle=True, sampler=[1])
    with pytest.raises(ValueError, match="batch_sampler option is mutually exclusive"):
        DataLoader(rows(), batch_size=2, batch_sampler=[[1]])
    with pytest.raises(ValueError, match="batch_size should be a positive integer value, but got batch_size=0"):
        DataLoader(rows(), batch_size=0)
    with pytest.raises(ValueError, match="num_workers option should be non-negative"):
        DataLoader(rows(), num_workers=-1)
    with pytest.raises(ValueError, match="mutually exclusive with drop_last"):
        DataLoader(rows(), batch_size=None, drop_last=True)


def test_a_loader_without_batches_converts():
    for module in [tg, *([torch] if torch is not None else [])]:
        first = next(iter(module.utils.data.DataLoader([{"t": (1, 2.0), "a": np.ones(1)}], batch_size=None)))
        assert first["t"] == [1, 2.0]
        assert isinstance(first["a"], module.Tensor)


def test_a_samplers_own_way_of_iterating_is_used():
    """However it is derived, and whatever else it calls its attributes."""
    class Fixed(SequentialSampler):
        def __iter__(self):
            return iter([3, 1])

    class Listed(Sampler):
        def __init__(self):
            self.order = [4, 2, 0]

        def __iter__(self):
            return iter(self.order)
    assert [y.tolist() for _, y in DataLoader(rows(), 2, sampler=Fixed(rows()))] == [[3, 1]]
    assert [y.tolist() for _, y in DataLoader(rows(), 2, sampler=Listed())] == [[4, 2], [0]]


def test_numbers_from_the_end():
    data = rows()
    assert [y.tolist() for _, y in DataLoader(Subset(data, [-1, 0]), 2)] == [[9, 0]]
    assert [y.tolist() for _, y in DataLoader(Subset(Subset(data, [2, 3, 4]), [-1]), 2)] == [[4]]
    assert [y.tolist() for _, y in DataLoader(data, 2, sampler=SubsetRandomSampler([-2]))] == [[8]]
    with pytest.raises(IndexError, match="index 10 is out of bounds for dimension 0 with size 10"):
        list(DataLoader(Subset(data, [10]), 2))


def test_a_dataset_may_give_a_batch_at_once():
    class Together(Squares):
        def __getitems__(self, numbers):
            return [("together", number) for number in numbers]
    assert list(DataLoader(Together(3), 2, collate_fn=list)) == [[("together", 0), ("together", 1)], [("together", 2)]]


def test_containers_keep_their_kind():
    def filled(value):
        made = defaultdict(list)
        made["a"] = value
        return made
    for module in [tg, *([torch] if torch is not None else [])]:
        collate, convert = module.utils.data.default_collate, module.utils.data.default_convert
        batch = collate([filled(1), filled(2)])
        assert batch["a"].tolist() == [1, 2]
        assert batch["b"] == []
        assert type(convert(OrderedDict(a=1))) is OrderedDict
        assert type(collate([UserList([1]), UserList([2])])) is UserList
        assert collate([range(2), range(2)])[1].tolist() == [1, 1]
        with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
            collate([np.ones(2), np.ones(3)])
        with pytest.raises(TypeError, match="batch must contain tensors, numpy arrays, numbers, dicts or lists"):
            collate([np.array(["a"]), np.array(["b"])])


def test_a_loaders_settings_can_be_read_and_not_changed():
    for module in [tg, *([torch] if torch is not None else [])]:
        loader = module.utils.data.DataLoader([1, 2], 2)
        assert (loader.pin_memory, loader.timeout, loader.worker_init_fn, loader.persistent_workers, loader.prefetch_factor,
                loader.multiprocessing_context, loader.in_order) == (False, 0, None, False, None, None, True)
        with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader is initialized"):
            loader.batch_size = 1
        for settings in ({"timeout": -1}, {"prefetch_factor": 2}, {"persistent_workers": True}):
            with pytest.raises(ValueError, match="timeout option|prefetch_factor option|persistent_workers option"):
                module.utils.data.DataLoader([1, 2], **settings)
        assert module.utils.data.DataLoader[int]
