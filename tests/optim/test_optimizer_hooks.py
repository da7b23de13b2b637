"""Hooks of optimizers, their order, arguments and results, in both libraries."""
from __future__ import annotations

import copy
import importlib
import io
import pickle

import pytest
from samples.comparing import both

KINDS = ["SGD", "Adam", "RMSprop", "Adagrad"]


def optimizer_of(torch, kind="SGD"):
    w = torch.ones(2, requires_grad=True)
    w.sum().backward()
    return getattr(torch.optim, kind)([w], lr=0.5)


@both
@pytest.mark.parametrize("kind", KINDS)
def test_step(torch, kind):
    optimizer, log = optimizer_of(torch, kind), []
    before = optimizer.param_groups[0]["params"][0].detach().clone()

    def note(word):
        return lambda *args: log.append((word, args[0] is optimizer, args[1][0] is optimizer, len(args[1]), args[2],
                                         bool((optimizer.param_groups[0]["params"][0] == before).all())))

    first = optimizer.register_step_pre_hook(note("before"))
    optimizer.register_step_post_hook(note("after"))
    optimizer.step()
    assert log == [("before", True, True, 1, {}, True), ("after", True, True, 1, {}, False)]
    log.clear()
    optimizer.step(closure=lambda: 3)
    assert [entry[3] for entry in log] == [1, 1]
    assert [list(entry[4]) for entry in log] == [["closure"], ["closure"]]
    log.clear()
    first.remove()
    first.remove()
    assert optimizer.step(lambda: 4) == 4
    assert [(entry[0], entry[3]) for entry in log] == [("after", 2)]


@both
def test_a_pre_hook_replaces_the_arguments(torch):
    optimizer = optimizer_of(torch)
    handle = optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: (args, {"closure": lambda: 7}))
    assert optimizer.step() == 7
    with handle:
        assert optimizer.step() == 7
    assert optimizer.step() is None
    optimizer.register_step_pre_hook(lambda *args: 3)
    with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 3\."):
        optimizer.step()


@both
def test_hooks_of_all_optimizers(torch):
    earlier, log = optimizer_of(torch), []
    module = importlib.import_module(f"{torch.__name__}.optim.optimizer")
    handles = [module.register_optimizer_step_pre_hook(lambda *args: log.append("all before")),
               module.register_optimizer_step_post_hook(lambda *args: log.append("all after"))]
    try:
        later = optimizer_of(torch, "Adam")
        for optimizer in (earlier, later):
            own = [optimizer.register_step_pre_hook(lambda *args: log.append("before")),
                   optimizer.register_step_post_hook(lambda *args: log.append("after"))]
            optimizer.step()
            assert log == ["all before", "before", "after", "all after"]
            for each in own:
                each.remove()
            log.clear()
            optimizer.step()
            assert log == ["all before", "all after"]
            log.clear()
    finally:
        for handle in handles:
            handle.remove()
    earlier.step()
    later.step()
    assert log == []


@both
@pytest.mark.parametrize("kind", KINDS)
def test_state_dict(torch, kind):
    optimizer, log = optimizer_of(torch, kind), []
    optimizer.register_state_dict_pre_hook(lambda *args: log.append(("save", args == (optimizer,))))
    optimizer.register_state_dict_post_hook(lambda _, state: log.append(("saved", sorted(state))))
    optimizer.register_state_dict_post_hook(lambda _, state: {**state, "epoch": 3}, prepend=True)
    optimizer.register_load_state_dict_pre_hook(lambda _, state: log.append(("load", sorted(state))))
    first = optimizer.register_load_state_dict_pre_hook(lambda _, state: state.pop("epoch", None) and None, prepend=True)
    optimizer.register_load_state_dict_post_hook(lambda *args: log.append(("loaded", args == (optimizer,))))
    optimizer.step()
    state = optimizer.state_dict()
    assert log == [("save", True), ("saved", ["epoch", "param_groups", "state"])]
    assert sorted(state) == ["epoch", "param_groups", "state"]
    log.clear()
    optimizer.load_state_dict(state)
    assert log == [("load", ["param_groups", "state"]), ("loaded", True)]
    assert "epoch" in state                # a hook gets a copy
    log.clear()
    first.remove()
    optimizer.load_state_dict(state)
    assert log[0] == ("load", ["epoch", "param_groups", "state"])


@both
def test_a_hook_renames_what_an_older_checkpoint_holds(torch):
    optimizer = optimizer_of(torch)
    state = optimizer.state_dict()
    state["groups"] = state.pop("param_groups")
    state["groups"][0]["lr"] = 0.125
    with pytest.raises(KeyError):
        optimizer.load_state_dict(state)

    def rename(optimizer, state):
        return {**state, "param_groups": state["groups"]}

    with optimizer.register_load_state_dict_pre_hook(rename):
        optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] == 0.125


@both
@pytest.mark.filterwarnings("ignore:SGD.step.. found that no parameter has a gradient")
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.load(io.BytesIO(pickle.dumps(x)))])
def test_a_copy_has_no_hooks(torch, duplicate):
    optimizer = optimizer_of(torch)
    log = []
    optimizer.register_step_post_hook(lambda *args: log.append(1)) if duplicate is copy.deepcopy else None
    other = duplicate(optimizer)
    other.step()
    assert log == []
