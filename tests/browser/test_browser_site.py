"""The documentation site in a real browser: every tutorial's page of explain works inside it, and search works offline."""
from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser.chromium import MUST, Browser, required
from samples.paths import ROOT

SITE = Path(os.environ.get("TINYGRAD_C_SITE", "/nowhere"))
TUTORIALS = sorted(path.stem for path in (ROOT / "docs/tutorials").glob("*.md"))


@pytest.fixture(scope="module")
def browser():
    required()
    if not (SITE / "index.html").exists():
        (pytest.fail if MUST else pytest.skip)("the site is not built: make docs, TINYGRAD_C_SITE=build/site")
    made = Browser(1280, 1000)
    yield made
    made.close()


def wait(browser, condition):
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.support.ui import WebDriverWait
    WebDriverWait(browser.driver, 30, ignored_exceptions=[WebDriverException]).until(lambda _: condition())


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial(browser, name):
    browser.open(SITE / "tutorials" / f"{name}.html")
    assert browser.run("return [...document.images].every(image => image.complete && image.naturalWidth > 0)")
    browser.run("document.querySelector('iframe').scrollIntoView({block: 'center', behavior: 'instant'})")
    browser.driver.switch_to.frame(browser.find("iframe"))
    wait(browser, lambda: browser.text("#position"))        # it is loaded when it comes into sight
    first = browser.text("#position")
    browser.run("document.getElementById('next').click()")
    assert browser.text("#position") != first
    assert ("下一步" if name.endswith("zh") else "Next step") in browser.text("#next")
    browser.driver.switch_to.default_content()
    assert browser.errors() == []
    browser.picture(f"site-{name}")


@pytest.mark.parametrize(("word", "page"), [("cross_entropy", "nn.functional"), ("recording", "explain"), ("gradcheck", "autograd")])
def test_search_offline(browser, word, page):
    browser.open((SITE / "search.html").as_uri() + f"?q={word}")
    wait(browser, lambda: browser.all("#search-results li"))
    assert any(page in link.get_attribute("href") for link in browser.all("#search-results li a"))
    assert browser.errors() == []


def test_every_page_opens_without_an_error(browser):
    pages = [path for path in SITE.rglob("*.html") if "_static" not in path.parts]
    assert len(pages) > 30
    for path in pages:
        browser.open(path)
        assert browser.errors() == [], path
