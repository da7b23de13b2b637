"""Shapes: what the rows of samples_shape.py do not say. Views that share memory, windows that overlap, as_strided."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c as tg


def test_views_look_into_the_tensor():
    x = tg.zeros(3, 4)
    x.diagonal().fill_(1)
    x.diagonal(1)[:] = tg.tensor([2.0, 3.0, 4.0])
    x.movedim(0, 1)[3, 0] = 9
    x.unflatten(1, (2, 2))[0, 1, 0] = 7
    x.unfold(0, 2, 1)[1, 0, 1] = 5
    assert x.tolist() == [[1, 2, 7, 9], [0, 1, 3, 0], [5, 0, 1, 4]]
    assert x.T.mT.data_ptr() == x.data_ptr()
    assert x.H.shape == (4, 3)
    assert tg.flip(x, (0,)).is_contiguous()


def test_a_written_diagonal_has_a_gradient():
    x = tg.ones(3, 3, requires_grad=True)
    d = tg.tensor([2.0, 3.0, 4.0], requires_grad=True)
    y = x * 2
    y.diagonal().mul_(d)
    (y * y).sum().backward()
    assert d.grad.tolist() == [16, 24, 32]
    assert x.grad.tolist() == [[32, 8, 8], [8, 72, 8], [8, 8, 128]]


def test_windows_that_overlap_add_their_gradients():
    x = tg.tensor(np.arange(6.0), requires_grad=True)
    windows = x.unfold(0, 3, 1)
    assert windows.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]
    (g,) = tg.autograd.grad((windows ** 2).sum(), x, create_graph=True)
    assert g.tolist() == [0, 4, 12, 18, 16, 10]           # 2 x, times how many windows have it: 1 2 3 3 2 1
    (h,) = tg.autograd.grad((g * x).sum(), x)
    assert h.tolist() == [0, 8, 24, 36, 32, 20]
    e = tg.ones(1, requires_grad=True)
    tg.as_strided(e, (3, 2), (0, 0)).sum().backward()
    assert e.grad.tolist() == [6]


def test_unfold_of_what_is_not_contiguous():
    x = tg.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    y = x.t().unfold(0, 2, 2)
    assert y.tolist() == [[[0, 1], [4, 5], [8, 9]], [[2, 3], [6, 7], [10, 11]]]
    (y * tg.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [[1, 10, 1, 10]] * 3


def test_as_strided():
    x = tg.arange(12).reshape(3, 4)
    assert x.as_strided((2, 2), (4, 2)).tolist() == [[0, 2], [4, 6]]
    assert x[1:].as_strided((2,), (1,)).tolist() == [4, 5]
    assert x[1:].as_strided((2,), (1,), 1).tolist() == [1, 2]
    y = tg.ones(4, requires_grad=True)
    tg.as_strided(y, (2, 2), (1, 1)).sum().backward()
    assert y.grad.tolist() == [1, 2, 1, 0]
    for size, stride, offset in [((13,), (1,), None), ((2,), (12,), None), ((1,), (1,), 12), ((1,), (1,), -1),
                                 ((2,), (2 ** 61,), None)]:
        with pytest.raises(RuntimeError, match="out of bounds for storage|does not fit into memory"):
            x.as_strided(size, stride, offset)
    with pytest.raises(RuntimeError, match="negative"):
        x.as_strided((2,), (-1,))
    with pytest.raises(RuntimeError, match="mismatch in length"):
        x.as_strided((2,), (1, 1))
    with pytest.raises(RuntimeError, match=r"contiguous\(\) first"):
        y.reshape(2, 2).t().as_strided((2,), (1,))


def test_dims_by_name():
    x = tg.zeros(1, 2, 1, 3)
    assert x.squeeze(dim=(0, 2)).shape == tg.squeeze(x, dim=(0, 2)).shape == (2, 3)
    assert tg.permute(x, dims=(3, 2, 1, 0)).shape == x.permute(dims=(3, 2, 1, 0)).shape == (3, 1, 2, 1)
    assert tg.flip(tg.arange(3), dims=(0,)).tolist() == tg.arange(3).flip(dims=(0,)).tolist() == [2, 1, 0]
    assert tg.tile(tg.arange(2), dims=(2,)).tolist() == tg.arange(2).tile(dims=(2,)).tolist() == [0, 1, 0, 1]
    assert tg.arange(2).repeat(repeats=(2,)).tolist() == [0, 1, 0, 1]


def test_view_of_another_dtype():
    """The same bytes, for dtypes of one size; other sizes are refused."""
    assert tg.ones(2).view(tg.int32).tolist() == [0x3F800000] * 2
    with pytest.raises(RuntimeError, match=r"view\(dtype\): the elements of torch.float32 cannot be read as torch.int64"):
        tg.ones(2).view(tg.int64)


def test_functions_say_what_they_take():
    for function in (tg.flip, tg.roll, tg.tile, tg.movedim, tg.rot90, tg.diag, tg.tril, tg.repeat_interleave, tg.hsplit):
        with pytest.raises(TypeError, match=r"must be Tensor, not list"):
            function([1, 2], *[1] * (2 if function is tg.movedim else 1))
    with pytest.raises(TypeError, match="must be tuple of Tensors, not Tensor"):
        tg.hstack(tg.ones(2))
    with pytest.raises(TypeError, match="expected Tensor as element 1"):
        tg.vstack([tg.ones(2), 1])


@pytest.mark.parametrize("change", [lambda x: x.unsqueeze_(0), lambda x: x.unsqueeze_(-1), lambda x: x.squeeze_(), lambda x: x.squeeze_(1),
                                    lambda x: x.transpose_(0, 2), lambda x: x[0].t_(), lambda x: x.swapaxes_(0, 1),
                                    lambda x: x[:, 0].fill_diagonal_(7.0), lambda x: x[:, 0].t().contiguous().fill_diagonal_(7.0, wrap=True),
                                    lambda x: x[:1, :, :1].fill_diagonal_(7.0), lambda x: x[:1].expand(3, 3, 3).contiguous().fill_diagonal_(7.0)])
def test_the_tensor_itself_in_another_shape(change):
    torch = pytest.importorskip("torch")
    array = np.arange(6.0).reshape(2, 1, 3)
    ours, theirs = tg.tensor(array), torch.tensor(array)
    changed, expected = change(ours), change(theirs)
    assert changed.tolist() == expected.tolist()
    assert changed.stride() == expected.stride()
    assert ours.tolist() == theirs.tolist()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        tg.ones(2, requires_grad=True).unsqueeze_(0)


def test_sizes_add_up_to_sizes():
    for m in filter(None, (tg, torch)):
        size = m.Size([2, 3])
        for found, wanted in ((size + (1,), [2, 3, 1]), ((1,) + size, [1, 2, 3]), (size * 2, [2, 3, 2, 3]), (size[:1], [2])):  # noqa: RUF005
            assert type(found) is m.Size
            assert repr(found) == f"torch.Size({wanted})"
