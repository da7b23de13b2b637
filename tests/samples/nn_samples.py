"""Calls of nn.functional and layers of nn with their inputs, for test_functional.py and test_layers.py.

A call is text, so that it is the same text for both engines: `F` and `torch` in it are ours or PyTorch's.
"""
from __future__ import annotations

import zlib

import numpy as np
from samples.op_samples import X


class Call:
    """`text` with the names of `inputs` in it.

    once: its second derivative is not looked at. other_slope: its gradient is, on purpose, not the value's derivative.
    """

    def __init__(self, text: str, once: bool = False, other_slope: bool = False, scale: float = 1.0, **inputs: X):
        self.text, self.once, self.other_slope, self.scale, self.inputs = text, once, other_slope, scale, inputs

    def arrays(self, dtype: str) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(zlib.crc32(self.text.encode()))
        return {name: x.draw(rng, dtype) for name, x in self.inputs.items()}


class Layer(Call):
    """`text` creates a layer, which is called with the inputs, in order, or as `call` says."""

    def __init__(self, text: str, *inputs: X, call: str = "layer(*inputs)", once: bool = False, scale: float = 1.0):
        super().__init__(text, once, False, scale, **{f"x{i}": x for i, x in enumerate(inputs)})
        self.call = call


def index(*shape: int, below: int, low: int = 0) -> X:
    return X(*shape, low=low, high=below, dtype="int64")


