"""Reports as their readers see them: in a real browser."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from support.report import RECIPE, make_run, plan_of, with_classes
from support.report_browser import QUIET, find, opened

from ltdsl.report import write_report

pytestmark = pytest.mark.skipif(
    find() is None, reason="no Chromium or Chrome on the path to open reports with"
)

CLASSES = 8142

#: Names that strangers may give their classes.
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</script><script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "]]>--><!--",
    "مرحبا بالعالم",
    "‮gnp.exe",
    "x" * 3000,
    "\ud800 half\0",
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("reports") / "run")
    return write_report([run])


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    for seed in (1, 2):
        make_run(folder / f"a{seed}", RECIPE, seed)
        make_run(folder / f"b{seed}", RECIPE.replace("cs_ce", "ce"), seed)
    return write_report([folder], folder / "comparison.html")


@pytest.fixture(scope="module")
def huge(tmp_path_factory):
    rng = random.Random(0)
    counts = [max(2, int(1000 * 500 ** (-c / (CLASSES - 1)))) for c in range(CLASSES)]
    names = [f"{rng.randrange(10**9):x} sylvestris {c}" for c in range(CLASSES)]
    run = tmp_path_factory.mktemp("huge") / "run"
    make_run(run, plan=with_classes(plan_of(), counts), names=names, tested=3)
    return write_report([run])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    run = make_run(
        tmp_path_factory.mktemp("hostile") / "<b onclick=alert(1)>run",
        text="a: ce # </code><script>alert(1)</script>\nb: <img src=x onerror=alert(1)>",
        plan=plan_of(),
        names=HOSTILE,
        changes=["<script>alert(1)</script>"],
        platform="<iframe src=https://example.org>",
        status="finished",
    )
    return write_report([run])


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
@pytest.mark.parametrize("which", ["report", "comparison", "huge", "hostile"])
def test_nothing_is_fetched_or_wrong_and_the_page_fits(browser, request, which, width, dark):
    with opened(browser, request.getfixturevalue(which), width, dark) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        drawn = page.evaluate("document.querySelectorAll('[data-chart] svg').length")
        shown = page.evaluate(
            "[...document.querySelectorAll('[data-chart]')].filter(p => !p.closest('[hidden]')).length"
        )
        assert drawn == shown > 3


#: WCAG 2: contrast of every piece of text with what is behind it, which must be 4.5, or 3 for large text.
CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (colour, over) => {
    canvas.fillStyle = over; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (c) => {
    const [r, g, b] = c.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return "white";
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("script, noscript, style, [hidden], .mark-rect, .mark-text")) continue;
    if (![...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [luminance(rgb(colour, back)), luminance(rgb(back, "white"))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) poor.push([element.outerHTML.slice(0, 90), ratio]);
  }
  return poor;
}"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("which", ["report", "comparison"])
def test_text_can_be_read(browser, request, which, dark):
    with opened(browser, request.getfixturevalue(which), dark=dark) as page:
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (light == "rgb(255, 255, 255)") is not dark
        assert page.evaluate(CONTRAST) == []


def test_whoever_sees_nothing_is_told(browser, report):
    with opened(browser, report) as page:
        unnamed = page.evaluate(
            """[...document.querySelectorAll('[data-chart] svg, .gallery svg, table, input, button')].filter(e =>
            !(e.getAttribute('aria-label') || e.closest('[aria-label]') || e.textContent || e.labels?.length)).length"""
        )
        assert unnamed == 0
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
        assert levels[0] == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"


def rows(page):
    return page.locator("[data-table] tbody tr").all_inner_texts()


def test_classes_are_searched_and_sorted(browser, huge):
    assert huge.stat().st_size < 2_000_000
    with opened(browser, huge) as page:
        assert "10 of 8,142" in page.locator("[data-table] output").inner_text()
        assert [row.split("\t")[1] for row in rows(page)][:1] == ["1,000"]
        page.fill("[data-table] input", "SYLVESTRIS 4711")
        found = rows(page)
        assert len(found) == 1
        assert "sylvestris 4711" in found[0]
        page.fill("[data-table] input", "")
        page.locator("[data-table] th button", has_text="training").press("Enter")
        assert [row.split("\t")[1] for row in rows(page)] == ["2"] * 10
        sort = page.locator("[data-table] th", has_text="training").get_attribute("aria-sort")
        assert sort == "ascending"
        page.locator("[data-table] .more").click()
        assert len(rows(page)) == 110
        page.fill("[data-table] input", "no such class")
        assert rows(page) == []


def test_charts_and_tables_can_be_taken_away(browser, huge):
    with opened(browser, huge, accept_downloads=True) as page:
        for place, name, start in (
            ("[data-csv]", "classes.csv", '"class","training images","test images"'),
            ("[data-mistakes=last] .take", "mistakes.csv", '"true","taken for","images"'),
            ("[data-svg=accuracy-last]", "accuracy-last.svg", "<svg xmlns="),
        ):
            with page.expect_download() as download:
                page.locator(place).click()
            assert download.value.suggested_filename == name
            text = Path(download.value.path()).read_text(encoding="utf-8")
            assert text.startswith(start)
            assert "var(--" not in text
        page.fill("[data-mistakes=last] input", "no such class")
        assert page.locator("[data-mistakes=last] tbody tr").count() == 0


def test_each_recipe_can_be_the_one_that_others_are_held_against(browser, comparison):
    with opened(browser, comparison, 390) as page:
        assert page.locator("[data-which=A]").first.is_visible()
        page.locator("[data-show=B]").click()
        assert page.locator("[data-which=B]").first.is_visible()
        assert not page.locator("[data-which=A]").first.is_visible()


def test_the_figures_that_count_are_seen_on_a_phone(browser, report):
    with opened(browser, report, 390) as page:
        table = page.locator("#results table")
        assert table.evaluate("t => t.scrollWidth <= t.parentElement.clientWidth")
        assert "few" in table.inner_text()


def test_the_best_epoch_is_shown_when_asked_for(browser, report):
    with opened(browser, report) as page:
        last, best = (page.locator(f"[data-which={key}]").first for key in ("last", "best"))
        assert last.is_visible()
        assert not best.is_visible()
        page.locator("[data-show=best]").click()
        assert best.is_visible()
        assert not last.is_visible()
        page.wait_for_selector("[data-chart=confusion-best] svg")


def test_a_point_says_what_it_is(browser, report):
    with opened(browser, report) as page:
        page.locator("[data-chart=accuracy-last] .mark-symbol path").nth(3).hover()
        page.wait_for_selector("#vg-tooltip-element.visible")
        said = page.locator("#vg-tooltip-element").inner_text()
        assert "class" in said
        assert "training images" in said


def test_hostile_names_stay_text(browser, hostile):
    text = hostile.read_text(encoding="utf-8")
    assert text.count("<script>") == 2  # the library and the page's own
    with opened(browser, hostile) as page:
        table = page.locator("[data-table]").inner_text()
        for name in HOSTILE[:8]:
            assert name in table
        assert "x" * 199 + "…" in table
        # few classes are named below their points, by an expression
        assert "{{ 7 * 7 }}" in page.locator("[data-chart=accuracy-last]").text_content()
        assert page.locator("h1 b, iframe, img, [onload], [onerror], [onclick]").count() == 0
        for point in page.locator("[data-chart=accuracy-last] .mark-symbol path").all()[:2]:
            point.hover()
            page.wait_for_selector("#vg-tooltip-element.visible")
            assert page.locator("#vg-tooltip-element :is(script, img, svg)").count() == 0


def test_it_can_be_read_without_scripts_and_on_paper(browser, report):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert "Charts need JavaScript" in page.locator("noscript").inner_text()
    assert page.locator("#results table").is_visible()
    context.close()
    with opened(browser, report, dark=True) as page:
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") in (
            "rgb(255, 255, 255)",
            "rgba(0, 0, 0, 0)",
        )
        first = "getComputedStyle(document.documentElement).getPropertyValue('--series-1')"
        assert page.evaluate(first).strip() == "#0062a3"  # that of the light, on white paper
        assert not page.locator("nav").is_visible()
        assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_a_large_matrix_is_looked_at_closely_by_name(browser, tmp_path):
    counts = [1000 - 20 * c for c in range(43)]
    names = [f"sign {c:02}" for c in range(43)]
    run = make_run(tmp_path / "run", plan=with_classes(plan_of(), counts), names=names, tested=20)
    path = write_report([run])
    for width in (390, 1280):
        for dark in (False, True):
            with opened(browser, path, width, dark) as page:
                root = page.locator("[data-mistakes]:visible")
                rows = root.locator(".closeup tbody tr")
                assert 2 <= rows.count() <= 16
                root.locator("input").fill("sign 07")
                assert "sign 07" in root.locator(".closeup tbody th").all_inner_texts()
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                labels = page.locator("[data-chart^=accuracy]:visible svg text").all_text_contents()
                # upright names, where they find room
                assert ("sign 41" in labels) == (width == 1280)
