"""Looking into the graph and hooking into it: each program runs here and, where it is installed, in PyTorch, to the same end."""
from __future__ import annotations

import threading

import pytest
from samples.comparing import both, squared

import tinygrad_c

# ---- What is saved

def gradients_of(torch, pack=None, unpack=None, create_graph=False):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.linspace(-1, 1, p.numel()).reshape(p.shape))
    x = torch.linspace(-1, 1, 6).reshape(2, 3).requires_grad_()
    if pack is None:
        loss = (net(x).exp() * x.sum(1, keepdim=True) ** 2).sum()
    else:
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            loss = (net(x).exp() * x.sum(1, keepdim=True) ** 2).sum()
    grads = torch.autograd.grad(loss, [x, *net.parameters()], create_graph=create_graph)
    if create_graph:
        grads = torch.autograd.grad(sum((g ** 2).sum() for g in grads), [x, *net.parameters()])
    return [g.tolist() for g in grads]


@both
@pytest.mark.parametrize("create_graph", [False, True])
def test_saved_values_go_through_the_hooks(torch, create_graph):
    kept = {}

    def pack(t):
        kept[len(kept)] = t.detach().numpy().copy()
        return len(kept) - 1

    def unpack(number):
        return torch.from_numpy(kept[number])
    found, expected = gradients_of(torch, pack, unpack, create_graph), gradients_of(torch, None, None, create_graph)
    assert kept
    if not create_graph and torch.__name__ == "tinygrad_c":       # PyTorch's products round by the alignment of their inputs
        assert found == expected
    else:
        for a, b in zip(found, expected):
            assert torch.allclose(torch.tensor(a), torch.tensor(b), 1e-4, 1e-4)


@both
def test_hooks_of_saved_values_are_a_threads_own(torch):
    packed, x = [], torch.ones(2, requires_grad=True)

    def elsewhere():
        (x * 2).exp().sum().backward()

    with torch.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert packed == []
        (x * 2).exp()
    assert len(packed) == 1


@both
def test_what_is_packed_is_let_go_with_the_graph(torch):
    x = torch.ones(3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x.exp()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 3, lambda t: t):
            z = y.exp()
    z.sum().backward(retain_graph=True)
    z.sum().backward()
    assert torch.allclose(x.grad, (6 * y * z).detach())
    with pytest.raises(RuntimeError, match="a second time"):
        z.sum().backward()
    w = x.exp()
    assert w.grad_fn is not None        # outside again


@both
def test_hooks_that_give_something_else(torch):
    x = torch.ones(3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: "text"):
        y = x.exp()
    with pytest.raises(TypeError, match="Output of saved tensor unpack_hook expected to be a Tensor"):
        y.sum().backward()
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with torch.autograd.graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"), hooks:
        pass
    with pytest.raises(ZeroDivisionError), torch.autograd.graph.saved_tensors_hooks(lambda t: 1 / 0, lambda t: t):
        x.exp()
    assert x.grad is None


def test_an_unpacked_value_of_another_size():
    """Kernels would read beyond its end."""
    x = tinygrad_c.ones(3, requires_grad=True)
    with tinygrad_c.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t[:2]):
        y = x.exp()
    with pytest.raises(RuntimeError, match=r"the unpack hook returned a torch.FloatTensor of shape \[2\]"):
        y.sum().backward()


@both
def test_copies_of_what_is_saved(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.autograd.graph.save_on_cpu():
        y = (x * x).exp()
    y.sum().backward()
    assert torch.allclose(x.grad, (2 * x * y).detach())
    x.grad = None
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        b = x.clone()
        y = b ** 2
        b.sin_()
        y.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


@both
def test_a_function_of_the_users_own_packs_too(torch):
    packed = []
    x = torch.ones(2, requires_grad=True)
    y = x * 3
    with torch.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t.tolist()) or t, lambda t: t * 10):
        z = squared(torch, lambda x: 2 * x)(y)
    z.sum().backward()
    assert packed == [[3.0, 3.0]]
    assert x.grad.tolist() == [180.0, 180.0]


