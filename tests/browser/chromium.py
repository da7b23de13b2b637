"""A headless Chromium for the tests of pages: Debian's package, driven by selenium. Found, or a reason to skip."""
from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

MUST = os.environ.get("TINYGRAD_C_BROWSER") == "1"         # make browser: what is missing is a failure
PICTURES = os.environ.get("TINYGRAD_C_SCREENSHOTS")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def missing() -> str | None:
    """What a test in a browser lacks here."""
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        return "no chromium and chromedriver here (Debian: apt-get install chromium chromium-driver)"
    if find_spec("selenium") is None:
        return "no selenium here"
    return None


def axe() -> str | None:
    """axe-core's program, from a package that carries it."""
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")


class Browser:
    """A page in Chromium, and what the tests do with it."""

    def __init__(self, width: int = 1280, height: int = 900, dark: bool = False, lang: str = "en-US"):
        from selenium import webdriver
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.add_experimental_option("prefs", {"intl.accept_languages": lang})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        self.size(width, height)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def size(self, width: int, height: int) -> None:
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def open(self, where: Path | str) -> None:
        self.driver.get(where.resolve().as_uri() if isinstance(where, Path) else where)

    def find(self, css: str):
        return self.driver.find_element("css selector", css)

    def all(self, css: str) -> list:
        return self.driver.find_elements("css selector", css)

    def text(self, css: str) -> str:
        return self.find(css).text

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys
        ActionChains(self.driver).send_keys(*[getattr(Keys, key, key) for key in keys]).perform()

    def run(self, script: str, *args):
        return self.driver.execute_script(script, *args)

    def errors(self) -> list[str]:
        """What the console has said since the last call."""
        return [each["message"] for each in self.driver.get_log("browser")]

    def picture(self, name: str) -> None:
        """Keep a screenshot where `make browser` wants them."""
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(Path(PICTURES) / f"{name}.png"))

    def violations(self) -> list[str]:
        """What axe-core finds wrong for people who use a keyboard, a screen reader, or need contrast."""
        program = axe()
        if program is None:
            if MUST:
                pytest.fail("no axe-core here (pip install --no-deps axe-playwright-python)")
            pytest.skip("no axe-core here")
        self.run(program)
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {runOnly: arguments[0]}).then(r => done(r.violations.map(v => "
            "`${v.id}: ${v.nodes.map(n => n.target + ' ' + n.failureSummary).slice(0, 3).join(' | ')}`)))", WCAG)
        return found

    def close(self) -> None:
        self.driver.quit()


def required() -> None:
    """Skip the test, or fail it under `make browser`, where there is no browser."""
    reason = missing()
    if reason is not None:
        (pytest.fail if MUST else pytest.skip)(reason)
