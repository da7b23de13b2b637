"""Plots for the examples. They are saved to the folder given by --out (default: the working folder), never shown."""
from __future__ import annotations

import argparse
from pathlib import Path

# Colours that can be told apart with any kind of colour vision (Okabe and Ito 2008), and dashes for print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")


def out_folder(about: str) -> Path:
    """The folder given by --out, created if it is missing. `about` is the help text of the program."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("."), metavar="FOLDER", help="folder for plots (default: here)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_panels(path: Path, *panels: dict) -> None:
    """Save one plot with one or more panels side by side.

    A panel is a dict: title, xlabel, ylabel, log (the y axis), whole (only integers on the x axis), equal (both axes have the
    same scale), and `lines`, a dict of label: (x, y) for a line or label: (x, y, marker) for points, with matplotlib's marker:
    "." for dots, "$7$" for sevens.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        print(f"{path.name} was not saved: pip install matplotlib")
        return
    figure = Figure(figsize=(5 * len(panels), 3.8), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        for i, (label, (x, y, *marker)) in enumerate(panel["lines"].items()):
            style = {"marker": marker[0], "linestyle": ""} if marker else {"linestyle": DASHES[i % len(DASHES)]}
            axes.plot(x, y, label=label, color=COLOURS[i % len(COLOURS)], **style)
        if panel.get("whole"):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(title=panel["title"], xlabel=panel.get("xlabel", ""), ylabel=panel.get("ylabel", ""),
                 yscale="log" if panel.get("log") else "linear")
        if panel.get("equal"):
            axes.set_aspect("equal")
        many = sum(len(x) for x, *_ in panel["lines"].values()) > 2000      # "best" is slow with many points
        axes.legend(loc="upper right" if many else "best")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    print(f"saved {path}")


def save_images(path: Path, title: str, rows: dict[str, list]) -> None:
    """Save one plot with rows of small grey images. `rows`: label -> images, each a list of lists of numbers from 0 to 1."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print(f"{path.name} was not saved: pip install matplotlib")
        return
    columns = max(len(images) for images in rows.values())
    figure = Figure(figsize=(1.0 * columns + 1.4, 1.15 * len(rows) + 0.5), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[], frame_on=False)
    for line, (label, images) in zip(grid, rows.items()):
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
        for axes, image in zip(line, images):
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
    figure.savefig(path, dpi=120)
    print(f"saved {path}")
