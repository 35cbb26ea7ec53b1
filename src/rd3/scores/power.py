"""How many seeds it takes to tell two means apart, and what difference a number of seeds can tell."""

from __future__ import annotations

import math

from rd3.base.errors import UserError

MOST_SEEDS = 10_000
MOST_EFFECT = 1e6  # standard deviations; what two seeds need at alpha 1e-6 is far below


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


def detectable_difference(n: int, deviation: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The least true difference that a two-sided paired t-test of n pairs finds with this power.

    Args:
        deviation: standard deviation of the paired differences.

    Returns:
        A difference >= 0 in the unit of `deviation`.

    Raises:
        UserError: fewer than two pairs, which no test can do with, or a deviation, alpha or power out of range.

    >>> round(detectable_difference(5, 0.8), 3)
    1.346
    """
    if n < 2:
        raise UserError(f"seeds = {n}: a test needs at least 2")
    if not (math.isfinite(deviation) and deviation >= 0):
        raise UserError(f"deviation = {deviation}: must be finite and at least 0")
    require_probabilities(alpha=alpha, power=power)
    low, high = 0.0, 1.0
    while _power(n, high, alpha) < power and high < MOST_EFFECT:
        low, high = high, 2 * high
    for _ in range(60):  # power rises with the effect: bisect to the last bit
        middle = (low + high) / 2
        low, high = (low, middle) if _power(n, middle, alpha) >= power else (middle, high)
    return high * deviation


def require_probabilities(*, alpha: float, power: float) -> None:
    """Refuse what no test has: alpha and power lie between 0 and 1, and power above alpha.

    Raises:
        UserError: names the one that is wrong.
    """
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise UserError(f"{name} = {value}: must lie between 0 and 1")
    if power <= alpha:
        raise UserError(f"power = {power}: must be above alpha = {alpha}")


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


def separability(*, n: int, separable: bool, needed: int | None, units: int | None = None) -> str:
    """The sentence for a comparison over n seeds.

    Args:
        needed: what `seeds_needed` answered; it is not looked at where the comparison is separable.
        units: how many draws the seeds were averaged to, where several seeds share one.

    >>> separability(n=5, separable=False, needed=23)
    'not separable with 5 seeds; needs about 23'
    >>> separability(n=6, separable=False, needed=24, units=2)
    'not separable with 6 seeds in 2 draws; needs about 24 in 8'
    """
    seeds = seeds_in_draws(n, units)
    if separable:
        return f"separable with {seeds}"
    if n == 1:
        return f"not separable with {seeds}; needs at least 2"
    return f"not separable with {seeds}; needs {needed_in_draws(n, needed, units)}"


def seeds_in_draws(n: int, units: int | None) -> str:
    """`6 seeds in 2 draws`, or `6 seeds` where each seed has a draw of its own or all have the same."""
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    return seeds if units in (None, n) else f"{seeds} in {units} draws"


def needed_in_draws(n: int, needed: int | None, units: int | None) -> str:
    """`about 24 in 8`, with as many seeds a draw as now, or `about 24`."""
    if needed is None:
        return f"more than {MOST_SEEDS:,}"
    return f"about {needed}" if units is None or units == n else f"about {needed} in {round(needed * units / n)}"
