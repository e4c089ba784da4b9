"""The playground in a browser without a network: its answers are the command's, and strangers' links do nothing."""

from __future__ import annotations

import base64
import json
import shutil

import pytest
from playwright.sync_api import sync_playwright
from support.processes import ROOT, here
from support.report_browser import find
from support.site import OFFLINE, SITE, Watched, served, why_not

pytestmark = [
    pytest.mark.skipif(find() is None, reason="no Chromium or Chrome on the path"),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]

GOLDEN = ROOT / "tests" / "golden"
READY = "#ltdsl-playground[data-ready]"

#: Asks about all recipes, one after another.
ASK = """async ([recipes, files]) => {
  const { tell } = window.ltdslPlayground;
  const answers = {};
  for (const [name, text] of recipes) {
    answers[name] = [await tell("answer", text, name, files), await tell("fixed", text, name)];
    files = undefined;
  }
  return answers;
}"""


FORGET = """async () => {
  for (const name of await caches.keys()) await caches.delete(name);
}"""

#: How many files are kept.
KEPT = """async () => {
  const all = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
  return (await Promise.all(all.map((each) => each.keys()))).flat().length;
}"""

#: Waits until what keeps files is there.
SERVICE = """async () => {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await navigator.serviceWorker.getRegistration("playground/");
    if (found?.active) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("no service worker");
}"""


@pytest.fixture(scope="module")
def site():
    with served(SITE) as found:
        yield found


@pytest.fixture(scope="module")
def context(site):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=OFFLINE)
        yield browser.new_context()
        browser.close()


@pytest.fixture(scope="module")
def visit(context, site):
    """Opens the playground, and waits for its first answer; nothing else may have happened by the end."""
    seen = []

    def call(fragment: str = ""):
        page = context.new_page()
        seen.append(Watched(page, site[0]))
        page.goto(f"{site[0]}playground.html{fragment}")
        page.wait_for_selector(READY, state="attached", timeout=120_000)
        return page

    yield call
    assert [watched.trouble for watched in seen] == [[] for _ in seen]


@pytest.fixture(scope="module")
def page(visit):
    """One for all tests, as starting takes longer than they do."""
    return visit()


def follow(page, fragment: str) -> None:
    page.evaluate("fragment => { location.hash = fragment }", fragment)


def link_of(text: str) -> str:
    return "#recipe=" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def write(page, text: str) -> None:
    page.fill("[data-part=editor]", text)
    page.wait_for_selector(READY, state="detached")
    page.wait_for_selector(READY, state="attached", timeout=60_000)


def golden_recipes(folder):
    """All of them, in a folder of their own, by name; as text that reads as UTF-8."""
    for path in sorted(GOLDEN.rglob("*.lt")):
        name = path.relative_to(GOLDEN).as_posix()
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        yield name, path.read_bytes().decode("utf-8")


def test_answers_are_those_of_the_commands(page, tmp_path):
    recipes = list(golden_recipes(tmp_path))
    assert len(recipes) > 100
    answers = page.evaluate(ASK, [recipes, dict(recipes)])
    planned = 0
    for name, text in recipes:
        answer, fixed = answers[name]
        checked = json.loads(here("check", "--format", "json", name, folder=tmp_path).stdout)
        found = [{**each, "recipe": name} for each in answer["diagnostics"]]
        assert [without(each, "safe") for each in found] == checked["diagnostics"], name
        failed = any(each["severity"] == "error" for each in found)
        assert (answer["plan"] is None) == failed, name
        if not failed:
            planned += 1
            the_same_plan(answer["plan"], name, tmp_path)
        the_same_layout(answer["formatted"], text, name, tmp_path)
        mended(fixed, text, name, tmp_path)
    assert planned > 40


def without(found: dict, name: str) -> dict:
    return {key: value for key, value in found.items() if key != name}


def the_same_plan(plan, name, folder):
    assert plan["json"] == here("plan", "--emit", "plan", name, folder=folder).stdout
    shown = here("plan", name, folder=folder).stdout
    assert shown.splitlines()[-1] == f"hash {plan['hash']}", name
    flat = "".join(shown.split())
    assert [line for line in plan["headline"] if "".join(line.split()) not in flat] == [], name
    labels = [row[0] for row in plan["rows"]]
    assert [label for label in labels if f"\n{label} " not in shown] == [], name


def the_same_layout(formatted, text, name, folder):
    path = folder / name
    done = here("fmt", name, folder=folder)
    assert (formatted is None) == (done.returncode == 1), name
    assert formatted in (None, path.read_text(encoding="utf-8")), name
    path.write_text(text, encoding="utf-8", newline="")


def mended(fixed, text, name, folder):
    path = folder / name
    here("check", "--fix", name, folder=folder)
    after = path.read_text(encoding="utf-8")
    assert fixed in (None, after), name
    assert fixed is not None or after == text, name
    path.write_text(text, encoding="utf-8", newline="")


