"""Values of the examples in samples/distribution_samples.py, as PyTorch 2.13 gives them in float64.

    python tests/golden/record_distributions.py     writes distributions.json beside this file
"""
from __future__ import annotations

import json
import sys
from pathlib import Path

FILE = Path(__file__).parent / "distributions.json"


def main() -> None:
    sys.path[:0] = [str(FILE.parent.parent), str(FILE.parent.parent / "annex")]
    if not FILE.exists():
        FILE.write_text("{}")
    import torch
    from samples.distribution_samples import CASES, TRANSFORMS
    from test_distributions import WRONG_IN_TORCH
    from test_divergences_and_transforms import leaves_of
    d, values = torch.distributions, {}

    def keep(key: str, compute) -> None:
        try:
            found = compute()
        except NotImplementedError:
            return
        if torch.is_tensor(found):
            numbers = found.detach().double()
            values[key] = json.loads(json.dumps(numbers.tolist()), parse_float=lambda text: float(f"{float(text):.12g}"))

    for name, (make, arrays, at) in CASES.items():
        dist = make(d, *[torch.tensor(a) for a in arrays])
        for what in ("log_prob", "cdf", "entropy", "mean", "variance", "mode"):
            if (name, what) not in WRONG_IN_TORCH:
                keep(f"distribution/{name}/{what}", lambda: (
                    getattr(dist, what)(torch.tensor(at)) if what in ("log_prob", "cdf")
                    else dist.entropy() if what == "entropy" else getattr(dist, what)))
    for p, q in d.kl._KL_REGISTRY:
        keep(f"divergence/{p.__name__}/{q.__name__}", lambda: d.kl_divergence(
            leaves_of(torch, d, p.__name__)[0], leaves_of(torch, d, q.__name__, 1.25)[0]))
    for name, (make, at, bijective) in TRANSFORMS.items():
        t, x = make(d, torch.tensor), torch.tensor(at)
        keep(f"transform/{name}/y", lambda: t(x))
        if bijective:
            keep(f"transform/{name}/log_abs_det_jacobian", lambda: t.log_abs_det_jacobian(x, t(x)))
    FILE.write_text("{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()) + "\n}\n")


if __name__ == "__main__":
    main()
