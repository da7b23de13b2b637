"""Builds the site: runs the tutorials, makes their pages and pictures, writes the reference from the docstrings, calls Sphinx.

    python docs/site/make.py build/site         the folder to write; its pages open from the disk, search included

Any warning of Sphinx, any program that fails, any link that leads nowhere is an error.
"""
from __future__ import annotations

import contextlib
import io
import re
import runpy
import shutil
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

from reference import write_reference  # noqa: E402

PAGES = {       # of the repository: the file, and the page that it becomes
    "docs/tour.md": "tour.md", "examples/README.md": "examples.md", "docs/architecture.md": "architecture.md",
    "docs/derivatives.md": "derivatives.md", "docs/reference.md": "names.md", "docs/reliability.md": "reliability.md",
    "docs/jobs.md": "jobs.md", "docs/tables.md": "tables.md", "docs/programs.md": "programs.md",
    "docs/contributing.md": "contributing.md", "benchmarks/README.md": "benchmarks.md", "CHANGELOG.md": "changelog.md",
    "docs/explain.en.md": "explain.en.md", "docs/explain.zh.md": "explain.zh.md",
    "docs/play.en.md": "play.en.md", "docs/play.zh.md": "play.zh.md", "README.md": "readme.md",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
FRAME = """\
```{{raw}} html
<iframe src="{up}_static/explain/{name}.html" title="{title}" loading="lazy"
        style="width:100%;height:760px;border:1px solid #8a94a0;border-radius:8px"></iframe>
<p><a href="{up}_static/explain/{name}.html">{open}</a></p>
```
"""
OPEN = {"en": ("This page alone", "The passes of this program, step by step"), "zh": ("单独打开", "逐步查看这个程序")}


def main(out: Path) -> None:
    began = time.perf_counter()
    source = out.parent / (out.name + "-source")
    for folder in (out, source):
        shutil.rmtree(folder, ignore_errors=True)
    (source / "static" / "explain").mkdir(parents=True)
    shutil.copytree(ROOT / "docs" / "pictures", source / "static" / "pictures")
    shutil.copy(HERE / "conf.py", source)
    tutorials = [tutorial(path, source) for path in sorted((ROOT / "docs/tutorials").glob("*.py"))]
    pages = {file: page for file, page in PAGES.items() if (ROOT / file).exists()}
    for file, page in pages.items():
        (source / page).write_text(relinked((ROOT / file).read_text(encoding="utf-8"), Path(file), pages), encoding="utf-8")
    names = write_reference(source / "api")
    (source / "index.md").write_text(index(tutorials, pages), encoding="utf-8")
    sphinx(source, out)
    count = check_links(out)
    print(f"{out}: {len(tutorials)} tutorials in 2 languages, {names} names in the reference, "
          f"{len(list(out.rglob('*.html')))} pages, {count} links inside, {time.perf_counter() - began:.0f} s")


# ---- Tutorials

def tutorial(program: Path, source: Path) -> str:
    """Run a tutorial's program; write its pages, what explain made of it, and its curves."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        left = runpy.run_path(str(program))
    name = program.stem
    left["explained"].save(source / "static/explain" / f"{name}.html")
    size = (source / "static/explain" / f"{name}.html").stat().st_size
    if size > 300_000:
        raise SystemExit(f"{name}: the page of explain has {size} bytes")
    text = program.read_text(encoding="utf-8").partition("\n")[2].strip()
    for lang in ("en", "zh"):
        page = program.with_suffix(f".{lang}.md").read_text(encoding="utf-8")
        left["explained"].save(source / "static/explain" / f"{name}.{lang}.html", lang)
        parts = {"program": f"```python\n{text}\n```", "output": f"```text\n{said.getvalue().rstrip()}\n```",
                 "explain": FRAME.format(up="../", name=f"{name}.{lang}", open=OPEN[lang][0], title=OPEN[lang][1])}
        if "curves" in left:
            picture = source / "static/pictures" / f"{name}.{lang}.png"
            draw(picture, left["curves"], lang)
            parts["curves"] = f"![{'损失曲线' if lang == 'zh' else 'the loss at each step'}](../static/pictures/{picture.name})"
        for key, content in parts.items():
            page = page.replace(f"@@{key}@@", content)
        if "@@" in page:
            raise SystemExit(f"{program.stem}.{lang}.md asks for something that its program did not make")
        target = source / "tutorials" / f"{name}.{lang}.md"
        target.parent.mkdir(exist_ok=True)
        other = "zh" if lang == "en" else "en"
        switch = f"[{'中文' if lang == 'en' else 'English'}]({name}.{other}.md)\n\n"
        target.write_text(page.replace("\n\n", f"\n\n{switch}", 1), encoding="utf-8")
    return name


def draw(path: Path, curves: dict, lang: str) -> None:
    """The losses, on a logarithmic axis, in colours and dashes that can be told apart without colour."""
    from matplotlib import font_manager
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
    font = None
    if lang == "zh":
        chinese = [each for each in font_manager.fontManager.ttflist if "CJK SC" in each.name or "CJK JP" in each.name]
        font = font_manager.FontProperties(fname=chinese[0].fname) if chinese else None
    words = ("步", "损失") if font is not None else ("step", "loss")
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    colours, dashes = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"), ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
    for i, (label, losses) in enumerate(curves.items()):
        axes.plot(range(1, len(losses) + 1), losses, color=colours[i % 5], linestyle=dashes[i % 5], label=label)
    axes.set_yscale("log")
    axes.set_xlabel(words[0], fontproperties=font)
    axes.set_ylabel(words[1], fontproperties=font)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


# ---- Pages

def relinked(text: str, file: Path, pages: dict[str, str]) -> str:
    """Links to files of the repository: to their page on the site, or, for what is no page, its path as text."""
    def link(match: re.Match) -> str:
        image, words, where = match.groups()
        if re.match(r"[a-z]+:|#", where):
            return match[0]
        path, _, anchor = where.partition("#")
        target = ((ROOT / file.parent / path).resolve().relative_to(ROOT)).as_posix()
        if target in pages:
            return f"[{words}]({pages[target]}{'#' + anchor if anchor else ''})"
        if image and target.startswith("docs/pictures/"):
            return f"![{words}](static/pictures/{Path(target).name})"
        if image:
            return f"*{words}*"
        plain = words.replace("`", "")
        return f"`{target}`" if plain in (target, path, Path(path).name) else f"{words} (`{target}`)"
    text = re.sub(r'<img src="(docs/pictures/[^"]+)"([^>]*)>',
                  lambda match: f'<img src="_static/pictures/{Path(match[1]).name}"{match[2]}>', text)
    return LINK.sub(link, text)


def index(tutorials: list[str], pages: dict[str, str]) -> str:
    """The first page: what it is, and all pages in order."""
    here = set(pages.values())

    def tree(caption: str, *names: str) -> str:
        listed = "\n".join(name for name in names if name.startswith(("tutorials/", "api/")) or name + ".md" in here)
        return f"```{{toctree}}\n:caption: {caption}\n:maxdepth: 1\n\n{listed}\n```\n"

    return "\n".join([
        "# tinygrad_c\n",
        "Train small neural networks on a CPU with PyTorch's API, and see every step of the computation:\n",
        FRAME.format(up="", name="4_house_price", open=OPEN["en"][0], title=OPEN["en"][1]),
        tree("Start", "readme", "tour", "examples"),
        tree("Tutorials", *(f"tutorials/{name}.en" for name in tutorials)),
        tree("教程", *(f"tutorials/{name}.zh" for name in tutorials)),
        tree("How to", "explain.en", "explain.zh", "play.en", "play.zh", "tables", "programs", "contributing"),
        tree("Reference", "api/index", "derivatives", "names"),
        tree("Background", "architecture", "reliability", "jobs", "benchmarks", "changelog"),
    ])


def sphinx(source: Path, out: Path) -> None:
    from sphinx.cmd.build import main as build
    if build(["-q", "-W", "--keep-going", "-b", "html", "-d", str(out.parent / (out.name + "-trees")), str(source), str(out)]):
        raise SystemExit("Sphinx has warnings")


def check_links(out: Path) -> int:
    """Every link between pages, and every picture, leads somewhere."""
    wrong, count = [], 0
    for page in out.rglob("*.html"):
        if "_static" in page.parts:
            continue
        for where in re.findall(r'(?:href|src)="([^"]+)"', page.read_text(encoding="utf-8")):
            path, _, anchor = where.partition("#")
            if re.match(r"[a-z]+:", where):
                continue
            count += 1
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            if not target.exists():
                wrong.append(f"{page.relative_to(out)}: {where}")
            elif anchor and target.suffix == ".html" and f'id="{anchor}"' not in target.read_text(encoding="utf-8"):
                wrong.append(f"{page.relative_to(out)}: {where}: no such place")
    if wrong:
        raise SystemExit("links that lead nowhere:\n" + "\n".join(wrong[:40]))
    return count


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/site").resolve())
