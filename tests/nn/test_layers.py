"""The layers of nn: every one of nn_samples.LAYERS against PyTorch: printing, state, results, gradients, and what it keeps."""
from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from samples.comparing import assert_close, ours, theirs, torch, with_torch
from samples.nn_samples import LAYERS
from test_functional import flat, gradients, second_gradients

import tinygrad_c as tg

layers = pytest.mark.parametrize("row", LAYERS, ids=lambda row: f"{row.text} {[x.shape for x in row.inputs.values()]}")


def build(engine, row, dtype: str):
    """The layer, with the same parameters and buffers in either engine, and its inputs."""
    layer = eval(row.text, {"nn": engine.nn, "torch": engine})
    layer = layer.double() if dtype == "float64" else layer
    make = ours if engine is tg else theirs
    rng = np.random.default_rng(5)
    with engine.no_grad():
        for name, value in [*layer.named_parameters(), *layer.named_buffers()]:
            if value.is_floating_point():
                low = 0.5 if "var" in name else -1.0
                value.copy_(make(np.asarray(rng.random(tuple(value.shape)) * 1.5 + low, dtype)))
    inputs = [make(array, not x.fixed) for array, x in zip(row.arrays(dtype).values(), row.inputs.values())]
    return layer, inputs


def call(engine, row, layer, inputs):
    return flat(eval(row.call, {"layer": layer, "inputs": inputs, "torch": engine, "nn": engine.nn}))


@with_torch
@layers
def test_printed_and_named_as_in_torch(row):
    mine, its = (eval(row.text, {"nn": engine.nn, "torch": engine}) for engine in (tg, torch))
    assert repr(mine) == repr(its)
    described = [[(name, tuple(value.shape)) for name, value in layer.state_dict().items()] for layer in (mine, its)]
    assert described[0] == described[1]
    described = [[name for name, _ in layer.named_parameters()] for layer in (mine, its)]
    assert described[0] == described[1]


@with_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@layers
def test_results_and_gradients_as_in_torch(row, dtype):
    found = {}
    for engine in (tg, torch):
        layer, inputs = build(engine, row, dtype)
        wanted = [each for each in (*inputs, *layer.parameters()) if each.requires_grad]
        results = call(engine, row, layer, inputs)
        first = gradients(engine, results, wanted, create_graph=not row.once)
        second = [] if row.once else second_gradients(engine, first, wanted)
        state = list(layer.state_dict().values())
        layer.eval()
        found[engine] = results, first, second, state, call(engine, row, layer, inputs)
    for mine, its, scale in zip(found[tg], found[torch], (4, 10, 60, 4, 4)):
        if its is None:
            continue
        assert len(mine) == len(its)
        for a, b in zip(mine, its):
            if a is None or b is None:
                assert all(each is None or not each.any() for each in (a, b))
            else:
                assert_close(a, b, scale=scale * row.scale)


@layers
def test_starts_by_the_seed(row):
    tg.manual_seed(3)
    first = eval(row.text, {"nn": tg.nn, "torch": tg})
    tg.manual_seed(3)
    second = eval(row.text, {"nn": tg.nn, "torch": tg})
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert_close(a, b)


@layers
def test_copies_and_pickles(row):
    layer, inputs = build(tg, row, "float32")
    layer.eval()
    expected = call(tg, row, layer, inputs)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        for a, b in zip(call(tg, row, other, inputs), expected, strict=True):
            assert_close(a, b)


# ---- What the rows do not say

def test_batch_norm_in_evaluation_uses_what_it_saw():
    norm = tg.nn.BatchNorm1d(1, momentum=0.5)
    norm(tg.tensor([[1.0], [3.0]]))
    assert norm.running_mean.item() == 1.0          # half of the way from 0 to 2
    assert norm.running_var.item() == 1.5           # half of the way from 1 to 2, the unbiased variance
    assert norm.num_batches_tracked.item() == 1
    norm.eval()
    assert norm(tg.tensor([[1.0]])).item() == 0.0
    assert norm.num_batches_tracked.item() == 1


