"""The page of an explanation: one HTML document with its data, style and program inside, and nothing from outside."""
from __future__ import annotations

import html
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tinygrad_c.explain.words import WORDS, say

if TYPE_CHECKING:
    from tinygrad_c.explain.explanation import Explanation

SCRIPTS = ("layout.js", "view.js", "explain.js")
HEIGHT = 720            # of the frame in a notebook, pixels

BODY = """\
<div id="app">
<header><h1 data-say="title"></h1>
<label id="which-label"><span data-say="which pass"></span> <select id="which"></select></label>
<button type="button" id="language" data-say="language"></button>
<button type="button" id="theme" data-say="theme"></button></header>
<nav id="controls" data-label="all steps">
<button type="button" id="first" data-title="first" data-label="first">«</button>
<button type="button" id="previous" data-title="previous" data-label="previous">‹</button>
<button type="button" id="next" data-say="next"></button>
<button type="button" id="last" data-title="last" data-label="last">»</button>
<button type="button" id="play" data-say="play" aria-pressed="false"></button>
<input type="range" id="slider" min="0" value="0" data-label="step">
<span id="position"></span></nav>
<main>
<div id="left">
<section class="panel" id="notes" data-label="problems"></section>
<div class="panel" id="program-panel"><h2 data-say="program"></h2>
<ol id="lines" tabindex="0" data-label="program"></ol></div>
<section class="panel" id="step" tabindex="-1" aria-live="polite" data-label="step"></section>
</div>
<div id="right">
<div class="panel" id="graph-panel"><h2 data-say="graph"></h2>
<div class="tools"><button type="button" id="open-all" data-say="open all"></button>
<button type="button" id="fold-all" data-say="fold all"></button></div>
<div id="groups"></div>
<div id="graph-scroll" tabindex="0" role="region" data-label="graph">
<svg id="graph" role="group" data-label="graph"></svg></div>
</div>
<div class="panel">
<details><summary data-say="all steps"></summary><ol id="all"></ol></details></div>
</div>
</main>
<footer><p data-say="keys"></p></footer>
</div>
"""


@cache
def asset(name: str) -> str:
    """A file of the page."""
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def page(explanation: Explanation, lang: str | None = None) -> str:
    """The document. `lang` None: the reader's browser decides, and a button changes it."""
    data = {"lang": lang, "words": {key: list(both) for key, both in WORDS.items()}, "passes": brief(explanation.passes)}
    shown = lang or explanation.lang
    script = "\n".join(asset(name) for name in SCRIPTS)
    return (f'<!DOCTYPE html>\n<html lang="{"zh-CN" if shown == "zh" else "en"}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(say('title', shown))}</title><style>\n{asset('explain.css')}</style></head><body>\n{BODY}"
            f"<noscript><pre>{html.escape(explanation.text(shown))}</pre></noscript>\n"
            f'<script type="application/json" id="explain-data">{in_script(data)}</script>\n<script>\n{script}</script>\n'
            "</body></html>\n")


def in_script(data: Any) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def brief(data: Any) -> Any:
    """Numbers in six digits, which is what the page shows, and without what is nothing: null, and shares that are 0."""
    if isinstance(data, float):
        return int(data) if data == int(data) and abs(data) < 1e15 else float(f"{data:.6g}")
    if isinstance(data, list):
        return [brief(each) for each in data]
    if isinstance(data, dict):
        left = ("largest",) if "data" in data else ()
        return {key: brief(each) for key, each in data.items()
                if each is not None and key not in left and (each or key not in ("nan", "zeros"))}
    return data


def in_notebook(explanation: Explanation) -> str:
    """The page in a frame of its own, so that its style and that of the notebook leave each other alone."""
    return (f'<iframe srcdoc="{html.escape(page(explanation), quote=True)}" style="width:100%;height:{HEIGHT}px;border:0" '
            f'title="{html.escape(say("title", explanation.lang))}"></iframe>')
