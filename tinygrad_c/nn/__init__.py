"""Layers and losses, from simple to complex: the names of torch.nn."""
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard, guard_all
from tinygrad_c.nn import functional, init, utils
from tinygrad_c.nn.activation import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    RReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softmax2d,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold,
)
from tinygrad_c.nn.container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from tinygrad_c.nn.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout
from tinygrad_c.nn.flatten import Flatten, Unflatten
from tinygrad_c.nn.linear import Bilinear, Identity, Linear
from tinygrad_c.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    PoissonNLLLoss,
    SmoothL1Loss,
    SoftMarginLoss,
)
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

LAZY_NAMES = {       # imported on first access
    "norm": "LayerNorm RMSNorm GroupNorm BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d "
            "LocalResponseNorm",
    "embedding": "Embedding EmbeddingBag",
    "conv": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "pooling": "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d "
               "AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d FractionalMaxPool2d "
               "FractionalMaxPool3d LPPool1d LPPool2d LPPool3d "
               "MaxUnpool1d MaxUnpool2d MaxUnpool3d",
    "padding": "ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d "
               "ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d CircularPad1d CircularPad2d CircularPad3d",
    "vision": "Upsample UpsamplingNearest2d UpsamplingBilinear2d PixelShuffle PixelUnshuffle ChannelShuffle Unfold Fold",
    "recurrent": "RNN LSTM GRU RNNCell LSTMCell GRUCell RNNBase",
    "attention": "MultiheadAttention",
    "transformer": "TransformerEncoderLayer TransformerEncoder TransformerDecoderLayer TransformerDecoder Transformer",
    "margin": "HingeEmbeddingLoss MarginRankingLoss CosineEmbeddingLoss TripletMarginLoss TripletMarginWithDistanceLoss "
              "MultiMarginLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss",
    "lazy": "LazyLinear LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d "
            "LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d",
    "": "modules parallel",
    "distance": "CosineSimilarity PairwiseDistance",
}
__getattr__, __dir__ = lazy_names(globals(), LAZY_NAMES, guard)

__all__ = [
    # The base class and its parts.
    "Module", "Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer", "functional", "init", "utils",
    # Layers.
    "Identity", "Linear", "Bilinear", "Flatten", "Unflatten", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d",
    "AlphaDropout", "FeatureAlphaDropout",
    *(name for names in LAZY_NAMES.values() for name in names.split()),
    # Activations.
    "ReLU", "Sigmoid", "Tanh", "LeakyReLU", "PReLU", "RReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Softplus",
    "LogSigmoid", "Softsign", "Tanhshrink", "ReLU6", "Hardtanh", "Hardsigmoid", "Hardswish", "Hardshrink", "Softshrink",
    "Threshold", "Softmax", "LogSoftmax", "Softmin", "Softmax2d", "GLU",
    # Losses.
    "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "GaussianNLLLoss", "PoissonNLLLoss",
    "BCELoss", "BCEWithLogitsLoss", "SoftMarginLoss", "CrossEntropyLoss", "NLLLoss", "KLDivLoss",
    # Containers.
    "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict",
]

guard_all(globals())
