"""create_graph=True gives each gradient with a graph or without one, and each second gradient as a tensor or None, exactly as
PyTorch, zeros included: over the samples of operations, functions and layers."""
from __future__ import annotations

import json

import numpy as np
import pytest
from samples.comparing import torch
from samples.second_graph import SAMPLES, WORDS, second

import tinygrad_c

pytestmark = pytest.mark.filterwarnings("ignore")
RECORDED = {name: word for word, names in json.loads(WORDS.read_text()).items() for name in names}
# Where it is otherwise here, on purpose.
OTHERWISE = {
    "F.layer_norm(x, [4], None, b)": "without a weight, PyTorch's second backward forgets that db depends on the incoming gradient",
    "F.conv2d(x, w)": "of an empty batch: PyTorch's second backward gives None, here zeros",
    "repeat": "zero times: the gradient is a constant in PyTorch",
}
# Here the incoming gradient is scaled in the second derivative too; PyTorch forgets it.
OTHER_VALUES = "scale_grad_by_freq=True"


def agree(here: str, there: str) -> bool:
    """Whether the words of second() agree. Where PyTorch refuses a derivative (!), there may be one here."""
    for mine, its in zip(here.split(", "), there.split(", "), strict=True):
        parts = list(zip(mine.split(" "), its.split(" "), strict=its != "!"))
        if its != "!" and not all(a == b or b == "!" for a, b in parts):
            return False
    return True


@pytest.mark.parametrize("name", RECORDED)
def test_graph(name):
    """Against what is recorded; and against torch, with the values of the second gradients, if it is installed."""
    here, values = second(tinygrad_c, *SAMPLES[name])
    there, expected = RECORDED[name], None
    if torch is not None:
        now, expected = second(torch, *SAMPLES[name])
        assert now == there
    if name.rpartition(" ")[0] not in OTHERWISE:
        assert agree(here, there), f"here  {here}\ntorch {there}"
    if here == there and expected is not None and OTHER_VALUES not in name:
        for a, b in zip(values, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.fixture(autouse=torch is not None, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