def test_a_slip_is_found_mended_and_linked(page):
    page.set_viewport_size({"width": 1280, "height": 900})
    write(page, "stage1: input_mixpu\nstage2:   cam_bs @ 80%\n")
    assert page.inner_text("[data-part=summary]") == "1 error"
    assert page.locator("[data-part=marks] mark.error").inner_text() == "input_mixpu"
    explained = page.locator("[data-part=problems] a").get_attribute("href")
    assert explained == "diagnostics.html#lt102-unknown-trick"
    page.click("[data-part=problems] .fix")
    page.wait_for_selector("[data-part=summary]:text-is('no problems')")
    page.click("[data-part=format]")
    text = "stage1: input_mixup\nstage2: cam_bs @ 80%\n"
    assert page.input_value("[data-part=editor]") == text
    page.wait_for_selector(READY, state="attached")
    assert "160 to 199 (40)" in page.inner_text("[data-part=stages]")
    page.click("[data-part=link]")
    assert page.url.endswith(link_of(text))
    page.select_option("[data-part=examples]", label="own_images.lt")
    page.wait_for_selector("[data-part=headline]:has-text('image_folder')")
    follow(page, link_of("stage1: ce\n"))
    page.wait_for_selector(READY, state="attached")
    assert page.input_value("[data-part=editor]") == "stage1: ce\n"
    write(page, "stage1: cee\n")
    page.click("[data-part=fix]", force=True)  # nothing in it is safe
    assert page.is_disabled("[data-part=fix]")
    write(page, "stage1: input_mixpu\n")
    page.click("[data-part=fix]")
    page.wait_for_selector("[data-part=summary]:text-is('1 piece of advice')")
    assert page.input_value("[data-part=editor]") == "stage1: input_mixup\n"


def test_an_answer_to_another_text_changes_nothing(page):
    write(page, "stage1:   input_mixpu\n")
    newer = "# typed since\nstage1:   ce\n"
    typed = """text => {
      const editor = document.querySelector("[data-part=editor]");
      const buttons = [...document.querySelectorAll("[data-part=format], [data-part=fix], .fix")];
      document.querySelector("[data-part=fix]").click();  // its answer comes after what follows
      editor.value = text;
      for (const button of buttons) button.click();  // no event has told the page
      const unchanged = editor.value === text;
      editor.dispatchEvent(new Event("input"));
      return [unchanged, buttons.map((button) => button.disabled)];
    }"""
    assert page.evaluate(typed, newer) == [True, [True, True, True]]
    page.wait_for_selector(READY, state="attached", timeout=60_000)
    assert page.input_value("[data-part=editor]") == newer
    page.click("[data-part=format]")
    assert page.input_value("[data-part=editor]") == "# typed since\nstage1: ce\n"


HOSTILE = [
    "<img src=x onerror=alert(1)>: ce\n",
    "a: ce # </script><script>alert(1)</script>\n",
    "use \"<iframe src='javascript:alert(1)'>\"\na: `<svg onload=alert(1)>`\n",
    "é\u202e\u0000𝒳: <b>inp\nut</b>",
    "a: " + "(" * 5000,
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_strangers_links_are_text(page, scheme):
    page.set_viewport_size({"width": 390, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for text in HOSTILE:
        follow(page, link_of(text))
        page.wait_for_function(
            "text => document.querySelector('[data-part=editor]').value === text", arg=text
        )
        page.wait_for_selector(READY, state="attached", timeout=60_000)
        assert page.locator("#ltdsl-playground :is(img, script, iframe, svg, b b)").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for fragment in ("#recipe=%%%", "#recipe=_w", "#recipe=" + "A" * 5, "#recipe=<script>"):
        follow(page, fragment)
        page.wait_for_selector("[data-part=link-note]:has-text('no recipe')")
        page.evaluate("document.querySelector('[data-part=link-note]').textContent = ''")


#: What would happen if a text became HTML all the same: whether its script has run, and what the page's policy refused.
SECOND_LOCK = """async () => {
  const refused = [];
  document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(script);
  await fetch("https://example.org/").catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  return [window.ran === true, refused];
}"""


def test_what_gets_in_all_the_same_neither_runs_nor_asks_others(context, site):
    page = context.browser.new_context(service_workers="block").new_page()
    page.route("**/worker.js*", lambda route: route.abort())
    page.goto(f"{site[0]}playground.html")
    assert page.evaluate(SECOND_LOCK) == [False, ["script-src-elem", "connect-src"]]
    page.close()


def test_later_visits_ask_for_none_of_it_again(page, visit, site):
    page.evaluate(SERVICE)
    page.evaluate(FORGET)  # the service may have been there before the first page's files were
    scope = f"{site[0]}playground/"
    older = f"ltdsl-playground {scope} 0123456789ab"
    elsewhere = f"ltdsl-playground {site[0]}0.1.0/playground/ 0123456789ab"
    page.evaluate(
        "names => Promise.all(names.map((name) => caches.open(name)))", [older, elsewhere]
    )
    visit()
    before = len(site[1])
    visit(link_of("a: ce"))
    assert [path for path in site[1][before:] if path.endswith((".wasm", ".bin", ".zip"))] == []
    names = page.evaluate("caches.keys()")
    assert elsewhere in names
    assert older not in names
    assert len([name for name in names if name.startswith(f"ltdsl-playground {scope} ")]) == 1


@pytest.mark.parametrize("broken", ["Cache.prototype.put", "CacheStorage.prototype.open"])
def test_where_nothing_can_be_kept_it_works_all_the_same(page, visit, context, broken):
    page.evaluate(SERVICE)
    page.evaluate(FORGET)
    (worker,) = context.service_workers
    worker.evaluate(
        f"self.whole = {broken}; {broken} = async () => {{ throw new Error('full') }}; null"
    )
    visit()
    worker.evaluate(f"{broken} = self.whole; null")
    assert page.evaluate(KEPT) == 0


def test_what_cannot_be_loaded_is_said(context, site):
    page = context.browser.new_context(service_workers="block").new_page()
    page.route("**/packages.bin", lambda route: route.abort())
    page.goto(f"{site[0]}playground.html")
    page.wait_for_selector("[data-part=status].failed", timeout=60_000)
    said = page.inner_text("[data-part=status]")
    assert said.startswith("ltdsl could not be started here: ")
    assert "Traceback" not in said
    # what was computed when the site was built is there all the same
    assert page.inner_text("[data-part=summary]") == "1 piece of advice"
