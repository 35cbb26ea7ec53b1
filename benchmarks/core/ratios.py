"""How many times quicker: ratios of paired times with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rd3.base.errors import UserError
from rd3.base.spec import Spec
from rd3.scores.intervals import t_interval


class Ratio(Spec):
    """A geometric mean of ratios with its 95 % interval; no interval with one repetition."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def reaches(self, target: float) -> bool:
        """Whether the mean is at least `target`; the interval says how sure that is."""
        return self.mean >= target

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mean:.2f}"
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def ratio(slow: Sequence[float], fast: Sequence[float]) -> Ratio:
    """`slow / fast`, repetition by repetition: Student's t-interval of the mean logarithm, taken back.

    Logarithms, as a time that is twice and one that is half as long are equally far from the same.

    Raises:
        UserError: the lengths differ, are zero, or a time is not positive.

    >>> str(ratio([4.0, 9.0], [2.0, 2.0]))[:4]
    '3.00'
    """
    if len(slow) != len(fast):
        raise UserError(f"a ratio needs equally many repetitions: {len(slow)} against {len(fast)}")
    if any(value <= 0 for value in (*slow, *fast)):
        raise UserError(f"times are above 0, found {min(*slow, *fast)}")
    found = t_interval([math.log(a / b) for a, b in zip(slow, fast, strict=True)])
    low, high = (None if end is None else math.exp(end) for end in (found.low, found.high))
    return Ratio(mean=math.exp(found.mean), low=low, high=high, n=found.n)