def test_batch_norm_loads_what_did_not_count_batches():
    for module in [tg, *([torch] if torch is not None else [])]:
        norm = module.nn.BatchNorm1d(1)
        old = {name: value + 1 for name, value in norm.state_dict().items() if name != "num_batches_tracked"}
        assert str(norm.load_state_dict(old)) == "<All keys matched successfully>"
        assert norm.weight.item() == 2


def test_lstm_by_hand():
    """One unit, one step, all weights 1: i = f = o = sigmoid(x + h), g = tanh(x + h)."""
    lstm = tg.nn.LSTM(1, 1, bias=False)
    for parameter in lstm.parameters():
        tg.nn.init.ones_(parameter)
    output, (h, c) = lstm(tg.tensor([[0.5]]), (tg.tensor([[0.25]]), tg.tensor([[2.0]])))
    gate, candidate = 1 / (1 + np.exp(-0.75)), np.tanh(0.75)
    state = gate * 2 + gate * candidate
    assert c.item() == pytest.approx(state, rel=1e-6)
    assert h.item() == output.item() == pytest.approx(gate * np.tanh(state), rel=1e-6)


def test_dropout_between_layers_is_for_training():
    tg.manual_seed(0)
    gru = tg.nn.GRU(2, 8, num_layers=2, dropout=0.5)
    x = tg.randn(4, 3, 2)
    assert not np.array_equal(gru(x)[0].tolist(), gru(x)[0].tolist())
    gru.eval()
    assert np.array_equal(gru(x)[0].tolist(), gru(x)[0].tolist())
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        tg.nn.GRU(2, 8, dropout=0.5)


def test_from_pretrained():
    table = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = tg.nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad
    assert layer(tg.tensor([1])).tolist() == [[3, 4]]
    assert tg.nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad


