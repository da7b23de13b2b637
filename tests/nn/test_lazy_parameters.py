"""Nets whose parameters exist before they have seen data: in the optimizer, in the state dict, frozen, converted, loaded, copied."""
import copy
import io
import pickle

import pytest
from samples.comparing import both

import tinygrad_c

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules")
LAYERS = {
    "LazyLinear": (lambda nn: nn.LazyLinear(4), (2, 3), {"weight": (4, 3), "bias": (4,)}),
    "LazyLinear of a row": (lambda nn: nn.LazyLinear(4), (3,), {"weight": (4, 3), "bias": (4,)}),
    "LazyLinear without bias": (lambda nn: nn.LazyLinear(4, bias=False), (2, 3), {"weight": (4, 3)}),
    "LazyConv1d": (lambda nn: nn.LazyConv1d(4, 2), (2, 3, 5), {"weight": (4, 3, 2), "bias": (4,)}),
    "LazyConv2d": (lambda nn: nn.LazyConv2d(4, 2, groups=2), (2, 4, 5, 5), {"weight": (4, 2, 2, 2), "bias": (4,)}),
    "LazyConv2d of one picture": (lambda nn: nn.LazyConv2d(4, 2), (3, 5, 5), {"weight": (4, 3, 2, 2), "bias": (4,)}),
    "LazyConv3d": (lambda nn: nn.LazyConv3d(4, 1), (1, 3, 2, 2, 2), {"weight": (4, 3, 1, 1, 1), "bias": (4,)}),
    "LazyConvTranspose1d": (lambda nn: nn.LazyConvTranspose1d(4, 2), (2, 3, 5), {"weight": (3, 4, 2), "bias": (4,)}),
    "LazyConvTranspose2d": (lambda nn: nn.LazyConvTranspose2d(4, 2, bias=False), (2, 3, 5, 5), {"weight": (3, 4, 2, 2)}),
    "LazyConvTranspose3d": (lambda nn: nn.LazyConvTranspose3d(4, 1), (1, 3, 2, 2, 2), {"weight": (3, 4, 1, 1, 1), "bias": (4,)}),
    "LazyBatchNorm1d": (lambda nn: nn.LazyBatchNorm1d(), (4, 3), {"weight": (3,), "bias": (3,)}),
    "LazyBatchNorm1d without affine": (lambda nn: nn.LazyBatchNorm1d(affine=False), (4, 3, 2), {}),
    "LazyBatchNorm2d": (lambda nn: nn.LazyBatchNorm2d(), (2, 3, 4, 4), {"weight": (3,), "bias": (3,)}),
    "LazyBatchNorm3d": (lambda nn: nn.LazyBatchNorm3d(track_running_stats=False), (2, 3, 2, 2, 2), {"weight": (3,), "bias": (3,)}),
    "LazyInstanceNorm1d": (lambda nn: nn.LazyInstanceNorm1d(affine=True), (2, 3, 4), {"weight": (3,), "bias": (3,)}),
    "LazyInstanceNorm2d": (lambda nn: nn.LazyInstanceNorm2d(affine=True, track_running_stats=True), (2, 3, 4, 4),
                           {"weight": (3,), "bias": (3,)}),
    "LazyInstanceNorm3d": (lambda nn: nn.LazyInstanceNorm3d(), (2, 3, 2, 2, 2), {"weight": (3,), "bias": (3,)}),
}
each = pytest.mark.parametrize("name", LAYERS)


@both
@each
def test_parameters_exist_before_data_and_stay_the_same_objects(torch, name):
    make, shape, sizes = LAYERS[name]
    layer = make(torch.nn)
    final = type(layer).cls_to_become
    assert isinstance(layer, final) or (torch is not tinygrad_c and "Norm" in name)
    assert [key for key, _ in layer.named_parameters()] == list(sizes)
    names, before = list(layer.state_dict()), dict(layer.named_parameters())
    assert layer.has_uninitialized_params() is bool(sizes or any("running" in key for key in names))
    for p in before.values():
        assert type(p) is torch.nn.parameter.UninitializedParameter
        assert p.requires_grad
        assert p.is_leaf
    layer(torch.ones(shape))
    assert type(layer) is final
    assert {key: tuple(p.shape) for key, p in layer.named_parameters()} == sizes
    assert all(p is before[key] and type(p) is torch.nn.Parameter for key, p in layer.named_parameters())
    assert list(layer.state_dict()) == names
    assert all(value.numel() for value in layer.state_dict().values())


@each
def test_starts_as_the_layer_itself(name):
    make, shape, _ = LAYERS[name]
    for training in (True, False):
        layer = make(tinygrad_c.nn).train(training)
        tinygrad_c.manual_seed(3)
        y = layer(tinygrad_c.ones(shape))
        tinygrad_c.manual_seed(3)
        settings = make(tinygrad_c.nn)
        settings.initialize_parameters(tinygrad_c.ones(shape))
        assert layer.training is training
        assert all((a == b).all() for a, b in zip(settings.parameters(), layer.parameters()))
        assert y.requires_grad is any(p.requires_grad for p in layer.parameters())


