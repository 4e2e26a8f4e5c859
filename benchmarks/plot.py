"""The plot: bars as SVG, readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from math import log10

from benchmarks.contenders import ALL, OURS

#: px.
WIDTH, BAR, GAP, LABELS, HEAD = 860, 18, 8, 270, 46
_NUMBERS = 90

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .note { font-size: 11px; fill: #57606a }
  .ours { fill: #0969da } .peer { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note { fill: #8d96a0 }
    .ours { fill: #4493f8 } .peer { fill: #6e7681 }
  }
"""

#: figure → heading, what one is in the unit shown, and whether the axis is logarithmic.
_PANELS = {
    "per_cpu_second": (
        "commands answered per CPU-second of the router (more is better)",
        1.0,
        False,
    ),
    "added_p50": ("latency added at half of its peak, median, ms (less is better; log)", 1e3, True),
    "added_p99": ("latency added at half of its peak, p99, ms (less is better; log)", 1e3, True),
    "memory": ("memory of the router, MB (less is better)", 1e-6, False),
}


def as_svg(figures: Mapping[str, Mapping[str, float | None]], broker: str) -> str:
    """Bars of every contender's figures.

    Args:
        figures: by contender, as :func:`benchmarks.summary.of_turns` makes them.
        broker: what all of it ran on.
    """
    body: list[str] = []
    y = 10
    for name, (title, unit, is_log) in _PANELS.items():
        bars = {
            each.name: (each.title, value * unit)
            for each in ALL
            if (value := (figures.get(each.name) or {}).get(name)) is not None
        }
        if not bars:
            continue
        body += _panel(y, title, bars, is_log)
        y += HEAD + len(bars) * (BAR + GAP)
    body.append(f'<text class="note" x="10" y="{y + 12}">{escape(broker)}</text>')
    size = f'width="{WIDTH}" height="{y + 24}" viewBox="0 0 {WIDTH} {y + 24}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>'
    return "\n".join([head, f"<style>{_STYLE}</style>", *body, "</svg>"]) + "\n"


def _panel(
    top: int, title: str, bars: Mapping[str, tuple[str, float]], is_log: bool
) -> Iterator[str]:
    yield f'<text class="title" x="10" y="{top + 22}">{escape(title)}</text>'
    longest = max(value for _, value in bars.values())
    room = WIDTH - LABELS - _NUMBERS
    y = top + HEAD - 12
    for name, (label, value) in bars.items():
        width = max(1.0, room * _share(value, longest, is_log))
        kind = "ours" if name == OURS else "peer"
        base = y + BAR - 5
        yield f'<text x="{LABELS - 8}" y="{base}" text-anchor="end">{escape(label)}</text>'
        size = f'width="{width:.0f}" height="{BAR}" rx="2"'
        yield f'<rect class="{kind}" x="{LABELS}" y="{y}" {size}/>'
        yield f'<text x="{LABELS + width + 6:.0f}" y="{base}">{_shown(value)}</text>'
        y += BAR + GAP


def _share(value: float, longest: float, is_log: bool) -> float:
    """How long a bar is, from 0 to 1."""
    if longest <= 0:
        return 0.0
    if not is_log:
        return value / longest
    return log10(1 + max(value, 0.0)) / log10(1 + longest)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.3g}"