@pytest.mark.parametrize(("error", "words", "act"), [
    (ValueError, "Expected more than 1 value per channel when training", lambda m: m.nn.BatchNorm1d(3)(m.ones(1, 3))),
    (ValueError, "expected 2D or 3D input", lambda m: m.nn.BatchNorm1d(3)(m.ones(2, 3, 1, 1))),
    (ValueError, "expected 4D input", lambda m: m.nn.BatchNorm2d(3)(m.ones(2, 3))),
    (RuntimeError, "running_mean should contain 4 elements not 3", lambda m: m.nn.BatchNorm1d(3)(m.ones(2, 4))),
    (ValueError, "must be divisible by num_groups", lambda m: m.nn.GroupNorm(2, 3)),
    (RuntimeError, "expected input with shape", lambda m: m.nn.LayerNorm(4)(m.ones(2, 3))),
    (IndexError, "index out of range in self", lambda m: m.nn.Embedding(3, 2)(m.tensor([3]))),
    (IndexError, "index out of range in self", lambda m: m.nn.Embedding(3, 2)(m.tensor([-1]))),
    (RuntimeError, "one of the following scalar types: Long, Int", lambda m: m.nn.Embedding(3, 2)(m.tensor([1.0]))),
    (RuntimeError, "Expected 3D (unbatched) or 4D (batched) input to conv2d", lambda m: m.nn.Conv2d(3, 2, 2)(m.ones(3, 3))),
    (RuntimeError, "to have 3 channels, but got 2 channels instead", lambda m: m.nn.Conv2d(3, 2, 2)(m.ones(1, 2, 3, 3))),
    (RuntimeError, "Kernel size can't be greater than actual input size", lambda m: m.nn.Conv1d(1, 1, 4)(m.ones(1, 3))),
    (RuntimeError, "should be the same", lambda m: m.nn.Conv2d(1, 1, 2)(m.ones(1, 3, 3).double())),
    (ValueError, "out_channels must be divisible by groups", lambda m: m.nn.Conv2d(2, 3, 2, groups=2)),
    (ValueError, "padding='same' is not supported for strided", lambda m: m.nn.Conv2d(2, 3, 2, stride=2, padding="same")),
    (RuntimeError, "non-positive stride is not supported", lambda m: m.nn.Conv2d(1, 1, 2, stride=0)(m.ones(1, 3, 3))),
    (RuntimeError, "output padding must be smaller", lambda m: m.nn.ConvTranspose1d(1, 1, 2, output_padding=1)(m.ones(1, 3))),
    (RuntimeError, "pad should be at most half of effective kernel size", lambda m: m.nn.MaxPool2d(2, padding=2)(m.ones(1, 4, 4))),
    (RuntimeError, "Output size is too small", lambda m: m.nn.MaxPool2d(3)(m.ones(1, 2, 2))),
    (RuntimeError, "Padding size should be less than the corresponding input dimension",
     lambda m: m.nn.ReflectionPad1d(3)(m.ones(1, 3))),
    (ValueError, "only one of size or scale_factor", lambda m: m.nn.functional.interpolate(m.ones(1, 1, 3), 2, 2.0)),
    (RuntimeError, "divisible by the square of", lambda m: m.nn.PixelShuffle(2)(m.ones(1, 3, 2, 2))),
    (RuntimeError, "input.size(-1) must be equal to input_size. Expected 3, got 2", lambda m: m.nn.LSTM(3, 4)(m.ones(5, 1, 2))),
    (ValueError, "Expected input to be 2D or 3D, got 1D instead", lambda m: m.nn.GRU(3, 4)(m.ones(3))),
    (RuntimeError, "Expected hidden size (1, 2, 4), got [1, 1, 4]", lambda m: m.nn.RNN(3, 4)(m.ones(5, 2, 3), m.ones(1, 1, 4))),
    (RuntimeError, "hx should also be 3-D", lambda m: m.nn.RNN(3, 4)(m.ones(5, 2, 3), m.ones(1, 4))),
    (ValueError, "Unknown nonlinearity", lambda m: m.nn.RNN(3, 4, nonlinearity="sin")),
    (ValueError, "hidden_size must be greater than zero", lambda m: m.nn.RNN(3, 0)),
    (RuntimeError, "must be sorted in decreasing order",
     lambda m: m.nn.utils.rnn.pack_padded_sequence(m.ones(3, 2, 1), [1, 3])),
    (AssertionError, "embed_dim must be divisible by num_heads", lambda m: m.nn.MultiheadAttention(5, 2)),
    (RuntimeError, "Explicit attn_mask should not be set when is_causal=True",
     lambda m: m.nn.functional.scaled_dot_product_attention(*[m.ones(1, 2, 2)] * 3, m.ones(2, 2), is_causal=True)),
    (RuntimeError, "Need attn_mask if specifying the is_causal hint",
     lambda m: m.nn.MultiheadAttention(4, 2)(*[m.ones(3, 1, 4)] * 3, is_causal=True)),
    (AssertionError, "", lambda m: m.nn.functional.multi_head_attention_forward(
        *[m.ones(3, 1, 4)] * 3, 4, 2, m.ones(12, 4), None, m.ones(1, 1, 4), None, False, 0.0, m.ones(4, 4), None)),
    (ValueError, "margin to be greater than 0", lambda m: m.nn.TripletMarginLoss(margin=0)),
    (ValueError, "only p == 1 and p == 2 supported", lambda m: m.nn.MultiMarginLoss(3)),
    (RuntimeError, "2D input tensors", lambda m: m.nn.CosineEmbeddingLoss()(m.ones(3), m.ones(3), m.ones(1))),
    (ValueError, "expected input to be 3D or 4D", lambda m: m.nn.Softmax2d()(m.ones(2, 3))),
    (AssertionError, "within num_embeddings", lambda m: m.nn.Embedding(3, 2, padding_idx=3)),
    (ValueError, "offsets has to be a 1D Tensor but got None", lambda m: m.nn.EmbeddingBag(3, 2)(m.tensor([1]))),
])
def test_errors_as_in_torch(error, words, act):
    for engine in (tg, torch):
        if engine is not None:
            with pytest.raises(error) as raised:
                act(engine)
            assert words.lower() in str(raised.value).lower()


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(AttributeError, match="did you mean 'LayerNorm'"):
        _ = tg.nn.LayrNorm
    with pytest.raises(AttributeError, match="did you mean 'layer_norm'"):
        _ = tg.nn.functional.layernorm
    with pytest.raises(AttributeError, match="left out"):
        _ = tg.nn.CTCLoss
    assert "BatchNorm2d" in dir(tg.nn)


