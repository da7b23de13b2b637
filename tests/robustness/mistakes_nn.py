"""Mistakes with modules, losses, optimizers and schedulers."""
from __future__ import annotations

import numpy as np
from robustness.mistakes import SILENT, fine, mistake

# ---- Training loops

def train(torch, clear=lambda net, optimizer: None, optimizer="SGD", backwards=1, steps=4):
    net = torch.nn.Linear(2, 1)
    optimizer = getattr(torch.optim, optimizer)(net.parameters(), lr=0.01)
    for _ in range(steps):
        clear(net, optimizer)
        for _ in range(backwards):
            net(torch.ones(3, 2)).sum().backward()
        optimizer.step()


def forgotten_zero_grad(name):
    def program(torch, keep):
        net = torch.nn.Linear(2, 1)
        optimizer = getattr(torch.optim, name)(net.parameters(), lr=0.01)
        for _ in range(4):
            net(torch.ones(3, 2)).sum().backward()
            optimizer.step()        # <- here
    program.__name__ = f"forgotten_zero_grad_{name}"
    mistake("10", UserWarning, "optimizer.zero_grad()", "loss.backward()", torch=SILENT, once=True)(program)


for each in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "Rprop"):
    forgotten_zero_grad(each)


@fine
def gradients_cleared_in_every_way(torch, keep):
    train(torch, lambda net, optimizer: optimizer.zero_grad())
    train(torch, lambda net, optimizer: optimizer.zero_grad(set_to_none=False))
    train(torch, lambda net, optimizer: net.zero_grad())
    train(torch, lambda net, optimizer: net.zero_grad(set_to_none=False))
    train(torch, lambda net, optimizer: [p.grad.zero_() for p in net.parameters() if p.grad is not None])
    train(torch, lambda net, optimizer: [setattr(p, "grad", None) for p in net.parameters()])


@fine
def gradients_accumulated_over_several_backwards(torch, keep):
    train(torch, lambda net, optimizer: optimizer.zero_grad(), backwards=3)


@fine
def two_steps_with_one_gradient(torch, keep):
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    (w * 1).sum().backward()
    optimizer.step()
    optimizer.step()


@mistake("11", UserWarning, "no parameter has a gradient", "loss.backward()", torch=SILENT, once=True)
def step_before_backward(torch, keep):
    optimizer = torch.optim.SGD([keep(torch.ones(2, requires_grad=True))], lr=0.1)
    optimizer.step()        # <- here


@mistake("25", UserWarning, "loss.item()", ".detach()", "backward passes", torch=SILENT, once=True)
def losses_added_up_with_their_graphs(torch, keep):
    w, total = torch.ones(2, requires_grad=True), 0
    for _ in range(1000):
        y = w
        for _ in range(15):
            y = y * 1
        loss = y.sum()
        loss.backward()     # <- here
        total = total + loss


@fine
def losses_added_up_as_numbers(torch, keep):
    w, total, kept = torch.ones(2, requires_grad=True), 0, []
    for step in range(1000):
        y = w
        for _ in range(15):
            y = y * 1
        loss = y.sum()
        loss.backward()
        total += loss.item() + float(loss)
        if step % 2:
            kept.append(loss)       # some of them is not what fills a memory unseen


# ---- Modules

@mistake("13", ValueError, "optimizer got an empty parameter list", "nn.ModuleList")
def only_layers_in_a_plain_list(torch, keep):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = ()
    torch.optim.SGD(Net().parameters(), lr=0.1)


def holder(torch, make):
    class Net(torch.nn.Module):
        pass
    net = Net()
    make(net)
    return net


@mistake("13", UserWarning, "Net.layers is a plain list that holds Modules", "nn.ModuleList", torch=SILENT, once=True)
def layers_in_a_plain_list(torch, keep):
    holder(torch, lambda net: setattr(net, "layers", [torch.nn.Linear(1, 1)]))      # <- here


@mistake("13", UserWarning, "Net.parts is a plain dict that holds Parameters", "nn.ParameterDict", torch=SILENT, once=True)
def parameters_in_a_plain_dict_filled_later(torch, keep):
    net = holder(torch, lambda net: setattr(net, "parts", {}))
    net.parts["a"] = torch.nn.Parameter(torch.ones(1))
    list(net.parameters())      # <- here


