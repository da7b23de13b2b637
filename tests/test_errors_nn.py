"""What nn, optim and their losses say to usual mistakes: PyTorch's class and words, then the cause, then what to write."""
import warnings

import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c import nn, notices, optim
from tinygrad_c.nn import functional as F


@pytest.fixture(autouse=True)
def _heard_nothing_yet():
    notices.forget()


def silent(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*args, **kwargs)


# ---- Modules

def test_no_super_init():
    class Net(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)
    with pytest.raises(AttributeError, match=r"cannot assign module before Module.__init__\(\) call; write super") as error:
        Net()
    assert "super().__init__() as the first line of Net.__init__" in str(error.value)

    class Holds(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(tg.ones(1))
    with pytest.raises(AttributeError, match=r"cannot assign parameters before Module.__init__\(\) call"):
        Holds()

    class Plain(nn.Module):
        def __init__(self):
            self.size = 3
            self.size = 4
            super().__init__()
    assert Plain().size == 4


def test_no_forward():
    class NF(nn.Module):
        pass
    with pytest.raises(NotImplementedError, match='Module \\[NF\\] is missing the required "forward" function'):
        NF()(tg.ones(1))


def test_tensor_for_parameter():
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="cannot assign 'torch.FloatTensor' as parameter 'weight' "
                                        "\\(torch.nn.Parameter or None expected\\)"):
        layer.weight = tg.ones(2, 2)
    net = nn.Sequential(layer)
    with pytest.raises(TypeError, match="as child module '0' \\(torch.nn.Module or None expected\\)"):
        setattr(net, "0", 3)
    with pytest.raises(TypeError, match="argument 'data' must be Tensor, not list"):
        nn.Parameter([1.0])


