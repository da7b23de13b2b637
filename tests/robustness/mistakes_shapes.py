"""Mistakes with shapes, dtypes, indices and conversions."""
from __future__ import annotations

import numpy as np
from robustness.mistakes import SILENT, fine, mistake


@mistake("16", RuntimeError, "mat1 and mat2 must have the same dtype, but got Double and Float", "NumPy", ".float()",
         "astype('float32')")
def layer_of_doubles(torch, keep):
    torch.nn.Linear(3, 2)(keep(torch.from_numpy(np.ones((4, 3)))))


@mistake("16", RuntimeError, "expected m1 and m2 to have the same dtype, but got: double != float", "NumPy", ".float()")
def matmul_of_doubles_and_floats(torch, keep):
    keep(torch.from_numpy(np.ones((4, 3)))) @ keep(torch.ones(3, 2))


@mistake("17", TypeError, "argument 'input' (position 1) must be Tensor, not numpy.ndarray", "tensor(")
def numpy_array_in_a_layer(torch, keep):
    torch.nn.Linear(3, 2)(np.ones((4, 3), np.float32))


@mistake("18", RuntimeError, "The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 2",
         "[2, 4]", "[5, 1, 3]")
def shapes_that_do_not_broadcast(torch, keep):
    keep(torch.ones(2, 4)) + keep(torch.ones(5, 1, 3))


@mistake("18", RuntimeError, "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0",
         "[3]", "[2]")
def shapes_that_do_not_broadcast_in_place(torch, keep):
    x = keep(torch.ones(3))
    x *= keep(torch.ones(2))


@mistake("24", RuntimeError, "a Tensor with 2 elements cannot be converted to Scalar")
def item_of_two_numbers(torch, keep):
    keep(torch.ones(2)).item()


@mistake("24", ValueError, "only one element tensors can be converted to Python scalars", "[2]")
def float_of_two_numbers(torch, keep):
    float(keep(torch.ones(2)))


@mistake("24", RuntimeError, "Boolean value of Tensor with more than one value is ambiguous")
def condition_of_two_numbers(torch, keep):
    if keep(torch.ones(2)) > 0:
        pass


@mistake("24", TypeError, "len() of a 0-d tensor")
def len_of_a_scalar(torch, keep):
    len(keep(torch.tensor(1.0)))


@mistake("24", TypeError, "iteration over a 0-d tensor")
def loop_over_a_scalar(torch, keep):
    for _ in keep(torch.tensor(1.0)):
        pass


@mistake("26", RuntimeError, "view size is not compatible with input tensor's size and stride (at least one dimension spans "
                             "across two contiguous subspaces). Use .reshape(...) instead")
def view_of_a_transpose(torch, keep):
    keep(torch.ones(2, 3)).t().view(6)


@mistake("27", RuntimeError, "shape '[4, 2]' is invalid for input of size 6", "4*2=8")
def reshape_to_another_size(torch, keep):
    keep(torch.ones(2, 3)).reshape(4, 2)


@mistake("27", RuntimeError, "shape '[-1, 4]' is invalid for input of size 6")
def reshape_to_what_does_not_divide(torch, keep):
    keep(torch.ones(2, 3)).view(-1, 4)


@mistake("28", IndexError, "index 3 is out of bounds for dimension 0 with size 3")
def index_beyond_the_end(torch, keep):
    keep(torch.ones(3))[3]


@mistake("28", IndexError, "Dimension out of range (expected to be in range of [-1, 0], but got 1)")
def dimension_that_is_not_there(torch, keep):
    keep(torch.ones(3)).sum(1)


@mistake("28", ValueError, "slice step cannot be zero", "must be greater than zero")
def step_of_zero(torch, keep):
    keep(torch.ones(3))[::0]


@fine
def negative_step(torch, keep):
    assert torch.tensor([1, 2, 3])[::-1].tolist() == [3, 2, 1]


@mistake("29", RuntimeError, "mean(): could not infer output dtype", "Got: Long", ".float()")
def mean_of_integers(torch, keep):
    keep(torch.tensor([1, 2])).mean()


@mistake("29", RuntimeError, "result type Float can't be cast to the desired output type Long", ".float()")
def division_of_integers_in_place(torch, keep):
    x = keep(torch.tensor([1, 2]))
    x /= 2


@mistake("29", RuntimeError, "result type Float can't be cast to the desired output type Long", ".float()")
def half_added_to_integers_in_place(torch, keep):
    x = keep(torch.tensor([1, 2]))
    x += 0.5


@mistake("36", UserWarning, "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone()")
def tensor_of_a_tensor(torch, keep):
    torch.tensor(keep(torch.ones(2)))       # <- here


@mistake("38", UserWarning, "makes 3 numbers, not the number 3", "zeros(3)", "tensor(3.)", torch=SILENT, once=True)
def tensor_of_a_size(torch, keep):
    torch.Tensor(3)     # <- here


@fine
def tensors_of_several_sizes_and_of_numbers(torch, keep):
    assert torch.Tensor(2, 3).shape == (2, 3)
    assert torch.Tensor([3]).tolist() == [3.0]
