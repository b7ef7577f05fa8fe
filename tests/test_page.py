"""The page of `serve` in headless Chromium: the whole story, and what must hold all along it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import timeline
from tests.serving import PATIENCE, Server
from twitterbot import tweets
from twitterbot.tweets import Tweet

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

expect = playwright.expect
expect.set_options(timeout=PATIENCE * 1000)

HOSTILE = '<img src=x onerror="window.hurt = true"><b>slug</b>'
LONG = "tomato" * 60
NASTY = [HOSTILE, LONG, "حلزون في الحديقة 🐌", "one\n\n\nfour", ""]

Page = Any  # playwright's; it is not there everywhere


class Pages:
    """Opens servers' pages, and notes what goes wrong on them."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.problems: list[str] = []  # errors on the console, requests to other sites

    def open(self, server: Server, kept: list[dict[str, Any]] | None = None, **look: Any) -> Page:
        """A page that is ready, in a browser of its own that has `kept` in its storage."""
        context = self._browser.new_context(reduced_motion="reduce", **look)
        self._contexts.append(context)
        if kept:
            stored = json.dumps(json.dumps(kept))
            context.add_init_script(f"localStorage.setItem('twitterbot.kept', {stored})")
        page = context.new_page()
        page.on("console", self._read)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self._check(request.url, server))
        page.goto(server.url)
        await_ready(page)
        return page

    def _read(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def _check(self, url: str, server: Server) -> None:
        if not url.startswith((server.url, f"blob:{server.url}", "data:")):
            self.problems.append(f"asked another site: {url}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def await_ready(page: Page) -> None:
    """Until all is shown: what appears later could move a button away from under a click."""
    expect(page.locator("#version")).to_contain_text("twitterbot")


def reload(page: Page) -> None:
    page.reload()
    await_ready(page)


@pytest.fixture
def pages(browser: Any) -> Iterator[Pages]:
    """For pages on which nothing goes wrong."""
    pages = Pages(browser)
    yield pages
    pages.close()
    assert pages.problems == []


@pytest.fixture
def empty(tmp_path: Path, base: Path) -> Iterator[Server]:
    """A server with a small base, and nothing else."""
    shutil.copytree(base, tmp_path / "checkpoints" / "base")
    with Server(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def furnished(
    tmp_path_factory: pytest.TempPathFactory, base: Path, finetuned: Path
) -> Iterator[Server]:
    """A server with tweets, some of them nasty, and a model."""
    folder = tmp_path_factory.mktemp("furnished")
    shutil.copytree(base, folder / "checkpoints" / "base")
    shutil.copytree(finetuned, folder / "checkpoints" / "bramble")
    nasty = [Tweet(str(9000 + number), text) for number, text in enumerate(NASTY)]
    tweets.write(folder / "tweets" / "bramble.jsonl", timeline("bramble", 120) + nasty)
    with Server(folder) as server:
        yield server


KEPT = [{"text": text, "novelty": 0.5, "model": "bramble", "seed": 1} for text in NASTY]


def cards(page: Page) -> Page:
    return page.locator("#cards .card")


def show_kept(page: Page, count: int = len(NASTY)) -> None:
    page.locator(".switch").get_by_text("Kept").click()
    expect(cards(page)).to_have_count(count)


def show_curve(page: Page) -> None:
    page.get_by_text("How it learnt").click()
    expect(page.locator("#models svg.held-out circle").first).to_be_visible()


# ------------------------------------------------------------------ the story


def test_the_whole_story(empty: Server, pages: Pages, tmp_path: Path) -> None:
    page = pages.open(empty, accept_downloads=True)
    expect(page.locator("#timelines-empty")).to_be_visible()
    expect(page.locator("#train-start")).to_be_disabled()
    expect(page.locator("#train-reason")).to_contain_text("no tweets")

    _import(page, tmp_path)
    _train(page)
    reload(page)
    expect(page.locator("#models")).to_contain_text("better than the base")
    _generate(page)
    _export(page)
    _delete(page, tmp_path)


def _import(page: Page, folder: Path) -> None:
    source = folder / "bramble-export.jsonl"
    newest = Tweet("9999", HOSTILE, author="bramble")
    tweets.write(source, [*timeline("bramble", 120), newest])
    page.locator("#import-files").set_input_files(source)
    expect(page.locator("#import-report")).to_contain_text("@bramble now has 121 tweets")
    entry = page.locator("#timelines > li")
    expect(entry.locator(".verdict")).to_contain_text("121 tweets of 121 can be used: few")
    expect(entry.locator(".legend")).to_contain_text("12 newest, held out for the score")
    expect(entry.locator(".quotes p").first).to_have_text(HOSTILE)


def _train(page: Page) -> None:
    page.get_by_text("Settings").click()
    page.get_by_label("Epochs").fill("3")
    page.get_by_label("Learning rate").fill("0.01")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#train-reason")).to_contain_text("in training")
    curve = page.locator("#job svg.held-out")
    expect(curve.locator("circle").nth(1)).to_be_visible()
    expect(curve).to_have_attribute(
        "aria-label", re.compile(r"from \d\.\d+ to .+ The score of base is")
    )
    expect(page.locator("#job")).to_have_attribute("data-state", "done")
    expect(page.locator("#job-message")).to_contain_text("better than the base")
    expect(page.locator("#models > li").first).to_contain_text("bramble")


def _generate(page: Page) -> None:
    page.get_by_label("How many").fill("4")
    page.get_by_label("Beginning").fill("<b>Ah</b>")
    page.get_by_role("button", name="Write 4 tweets").click()
    expect(page.locator("#tally")).to_contain_text("Seed")
    expect(cards(page)).to_have_count(4)
    for card in cards(page).all():
        expect(card.locator(".stamp")).to_have_text("Synthetic")
        expect(card.locator(".text")).to_contain_text("<b>Ah</b>")
        expect(card.locator(".novelty")).to_contain_text("% new")
    card = cards(page).first
    card.get_by_role("button", name="Nearest source").click()
    expect(card.locator("blockquote mark").first).to_be_visible()
    shared = card.locator("blockquote mark").first.text_content()
    expect(card.locator(".text mark").first).to_have_text(shared, ignore_case=True)
    card.get_by_role("button", name="Keep").click()
    reload(page)
    show_kept(page, 1)


def _export(page: Page) -> None:
    text = cards(page).first.locator(".text").text_content()
    exported = {name: _download(page, name) for name in ("Text", "JSONL", "CSV")}
    head, line = exported["Text"].splitlines()
    assert "synthetic" in head
    assert line == " ".join(text.split())
    record = json.loads(exported["JSONL"])
    assert (record["text"], record["synthetic"], record["model"]) == (text, True, "bramble")
    assert exported["CSV"].startswith("text,synthetic,model,seed\n")
    assert ",True,bramble," in exported["CSV"]


def _download(page: Page, name: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).click()
    assert "synthetic" in download.value.suggested_filename
    return Path(download.value.path()).read_text()


def _delete(page: Page, folder: Path) -> None:
    delete = page.get_by_role("button", name="Delete bramble")
    for answer, remaining in (("Keep it", 2), ("Delete the model", 1)):
        delete.click()
        expect(page.get_by_role("dialog")).to_contain_text("Delete the model bramble?")
        expect(page.get_by_role("button", name="Keep it")).to_be_focused()
        page.get_by_role("button", name=answer).click()
        expect(page.locator("#models > li")).to_have_count(remaining)
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["base"]


# ------------------------------------------------------------------ all along


def test_words_from_tweets_stay_words(furnished: Server, pages: Pages) -> None:
    page = pages.open(furnished, KEPT)
    expect(page.locator(".quotes p", has_text="onerror")).to_have_text(HOSTILE)
    show_kept(page)
    assert cards(page).locator(".text").all_text_contents() == NASTY
    assert page.locator(".text *, .quotes p *").count() == 0
    assert page.evaluate("() => window.hurt") is None
    right_to_left = cards(page).nth(2).locator(".text")
    assert right_to_left.evaluate("element => getComputedStyle(element).direction") == "rtl"


@pytest.mark.parametrize("width", [320, 390, 820, 1440])
def test_nothing_is_wider_than_the_window(width: int, furnished: Server, pages: Pages) -> None:
    page = pages.open(furnished, KEPT, viewport={"width": width, "height": 800})
    show_kept(page)
    show_curve(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width


# Of all text that is seen: the least contrast with the nearest background behind it.
CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    const color = parse(getComputedStyle(element).backgroundColor);
    return color.length < 4 ? color : behind(element.parentElement);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const own = light(parse(element.closest("svg") ? style.fill : style.color));
    const [low, high] = [own, light(behind(element))].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), texts.currentNode.data]);
  }
  return found.sort(([a], [b]) => a - b)[0].concat(found.length);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(scheme: str, furnished: Server, pages: Pages) -> None:
    page = pages.open(furnished, KEPT, color_scheme=scheme)
    show_kept(page)
    show_curve(page)
    cards(page).last.get_by_role("button", name="Keep").hover()
    least, text, count = page.evaluate(CONTRAST)
    assert count > 100
    assert least >= 4.5, text


