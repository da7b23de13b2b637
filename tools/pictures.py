"""Makes the README's pictures: a page of explain, taken in headless Chromium, and those of a training on the digits.

    python tools/pictures.py docs/pictures
"""
from __future__ import annotations

import contextlib
import io
import runpy
import shutil
import sys
import tempfile
from pathlib import Path

from tinygrad_c.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
STEP = 11           # of the house price: the gradient that goes through the sigmoid


def of_explain(target: Path) -> None:
    """The house price, in the middle of its backward pass."""
    from selenium import webdriver
    with contextlib.redirect_stdout(io.StringIO()):
        left = runpy.run_path(str(ROOT / "docs/tutorials/4_house_price.py"))
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 1180, "height": 860, "deviceScaleFactor": 1,
                                                                     "mobile": False})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]})
        with tempfile.TemporaryDirectory() as folder:
            left["explained"].save(Path(folder) / "page.html", "en")
            driver.get((Path(folder) / "page.html").as_uri())
            for _ in range(STEP):
                driver.find_element("id", "next").click()
            driver.save_screenshot(str(target))
    finally:
        driver.quit()


def of_training(curves: Path, answers: Path) -> None:
    """`tinygrad_c train` on the bundled digits."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()), \
            contextlib.redirect_stderr(io.StringIO()):
        if main(["train", "--out", folder]):
            raise SystemExit("the training failed")
        shutil.copy(Path(folder) / "curves.png", curves)
        shutil.copy(Path(folder) / "answers.png", answers)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    of_explain(out / "explain.png")
    of_training(out / "training.png", out / "confusion.png")
    print(*sorted(str(each) for each in out.glob("*.png")))
