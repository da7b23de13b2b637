"""Where NaN and infinity begin, and where gradients vanish."""
from __future__ import annotations

from typing import Any

from tinygrad_c.explain.numbers import is_bad, size_of

TINY = 1e-7             # a gradient whose largest element is below this moves no float32 weight of ordinary size
LARGE = 1e4


def find(one_pass: dict[str, Any]) -> list[dict[str, Any]]:
    """The first places of each kind: {"kind", "where", "step", and of a gradient "to"}."""
    values, steps = one_pass["values"], one_pass["steps"]
    found: list[dict[str, Any]] = []
    for step in steps:
        output = values[step["output"]]["numbers"]
        if is_bad(output) and not any(i is not None and is_bad(values[i]["numbers"]) for i in step["inputs"]):
            found.append({"kind": "nan" if output["nan"] else "infinite", "where": "forward", "step": step["id"],
                          "to": step["output"]})
    for each in one_pass["backward"]:
        g = each["gradient"]
        for give in each["gives"]:
            d = give["gradient"]
            if d is None or g is None:
                continue
            kind = None
            if is_bad(d) and not is_bad(g):
                kind = "nan" if d["nan"] else "infinite"
            elif size_of(d) == 0 < size_of(g):
                kind = "zero"
            elif size_of(d) < TINY <= size_of(g):
                kind = "vanishing"
            elif size_of(d) > LARGE >= size_of(g):
                kind = "exploding"
            if kind is not None:
                found.append({"kind": kind, "where": "backward", "step": each["step"], "to": give["to"]})
    return found