NORMS = [
    Call("F.layer_norm(x, (4,))", x=X(2, 3, 4)),
    Call("F.layer_norm(x, (3, 4), w, b, 1e-3)", x=X(2, 3, 4), w=X(3, 4), b=X(3, 4)),
    Call("F.layer_norm(x, [4], None, b)", x=X(3, 4), b=X(4), once=True),
    Call("F.rms_norm(x, (4,))", x=X(3, 4)),
    Call("F.rms_norm(x, (3, 4), w, 1e-3)", x=X(2, 3, 4), w=X(3, 4)),
    Call("F.batch_norm(x, None, None, w, b, True)", x=X(5, 3), w=X(3), b=X(3)),
    Call("F.batch_norm(x, None, None, training=True)", x=X(3, 2, 2, 3)),
    Call("F.batch_norm(x, m, v, w, b)", x=X(4, 3, 2), m=X(3, fixed=True),
         v=X(3, low=0.5, high=2, fixed=True), w=X(3), b=X(3)),
    Call("F.batch_norm(x, m, v)", x=X(4, 3), m=X(3, fixed=True), v=X(3, low=0.5, high=2, fixed=True)),
    Call("F.instance_norm(x)", x=X(2, 3, 4)),
    Call("F.instance_norm(x, weight=w, bias=b)", x=X(2, 3, 2, 3), w=X(3), b=X(3)),
    Call("F.instance_norm(x, m, v, use_input_stats=False)", x=X(2, 3, 4), m=X(3, fixed=True),
         v=X(3, low=0.5, high=2, fixed=True)),
    Call("F.group_norm(x, 2)", x=X(2, 4, 3)),
    Call("F.group_norm(x, 2, w, b)", x=X(2, 4, 2, 2), w=X(4), b=X(4)),
    Call("F.group_norm(x, 1, w)", x=X(3, 4), w=X(4)),
    Call("F.local_response_norm(x, 3, 0.1, 0.5, 1.5)", x=X(2, 5, 3)),
    Call("F.local_response_norm(x, 2)", x=X(2, 5, 3, 2)),
    Call("F.normalize(x)", x=X(3, 4)),
    Call("F.normalize(x, p=1, dim=0)", x=X(3, 4)),
    Call("F.normalize(x, 3.0, -1)", x=X(2, 3, 4)),
]
DISTANCES = [
    Call("F.cosine_similarity(a, b)", a=X(3, 4), b=X(3, 4)),
    Call("F.cosine_similarity(a, b, dim=-1)", a=X(2, 1, 4), b=X(3, 4)),
    Call("F.cosine_similarity(a, b, dim=-2)", a=X(1, 2, 3), b=X(2, 1, 3)),
    Call("F.cosine_similarity(a, b, 0, 3.0)", a=X(4), b=X(4), other_slope=True),
    Call("F.pairwise_distance(a, b)", a=X(3, 4), b=X(3, 4)),
    Call("F.pairwise_distance(a, b, 1.0, keepdim=True)", a=X(3, 4), b=X(4), once=True),
    Call("F.pairwise_distance(a, b, 3.0)", a=X(4), b=X(4)),
    Call("F.pdist(x)", x=X(4, 3), once=True),
    Call("F.pdist(x, 1.0)", x=X(4, 3), once=True),
]
EMBEDDINGS = [
    Call("F.embedding(i, w)", i=index(3, 4, below=5), w=X(5, 2)),
    Call("F.embedding(i, w)", i=index(below=5), w=X(5, 2)),
    Call("F.embedding(i, w)", i=index(0, 2, below=5), w=X(5, 2)),
    Call("F.embedding(i, w, padding_idx=1)", i=index(9, below=3), w=X(3, 2), other_slope=True),
    Call("F.embedding(i, w, padding_idx=-1)", i=index(9, below=3), w=X(3, 2), other_slope=True),
    Call("F.embedding(i, w, scale_grad_by_freq=True)", i=index(9, below=4), w=X(4, 2), once=True, other_slope=True),
    Call("F.embedding(i, w.clone(), max_norm=1.0)", i=index(9, below=4), w=X(4, 2, fixed=True), other_slope=True),
    Call("F.embedding(i.int(), w)", i=index(4, below=5), w=X(5, 2)),
    *[Call(f"F.embedding_bag(i, w, mode={mode!r})", i=index(3, 4, below=5), w=X(5, 2), once=True)
      for mode in ("sum", "mean", "max")],
    *[Call(f"F.embedding_bag(i, w, torch.tensor([0, 2, 2, 5]), mode={mode!r})", i=index(8, below=5), w=X(5, 2), once=True)
      for mode in ("sum", "mean", "max")],
    *[Call(f"F.embedding_bag(i, w, mode={mode!r}, padding_idx=2)", i=index(3, 4, below=4), w=X(4, 2), once=True, other_slope=True)
      for mode in ("sum", "mean", "max")],
    Call("F.embedding_bag(i, w, mode='sum', per_sample_weights=s)", i=index(3, 4, below=5), w=X(5, 2), s=X(3, 4), once=True),
    Call("F.embedding_bag(i, w, torch.tensor([0, 2, 8]), include_last_offset=True)", i=index(8, below=5), w=X(5, 2), once=True),
    Call("F.one_hot(i)", i=index(3, 2, below=5)),
    Call("F.one_hot(i, 7)", i=index(below=5)),
]
CONVOLUTIONS = [
    Call("F.conv1d(x, w, b)", x=X(2, 3, 7), w=X(4, 3, 3), b=X(4)),
    Call("F.conv1d(x, w, None, 2, 1, 2)", x=X(3, 9), w=X(4, 3, 3)),
    Call("F.conv1d(x, w, padding='same')", x=X(2, 3, 5), w=X(2, 3, 4)),
    Call("F.conv1d(x, w, padding='valid', groups=3)", x=X(2, 3, 5), w=X(6, 1, 2)),
    Call("F.conv2d(x, w, b)", x=X(2, 3, 5, 6), w=X(4, 3, 3, 2), b=X(4)),
    Call("F.conv2d(x, w, b, stride=2, padding=1)", x=X(2, 2, 5, 4), w=X(3, 2, 3, 3), b=X(3)),
    Call("F.conv2d(x, w, None, (1, 2), (2, 1), (2, 1))", x=X(2, 2, 5, 4), w=X(3, 2, 3, 3)),
    Call("F.conv2d(x, w, None, 1, 'same', (1, 2))", x=X(2, 4, 4), w=X(3, 2, 2, 3)),
    Call("F.conv2d(x, w, b, padding=1, groups=2)", x=X(2, 4, 3, 4), w=X(6, 2, 3, 3), b=X(6)),
    Call("F.conv2d(x, w, groups=4)", x=X(1, 4, 3, 3), w=X(4, 1, 2, 2)),
    Call("F.conv2d(x, w)", x=X(2, 3, 4, 4), w=X(2, 3, 1, 1)),
    Call("F.conv2d(x, w, stride=3)", x=X(2, 1, 7, 5), w=X(2, 1, 2, 2)),
    Call("F.conv2d(x, w)", x=X(0, 3, 4, 4), w=X(2, 3, 3, 3)),
    Call("F.conv3d(x, w, b, 2, 1)", x=X(2, 2, 3, 4, 4), w=X(2, 2, 2, 3, 2), b=X(2)),
    Call("F.conv3d(x, w, dilation=(1, 2, 1), groups=2)", x=X(2, 3, 4, 3), w=X(2, 1, 2, 2, 2)),
    Call("F.conv_transpose1d(x, w, b, 2, 1, 1)", x=X(2, 3, 4), w=X(3, 2, 3), b=X(2)),
    Call("F.conv_transpose1d(x, w, groups=2, dilation=2)", x=X(4, 5), w=X(4, 3, 2)),
    Call("F.conv_transpose2d(x, w, b)", x=X(2, 3, 3, 4), w=X(3, 2, 2, 3), b=X(2)),
    Call("F.conv_transpose2d(x, w, None, 2, 1, 1)", x=X(2, 2, 3, 3), w=X(2, 2, 3, 3)),
    Call("F.conv_transpose2d(x, w, b, (2, 1), 1, (1, 0), 2, (1, 2))", x=X(2, 4, 3, 3), w=X(4, 1, 3, 2), b=X(2)),
    Call("F.conv_transpose3d(x, w, b, 2, 1, 1)", x=X(2, 2, 2, 3, 2), w=X(2, 2, 2, 3, 2), b=X(2)),
    Call("F.conv_transpose3d(x, w, groups=2, dilation=(2, 1, 1))", x=X(2, 2, 2, 2), w=X(2, 1, 2, 2, 2)),
    Call("F.unfold(x, (2, 3), 1, 1, 2)", x=X(2, 3, 5, 4)),
    Call("F.unfold(x, 2, dilation=2)", x=X(3, 5, 4)),
    Call("F.fold(x, (4, 5), 2)", x=X(2, 8, 12)),
    Call("F.fold(x, (4, 5), (2, 3), 1, 1, 2)", x=X(6, 9)),
]
POOLING = [
    Call("F.max_pool1d(x, 2)", x=X(2, 3, 7)),
    Call("F.max_pool1d(x, 3, 2, 1, return_indices=True)", x=X(3, 7)),
    Call("F.max_pool2d(x, 2)", x=X(2, 3, 4, 6)),
    Call("F.max_pool2d(x, 2, return_indices=True)", x=X(2, 3, 5, 5)),
    Call("F.max_pool2d(x, 3, 2, 1, return_indices=True)", x=X(2, 3, 7, 5)),
    Call("F.max_pool2d(x, (2, 3), (1, 2), (1, 0), (2, 1))", x=X(2, 5, 6)),
    Call("F.max_pool2d(x, 3, 2, ceil_mode=True)", x=X(2, 2, 6, 5)),
    Call("F.max_pool2d(x, 2, 1)", x=X(1, 2, 4, 150)),
    Call("F.max_pool2d(x.relu(), 2, return_indices=True)", x=X(2, 2, 6, 6)),
    Call("F.max_pool3d(x, 2, 1, 1)", x=X(2, 2, 3, 3, 4)),
    Call("F.max_pool3d(x, (2, 3, 2), 2, 1, return_indices=True)", x=X(2, 2, 3, 4, 5)),
    Call("F.max_pool2d(x, 2, return_indices=True)", x=index(2, 4, 4, below=9)),
    Call("F.max_pool3d(x, 2, 1, 1)", x=index(2, 2, 3, 4, below=9)),
    Call("F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2)", x=X(2, 2, 4, 2)),
    Call("F.max_pool3d(x, (1, 2, 3), ceil_mode=True)", x=X(2, 3, 3, 4)),
    Call("F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)", x=X(2, 2, 4, 6)),
    Call("F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2, output_size=(7,))", x=X(2, 7)),
    Call("F.avg_pool1d(x, 3, 2, 1)", x=X(2, 3, 8)),
    Call("F.avg_pool1d(x, 3, ceil_mode=True)", x=X(3, 7)),
    Call("F.avg_pool2d(x, 2)", x=X(2, 3, 4, 5)),
    Call("F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)", x=X(2, 3, 5, 6)),
    Call("F.avg_pool2d(x, (3, 2), 2, (1, 0), ceil_mode=True)", x=X(3, 6, 5)),
    Call("F.avg_pool2d(x, 3, 2, 1, True, False)", x=X(2, 3, 6, 5)),
    Call("F.avg_pool2d(x, 2, divisor_override=3)", x=X(2, 3, 4, 4)),
    Call("F.avg_pool3d(x, 2, 1, 1)", x=X(2, 2, 3, 2, 3)),
    Call("F.lp_pool1d(x, 2.0, 3, 2)", x=X(2, 2, 7, low=0.5), once=True),
    Call("F.lp_pool3d(x, 2.0, 2)", x=X(2, 2, 2, 4, 5, low=0.5), once=True),
    Call("F.max_pool2d_with_indices(x, 2)", x=X(2, 2, 4, 5)),
    Call("F.lp_pool2d(x, 3.0, 2)", x=X(2, 2, 4, 5, low=0.5), once=True),
    Call("F.adaptive_avg_pool1d(x, 3)", x=X(2, 3, 7)),
    Call("F.adaptive_avg_pool2d(x, 1)", x=X(2, 3, 5, 4)),
    Call("F.adaptive_avg_pool2d(x, (2, 3))", x=X(2, 3, 5, 7)),
    Call("F.adaptive_avg_pool2d(x, (None, 6))", x=X(3, 5, 4)),
    Call("F.adaptive_avg_pool3d(x, (1, 2, 2))", x=X(2, 2, 3, 3, 4)),
    Call("F.adaptive_max_pool1d(x, 3, return_indices=True)", x=X(2, 3, 7)),
    Call("F.adaptive_max_pool2d(x, (2, 3), return_indices=True)", x=X(2, 3, 5, 7)),
]
PICTURES = [
    Call("F.pad(x, (1, 2))", x=X(3, 4)),
    Call("F.pad(x, (1, 0, 2, 1), value=1.5)", x=X(2, 3, 4)),
    Call("F.pad(x, (-1, 2, 0, -1), 'constant', -0.5)", x=X(2, 3, 4)),
    Call("F.pad(x, (0, 0, 1, 1), value=-float('inf')).clamp(min=-3.0)", x=X(3, 4)),
    Call("F.pad(x, (-1, 1, -2, 1), 'circular')", x=X(1, 3, 4, 4)),
    Call("F.pad(x, (1, 1), value=2.0)", x=index(3, 4, below=9)),
    Call("F.pad(x, (1, 1))", x=index(3, 4, below=9)),
    *[Call(f"F.pad(x, (2, 1), {mode!r})", x=X(2, 3, 4)) for mode in ("reflect", "replicate", "circular")],
    *[Call(f"F.pad(x, (1, 3, 2, 0), {mode!r})", x=X(2, 3, 4)) for mode in ("replicate", "circular")],
    Call("F.pad(x, (1, 3, 2, 0), 'reflect')", x=X(1, 2, 3, 4)),
    Call("F.pad(x, (1, 1, 1, 0, 0, 1), 'replicate')", x=X(2, 2, 3, 2)),
    *[Call(f"F.interpolate(x, scale_factor={by}, mode={mode!r})", x=X(2, 2, 3, 4)) for by in (2, 1.5, (0.5, 2.3))
      for mode in ("nearest", "nearest-exact", "bilinear", "bicubic")],
    *[Call(f"F.interpolate(x, size={size}, mode={mode!r}, align_corners={align})", x=X(1, 2, 4, 3)) for size in (5, (2, 6))
      for mode in ("bilinear", "bicubic") for align in (False, True)],
    Call("F.interpolate(x, size=7)", x=X(2, 3, 4)),
    Call("F.interpolate(x, 7, mode='linear')", x=X(2, 3, 4)),
    Call("F.interpolate(x, (2, 3, 5), mode='trilinear')", x=X(1, 2, 3, 3, 3)),
    Call("F.interpolate(x, (2, 3), mode='area')", x=X(1, 2, 5, 6)),
    Call("F.interpolate(x, scale_factor=1.7, mode='bilinear', recompute_scale_factor=True)", x=X(1, 2, 4, 3)),
    Call("F.pixel_shuffle(x, 2)", x=X(2, 8, 3, 2)),
    Call("F.pixel_unshuffle(x, 2)", x=X(2, 2, 4, 6)),
    Call("F.channel_shuffle(x, 3)", x=X(2, 6, 2, 2)),
    Call("F.affine_grid(t, (2, 1, 3, 4), align_corners=False)", t=X(2, 2, 3)),
    Call("F.affine_grid(t, (2, 1, 3, 4), align_corners=True)", t=X(2, 2, 3)),
    Call("F.multi_head_attention_forward(x, x, x, 4, 2, w, b, None, None, False, 0.0, o, c)", x=X(3, 2, 4), w=X(12, 4), b=X(12), o=X(4, 4),
         c=X(4), once=True),
    Call("F.multi_head_attention_forward(x, y, y, 4, 2, None, b, None, None, True, 0.0, o, None, use_separate_proj_weight=True, "
         "q_proj_weight=u, k_proj_weight=v, v_proj_weight=w)", x=X(3, 2, 4), y=X(5, 2, 3), b=X(12), o=X(4, 4), u=X(4, 4), v=X(4, 3),
         w=X(4, 3), once=True),
    Call("F.adaptive_max_pool3d(x, (2, 1, 2))", x=X(2, 2, 3, 4, 3)),
    Call("F.adaptive_max_pool3d(x, 2, return_indices=True)", x=X(2, 3, 4, 3)),
    Call("F.fractional_max_pool2d(x, 2, (2, 3), _random_samples=s)", x=X(2, 2, 5, 6), s=X(2, 2, 2, low=0, high=1, fixed=True)),
    Call("F.fractional_max_pool2d(x, (2, 3), output_ratio=(0.5, 0.5), return_indices=True, _random_samples=s)", x=X(2, 7, 6),
         s=X(1, 2, 2, low=0, high=1, fixed=True)),
    Call("F.fractional_max_pool3d(x, (2, 1, 2), (2, 2, 3), _random_samples=s)", x=X(2, 1, 4, 3, 5),
         s=X(2, 1, 3, low=0, high=1, fixed=True)),
    Call("F.affine_grid(t, (2, 1, 3, 4, 2), align_corners=False)", t=X(2, 3, 4)),
    *[Call(f"F.grid_sample(x, g, 'bicubic', {padding!r}, {align})", x=X(2, 2, 4, 5), g=X(2, 3, 3, 2, low=-1.6, high=1.6), once=True)
      for padding in ("zeros", "border", "reflection") for align in (True, False)],
    *[Call(f"F.grid_sample(x, g, {mode!r}, {padding!r}, True)", x=X(2, 2, 4, 3, 2), g=X(2, 3, 1, 2, 3, low=-1.6, high=1.6), once=True)
      for mode in ("bilinear", "nearest") for padding in ("zeros", "reflection")],
    *[Call(f"F.grid_sample(x, g, {mode!r}, {padding!r}, {align})", x=X(2, 2, 4, 5), g=X(2, 3, 3, 2, low=-1.6, high=1.6), once=True)
      for mode in ("bilinear", "nearest") for padding in ("zeros", "border", "reflection") for align in (False, True)],
]
SEQUENCES = [
    Call("nn.utils.rnn.pad_sequence([a, b, c])", a=X(2, 3), b=X(4, 3), c=X(1, 3)),
    Call("nn.utils.rnn.pad_sequence([a, b], True, -1.0, 'left')", a=X(2), b=X(4)),
    Call("nn.utils.rnn.unpad_sequence(x, torch.tensor([2, 4]), True)", x=X(2, 4, 3)),
    Call("nn.utils.rnn.unpack_sequence(nn.utils.rnn.pack_sequence([a, b], enforce_sorted=False))", a=X(2, 3), b=X(4, 3)),
    Call("nn.utils.rnn.pack_sequence([a, b, c], enforce_sorted=False)", a=X(2, 3), b=X(4, 3), c=X(1, 3)),
]
SDPA = "F.scaled_dot_product_attention"
ATTENTION = [
    Call(f"{SDPA}(q, k, v)", q=X(2, 3, 4), k=X(2, 5, 4), v=X(2, 5, 2)),
    Call(f"{SDPA}(q, k, v, scale=0.3)", q=X(3, 4), k=X(5, 4), v=X(5, 2)),
    Call(f"{SDPA}(q, k, v, is_causal=True)", q=X(2, 2, 3, 4), k=X(2, 2, 3, 4), v=X(2, 2, 3, 4)),
    Call(f"{SDPA}(q, k, v, is_causal=True)", q=X(2, 5, 4), k=X(2, 3, 4), v=X(2, 3, 4)),
    Call(f"{SDPA}(q, k, v, m)", q=X(2, 3, 4), k=X(2, 5, 4), v=X(2, 5, 2), m=X(3, 5)),
    Call(f"{SDPA}(q, k, v, m > 0.5)", q=X(2, 3, 4), k=X(2, 5, 4), v=X(2, 5, 2), m=X(2, 1, 5, fixed=True)),
    Call(f"{SDPA}(q, k, v, torch.tensor([[True, False], [False, False]]))", q=X(2, 2, 3), k=X(2, 2, 3), v=X(2, 2, 3)),
    Call(f"{SDPA}(q, k, v, enable_gqa=True)", q=X(2, 4, 3, 2), k=X(2, 2, 3, 2), v=X(2, 2, 3, 2)),
]
R = ("mean", "sum", "none")
SIGNS = "torch.tensor([1., -1., 1.]).to(x.dtype)"
LOSSES = [
    *[Call(f"F.smooth_l1_loss(x, t, beta=0.5, reduction={r!r})", x=X(3, 4), t=X(3, 4)) for r in R],
    *[Call(f"F.huber_loss(x, t, {r!r}, 0.7)", x=X(3, 4), t=X(3, 4)) for r in R],
    Call("F.huber_loss(x, t, delta=0.7, weight=w)", x=X(3, 4), t=X(3, 4), w=X(3, 4, low=0.1, fixed=True), once=True),
    Call("F.mse_loss(x, t, weight=w)", x=X(3, 4), t=X(3, 4), w=X(3, 4, low=0.1, fixed=True), once=True),
    Call("F.l1_loss(x, t, weight=w)", x=X(3, 4), t=X(3, 4), w=X(3, 4, low=0.1, fixed=True), once=True),
    *[Call(f"F.nll_loss(x, t, w, ignore_index=1, reduction={r!r})", x=X(2, 3, 2, 2), t=index(2, 2, 2, below=3),
           w=X(3, low=0.2, fixed=True)) for r in R],
    *[Call(f"F.cross_entropy(x, t, w, ignore_index=0, reduction={r!r}, label_smoothing=0.1)", x=X(2, 3, 4),
           t=index(2, 4, below=3), w=X(3, low=0.2, fixed=True)) for r in R],
    *[Call(f"F.cross_entropy(x, t, w, reduction={r!r}, label_smoothing={s})", x=X(4, 3), t=X(4, 3, low=0, fixed=True),
           w=X(3, low=0.2, fixed=True)) for r in R for s in (0.0, 0.3)],
    Call("F.cross_entropy(x, t)", x=X(2, 3, 2, 2), t=X(2, 3, 2, 2, low=0)),
    # In its second derivative PyTorch adds 1e-12 to x (1 - x).
    *[Call(f"F.binary_cross_entropy(x, t, w, reduction={r!r})", scale=20, x=X(3, 4, low=0.1, high=0.9),
           t=X(3, 4, low=0, high=1, fixed=True), w=X(4, low=0.2, fixed=True)) for r in R],
    *[Call(f"F.binary_cross_entropy_with_logits(x, t, w, reduction={r!r}, pos_weight=p)", x=X(3, 4),
           t=X(3, 4, low=0, high=1, fixed=True), w=X(3, 4, low=0.2, fixed=True), p=X(4, low=0.2, fixed=True)) for r in R],
    *[Call(f"F.kl_div(x, t, reduction={r!r}, log_target={log})", x=X(3, 4, high=-0.1), t=X(3, 4, low=0.1, high=1))
      for r in (*R, "batchmean") for log in (False, True)],
    *[Call(f"F.gaussian_nll_loss(x, t, v, full={full}, reduction={r!r})", x=X(3, 4), t=X(3, 4), v=X(3, 1, low=0.2))
      for r in R for full in (False, True)],
    *[Call(f"F.poisson_nll_loss(x, t, {log}, {full}, reduction={r!r})", x=X(3, 4, low=0.2), t=X(3, 4, low=0, high=5, fixed=True))
      for r in R for log in (False, True) for full in (False, True)],
    *[Call(f"F.hinge_embedding_loss(x, {SIGNS}, 0.5, reduction={r!r})", x=X(2, 3)) for r in R],
    *[Call(f"F.margin_ranking_loss(x, y, {SIGNS}, 0.5, reduction={r!r})", x=X(3), y=X(3)) for r in R],
    *[Call(f"F.triplet_margin_loss(a, p, n, margin=0.7, p={p}, swap={swap}, reduction={r!r})", a=X(3, 4),
           p=X(3, 4), n=X(3, 4)) for r in R for p in (1.5, 2) for swap in (False, True)],
    Call("F.triplet_margin_with_distance_loss(a, p, n, distance_function=lambda x, y: (x - y).abs().sum(-1), swap=True)",
         a=X(3, 4), p=X(3, 4), n=X(3, 4), once=True),
    *[Call(f"F.cosine_embedding_loss(x, y, {SIGNS}, -0.3, reduction={r!r})", x=X(3, 4), y=X(3, 4)) for r in R],
    Call("F.cosine_embedding_loss(x, y, torch.tensor(1))", x=X(4), y=X(4)),
    *[Call(f"F.multi_margin_loss(x, t, {p}, 0.7, w, reduction={r!r})", x=X(4, 3), t=index(4, below=3), w=X(3, low=0.2, fixed=True),
           once=True) for r in R for p in (1, 2)],
    Call("F.multi_margin_loss(x, t)", x=X(), t=index(below=1), once=True),
    Call("F.multi_margin_loss(x, t)", x=X(3), t=index(below=3), once=True),
    *[Call(f"F.soft_margin_loss(x, {SIGNS}, reduction={r!r})", x=X(2, 3)) for r in R],
    *[Call(f"F.multilabel_soft_margin_loss(x, t, w, reduction={r!r})", x=X(2, 3), t=X(2, 3, low=0, high=1, fixed=True),
           w=X(3, low=0.2, fixed=True)) for r in R],
    *[Call(f"F.multilabel_margin_loss(x, torch.tensor([[2, 0, -1, 1], [3, -1, 0, 0]]), reduction={r!r})", x=X(2, 4), once=True)
      for r in R],
]
ACTIVATIONS = [
    *[Call(f"F.{name}(x)", x=X(3, 4)) for name in (
        "relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "tanhshrink", "hardtanh",
        "hardswish", "hardshrink", "softshrink", "leaky_relu", "logsigmoid", "glu", "sigmoid", "tanh", "rrelu")],
    *[Call(f"F.{name}(x.clone())", x=X(3, 4)) for name in (
        "relu_", "elu_", "selu_", "celu_", "hardtanh_", "leaky_relu_", "rrelu_")],
    *[Call(f"F.{name}(x, dim={dim})", x=X(3, 4)) for name in ("softmax", "softmin", "log_softmax") for dim in (0, -1)],
    Call("F.hardsigmoid(x)", x=X(3, 4), scale=1e5),         # PyTorch's 1 / 6 is in single precision
    Call("F.softmax(x, 1, dtype=torch.float64)", x=X(3, 4)),
    Call("F.glu(x, 0)", x=X(4, 3)),
    Call("F.celu(x, 0.5)", x=X(3, 4)),
    Call("F.elu(x, 0.5)", x=X(3, 4)),
    Call("F.gelu(x, approximate='tanh')", x=X(3, 4)),
    Call("F.softplus(x, 2.0, 1.5)", x=X(3, 4), other_slope=True),
    Call("F.hardtanh(x, -0.5, 1.0)", x=X(3, 4)),
    Call("F.threshold(x, 0.1, 2.0)", x=X(3, 4)),
    Call("F.threshold_(x.clone(), 0.1, 2.0)", x=X(3, 4)),
    Call("F.prelu(x, w)", x=X(2, 3, 2), w=X(3)),
    Call("F.prelu(x, w)", x=X(2, 3), w=X(1)),
    Call("F.prelu(x, w)", x=X(), w=X(1)),
    Call("F.hardtanh(x, -0.5, 1.5)", x=index(3, 4, below=5, low=-5)),
    Call("F.relu6(x)", x=index(3, 4, below=9, low=-5)),
]
CALLS = [*NORMS, *DISTANCES, *EMBEDDINGS, *CONVOLUTIONS, *POOLING, *PICTURES, *SEQUENCES, *ATTENTION, *LOSSES, *ACTIVATIONS]

