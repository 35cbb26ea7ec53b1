"""HLR, IOR, LRS and ARS: scores that separate images from labels and from augmentation.

DD-Ranking, arXiv 2505.13300. Every accuracy is a fraction in [0, 1]; with percent numbers the exponential below gives
values such as 15.18 or -0.16, so anything outside its range is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rd3.base.errors import UserError
from rd3.base.spec import Spec
from rd3.scores.intervals import Interval, t_interval


def hlr(*, whole_hard: float, synthetic_hard: float) -> float:
    """Hard-label recovery, A_rh - A_sh in [-1, 1]: what is lost against the whole real set; lower is better."""
    return _accuracy("whole_hard", whole_hard) - _accuracy("synthetic_hard", synthetic_hard)


def ior(*, synthetic_own: float, random_own: float) -> float:
    """Improvement over random, A_sa - A_ra in [-1, 1], both under the method's own recipe; higher is better."""
    return _accuracy("synthetic_own", synthetic_own) - _accuracy("random_own", random_own)


def lrs(hlr: float, ior: float, *, w: float = 0.5) -> float:
    """Label-robust score in [0, 1], higher is better; 0.268941 for HLR = IOR = 0.

    alpha = w * IOR - (1 - w) * HLR, mapped as `normalised`.

    >>> round(lrs(0.2373, 0.3090), 6)
    0.284471
    """
    _within("hlr", hlr, -1.0)
    _within("ior", ior, -1.0)
    _within("w", w, 0.0)
    return normalised(w * ior - (1 - w) * hlr)


def ars(augmented: float, plain: float, *, gamma: float = 0.5) -> float:
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


@dataclass(frozen=True)
class SubAccuracies:
    """The accuracies on the real test split that the scores are made of: one number a replicate, paired by position.

    Attributes:
        whole_hard: A_rh, trained on the whole real training set with hard labels.
        synthetic_hard: A_sh, on the synthetic set with hard labels.
        synthetic_own: A_sa, on the synthetic set under the method's own recipe.
        random_own: A_ra, on random real images of equal size under that recipe.
        synthetic_plain, random_plain: A_sn and A_rn, as the two above without augmentation; both or neither.

    Raises:
        UserError: lengths differ, a list is empty, or a value is outside [0, 1].
    """

    whole_hard: list[float]
    synthetic_hard: list[float]
    synthetic_own: list[float]
    random_own: list[float]
    synthetic_plain: list[float] | None = None
    random_plain: list[float] | None = None

    def __post_init__(self) -> None:
        if (self.synthetic_plain is None) != (self.random_plain is None):
            raise UserError("synthetic_plain and random_plain: the augmentation-robust score needs both, or neither")
        given = {name: values for name, values in vars(self).items() if values is not None}
        lengths = {name: len(values) for name, values in given.items()}
        if len(set(lengths.values())) > 1 or not all(lengths.values()):
            counts = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise UserError(f"accuracies: every list needs the same number of replicates, at least 1; got {counts}")
        for name, values in given.items():
            for value in values:
                _accuracy(name, value)


class Scores(Spec):
    """The scores of one cell, each with its interval over replicates; `ars` is None without the plain accuracies."""

    hlr: Interval
    ior: Interval
    lrs: Interval
    ars: Interval | None
    w: float
    gamma: float


def score_replicates(accuracies: SubAccuracies, *, w: float = 0.5, gamma: float = 0.5) -> dict[str, list[float]]:
    """Every score of every replicate: name -> one value a replicate. `ars` only where it can be had."""
    pairs_hard = zip(accuracies.whole_hard, accuracies.synthetic_hard, strict=True)
    pairs_own = zip(accuracies.synthetic_own, accuracies.random_own, strict=True)
    hlrs = [hlr(whole_hard=whole, synthetic_hard=synthetic) for whole, synthetic in pairs_hard]
    iors = [ior(synthetic_own=synthetic, random_own=random) for synthetic, random in pairs_own]
    scores = {"hlr": hlrs, "ior": iors, "lrs": [lrs(*pair, w=w) for pair in zip(hlrs, iors, strict=True)]}
    if accuracies.synthetic_plain is not None and accuracies.random_plain is not None:
        pairs_plain = zip(accuracies.synthetic_plain, accuracies.random_plain, strict=True)
        plain = [synthetic - random for synthetic, random in pairs_plain]
        scores["ars"] = [ars(*pair, gamma=gamma) for pair in zip(iors, plain, strict=True)]
    return scores


def score_cell(accuracies: SubAccuracies, *, w: float = 0.5, gamma: float = 0.5, confidence: float = 0.95) -> Scores:
    """Scores of each replicate, then their means with t-intervals.

    Args:
        w: weight of IOR against HLR in LRS.
        gamma: weight of the augmented against the plain difference in ARS.
    """
    values = score_replicates(accuracies, w=w, gamma=gamma)
    found = {name: t_interval(each, confidence=confidence) for name, each in values.items()}
    return Scores(hlr=found["hlr"], ior=found["ior"], lrs=found["lrs"], ars=found.get("ars"), w=w, gamma=gamma)


def _accuracy(name: str, value: float) -> float:
    return _within(name, value, 0.0)


def _within(name: str, value: float, least: float) -> float:
    if least <= value <= 1.0:
        return value
    hint = "; is it in percent? Divide by 100" if 1.0 < abs(value) <= 100.0 and name not in ("w", "gamma") else ""
    raise UserError(f"{name} = {value}: must be a fraction in [{least:g}, 1]{hint}")