@both
@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop", "Adadelta", "NAdam", "RAdam", "Adamax"])
def test_the_optimizer_is_made_before_the_first_batch(torch, kind):
    torch.manual_seed(0)         # at random a ReLU can be 0 for all rows, and its weights then have no gradient
    nn = torch.nn
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5), nn.ReLU(), nn.LazyLinear(2))
    optimizer = getattr(torch.optim, kind)(net.parameters(), lr=0.001)
    optimizer.zero_grad()
    x = torch.randn(3, 2, 8, 8)
    for _ in range(2):
        optimizer.zero_grad()
        net(x).pow(2).sum().backward()
        before = [p.detach().clone() for p in net.parameters()]
        optimizer.step()
        changed = [bool((a != b).any()) for a, b in zip(before, net.parameters())]
        assert changed[2:] == [True] * (len(changed) - 2)
        assert changed[0]


@both
def test_frozen_before_the_first_batch(torch):
    net = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.LazyLinear(2))
    for p in net[0].parameters():
        p.requires_grad = False
    net[1].bias.requires_grad = False
    net(torch.ones(1, 2)).sum().backward()
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, False]
    assert [p.grad is None for p in net.parameters()] == [True, True, False, True]


@both
def test_converted_before_the_first_batch(torch):
    layer = torch.nn.LazyLinear(3).double()
    layer(torch.ones(1, 2, dtype=torch.float64))
    assert layer.weight.dtype is torch.float64
    layer = torch.nn.LazyLinear(3, dtype=torch.float64)
    assert layer.bias.dtype is torch.float64
    with pytest.raises(RuntimeError):
        torch.nn.LazyLinear(3)(torch.ones(1, 2, dtype=torch.float64))       # the dtype is the default, whatever the input's


@both
@each
def test_a_state_dict_fills_it(torch, name):
    make, shape, sizes = LAYERS[name]
    seen, fresh = make(torch.nn), make(torch.nn)
    seen(torch.ones(shape))
    objects = dict(fresh.named_parameters())
    fresh.load_state_dict(seen.state_dict())
    assert not fresh.has_uninitialized_params()
    assert all(p is objects[key] and tuple(p.shape) == sizes[key] for key, p in fresh.named_parameters())
    assert all((a == b).all() for a, b in zip(seen.state_dict().values(), fresh.state_dict().values()))
    if sizes and (torch is tinygrad_c or "Instance" not in name):      # torch's forgets its num_features
        y = fresh.eval()(torch.ones(shape))
        assert (y == seen.eval()(torch.ones(shape))).all()
        assert "Lazy" not in repr(fresh)
        if torch is tinygrad_c:
            assert repr(fresh) == repr(seen)


@both
def test_state_dicts_without_sizes(torch):
    make = lambda: torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.LazyBatchNorm1d())
    net, other = make(), make()
    other.load_state_dict(net.state_dict())             # nothing to take
    assert other[0].has_uninitialized_params()
    with pytest.raises(RuntimeError):
        torch.nn.Linear(2, 3).load_state_dict(net[0].state_dict())
    other(torch.ones(4, 2))
    values = [p.detach().clone() for p in other.parameters()]
    with pytest.raises(RuntimeError):
        other.load_state_dict(net.state_dict())
    assert all((a == b).all() for a, b in zip(values, other.parameters()))


def test_a_wrong_state_dict_leaves_it_without_sizes():
    net = tinygrad_c.nn.Sequential(tinygrad_c.nn.LazyLinear(3), tinygrad_c.nn.Linear(3, 2))
    state = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(5, 3), tinygrad_c.nn.Linear(3, 4)).state_dict()
    for hooked in (False, True):
        if hooked:
            net.register_load_state_dict_pre_hook(lambda *_: None)
        with pytest.raises(RuntimeError, match="size mismatch for 1.weight"):
            net.load_state_dict(state)
        assert net[0].has_uninitialized_params()
        assert "Uninitialized" in repr(net[0].weight)
    net(tinygrad_c.ones(1, 7))
    assert tuple(net[0].weight.shape) == (3, 7)


def test_saved_and_loaded_without_sizes(tmp_path):
    net = tinygrad_c.nn.Sequential(tinygrad_c.nn.LazyLinear(3), tinygrad_c.nn.LazyBatchNorm1d())
    net.double()
    tinygrad_c.save(net.state_dict(), tmp_path / "lazy.pt")
    back = tinygrad_c.load(tmp_path / "lazy.pt")
    assert list(back) == list(net.state_dict())
    assert back["0.weight"].dtype is tinygrad_c.float64
    assert repr(back["1.running_mean"]) == "<UninitializedBuffer>"
    file = io.BytesIO()
    pickle.dump(net, file)
    file.seek(0)
    again = pickle.load(file)
    again(tinygrad_c.ones(4, 2).double())
    assert repr(again).startswith("Sequential(\n  (0): Linear(in_features=2")


