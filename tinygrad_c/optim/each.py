"""Base class of optimizers without a kernel of their own: a step for one parameter, written in ops."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.optim.optimizer import Optimizer


class EachOptimizer(Optimizer):
    """Subclasses define _update for one parameter. `state` is the dict of that parameter; 'step' is counted here."""

    _step_count = 0
    _counts = True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = self._evaluate(closure)
        moved = 0
        with no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        moved += 1
                        state = self.state[parameter]
                        if self._counts:
                            state["step"] = int(state.get("step", 0)) + 1
                        self._update(parameter, self._gradient(parameter, group), state, group)
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss

    def _gradient(self, p: Tensor, group: dict[str, Any]) -> Tensor:
        """The gradient for _update: negated to maximize, plus weight decay. Decoupled weight decay multiplies p instead."""
        g = -p.grad if group["maximize"] else p.grad
        decay = group.get("weight_decay", 0)
        if decay != 0:
            if group.get("decoupled_weight_decay"):
                p.mul_(1 - group["lr"] * decay)
            else:
                g = g + p * decay
        return g

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise NotImplementedError
