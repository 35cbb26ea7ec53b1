"""How charts look, and how they become SVG: offline, without scripts, and legible without colour."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from rd3.report.format import plain
from rd3.report.notes import is_random
from rd3.report.ranking import Row

# The page's style sheet replaces these three in dark mode, by the very attribute values.
INK, MUTED, GRID = "#1d1f23", "#6a6f78", "#dfe1e6"
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
# Okabe and Ito's colours for all kinds of sight, without black and yellow; seven colours and eight shapes give 56
# different marks because the two numbers have no common divisor.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
LINE = 13
NAME_WIDTH = 19


def label(method: str) -> str:
    r"""A method's name in lines that fit beside a chart; settings start a new line.

    >>> label("sre2l[init=real]")
    'sre2l\n[init=real]'
    """
    name, bracket, settings = plain(method).partition("[")
    settings = (bracket + settings).replace(",", ", ")  # so that it breaks between two of them
    lines = [*textwrap.wrap(name, NAME_WIDTH), *textwrap.wrap(settings, NAME_WIDTH)]
    return "\n".join(lines) or "?"


def marks(methods: Iterable[str]) -> dict[str, dict[str, str]]:
    """Colour and shape of every method, the same in all charts of a page; random is a grey circle."""
    names = sorted(set(methods))
    others = [name for name in names if not is_random(name)]
    look = {
        name: {"colour": COLOURS[i % len(COLOURS)], "shape": SHAPES[(i + 1) % len(SHAPES)]}
        for i, name in enumerate(others)
    }
    return look | {name: {"colour": MUTED, "shape": "circle"} for name in names if is_random(name)}


def spread(positions: Sequence[float], sizes: Sequence[float], *, low: float, high: float) -> list[float]:
    """Move labels apart as little as possible, so that they don't overlap and stay within [low, high].

    Least squares under an order: with the labels' own extent taken off, that is isotonic regression. Where there is no
    room for all, they overlap evenly.

    Args:
        positions: of the labels' centres, as wanted.
        sizes: extent of each label.

    >>> spread([10, 10, 50], [10, 10, 10], low=0, high=100)
    [5.0, 15.0, 50.0]
    """
    import numpy as np
    from scipy.optimize import isotonic_regression

    if not positions:
        return []
    order = np.argsort(positions, kind="stable")
    wanted, extents = np.array(positions, float)[order], np.array(sizes, float)[order]
    extents *= min(1.0, (high - low) / extents.sum())
    centres = np.cumsum(extents) - extents / 2
    shifts = isotonic_regression(wanted - centres).x
    placed = np.empty(len(order))
    placed[order] = centres + np.clip(shifts, low, high - extents.sum())
    return [float(place) for place in placed]


def domain(values: Iterable[float], *, pad: float = 0.06) -> tuple[float, float]:
    """The range of some values with a margin, never of zero width."""
    known = list(values)
    low, high = min(known), max(known)
    margin = pad * (high - low) or 1.0
    return low - margin, high + margin


def ends(rows: Iterable[Row]) -> list[float]:
    """Everything on an accuracy axis of these rows, in percent: means, ends of intervals, references."""
    shown = [part for row in rows for part in (row.accuracy, row.random, row.whole) if part is not None]
    return [100 * value for part in shown for value in (part.mean, part.low, part.high) if value is not None]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten within a range; with fewer than three of them, also twice and five times those.

    >>> log_ticks(0.006, 70), log_ticks(15, 60)
    ([0.01, 0.1, 1.0, 10.0], [20.0, 50.0])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1.0,), (1.0, 2.0, 5.0)):
        ticks = [float(f"{step}e{power}") for power in powers for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 3:
            break
    return inside


def to_svg(chart: Any, description: str) -> str:
    """One `<svg>` element of an altair chart, with a description for those who cannot see it."""
    import vl_convert

    axis = {"labelColor": INK, "titleColor": MUTED, "tickColor": GRID, "domainColor": GRID, "gridColor": GRID}
    # Altair has checked every part when it was made; checking the whole again takes as long as all the rest.
    spec = chart.to_dict(validate=False) | {
        "background": "transparent",
        "padding": 2,
        "config": {
            "aria": False,
            "font": FONT,
            "view": {"stroke": None},
            "axis": axis | {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "ticks": False},
            "text": {"fontSize": 11, "fill": INK},
            "title": {"color": INK, "fontSize": 11, "anchor": "start", "subtitleColor": MUTED, "subtitleFontSize": 11},
        },
    }
    # No base URL is allowed, so that nothing in a chart can ask the network for anything.
    svg: str = vl_convert.vegalite_to_svg(json.dumps(spec), allowed_base_urls=[])
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(plain(description))}" ', 1)
