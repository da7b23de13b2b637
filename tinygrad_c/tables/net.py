"""Several nets of one shape as one module: each parameter's first dimension counts nets, and products are batched."""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from tinygrad_c import Generator, Tensor, baddbmm, cat, cos, from_numpy, nn, rand, randn, zeros
from tinygrad_c.nn import functional as F
from tinygrad_c.tables.encoder import Encoder
from tinygrad_c.tables.features import EMBEDDING
from tinygrad_c.tables.plan import Plan

FREQUENCIES, SIGMA, PERIODIC_OUT = 16, 0.1, 3
ACTIVATIONS = {"relu": F.relu, "selu": F.selu, "mish": F.mish}


class Nets(nn.Module):
    """n nets: concatenate inputs -> scale each input -> hidden layers -> outputs.

    forward(X, codes): X [nets, rows, columns], codes [nets * rows, embedded] (rows of the stacked embeddings) or None; the
    outputs are [nets, rows, outputs]. Net i is drawn from seed + i alone, so that the first net of five is the net of one.
    """

    def __init__(self, encoder: Encoder, nets: int, hidden: list[int], outputs: int, kind: str, activation: str, seed: int) \
            -> None:
        super().__init__()
        self.nets, self.kind, self.activation, self.p = nets, kind, activation, 0.0
        self.z, self.plain, self.sizes = encoder.z, encoder.plain, encoder.sizes
        waves = encoder.z * PERIODIC_OUT if kind == "periodic" else 0
        static = encoder.width if kind == "bins" else encoder.z + encoder.plain + waves
        widths = [static + EMBEDDING * len(encoder.sizes), *hidden, outputs]
        self.widths = widths
        drawn = [self._draw(encoder, widths, Generator().manual_seed(seed + 7919 * i)) for i in range(nets)]
        for name in drawn[0]:
            setattr(self, name, nn.Parameter(from_numpy(np.stack([net[name] for net in drawn]))))

    def _draw(self, encoder: Encoder, widths: list[int], generator: Generator) -> dict[str, np.ndarray]:
        def normal(*shape: int) -> np.ndarray:
            return randn(*shape, generator=generator).numpy()

        arrays = {"scale": np.ones((1, widths[0]), dtype=np.float32)}
        for i, (a, b) in enumerate(pairwise(widths)):
            last = i == len(widths) - 2
            arrays[f"weight{i}"] = zeros(a, b).numpy() if last else normal(a, b) / np.float32(math.sqrt(a))
            arrays[f"bias{i}"] = zeros(1, b).numpy() if last else normal(1, b)
        if encoder.sizes:
            table = normal(sum(encoder.sizes), EMBEDDING)
            table[np.cumsum([0, *encoder.sizes[:-1]])] = 0      # all other levels
            arrays["embedding"] = table
        if self.kind == "periodic" and encoder.z:
            arrays["frequency"] = normal(encoder.z, 1, FREQUENCIES) * np.float32(SIGMA * 2 * math.pi)
            arrays["phase"] = (rand(encoder.z, 1, FREQUENCIES, generator=generator).numpy() * 2 - 1) * np.float32(math.pi)
            arrays["mix"] = normal(encoder.z, FREQUENCIES, PERIODIC_OUT) / np.float32(math.sqrt(FREQUENCIES))
            arrays["mix_bias"] = normal(encoder.z, 1, PERIODIC_OUT)
        return arrays

    def groups(self, lr: float) -> list[dict]:
        """Parameter groups with learning rates: weights 1/sqrt(fan_in), biases 0.1, scales 6 times the base rate."""
        factors = {"scale": 6.0, "embedding": 1.0, "frequency": 0.1, "phase": 0.1, "mix": 0.1, "mix_bias": 0.1}
        found = []
        for name, parameter in self.named_parameters():
            kind = name.rstrip("0123456789")
            factor = 0.1 if kind == "bias" else 1 / math.sqrt(parameter.shape[1]) if kind == "weight" else factors[name]
            found.append({"params": [parameter], "lr": lr * factor, "base": lr * factor})
        return found

    def inputs(self, X: Tensor, codes: Tensor | None) -> list[Tensor]:
        """The inputs before scaling, [nets, rows, columns] each, widths[0] columns in all: those of the rows, which need no
        gradient, then what the net learns to look up.
        """
        parts = [X]
        if self.kind != "bins":
            parts = [X[:, :, :self.z + self.plain]]
            if self.z and self.kind == "periodic":
                z = X[:, :, :self.z].transpose(1, 2).unsqueeze(3)                       # nets, z, rows, 1
                waves = cos(z * self.frequency + self.phase)
                mixed = waves @ self.mix + self.mix_bias                                # nets, z, rows, out
                parts.append(mixed.permute(0, 2, 1, 3).reshape(X.shape[0], X.shape[1], -1))
        if codes is not None:
            table = self.embedding.reshape(-1, EMBEDDING)
            parts.append(F.embedding(codes, table).reshape(X.shape[0], X.shape[1], -1))
        return parts

    def layers(self, X: Tensor, codes: Tensor | None) -> Iterator[tuple[str, Tensor]]:
        """The name and value of each intermediate result, from inputs to outputs."""
        h = joined(self.inputs(X, codes)) * self.scale
        yield "the inputs", h
        last = len(self.widths) - 2
        for i in range(last + 1):
            h = baddbmm(getattr(self, f"bias{i}"), h, getattr(self, f"weight{i}"))
            yield f"layer {i + 1} ({self.widths[i]} -> {self.widths[i + 1]})", h
            if i < last:
                h = ACTIVATIONS[self.activation](h)
                if self.p and self.training:
                    h = F.dropout(h, self.p)
        yield "", h

    def forward(self, X: Tensor, codes: Tensor | None = None) -> Tensor:
        h = self.first(*self.inputs(X, codes))
        for i in range(1, len(self.widths) - 1):
            h = ACTIVATIONS[self.activation](h)
            if self.p and self.training:
                h = F.dropout(h, self.p)
            h = baddbmm(getattr(self, f"bias{i}"), h, getattr(self, f"weight{i}"))
        return h

    def first(self, X: Tensor, *learned: Tensor) -> Tensor:
        """The first layer, (x * scale) @ weight as x @ (scale * weight): the gradient of x, a third of its products, is needed
        for the learned columns alone.
        """
        weight = self.weight0 * self.scale.transpose(1, 2)
        if not learned:
            return baddbmm(self.bias0, X, weight)
        columns = X.shape[2]
        rest = baddbmm(self.bias0, joined(learned), weight[:, columns:])
        return baddbmm(rest, X, weight[:, :columns]) if columns else rest

    @property
    def size(self) -> int:
        """The number of weights of one net."""
        return sum(p.numel() for p in self.parameters()) // self.nets


def joined(parts: Sequence[Tensor]) -> Tensor:
    return cat(parts, 2) if len(parts) > 1 else parts[0]


def build(plan: Plan, encoder: Encoder, outputs: int) -> Nets:
    """The nets for a plan."""
    activation = "relu" if plan.kind == "bins" else "selu" if plan.task == "classification" else "mish"
    return Nets(encoder, plan.nets, plan.hidden, outputs, plan.kind, activation, plan.seed)