@both
def test_saved_values_are_seen_on_the_node(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    assert y.grad_fn._saved_result.tolist() == y.tolist()
    z = x * y
    assert z.grad_fn._saved_self.tolist() == x.tolist()
    assert z.grad_fn._saved_other.tolist() == y.tolist()
    z.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        assert z.grad_fn._saved_self
    assert not hasattr(x.sum().grad_fn, "_saved_nothing")


# ---- Nodes

@both
def test_nodes(torch):
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    z = (y + 1).sum()
    assert isinstance(y.grad_fn, torch.autograd.graph.Node)
    assert z.grad_fn.next_functions[0][0].next_functions[0][0] is y.grad_fn
    y.grad_fn.metadata["note"] = 1
    assert y.grad_fn.metadata == {"note": 1}
    leaf = y.grad_fn.next_functions[0][0]
    assert leaf.name().endswith("AccumulateGrad")
    assert leaf.variable is x
    assert leaf is (x + 1).grad_fn.next_functions[0][0]
    assert leaf.next_functions == ()


@both
def test_hooks_of_a_node(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    seen = []
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 2,))
    handle = y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs[0].tolist(), outputs[0].tolist())))
    y.sum().backward(retain_graph=True)
    assert seen == [([6.0, 6.0], [2.0, 2.0])]
    assert x.grad.tolist() == [6.0, 6.0]
    handle.remove()
    y.sum().backward()
    assert len(seen) == 1


@both
def test_a_hook_of_a_node_replaces_what_it_computed(torch):
    a, b = torch.ones(2, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    y = a * b
    shapes = []

    def hook(inputs, outputs):
        shapes.extend([tuple(g.shape) for g in inputs])
        return inputs[0] * 10, inputs[1] * 100
    y.grad_fn.register_hook(hook)
    (y @ torch.ones(3, 1, requires_grad=True)).sum().backward()
    assert a.grad.tolist() == [[10.0] * 3] * 2
    assert b.grad.tolist() == [200.0] * 3
    assert shapes[0] == (2, 3)


def test_a_hook_of_a_node_that_returns_too_few():
    a, b = tinygrad_c.ones(2, requires_grad=True), tinygrad_c.ones(2, requires_grad=True)
    y = a * b
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0],))
    with pytest.raises(RuntimeError, match="got 2 gradients and returned 1"):
        y.sum().backward()
    assert a.grad is None


@both
def test_hooks_of_a_leaf_s_accumulation(torch):
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    leaf = y.grad_fn.next_functions[0][0]
    seen = []
    leaf.register_prehook(lambda outputs: (outputs[0] * 5,))
    handle = leaf.register_hook(lambda inputs, outputs: seen.append((inputs, outputs[0].tolist(), x.grad.tolist())))
    y.sum().backward(retain_graph=True)
    y.sum().backward(retain_graph=True)
    assert seen == [((), [10.0, 10.0], [10.0, 10.0]), ((), [10.0, 10.0], [20.0, 20.0])]
    handle.remove()
    y.sum().backward()
    assert len(seen) == 2


@both
def test_hooks_over_several_tensors(torch):
    a, b, c = (torch.ones(2, requires_grad=True) for _ in range(3))
    every, first = [], []
    handle = torch.autograd.graph.register_multi_grad_hook(
        (a, b, c), lambda grads: every.append([None if g is None else g.tolist() for g in grads]))
    torch.autograd.graph.register_multi_grad_hook((a, b), lambda g: first.append(g.tolist()), mode="any")
    for _ in range(2):
        (a * 2 + b * 3).sum().backward()
    (c * 4).sum().backward()
    assert every == [[[2.0, 2.0], [3.0, 3.0], None]] * 2 + [[None, None, [4.0, 4.0]]]
    assert len(first) == 2
    handle.remove()
    (a * 2).sum().backward()
    assert len(every) == 3
    with pytest.raises(ValueError, match="mode"):
        torch.autograd.graph.register_multi_grad_hook((a,), print, mode="some")


@both
def test_hooks_over_several_tensors_after_a_pass_that_failed(torch):
    a, b, c = (torch.ones(2, requires_grad=True) for _ in range(3))
    every, first = [], []
    torch.autograd.graph.register_multi_grad_hook((a, b), lambda grads: every.append([g is not None for g in grads]))
    torch.autograd.graph.register_multi_grad_hook((a, b), first.append, mode="any")
    c.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (b + c * 2).sum().backward()
    first.clear()
    (a * 3).sum().backward()
    assert every[-1] == [True, False]
    assert len(first) == 1


