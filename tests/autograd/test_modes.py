"""The modes of recording, beside PyTorch: each program runs in both, and must come to the same."""
from __future__ import annotations

import pytest
from robustness.mistakes import raised
from samples.comparing import at_once, both

import tinygrad_c

# ---- inference_mode

@both
def test_inference_tensors(torch):
    w = torch.ones(3, requires_grad=True)
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled()
        assert not torch.is_grad_enabled()
        made, view, computed = torch.ones(3), w[1:], w * 2
        made += 1
        assert made.tolist() == [2.0] * 3
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()
    assert [t.is_inference() for t in (w, made, view, computed, made[1:], made.detach())] == [
        False, True, False, True, True, True]
    assert torch.is_inference(made)
    assert [t.is_inference() for t in (made + 1, made.clone(), made * w.detach())] == [False] * 3
    assert not computed.requires_grad
    assert (w + made).requires_grad             # nothing of it is saved
    (w * made.clone()).sum().backward()
    assert w.grad.tolist() == [2.0] * 3


def saved_by_a_product(torch, keep):
    with torch.inference_mode():
        x = torch.ones(3)
    keep(torch.ones(3, requires_grad=True)) * x


def saved_by_a_layer(torch, keep):
    with torch.inference_mode():
        x = torch.ones(2, 3)
    torch.nn.Linear(3, 1)(x)


def written_outside(torch, keep):
    with torch.inference_mode():
        x = torch.ones(3)
    x += 1


def written_through_a_view(torch, keep):
    with torch.inference_mode():
        x = torch.ones(3)
    x[0] = 5.0


def made_to_require_grad(torch, keep):
    with torch.inference_mode():
        x = torch.ones(3)
    x.requires_grad_()


def asked_for_its_version(torch, keep):
    with torch.inference_mode():
        x = torch.ones(3)
    assert x._version


@both
@pytest.mark.parametrize(("program", "words"), [
    (saved_by_a_product, "Inference tensors cannot be saved for backward"),
    (saved_by_a_layer, "Inference tensors cannot be saved for backward"),
    (written_outside, "Inplace update to inference tensor outside InferenceMode is not allowed"),
    (written_through_a_view, "Inplace update to inference tensor outside InferenceMode is not allowed"),
    (made_to_require_grad, "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed"),
    (asked_for_its_version, "Inference tensors do not track version counter"),
], ids=lambda given: getattr(given, "__name__", ""))
def test_what_an_inference_tensor_is_not_for(torch, program, words):
    said, keep = raised(program, torch, RuntimeError)
    assert words in said
    keep.check()


@both
def test_inference_mode_nested_and_off(torch):
    with torch.inference_mode():
        with torch.inference_mode(False):
            assert not torch.is_inference_mode_enabled()
            assert torch.is_grad_enabled()
            x = torch.ones(2, requires_grad=True)
            (x * x).sum().backward()
        assert torch.is_inference_mode_enabled()
        assert not torch.is_grad_enabled()
    assert x.grad.tolist() == [2.0, 2.0]

    @torch.inference_mode()
    def decorated(x):
        return x * 2

    @torch.inference_mode
    def bare(x):
        return x * 2
    for function in (decorated, bare):
        y = function(x)
        assert y.is_inference()
        assert not y.requires_grad
        assert not torch.is_inference_mode_enabled()
    with pytest.raises(ZeroDivisionError), torch.inference_mode():
        raise ZeroDivisionError
    assert not torch.is_inference_mode_enabled()


@both
def test_inference_mode_is_a_threads_own(torch):
    seen = []
    with torch.inference_mode():
        at_once(lambda _: seen.append((torch.is_inference_mode_enabled(), torch.ones(1).is_inference())), 1)
    assert seen == [(False, False)]


# ---- no_grad, enable_grad, set_grad_enabled

@both
def test_modes_as_decorators(torch):
    x = torch.ones(2, requires_grad=True)

    @torch.no_grad()
    def without(x):
        return x * 2

    @torch.no_grad
    def bare(x):
        return x * 2

    @torch.enable_grad()
    def recorded(x):
        return x * 2

    @torch.set_grad_enabled(False)
    def switched(x):
        return x * 2
    assert [f(x).requires_grad for f in (without, bare, recorded, switched)] == [False, False, True, False]
    with torch.no_grad():
        assert recorded(x).requires_grad
    assert torch.is_grad_enabled()
    assert without.__name__ == "without"

    class Net:
        @torch.no_grad()
        def predict(self, x):
            return x * self.scale

        scale = 3
    assert Net().predict(x).tolist() == [3.0, 3.0]
    assert not Net().predict(x).requires_grad


@both
@pytest.mark.parametrize("mode", ["no_grad", "inference_mode"])
def test_modes_over_generators(torch, mode):
    """Each step of the generator runs in the mode; what its caller does in between does not."""
    closed = []

    @getattr(torch, mode)()
    def batches(x):
        try:
            for i in range(3):
                got = yield x * i, torch.is_grad_enabled()
                if got is not None:
                    yield got
        except KeyError:
            yield "caught", torch.is_grad_enabled()
        finally:
            closed.append(torch.is_grad_enabled())
        return "done"
    x = torch.ones(2, requires_grad=True)
    for y, enabled in batches(x):
        assert torch.is_grad_enabled()
        assert not y.requires_grad
        assert not enabled
    g = batches(x)
    next(g)
    assert g.send("sent") == "sent"
    assert g.throw(KeyError()) == ("caught", False)
    g.close()
    assert torch.is_grad_enabled()
    assert closed == [False, False]


@both
def test_set_grad_enabled(torch):
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
        with torch.set_grad_enabled(True):
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled() == before


def test_a_mode_entered_twice():
    """Its __exit__ goes back to what was before, each time."""
    mode = tinygrad_c.no_grad()
    with mode, mode:
        assert not tinygrad_c.is_grad_enabled()
    assert tinygrad_c.is_grad_enabled()
