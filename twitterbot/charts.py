"""Line charts as SVG, for a web page that brings no library: their colours are the page's CSS."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 440, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 14, 12, 38

Point = tuple[float, float]
Tick = tuple[float, str]  # where, and what stands there


@dataclass(frozen=True)
class Series:
    """One line; `style` is its CSS class."""

    style: str
    points: Sequence[Point]
    dots: bool = False


def lines(
    description: str,
    series: Sequence[Series],
    x_ticks: Sequence[Tick],
    y_ticks: Sequence[Tick],
    x_label: str = "",
    rule: Tick | None = None,
) -> str:
    """A chart whose axes run from the first tick to the last; `rule` is a vertical line."""
    x = _scale(x_ticks, _LEFT, WIDTH - _RIGHT)
    y = _scale(y_ticks, HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(description)}">'
    ]
    for value, label in y_ticks:
        parts.append(f'<path class="grid" d="M{_LEFT} {y(value):.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 8, y(value) + 4, label, "end"))
    for value, label in x_ticks:
        parts.append(_text(x(value), HEIGHT - _BOTTOM + 18, label, "middle"))
    parts.append(_text(WIDTH - _RIGHT, HEIGHT - 3, x_label, "end", "axis"))
    if rule:
        parts.append(f'<path class="rule" d="M{x(rule[0]):.1f} {_TOP}V{HEIGHT - _BOTTOM}"/>')
        parts.append(_text(x(rule[0]) + 6, _TOP + 10, rule[1], "start", "axis"))
    for line in series:
        places = [(x(a), y(b)) for a, b in line.points]
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
        parts.append(f'<path class="line {line.style}" d="M{path}"/>')
        for a, b in places if line.dots else ():
            parts.append(f'<circle class="dot {line.style}" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>')
    return "".join([*parts, "</svg>"])


class _scale:  # noqa: N801 (used like a function)
    """Values of an axis to places on the page."""

    def __init__(self, ticks: Sequence[Tick], start: float, end: float) -> None:
        self._first, self._start = ticks[0][0], start
        self._factor = (end - start) / ((ticks[-1][0] - ticks[0][0]) or 1)

    def __call__(self, value: float) -> float:
        return self._start + (value - self._first) * self._factor


def _text(x: float, y: float, text: str, anchor: str, style: str = "tick") -> str:
    return (
        f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def round_ticks(low: float, high: float, form: str, most: int = 5) -> list[Tick]:
    """Ticks at round values from at or under `low` to at or over `high`, about `most` of them."""
    rough = max(high - low, 1e-6) / (most - 1)
    power = 1.0
    while power > rough:
        power /= 10
    while power * 10 <= rough:
        power *= 10
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = int(low // step)
    last = -int(-high // step)
    return [(n * step, format(n * step, form)) for n in range(first, max(last, first + 1) + 1)]
