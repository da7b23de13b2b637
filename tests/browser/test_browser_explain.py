"""The page of explain in a real browser: steps, keys, folding, languages, numbers, accessibility. `make browser` runs it."""
from __future__ import annotations

import pytest
from browser.chromium import Browser, required

import tinygrad_c as torch
from tinygrad_c import nn
from tinygrad_c.explain import explain, recording


@pytest.fixture(scope="module")
def browser():
    required()
    made = Browser()
    yield made
    made.close()


def first_tutorial():
    with recording() as e:
        w = torch.tensor(2.0, requires_grad=True)
        b = torch.tensor(1.0, requires_grad=True)
        x = torch.tensor(3.0)
        y_true = torch.tensor(8.0)
        for _ in range(2):
            y_pred = w * x + b
            loss = (y_pred - y_true) ** 2
            loss.backward()
            with torch.no_grad():
                w -= 0.1 * w.grad
                b -= 0.1 * b.grad
            w.grad.zero_()
            b.grad.zero_()
    return e


def two_layers():
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 10).unsqueeze(1)
    y = 2 * x + 3
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    loss = nn.MSELoss()(model(x), y)
    return explain(loss)


def digits_net():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid(), nn.Linear(64, 10))
    x, target = torch.rand(32, 28, 28), torch.rand(32, 10)
    loss = nn.MSELoss()(model(x), target)
    return explain(loss)


def trouble():
    a = torch.tensor([-1.0, 4.0], requires_grad=True)
    loss = (a.sqrt() * 2).sum()
    return explain(loss)


def used_twice():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    w.grad = torch.tensor([1.0, 1.0])
    x = torch.ones(3, 2)
    h = x * w
    loss = (h * h + h).sum()
    return explain(loss)


PAGES = {each.__name__: each for each in (first_tutorial, two_layers, digits_net, trouble, used_twice)}


def load(browser, tmp_path, name, lang=None):
    e = PAGES[name]()
    e.save(tmp_path / f"{name}.html", lang)
    browser.open(tmp_path / f"{name}.html")
    return e


def position(browser) -> tuple[int, int]:
    i, _, n = browser.text("#position").split(" · ")[0].partition(" of ")
    return int(i), int(n)


@pytest.mark.parametrize("name", PAGES)
def test_forward_and_back_by_buttons_and_keys(browser, tmp_path, name):
    load(browser, tmp_path, name)
    first, count = position(browser)
    assert first == 1
    assert browser.find("#previous").get_attribute("disabled")
    for _ in range(count - 1):
        browser.find("#next").click()
    assert position(browser) == (count, count)
    assert not browser.find("#next").is_enabled()
    browser.picture(f"{name}-last")
    browser.find("h1").click()
    for _ in range(count - 1):
        browser.press("ARROW_LEFT")
    assert position(browser) == (1, count)
    browser.press("ARROW_RIGHT", "ARROW_DOWN")
    assert position(browser) == (3, count)
    browser.press("END")
    assert position(browser)[0] == count
    browser.press("HOME")
    assert position(browser)[0] == 1
    assert browser.errors() == []


@pytest.mark.quick
def test_the_numbers_are_those_of_the_program(browser, tmp_path):
    e = load(browser, tmp_path, "first_tutorial")
    one = e.passes[0]
    for step in one["steps"]:
        assert f"= {step['equals']:g}" in browser.text("#step")
        assert f"{one['values'][step['output']]['numbers']['data']:g}" in browser.text("#step .scalar.value")
        assert browser.text("#lines [data-current] code") == one["lines"][step["line"]]["text"]
        browser.find("#next").click()
    for back in one["backward"]:
        panel = browser.text("#step")
        for give in back["gives"]:
            assert give["formula"] in panel
            assert f"= {give['equals']:g}" in panel or f"{give['equals']:g}" in panel
        assert browser.text("#step .scalar.gradient") == f"{back['gradient']['data']:g}"
        browser.find("#next").click()
    assert [each.text for each in browser.all(".landing .scalar")] == ["None", "-6", "-6", "None", "-2", "-2"]


def test_zeroing_and_updating_between_passes(browser, tmp_path):
    load(browser, tmp_path, "first_tutorial")
    browser.run("const s = document.getElementById('which'); s.value = '1'; s.dispatchEvent(new Event('change'))")
    text = browser.text("#step")
    assert "w was changed: 2 -> 2.6" in text
    assert "w.grad was zeroed: -6 before, 0 now" in text
    assert browser.errors() == []


@pytest.mark.quick
def test_why_a_gradient_is_summed(browser, tmp_path):
    load(browser, tmp_path, "used_twice")
    browser.press("END")
    text = browser.text("#step")
    assert "backward() adds to .grad" in text
    assert [each.text for each in browser.all(".landing td")] == ["1", "1", "9", "15", "10", "16"]
    browser.press("ARROW_LEFT")
    text = browser.text("#step")
    assert "h was used 3 times: the gradients are added" in text
    assert "w was broadcast from [2]: the gradient is summed over dim [0]" in text