CONTROLS = {"button", "link", "textbox", "combobox", "slider", "spinbutton", "radio", "image"} | {
    "progressbar",
    "DisclosureTriangle",
}


def test_every_control_has_a_name(furnished: Server, pages: Pages) -> None:
    page = pages.open(furnished, KEPT)
    show_kept(page)
    show_curve(page)
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    shown = [node for node in tree if not node["ignored"] and node["role"]["value"] in CONTROLS]
    assert {node["role"]["value"] for node in shown} >= {"button", "link", "slider", "image"}
    assert len(shown) > 40
    assert [node["role"] for node in shown if not node["name"]["value"].strip()] == []


def test_the_keyboard_alone_reaches_everything(furnished: Server, pages: Pages) -> None:
    page = pages.open(furnished)
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.id"))
    wanted = ["import-files", "train-timeline", "train-start", "write-prompt", "write-start"]
    assert [name for name in dict.fromkeys(reached) if name in wanted] == wanted


def test_an_error_stands_beside_what_caused_it(
    furnished: Server, pages: Pages, tmp_path: Path
) -> None:
    page = pages.open(furnished)
    (tmp_path / "nothing.zip").write_bytes(b"PK\5\6" + bytes(18))  # an empty zip
    page.locator("#import-files").set_input_files(tmp_path / "nothing.zip")
    expect(page.locator("#import-problem")).to_contain_text("nothing.zip")
    assert "422" in pages.problems.pop()


def test_it_says_when_the_server_is_gone_and_goes_on_by_itself(
    tmp_path: Path, base: Path, pages: Pages
) -> None:
    shutil.copytree(base, tmp_path / "checkpoints" / "base")
    with Server(tmp_path) as server:
        page = pages.open(server)
    expect(page.locator("#offline")).to_contain_text("does not answer")
    tweets.write(tmp_path / "tweets" / "bramble.jsonl", timeline("bramble", 120))
    with Server(tmp_path, "--port", str(server.port)):
        expect(page.locator("#offline")).to_have_text("")
        expect(page.locator("#timelines")).to_contain_text("@bramble")
        page.goto("about:blank")
    assert all("ERR_" in problem for problem in pages.problems)
    pages.problems.clear()