def test_layers_in_a_list():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(1, 1), nn.Linear(1, 1)]
    with pytest.warns(UserWarning, match=r"Net.layers is a plain list that holds Modules.*nn.ModuleList") as record:
        Net()
    assert record[0].filename == __file__
    silent(Net)

    class Appends(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = {}
            self.parts["a"] = nn.Parameter(tg.ones(1))
    net = Appends()
    with pytest.warns(UserWarning, match=r"Appends.parts is a plain dict that holds Parameters.*nn.ParameterDict"):
        list(net.parameters())

    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            layers = [nn.Linear(1, 1)]
            self.net = nn.Sequential(*layers)
            self.layers = layers
            self.sizes = [1, 2]
    silent(Keeps)


def test_linear_shapes_and_dtypes():
    net = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied \\(5x3 and 4x2\\)") as error:
        net(tg.ones(5, 3))
    assert "Linear(in_features=4, out_features=2, bias=True) received last dimension 3" in str(error.value)
    assert "layer '0'" in str(error.value)
    with pytest.raises(RuntimeError, match="mat1 and mat2 must have the same dtype, but got Double and Float") as error:
        net(tg.ones(5, 4, dtype=tg.float64))
    assert ".float()" in str(error.value)
    with pytest.raises(TypeError, match="argument 'input' \\(position 1\\) must be Tensor, not numpy.ndarray"):
        net(np.ones((5, 4), np.float32))


def test_state_dict_of_nested_names():
    net = nn.Sequential(nn.Linear(1, 1))
    with pytest.raises(RuntimeError, match='Missing key\\(s\\) in state_dict: "0.weight", "0.bias"'):
        net.load_state_dict({})


# ---- Losses

def test_mse_of_column_and_row_warns_once_with_the_line_to_write():
    x, t = tg.ones(5, 1), tg.zeros(5)
    with pytest.warns(UserWarning, match=r"Using a target size \(torch.Size\(\[5\]\)\) that is different to the input "
                                         r"size \(torch.Size\(\[5, 1\]\)\)") as record:
        nn.MSELoss()(x, t)
    assert "target.reshape(input.shape)" in str(record[0].message)
    assert "[5, 5]" in str(record[0].message)
    assert record[0].filename == __file__
    silent(nn.MSELoss(), x, t)
    with pytest.warns(UserWarning, match="Using a target size"):
        F.l1_loss(tg.ones(4, 1), tg.zeros(4))
    silent(F.mse_loss, tg.ones(3), tg.ones(3))


def test_cross_entropy_targets():
    x = tg.zeros(4, 3, requires_grad=True)
    for dtype in (tg.int32, tg.uint8, tg.int64):
        assert F.cross_entropy(x, tg.tensor([0, 1, 2, 0], dtype=dtype)).item() == pytest.approx(np.log(3))
    with pytest.raises(IndexError, match="Target 3 is out of bounds."):
        F.cross_entropy(x, tg.tensor([0, 1, 2, 3]))
    with pytest.raises(IndexError, match="Target -1 is out of bounds."):
        F.cross_entropy(x, tg.tensor([0, 1, 2, -1]))
    with pytest.raises(RuntimeError, match="expected target dtype to be Long or Byte, but got Float"):
        F.cross_entropy(x, tg.ones(4))
    with pytest.raises(RuntimeError, match="0D or 1D target tensor expected, multi-target not supported"):
        F.cross_entropy(x, tg.zeros(4, 1, dtype=tg.int64))
    with pytest.raises(ValueError, match="Expected input batch_size \\(4\\) to match target batch_size \\(5\\)."):
        F.cross_entropy(x, tg.zeros(5, dtype=tg.int64))


def test_softmax_before_cross_entropy():
    x, t = tg.zeros(2, 3, requires_grad=True), tg.tensor([0, 1])
    with pytest.warns(UserWarning, match="softmax") as record:
        nn.CrossEntropyLoss()(x.softmax(1), t)
    assert record[0].filename == __file__
    silent(F.cross_entropy, x.softmax(1), t)
    notices.forget()
    silent(F.cross_entropy, x, t)
    silent(F.nll_loss, x.log_softmax(1), t)


@pytest.mark.parametrize("name", [
    "MSELoss", "L1Loss", "HuberLoss", "CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss"])
def test_loss_class_called_with_tensors(name):
    with pytest.raises(TypeError, match=f"{name}\\(\\) makes a loss object; call it: {name}\\(\\)\\(input, target\\)"):
        getattr(nn, name)(tg.ones(2, 2), tg.ones(2, 2))


def test_bce():
    with pytest.raises(ValueError, match="Using a target size .* that is different to the input size .* is deprecated"):
        nn.BCELoss()(tg.ones(3, 1), tg.ones(3))
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1") as error:
        nn.BCELoss()(tg.tensor([1.5]), tg.ones(1))
    assert "with_logits" in str(error.value).lower() or "WithLogits" in str(error.value)
    with pytest.raises(ValueError, match="Target size .* must be the same as input size"):
        nn.BCEWithLogitsLoss()(tg.ones(3, 1), tg.ones(3))


def test_reductions():
    with pytest.raises(ValueError, match="average is not a valid value for reduction"):
        nn.MSELoss(reduction="average")
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        F.mse_loss(tg.ones(1), tg.ones(1), reduction="average")


def test_softmax_without_dim():
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecated"):
        y = nn.Softmax()(tg.zeros(2, 4))
    assert y.tolist() == [[0.25] * 4] * 2


# ---- Optimizers

def test_optimizer_arguments():
    w = tg.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        optim.SGD([w * 2])
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        optim.SGD([])
    with pytest.raises(TypeError, match="params argument given to the optimizer should be an iterable of Tensors or dicts, "
                                        "but got torch.FloatTensor"):
        optim.SGD(w)
    with pytest.raises(TypeError, match="should be an iterable of Tensors or dicts.*net.parameters\\(\\)"):
        optim.SGD(nn.Linear(1, 1))
    with pytest.raises(TypeError, match="optimizer can only optimize Tensors, but one of the params is float"):
        optim.SGD([1.0])
    with pytest.raises(TypeError, match="ordered collections"):
        optim.SGD([{"params": {w}}])
    with pytest.raises(ValueError, match="Invalid learning rate: -0.1"):
        optim.SGD([w], lr=-0.1)
    with pytest.raises(ValueError, match="Invalid momentum value: -1"):
        optim.SGD([w], momentum=-1)
    with pytest.raises(ValueError, match="Nesterov momentum requires a momentum and zero dampening"):
        optim.SGD([w], nesterov=True)
    with pytest.raises(ValueError, match="Invalid beta parameter at index 1: 1.0"):
        optim.Adam([w], betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="Invalid epsilon value: -1"):
        optim.RMSprop([w], eps=-1)
    with pytest.raises(ValueError, match="Invalid weight_decay value: -1"):
        optim.Adagrad([w], weight_decay=-1)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([w, w])


def test_step_before_backward_warns_once():
    w = tg.ones(2, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    with pytest.warns(UserWarning, match="no parameter has a gradient.*backward") as record:
        optimizer.step()
    assert record[0].filename == __file__
    silent(optimizer.step)
    assert w.tolist() == [1, 1]


def train(steps, clear, optimizer_class=optim.SGD, backwards=1):
    net = nn.Linear(2, 1)
    optimizer = optimizer_class(net.parameters(), lr=0.01)
    for _ in range(steps):
        clear(net, optimizer)
        for _ in range(backwards):
            net(tg.ones(3, 2)).sum().backward()
        optimizer.step()


@pytest.mark.parametrize("optimizer_class", [optim.SGD, optim.Adam, optim.RMSprop, optim.Adagrad])
def test_forgotten_zero_grad_warns_once(optimizer_class):
    with pytest.warns(UserWarning, match="optimizer.zero_grad\\(\\)") as record:
        train(4, lambda net, optimizer: None, optimizer_class)
    assert len(record) == 1
    assert record[0].filename == __file__


@pytest.mark.parametrize("clear", [
    lambda net, optimizer: optimizer.zero_grad(), lambda net, optimizer: net.zero_grad(),
    lambda net, optimizer: optimizer.zero_grad(set_to_none=False), lambda net, optimizer: net.zero_grad(set_to_none=False),
    lambda net, optimizer: [p.grad.zero_() for p in net.parameters() if p.grad is not None],
    lambda net, optimizer: [setattr(p, "grad", None) for p in net.parameters()],
])
def test_cleared_gradients_do_not_warn(clear):
    silent(train, 4, clear)


def test_accumulating_on_purpose_does_not_warn():
    silent(train, 4, lambda net, optimizer: optimizer.zero_grad(), backwards=3)
    w = tg.ones(2, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    (w * 1).sum().backward()
    silent(optimizer.step)
    silent(optimizer.step)      # twice with one gradient: nothing was added to it


def test_scheduler_before_optimizer():
    optimizer = optim.SGD([tg.ones(1, requires_grad=True)], lr=0.1)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    with pytest.raises(TypeError, match="is not an Optimizer"):
        optim.lr_scheduler.StepLR(None, 1)
