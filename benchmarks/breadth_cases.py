"""The cases of breadth.py: expressions in PyTorch's words, by group. Both engines evaluate the same text.

Names in an expression: t is the engine, F its nn.functional, nn its nn, L its linalg, S its special. n is the size; the inputs
are made by `inputs` in breadth.py:

    x, y, w   (n, n)        v, r   (n,)             f   (n, 1) column           p   (n, n) positive     u   (n, n) in 0.05..0.95
    i         (n, n) int64 below n                  k   (n,) int64 below n      b   (n, n) bool         m   (n, n) small int64
    A         (n, n) positive definite, n at most 128   z   (n,) sorted         h   (n, n) float64      e   (n, n) +1 or -1

x, y, v and w require grad in the cases with backward. A case without an input that requires grad, or with an integer result,
has no backward.
"""

UNARY = ["abs", "neg", "exp", "exp2", "expm1", "sin", "cos", "tan", "tanh", "sinh", "cosh", "asin(u)", "acos(u)", "atan",
         "asinh", "acosh(p+1)", "atanh(u)", "sigmoid", "erf", "erfc", "erfinv(u)", "log(p)", "log2(p)", "log10(p)",
         "log1p(p)", "sqrt(p)", "rsqrt(p)", "square", "sign", "sgn", "floor", "ceil", "round", "trunc", "frac",
         "reciprocal(p)", "lgamma(p)", "digamma(p)", "logit(u)", "sinc", "relu", "positive", "nan_to_num", "deg2rad",
         "rad2deg", "i0", "isnan", "isinf", "isfinite", "signbit", "logical_not"]
BINARY = ["add", "sub", "mul", "div(p)", "maximum", "minimum", "fmax", "fmin", "atan2(p)", "hypot(p)", "logaddexp",
          "copysign", "fmod(p)", "remainder(p)", "xlogy(p)", "ldexp", "eq", "ne", "lt", "le", "gt", "ge", "logical_and",
          "logical_or"]
ACTIVATIONS = ["relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "tanhshrink",
               "softshrink", "hardshrink", "hardtanh", "hardsigmoid", "hardswish", "leaky_relu", "logsigmoid", "sigmoid",
               "tanh"]


def unary(name: str) -> str:
    name, _, argument = name.partition("(")
    return f"t.{name}({argument.rstrip(')') or 'x'})"


def binary(name: str) -> str:
    name, _, argument = name.partition("(")
    return f"t.{name}(x, {argument.rstrip(')') or 'y'})"


