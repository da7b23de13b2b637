"""Plots for the examples. They are saved to the folder given by --out (default: the working folder), never shown."""
from __future__ import annotations

import argparse
from pathlib import Path


def out_folder(about: str) -> Path:
    """The folder given by --out, created if it is missing. `about` is the help text of the program."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("."), metavar="FOLDER", help="folder for plots (default: here)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_panels(path: Path, *panels: dict) -> None:
    """Save one plot with one or more panels side by side.

    A panel is a dict: title, xlabel, ylabel, log (of the y axis), and `lines`, a dict of label: (x, y) or
    label: (x, y, format), with matplotlib's line format: "." for dots.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print(f"{path.name} was not saved: pip install matplotlib")
        return
    figure = Figure(figsize=(5 * len(panels), 3.8), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        for label, (x, y, *form) in panel["lines"].items():
            axes.plot(x, y, *form, label=label)
        axes.set(title=panel["title"], xlabel=panel.get("xlabel", ""), ylabel=panel.get("ylabel", ""),
                 yscale="log" if panel.get("log") else "linear")
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    print(f"saved {path}")
