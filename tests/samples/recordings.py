"""Helpers of the tests of compiled steps and modules."""
from __future__ import annotations

import tinygrad_c as T

F = T.nn.functional


def content(value):
    """Tensors as bytes, to be compared."""
    if isinstance(value, T.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return {key: content(each) for key, each in value.items()}
    return [content(each) for each in value] if isinstance(value, (list, tuple)) else value


def usual_step(net, optimizer, loss=F.cross_entropy):
    """The usual training step, not compiled."""
    def step(x, y):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value
    return step


def check(make, calls=10, programs=1):
    """make() gives (step, batch of a generator, state). Eager and compiled must leave the same after each call, and the last calls
    must have been replays. The random stream is a part of the state."""
    sides = []
    for compiled in (False, True):
        T.manual_seed(0)
        step, batch, state = make()
        sides.append([T.compile(step) if compiled else step, batch, state, T.get_rng_state()])
    for call in range(calls):
        left = []
        for side in sides:
            step, batch, state, stream = side
            T.set_rng_state(stream)
            arguments = batch(T.Generator().manual_seed(call))
            result = step(*arguments)
            side[3] = T.get_rng_state()
            left.append([content(result), content(state()), side[3].tolist(),
                         [[content(each.grad), each.requires_grad] for each in arguments if isinstance(each, T.Tensor)]])
        assert left[0] == left[1], f"call {call} differs"
    compiled = sides[1][0]
    assert len(compiled.ready) == programs, compiled
    return compiled
