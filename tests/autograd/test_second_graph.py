"""create_graph=True gives a gradient with or without a graph exactly as torch, zeros included, and the same second derivatives:
over all samples of functions and layers. NAMES are those whose values agree and whose graph does not."""
from __future__ import annotations

import re

import numpy as np
import pytest
from samples.comparing import ours, theirs, torch, with_torch
from samples.nn_samples import CALLS, LAYERS

import tinygrad_c

pytestmark = [with_torch, pytest.mark.filterwarnings("ignore")]
# Here a gradient that depends on the incoming one alone has no graph; torch's has one, of zeros or of nothing, because its
# backward functions take the input as well (pooling, padding, biases), or raise where we go on (weights of losses).
NAMES = """layer_norm batch_norm instance_norm pairwise_distance pdist embedding_bag conv1d conv2d conv3d conv_transpose1d
    conv_transpose2d conv_transpose3d max_pool1d max_pool2d max_pool3d max_unpool1d max_unpool2d max_unpool3d avg_pool1d avg_pool2d
    avg_pool3d max_pool2d_with_indices adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    adaptive_max_pool2d adaptive_max_pool3d pad interpolate grid_sample scaled_dot_product_attention l1_loss nll_loss cross_entropy
    binary_cross_entropy binary_cross_entropy_with_logits triplet_margin_with_distance_loss multi_margin_loss
    multilabel_margin_loss prelu rrelu rrelu_ LayerNorm BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d
    PairwiseDistance Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d MaxPool1d MaxPool2d MaxPool3d AvgPool1d
    AvgPool2d AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool1d AdaptiveMaxPool2d ReflectionPad1d ReflectionPad2d
    ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d RNN RNNCell MultiheadAttention TransformerEncoderLayer
    TransformerDecoderLayer TransformerEncoder"""
NOT_YET = set(NAMES.split())


def tensors(m, arrays):
    make = ours if m is tinygrad_c else theirs
    return [make(np.ascontiguousarray(a), a.dtype.kind == "f") for a in arrays]


def of_call(m, call):
    arrays = call.arrays("float64")
    inputs = dict(zip(arrays, tensors(m, arrays.values())))
    out = eval(call.text, {"torch": m, "F": m.nn.functional, "np": np, **inputs})
    return out, list(inputs.values())


def of_layer(m, sample):
    m.manual_seed(0)
    layer = eval(sample.text, {"torch": m, "nn": m.nn}).double()
    rng = np.random.default_rng(3)
    with m.no_grad():
        for p in layer.parameters():
            p.copy_(m.tensor(rng.normal(size=tuple(p.shape)) * 0.5))
    inputs = tensors(m, sample.arrays("float64").values())
    return eval(sample.call, {"torch": m, "layer": layer, "inputs": inputs}), [*inputs, *layer.parameters()]


def flat(out):
    return [each for part in out for each in flat(part)] if isinstance(out, (tuple, list)) else [out]


def weighed(m, outputs):
    return sum((o * m.tensor(np.cos(1.0 + np.arange(o.numel())).reshape(tuple(o.shape)))).sum() for o in outputs)


def second(m, make, *sample) -> list:
    """Per leaf what its gradient is (None, with or without a graph), and per gradient with a graph its gradients again; or the
    class of what was raised on the way."""
    try:
        out, leaves = make(m, *sample)
        leaves = [x for x in leaves if x.requires_grad]
        out = [o for o in flat(out) if isinstance(o, m.Tensor) and o.requires_grad and o.dtype is m.float64]
        if not out or not leaves:
            return []
        first = m.autograd.grad(weighed(m, out), leaves, create_graph=True, allow_unused=True)
    except Exception as error:
        return [type(error).__name__]
    seen = [None if g is None else g.requires_grad for g in first]
    for g in first:
        if g is not None and g.requires_grad:
            try:
                again = m.autograd.grad(weighed(m, [g]), leaves, retain_graph=True, allow_unused=True)
                seen += [None if h is None else h.detach().numpy() for h in again]
            except RuntimeError:
                seen.append("RuntimeError")
    return seen


def compare(make, *sample) -> None:
    mine, its = second(tinygrad_c, make, *sample), second(torch, make, *sample)
    shown = [[each if not isinstance(each, np.ndarray) else "values" for each in seen] for seen in (mine, its)]
    name = re.match(r"(?:F|nn)\.(\w+)", sample[0].text)
    if shown[0] != shown[1] and name is not None and name[1] in NOT_YET:
        pytest.xfail(f"here {shown[0]}, torch {shown[1]}")
    assert shown[0] == shown[1], f"here {shown[0]}\ntorch {shown[1]}"
    for a, b in zip(mine, its):
        if isinstance(a, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("call", CALLS, ids=[f"{call.text} {i}" for i, call in enumerate(CALLS)])
def test_of_functions(call):
    compare(of_call, call)


@pytest.mark.parametrize("sample", LAYERS, ids=[f"{sample.text} {i}" for i, sample in enumerate(LAYERS)])
def test_of_layers(sample):
    compare(of_layer, sample)
