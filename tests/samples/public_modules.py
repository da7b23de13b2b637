"""The modules whose names are public."""

PUBLIC = ["", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "nn.utils.parametrize", "nn.utils.parametrizations",
          "optim", "optim.lr_scheduler", "optim.swa_utils", "utils", "utils.data", "utils.benchmark", "utils.checkpoint",
          "utils.tensorboard", "autograd", "autograd.function", "autograd.functional", "autograd.graph", "func", "linalg",
          "special", "distributions", "distributions.constraints", "distributions.kl", "distributions.transforms", "datasets",
          "explain", "export", "distributed", "distributed.optim", "nn.parallel", "amp", "backends", "cuda", "cuda.amp", "jit", "random",
          "testing", "serialization"]
