"""DistributedSampler: PyTorch's indices, also the random ones; every row once."""
from itertools import chain

import pytest

from tinygrad_c.utils.data import DistributedSampler

# Of torch 2.13: list(DistributedSampler(range(7), 2, rank, seed=3)) in epochs 0 and 1, for rank 0 and 1.
RECORDED_0 = [[5, 4, 0, 1], [3, 6, 2, 5]]
RECORDED_1 = [[3, 0, 2, 6], [1, 4, 5, 3]]


def ours(rows, ranks, epoch=0, **settings):
    found = []
    for rank in range(ranks):
        sampler = DistributedSampler(range(rows), ranks, rank, **settings)
        sampler.set_epoch(epoch)
        found.append(list(sampler))
        assert len(found[-1]) == len(sampler)
    return found


@pytest.mark.parametrize("rows", [1, 2, 7, 12, 1000])
@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize("settings", [{}, {"shuffle": False}, {"drop_last": True, "seed": 5}, {"seed": 2**40 + 1}])
def test_the_indices_are_torchs(rows, ranks, settings):
    torch = pytest.importorskip("torch")
    for epoch in (0, 3):
        theirs = []
        for rank in range(ranks):
            sampler = torch.utils.data.DistributedSampler(range(rows), ranks, rank, **settings)
            sampler.set_epoch(epoch)
            theirs.append(list(sampler))
        assert ours(rows, ranks, epoch, **settings) == theirs


def test_recorded_indices():
    assert ours(7, 2, seed=3) == RECORDED_0
    assert ours(7, 2, epoch=1, seed=3) == RECORDED_1


def test_every_row_once():
    assert sorted(chain(*ours(12, 3))) == list(range(12))
    assert set(chain(*ours(13, 3))) == set(range(13))
    assert len(set(chain(*ours(13, 3, drop_last=True)))) == 12


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"Invalid rank 2, rank should be in the interval \[0, 1\]"):
        DistributedSampler(range(3), 2, 2)
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        DistributedSampler(range(3))