# group: (sizes, expressions). The sizes of a group are n.
CASES: dict[str, tuple[tuple[int, ...], list[str]]] = {
    "elementwise": ((8, 100, 1000), [
        *map(unary, UNARY), *map(binary, BINARY),
        "x + y", "x - y", "x * y", "x / p", "x + 1", "2 * x", "1 - x", "x / 2", "1 / p", "x ** 2", "x ** 3", "p ** 0.5",
        "p ** 1.7", "2 ** x", "p ** y", "-x", "x + r", "x * r", "x + f", "x * f", "f + r", "x > 0", "x == y",
        "(x > 0) & (y > 0)", "~b", "t.where(b, x, y)", "t.where(x > 0, x, 0.)", "x.clamp(-1, 1)", "x.clamp(min=0)",
        "t.clamp(x, y - 1, y + 1)", "t.lerp(x, y, 0.3)", "t.lerp(x, y, w)", "t.addcmul(x, y, w)", "t.addcdiv(x, y, p)",
        "t.float_power(p, 2)", "t.heaviside(x, y)", "x.masked_fill(b, 0.)", "t.mvlgamma(p + 3, 2)", "t.polygamma(1, p)",
        "t.floor_divide(x, p)", "t.rsub(x, y)", "t.add(x, y, alpha=2)", "t.dist(x, y)", "S.xlog1py(x, p)", "S.entr(p)",
        "S.expit(x)", "S.ndtr(x)", "S.log_ndtr(x)", "S.i1(x)", "S.erfcx(p)", "S.zeta(p + 1, p)",
    ]),
    "integers": ((8, 100, 1000), [
        "m + m", "m * 3", "m // 3", "m % 5", "m == 3", "m & 1", "m << 1", "m.float()", "m.to(t.int32)", "m.bool()",
        "b.float()", "x.bool()", "x.long()", "b.sum()", "m.sum()", "m.sum(1)", "m.max()", "m.argmax(1)", "b.any()",
        "b.all(1)", "m.unique()", "m.sort(1)[0]", "m.abs()", "t.gcd(m, m)", "h + h", "h * 2", "h.exp()", "h.sum(1)", "h @ h",
        "h.float()", "x.double()", "m @ m",
    ]),
    "in place": ((8, 100, 1000), [
        f"c.{each}" for each in (
            "add_(y)", "sub_(y)", "mul_(y)", "div_(p)", "add_(1)", "mul_(0.5)", "add_(y, alpha=0.1)", "lerp_(y, 0.1)",
            "clamp_(-1, 1)",
            "relu_()", "tanh_()", "sigmoid_()", "exp_().clamp_(max=2)", "neg_()", "abs_()", "zero_()", "fill_(1)", "copy_(y)",
            "addcmul_(y, w, value=0.1)", "addcdiv_(y, p, value=0.1)", "sqrt_().nan_to_num_()", "masked_fill_(b, 0.)",
            "round_()",
            "copy_(y.T)", "normal_()", "uniform_()", "bernoulli_(0.5)", "clamp_min_(0)", "floor_()", "square_().clamp_(max=2)",
        )] + ["F.relu(c, inplace=True)", "F.leaky_relu(c, 0.1, inplace=True)", "F.elu(c, inplace=True)",
        "F.dropout(c, 0.5, True, True)"]),
    "activations": ((8, 100, 1000), [
        *(f"F.{each}(x)" for each in ACTIVATIONS), "F.gelu(x, approximate='tanh')", "F.threshold(x, 0.1, 20.)",
        "F.glu(x)", "F.rrelu(x)",
        "F.prelu(x, v[:1])", "F.softmax(x, 1)", "F.softmax(x, 0)", "F.log_softmax(x, 1)", "F.log_softmax(x, 0)",
        "F.softmin(x, 1)", "t.logsumexp(x, 1)", "t.logsumexp(x, 0)", "F.normalize(x, dim=1)", "F.dropout(x, 0.5)",
        "F.alpha_dropout(x, 0.2, True)", "F.gumbel_softmax(x, 1.0)",
    ]),
    "reductions": ((8, 100, 1000), [
        *(f"x.{each}{dim}" for each in ("sum", "mean", "var", "std", "amax", "amin", "prod") for dim in ("()", "(0)", "(1)")),
        "x.max()", "x.max(1)[0]", "x.max(0)[0]", "x.min()", "x.argmax()", "x.argmax(1)", "x.argmin(0)", "x.norm()",
        "x.norm(dim=1)", "x.norm(p=1)", "L.vector_norm(x)", "L.matrix_norm(x)", "x.median()", "x.median(1)[0]",
        "x.quantile(0.3)", "x.quantile(0.3, dim=1)", "x.cumsum(0)", "x.cumsum(1)", "u.cumprod(1)", "x.cummax(1)[0]",
        "x.cummin(0)[0]", "t.logcumsumexp(x, 1)", "x.any()", "x.all()", "b.all()", "x.count_nonzero()", "x.nansum()",
        "x.nanmean()", "t.var_mean(x, 1)[0]", "t.std_mean(x)[0]", "x.diff()", "x.trace()", "t.aminmax(x)[0]", "t.cov(x)",
        "t.corrcoef(x)", "x.mode(1)[0]", "t.histc(x, 20)", "t.bincount(k)", "t.trapezoid(x)", "t.isclose(x, y)",
        "t.allclose(x, x)", "t.equal(x, x)", "x.mean((0, 1))", "x.sum(1, keepdim=True)",
    ]),
    "order": ((8, 100, 1000), [
        "x.sort(1)[0]", "x.sort(0)[0]", "x.argsort(1)", "x.view(-1)[:n * 8].sort()[0]", "x.topk(min(5, n), 1)[0]",
        "x.topk(n // 2, 1)[0]", "v.topk(min(5, n))[0]", "x.kthvalue(3, 1)[0]", "t.searchsorted(z, x)", "t.bucketize(x, z)",
        "t.isin(i, k)", "t.unique(k)", "t.unique(i)", "t.unique(i, return_inverse=True)[1]", "t.unique_consecutive(k)",
        "x.view(-1, 2).sort(1)[0]", "k.sort()[0]", "t.msort(x)", "t.unique(i, return_counts=True)[1]", "x.nonzero()",
        "b.nonzero()", "x.flip(1)", "t.bincount(k, v.detach())",
    ]),
    "shape": ((8, 100, 1000), [
        "x.T.contiguous()", "x.reshape(-1)", "x.view(-1)", "x.t()", "x.permute(1, 0).contiguous()", "t.cat([x, y])",
        "t.cat([x, y], 1)", "t.stack([x, y])", "t.stack([x, y], 2)", "x.chunk(2)[0]", "x.split(2, 1)[0]", "x.repeat(2, 2)",
        "x.tile(2)", "x.repeat_interleave(2, 1)", "x.expand(3, n, n).contiguous()", "x.flip(0)", "x.fliplr()", "x.roll(1, 1)",
        "x.roll(1)", "t.rot90(x)", "x.tril()", "x.triu()", "x.diag()", "t.diag(v)", "t.diag_embed(v)", "x.diagonal()",
        "x.unfold(1, 4, 2)", "F.pad(x, (1, 1))", "F.pad(x, (1, 1, 1, 1))", "F.pad(x[None], (2, 2), mode='reflect')",
        "F.pad(x[None], (2, 2), mode='replicate')", "F.pad(x[None], (2, 2), mode='circular')", "x.clone()", "x.squeeze()",
        "x.unsqueeze(0)", "x.flatten()", "x.movedim(0, 1).contiguous()", "t.meshgrid(v, v, indexing='ij')[0].contiguous()",
        "t.broadcast_to(r, (n, n)).contiguous()", "t.hstack([x, y])", "t.vstack([x, y])", "t.block_diag(x, y)",
        "t.zeros(n, n)", "t.ones(n, n)", "t.full((n, n), 2.)", "t.arange(n)", "t.linspace(0, 1, n)", "t.eye(n)",
        "t.zeros_like(x)", "t.ones_like(x)", "t.empty(n, n)", "t.tril_indices(n, n)", "F.one_hot(k)", "t.combinations(v[:8])",
        "t.cartesian_prod(v[:8], v[:8])", "t.vander(v[:8])", "x.as_strided((n,), (n + 1,))",
        "F.pixel_shuffle(x[:n // 4 * 4].reshape(1, -1, 2, n // 2), 1)",
    ]),
    "indexing": ((8, 100, 1000), [
        "x[1]", "x[:, 1]", "x[1:, 1:]", "x[::2]", "x[:, ::2]", "x[None]", "x[..., 0]", "x[k]", "x[:, k]", "x[k, k]", "x[b]",
        "x[i[0], i[1]]", "x.index_select(0, k)", "x.index_select(1, k)", "x.gather(1, i)", "x.gather(0, i)", "x.take(i)",
        "t.take_along_dim(x, i, 1)", "x.masked_select(b)", "x.scatter(1, i, y)", "x.scatter_add(1, i, y)",
        "x.scatter_add(0, i, y)", "x.scatter_reduce(1, i, y, 'amax')", "x.index_add(0, k, y)", "x.index_add(1, k, y)",
        "x.index_copy(0, k.unique(), y[:len(k.unique())])", "x.index_fill(0, k, 0.)", "x.index_put((k,), y)",
        "x.index_put((k,), y, accumulate=True)", "x.masked_scatter(b, y)", "F.embedding(k, w)", "F.embedding(i, w[:, :8])",
        "F.embedding(k, w, padding_idx=0)", "F.embedding_bag(i, w[:, :16], mode='sum')",
        "F.embedding_bag(i, w[:, :16], mode='mean')", "x.select(0, 1)", "x.narrow(1, 1, n // 2)", "x.tolist()",
        "x[0].numpy(force=True)", "x.diagonal_scatter(v)", "x.slice_scatter(y[:1], 0, 0, 1)", "t.where(b)", "set_(c, b)",
        "set_(c, (slice(None), 1))", "set_(c, k)",
    ]),
    "matmul": ((8, 100, 500), [
        "x @ y", "x @ v", "v @ x", "v @ v", "x @ y.T", "x.T @ y", "t.mm(x, y)", "t.mv(x, v)", "t.dot(v, v)", "t.outer(v, v)",
        "t.addmm(x, y, w)",
        "t.addmv(v, x, v)", "t.bmm(x.view(2, n // 2, n), y.view(2, n // 2, n).transpose(1, 2))",
        "t.baddbmm(x.view(2, -1, n)[:, :, :n // 2], "
        "x.view(2, n // 2, n), y.view(2, n // 2, n).transpose(1, 2))", "t.matmul(x.view(2, n // 2, n), y)", "F.linear(x, y)",
        "F.linear(x, y, v)",
        "F.bilinear(x[:8], y[:8], w[None], v[:1])",
        "t.einsum('ij,jk->ik', x, y)", "t.einsum('bi,bj->bij', x[:8], y[:8])", "t.einsum('ij,ij->i', x, y)",
        "t.tensordot(x, y, 1)", "t.tensordot(x, y, 2)", "t.kron(x[:4, :4], y[:16, :16])", "t.inner(x, y)", "t.ger(v, v)",
        "L.multi_dot([x, y, w])", "t.chain_matmul(x, y)", "t.cdist(x[:64], y[:64])", "t.matrix_power(x, 3)",
        "F.cosine_similarity(x, y)", "F.pairwise_distance(x, y)", "t.vdot(v, v)",
    ]),
    "linalg": ((4, 32, 128), [
        "L.cholesky(A)", "L.qr(x)[1].abs()", "L.eigh(A)[0]", "L.eigvalsh(A)", "L.svd(x)[1]", "L.svdvals(x)", "L.solve(A, x)",
        "L.inv(A)", "L.det(A / n)", "L.slogdet(A)[1]", "L.lstsq(A, x)[0]", "L.pinv(A)",
        "L.solve_triangular(A.tril(), x, upper=False)", "L.matrix_exp(x / n)", "L.lu(A)[2]", "L.lu_factor(A)[0]",
        "L.matrix_rank(A)", "L.cond(A)", "L.cross(x[:, :3], y[:, :3])", "t.cholesky_inverse(L.cholesky(A))",
        "t.cholesky_solve(x, L.cholesky(A))", "t.logdet(A)", "L.norm(x)", "L.norm(x, 'nuc')",
        "L.householder_product(x, v)", "L.vander(v)",
        "L.tensorinv(A.view(n, n // 2, 2), 1) if n > 4 else L.inv(A)",
    ]),
    "losses": ((8, 100, 1000), [
        "F.mse_loss(x, y)", "F.l1_loss(x, y)", "F.smooth_l1_loss(x, y)", "F.huber_loss(x, y)", "F.cross_entropy(x, k)",
        "F.cross_entropy(x, k, label_smoothing=0.1)", "F.cross_entropy(x, u)", "F.cross_entropy(x, k, weight=p[0])",
        "F.nll_loss(x, k)", "F.binary_cross_entropy(u, u)", "F.binary_cross_entropy_with_logits(x, u)", "F.kl_div(x, u)",
        "F.poisson_nll_loss(x, p)", "F.gaussian_nll_loss(x, y, p)", "F.hinge_embedding_loss(x, e)",
        "F.soft_margin_loss(x, e)", "F.margin_ranking_loss(x, y, e)", "F.cosine_embedding_loss(x, y, e[0])",
        "F.triplet_margin_loss(x, y, w)", "F.multi_margin_loss(x, k)", "F.multilabel_soft_margin_loss(x, u)",
        "F.multilabel_margin_loss(x[:8], i[:8])", "F.mse_loss(x, y, reduction='sum')", "F.mse_loss(x, y, reduction='none')",
        "F.cross_entropy(x, k, reduction='none')",
 
        "F.ctc_loss(F.log_softmax(x.view(n // 4, 4, n), 2), k[:8].view(4, 2).clamp(1, n - 1), t.full((4,), n // 4), "
        "t.full((4,), 2)) if n == 100 else F.mse_loss(x, y)",
    ]),
    "layers": ((2, 16, 64), [       # n: samples. img is (n, 3, 16, 16), feat (n, 16, 8, 8), seq (n, 12, 16), row (n, 32)
        "nn.Linear(32, 64)(row)", "nn.Conv1d(16, 8, 3)(seq.transpose(1, 2))", "nn.Conv2d(3, 8, 3)(img)",
        "nn.Conv2d(3, 16, 5, padding=2)(img)", "nn.Conv2d(16, 32, 3, padding=1)(feat)",
        "nn.Conv2d(16, 16, 3, groups=16)(feat)", "nn.Conv2d(16, 16, 3, stride=2)(feat)", "nn.Conv2d(16, 8, 1)(feat)",
        "nn.ConvTranspose2d(16, 8, 2, stride=2)(feat)", "nn.Conv3d(1, 4, 3)(feat[:, None])", "nn.MaxPool2d(2)(feat)",
        "nn.AvgPool2d(2)(feat)", "nn.MaxPool1d(2)(seq)", "nn.AvgPool1d(2)(seq)", "nn.AdaptiveAvgPool2d(1)(feat)",
        "nn.AdaptiveMaxPool2d(2)(feat)", "nn.LPPool2d(2, 2)(feat)", "nn.BatchNorm1d(32)(row)", "nn.BatchNorm2d(16)(feat)",
        "nn.BatchNorm2d(16).eval()(feat)", "nn.BatchNorm1d(32).eval()(row)", "nn.LayerNorm(32)(row)",
        "nn.LayerNorm([16, 8, 8])(feat)", "nn.GroupNorm(4, 16)(feat)", "nn.InstanceNorm2d(16)(feat)", "nn.RMSNorm(32)(row)",
        "nn.LocalResponseNorm(2)(feat)", "nn.Upsample(scale_factor=2)(feat)",
        "nn.Upsample(scale_factor=2, mode='bilinear')(feat)", "nn.PixelShuffle(2)(feat)", "nn.Unfold(3)(feat)",
        "nn.Fold((8, 8), 1)(feat.flatten(2))", "nn.Flatten()(feat)", "nn.ZeroPad2d(1)(feat)", "nn.ReflectionPad2d(1)(feat)",
        "nn.Dropout(0.5)(row)", "nn.RNN(16, 32, batch_first=True)(seq)[0]", "nn.GRU(16, 32, batch_first=True)(seq)[0]",
        "nn.LSTM(16, 32, batch_first=True)(seq)[0]", "nn.LSTM(16, 32, 2, batch_first=True)(seq)[0]",
        "nn.LSTM(16, 32, batch_first=True, bidirectional=True)(seq)[0]", "nn.LSTM(16, 128, batch_first=True)(seq)[0]",
        "nn.LSTMCell(32, 32)(row)[0]", "nn.GRUCell(32, 32)(row)", "nn.RNNCell(32, 32)(row)",
        "nn.MultiheadAttention(16, 4, batch_first=True)(seq, seq, seq)[0]",
        "nn.TransformerEncoderLayer(16, 4, 32, 0., batch_first=True)(seq)", "F.scaled_dot_product_attention(seq, seq, seq)",
        "F.scaled_dot_product_attention(seq, seq, seq, is_causal=True)", "nn.Bilinear(32, 32, 8)(row, row)",
        "nn.PReLU()(row)", "nn.Softmax(1)(row)", "F.grid_sample(feat, feat[:, :8, :, :2] / 4)",
        "F.interpolate(feat, size=(5, 5), mode='nearest')", "F.affine_grid(row[:, :6].view(-1, 2, 3), (n, 3, 8, 8))",
        "nn.Embedding(50, 16)(ids)", "nn.EmbeddingBag(50, 16)(ids)", "nn.CosineSimilarity()(row, row)",
        "nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 8))(row)",
        "nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 8))(row)",
        "nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 8))(row)",
    ]),
    "random": ((8, 100, 1000), [
        "t.rand(n, n)", "t.randn(n, n)", "t.randint(0, 10, (n, n))", "t.randperm(n)", "t.bernoulli(u)", "t.normal(x, p)",
        "t.poisson(p)", "t.multinomial(p, min(5, n))", "t.multinomial(p, 50, replacement=True)", "t.rand_like(x)",
        "t.randn_like(x)", "t.normal(0., 1., (n, n))", "t.distributions.Normal(0., 1.).sample((n, n))",
        "t.distributions.Categorical(p).sample()", "t.empty(n, n).exponential_()",
    ]),
    "modules": ((1, 10, 50), [              # net: n hidden layers of 16; statements without a gradient
        "list(net.parameters())", "list(net.named_parameters())", "list(net.modules())", "net.state_dict()",
        "net.load_state_dict(state)", "net.zero_grad(set_to_none=False)", "repr(net)", "net.train()", "net.eval()",
        "copy.deepcopy(net)",
        "net.requires_grad_(True)", "net.apply(identity)", "nn.utils.clip_grad_norm_(with_grads, 1.0)",
        "nn.utils.clip_grad_value_(with_grads, 1.0)", "nn.utils.parameters_to_vector(with_grads)",
        *(f"optimizer('{name}').step()" for name in (
            "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop")),
        "optimizer('Adam').zero_grad(set_to_none=False)", "optimizer('Adam').state_dict()", "pickle.dumps(state)",
    ]),
    "conversions": ((8, 100, 1000), [
        "t.from_numpy(a)", "t.as_tensor(a)", "t.tensor(a)", "t.tensor(a[0].tolist())", "x.detach()", "x.detach().numpy()",
        "x.detach().clone()", "x[0, 0].item()", "float(x[0, 0])", "x.detach().tolist()", "t.tensor(1.5)", "x.to(t.float64)",
        "x.type(t.float32)", "x.cpu()", "len(x)", "x.shape", "x.size(0)", "x.requires_grad", "x.is_contiguous()",
        "repr(v.detach())", "str(x.detach())", "np.asarray(x.detach())", "t.utils.data.default_collate(rows)",
        "list(v.detach())", "iter(x)", "x.is_floating_point()", "t.is_tensor(x)", "x.numel()", "x.dim()",
    ]),
}
