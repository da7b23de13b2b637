"""Calls of nn.functional and layers of nn, each with inputs: what test_functional.py and test_layers.py run over.

A call is text, so that it is the same text for both engines: `F` and `torch` in it are ours or PyTorch's.
"""
from __future__ import annotations

import zlib

import numpy as np
from op_samples import X


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
    """`text` makes a layer, which is called with the inputs, in order, or as `call` says."""

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
CALLS = [*NORMS, *DISTANCES, *EMBEDDINGS]

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
]
