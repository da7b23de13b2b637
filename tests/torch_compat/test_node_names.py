"""The names of grad_fn's nodes are torch's, of functions too that are one op there and composed of others here."""
from __future__ import annotations

import pytest
from samples.comparing import torch

import tinygrad_c
from tinygrad_c.core.tape import Guarded

# What torch 2.13 says, by name; x is a matrix, v a vector.
NODES = {
    "RsubBackward1": ["1-x"],
    "DivBackward0": ["x/2", "F.kl_div(x,x.detach(),reduction='batchmean')", "F.normalize(x)", "F.softsign(x)"],
    "DivBackward1": ["F.cross_entropy(x,x.detach().softmax(1))"],
    "NegBackward0": ["F.cross_entropy(x,x.detach().softmax(1),reduction='none')", "-x"],
    "MvBackward0": ["x@v", "m.mv(x,v)"],
    "DotBackward0": ["v@v", "m.dot(v,v)"],
    "SumBackward1": ["x.sum(0)", "F.cosine_similarity(x,x)", "x.sum((0,1))"],
    "MeanBackward1": ["x.mean(1)", "F.adaptive_avg_pool2d(x[None,None],1)", "x.mean((0,1))"],
    "ClampBackward1": ["x.clamp(0,1)", "x.clamp(min=0)", "(x*1).clamp_(0)"],
    "LinalgVectorNormBackward0": [
        "x.norm()", "x.norm(dim=1)", "m.linalg.norm(x)", "m.linalg.matrix_norm(x)", "m.linalg.vector_norm(x)",],
    "SelectBackward0": ["x[0]", "x[:,0]", "x[0,0]", "x.select(0,0)"],
    "IndexBackward0": ["x[x>0]", "x[[0]]"],
    "PermuteBackward0": ["x.T", "x.permute(1,0)", "m.movedim(x,0,1)"],
    "TransposeBackward0": ["x.mT", "x.transpose(0,1)", "x.swapaxes(0,1)"],
    "MaxBackward1": ["x.max()"],
    "MaxBackward0": ["x.max(0)[0]"],
    "AbsBackward0": ["x.abs()", "F.l1_loss(x,x*0,reduction='none')"],
    "StdBackward0": ["x.std()", "x.std(0)"],
    "VarBackward0": ["x.var(0)"],
    "CatBackward0": ["m.cat([x,x])", "m.vstack([x,x])", "m.hstack([x,x])"],
    "StackBackward0": ["m.stack([x,x])", "m.nn.LSTM(2,2)(x[None])[1][0]"],
    "ViewBackward0": [
        "x.view(-1)", "x.reshape(4)", "x.flatten()", "F.linear(m.ones(2,2,2),x,v)", "m.einsum('ij,jk->ik',x,x)",
        "F.instance_norm(x[None])", "m.nn.Flatten()(x[None])", "x.repeat_interleave(2)", "x.ravel()", "x.unflatten(0,(1,2))",
        "x.view_as(x)",],
    "UnsqueezeBackward0": ["x.unsqueeze(0)"],
    "SqueezeBackward0": ["x.squeeze()"],
    "ExpandBackward0": ["x.expand(3,2,2)", "m.meshgrid(v,v,indexing='ij')[0]", "m.broadcast_to(x,(3,2,2))", "x.expand_as(x)"],
    "RepeatBackward0": ["x.repeat(2,1)", "m.tile(x,(2,))"],
    "CloneBackward0": ["x.clone()"],
    "ToCopyBackward0": ["x.double()", "x.type(m.float64)", "x.to(m.float64)"],
    "WhereBackward0": ["m.where(x>0,x,0*x)"],
    "PowBackward0": ["x**2", "x.pow(3)", "x.square()"],
    "PowBackward2": ["2**x"],
    "ExpBackward0": ["x.exp()"],
    "SoftmaxBackward0": ["x.softmax(0)", "F.softmax(x,0)", "m.nn.Sequential(m.nn.Linear(2,2),m.nn.Softmax(1))(x)"],
    "LogSoftmaxBackward0": ["F.log_softmax(x,0)", "x.log_softmax(0)"],
    "ReluBackward0": ["F.relu(x)", "m.nn.ReLU()(x)", "(x*1).relu_()"],
    "GeluBackward0": ["F.gelu(x)"],
    "MulBackward0": [
        "F.dropout(x,0.5)", "m.outer(v,v)", "x.mul(2)", "F.rms_norm(x,(2,))", "m.nn.Dropout()(x)",
        "m.nn.LSTMCell(2,2)(x)[0]", "(x*1).mul_(2)",],
    "MseLossBackward0": ["F.mse_loss(x,x*0)"],
    "MeanBackward0": [
        "F.l1_loss(x,x*0)", "F.kl_div(x,x.detach())", "x.mean()", "m.nn.TripletMarginLoss()(x,x+1,x*2)",
        "m.nn.CosineEmbeddingLoss()(x,x,m.ones(2))", "m.nn.HingeEmbeddingLoss()(x,m.ones(2,2))",
        "m.nn.MarginRankingLoss()(x,x,m.ones(2,2))", "m.nn.PoissonNLLLoss()(x,x.detach())",
        "m.nn.GaussianNLLLoss()(x,x.detach(),m.ones(2,2))",],
    "SumBackward0": ["F.l1_loss(x,x*0,reduction='sum')", "x.sum()"],
    "SmoothL1LossBackward0": ["F.smooth_l1_loss(x,x*0)"],
    "NllLossBackward0": [
        "F.cross_entropy(x,m.tensor([0,1]))", "F.cross_entropy(x,m.tensor([0,1]),reduction='none')",
        "F.cross_entropy(x,m.tensor([0,1]),weight=m.ones(2))", "F.nll_loss(x,m.tensor([0,1]))",
        "F.nll_loss(x,m.tensor([0,1]),reduction='none')",],
    "AddBackward0": [
        "F.cross_entropy(x,m.tensor([0,1]),label_smoothing=0.1)", "x.add(1)", "m.nn.GRUCell(2,2)(x)",
        "x.new_zeros(2).add(v)", "(x*1).add_(1)",],
    "NllLoss2DBackward0": [
        "F.cross_entropy(x[...,None],m.tensor([[0],[1]]))", "F.nll_loss(x[...,None,None],m.tensor([[[0]],[[1]]]))",],
    "BinaryCrossEntropyWithLogitsBackward0": ["F.binary_cross_entropy_with_logits(x,x.detach())"],
    "NativeLayerNormBackward0": [
        "F.layer_norm(x,(2,))", "m.nn.LayerNorm(2)(x)", "m.nn.TransformerEncoderLayer(2,1,4)(x[None])",],
    "MmBackward0": ["F.linear(x,x)"],
    "AddmmBackward0": ["F.linear(x,x,v)", "m.addmm(x,x,x)", "m.addmm(x,x,x,beta=0)", "m.nn.Linear(2,2)(x)"],
    "BmmBackward0": ["m.bmm(m.ones(1,2,2),x[None])"],
    "IndexSelectBackward0": ["x.index_select(0,m.tensor([0]))"],
    "GatherBackward0": ["x.gather(0,m.tensor([[0,1]]))", "m.take_along_dim(x,m.tensor([[0]]),1)"],
    "MaskedFillBackward0": ["x.masked_fill(x>0,0.)", "(x*1).masked_fill_(x>0,0)"],
    "MaskedSelectBackward0": ["x.masked_select(x>0)"],
    "ScatterBackward1": ["x.scatter(0,m.tensor([[0,1]]),1.)"],
    "ScatterAddBackward0": ["x.scatter_add(0,m.tensor([[0,1],[1,0]]),x)"],
    "IndexAddBackward0": ["x.index_add(0,m.tensor([0,1]),x)"],
    "CumsumBackward0": ["x.cumsum(0)"],
    "CumprodBackward0": ["x.cumprod(0)"],
    "ProdBackward0": ["x.prod()"],
    "LogsumexpBackward0": ["x.logsumexp(0)"],
    "TopkBackward0": ["x.topk(1)[0]"],
    "SortBackward0": ["x.sort()[0]"],
    "SplitBackward0": ["x.chunk(2)[0]", "x.split(1)[0]"],
    "UnbindBackward0": ["x.unbind(0)[0]"],
    "TrilBackward0": ["x.tril()"],
    "DiagonalBackward0": ["x.diagonal()"],
    "TraceBackward0": ["x.trace()"],
    "FlipBackward0": ["x.flip(0)"],
    "RollBackward0": ["x.roll(1)"],
    "TanhBackward0": ["x.tanh()"],
    "SigmoidBackward0": ["x.sigmoid()"],
    "SqrtBackward0": ["x.sqrt()"],
    "LogBackward0": ["x.log()"],
    "SinBackward0": ["x.sin()"],
    "EluBackward0": ["F.elu(x)", "F.selu(x)"],
    "CeluBackward0": ["F.celu(x)"],
    "SiluBackward0": ["F.silu(x)"],
    "SoftplusBackward0": ["F.softplus(x)"],
    "HardtanhBackward0": ["F.hardtanh(x)", "F.relu6(x)"],
    "LeakyReluBackward0": ["F.leaky_relu(x)"],
    "MishBackward0": ["F.mish(x)"],
    "HardswishBackward0": ["F.hardswish(x)"],
    "HardsigmoidBackward0": ["F.hardsigmoid(x)"],
    "LogSigmoidBackward0": ["F.logsigmoid(x)"],
    "GluBackward0": ["F.glu(x)"],
    "ThresholdBackward0": ["F.threshold(x,0,1)"],
    "SoftshrinkBackward0": ["F.softshrink(x)"],
    "HardshrinkBackward0": ["F.hardshrink(x)"],
    "SubBackward0": ["x.sub(x)", "F.tanhshrink(x)", "m.diff(x)"],
    "EmbeddingBackward0": ["F.embedding(m.tensor([0]),x)", "F.embedding(m.tensor(0),x)", "m.nn.Embedding(3,2)(m.tensor([1]))"],
    "HuberLossBackward0": ["F.huber_loss(x,x*0)"],
    "PreluKernelBackward0": ["F.prelu(x,v[:1])"],
    "SliceBackward0": ["x[::2]", "x.narrow(0,0,1)"],
    "UnsafeViewBackward0": ["F.scaled_dot_product_attention(x[None],x[None],x[None])", "m.kron(x,x)"],
    "MinBackward0": ["x.min(0).values"],
    "BaddbmmBackward0": ["m.baddbmm(x[None],x[None],x[None])"],
    "AddmvBackward0": ["m.addmv(v,x,v)", "m.addmv(v,x,v,beta=0)"],
    "MinBackward1": ["x.min()"],
    "CumminBackward0": ["x.cummin(0)[0]"],
    "TriuBackward0": ["x.triu()"],
    "SplitWithSizesBackward0": ["x.split([1,1])[0]"],
    "SqueezeBackward2": ["x.squeeze((0,1))"],
    "AsStridedBackward0": ["x.as_strided((2,),(1,))"],
    "ConstantPadNdBackward0": ["F.pad(x,(1,1))"],
    "ReflectionPad1DBackward0": ["F.pad(x[None],(1,1),mode='reflect')"],
    "Im2ColBackward0": ["F.unfold(x[None,None],2)"],
    "ConvolutionBackward0": [
        "F.conv1d(x[None],x[None])", "F.conv2d(x[None,None],x[None,None])", "F.conv2d(x[None,None],x[None,None],v[:1])",
        "F.conv_transpose2d(x[None,None],x[None,None])", "F.conv3d(x[None,None,None],x[None,None,None])",
        "m.nn.Conv2d(1,1,2)(x[None,None])",],
    "SqueezeBackward1": ["F.max_pool1d(x[None],2)", "F.max_pool1d(x,2)"],
    "MaxPool2DWithIndicesBackward0": [
        "F.max_pool2d(x[None,None],2)", "F.max_pool2d(x[None],2)", "m.nn.MaxPool2d(2)(x[None,None])",],
    "AvgPool2DBackward0": ["F.avg_pool2d(x[None,None],2)", "F.avg_pool2d(x[None],2)", "m.nn.AvgPool2d(2)(x[None,None])"],
    "AdaptiveAvgPool2DBackward0": ["F.adaptive_avg_pool2d(x[None,None],2)"],
    "AdaptiveMaxPool2DBackward0": ["F.adaptive_max_pool2d(x[None,None],1)"],
    "NativeBatchNormBackward0": [
        "F.batch_norm(x,None,None,training=True)", "F.batch_norm(x,v.detach(),v.detach())", "m.nn.BatchNorm1d(2)(x)",],
    "NativeGroupNormBackward0": ["F.group_norm(x,2)"],
    "UpsampleNearest2DBackward0": ["F.interpolate(x[None,None],scale_factor=2)"],
    "UpsampleBilinear2DBackward0": ["F.interpolate(x[None,None],scale_factor=2,mode='bilinear')"],
    "PixelShuffleBackward0": ["F.pixel_shuffle(x.reshape(4,1,1),2)"],
    "GridSampler2DBackward0": ["F.grid_sample(x[None,None],m.zeros(1,1,1,2))"],
    "SoftMarginLossBackward0": ["m.nn.SoftMarginLoss()(x,m.ones(2,2))"],
    "MultiMarginLossBackward0": ["m.nn.MultiMarginLoss()(x,m.tensor([0,1]))"],
    "LinalgInvExBackward0": ["m.linalg.inv(x+m.eye(2))"],
    "LinalgDetBackward0": ["m.linalg.det(x)"],
    "LinalgSolveExBackward0": ["m.linalg.solve(x+m.eye(2),x)"],
    "LinalgSvdBackward0": ["m.linalg.svd(x)[1]"],
    "LinalgCholeskyExBackward0": ["m.linalg.cholesky(x@x.T+9*m.eye(2))"],
    "LinalgEighBackward0": ["m.linalg.eigh(x+x.T)[0]"],
    "LinalgQrBackward0": ["m.linalg.qr(x)[0]"],
    "LinalgPinvBackward0": ["m.linalg.pinv(x)"],
    "LinalgSlogdetBackward0": ["m.linalg.slogdet(x+2*m.eye(2))[1]"],
    "CdistBackward0": ["m.cdist(x,x)"],
    "DistBackward0": ["m.dist(x,x)"],
    "NansumBackward0": ["m.nansum(x)"],
    "NanToNumBackward0": ["m.nan_to_num(x)"],
    "LerpBackward0": ["m.lerp(x,x,0.5)"],
    "LinalgCrossBackward0": ["m.cross(m.ones(1,3),x.reshape(1,4)[:,:3],dim=1)"],
    "TakeBackward0": ["m.take(x,m.tensor([0]))"],
    "Rot90Backward0": ["m.rot90(x)"],
    "MedianBackward0": ["m.median(x)"],
    "MedianBackward1": ["m.median(x,0)[0]"],
    "ModeBackward0": ["m.mode(x,0)[0]"],
    "KthvalueBackward0": ["m.kthvalue(x,1)[0]"],
    "StdMeanBackward0": ["m.std_mean(x)[0]"],
    "VarMeanBackward0": ["m.var_mean(x)[0]"],
    "AminmaxBackward0": ["m.aminmax(x)[0]"],
    "FracBackward0": ["m.frac(x)", "x.frac()"],
    "FmodBackward0": ["m.fmod(x,2)"],
    "RemainderBackward0": ["m.remainder(x,2)"],
    "Deg2RadBackward0": ["m.deg2rad(x)", "x.deg2rad()"],
    "SincBackward0": ["m.sinc(x)", "x.sinc()"],
    "DiagEmbedBackward0": ["m.diag_embed(x)"],
    "AddcmulBackward0": ["m.addcmul(x,x,x)"],
    "LogaddexpBackward0": ["m.logaddexp(x,x)"],
    "MaximumBackward0": ["m.maximum(x,x)"],
    "Atan2Backward0": ["m.atan2(x,x)"],
    "AmaxBackward0": ["x.amax(0)"],
    "AminBackward0": ["x.amin()"],
    "LogcumsumexpBackward0": ["x.logcumsumexp(0)"],
    "CummaxBackward0": ["x.cummax(0)[0]"],
    "UnfoldBackward0": ["x.unfold(0,1,1)"],
    "IndexFillBackward0": ["x.index_fill(0,m.tensor([0]),1.)"],
    "IndexCopyBackward0": ["x.index_copy(0,m.tensor([0]),x[:1])"],
    "IndexPutBackward0": ["x.index_put((m.tensor([0]),),v)"],
    "TBackward0": ["x.t()"],
    "MinimumBackward0": ["x.minimum(x)"],
    "RsqrtBackward0": ["x.rsqrt()"],
    "ReciprocalBackward0": ["x.reciprocal()"],
    "SignBackward0": ["x.sign()"],
    "FloorBackward0": ["x.floor()"],
    "RoundBackward0": ["x.round()"],
    "ErfBackward0": ["x.erf()"],
    "LgammaBackward0": ["x.lgamma()"],
    "DigammaBackward0": ["x.digamma()"],
}
CASES = [(text, name) for name, texts in NODES.items() for text in texts]


