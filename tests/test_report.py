"""The report page: whole, escaped, readable without a network, by mouse and by keyboard."""

import dataclasses
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from twitterbot.charts import Series, lines, round_ticks
from twitterbot.evaluate import Evaluation, Sampled
from twitterbot.novelty import CopyFilter
from twitterbot.report import page
from twitterbot.text import LINK, MENTION

_VOID = {"meta", "br", "path", "circle"}


class Reader(HTMLParser):
    """Reads a page strictly: collects its texts by element and checks that all elements close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def text(self) -> str:
        return "".join(text for element, text in self.texts if element not in ("style", "script"))


def with_sample(evaluation: Evaluation, text: str, *training: str, **changes: Any) -> Evaluation:
    """An evaluation whose only sample is `text`."""
    sample = Sampled(text, None, False, CopyFilter(training).nearest(text))
    return dataclasses.replace(evaluation, samples=[sample], **changes)


def test_the_page_tells_every_number(evaluation: Evaluation) -> None:
    text = Reader(page(evaluation)).text()
    for score in (evaluation.scores.alone, evaluation.scores.in_context):
        assert f"{score.base:.3f}" in text
        assert f"{score.finetuned:.3f}" in text
    for trait in evaluation.likeness.traits:
        assert trait in text
    assert f"{evaluation.copying.sampled.copies * 100:.1f} %" in text
    assert "milla, tarn" in text
    assert "nan" not in text.split()


def test_the_page_needs_nothing_beside_it(evaluation: Evaluation) -> None:
    html = page(evaluation)
    reader = Reader(html)
    assert {name for _, name, _ in reader.attributes}.isdisjoint({"src", "href", "onclick"})
    assert "url(" not in html
    assert "@import" not in html
    assert not re.search(r"https?://", html)
    assert len(re.findall("<script", html)) == 1


def test_what_users_and_models_write_is_text(evaluation: Evaluation) -> None:
    hostile = "<img src=x onerror=alert(1)> & </style></script>"
    changed = with_sample(
        evaluation,
        f"{hostile} said {MENTION}, {LINK}",
        f"{hostile} said nobody",
        name=hostile,
        warnings=[hostile],
        base=hostile,
        style=dataclasses.replace(evaluation.style, others=[hostile]),
    )
    reader = Reader(page(changed))
    assert not any(tag == "img" for tag, _, _ in reader.attributes)
    assert (
        reader.text().count(hostile) == 9
    )  # title, heading, facts, warning, others; twice tweet and source
    assert f"{hostile} said @user, link" in reader.text()


def test_shared_runs_are_marked_in_the_tweet_and_in_its_source(evaluation: Evaluation) -> None:
    text = "Nobody saw the QUIET miller of the dale"
    reader = Reader(page(with_sample(evaluation, text, f"Look: {MENTION} the quiet miller sleeps")))
    marks = [text for element, text in reader.texts if element == "mark"]
    assert marks == ["the QUIET miller", "the quiet miller"] * 2  # shown, and among the closest
    described = [value for _, name, value in reader.attributes if name == "aria-describedby"]
    sources = {value for _, name, value in reader.attributes if name == "id"}
    assert set(described) == sources
    assert len(described) == 2
    assert "Look: @user the quiet miller sleeps" in reader.text()


def test_a_tweet_near_to_nothing_has_no_source(evaluation: Evaluation) -> None:
    html = page(with_sample(evaluation, "gull"))
    assert "gull" in html
    assert "Nearest training tweet" not in html


def test_warnings_stand_at_the_top(evaluation: Evaluation) -> None:
    assert 'class="warning"' not in page(evaluation)
    changed = dataclasses.replace(evaluation, warnings=["the timeline has changed"])
    assert '<p class="warning">The timeline has changed.</p>' in page(changed)


# ------------------------------------------------------------------ charts


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (1.32, 1.42), (0, 0.003), (2, 2), (0, 0), (7, 93), (1.9, 12)]
)
def test_ticks_are_round_and_enclose_the_values(low: float, high: float) -> None:
    values = [value for value, _ in round_ticks(low, high, ".2f")]
    assert values[0] <= low + 1e-9
    assert values[-1] >= high - 1e-9
    assert 2 <= len(values) <= 12
    steps = {round(b - a, 9) for a, b in itertools.pairwise(values)}
    assert len(steps) == 1
    assert steps.pop() > 0


def test_points_stand_where_the_axes_say() -> None:
    chart = lines(
        'A "chart"',
        [Series("generated", [(0, 0), (1, 10)], dots=True)],
        [(0, "0"), (1, "one")],
        [(0, "0"), (10, "ten")],
    )
    assert 'aria-label="A &quot;chart&quot;"' in chart
    (x0, y0), (x1, y1) = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', chart)
    assert f'd="M{x0} {y0}L{x1} {y1}"' in chart
    assert float(x0) < float(x1)
    assert float(y0) > float(y1)  # SVG counts from the top


# ------------------------------------------------------------------ in a browser


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_shows_sources_to_mouse_and_keyboard(
    width: int, scheme: str, evaluation: Evaluation, browser: Any, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(evaluation), encoding="utf-8")
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(file.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 380) is (scheme == "light")

    first, second = tab.locator(".sample").nth(0), tab.locator(".sample").nth(1)
    source = first.locator(".source")
    assert not source.is_visible()
    first.hover()
    assert source.is_visible()
    tab.keyboard.press("Escape")
    assert not source.is_visible()
    tab.mouse.move(0, 0)
    first.focus()
    assert source.is_visible()
    tab.keyboard.press("Escape")
    assert not source.is_visible()
    tab.keyboard.press("Tab")
    assert second.locator(".source").is_visible()
    assert complaints == []
    tab.close()
