"""The two sides held against each other, and what each of ddranking's choices does to an accuracy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from benchmarks.ddranking.protocols import RATES
from benchmarks.ddranking.trainings import JPEG, PARTS, Training, at_rate, peeked
from scipy import stats

from rd3.base.spec import Spec
from rd3.scores.definitions import SubAccuracies, score_replicates
from rd3.scores.intervals import ROUNDING, holm, paired_difference, t_interval

ALL = "mean of all"
Trainings = Sequence[Training]
Parts = dict[str, list[float]]


class Gap(Spec):
    """First mean minus second with Welch's 95 % interval; none and no p where a side has one value or no spread."""

    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


def welch(first: Sequence[float], second: Sequence[float]) -> Gap:
    """The difference of two independent samples (Welch 1947).

    >>> gap = welch([0.30, 0.32, 0.34], [0.31, 0.32, 0.36])
    >>> round(gap.mean, 4), gap.low < 0 < gap.high
    (-0.01, True)
    """
    mean = t_interval(first).mean - t_interval(second).mean
    if min(len(first), len(second)) < 2 or max(stdev(first), stdev(second)) < ROUNDING:
        return Gap(mean=mean)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy's, where one of the two has no spread
        test = stats.ttest_ind(first, second, equal_var=False)
        bounds = test.confidence_interval(0.95)
    return Gap(mean=mean, low=float(bounds.low), high=float(bounds.high), p=float(test.pvalue))


def as_ddranking_chooses(trainings: Trainings, *, random: str = "A_ra") -> Parts:
    """The four accuracies of every repeat, each the best on the test images over the rates.

    Args:
        random: which of the trainings on random images count.
    """
    return {part: peeked(trainings, random if part == "A_ra" else part) for part in PARTS}


def scores(parts: Parts) -> Parts:
    """HLR, IOR and LRS of every repeat, fractions."""
    by_repeat = {part: dict(enumerate(values)) for part, values in parts.items()}
    found = score_replicates(
        SubAccuracies(
            whole_hard=by_repeat["A_rh"],
            synthetic_hard=by_repeat["A_sh"],
            synthetic_own=by_repeat["A_sa"],
            random_own=by_repeat["A_ra"],
        )
    )
    return {name.upper(): list(found[name].values()) for name in ("hlr", "ior", "lrs")}


def as_released(peer: Trainings, ours: Trainings) -> list[dict[str, Any]]:
    """One row an accuracy or score; both sides choose as ddranking does, on random images that went through JPEG."""
    theirs, own = as_ddranking_chooses(peer), as_ddranking_chooses(ours, random=JPEG)
    return _rows({**theirs, **scores(theirs)}, {**own, **scores(own)})


def at_each_rate(peer: Trainings, ours: Trainings) -> list[dict[str, Any]]:
    """One row an accuracy and rate: no rate is chosen. The last row, their mean in each repeat, has the least noise."""
    places = [("A_rh", None), *((part, lr) for part in PARTS if part != "A_rh" for lr in RATES)]
    names = {place: place[0] if place[1] is None else f"{place[0]} at {place[1]}" for place in places}
    theirs = {names[part, lr]: at_rate(peer, part, lr) for part, lr in places}
    own = {names[part, lr]: at_rate(ours, JPEG if part == "A_ra" else part, lr) for part, lr in places}
    return _rows(
        *({**side, ALL: [fmean(values) for values in zip(*side.values(), strict=True)]} for side in (theirs, own))
    )


def _rows(theirs: Parts, own: Parts) -> list[dict[str, Any]]:
    """Rows with the p-values adjusted together (Holm)."""
    gaps = {name: welch(own[name], theirs[name]) for name in theirs}
    tested = [name for name, gap in gaps.items() if gap.p is not None]
    adjusted = dict(zip(tested, holm([float(gaps[name].p or 0) for name in tested]), strict=True))
    return [
        {
            "name": name,
            "ddranking": t_interval(theirs[name]).as_json(),
            "rd3": t_interval(own[name]).as_json(),
            "gap": gaps[name].as_json(),
            "p_holm": adjusted.get(name),
        }
        for name in theirs
    ]


def choices(peer: Trainings, ours: Trainings) -> list[dict[str, Any]]:
    """What one choice does, everything else kept: paired differences, repeat by repeat."""
    sides = {"ddranking": as_ddranking_chooses(peer), "rd3": as_ddranking_chooses(ours)}
    rows = []
    for side, trainings in (("ddranking", peer), ("rd3", ours)):
        for part in ("A_sh", "A_sa", "A_ra"):
            lr = best_rate(trainings, part)
            name = f"{part}: each repeat's best rate on the test images, in place of {lr} for all"
            rows.append(_row(name, side, sides[side][part], at_rate(trainings, part, lr)))
        given, searched = peeked(trainings, "A_sa", rates=RATES[:1]), sides[side]
        name = f"IOR: the synthetic set at {RATES[0]} alone, random images still searched, in place of both searched"
        rows.append(_row(name, side, _minus(given, searched["A_ra"]), scores(searched)["IOR"]))
    jpeg = as_ddranking_chooses(ours, random=JPEG)
    rows.append(
        _row("A_ra: random images through JPEG, in place of as they are", "rd3", jpeg["A_ra"], sides["rd3"]["A_ra"])
    )
    return rows


def best_rate(trainings: Trainings, part: str) -> float:
    """The rate with the best mean over repeats."""
    return max(RATES, key=lambda lr: t_interval(at_rate(trainings, part, lr)).mean)


def _minus(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(first, second, strict=True)]


def _row(name: str, side: str, changed: Sequence[float], kept: Sequence[float]) -> dict[str, Any]:
    return {"name": name, "side": side, "effect": paired_difference(changed, kept).interval.as_json()}