@both
def test_copies(torch):
    net = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.LazyLinear(2))
    net[0].bias.requires_grad = False
    other = copy.deepcopy(net)
    assert other[0].weight is not net[0].weight
    other(torch.ones(1, 5))
    assert [p.requires_grad for p in other.parameters()] == [True, False, True, True]
    assert net[0].has_uninitialized_params()
    net(torch.ones(1, 4))
    assert net[0].in_features == 4
    assert other[0].in_features == 5


USES = {
    "shape": lambda torch, w: w.shape, "numel": lambda torch, w: w.numel(), "add": lambda torch, w: w + 1,
    "radd": lambda torch, w: 1 + w, "matmul": lambda torch, w: w @ w, "sum": lambda torch, w: w.sum(), "item": lambda torch, w: w[0],
    "fill": lambda torch, w: w.fill_(1), "len": lambda torch, w: len(w), "numpy": lambda torch, w: w.detach().numpy(),
    "clone": lambda torch, w: w.clone(), "iteration": lambda torch, w: list(w), "truth": lambda torch, w: bool(w),
    "comparison": lambda torch, w: w > 0, "negative": lambda torch, w: -w, "vector": lambda torch, w: torch.nn.utils.parameters_to_vector([w]),
    **{name: lambda torch, w, name=name: getattr(torch.nn.init, name)(w) for name in (
        "normal_", "uniform_", "zeros_", "ones_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_",
        "orthogonal_", "eye_", "trunc_normal_")},
}


@both
@pytest.mark.parametrize("use", USES)
def test_its_values_cannot_be_used(torch, use):
    layer = torch.nn.LazyLinear(3)
    with pytest.raises((ValueError, RuntimeError), match=r"uninitialized parameter|no_grad|in-place"), torch.no_grad():
        USES[use](torch, layer.weight)
    assert layer.has_uninitialized_params()


@both
def test_initialised_by_apply_after_a_first_batch(torch):
    net = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.ReLU(), torch.nn.LazyLinear(2))
    optimizer = torch.optim.SGD(net.parameters(), lr=1.)

    def start(module):
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.constant_(module.weight, 0.5)
            torch.nn.init.zeros_(module.bias)
    with torch.no_grad():
        net(torch.ones(1, 4))
    net.apply(start)
    assert net(torch.ones(1, 4)).tolist() == [[3., 3.]]
    net(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    assert net[2].bias.tolist() == [-1., -1.]


@both
def test_a_class_of_one_s_own(torch):
    nn, parameter = torch.nn, torch.nn.parameter

    class Scale(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.by = parameter.UninitializedParameter()
            self.register_buffer("seen", parameter.UninitializedBuffer())
            self.calls = 0

        def initialize_parameters(self, x, factor=1.):
            self.calls += 1
            if self.has_uninitialized_params():
                with torch.no_grad():
                    self.by.materialize(x.shape[-1:])
                    self.by.fill_(factor)
                    self.seen.materialize((1,))
                    self.seen.zero_()

        def forward(self, x, factor=1.):
            return x * self.by

    scale = Scale()
    assert list(scale.state_dict()) == ["by", "seen"]
    assert scale(torch.ones(2, 3), factor=4.).tolist() == [[4.] * 3] * 2
    assert scale(torch.ones(2, 3)).tolist() == [[4.] * 3] * 2
    assert scale.calls == 1
    assert type(scale) is Scale
    assert type(scale.by) is nn.Parameter

    class Forgets(Scale):
        def initialize_parameters(self, x):
            pass
    with pytest.raises(RuntimeError, match="has not been fully initialized"):
        Forgets()(torch.ones(1))


@both
def test_wrong_inputs(torch):
    nn = torch.nn
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input to LazyConv2d"):
        nn.LazyConv2d(2, 1)(torch.ones(3))
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.LazyConv2d(2, 1, groups=2)(torch.ones(1, 3, 2, 2))
    layer = nn.LazyLinear(2)
    layer.load_state_dict(nn.Linear(3, 2).state_dict())
    with pytest.raises(AssertionError, match="is not equal to in_features from self.weight"):
        layer(torch.ones(1, 4))


@both
def test_a_module_that_follows_a_mixin_is_copied_and_pickled(torch):
    """Python lays such a class out after the mixin: copy and pickle refused it."""
    net = Mixed(torch.nn.Linear(1, 2)) if torch is tinygrad_c else None
    if net is not None:
        assert repr(copy.deepcopy(net)) == repr(net)
        assert repr(pickle.loads(pickle.dumps(net))) == repr(net)


class Mixin:
    pass


class Mixed(Mixin, tinygrad_c.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
