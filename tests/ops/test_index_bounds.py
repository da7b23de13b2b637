"""Which indexing functions count from the end, and what each raises for a number that is out of bounds: as torch, each of them."""
import warnings

import pytest
from samples.comparing import both

FROM_END = {    # -1 is the last
    "getitem": lambda m, i: m.arange(3.)[m.tensor([i])],
    "getitem of a number": lambda m, i: m.arange(3.)[m.tensor(i)],
    "getitem of an int": lambda m, i: m.arange(3.)[i],
    "getitem of a list": lambda m, i: m.arange(3.)[[i]],
    "getitem beside a slice": lambda m, i: m.arange(6.).reshape(2, 3)[:, m.tensor([i])],
    "getitem beside an int": lambda m, i: m.arange(6.).reshape(2, 3)[0, m.tensor([i])],
    "setitem": lambda m, i: assigned(m.arange(3.), m.tensor([i])),
    "setitem of an int": lambda m, i: assigned(m.arange(3.), i),
    "select": lambda m, i: m.arange(3.).select(0, i),
    "select_scatter": lambda m, i: m.arange(3.).select_scatter(m.tensor(5.), 0, i),
    "index_fill": lambda m, i: m.arange(3.).index_fill(0, m.tensor([i]), 9.),
    "index_fill with a tensor": lambda m, i: m.arange(3.).index_fill(0, m.tensor([i]), m.tensor(9.)),
    "index_put": lambda m, i: m.arange(3.).index_put((m.tensor([i]),), m.ones(1)),
    "index_put, accumulate": lambda m, i: m.arange(3.).index_put((m.tensor([i]),), m.ones(1), accumulate=True),
    "take": lambda m, i: m.arange(3.).take(m.tensor([i])),
    "put": lambda m, i: m.arange(3.).put(m.tensor([i]), m.ones(1)),
    "put_": lambda m, i: m.arange(3.).put_(m.tensor([i]), m.ones(1)),
    "put, accumulate": lambda m, i: m.arange(3.).put(m.tensor([i]), m.ones(1), accumulate=True),
    "Sequential": lambda m, i: m.tensor(len(type(m.nn.Sequential(m.nn.ReLU(), m.nn.ELU(), m.nn.Tanh())[i]).__name__)),
    "TensorDataset": lambda m, i: m.utils.data.TensorDataset(m.arange(3.))[i][0],
    "Subset": lambda m, i: m.utils.data.Subset(m.utils.data.TensorDataset(m.arange(3.)), [i])[0][0],
}
FROM_ZERO = {   # a negative number is out of bounds
    "gather": (RuntimeError, lambda m, i: m.arange(3.).gather(0, m.tensor([i]))),
    "gather in a matrix": (RuntimeError, lambda m, i: m.arange(6.).reshape(2, 3).gather(1, m.tensor([[i, 0]]))),
    "gather along rows": (RuntimeError, lambda m, i: m.arange(6.).reshape(3, 2).gather(0, m.tensor([[i, 0]]))),
    "gather of a number": (RuntimeError, lambda m, i: m.tensor(2.).gather(0, m.tensor(i))),
    "gather of a view": (RuntimeError, lambda m, i: m.arange(6.).reshape(3, 2).t().gather(1, m.tensor([[i], [0]]))),
    "scatter": (RuntimeError, lambda m, i: m.arange(3.).scatter(0, m.tensor([i]), m.ones(1))),
    "scatter of a number": (RuntimeError, lambda m, i: m.arange(3.).scatter(0, m.tensor([i]), 5.)),
    "scatter_": (RuntimeError, lambda m, i: m.arange(3.).scatter_(0, m.tensor([i]), m.ones(1))),
    "scatter, add": (RuntimeError, lambda m, i: m.arange(3.).scatter(0, m.tensor([i]), m.ones(1), reduce="add")),
    "scatter_add": (RuntimeError, lambda m, i: m.arange(3.).scatter_add(0, m.tensor([i]), m.ones(1))),
    "scatter_add_": (RuntimeError, lambda m, i: m.arange(3.).scatter_add_(0, m.tensor([i]), m.ones(1))),
    "scatter_add of integers": (RuntimeError, lambda m, i: m.arange(3).scatter_add(0, m.tensor([i]), m.tensor([1]))),
    "index_select": (IndexError, lambda m, i: m.arange(3.).index_select(0, m.tensor([i]))),
    "index_select of a number": (IndexError, lambda m, i: m.tensor(3.).index_select(0, m.tensor([i]))),
    "index_add": (IndexError, lambda m, i: m.arange(3.).index_add(0, m.tensor([i]), m.ones(1))),
    "index_add of rows": (RuntimeError, lambda m, i: m.ones(3, 2).index_add(0, m.tensor([i]), m.ones(1, 2))),
    "index_add of integers": (IndexError, lambda m, i: m.arange(3).index_add(0, m.tensor([i]), m.tensor([1]))),
    "index_add_": (IndexError, lambda m, i: m.arange(3.).index_add_(0, m.tensor([i]), m.ones(1))),
    "index_copy": (IndexError, lambda m, i: m.arange(3.).index_copy(0, m.tensor([i]), m.ones(1))),
    "index_copy of columns": (IndexError, lambda m, i: m.ones(2, 3).index_copy(1, m.tensor([i]), m.ones(2, 1))),
    "embedding": (IndexError, lambda m, i: m.nn.functional.embedding(m.tensor([i]), m.ones(3, 2))),
    "embedding_bag": (RuntimeError, lambda m, i: m.nn.functional.embedding_bag(m.tensor([[i]]), m.ones(3, 2))),
    "max_unpool1d": (RuntimeError, lambda m, i: m.nn.functional.max_unpool1d(m.ones(1, 1, 1), m.tensor([[[i]]]), 3)),
    "nll_loss": (IndexError, lambda m, i: m.nn.functional.nll_loss(m.ones(1, 3), m.tensor([i]))),
    "cross_entropy": (IndexError, lambda m, i: m.nn.functional.cross_entropy(m.ones(1, 3), m.tensor([i]))),
    "multi_margin_loss": (RuntimeError, lambda m, i: m.nn.functional.multi_margin_loss(m.ones(1, 3), m.tensor([i]))),
    "one_hot": (RuntimeError, lambda m, i: m.nn.functional.one_hot(m.tensor([i]), 3)),
}
for how in ("sum", "prod", "mean", "amax", "amin"):
    FROM_ZERO[f"scatter_reduce, {how}"] = (
        RuntimeError, lambda m, i, how=how: m.arange(3.).scatter_reduce(0, m.tensor([i]), m.ones(1), how))
    FROM_ZERO[f"scatter_reduce, {how}, of what is sent alone"] = (
        RuntimeError, lambda m, i, how=how: m.arange(3.).scatter_reduce(0, m.tensor([i]), m.ones(1), how, include_self=False))
    if how != "sum":
        FROM_ZERO[f"index_reduce, {how}"] = (
            IndexError, lambda m, i, how=how: m.arange(3.).index_reduce(0, m.tensor([i]), m.ones(1), how))