@fine
def layers_in_a_list_that_are_registered_too(torch, keep):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            layers = [torch.nn.Linear(1, 1)]
            self.net = torch.nn.Sequential(*layers)
            self.layers = layers
            self.sizes = [1, 2]
    list(Net().parameters())


@mistake("14", AttributeError, "cannot assign module before Module.__init__() call",
         "super().__init__() as the first line of Net.__init__")
def no_super_init(torch, keep):
    class Net(torch.nn.Module):
        def __init__(self):
            self.layer = torch.nn.Linear(1, 1)
    Net()


@mistake("14", AttributeError, "cannot assign parameters before Module.__init__() call", "super().__init__()")
def no_super_init_before_a_parameter(torch, keep):
    class Net(torch.nn.Module):
        def __init__(self):
            self.w = torch.nn.Parameter(torch.ones(1))
    Net()


@fine
def plain_attributes_before_super_init(torch, keep):
    class Net(torch.nn.Module):
        def __init__(self):
            self.size = 3
            super().__init__()
    assert Net().size == 3


@mistake("15", RuntimeError, "mat1 and mat2 shapes cannot be multiplied (5x3 and 4x2)",
         "Linear(in_features=4, out_features=2, bias=True) received last dimension 3", "layer '0'")
def linear_of_another_width(torch, keep):
    torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.ReLU())(keep(torch.ones(5, 3)))


@mistake("31", TypeError, "cannot assign 'torch.FloatTensor' as parameter 'weight' (torch.nn.Parameter or None expected)")
def tensor_for_a_parameter(torch, keep):
    layer = torch.nn.Linear(2, 2)
    keep(layer.weight)
    layer.weight = torch.ones(2, 2)


@mistake("31", TypeError, "as child module '0' (torch.nn.Module or None expected)")
def number_for_a_layer(torch, keep):
    setattr(torch.nn.Sequential(torch.nn.ReLU()), "0", 3)


@mistake("", TypeError, "", "argument 'data' must be Tensor, not list", torch=AttributeError)
def parameter_of_a_list(torch, keep):
    torch.nn.Parameter([1.0])


@mistake("32", RuntimeError, "Error(s) in loading state_dict for Linear", 'Missing key(s) in state_dict: "bias"',
         'Unexpected key(s) in state_dict: "bais"', '"bais" -> "bias"')
def state_dict_with_other_names(torch, keep):
    layer = torch.nn.Linear(2, 2)
    keep(layer.weight)
    layer.load_state_dict({"weight": torch.zeros(2, 2), "bais": torch.zeros(2)})


@mistake("32", RuntimeError, "size mismatch for weight: copying a param with shape torch.Size([3, 2]) from checkpoint, the shape in "
                             "current model is torch.Size([2, 2])", "Error(s) in loading state_dict for Linear")
def state_dict_of_another_size(torch, keep):
    layer = torch.nn.Linear(2, 2)
    keep(layer.weight)
    layer.load_state_dict({"weight": torch.zeros(3, 2), "bias": layer.bias.detach()})


@mistake("32", RuntimeError, 'Missing key(s) in state_dict: "0.weight", "0.bias"', torch=RuntimeError)
def state_dict_of_nothing(torch, keep):
    torch.nn.Sequential(torch.nn.Linear(1, 1)).load_state_dict({})


@mistake("40", ValueError, "Expected more than 1 value per channel when training, got input size torch.Size([1, 3])", ".eval()")
def batch_norm_of_one_row(torch, keep):
    net = torch.nn.BatchNorm1d(3)
    keep(net.running_mean)
    net(keep(torch.ones(1, 3)))


@fine
def batch_norm_of_one_row_in_eval(torch, keep):
    torch.nn.BatchNorm1d(3).eval()(torch.ones(1, 3))


@mistake("41", NotImplementedError, 'Module [Net] is missing the required "forward" function')
def no_forward(torch, keep):
    class Net(torch.nn.Module):
        pass
    Net()(keep(torch.ones(1)))


# ---- Losses

@mistake("19", UserWarning, "Using a target size (torch.Size([5])) that is different to the input size (torch.Size([5, 1]))",
         "[5, 5]", "target.reshape(input.shape)", once=True)
