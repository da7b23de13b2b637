"""The playground in a real browser: train, change the net, explain a step, two languages, accessibility."""
from __future__ import annotations

import threading

import pytest
from browser.chromium import Browser, required

from tinygrad_c.play.data import TOYS
from tinygrad_c.play.server import Server


@pytest.fixture(params=["moons", "wave"])
def page(request):
    required()
    server = Server(TOYS[request.param]())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    browser = Browser(1280, 1000)
    browser.open(server.url)
    wait(browser, "return document.getElementById('program').textContent.length > 100")
    yield browser, server
    browser.close()
    server.shutdown()
    server.server_close()


def wait(browser, script):
    from selenium.webdriver.support.ui import WebDriverWait
    WebDriverWait(browser.driver, 30).until(lambda _: browser.run(script))


@pytest.mark.quick
def test_watch_a_net_learn(page):
    browser, server = page
    assert browser.text("#numbers").startswith("step 0, loss ")
    browser.find("#once").click()
    wait(browser, "return document.getElementById('numbers').textContent.startsWith('step 1,')")
    assert f"loss {server.session.state()['loss']:.4g}"[:10] in browser.text("#numbers")
    browser.run("document.getElementById('speed').value = '100'")
    browser.find("#run").click()
    wait(browser, "return Number(document.getElementById('numbers').textContent.match(/\\d+/)[0]) >= 400")
    browser.find("#run").click()
    wait(browser, "return document.getElementById('run').getAttribute('aria-pressed') === 'false'")
    assert len(browser.all("#layers figure")) == 2 * 6
    assert "nn.Tanh()" in browser.text("#program")
    browser.picture(f"play-{server.session.problem.name}")
    browser.run("const a = document.getElementById('activation'); a.value = 'relu'; a.dispatchEvent(new Event('change'))")
    wait(browser, "return document.getElementById('numbers').textContent.startsWith('step 0,')")
    assert "nn.ReLU()" in browser.text("#program")
    browser.run("const a = document.getElementById('hidden'); a.value = '5'; a.dispatchEvent(new Event('change'))")
    wait(browser, "return document.querySelectorAll('#layers figure').length === 8")
    assert browser.errors() == []


def test_a_step_explained_inside(page):
    browser, _ = page
    browser.find("#explain").click()
    wait(browser, "const f = document.getElementById('frame'); return f.contentDocument && f.contentDocument.getElementById('next') "
                  "&& f.contentDocument.title.includes('loss')")
    browser.driver.switch_to.frame(browser.find("#frame"))
    before = browser.text("#position")
    browser.find("#next").click()
    assert browser.text("#position") != before
    browser.driver.switch_to.default_content()
    assert browser.errors() == []


def test_wrong_settings_are_said(page):
    browser, _ = page
    browser.run("const a = document.getElementById('hidden'); a.value = '9999'; a.dispatchEvent(new Event('change'))")
    wait(browser, "return !document.getElementById('message').hidden")
    assert "widths from 1 to" in browser.text("#message")
    browser.find("#language").click()
    browser.run("document.getElementById('hidden').value = '8,8'")
    for bad in ("0", "abc", "-1"):
        browser.run("const a = document.getElementById('lr'); a.value = arguments[0]; a.dispatchEvent(new Event('change'))", bad)
        wait(browser, "return document.getElementById('message').textContent.startsWith('学习率：')")
    browser.run("const a = document.getElementById('lr'); a.value = '0.5'; a.dispatchEvent(new Event('change'))")
    wait(browser, "return document.getElementById('message').hidden")
    assert page[1].session.lr == 0.5


def test_languages_width_and_axe(page):
    browser, server = page
    browser.find("#language").click()
    assert browser.text("#run") == "训练"
    assert browser.run("return document.documentElement.lang") == "zh-CN"
    browser.find("#language").click()
    browser.find("#once").click()
    wait(browser, "return document.getElementById('numbers').textContent.startsWith('step 1,')")
    browser.size(320, 900)
    assert browser.run("return document.documentElement.scrollWidth") <= 320
    browser.picture(f"play-{server.session.problem.name}-320")
    browser.size(1280, 1000)
    assert browser.errors() == []
    browser.run("document.querySelector('[http-equiv]')")
    assert browser.violations() == []
