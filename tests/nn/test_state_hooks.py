"""state_dict and load_state_dict, in the ways a class or a hook may change them: checkpoints whose names have changed."""
import copy
from collections import OrderedDict

import pytest
from samples.comparing import both

import tinygrad_c


def net_of(torch, cls):
    return torch.nn.Sequential(OrderedDict(first=cls(), last=torch.nn.Linear(2, 1)))


def renamed(torch):
    class Renamed(torch.nn.Module):
        """Its weight was called `w` in version 1."""
        _version = 2

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(2))
            self.register_buffer("seen", torch.zeros(1))
            self.calls = []

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
            self.calls.append((prefix, local_metadata.get("version"), strict))
            if local_metadata.get("version") is None and prefix + "w" in state_dict:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

        def forward(self, x):
            return x * self.weight
    return Renamed


@both
def test_a_class_s_own_load(torch):
    net = net_of(torch, renamed(torch))
    old = {"first.w": torch.ones(2), "first.seen": torch.ones(1), "last.weight": torch.ones(1, 2), "last.bias": torch.ones(1)}
    result = net.load_state_dict(old)
    assert result.missing_keys == result.unexpected_keys == []
    assert net.first.weight.tolist() == [1., 1.]
    assert net.first.calls == [("first.", None, True)]
    assert list(old) == ["first.w", "first.seen", "last.weight", "last.bias"]       # a copy was changed
    net.load_state_dict(net.state_dict())
    assert net.first.calls[-1] == ("first.", 2, True)           # a new one's version is known


@both
def test_errors_of_a_class_s_own_load(torch):
    net = net_of(torch, renamed(torch))
    with pytest.raises(RuntimeError, match='Missing key.*"first.weight"') as caught:
        net.load_state_dict({"first.seen": torch.ones(1), "other": torch.ones(1), "first.x.y": torch.ones(1),
                             "last.weight": torch.ones(3), "last.bias": torch.ones(1)})
    for words in ("Unexpected key(s) in state_dict", '"other"', '"first.x.y"', "size mismatch for last.weight"):
        assert words in str(caught.value)
    result = net.load_state_dict({"first.w": torch.ones(2), "other": torch.ones(1)}, strict=False)
    assert sorted(result.missing_keys) == ["first.seen", "last.bias", "last.weight"]
    assert result.unexpected_keys == ["other"]


def test_a_refused_load_changes_nothing():
    net = net_of(tinygrad_c, renamed(tinygrad_c))
    before = copy.deepcopy(net.state_dict())
    wrong = {"first.w": tinygrad_c.ones(2), "first.seen": tinygrad_c.ones(1), "last.weight": tinygrad_c.ones(3), "last.bias": tinygrad_c.ones(1)}
    for assign in (False, True):
        with pytest.raises(RuntimeError, match="size mismatch"):
            net.load_state_dict(wrong, assign=assign)
        assert all((a == b).all() for a, b in zip(before.values(), net.state_dict().values()))


@both
def test_a_class_s_own_save(torch):
    class Counted(torch.nn.Linear):
        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "count"] = torch.tensor(3)

        def _load_from_state_dict(self, state_dict, prefix, *others):
            self.count = state_dict.pop(prefix + "count")
            super()._load_from_state_dict(state_dict, prefix, *others)
    net = torch.nn.Sequential(Counted(1, 1), torch.nn.Sequential(Counted(1, 1)))
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0.count", "1.0.weight", "1.0.bias", "1.0.count"]
    net.load_state_dict(state)
    assert net[1][0].count == 3


@both
def test_hooks_of_loading(torch):
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    calls = []

    def rename(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        calls.append((module is net[0], prefix))
        state_dict[prefix + "weight"] = state_dict.pop(prefix + "W")
    handle = net[0].register_load_state_dict_pre_hook(rename)
    old = {"0.W": torch.ones(2, 2), "0.bias": torch.ones(2), "1.weight": torch.ones(1, 2), "1.bias": torch.ones(1)}
    net.load_state_dict(old)
    assert calls == [(True, "0.")]
    assert net[0].weight.tolist() == [[1., 1.], [1., 1.]]
    handle.remove()
    with pytest.raises(RuntimeError, match="0.W"):
        net.load_state_dict(old)
    private = net._register_load_state_dict_pre_hook(lambda state, prefix, *_: state.update({"0.weight": state.pop("0.W")}))
    net.load_state_dict(old)
    private.remove()

    net.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.remove("1.bias"))
    net.load_state_dict({"0.weight": torch.ones(2, 2), "0.bias": torch.ones(2), "1.weight": torch.ones(1, 2)})
    net.register_load_state_dict_post_hook(lambda module, keys: keys)
    with pytest.raises(AssertionError, match="not expected to return new values"):
        net.load_state_dict({"0.weight": torch.ones(2, 2), "0.bias": torch.ones(2), "1.weight": torch.ones(1, 2)})


@both
def test_hooks_of_saving(torch):
    net = torch.nn.Sequential(torch.nn.Linear(1, 1))
    calls = []
    first = net[0].register_state_dict_pre_hook(lambda module, prefix, keep_vars: calls.append((prefix, keep_vars)))

    def strip(module, state_dict, prefix, local_metadata):
        del state_dict[prefix + "bias"]
    second = net[0].register_state_dict_post_hook(strip)
    assert list(net.state_dict(keep_vars=True)) == ["0.weight"]
    assert calls == [("0.", True)]
    first.remove()
    second.remove()
    assert list(net.state_dict()) == ["0.weight", "0.bias"]
    assert len(calls) == 1
    wrong = net.register_state_dict_post_hook(lambda *args: {})
    with pytest.raises(RuntimeError, match="must return None"):
        net.state_dict()
    wrong.remove()
    net._register_state_dict_hook(lambda module, state, prefix, metadata: {"all": state})
    assert list(net.state_dict()) == ["all"]


@both
def test_extra_state_stands_with_its_module(torch):
    class Extra(torch.nn.Linear):
        kept = 1

        def get_extra_state(self):
            return {"kept": self.kept}

        def set_extra_state(self, state):
            self.kept = state["kept"]
    net = torch.nn.Sequential(Extra(1, 1), torch.nn.Linear(1, 1))
    net[0].kept = 5
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0._extra_state", "1.weight", "1.bias"]
    other = torch.nn.Sequential(Extra(1, 1), torch.nn.Linear(1, 1))
    other.load_state_dict(state)
    assert other[0].kept == 5


def test_versions_are_saved(tmp_path):
    net = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(1, 1), tinygrad_c.nn.BatchNorm1d(1), renamed(tinygrad_c)())
    tinygrad_c.save({"net": net.state_dict()}, tmp_path / "net.pt")
    state = tinygrad_c.load(tmp_path / "net.pt")["net"]
    assert {key: value["version"] for key, value in state._metadata.items()} == {"": 1, "0": 1, "1": 2, "2": 2}
    net.load_state_dict(state)
    assert net[2].calls == [("2.", 2, True)]