@both
def test_gradient_edges(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    z = (y * y).sum()
    edge = torch.autograd.graph.get_gradient_edge(y)
    leaf = torch.autograd.graph.get_gradient_edge(x)
    assert edge.node is y.grad_fn
    del y
    dy, dx = torch.autograd.grad(z, [edge, leaf], retain_graph=True)
    assert dy.tolist() == [4.0, 8.0]
    assert dx.tolist() == [8.0, 16.0]
    torch.autograd.backward(torch.autograd.graph.get_gradient_edge(z))
    assert x.grad.tolist() == [8.0, 16.0]
    with pytest.raises(RuntimeError, match="does not require gradients"):
        torch.autograd.graph.get_gradient_edge(torch.ones(1))


# ---- What has no derivative

@both
@pytest.mark.parametrize(("name", "op"), [
    ("floor_divide", lambda torch, x: x // 2), ("floor_divide", lambda torch, x: torch.floor_divide(x, x.detach())),
    ("floor_divide", lambda torch, x: (x * 1).floor_divide_(2)),
    ("heaviside", lambda torch, x: torch.heaviside(x, torch.zeros(2))),
    ("bincount", lambda torch, x: torch.bincount(torch.tensor([0, 1]), x)),
])
def test_what_has_no_derivative_says_so(torch, name, op):
    x = torch.tensor([3.0, -2.5], requires_grad=True)
    y = op(torch, x)
    assert y.requires_grad
    with pytest.raises(RuntimeError, match=f"derivative for aten::{name}_? is not implemented"):
        y.sum().backward()
    assert x.grad is None
    assert not op(torch, x.detach()).requires_grad


# ---- torch.func

@both
def test_random_numbers_under_vmap(torch):
    zeros = torch.zeros(3)
    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(lambda x: x + torch.randn(2))(zeros)
    different = torch.vmap(lambda x: x + torch.randn(2), randomness="different")(zeros)
    assert different.shape == (3, 2)
    assert not torch.equal(different[0], different[1])
    same = torch.vmap(lambda x: x + torch.randn(2), randomness="same")(zeros)
    assert torch.equal(same[0], same[1])
    with pytest.raises(RuntimeError, match="Only allowed values for .*randomness are"):
        torch.vmap(lambda x: x, randomness="some")(zeros)
    with pytest.raises(ValueError, match="must only return Tensors"):
        torch.vmap(lambda x: 3)(zeros)


@both
def test_linearize(torch):
    x = torch.tensor([0.5, 1.0])
    out, push = torch.func.linearize(lambda x: x ** 3, x)
    assert out.tolist() == [0.125, 1.0]
    assert push(torch.tensor([1.0, 2.0])).tolist() == [0.75, 6.0]


# ---- Names

@both
@pytest.mark.parametrize(("name", "op"), [
    ("PowBackward0", lambda t, x: x.square()), ("Log1PBackward0", lambda t, x: x.log1p()), ("ClampBackward1", lambda t, x: x.clamp(0, 1)),
    ("EluBackward0", lambda t, x: t.selu(x)), ("LogSigmoidBackward0", lambda t, x: t.nn.functional.logsigmoid(x)),
    ("SumBackward1", lambda t, x: x.sum(1)), ("SqueezeBackward0", lambda t, x: x[:, None].squeeze()),
    ("SqueezeBackward1", lambda t, x: x[:, None].squeeze(1)), ("SqueezeBackward2", lambda t, x: x[:, None].squeeze((0, 1))),
    ("UnsqueezeBackward0", lambda t, x: x.unsqueeze(0)), ("TBackward0", lambda t, x: x.t()),
    ("StackBackward0", lambda t, x: t.stack([x, x])), ("SelectBackward0", lambda t, x: x.select(0, 1)),
    ("UnbindBackward0", lambda t, x: x.unbind(0)[1]), ("SplitBackward0", lambda t, x: x.split(1)[0]),
    ("SplitWithSizesBackward0", lambda t, x: x.split([1, 1])[1]), ("SplitBackward0", lambda t, x: x.chunk(2)[0]),
    ("SortBackward0", lambda t, x: x.sort()[0]), ("TopkBackward0", lambda t, x: x.topk(2)[0]),
    ("TrilBackward0", lambda t, x: x.tril()), ("TriuBackward0", lambda t, x: x.triu()),
    ("LerpBackward0", lambda t, x: t.lerp(x, x * 2, 0.5)), ("AddcmulBackward0", lambda t, x: t.addcmul(x, x, x)),
    ("AddcdivBackward0", lambda t, x: t.addcdiv(x, x, x)), ("LogitBackward0", lambda t, x: x.logit()),
])
def test_the_graph_calls_operations_as_torch_does(torch, name, op):
    x = torch.tensor([[0.1, 0.2, 0.3], [0.6, 0.5, 0.4]], requires_grad=True)
    y = op(torch, x)
    assert y.grad_fn.name() == name
    y.sum().backward()
    assert x.grad is not None
    with torch.no_grad():
        assert op(torch, x).grad_fn is None
