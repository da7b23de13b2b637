"""Errors that torch's own samples of wrong inputs look for: torch's class and words, here and in torch."""
from __future__ import annotations

import pytest
from samples.comparing import torch

import tinygrad_c

WORDS = [
    ("m.arange(0, 4, 0)", "step must be nonzero"),
    ("m.ones(2).cauchy_(0, 0)", "expects sigma > 0.0"),
    ("m.ones(2).exponential_(0)", "expects lambda > 0.0"),
    ("m.ones(2).log_normal_(0, 0)", "expects std > 0.0"),
    ("m.cov(m.ones(3), fweights=m.ones(3, 3).long())", "expected fweights to have one or fewer dimensions"),
    ("m.cov(m.ones(3), aweights=m.tensor([1, 2, 3]))", "expected aweights to have floating point dtype"),
    ("m.cov(m.ones(2), fweights=m.tensor([1, -1]))", "fweights cannot be negative"),
    ("m.gradient(m.ones(3, 3), spacing=[0.1], dim=(1, 0))", "expected spacing to be unspecified, a scalar "),
    ("m.gradient(m.ones(3, 3), spacing=0.1, dim=(1, 1))", "appears multiple times"),
    ("m.linspace(m.tensor([0, 1]), 1, 3)", "only supports 0-dimensional start and end"),
    ("m.logspace(m.tensor([0, 1]), 1, 3)", "only supports 0-dimensional start and end"),
    ("m.ones(2).masked_fill(m.tensor([True, False]), m.ones(1))", "only supports a 0-dimensional value tensor"),
    ("m.aminmax(m.ones(5, 0), dim=1)", "Expected reduction dim 1 to have non-zero size"),
    ("F.adaptive_avg_pool1d(m.ones(1, 2, 3), ())", "'output_size' should contain one int"),
    ("F.adaptive_avg_pool2d(m.ones(2, 2), (2, 2))", "Input dimension should be at least 3"),
    ("F.adaptive_max_pool1d(m.ones(1, 1, 1), (-1,))", "Trying to create tensor with negative dimension"),
    ("F.conv2d(m.ones(2, 2, 4, 3), m.ones(2, 2, 1, 3), groups=3)", "expected weight to be at least 3 at dimension 0"),
    ("F.conv1d(m.ones(1, 1, 4).long(), m.ones(1, 1, 2).long(), m.ones(1).double())", "and bias type .* should be the same"),
    ("F.conv1d(m.ones(1, 1, 4), m.ones(1, 2))", "weight should have at least three dimensions"),
    ("F.rms_norm(m.ones(2, 3), (3,), m.ones(2))", "Expected weight to be of same shape as normalized_shape"),
    ("F.max_pool1d(m.ones(1, 10, 0), 1)", "Expected 2D or 3D .batch mode. tensor with optional 0 dim batch size for input"),
    ("F.max_pool1d(m.ones(1, 3, 3), 1, stride=0)", "stride must be greater than zero"),
    ("F.max_unpool1d(m.ones(8, 8), m.ones(8, 7).long(), 3)", "Expected shape of indices to be same as that of the input tensor"),
    ("F.prelu(m.tensor(1.), m.ones(2))", "Not allow zero-dim input tensor"),
    ("F.rrelu(m.ones(2), 0.3, 0.1)", "Lower bound should be less than or equal to the upper bound"),
    ("F.softshrink(m.ones(1), -0.5)", r"lambda must be in range \[0,"),
    ("m.narrow(m.ones(5), 0, m.tensor([1, 2]), 1)", "start must be an 0-dim integral Tensor"),
    ("-m.tensor([True])", "Negation, the `-` operator, on a bool tensor is not supported"),
    ("m.roll(m.tensor(1.), 0, 0)", "Dimension specified as 0 but tensor has no dimensions"),
    ("m.ones(1).reshape(0, -1)", r"shape '\[0, -1\]' is invalid for input of size 1"),
    ("m.ones(3, 3).scatter_add(0, m.tensor([0]), m.ones(1))", "same number of dimensions as self tensor"),
    ("m.eye(-1)", "n must be greater or equal to 0"),
    ("m.multinomial(m.tensor([1, 2]), 1)", "multinomial only supports floating-point dtypes"),
    ("m.multinomial(m.tensor([-1., 2.]), 1, True)", "probability tensor contains either"),
    ("m.mean(m.ones(2), dtype=m.int64)", "Optional dtype must be either a floating point or complex dtype"),
    ("F.multi_margin_loss(m.ones(5, 0), m.zeros(5).long())", "Expected non-empty vector or matrix"),
    ("F.multi_margin_loss(m.ones(5, 4), m.zeros(5).long(), weight=m.tensor(1.))", "weight must be one-dimensional"),
    ("F.multilabel_margin_loss(m.ones(0), m.ones(0).long())", "Expected non-empty vector or matrix"),
    ("F.multi_margin_loss(m.ones(5, 4), m.zeros(5).long(), reduction='abc')", "abc is not a valid value for reduction"),
    ("F.l1_loss(m.ones(2), m.ones(2), reduction='abc')", "abc is not a valid value for reduction"),
    ("F.cross_entropy(m.ones(2, 3), m.ones(2, 3).long())", "Expected floating point type for target with class probabilities"),
    ("F.cross_entropy(m.ones(2, 3), m.ones(2, 3), ignore_index=1)", "ignore_index is not supported for floating point target"),
    ("F.cross_entropy(m.ones(2, 3, 5), m.ones(2, 4).long())", "Expected target size"),
    ("F.batch_norm(m.ones(2, 3), None, None, training=True, eps=0.0)", "batch_norm eps must be positive during training"),
    ("m.nn.RNNCell(10, 20)(m.ones(3, 10), m.ones(3, 21))", "hidden0 has inconsistent hidden_size: got 21, expected 20"),
    ("m.nn.GRUCell(10, 20)(m.ones(3, 10), m.ones(5, 20))", "Input batch size 3 doesn't match hidden0 batch size 5"),
    ("m.nn.LSTMCell(10, 20)(m.ones(3, 10), (m.ones(3, 1, 1, 20),) * 2)", r"Expected hx\[0\] to be 1D or 2D, got 4D instead"),
    ("m.nn.LSTM(3, 5, bias=0)", "bias should be of type bool, got: int"),
    ("m.nn.RNN(3.0, 5)", "input_size should be of type int, got: float"),
    ("m.nn.GRU(3, 5)(m.ones(2, 4, 3).double())", "RNN input dtype .torch.float64. does not match weight dtype .torch.float32."),
    ("m.nn.CircularPad2d(3)(m.ones(2, 3))", r"expected 3D or 4D input \(got 2D input\)"),
    ("m.lu_solve(m.ones(2, 1), m.ones(2, 2), m.ones(2).long())", "pivots should be a Tensor of scalar type"),
    ("m.as_strided_scatter(m.ones(4, 4), m.ones(2, 2), (2, 2), (200, 200), 0)",
     "itemsize 4 requiring a storage size of 1604 are out of bounds for storage of size 64"),
    ("F.multi_margin_loss(m.ones(5, 4), m.zeros(5))", "expected scalar type Long but found Float"),
    ("F.multilabel_margin_loss(m.ones(5, 4), m.zeros(5, 4))", "expected scalar type Long but found Float"),
    ("F.multilabel_margin_loss(m.ones(5, 4), m.ones(()).long())", r"inconsistent target size: \[\] for input of size: \[5, 4\]"),
    ("F.prelu(m.ones(2, 8, 3), m.ones(2, 4))", "Expected `weight` to be a scalar or 1D tensor, but got: ndim = 2"),
    ("m.ormqr(m.ones(()), m.ones(()), m.ones(()))", "torch.ormqr: input must have at least 2 dimensions"),
    ("m.ormqr(m.ones(5, 3), m.ones(3), m.ones(5))", "torch.ormqr: other must have at least 2 dimensions"),
    ("m.ormqr(m.ones(5, 3), m.ones(3), m.ones(4, 5))", r"torch.ormqr: other.shape\[-2\] must be equal to input.shape\[-2\]"),
    ("m.ormqr(m.ones(5, 0).long(), m.ones(5).long(), m.ones(5, 5).long())",
     r"tau.shape\[-1\] must be equal to min\(other.shape\[-2\], input.shape\[-1\]\)"),
    ("m.ones(3) @ m.arange(3)", "dot : expected both vectors to have same dtype, but found Float and Long"),
    ("m.tensor([1, 2], requires_grad=True)", "Only Tensors of floating point and complex dtype can require gradients"),
    ("m.zeros(2, dtype=m.bool, requires_grad=True)", "Only Tensors of floating point and complex dtype can require gradients"),
    ("m.arange(2).requires_grad_()", "only Tensors of floating point dtype can require gradients"),
    ("m.ones(2).__setitem__(slice(None), m.ones(3))",
     r"The expanded size of the tensor \(2\) must match the existing size \(3\) at non-singleton dimension 0"),
    ("m.ones(2).__setitem__(0, m.ones(3))", r"the number of sizes provided \(0\) must be greater or equal to the number"),
    ("m.ones(2).mT", "tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor"),
    ("F.interpolate(m.ones(2, 2), scale_factor=2)", "Only 3D, 4D and 5D input Tensors supported"),
    ("m.ones(2).to('gpu')", "device type at start of device string: gpu"),
    ("m.cat([])", r"torch.cat\(\): expected a non-empty list of Tensors"),
    ("m.histogramdd(m.ones(5, 6), (1, 1, 1, 1, 1))", "The size of bins must be equal to the innermost dimension of the input"),
    ("m.nn.functional.grid_sample(m.ones(1, 1, 2, 2), m.ones(1, 1, 1, 2), mode='x')", "expected mode to be"),
]


@pytest.mark.parametrize(("text", "words"), WORDS, ids=[text for text, _ in WORDS])
def test_class_and_words(text, words):
    with pytest.raises(Exception, match=words) as ours:
        eval(text, {"m": tinygrad_c, "F": tinygrad_c.nn.functional})
    if torch is not None:
        with pytest.raises(Exception, match=words) as theirs:
            eval(text, {"m": torch, "F": torch.nn.functional})
        assert isinstance(ours.value, theirs.type) or isinstance(theirs.value, ours.type)
