"""Means with intervals, and paired differences with their p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from rd3.base.errors import UserError
from rd3.base.spec import Spec

ROUNDING = 1e-12  # accuracies are multiples of 1 / test images, so anything smaller is float noise
SIGN_FLIP_LIMIT = 20  # 2^20 sign patterns are still counted in a blink


class Interval(Spec):
    """A mean and its two-sided confidence interval, in the unit of the values.

    Attributes:
        low, high: the bounds, or None where one value says nothing about its spread (n = 1).
        n: how many values it was made of.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    confidence: float = 0.95

    @property
    def half_width(self) -> float | None:
        """The number behind the ±, or None."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


class Difference(Spec):
    """What two methods that were run seed by seed differ by.

    Attributes:
        interval: of the paired differences, first minus second.
        deviation: sample standard deviation of the differences, None for n = 1.
        p: two-sided, of the paired t-test, None for n = 1. Differences without any spread have no t statistic:
            p = 1 if they are all zero, and p = 0 if they are all the same number other than zero.
        p_sign_flip: two-sided and exact, of the sign-flip permutation test, None for n > 20 and where it was not
            asked for. It assumes no normal distribution, but cannot fall below 2 / 2^n: five seeds never give less than
            0.0625.
    """

    interval: Interval
    deviation: float | None
    p: float | None
    p_sign_flip: float | None


def t_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Student's t-interval of the mean, with the sample standard deviation (n - 1).

    Raises:
        UserError: no values, a value that is not finite, or a confidence outside (0, 1).

    >>> interval = t_interval([0.70, 0.72, 0.74])
    >>> round(interval.mean, 4), round(interval.low, 4), round(interval.high, 4), interval.n
    (0.72, 0.6703, 0.7697, 3)
    """
    _require_finite(values)
    if not 0 < confidence < 1:
        raise UserError(f"confidence = {confidence}: must lie between 0 and 1")
    n, mean = len(values), fmean(values)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1, confidence=confidence)
    half = t_quantile(n - 1, confidence) * stdev(values) / math.sqrt(n)
    return Interval(mean=mean, low=mean - half, high=mean + half, n=n, confidence=confidence)


def t_quantile(freedom: int, confidence: float) -> float:
    """How many standard errors a two-sided t-interval reaches to each side.

    >>> round(t_quantile(4, 0.95), 4)
    2.7764
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))


def paired_difference(
    first: Sequence[float],
    second: Sequence[float],
    *,
    confidence: float = 0.95,
    resolution: float = 0.0,
    exact: bool = True,
) -> Difference:
    """`first - second`, value k of one against value k of the other.

    Args:
        resolution: the least step of a value; the deviation that p rests on is not taken to be below it.
        exact: whether to count the sign patterns too, which takes most of the time.

    Raises:
        UserError: the lengths differ, are zero, or a value is not finite.
    """
    if len(first) != len(second):
        raise UserError(f"a paired difference needs equally many values: {len(first)} against {len(second)}")
    _require_finite([*first, *second])
    differences = [_without_rounding(a - b) for a, b in zip(first, second, strict=True)]
    interval = t_interval(differences, confidence=confidence)
    deviation = max(resolution, _without_rounding(stdev(differences))) if len(differences) > 1 else None
    return Difference(
        interval=interval,
        deviation=deviation,
        p=None if deviation is None else _t_test_p(interval.mean, deviation, interval.n),
        p_sign_flip=sign_flip_p(differences) if exact and interval.n <= SIGN_FLIP_LIMIT else None,
    )


def _require_finite(values: Sequence[float]) -> None:
    if not values:
        raise UserError("no values: a mean needs at least one")
    bad = [value for value in values if not math.isfinite(value)]
    if bad:
        raise UserError(f"value {bad[0]}: a mean needs finite numbers")


def _without_rounding(value: float) -> float:
    return 0.0 if abs(value) < ROUNDING else value


def _t_test_p(mean: float, deviation: float, n: int) -> float:
    from scipy.special import stdtr

    if deviation == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(n - 1, -abs(mean) / deviation * math.sqrt(n)))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Two-sided p: the share of all 2^n sign patterns whose sum is at least as far from 0 as the observed one.

    Raises:
        UserError: more than 20 differences.

    >>> sign_flip_p([0.01, 0.02, 0.03])
    0.25
    """
    import numpy as np

    if len(differences) > SIGN_FLIP_LIMIT:
        raise UserError(f"{len(differences)} differences: the exact sign-flip test takes at most {SIGN_FLIP_LIMIT}")
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    # sums[0] is the observed pattern, all plus; the tolerance keeps exact ties ties
    return float(np.mean(np.abs(sums) >= abs(sums[0]) - ROUNDING))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment for several comparisons, in the order given (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
