"""Optimizers, from simple to elaborate: PyTorch's torch.optim."""
from tinygrad_c.optim import lr_scheduler
from tinygrad_c.optim.adagrad import Adagrad
from tinygrad_c.optim.adam import Adam, AdamW
from tinygrad_c.optim.optimizer import Optimizer
from tinygrad_c.optim.rmsprop import RMSprop
from tinygrad_c.optim.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
