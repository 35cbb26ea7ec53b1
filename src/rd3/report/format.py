"""Numbers and names as people read them. Fractions come in, percent goes out; an unknown value is an en dash."""

from __future__ import annotations

from rd3.report.ranking import Interval, Rank

DASH = "–"
MINUS = "−"


def number(value: float, decimals: int, *, signed: bool = False) -> str:
    """Fixed decimals with a true minus sign, and no negative zero.

    >>> number(-0.04, 1), number(-3.14159, 2), number(0.25, 1, signed=True)
    ('0.0', '−3.14', '+0.2')
    """
    text = f"{value:{'+' if signed else ''}.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def estimate(interval: Interval | None, *, decimals: int, scale: float = 1, signed: bool = False) -> tuple[str, str]:
    """The mean, and its half-width or an empty string.

    One more decimal appears where the half-width would otherwise be rounded to nothing.

    >>> estimate(Interval(mean=0.7131, low=0.7071, high=0.7191), decimals=1, scale=100)
    ('71.3', '0.6')
    >>> estimate(Interval(mean=0.98, low=0.9798, high=0.9802), decimals=1, scale=100)
    ('98.00', '0.02')
    """
    if interval is None:
        return DASH, ""
    if interval.half is None:
        return number(interval.mean * scale, decimals, signed=signed), ""
    decimals += 0 < interval.half * scale < 0.5 * 10**-decimals
    return number(interval.mean * scale, decimals, signed=signed), number(interval.half * scale, decimals)


def _joined(parts: tuple[str, str], between: str = " ± ") -> str:
    mean, half = parts
    return f"{mean}{between}{half}" if half else mean


def percent(interval: Interval | None, *, signed: bool = False) -> str:
    """An accuracy, or a difference of two, in percent (points).

    >>> percent(Interval(mean=0.713, low=0.707, high=0.719))
    '71.3 ± 0.6'
    >>> percent(Interval(mean=-0.021), signed=True), percent(None)
    ('−2.1', '–')
    """
    return _joined(estimate(interval, decimals=1, scale=100, signed=signed))


def score(interval: Interval | None) -> str:
    """A score in [0, 1].

    >>> score(Interval(mean=0.284471, low=0.2824, high=0.2865)), score(None)
    ('0.284 ± 0.002', '–')
    """
    return _joined(estimate(interval, decimals=3))


def p_value(p: float | None) -> str:
    """A probability, as short as honest.

    >>> p_value(0.00004), p_value(0.0312), p_value(0.5), p_value(1.0), p_value(None)
    ('< 0.001', '0.031', '0.50', '1', '–')
    """
    if p is None:
        return DASH
    if p < 0.001:
        return "< 0.001"
    return "1" if p >= 0.995 else f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"


def place(value: int | None, rank: Rank | None, *, unranked: str, between: str = " ") -> str:
    """A place in a ranking with the places that the seeds leave open.

    >>> place(2, Rank(value=2, low=1, high=4), unranked="†"), place(None, None, unranked="†")
    ('2 (1–4)', '†')
    """
    if value is None:
        return unranked
    return str(value) if rank is None else f"{value}{between}({rank.low}–{rank.high})"


def seconds(value: float | None) -> str:
    """A duration, two to three digits and the unit.

    >>> [seconds(value) for value in (0.004, 0.0157, 0.42, 7.26, 59.6, 210, 5400, 260000, None)]
    ['< 0.01 s', '0.016 s', '0.42 s', '7.3 s', '60 s', '3.5 min', '1.5 h', '3.0 d', '–']
    """
    if value is None:
        return DASH
    if value < 0.01:
        return "0 s" if value == 0 else "< 0.01 s"
    if value < 1:
        return f"{value:.{2 if value > 0.095 else 3}f} s"
    for limit, unit, length in ((90, "s", 1), (5400, "min", 60), (172800, "h", 3600)):
        if value < limit:
            return _digits(value / length, unit)
    return _digits(value / 86400, "d")


def size(value: int | None) -> str:
    """Bytes in decimal units, two to three digits.

    >>> [size(value) for value in (0, 784, 7840, 78400, 999999, 1254400, 142 * 10**9, None)]
    ['0 B', '784 B', '7.8 kB', '78 kB', '1.0 MB', '1.3 MB', '142 GB', '–']
    """
    if value is None:
        return DASH
    if value < 1000:
        return f"{value} B"
    amount, unit = value / 1000, 0
    units = ("kB", "MB", "GB", "TB", "PB")
    while amount >= 999.5 and unit < len(units) - 1:
        amount, unit = amount / 1000, unit + 1
    return _digits(amount, units[unit])


def _digits(amount: float, unit: str) -> str:
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"


def plain(text: str) -> str:
    r"""A name on one line without control characters, so that it can neither move a cursor nor turn text around.

    >>> plain("red\x1b[31m\nname")
    'red�[31m name'
    """
    return "".join(char if char.isprintable() else " " if char.isspace() else "�" for char in text)