def mse_of_a_column_and_a_row(torch, keep):
    torch.nn.MSELoss()(keep(torch.ones(5, 1)), keep(torch.zeros(5)))       # <- here


@mistake("19", UserWarning, "Using a target size (torch.Size([5])) that is different to the input size (torch.Size([5, 1]))",
         "[5, 5]", "target.reshape(input.shape)", once=True)
def l1_of_a_column_and_a_row(torch, keep):
    torch.nn.functional.l1_loss(keep(torch.ones(5, 1)), keep(torch.zeros(5)))       # <- here


@fine
def mse_of_equal_shapes(torch, keep):
    torch.nn.MSELoss()(torch.ones(5, 1), torch.zeros(5, 1))


def cross_entropy(torch, keep, target):
    torch.nn.functional.cross_entropy(keep(torch.zeros(4, 3, requires_grad=True)), keep(target))


@mistake("20", RuntimeError, "expected target dtype to be Long or Byte, but got Float", ".long()")
def labels_that_are_floats(torch, keep):
    cross_entropy(torch, keep, torch.ones(4))


@mistake("20", RuntimeError, "0D or 1D target tensor expected, multi-target not supported", "[4, 1]", "target.reshape(-1)")
def labels_in_a_column(torch, keep):
    cross_entropy(torch, keep, torch.zeros(4, 1, dtype=torch.int64))


@mistake("20", IndexError, "Target 3 is out of bounds", "0..2")
def labels_from_one(torch, keep):
    cross_entropy(torch, keep, torch.tensor([1, 2, 3, 1]))


@mistake("20", IndexError, "Target -1 is out of bounds", "0..2")
def labels_from_minus_one(torch, keep):
    cross_entropy(torch, keep, torch.tensor([-1, 0, 1, 1]))


@mistake("20", ValueError, "Expected input batch_size (4) to match target batch_size (5)")
def labels_of_another_batch(torch, keep):
    cross_entropy(torch, keep, torch.zeros(5, dtype=torch.int64))


@fine
def labels_of_any_integer_dtype(torch, keep):
    for dtype in (torch.int32, torch.uint8, torch.int64):
        loss = torch.nn.functional.cross_entropy(torch.zeros(4, 3), torch.tensor([0, 1, 2, 0], dtype=dtype))
        assert abs(loss.item() - np.log(3)) < 1e-6


@mistake("21", UserWarning, "softmax", "logits", torch=SILENT, once=True)
def softmax_before_cross_entropy(torch, keep):
    x = keep(torch.tensor([[0.5, 2.0, -1.0]] * 2, requires_grad=True))
    torch.nn.CrossEntropyLoss()(x.softmax(1), torch.tensor([0, 1]))      # <- here


@mistake("21", UserWarning, "softmax", "logits", torch=SILENT, once=True)
def softmax_layer_before_cross_entropy(torch, keep):
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Softmax(dim=1))
    torch.nn.functional.cross_entropy(net(torch.ones(4, 2)), torch.tensor([0, 1, 2, 0]))      # <- here


@fine
def logits_in_cross_entropy(torch, keep):
    x = torch.tensor([[0.5, 2.0, -1.0], [0.2, 0.3, 0.5]], requires_grad=True)      # a row that sums to 1 is no softmax
    torch.nn.functional.cross_entropy(x, torch.tensor([0, 1]))
    torch.nn.functional.cross_entropy(x * 2, torch.tensor([0, 1]))
    torch.nn.functional.nll_loss(x.log_softmax(1), torch.tensor([0, 1]))


def loss_class_called_with_tensors(name):
    def program(torch, keep):
        getattr(torch.nn, name)(keep(torch.ones(2, 2)), keep(torch.ones(2, 2)))
    program.__name__ = f"{name}_called_with_tensors"
    theirs = TypeError if name == "HuberLoss" else RuntimeError     # delta comes second there
    mistake("22", TypeError, f"{name}() makes a loss object; call it: {name}()(input, target)", torch=theirs)(program)


for each in ("MSELoss", "L1Loss", "HuberLoss", "CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss"):
    loss_class_called_with_tensors(each)


