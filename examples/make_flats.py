"""Write flats.csv, an example table for the command line: 500 synthetic flats with area, floor, district and rent."""
from __future__ import annotations

from pathlib import Path

import numpy as np

PRICES = {"centre": 19.0, "river": 16.0, "suburb": 11.5}        # per square metre and month


def make_flats(path: Path, rows: int = 500, seed: int = 0) -> None:
    """rent = area * price of the district + 12 * floor + N(0, 20)."""
    rng = np.random.default_rng(seed)
    lines = ["area,floor,district,rent"]
    for _ in range(rows):
        area, floor, district = rng.integers(25, 140), rng.integers(0, 7), rng.choice(list(PRICES))
        lines.append(f"{area},{floor},{district},{area * PRICES[district] + 12 * floor + rng.normal(0, 20):.0f}")
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    make_flats(Path("flats.csv"))
    print("wrote flats.csv")
