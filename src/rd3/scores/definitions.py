"""HLR, IOR, LRS and ARS: scores that separate images from labels and from augmentation.

DD-Ranking, arXiv 2505.13300. Every accuracy is a fraction in [0, 1]; with percent numbers the exponential below gives
values such as 15.18 or -0.16, so anything outside its range is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from rd3.base.errors import UserError
from rd3.base.spec import Spec
from rd3.scores.intervals import Interval, t_interval

USUAL_WEIGHT = 0.5  # of IOR in LRS, and of the augmented difference in ARS


def require_weights(w: float, gamma: float) -> None:
    """Refuse weights of LRS and ARS outside [0, 1], before anything is trained for them."""
    _within("w", w, 0.0)
    _within("gamma", gamma, 0.0)


def hlr(*, whole_hard: float, synthetic_hard: float) -> float:
    """Hard-label recovery, A_rh - A_sh in [-1, 1]: what is lost against the whole real set; lower is better."""
    return _accuracy("whole_hard", whole_hard) - _accuracy("synthetic_hard", synthetic_hard)


def ior(*, synthetic_own: float, random_own: float) -> float:
    """Improvement over random, A_sa - A_ra in [-1, 1], both under the method's own recipe; higher is better."""
    return _accuracy("synthetic_own", synthetic_own) - _accuracy("random_own", random_own)


def lrs(hlr: float, ior: float, *, w: float = USUAL_WEIGHT) -> float:
    """Label-robust score in [0, 1], higher is better; 0.268941 for HLR = IOR = 0.

    alpha = w * IOR - (1 - w) * HLR, mapped as `normalised`.

    >>> round(lrs(0.2373, 0.3090), 6)
    0.284471
    """
    _within("hlr", hlr, -1.0)
    _within("ior", ior, -1.0)
    _within("w", w, 0.0)
    return normalised(w * ior - (1 - w) * hlr)


def ars(augmented: float, plain: float, *, gamma: float = USUAL_WEIGHT) -> float:
    """Augmentation-robust score in [0, 1], higher is better; 0.268941 when both are 0.

    beta = gamma * (A_sa - A_ra) + (1 - gamma) * (A_sn - A_rn), mapped as `normalised`.

    Args:
        augmented: synthetic minus random under the own recipe.
        plain: the same without its augmentation.

    >>> round(ars(0.10, 0.04), 6)
    0.299791
    """
    _within("augmented", augmented, -1.0)
    _within("plain", plain, -1.0)
    _within("gamma", gamma, 0.0)
    return normalised(gamma * augmented + (1 - gamma) * plain)


def normalised(value: float) -> float:
    """(e^x - e^-1) / (e - e^-1): -1 to 0, 0 to 0.268941, 1 to 1."""
    bounded = min(1.0, max(-1.0, value))  # a weighted mean may leave [-1, 1] by one rounding
    least = math.exp(-1.0)
    return (math.exp(bounded) - least) / (math.exp(1.0) - least)


Replicates = Mapping[int, float]  # replicate -> a fraction


@dataclass(frozen=True)
class SubAccuracies:
    """The accuracies on the real test split that the scores are made of, paired by replicate.

    A part that was not run is empty; scores that need it are then None.

    Attributes:
        whole_hard: A_rh, trained on the whole real training set with hard labels.
        synthetic_hard: A_sh, on the synthetic set with hard labels.
        synthetic_own: A_sa, on the synthetic set under the method's own recipe.
        random_own: A_ra, on random real images of equal size under that recipe.
        synthetic_plain, random_plain: A_sn and A_rn, as the two above without augmentation.
    """

    whole_hard: Replicates = field(default_factory=dict)
    synthetic_hard: Replicates = field(default_factory=dict)
    synthetic_own: Replicates = field(default_factory=dict)
    random_own: Replicates = field(default_factory=dict)
    synthetic_plain: Replicates = field(default_factory=dict)
    random_plain: Replicates = field(default_factory=dict)


class Scores(Spec):
    """The scores of one cell, each with its interval over the replicates that all its parts have, or None."""

    hlr: Interval | None
    ior: Interval | None
    lrs: Interval | None
    ars: Interval | None


def score_replicates(
    parts: SubAccuracies, *, w: float = USUAL_WEIGHT, gamma: float = USUAL_WEIGHT
) -> dict[str, dict[int, float]]:
    """Every score of every replicate for which all its parts are there: name -> replicate -> value.

    Raises:
        UserError: a value is outside [0, 1].
    """
    whole, hard, own, random = parts.whole_hard, parts.synthetic_hard, parts.synthetic_own, parts.random_own
    plain, random_plain = parts.synthetic_plain, parts.random_plain
    hlrs = {r: hlr(whole_hard=whole[r], synthetic_hard=hard[r]) for r in _shared(whole, hard)}
    iors = {r: ior(synthetic_own=own[r], random_own=random[r]) for r in _shared(own, random)}
    lrss = {r: lrs(hlrs[r], iors[r], w=w) for r in _shared(hlrs, iors)}
    plain_iors = {r: ior(synthetic_own=plain[r], random_own=random_plain[r]) for r in _shared(plain, random_plain)}
    arss = {r: ars(iors[r], plain_iors[r], gamma=gamma) for r in _shared(iors, plain_iors)}
    return {"hlr": hlrs, "ior": iors, "lrs": lrss, "ars": arss}


def score_cell(
    parts: SubAccuracies, *, w: float = USUAL_WEIGHT, gamma: float = USUAL_WEIGHT, confidence: float = 0.95
) -> Scores:
    """Scores of each replicate, then their means with t-intervals.

    Args:
        w: weight of IOR against HLR in LRS.
        gamma: weight of the augmented against the plain difference in ARS.
    """
    found = score_replicates(parts, w=w, gamma=gamma)
    intervals = {
        name: t_interval(list(values.values()), confidence=confidence) if values else None
        for name, values in found.items()
    }
    return Scores(**intervals)


def _shared(*columns: Replicates) -> list[int]:
    return sorted(set.intersection(*(set(column) for column in columns)))


def _accuracy(name: str, value: float) -> float:
    return _within(name, value, 0.0)


def _within(name: str, value: float, least: float) -> float:
    if least <= value <= 1.0:
        return value
    hint = "; is it in percent? Divide by 100" if 1.0 < abs(value) <= 100.0 and name not in ("w", "gamma") else ""
    raise UserError(f"{name} = {value}: must be a fraction in [{least:g}, 1]{hint}")