def assigned(x, key):
    x[key] = 7.
    return x


@both
@pytest.mark.parametrize("name", FROM_END)
def test_counted_from_the_end(torch, name):
    f = FROM_END[name]
    for i in (-1, -2, -3):
        assert f(torch, i).tolist() == f(torch, i + 3).tolist()
    for i in (-4, 3, 7, -(2 ** 40), 2 ** 40):
        with pytest.raises(IndexError):
            f(torch, i)


@both
@pytest.mark.parametrize("name", FROM_ZERO)
def test_a_negative_number_is_out_of_bounds(torch, name):
    error, f = FROM_ZERO[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)        # index_reduce is in beta, in torch
        f(torch, 0)
        for i in (-1, -3, -4, 3, 7, 2 ** 40):
            with pytest.raises(error) as caught:
                f(torch, i)
            assert type(caught.value) is error


@both
def test_take_along_dim_counts_from_the_end(torch):
    x = torch.arange(6.).reshape(2, 3)
    assert torch.take_along_dim(x, torch.tensor([[-1, 0]]), 1).tolist() == [[2., 0.], [5., 3.]]
    with pytest.raises(RuntimeError, match="out of bounds"):
        torch.take_along_dim(x, torch.tensor([-1, 0]))      # without dim it does not


@both
def test_labels_of_margin_losses_and_padding_out_of_range(torch):
    F = torch.nn.functional
    with pytest.raises(RuntimeError, match="out of range"):
        F.multilabel_margin_loss(torch.ones(1, 3), torch.tensor([[3, 0, 0]]))
    with pytest.raises(RuntimeError, match="out of range"):
        F.multilabel_margin_loss(torch.ones(1, 3), torch.tensor([[-2, 0, 0]]))
    with pytest.raises(RuntimeError, match="padding_idx must be within the number of embeddings"):
        F.embedding_bag(torch.tensor([[0]]), torch.ones(3, 2), padding_idx=-4)


@both
def test_a_refused_index_changes_nothing(torch):
    x = torch.zeros(3)
    for write in (lambda i: x.scatter_(0, i, torch.ones(2)), lambda i: x.index_copy_(0, i, torch.ones(2)),
                  lambda i: x.index_fill_(0, i, 1.)):
        x.zero_()
        with pytest.raises((RuntimeError, IndexError)):
            write(torch.tensor([3, -4]))
        assert x.tolist() == [0., 0., 0.]
