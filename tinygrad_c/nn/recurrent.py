"""Recurrent layers: RNN, LSTM, GRU, and their cells, which compute one time step.

One matrix product computes x W^T for the whole sequence. Each step then adds the product with the state.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tinygrad_c._base.warn import warn
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import Function
from tinygrad_c.nn import init
from tinygrad_c.nn.functional import dropout, linear
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.indexing.index import index_select
from tinygrad_c.ops.shape.shape import cat, stack

State = tuple[Tensor, ...]      # (h,), or (h, c) for an LSTM


# ---- One step: the next state from x W^T + b (B, gates * H) and the state

def _rnn_tanh(x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """h' = tanh(x W^T + b + h U^T + b)."""
    return (ops.tanh(x + linear(state[0], weight, bias)),)


def _rnn_relu(x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """h' = max(x W^T + b + h U^T + b, 0)."""
    return (ops.relu(x + linear(state[0], weight, bias)),)


def _lstm(x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """c' = f * c + i * g, h' = o * tanh(c'). The four gates are i, f, o (sigmoid) and g (tanh)."""
    h, c = state
    i, f, g, o = (x + linear(h, weight, bias)).chunk(4, -1)
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
    return ops.sigmoid(o) * ops.tanh(c), c


def _gru(x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """h' = n + z * (h - n), n = tanh(x_n + r * h_n). The gates r and z are sigmoids."""
    h = state[0]
    x_r, x_z, x_n = x.chunk(3, -1)
    h_r, h_z, h_n = linear(h, weight, bias).chunk(3, -1)
    n = ops.tanh(x_n + ops.sigmoid(x_r + h_r) * h_n)
    return (n + ops.sigmoid(x_z + h_z) * (h - n),)


STEPS: dict[str, tuple[int, Callable[..., State]]] = {      # mode -> (number of gates, step function)
    "RNN_TANH": (1, _rnn_tanh), "RNN_RELU": (1, _rnn_relu), "LSTM": (4, _lstm), "GRU": (3, _gru)}


class _SplitGates(Function):
    """x.split(sizes). Its backward concatenates the gradients once, instead of adding one gradient per part."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: list[int]) -> tuple[Tensor, ...]:
        return tuple(part.clone() for part in x.split(sizes))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return cat(gradients), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple, x: Tensor, sizes: list[int]) -> tuple:
        return tuple(x.split(sizes, 1)), 0


# ---- Whole sequences

class RNNBase(Module):
    """Base class of RNN, LSTM and GRU: the parameters of each layer and direction, and the loop over time steps.

    The parameters are weight_ih_l0 (gates * H, in), weight_hh_l0 (gates * H, H), bias_ih_l0 and bias_hh_l0 for the first
    layer, ..._l1 for the second, and so on. The backward direction has the suffix _reverse.

    >>> [name for name, _ in RNNBase("GRU", 3, 4).named_parameters()]
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
    """

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        for name, value, kind in (("input_size", input_size, int), ("hidden_size", hidden_size, int), ("bias", bias, bool),
                                  ("batch_first", batch_first, bool), ("bidirectional", bidirectional, bool)):
            if not isinstance(value, kind):
                raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
        if input_size <= 0:
            raise ValueError("input_size must be greater than zero")
        if hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being "
                             "zeroed")
        if dropout > 0 and num_layers == 1:
            warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
                 f"greater than 1, but got dropout={dropout} and num_layers={num_layers}")
        if proj_size and (mode != "LSTM" or not 0 <= proj_size < hidden_size):
            raise ValueError("proj_size has to be smaller than hidden_size" if mode == "LSTM" else
                             "proj_size argument is only supported for LSTM, not RNN or GRU")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        directions = 2 if bidirectional else 1
        rows, out = STEPS[mode][0] * hidden_size, proj_size or hidden_size
        for name, first in self._names():
            columns = input_size if first else out * directions
            self._add(f"weight_ih_{name}", dtype, rows, columns)
            self._add(f"weight_hh_{name}", dtype, rows, out)
            if bias:
                self._add(f"bias_ih_{name}", dtype, rows)
                self._add(f"bias_hh_{name}", dtype, rows)
            if proj_size:
                self._add(f"weight_hr_{name}", dtype, proj_size, hidden_size)
        self.reset_parameters()

    def _add(self, name: str, dtype: Any, *shape: int) -> None:
        setattr(self, name, Parameter(create.empty_(*shape, dtype=dtype)))

    def _names(self) -> list[tuple[str, bool]]:
        """The suffix of the parameter names of each layer and direction, and whether the layer is the first."""
        ends = ("", "_reverse") if self.bidirectional else ("",)
        return [(f"l{layer}{end}", layer == 0) for layer in range(self.num_layers) for end in ends]

    def reset_parameters(self) -> None:
        """Re-initialize all parameters, uniform in +-1/sqrt(hidden_size).

        >>> layer = RNN(2, 3)
        >>> layer.reset_parameters()
        >>> bool(layer.weight_hh_l0.abs().max() < 3 ** -0.5)
        True
        """
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction.

        >>> [[p.shape for p in each] for each in RNN(2, 3, bias=False).all_weights]
        [[torch.Size([3, 2]), torch.Size([3, 3])]]
        """
        return [[value for name, value in self._parameters.items() if name.endswith("_" + end)] for end, _ in self._names()]

    def flatten_parameters(self) -> None:
        """Does nothing: it matters only on GPUs.

        >>> RNN(2, 3).flatten_parameters()
        """

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """(output, last state): output (T, B, D * H) is the last layer's h at each step, D the number of directions.

        input is (T, B, in), (B, T, in) with batch_first, (T, in), or a PackedSequence. hx is the first state, default zeros:
        h, or (h, c) for an LSTM, each (layers * D, B, H). The last state has its shapes.
        """
        packed = not isinstance(input, Tensor) and hasattr(input, "batch_sizes")
        if packed:
            flat, sizes, batched = input.data, input.batch_sizes.tolist(), True
        else:
            flat, sizes, batched = self._steps(input)
        if flat.dtype is not self.weight_hh_l0.dtype:
            raise ValueError(f"RNN input dtype ({flat.dtype}) does not match weight dtype ({self.weight_hh_l0.dtype}). Convert "
                             f"input: input.to({self.weight_hh_l0.dtype}), or convert model: model.to({flat.dtype})")
        if flat.shape[-1] != self.input_size:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {flat.shape[-1]}")
        order = input.sorted_indices if packed else None
        states = self._first_states(hx, sizes[0] if sizes else 0, batched, order)
        flat, states = self._layers(flat, sizes, states)
        last = tuple(stack([state[k] for state in states]) for k in range(len(states[0])))
        if packed:
            output = input._replace(data=flat)
            if order is not None:
                last = tuple(index_select(each, 1, input.unsorted_indices) for each in last)
        else:
            output = flat.reshape(len(sizes), sizes[0], flat.shape[-1])
            output = output.transpose(0, 1) if batched and self.batch_first else output
            if not batched:
                output, last = output.squeeze(1), tuple(each.squeeze(1) for each in last)
        return output, last if len(last) > 1 else last[0]

    def _steps(self, x: Tensor) -> tuple[Tensor, list[int], bool]:
        """The flattened steps (T * B, in), the batch size of each step, and whether the input was batched."""
        if not isinstance(x, Tensor):
            raise TypeError(f"{self._get_name()}: input must be Tensor, not {type(x).__name__}")
        if x.ndim not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {x.ndim}D instead")
        batched = x.ndim == 3
        x = x.unsqueeze(1) if not batched else x.transpose(0, 1) if self.batch_first else x
        steps, batch = x.shape[:2]
        if steps == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        return x.reshape(steps * batch, x.shape[2]), [batch] * steps, batched

    def _first_states(self, hx: Any, batch: int, batched: bool, order: Tensor | None) -> list[State]:
        """The initial state of each layer and direction."""
        count = len(self._names())
        sizes = [self.proj_size or self.hidden_size] + [self.hidden_size] * (self.mode == "LSTM")
        if hx is None:
            dtype = self.weight_ih_l0.dtype
            return [tuple(create.zeros_(batch, size, dtype=dtype) for size in sizes)] * count
        given = tuple(hx) if self.mode == "LSTM" else (hx,)
        if len(given) != len(sizes):
            raise RuntimeError(f"LSTM: expected hx to be a tuple of two Tensors, (h, c), got {len(given)}")
        checked = []
        for each, size, name in zip(given, sizes, ("hidden[0]", "hidden[1]")):
            if not isinstance(each, Tensor):
                raise TypeError(f"{self.mode}: hx must be {'(h, c), two Tensors' if self.mode == 'LSTM' else 'a Tensor'}, "
                                f"got {type(each).__name__}")
            if each.ndim != (3 if batched else 2):
                words = "batched 3-D input, hx should also be 3-D" if batched else "unbatched 2-D input, hx should also be 2-D"
                raise RuntimeError(f"For {words} but got {each.ndim}-D tensor")
            each = each if batched else each.unsqueeze(1)
            if tuple(each.shape) != (count, batch, size):
                word = name if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {word} size ({count}, {batch}, {size}), got {list(each.shape)}")
            checked.append(each if order is None else index_select(each, 1, order))
        return list(zip(*(each.unbind(0) for each in checked)))

    def _layers(self, flat: Tensor, sizes: list[int], states: list[State]) -> tuple[Tensor, list[State]]:
        """Run all layers: the outputs of the last layer, and the final state of each layer and direction."""
        directions = 2 if self.bidirectional else 1
        last: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                end = f"l{layer}" + ("_reverse" if direction else "")
                output, state = self._run_direction(flat, sizes, states[layer * directions + direction], end, bool(direction))
                outputs.append(output)
                last.append(state)
            flat = outputs[0] if directions == 1 else cat(outputs, -1)
            if self.dropout and self.training and layer < self.num_layers - 1:
                flat = dropout(flat, self.dropout)
        return flat, last

    def _run_direction(self, flat: Tensor, sizes: list[int], state: State, end: str, backwards: bool) -> tuple[Tensor, State]:
        """Run one layer in one direction. A shorter sequence leaves the batch at its end; in reverse, it joins there."""
        step, get = STEPS[self.mode][1], self.__dict__.get
        weight, bias, projection = get(f"weight_hh_{end}"), get(f"bias_hh_{end}"), get(f"weight_hr_{end}")
        of_inputs = get(f"bias_ih_{end}")
        if bias is not None and self.mode != "GRU":     # both biases are added at once, for the whole sequence
            of_inputs, bias = of_inputs + bias, None
        parts = _SplitGates.apply(linear(flat, get(f"weight_ih_{end}"), of_inputs), sizes)
        start, outputs, ended = state, [], []
        if backwards:
            parts = parts[::-1]
            state = tuple(each[:sizes[-1]] for each in start)
        for x in parts:
            n, rows = x.shape[0], state[0].shape[0]
            if n < rows:
                ended.append(tuple(each[n:] for each in state))
                state = tuple(each[:n] for each in state)
            elif n > rows:
                state = tuple(cat([each, first[rows:n]]) for each, first in zip(state, start))
            state = step(x, state, weight, bias)
            if projection is not None:
                state = (linear(state[0], projection), state[1])
            outputs.append(state[0])
        if ended:
            state = tuple(cat(parts) for parts in zip(state, *reversed(ended)))
        return cat(outputs[::-1] if backwards else outputs), state

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0),
                            ("bidirectional", False)):
            if getattr(self, name) != usual:
                shown += f", {name}={getattr(self, name)}"
        return shown


class RNN(RNNBase):
    """h_t = tanh(x_t W^T + b + h_(t-1) U^T + b), or relu: Elman 1990. output, h_n = rnn(x, h_0).

    x is (T, B, input_size), or (B, T, input_size) with batch_first; output (T, B, D * hidden_size), D = 2 if bidirectional
    else 1; h_n (num_layers * D, B, hidden_size).

    >>> output, h = RNN(3, 4)(tinygrad_c.ones(5, 2, 3))
    >>> output.shape, h.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
                 dtype: Any = None) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, 0, device, dtype)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """c_t = f * c_(t-1) + i * g, h_t = o * tanh(c_t): Hochreiter & Schmidhuber 1997. output, (h_n, c_n) = lstm(x, (h_0, c_0)).

    i, f, o = sigmoid(x_t W^T + b + h_(t-1) U^T + b), g the same with tanh, in this order in the weights. Shapes as RNN;
    with proj_size, h is projected to that size (Sak et al. 2014).

    >>> output, (h, c) = LSTM(3, 4, num_layers=2)(tinygrad_c.ones(5, 2, 3))
    >>> output.shape, c.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
                 dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
                         device, dtype)


