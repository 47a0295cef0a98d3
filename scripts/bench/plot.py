"""The plot of all figures kept: bars beside each other, lines on logarithmic axes, as one SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from scripts.bench.line import Line
from scripts.bench.measure import Sample

WIDTH, MARGIN, GAP = 1080, 32, 40
COLUMN = (WIDTH - 2 * MARGIN - GAP) / 2
LETTER, ROW, BAR, HEAD = 6.6, 24, 14, 26  # a letter is no wider than that, most are narrower
LINE_HEIGHT, LINE_HEAD, LINE_LEFT, LINE_FOOT = 180, 46, 70, 40
TICKS_APART = 34
THREE_DIGITS = 100
STYLE = """
:root { color-scheme: light dark }
svg { --ground: #fff; --ink: #1b2733; --soft: #5b6b7a; --rule: #dfe5ea; --ours: #0b7a53;
      --theirs: #a9b6c2; --spread: #33414e }
@media (prefers-color-scheme: dark) {
  svg { --ground: #14191f; --ink: #e6ebf0; --soft: #9aa8b5; --rule: #2b343d; --ours: #35c48d;
        --theirs: #5a6875; --spread: #c3ced8 } }
text { font: 12px system-ui, sans-serif; fill: var(--ink) }
.title { font-size: 14px; font-weight: 600 } .head { font-size: 20px; font-weight: 600 }
.soft { fill: var(--soft) } .end { text-anchor: end } .middle { text-anchor: middle }
.ground { fill: var(--ground) } .ours { fill: var(--ours) } .theirs { fill: var(--theirs) }
.whisker { stroke: var(--spread); stroke-width: 1.3; fill: none }
.halo { stroke: var(--ground); stroke-width: 3.6; stroke-opacity: .75; fill: none }
.rule { stroke: var(--rule); fill: none } .dot { fill: var(--ours) }
.line { stroke: var(--ours); stroke-width: 2; fill: none }
.linear { stroke: var(--soft); stroke-dasharray: 4 4; fill: none }
"""

BARS = (
    "median, least and most of each; less is better, but for shares and what is told by the second"
)
LINES = "median, least and most against how much there is; both axes logarithmic; dashed: linear"


class Panel(NamedTuple):
    """A drawing as high as it says, whose top left corner is 0,0."""

    drawing: str
    height: float


def page(groups: Mapping[str, Mapping[str, Sample]], ours: str, lines: Sequence[Line] = ()) -> str:
    """Return the plot: bars with median, least and most; then lines beside what is linear.

    `ours` is how the names of our own contestants begin.
    """
    bars_ = [bars(title, samples, ours) for title, samples in groups.items()]
    parts, y = [text(MARGIN, 44, "What make bench measured", "head")], 62.0
    for title, panels in ((BARS, bars_), (LINES, [*map(curve, lines)])):
        if panels:
            parts.append(text(MARGIN, y + 10, title, "soft"))
            drawn, y = columns(panels, y + 26)
            parts.append(drawn)
    height = f"{y + MARGIN - GAP / 2:.0f}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
    ground = f'<rect class="ground" width="{WIDTH}" height="{height}"/>'
    opened = f'{head} width="{WIDTH}" height="{height}"><style>{STYLE}</style>'
    return "\n".join([opened, ground, *parts, "</svg>", ""])


def columns(panels: Iterable[Panel], top: float) -> tuple[str, float]:
    """Return panels in two columns, each put where there is more room, and where they end."""
    ends, parts = [top, top], []
    for panel in panels:
        column = ends.index(min(ends))
        x = MARGIN + column * (COLUMN + GAP)
        parts.append(f'<g transform="translate({x:.1f} {ends[column]:.1f})">{panel.drawing}</g>')
        ends[column] += panel.height + GAP / 2
    return "\n".join(parts), max(ends)


def bars(title: str, samples: Mapping[str, Sample], ours: str) -> Panel:
    """Return a bar for each contestant: its median, with least and most as a whisker."""
    most = max(max(sample.values) for sample in samples.values()) or 1.0
    named_ = {name: f"{short(each.median)} {each.unit}" for name, each in samples.items()}
    left = LETTER * max(map(len, named_)) + 10
    scale = (COLUMN - left - LETTER * max(map(len, named_.values())) - 12) / most
    parts, y = [text(0, 14, title, "title")], float(HEAD)
    for name, sample in samples.items():
        least, furthest = (left + edge(sample.values) * scale for edge in (min, max))
        kind, middle = ("ours" if name.startswith(ours) else "theirs"), y + BAR / 2
        size = f'width="{max(sample.median * scale, 1):.1f}" height="{BAR}"'
        parts += [
            text(left - 10, middle + 4, name.strip(), "end"),
            f'<rect class="{kind}" x="{left:.1f}" y="{y:.1f}" {size} rx="2"/>',
            text(furthest + 9, middle + 4, named_[name]),
        ]
        if least < furthest:
            parts.append(whisker(least, furthest, middle))
        y += ROW
    return Panel("\n".join(parts), y)


def whisker(least: float, most: float, y: float) -> str:
    """Return a line from least to most with an end each."""
    ends = "".join(f"M{x:.1f} {y - 4:.1f}v8" for x in (least, most))
    drawn = f"M{least:.1f} {y:.1f}H{most:.1f}{ends}"
    return f'<path class="halo" d="{drawn}"/><path class="whisker" d="{drawn}"/>'


def curve(line: Line) -> Panel:
    """Return a line on logarithmic axes, with least and most at each point."""
    points = line.medians()
    values = [value for sample in line.points.values() for value in sample.values]
    across = Axis(points[0][0], points[-1][0], LINE_LEFT, COLUMN - 14)
    bottom = LINE_HEAD + LINE_HEIGHT
    up = Axis(min(values), max(values), bottom, LINE_HEAD, whole=True)
    last, top = points[-1]
    first = max(across.least, last * up.least / top)
    parts = [text(0, 14, line.name, "title"), text(0, 31, told(line), "soft")]
    parts += [
        f'<path class="rule" d="M{LINE_LEFT} {up.at(tick):.1f}H{COLUMN - 14:.1f}"/>'
        + text(LINE_LEFT - 8, up.at(tick) + 4, f"{short(tick)} {line.unit}", "soft end")
        for tick in up.ticks()
    ]
    parts += named(across, [number for number, _ in points], bottom + 18)
    parts.append(text((LINE_LEFT + COLUMN) / 2, bottom + 34, line.against, "soft middle"))
    straight = [(first, top * first / last), (last, top)]
    parts.append(f'<path class="linear" d="{path(straight, across, up)}"/>')
    parts.append(f'<path class="line" d="{path(points, across, up)}"/>')
    for number, value in points:
        x, found = across.at(number), line.points[number].values
        parts.append(
            f'<path class="whisker" d="M{x:.1f} {up.at(min(found)):.1f}V{up.at(max(found)):.1f}"/>'
            f'<circle class="dot" cx="{x:.1f}" cy="{up.at(value):.1f}" r="3.5"/>'
        )
    return Panel("\n".join(parts), bottom + LINE_FOOT)


class Axis:
    """A logarithmic axis from one place to another; `whole` ends it at powers of ten."""

    def __init__(
        self, least: float, most: float, begin: float, end: float, *, whole: bool = False
    ) -> None:
        low, high = math.log10(least), math.log10(most)
        if whole:
            low, high = math.floor(low), math.ceil(high)
        self.low, self.high = low, max(high, low + 0.1)
        self.begin, self.end = begin, end

    @property
    def least(self) -> float:
        """The value at its beginning."""
        return float(10**self.low)

    def at(self, value: float) -> float:
        """Return the place of a value."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """Return its powers of ten."""
        return [10.0**each for each in range(math.ceil(self.low), math.floor(self.high) + 1)]


def named(axis: Axis, numbers: Sequence[int], y: float) -> list[str]:
    """Return the numbers below an axis, without those that would run into another."""
    parts: list[str] = []
    last = math.inf
    for number in reversed(numbers):
        if last - axis.at(number) >= TICKS_APART:
            last = axis.at(number)
            parts.append(text(last, y, f"{number:,}", "soft middle"))
    return parts


def path(points: Sequence[tuple[float, float]], across: Axis, up: Axis) -> str:
    """Return points as the line through them."""
    return "M" + "L".join(f"{across.at(x):.1f} {up.at(y):.1f}" for x, y in points)


def told(line: Line) -> str:
    """Return the exponent of a line in words."""
    return f"exponent {line.exponent():.2f}, at the end {line.exponent_at_the_end():.2f}"


def short(value: float) -> str:
    """Return a number of three digits, without an exponent of ten."""
    return f"{value:,.0f}" if value >= THREE_DIGITS else f"{value:.3g}"


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return words at a place."""
    named_ = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{named_}>{escape(words)}</text>'