LAYERS = [
    Layer("nn.LayerNorm(4)", X(2, 3, 4)),
    Layer("nn.LayerNorm([3, 4], eps=1e-3, bias=False)", X(2, 3, 4)),
    Layer("nn.LayerNorm((4,), elementwise_affine=False)", X(3, 4)),
    Layer("nn.RMSNorm(4)", X(2, 3, 4)),
    Layer("nn.RMSNorm([3, 4], eps=1e-3, elementwise_affine=False)", X(2, 3, 4)),
    Layer("nn.BatchNorm1d(3)", X(5, 3)),
    Layer("nn.BatchNorm1d(3, eps=1e-3, momentum=0.3)", X(5, 3, 2)),
    Layer("nn.BatchNorm1d(3, momentum=None)", X(5, 3)),
    Layer("nn.BatchNorm1d(3, affine=False)", X(5, 3)),
    Layer("nn.BatchNorm1d(3, track_running_stats=False)", X(5, 3)),
    Layer("nn.BatchNorm1d(3, bias=False)", X(5, 3)),
    Layer("nn.BatchNorm2d(3)", X(2, 3, 2, 4)),
    Layer("nn.BatchNorm3d(2)", X(2, 2, 2, 2, 3)),
    Layer("nn.GroupNorm(2, 4)", X(2, 4, 3)),
    Layer("nn.GroupNorm(1, 4, affine=False)", X(2, 4, 2, 2)),
    Layer("nn.InstanceNorm1d(3)", X(2, 3, 4)),
    Layer("nn.InstanceNorm1d(3, affine=True, track_running_stats=True)", X(2, 3, 4)),
    Layer("nn.InstanceNorm2d(3, affine=True)", X(3, 2, 4)),
    Layer("nn.InstanceNorm3d(2, track_running_stats=True)", X(2, 2, 2, 2, 3)),
    Layer("nn.LocalResponseNorm(2)", X(2, 5, 3)),
    Layer("nn.Embedding(5, 3)", index(2, 4, below=5)),
    Layer("nn.Embedding(5, 3, padding_idx=-2)", index(12, below=5)),
    Layer("nn.Embedding(5, 3, max_norm=1.0)", index(12, below=5), once=True),
    Layer("nn.EmbeddingBag(5, 3)", index(2, 4, below=5), once=True),
    Layer("nn.EmbeddingBag(5, 3, mode='sum', padding_idx=1)", index(2, 4, below=5), once=True),
    Layer("nn.CosineSimilarity(dim=0)", X(3, 4), X(3, 4)),
    Layer("nn.PairwiseDistance(p=1.0)", X(3, 4), X(3, 4), once=True),
    Layer("nn.Conv1d(3, 4, 3)", X(2, 3, 7)),
    Layer("nn.Conv1d(2, 4, 3, stride=2, padding=1, dilation=2, groups=2, bias=False)", X(2, 9)),
    Layer("nn.Conv1d(2, 3, 4, padding='same', padding_mode='circular')", X(1, 2, 6)),
    Layer("nn.Conv2d(3, 4, 3)", X(2, 3, 5, 6)),
    Layer("nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=1, groups=2)", X(2, 2, 5, 4)),
    Layer("nn.Conv2d(2, 2, 3, padding='same', bias=False)", X(2, 2, 4, 4)),
    Layer("nn.Conv2d(2, 2, 3, padding=1, padding_mode='reflect')", X(2, 2, 4, 4)),
    Layer("nn.Conv2d(2, 2, 3, padding=(1, 2), padding_mode='replicate')", X(2, 2, 4, 4)),
    Layer("nn.Conv3d(2, 2, 2, padding=1)", X(1, 2, 3, 3, 2)),
    Layer("nn.ConvTranspose1d(3, 2, 3, stride=2, output_padding=1)", X(2, 3, 4)),
    Layer("nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1, bias=False)", X(2, 3, 3, 4)),
    Layer("nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1)", X(2, 2, 3, 4), call="layer(inputs[0], output_size=(6, 7))"),
    Layer("nn.MaxPool1d(2)", X(2, 3, 6)),
    Layer("nn.MaxPool2d(2)", X(2, 3, 4, 6)),
    Layer("nn.MaxPool2d((3, 2), stride=2, padding=1, ceil_mode=True, return_indices=True)", X(2, 3, 6, 5)),
    Layer("nn.MaxPool3d(2)", X(1, 2, 2, 4, 5)),
    Layer("nn.AvgPool1d(2, 1)", X(2, 3, 5)),
    Layer("nn.AvgPool2d(2)", X(2, 3, 4, 5)),
    Layer("nn.AvgPool2d((3, 2), stride=1, padding=(1, 0), count_include_pad=False)", X(2, 3, 4, 5)),
    Layer("nn.AvgPool3d(2)", X(1, 2, 2, 4, 5)),
    Layer("nn.LPPool1d(2, 3, stride=2)", X(2, 3, 7, low=0.5), once=True),
    Layer("nn.LPPool2d(2, 2)", X(2, 3, 4, 4, low=0.5), once=True),
    Layer("nn.LPPool3d(2, 2)", X(1, 2, 2, 4, 4, low=0.5), once=True),
    Layer("nn.AdaptiveAvgPool1d(3)", X(2, 3, 7)),
    Layer("nn.AdaptiveAvgPool2d((2, None))", X(2, 3, 5, 4)),
    Layer("nn.AdaptiveAvgPool3d(1)", X(1, 2, 2, 3, 4)),
    Layer("nn.AdaptiveMaxPool1d(2)", X(2, 3, 7)),
    Layer("nn.AdaptiveMaxPool2d(2, return_indices=True)", X(2, 3, 5, 4)),
    Layer("nn.ConvTranspose3d(2, 2, 2, stride=2)", X(1, 2, 2, 2, 3)),
    Layer("nn.MaxUnpool3d(2)", X(1, 1, 1, 1, 2), index(1, 1, 1, 1, 2, below=16)),
    Layer("nn.MaxUnpool2d(2)", X(1, 1, 1, 2), index(1, 1, 1, 2, below=8)),
    *[Layer(f"nn.{kind}Pad{n}d({size})", X(2, *[4] * n), once=True) for kind in ("Zero", "Reflection", "Replication", "Circular")
      for n in (1, 2, 3) for size in (1, tuple(range(2 * n))[::-1] if n == 1 else (1, 2, 0, 1, 1, 1)[:2 * n])],
    *[Layer(f"nn.ConstantPad{n}d({size}, 3.5)", X(2, *[4] * n), once=True) for n, size in ((1, 2), (2, (1, 0, 2, 1)), (3, 1))],
    Layer("nn.Upsample(scale_factor=2)", X(1, 2, 3, 3)),
    Layer("nn.Upsample((4, 5), mode='bilinear', align_corners=True)", X(1, 2, 3, 3)),
    Layer("nn.UpsamplingNearest2d(scale_factor=2)", X(1, 2, 3, 3)),
    Layer("nn.UpsamplingBilinear2d(5)", X(1, 2, 3, 3)),
    Layer("nn.PixelShuffle(2)", X(1, 4, 3, 3)),
    Layer("nn.PixelUnshuffle(3)", X(1, 1, 3, 6)),
    Layer("nn.ChannelShuffle(2)", X(1, 4, 3)),
    Layer("nn.Unfold((2, 3), padding=1)", X(1, 2, 3, 4)),
    Layer("nn.Fold((4, 5), kernel_size=2)", X(1, 8, 12)),
    Layer("nn.Dropout2d(0.3).eval()", X(1, 2, 3, 3), call="layer.eval()(*inputs)"),
    Layer("nn.Dropout1d(1.0)", X(2, 3, 3)),
    Layer("nn.Flatten()", X(2, 3, 4)),
    Layer("nn.Unflatten(1, (2, 3))", X(2, 6)),
    Layer("nn.RNN(3, 4)", X(5, 2, 3)),
    Layer("nn.RNN(3, 4, num_layers=2, nonlinearity='relu', batch_first=True)", X(2, 5, 3), X(2, 2, 4)),
    Layer("nn.RNN(3, 4, bias=False, bidirectional=True)", X(5, 3)),
    Layer("nn.LSTM(3, 4)", X(5, 2, 3)),
    Layer("nn.LSTM(3, 4, num_layers=2, batch_first=True, bidirectional=True)", X(2, 5, 3)),
    Layer("nn.LSTM(3, 4)", X(5, 2, 3), X(1, 2, 4), X(1, 2, 4), call="layer(inputs[0], (inputs[1], inputs[2]))"),
    Layer("nn.LSTM(3, 4, bias=False)", X(5, 3), X(1, 4), X(1, 4), call="layer(inputs[0], (inputs[1], inputs[2]))"),
    Layer("nn.LSTM(3, 4, proj_size=2, num_layers=2)", X(5, 2, 3)),
    Layer("nn.GRU(3, 4)", X(5, 2, 3), X(1, 2, 4)),
    Layer("nn.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True)", X(2, 5, 3)),
    *[Layer(f"nn.{kind}(3, 4, num_layers=2, bidirectional=True)", X(5, 3, 3),
            call=f"layer(nn.utils.rnn.pack_padded_sequence(inputs[0], {lengths}, enforce_sorted={ordered}))")
      for kind in ("LSTM", "GRU", "RNN") for lengths, ordered in (("[5, 3, 3]", True), ("[2, 5, 1]", False))],
    Layer("nn.LSTM(3, 4)", X(2, 5, 3), call="nn.utils.rnn.pad_packed_sequence(layer(nn.utils.rnn.pack_padded_sequence("
          "inputs[0], torch.tensor([3, 5]), batch_first=True, enforce_sorted=False))[0], True, -1.0, 7)"),
    Layer("nn.RNNCell(3, 4)", X(2, 3)),
    Layer("nn.RNNCell(3, 4, bias=False, nonlinearity='relu')", X(3), X(4)),
    Layer("nn.LSTMCell(3, 4)", X(2, 3), X(2, 4), X(2, 4), call="layer(inputs[0], (inputs[1], inputs[2]))"),
    Layer("nn.LSTMCell(3, 4, bias=False)", X(3)),
    Layer("nn.GRUCell(3, 4)", X(2, 3), X(2, 4)),
    Layer("nn.MultiheadAttention(4, 2)", X(3, 2, 4), X(5, 2, 4), X(5, 2, 4)),
    Layer("nn.MultiheadAttention(4, 2, batch_first=True)", X(2, 3, 4), call="layer(inputs[0], inputs[0], inputs[0])"),
    Layer("nn.MultiheadAttention(4, 2, bias=False)", X(3, 4), X(5, 4), X(5, 4)),
    Layer("nn.MultiheadAttention(4, 2, kdim=3, vdim=5)", X(3, 2, 4), X(5, 2, 3), X(5, 2, 5), call="layer(*inputs, need_weights=False)"),
    Layer("nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)", X(3, 2, 4), X(5, 2, 4), X(5, 2, 4),
          call="layer(*inputs, average_attn_weights=False)"),
    Layer("nn.MultiheadAttention(4, 2, add_bias_kv=True)", X(3, 2, 4), X(3, 2, 4), X(3, 2, 4), call="layer(*inputs, attn_mask="
          "torch.tensor([[False, True, True], [False, False, True], [False, False, False]]))"),
    *[Layer("nn.MultiheadAttention(4, 2)", X(3, 2, 4), X(3, 2, 4), X(3, 2, 4), call=f"layer(*inputs, need_weights={need}, "
            "key_padding_mask=torch.tensor([[False, True, True], [False, False, True]]), "
            "attn_mask=torch.tensor([[0., 1., 2.], [0., -1., 0.], [3., 0., 0.]], dtype=inputs[0].dtype))") for need in (True, False)],
    Layer("nn.MultiheadAttention(4, 2)", X(3, 2, 4), X(3, 2, 4), X(3, 2, 4),
          call="layer(*inputs, attn_mask=torch.arange(36).reshape(4, 3, 3) == 4)"),
    Layer("nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)", X(3, 2, 4), once=True),
    Layer("nn.TransformerEncoderLayer(4, 2, 8, 0.0, 'gelu', batch_first=True, norm_first=True, bias=False)", X(2, 3, 4), once=True),
    Layer("nn.TransformerEncoderLayer(4, 2, 8, 0.0)", X(3, 2, 4), once=True,
          call="layer(inputs[0], nn.Transformer.generate_square_subsequent_mask(3).to(inputs[0].dtype), is_causal=True)"),
    Layer("nn.TransformerDecoderLayer(4, 2, 8, 0.0)", X(3, 2, 4), X(5, 2, 4), once=True),
    Layer("nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True), 2, nn.LayerNorm(4))", X(2, 3, 4),
          once=True),
    Layer("nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, 0.0), 2)", X(3, 2, 4), X(5, 2, 4), once=True),
    Layer("nn.Transformer(4, 2, 1, 2, 8, 0.0, batch_first=True)", X(2, 3, 4), X(2, 5, 4), once=True),
    *[Layer(f"nn.{kind}()", X(3, 4)) for kind in (
        "ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardswish", "Sigmoid", "Tanh", "LogSigmoid", "Softsign", "Tanhshrink",
        "LeakyReLU", "ELU", "CELU", "GELU", "Softplus", "Hardtanh", "Hardshrink", "Softshrink", "GLU", "PReLU", "Identity")],
    *[Layer(f"nn.{kind}", X(2, 4, 2)) for kind in (
        "ReLU(inplace=True).eval()", "LeakyReLU(0.2)", "RReLU(0.1, 0.2).eval()", "ELU(alpha=0.5)", "CELU(0.5)", "GELU('tanh')",
        "Softplus(2.0, 10)", "Hardtanh(-2, 0.5)", "Threshold(0.1, 20)", "Softmax(dim=1)", "LogSoftmax(-1)", "Softmin(1)", "PReLU(4)",
        "GLU(1)", "Softmax2d()") if "inplace" not in kind],
    Layer("nn.Hardsigmoid()", X(3, 4), scale=1e5),          # PyTorch's 1 / 6 is in single precision
    Layer("nn.HingeEmbeddingLoss(0.5)", X(2, 3), call="layer(inputs[0], torch.tensor([1, -1, 1]))"),
    Layer("nn.MarginRankingLoss(reduction='sum')", X(3), X(3), call="layer(*inputs, torch.tensor([1, -1, 1]))"),
    Layer("nn.CosineEmbeddingLoss()", X(3, 4), X(3, 4), call="layer(*inputs, torch.tensor([1, -1, 1]))"),
    Layer("nn.TripletMarginLoss(swap=True)", X(3, 4), X(3, 4), X(3, 4)),
    Layer("nn.TripletMarginWithDistanceLoss(margin=2.0)", X(3, 4), X(3, 4), X(3, 4)),
    Layer("nn.MultiMarginLoss(2, weight=torch.ones(3))", X(4, 3), index(4, below=3), once=True),
    Layer("nn.MultiLabelMarginLoss()", X(1, 4), call="layer(inputs[0], torch.tensor([[2, 1, -1, 0]]))", once=True),
    Layer("nn.MultiLabelSoftMarginLoss()", X(2, 3), X(2, 3, low=0, high=1, fixed=True)),
]
