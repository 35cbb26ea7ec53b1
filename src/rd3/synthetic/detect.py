"""Which readings of a foreign file fit it: pixels by their statistics, labels by their rows, mosaics by their seams.

Nothing here decides where two readings fit: then the caller is asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.spaces import PixelSpace, fingerprint_in, is_borrowed, usual_for
from rd3.data.target import Target
from rd3.synthetic.soft_labels import ROW_SUM_TOLERANCE, SoftLabelForm

# Distilled pixels drift from real ones: a space fits within this factor in deviation, and this many deviations in mean.
FACTOR, SHIFT = 1.8, 0.6
OUTSIDE, OUTSIDE_SHARE = 0.25, 0.01  # raw pixels that learning has moved this far out of [0, 1] are few
OPTION = " (--pixels)"
SEAM = 1.5  # how much rougher than its neighbours the middle of a mosaic is


class AmbiguousPixelsError(UserError):
    """Several readings of float pixels fit."""

    def __init__(self, message: str, *, readings: Sequence[PixelSpace] = ()) -> None:
        super().__init__(message)
        self.readings = tuple(readings)


def space_of(pictures: Tensor, candidates: Sequence[PixelSpace], target: Target | None) -> tuple[PixelSpace, str]:
    """The one space among the candidates that float pictures (N, C, H, W) fit, and how that is known.

    Raises:
        UserError: none fits or several do; lists them and names the option that settles it.
    """
    low, high = float(pictures.min()), float(pictures.max())
    found = f"pixels from {low:.3g} to {high:.3g}, mean {float(pictures.mean()):.3g}, std {float(pictures.std()):.3g}"
    if "raw01" in candidates and low >= -0.05 and high <= 1.05:
        return "raw01", f"{found}: within [0, 1]"
    usual = [space for space in candidates if target is None or usual_for(space, target)]
    spaces = ", ".join(usual)
    if target is None:
        possible = [space for space in candidates if space != "raw01" or _may_be_raw(pictures)]
        raise UserError(
            f"{found}: {', '.join(possible)} are possible; give the target, or say which with pixels ="
            f" {possible[0]}{OPTION}"
        )
    fitting = [space for space in usual if _fits(pictures, space, target)]
    if any(is_borrowed(space, target) for space in fitting):
        readings: tuple[PixelSpace, ...] = (*fitting, "norm_target", "norm_true", "norm_cifar10")
        raise AmbiguousPixelsError(
            f"{found}: fits {' and '.join(fitting)}, but by whose statistics pictures of '{target.name}' are normalised"
            f" is not known; say with pixels = {', '.join(readings[:-1])} or {readings[-1]}{OPTION}",
            readings=readings,
        )
    if len(fitting) == 1:
        expected = fingerprint_in(fitting[0], target)
        return fitting[0], f"{found}; real ones in {fitting[0]} have std {expected.deviation:.3g}"
    if fitting:
        raise AmbiguousPixelsError(
            f"{found}: fits {' and '.join(fitting)}; say which with pixels = {fitting[0]}{OPTION}", readings=fitting
        )
    tried = f"fits none of {spaces} on" if spaces else "no space of this format is usual for"
    raise UserError(f"{found}: {tried} '{target.name}'; say what they are with pixels = norm_target or another{OPTION}")


def _fits(pictures: Tensor, space: PixelSpace, target: Target) -> bool:
    expected = fingerprint_in(space, target)
    if space == "raw01" and not _may_be_raw(pictures):
        return False
    near = abs(math.log(max(float(pictures.std(correction=0)), 1e-9) / expected.deviation)) < math.log(FACTOR)
    return near and abs(float(pictures.mean()) - expected.mean) < SHIFT * expected.deviation


def _may_be_raw(pictures: Tensor) -> bool:
    return float(((pictures < -OUTSIDE) | (pictures > 1 + OUTSIDE)).float().mean()) <= OUTSIDE_SHARE


def form_of(rows: Tensor, declared: SoftLabelForm | None) -> tuple[SoftLabelForm, str]:
    """What soft labels (N, classes) are, and how that is known.

    Args:
        declared: what the format says of them; rows that sum to 1 and are not negative are probabilities all the same.

    Raises:
        UserError: two readings fit.
    """
    values = rows.double()
    sums, positive = values.sum(dim=1), bool((values >= 0).all())
    if positive and bool(((sums - 1).abs() <= ROW_SUM_TOLERANCE).all()):
        return "probabilities", "rows from 0 that sum to 1"
    if declared is not None:
        return declared, "the format's"
    if positive:
        raise UserError(_ask("rows from 0 that do not sum to 1", ("unnormalised", "logits")))
    if bool((sums.abs() <= ROW_SUM_TOLERANCE).all()):
        raise UserError(_ask("rows that sum to 0", ("centred", "logits")))
    return "logits", "rows of any sign and sum"


def _ask(found: str, readings: tuple[SoftLabelForm, ...]) -> str:
    assert set(readings) <= set(get_args(SoftLabelForm))
    fits = f"soft labels are {found}: fits {' and '.join(readings)}"
    return f"{fits}; say which with soft_label_form = {readings[0]} (--labels)"


def seam(pictures: Tensor, factor: int = 2) -> float:
    """How much rougher pictures are along the borders of a grid of `factor` x `factor` parts than beside them.

    About 1 for one picture, well above for a mosaic; 1 where the parts are too small to tell.
    """
    side = min(pictures.shape[-2:]) // factor
    if side < 4:
        return 1.0
    values = pictures.float()
    down, right = (values.diff(dim=dim).abs().mean(dim=(0, 1, 3 if dim == 2 else 2)) for dim in (2, 3))
    ratios = []
    for steps in (down, right):
        border = [k * (len(steps) + 1) // factor - 1 for k in range(1, factor)]
        beside = [place + shift for place in border for shift in (-2, -1, 1, 2)]
        ratios.append(float(steps[border].mean() / steps[beside].mean().clamp_min(1e-6)))
    return min(ratios)


def is_mosaic(pictures: Tensor) -> bool:
    """Whether pictures look like 2x2 mosaics."""
    return seam(pictures) > SEAM