@mistake("23", ValueError, "that is different to the input size", "is deprecated", "target.reshape(input.shape)")
def bce_of_another_shape(torch, keep):
    torch.nn.BCELoss()(keep(torch.ones(3, 1)), keep(torch.ones(3)))


@mistake("23", RuntimeError, "all elements of input should be between 0 and 1", "with_logits")
def bce_of_logits(torch, keep):
    torch.nn.BCELoss()(keep(torch.tensor([1.5, -2.0])), keep(torch.ones(2)))


@mistake("23", ValueError, "must be the same as input size", "target.reshape(input.shape)")
def bce_with_logits_of_another_shape(torch, keep):
    torch.nn.BCEWithLogitsLoss()(keep(torch.ones(3, 1)), keep(torch.ones(3)))


@mistake("", ValueError, "average is not a valid value for reduction")
def reduction_that_is_not_there(torch, keep):
    torch.nn.functional.mse_loss(torch.ones(1), torch.ones(1), reduction="average")


@mistake("", ValueError, "average is not a valid value for reduction", torch=SILENT)
def reduction_of_a_module_that_is_not_there(torch, keep):
    torch.nn.MSELoss(reduction="average")


@mistake("", UserWarning, "Implicit dimension choice for softmax has been deprecated")
def softmax_without_dim(torch, keep):
    torch.nn.Softmax()(keep(torch.zeros(2, 4)))     # <- here


# ---- Optimizers

def settings(number, words, name="SGD", kind=ValueError, **given):
    def program(torch, keep):
        getattr(torch.optim, name)([keep(torch.ones(2, requires_grad=True))], **given)
    program.__name__ = f"{name}_with_{'_'.join(given)}"
    mistake(number, kind, words)(program)


settings("30", "Invalid learning rate: -0.1", lr=-0.1)
settings("", "Invalid momentum value: -1", momentum=-1)
settings("", "Nesterov momentum requires a momentum and zero dampening", nesterov=True)
settings("", "Invalid beta parameter at index 1: 1.0", "Adam", betas=(0.9, 1.0))
settings("", "Invalid epsilon value: -1", "RMSprop", eps=-1)
settings("", "Invalid weight_decay value: -1", "Adagrad", weight_decay=-1)


@mistake("30", ValueError, "can't optimize a non-leaf Tensor", ".detach().requires_grad_()")
def optimizer_of_a_result(torch, keep):
    torch.optim.SGD([keep(torch.ones(2, requires_grad=True)) * 2], lr=0.1)


@mistake("30", TypeError, "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                          "but got torch.FloatTensor", "[tensor]")
def optimizer_of_a_tensor(torch, keep):
    torch.optim.SGD(keep(torch.ones(2, requires_grad=True)), lr=0.1)


@mistake("30", TypeError, "", "should be an iterable of Tensors or dicts", "net.parameters()", torch=TypeError)
def optimizer_of_a_module(torch, keep):
    torch.optim.SGD(torch.nn.Linear(1, 1), lr=0.1)


@mistake("30", ValueError, "optimizer got an empty parameter list")
def optimizer_of_nothing(torch, keep):
    torch.optim.SGD([], lr=0.1)


@mistake("30", TypeError, "optimizer can only optimize Tensors, but one of the params is float")
def optimizer_of_numbers(torch, keep):
    torch.optim.SGD([1.0], lr=0.1)


@mistake("30", TypeError, "ordered collections")
def optimizer_of_a_set(torch, keep):
    torch.optim.SGD([{"params": {keep(torch.ones(2, requires_grad=True))}}], lr=0.1)


@mistake("", UserWarning, "duplicate parameters")
def optimizer_of_a_parameter_twice(torch, keep):
    w = torch.ones(2, requires_grad=True)
    torch.optim.SGD([w, w], lr=0.1)     # <- here


@mistake("39", UserWarning, "Detected call of `lr_scheduler.step()` before `optimizer.step()`", once=True)
def scheduler_before_the_optimizer(torch, keep):
    optimizer = torch.optim.SGD([keep(torch.ones(1, requires_grad=True))], lr=0.1)
    torch.optim.lr_scheduler.StepLR(optimizer, 1).step()       # <- here


@mistake("", TypeError, "is not an Optimizer")
def scheduler_of_nothing(torch, keep):
    torch.optim.lr_scheduler.StepLR(None, 1)