class GRU(RNNBase):
    """h_t = (1 - z) * n + z * h_(t-1), n = tanh(x_n + r * h_n): Cho et al. 2014. output, h_n = gru(x, h_0). Shapes as RNN.

    r, z = sigmoid(x_t W^T + b + h_(t-1) U^T + b); r, z, n in this order in the weights.

    >>> output, h = GRU(3, 4)(tinygrad_c.ones(5, 2, 3))
    >>> output.shape, h.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
                 dropout: float = 0.0, bidirectional: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         device=device, dtype=dtype)


# ---- Cells: one step as a layer

class _Cell(Module):
    """Base class of the cells: weight_ih (gates * H, in), weight_hh (gates * H, H), bias_ih, bias_hh."""

    def __init__(self, mode: str, input_size: int, hidden_size: int, bias: bool, dtype: Any) -> None:
        super().__init__()
        rows = STEPS[mode][0] * hidden_size
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.weight_ih = Parameter(create.empty_(rows, input_size, dtype=dtype))
        self.weight_hh = Parameter(create.empty_(rows, hidden_size, dtype=dtype))
        self.register_parameter("bias_ih", Parameter(create.empty_(rows, dtype=dtype)) if bias else None)
        self.register_parameter("bias_hh", Parameter(create.empty_(rows, dtype=dtype)) if bias else None)
        self.reset_parameters()

    reset_parameters = RNNBase.reset_parameters

    def _step(self, mode: str, input: Tensor, state: Any, states: int) -> State:
        if input.ndim not in (1, 2):
            raise ValueError(f"{self._get_name()}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.shape[-1]} expected {self.input_size}")
        if state is None:
            state = [create.zeros_(*input.shape[:-1], self.hidden_size, dtype=input.dtype)] * states
        for k, each in enumerate(state):
            if each.ndim != input.ndim:
                word = "hidden" if states == 1 else f"hx[{k}]"
                raise ValueError(f"{self._get_name()}: Expected {word} to be 1D or 2D, got {each.ndim}D instead; it must "
                                 f"have as many dimensions as the input, {input.ndim}")
            if each.shape[-1] != self.hidden_size:
                raise RuntimeError(f"hidden{k} has inconsistent hidden_size: got {each.shape[-1]}, expected {self.hidden_size}")
            if tuple(each.shape[:-1]) != tuple(input.shape[:-1]):
                raise RuntimeError(f"Input batch size {input.shape[0]} doesn't match hidden{k} batch size {each.shape[0]}")
        x = linear(input, self.weight_ih, self.bias_ih)
        return STEPS[mode][1](x, tuple(state), self.weight_hh, self.bias_hh)

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else f", bias={self.bias}")
        kind = getattr(self, "nonlinearity", "tanh")
        return shown + ("" if kind == "tanh" else f", nonlinearity={kind}")


class RNNCell(_Cell):
    """h' = tanh(x W^T + b + h U^T + b), or relu: x (B, input_size) or (input_size), h (B, hidden_size), default zeros.

    >>> RNNCell(3, 4)(tinygrad_c.ones(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__("RNN_TANH", input_size, hidden_size, bias, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(f"RNN_{self.nonlinearity.upper()}", input, None if hx is None else (hx,), 1)[0]


class LSTMCell(_Cell):
    """(h', c') = cell(x, (h, c)): one step of LSTM. x (B, input_size) or (input_size).

    >>> h, c = LSTMCell(3, 4)(tinygrad_c.ones(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__("LSTM", input_size, hidden_size, bias, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        return self._step("LSTM", input, hx, 2)


class GRUCell(_Cell):
    """h' = cell(x, h): one step of GRU. x (B, input_size) or (input_size).

    >>> GRUCell(3, 4)(tinygrad_c.ones(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__("GRU", input_size, hidden_size, bias, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step("GRU", input, None if hx is None else (hx,), 1)[0]
