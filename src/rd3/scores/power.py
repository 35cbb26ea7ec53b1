"""How many seeds it takes to tell two means apart."""

from __future__ import annotations

import math

MOST_SEEDS = 10_000


def seeds_needed(mean_difference: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """The least n whose two-sided paired t-test finds this difference with this power.

    Args:
        mean_difference: of the paired values.
        deviation: sample standard deviation of the paired differences.

    Returns:
        n >= 2, or None where no n up to 10,000 is enough (equal means never are).

    >>> seeds_needed(0.01, 0.01)
    10
    """
    if mean_difference == 0:
        return None
    if deviation == 0:
        return 2
    effect = abs(mean_difference) / deviation
    if _power(MOST_SEEDS, effect, alpha) < power:
        return None
    low, high = 1, MOST_SEEDS  # power rises with n: bisect
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(middle, effect, alpha) >= power else (middle, high)
    return high


def _power(n: int, effect: float, alpha: float) -> float:
    """P(|T| > critical) for T noncentral t with n - 1 degrees of freedom and noncentrality effect * sqrt(n)."""
    from scipy.special import stdtrit

    critical = float(stdtrit(n - 1, 1 - alpha / 2))
    noncentrality = effect * math.sqrt(n)
    return 1 - _noncentral_cdf(critical, n - 1, noncentrality) + _noncentral_cdf(-critical, n - 1, noncentrality)


def _noncentral_cdf(value: float, freedom: int, noncentrality: float) -> float:
    from scipy.special import nctdtr

    probability = float(nctdtr(freedom, noncentrality, value))
    return 0.0 if math.isnan(probability) else probability  # nan is how the far lower tail underflows


def separability(*, n: int, separable: bool, needed: int | None) -> str:
    """The sentence for a comparison over n seeds.

    Args:
        needed: what `seeds_needed` answered; it is not looked at where the comparison is separable.

    >>> separability(n=5, separable=False, needed=23)
    'not separable with 5 seeds; needs about 23'
    """
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    if separable:
        return f"separable with {seeds}"
    if n == 1:
        return f"not separable with {seeds}; needs at least 2"
    return f"not separable with {seeds}; needs {f'more than {MOST_SEEDS:,}' if needed is None else f'about {needed}'}"