def test_gumbel_softmax():
    tg.manual_seed(0)
    logits = tg.tensor([0.0, 2.0], requires_grad=True)
    draws = tg.stack([tg.nn.functional.gumbel_softmax(logits, hard=True) for _ in range(400)])
    assert set(draws.flatten().tolist()) == {0, 1}
    share = draws.mean(0)[1].item()
    assert abs(share - 1 / (1 + np.exp(-2))) < 0.06         # 3 standard deviations of 400 draws
    draws.sum(0)[0].backward()
    assert logits.grad.abs().sum() > 0


# ---- Lazy layers

LAZY = [("nn.LazyLinear(4)", (2, 3)), ("nn.LazyConv1d(4, 3)", (2, 3, 5)), ("nn.LazyConv2d(4, kernel_size=3, padding=1)", (2, 3, 5, 5)),
        ("nn.LazyConv2d(4, 3)", (3, 5, 5)), ("nn.LazyConvTranspose2d(4, 2)", (2, 3, 5, 5)), ("nn.LazyBatchNorm1d()", (4, 3)),
        ("nn.LazyBatchNorm1d(eps=1e-3)", (4, 3, 2)), ("nn.LazyBatchNorm2d()", (2, 3, 4, 4)),
        ("nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))", (2, 1, 5, 5))]


@pytest.mark.parametrize(("text", "shape"), LAZY)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_layers(text, shape):
    mine = eval(text, {"nn": tg.nn})
    assert "Lazy" in repr(mine)
    assert all(repr(p) == "<UninitializedParameter>" for p in mine.parameters())
    y = mine(tg.ones(*shape))
    assert "Lazy" not in repr(mine)
    y.sum().backward()
    assert all(parameter.grad is not None for parameter in mine.parameters())
    assert pickle.loads(pickle.dumps(mine)).state_dict().keys() == mine.state_dict().keys()
    if torch is not None:
        its = eval(text, {"nn": torch.nn})
        before = repr(eval(text, {"nn": tg.nn}))
        assert before == repr(its)
        assert tuple(its(torch.ones(shape)).shape) == tuple(y.shape)
        assert repr(mine) == repr(its)
        assert list(mine.state_dict()) == list(its.state_dict())


@pytest.mark.parametrize("m", [pytest.param(m, id=m.__name__) for m in (tg, torch) if m is not None])
def test_parameter_dict(m):
    parts = m.nn.ParameterDict({"a": m.ones(1), "b": m.nn.Parameter(m.zeros(2))})
    assert parts.get("c") is None
    assert parts.setdefault("c", m.ones(3)).requires_grad
    assert list(reversed(parts)) == ["c", "b", "a"]
    assert list((parts | {"d": m.ones(1)}).keys()) == ["a", "b", "c", "d"]
    assert parts.popitem()[0] == "c"
    assert list(parts.copy().keys()) == ["a", "b"]
    assert [name for name, _ in parts.named_parameters()] == ["a", "b"]


@pytest.mark.parametrize("m", [pytest.param(m, id=m.__name__) for m in (tg, torch) if m is not None])
def test_buffers_by_assignment(m):
    layer = m.nn.Module()
    layer.kept = m.nn.Buffer(m.ones(2))
    layer.scratch = m.nn.Buffer(m.zeros(1), persistent=False)
    assert [name for name, _ in layer.named_buffers()] == ["kept", "scratch"]
    assert list(layer.state_dict()) == ["kept"]
    assert [name for name, _ in copy.deepcopy(layer).named_buffers()] == ["kept", "scratch"]
    assert not list(layer.parameters())


@pytest.mark.parametrize("m", [pytest.param(m, id=m.__name__) for m in (tg, torch) if m is not None])
def test_old_names_of_init(m):
    with pytest.warns(FutureWarning, match="deprecated in favor of"):
        assert m.nn.init.constant(m.zeros(2), 3.0).tolist() == [3, 3]