@pytest.mark.quick
def test_modules_fold_and_open(browser, tmp_path):
    load(browser, tmp_path, "two_layers")
    boxes = len(browser.all(".box"))
    browser.find("#fold-all").click()
    folded = browser.all(".box")
    assert len(folded) < boxes
    group = browser.find('.box.group[aria-label*="model"]')
    assert group.get_attribute("aria-expanded") == "false"
    browser.run("arguments[0].focus()", group)
    browser.press("ENTER")
    assert len(browser.all(".box")) > len(folded)
    browser.find("#open-all").click()
    assert len(browser.all(".box")) == boxes
    browser.find('#groups button[aria-expanded="true"]').click()
    assert len(browser.all(".box")) < boxes
    assert browser.errors() == []


def test_a_box_leads_to_its_step(browser, tmp_path):
    load(browser, tmp_path, "two_layers")
    browser.find('.box[aria-label*="mse_loss"], .box[data-box="s3"]').click()
    assert position(browser)[0] == 4
    browser.press("END")
    browser.find('.box[data-box="s1"]').click()
    assert "∂" not in browser.text("#step h2")
    assert "Backward pass" in browser.text("#position")
    assert browser.text("#step h2").startswith("t2 = relu(t1)")


@pytest.mark.quick
def test_languages(browser, tmp_path):
    load(browser, tmp_path, "two_layers")
    assert browser.run("return document.documentElement.lang") == "en"
    browser.find("#language").click()
    assert browser.run("return document.documentElement.lang") == "zh-CN"
    assert "前向传播" in browser.text("#position")
    numbers = browser.text("#step")
    assert "代入数字" in numbers
    browser.find("#language").click()
    assert "Forward pass" in browser.text("#position")
    load(browser, tmp_path, "two_layers", lang="zh")
    assert browser.text("#next") == "下一步"
    assert browser.errors() == []


def test_the_language_of_the_browser(tmp_path):
    required()
    browser = Browser(lang="zh-CN")
    try:
        load(browser, tmp_path, "two_layers")
        assert browser.text("#next") == "下一步"
        browser.picture("two_layers-zh")
    finally:
        browser.close()


def test_where_nan_begins_is_one_click_away(browser, tmp_path):
    load(browser, tmp_path, "trouble")
    assert len(browser.all("#notes button")) == 2
    browser.press("END")
    browser.find("#notes button").click()
    assert position(browser)[0] == 1
    assert "NaN" in browser.text(".box.bad")
    browser.picture("trouble")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_any_width_light_and_dark(tmp_path, width, dark):
    required()
    browser = Browser(width, 900, dark)
    try:
        for name in PAGES:
            load(browser, tmp_path, name)
            browser.find("#next").click()
            browser.find("#next").click()
            assert browser.run("return document.documentElement.scrollWidth") <= width, name
            browser.picture(f"{name}-{width}-{'dark' if dark else 'light'}")
            assert browser.errors() == []
    finally:
        browser.close()


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(tmp_path, dark):
    required()
    browser = Browser(1280, 900, dark)
    try:
        for name in PAGES:
            load(browser, tmp_path, name)
            count = position(browser)[1]
            for where in ("HOME", *["ARROW_RIGHT"] * (count - 1)):
                browser.press(where)
                if where == "HOME" or position(browser)[0] in (count // 2 + 1, count):
                    assert browser.violations() == [], (name, position(browser))
    finally:
        browser.close()


def test_everything_by_keyboard(browser, tmp_path):
    """Tab reaches each control, and what has the focus can be seen."""
    load(browser, tmp_path, "two_layers")
    seen = []
    for _ in range(40):
        browser.press("TAB")
        seen.append(browser.run("return document.activeElement.id || document.activeElement.getAttribute('data-box')"))
        if seen[-1] == "next":
            assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert {"language", "theme", "next", "play", "slider", "lines", "graph-scroll", "s0"} <= set(seen)


def test_dark_and_light_by_button(browser, tmp_path):
    load(browser, tmp_path, "two_layers")
    paper = "return getComputedStyle(document.body).backgroundColor"
    before = browser.run(paper)
    browser.find("#theme").click()
    assert browser.run(paper) != before
    browser.find("#theme").click()
    assert browser.run(paper) == before


def test_playing(browser, tmp_path):
    load(browser, tmp_path, "first_tutorial")
    browser.find("#play").click()
    assert browser.find("#play").get_attribute("aria-pressed") == "true"
    browser.driver.implicitly_wait(0)
    from selenium.webdriver.support.ui import WebDriverWait
    WebDriverWait(browser.driver, 10).until(lambda _: position(browser)[0] >= 3)
    browser.find("#play").click()
    assert browser.find("#play").get_attribute("aria-pressed") == "false"


def test_ten_thousand_steps_do_not_freeze_the_page(browser, tmp_path):
    x = torch.tensor(1.0, requires_grad=True)
    for _ in range(10_000):
        x = x * 1.0001
    explain(x).save(tmp_path / "long.html")
    browser.open(tmp_path / "long.html")
    assert len(browser.all(".box")) < 100
    took = browser.run("const t = performance.now(); for (let i = 0; i < 50; i++) document.getElementById('next').click();"
                       "return (performance.now() - t) / 50")
    assert took < 200           # milliseconds a step; 10 to 20 on an idle machine
    assert position(browser) == (51, 20_001)
    browser.press("END")
    assert position(browser)[0] == 20_001
    browser.find(".box.group").click()
    assert len(browser.all(".box")) < 200
    assert browser.errors() == []
