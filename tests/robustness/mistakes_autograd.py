"""Mistakes with gradients, the tape and tensors that need them."""
from __future__ import annotations

import copy

import numpy as np
from robustness.mistakes import SILENT, fine, mistake


@mistake("1", RuntimeError, "Trying to backward through the graph a second time",
         "retain_graph=True", "saved tensors of SumBackward0 were freed", "{first}", "computed before the loop", ".detach()")
def backward_twice(torch, keep):
    w = torch.ones(3, requires_grad=True)
    loss = (w * w).sum()
    loss.backward()     # <- first
    keep(w)
    loss.backward()


@mistake("1", RuntimeError, "Trying to backward through the graph a second time", "{first}", ".detach()")
def hidden_state_kept_from_the_step_before(torch, keep):
    w, h = torch.ones(3, requires_grad=True), torch.zeros(3)
    for _ in range(2):
        h = torch.tanh(h + w)
        torch.autograd.backward(h.sum())        # <- first
        keep(w)


@mistake("1", RuntimeError, "Trying to backward through the graph a second time", "{first}")
def autograd_grad_twice(torch, keep):
    w = keep(torch.ones(3, requires_grad=True))
    loss = w.exp().sum()
    torch.autograd.grad(loss, w)    # <- first
    torch.autograd.grad(loss, w)


@mistake("1b", RuntimeError, "Trying to backward through the graph a second time", "{first}", torch=SILENT)
def backward_twice_with_nothing_saved(torch, keep):
    w = torch.ones(3, requires_grad=True)
    loss = (w + 1).sum()
    loss.backward()     # <- first
    keep(w)
    loss.backward()


@fine
def backward_twice_on_purpose(torch, keep):
    w = torch.ones(3, requires_grad=True)
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert w.grad.tolist() == [4.0] * 3


@mistake("2", RuntimeError, "grad can be implicitly created only for scalar outputs", "[2, 3]", ".sum()", ".mean()", "gradient=")
def backward_of_many_numbers(torch, keep):
    (keep(torch.ones(2, 3, requires_grad=True)) * 2).backward()


@mistake("2", RuntimeError, "grad can be implicitly created only for scalar outputs", "[3]")
def grad_of_many_numbers(torch, keep):
    w = keep(torch.ones(3, requires_grad=True))
    torch.autograd.grad(w * 2, w)


NO_GRAPH = "element 0 of tensors does not require grad and does not have a grad_fn"


@mistake("3", RuntimeError, NO_GRAPH, "no_grad()", ".detach()", ".item()", "NumPy", "integers",
         "Setting requires_grad on the loss itself")
def loss_made_under_no_grad(torch, keep):
    w = keep(torch.ones(3, requires_grad=True))
    with torch.no_grad():
        loss = (w * w).sum()
    loss.backward()


@mistake("3", RuntimeError, NO_GRAPH, "NumPy")
def loss_by_numpy(torch, keep):
    w = keep(torch.ones(3, requires_grad=True))
    torch.from_numpy(w.detach().numpy() * 2).sum().backward()


@mistake("3", RuntimeError, NO_GRAPH, ".item()")
def loss_of_an_item(torch, keep):
    w = keep(torch.ones(1, requires_grad=True))
    torch.tensor(w.item()).backward()


@mistake("3", RuntimeError, NO_GRAPH, "integers")
def loss_of_argmax(torch, keep):
    keep(torch.ones(3, requires_grad=True)).argmax().backward()


@mistake("4", RuntimeError, "a leaf Variable that requires grad is being used in an in-place operation", "with no_grad():")
def update_that_is_recorded(torch, keep):
    w = torch.ones(3, requires_grad=True)
    (w * w).sum().backward()
    keep(w)
    w -= 0.1 * w.grad


@mistake("4", RuntimeError, "a leaf Variable that requires grad is being used in an in-place operation", "with no_grad():")
def filling_a_parameter(torch, keep):
    keep(torch.nn.Linear(2, 2).weight).fill_(0.0)


@fine
def update_under_no_grad(torch, keep):
    w = torch.ones(3, requires_grad=True)
    for _ in range(3):
        (w * w).sum().backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w[0] = 5
        w.grad = None


@mistake("4b", RuntimeError, "a view of a leaf Variable that requires grad is being used in an in-place operation",
         "with no_grad():")
def writing_to_an_element_of_a_leaf(torch, keep):
    keep(torch.ones(3, requires_grad=True))[0] = 5


@mistake("4b", RuntimeError, "a view of a leaf Variable that requires grad is being used in an in-place operation",
         "with no_grad():")
def adding_to_a_row_of_a_leaf(torch, keep):
    w = keep(torch.ones(3, 2, requires_grad=True))
    w[0] += 1


MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"


@mistake("5", RuntimeError, MODIFIED, "[torch.FloatTensor [3]]", "is at version 1; expected version 0 instead",
         "needed by ExpBackward0", "{changed}", "y = y + 1")
def what_exp_saved_is_changed(torch, keep):
    w = keep(torch.ones(3, requires_grad=True))
    y = w.exp()
    y += 1              # <- changed
    y.sum().backward()