def node_of(m, text):
    x, v = m.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True), m.ones(2, requires_grad=True)
    y = eval(text, {"m": m, "F": m.nn.functional, "x": x, "v": v})
    y.sum().backward()
    return y.grad_fn.name()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("text", "name"), CASES, ids=[text for text, _ in CASES])
def test_names(text, name):
    for m in filter(None, (tinygrad_c, torch)):
        assert node_of(m, text) == name


def test_names_of_the_machinery():
    for m in filter(None, (tinygrad_c, torch)):
        x = m.ones(2, requires_grad=True)
        y = x * 2
        assert y.grad_fn.next_functions[0][0].name() == "torch::autograd::AccumulateGrad"
        y[0] = 3.0
        assert y.grad_fn.name() == "torch::autograd::CopySlices"
        assert repr(y) == "tensor([3., 2.], grad_fn=<CopySlices>)"
        assert repr(y.grad_fn).startswith("<CopySlices object at")
        assert repr(m.nn.Linear(1, 1).load_state_dict({}, strict=False)) == (
            "_IncompatibleKeys(missing_keys=['weight', 'bias'], unexpected_keys=[])")


def test_only_nodes_of_its_own_are_called_so():
    w = tinygrad_c.ones(2, requires_grad=True)
    y = w * 2
    same = Guarded(lambda x: x, None, "Other", __name__)
    assert same(y).grad_fn.name() == "MulBackward0"
    assert same(w).grad_fn is None
    first, second = Guarded(lambda x: (x + 1, x), None, "Other", __name__)(y)
    assert (first.grad_fn.name(), second.grad_fn.name()) == ("Other", "MulBackward0")


def test_classes_of_one_channel_each():
    x = [[1.0, 2.0], [3.0, 5.0]]        # refused once: what counts is all samples' elements of a group
    for m in filter(None, (tinygrad_c, torch)):
        assert m.nn.functional.group_norm(m.tensor(x), 2).tolist() == [[0.0, 0.0], [0.0, 0.0]]
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            m.nn.functional.group_norm(m.tensor(x[:1]), 2)


@pytest.mark.parametrize("n", range(3, 9))
@pytest.mark.parametrize("text", ["x * 1", "x.select(0, 0)", "x.double()", "x.double() * 1", "x.detach().double()", "x"])
def test_what_does_not_fit_a_line_of_80_goes_to_the_next(n, text):
    """Five numbers and grad_fn=<SelectBackward0> do not, with torch's counting of what closes a line."""
    for wide in (1.0, -10.25):
        shown = {repr(eval(text, {"x": (m.arange(2.0 * n).reshape(2, n) / 7 * wide).requires_grad_()}))
                 for m in filter(None, (tinygrad_c, torch))}
        assert len(shown) == 1, shown
        assert max(map(len, shown.pop().splitlines())) <= 81
