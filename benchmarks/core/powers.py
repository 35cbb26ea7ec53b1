"""How a cost grows: the exponent of a power law, and from where on a cost is in proportion."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from rd3.base.errors import UserError
from rd3.base.spec import Spec
from rd3.scores.intervals import t_quantile

PROPORTIONAL = 0.15  # an exponent within this of 1 counts as in proportion


class Exponent(Spec):
    """k of y = c x^k, with its 95 % t-interval; none with two points."""

    value: float
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.2f}"
        return f"{self.value:.2f} ± {(self.high - self.low) / 2:.2f}"


class Affine(Spec):
    """y = fixed + each · x; `fixed / each` is the x at which the two halves are equal."""

    fixed: float
    each: float

    @property
    def knee(self) -> float | None:
        """Where the part in proportion outgrows the fixed one; None where nothing grows."""
        return self.fixed / self.each if self.each else None


def exponent(xs: Sequence[float], ys: Sequence[float]) -> Exponent:
    """Least squares of log y on log x.

    Raises:
        UserError: fewer than two points, or values that have no logarithm.
    """
    _require_positive(xs, ys)
    x, y = np.log(xs), np.log(ys)
    spread = x - x.mean()
    slope = float(spread @ y / (spread @ spread))
    freedom = len(x) - 2
    if not freedom:
        return Exponent(value=slope, low=None, high=None, n=2)
    left = y - y.mean() - slope * spread
    half = t_quantile(freedom, 0.95) * math.sqrt(float(left @ left) / freedom / float(spread @ spread))
    return Exponent(value=slope, low=slope - half, high=slope + half, n=len(x))


def local_exponents(xs: Sequence[float], ys: Sequence[float]) -> list[float]:
    """Between each point and the next.

    >>> [round(k, 6) for k in local_exponents([1, 2, 4], [3, 6, 24])]
    [1.0, 2.0]
    """
    _require_positive(xs, ys)
    return [float(step) for step in np.diff(np.log(ys)) / np.diff(np.log(xs))]


def proportional_range(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float] | None:
    """The longest run of points between which y is in proportion to x, or None.

    >>> proportional_range([1, 2, 4, 8], [5, 5, 10, 20])
    (2, 8)
    """
    best: tuple[float, float] | None = None
    start: float | None = None
    for place, step in enumerate(local_exponents(xs, ys)):
        if abs(step - 1) > PROPORTIONAL:
            start = None
            continue
        start = xs[place] if start is None else start
        if best is None or xs[place + 1] / start > best[1] / best[0]:
            best = (start, xs[place + 1])
    return best


def affine(xs: Sequence[float], ys: Sequence[float]) -> Affine:
    """Fixed and proportional part, neither below 0, by least squares of relative errors (all scales count alike)."""
    _require_positive(xs, ys)
    weights = 1 / np.asarray(ys, float)
    columns = np.stack([np.ones(len(xs)), np.asarray(xs, float)], axis=1) * weights[:, None]
    (fixed, each), _ = nnls(columns, np.ones(len(xs)))
    return Affine(fixed=float(fixed), each=float(each))


def _require_positive(xs: Sequence[float], ys: Sequence[float]) -> None:
    if len(xs) != len(ys) or len(xs) < 2:
        raise UserError(f"a growth needs two points or more, and a cost for each: {len(xs)} and {len(ys)}")
    if min(*xs, *ys) <= 0:
        raise UserError(f"sizes and costs are above 0, found {min(*xs, *ys)}")