@mistake("5", RuntimeError, MODIFIED, "[torch.DoubleTensor [2, 2]]", "needed by PowBackward0", "is at version 2; expected version 0",
         "{changed}")
def what_a_power_saved_is_changed(torch, keep):
    w = torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    x = w * 1
    y = x ** 2
    x[0] = 7            # <- changed
    x.mul_(2)
    keep(w)
    y.sum().backward()


@mistake("5", RuntimeError, MODIFIED, "needed by MmBackward0", "{changed}")
def weights_changed_between_forward_and_backward(torch, keep):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4, bias=False), torch.nn.Linear(4, 1, bias=False))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.ones(2, 3)
    first, second = net(x).sum(), net(x).sum()
    first.backward()
    optimizer.step()    # <- changed
    keep(net[0].weight)
    second.backward()


@mistake("6", RuntimeError, "can require gradients", "1. for 1", "dtype=float32")
def integers_that_require_grad(torch, keep):
    torch.tensor([1, 2], requires_grad=True)


@mistake("6", RuntimeError, "only Tensors of floating point dtype can require gradients", "1. for 1", "dtype=float32")
def integers_that_are_made_to_require_grad(torch, keep):
    keep(torch.tensor([1, 2])).requires_grad_()


@mistake("6", RuntimeError, "can require gradients", "1. for 1", "dtype=float32")
def integers_whose_requires_grad_is_set(torch, keep):
    keep(torch.tensor([1, 2])).requires_grad = True


@mistake("7", RuntimeError, "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
def numpy_of_a_result(torch, keep):
    (keep(torch.ones(3, requires_grad=True)) * 2).numpy()


@mistake("7", RuntimeError, "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
def asarray_of_a_parameter(torch, keep):
    np.asarray(keep(torch.ones(3, requires_grad=True)))


@mistake("8", UserWarning, "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed", ".retain_grad()")
def grad_of_a_result(torch, keep):
    w = keep(torch.ones(3, requires_grad=True))
    y = w * 2
    assert y.grad is None       # <- here


@fine
def grad_of_a_result_that_retains_it(torch, keep):
    y = torch.ones(3, requires_grad=True) * 2
    y.retain_grad()
    y.sum().backward()
    assert y.grad.tolist() == [1.0] * 3


@mistake("9", RuntimeError, "you can only change requires_grad flags of leaf variables", "var.detach()")
def requires_grad_of_a_result(torch, keep):
    y = keep(torch.ones(3, requires_grad=True)) * 2
    y.requires_grad = False


@mistake("12", AttributeError, "'NoneType' object has no attribute 'zero_'")
def zeroing_a_gradient_that_is_not_there(torch, keep):
    keep(torch.ones(3, requires_grad=True)).grad.zero_()


@fine
def zero_grad_before_the_first_backward(torch, keep):
    net = torch.nn.Linear(2, 1)
    net.zero_grad()
    torch.optim.SGD(net.parameters(), lr=0.1).zero_grad()


@mistake("33", RuntimeError, "appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior",
         "index 1")
def grad_by_what_was_not_used(torch, keep):
    w, unused = keep(torch.ones(3, requires_grad=True)), keep(torch.ones(2, requires_grad=True))
    torch.autograd.grad((w * 2).sum(), [w, unused])


@mistake("33", RuntimeError, "One of the differentiated Tensors does not require grad", "requires_grad=True")
def grad_by_what_needs_none(torch, keep):
    w, x = keep(torch.ones(3, requires_grad=True)), keep(torch.ones(3))
    torch.autograd.grad((w * x).sum(), x)


@mistake("34", RuntimeError,
         "Mismatch in shape: grad_output[0] has a shape of torch.Size([3]) and output[0] has a shape of torch.Size([2])")
def gradient_of_another_shape(torch, keep):
    (keep(torch.ones(2, requires_grad=True)) * 2).backward(torch.ones(3))


@mistake("35", RuntimeError,
         "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment",
         ".detach().clone()")
def deepcopy_of_a_result(torch, keep):
    copy.deepcopy(keep(torch.ones(2, requires_grad=True)) * 2)


@mistake("37", RuntimeError, "Function 'SqrtBackward0' returned nan values in its 0th output", "{forward}", "`y = x.sqrt()",
         "at 1 of 3", "saved 0", "infinite derivative times 0")
def nan_in_a_gradient(torch, keep):
    x = keep(torch.tensor([1.0, 0.0, 4.0], requires_grad=True))
    with torch.autograd.detect_anomaly():
        y = x.sqrt()    # <- forward
        (y * 0).sum().backward()


@fine
def leaving_anomaly_mode(torch, keep):
    x = torch.tensor(0.0, requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        x.exp().backward()
    (x.sqrt() * 0).backward()


@fine
def scalars_of_a_loss(torch, keep):
    loss = (torch.ones(3, requires_grad=True) * 2).sum()
    assert float(loss) == loss.item() == 6.0
    assert int(loss) == 6
