"""What the README shows is what happens."""
from __future__ import annotations

import re
import subprocess
import sys

from samples.paths import ROOT

README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


def test_the_program_prints_what_stands_below_it(tmp_path):
    run = subprocess.run([sys.executable, "-c", block("python")], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout == block("text")


def test_the_files_that_it_names_are_there():
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    folders = re.findall(r"`((?:examples|benchmarks|docs|tests)/[\w./]*)`", README)
    sources = re.findall(r"`((?:\w+/)*\w+\.(?:py|pyx|pxd|pxi))`", README)
    assert links
    assert folders
    assert sources
    for name in (*links, *folders):
        assert (ROOT / name).exists(), name
    for name in sources if (ROOT / "tinygrad_c").exists() else ():       # make wheel runs this with the sources away
        assert (ROOT / "tinygrad_c" / name).exists() or (ROOT / name).exists(), name
