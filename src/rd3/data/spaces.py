"""What the numbers of distilled pixels mean, and the way back to raw ones: 0 black, 1 white, not clamped.

`raw01` is raw already. The others are normalised per channel, or whitened (`zca_*`, see `rd3.data.whitening`):

- `norm_dc` with the statistics of the DC family (arXiv 2006.05929), whose std for CIFAR-10 is the mean of the pictures'
  own;
- `norm_cifar10` with those of CIFAR-10 whatever the data, as MTT (arXiv 2203.11932) and its successors do on CIFAR-100;
- `norm_imagenet` with ImageNet's;
- `norm_true` with the mean and std of the target's training pixels, `norm_target` with those that the target has in
  rd3.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.images import as_unit
from rd3.data.target import Target
from rd3.data.whitening import EPSILON, WhiteningKind, unit_rows, whitening_of

PixelSpace = Literal[
    "raw01",
    "norm_dc",
    "norm_cifar10",
    "norm_imagenet",
    "norm_true",
    "norm_target",
    "zca_kornia",
    "zca_kip",
    "zca_frepo",
]
Statistics = tuple[tuple[float, ...], tuple[float, ...]]

WHITENINGS: dict[PixelSpace, WhiteningKind] = {"zca_kornia": "kornia", "zca_kip": "kip", "zca_frepo": "frepo"}
NO_WAY_BACK: frozenset[PixelSpace] = frozenset({"zca_kip"})
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENETS = ("imagenet-1k", "imagenette", "imagewoof")
WNID = re.compile(
    r"n\d{8}", re.ASCII
)  # the WordNet ids that ImageNet's classes, and those of its subsets, are known by
DC_FAMILY: dict[str, Statistics] = {
    "mnist": ((0.1307,), (0.3081,)),
    "fashion-mnist": ((0.2861,), (0.3530,)),
    "svhn": ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
    "tiny-imagenet": IMAGENET,
}
SAMPLE = 2000  # pictures that are enough to know a space by


def statistics_in(space: PixelSpace, target: Target) -> Statistics:
    """(mean, std) per channel that a normalised space subtracts and divides by.

    Raises:
        UserError: the DC family has none for this target, or they are of another number of channels.
    """
    if space == "norm_target":
        return target.mean, target.std
    if space == "norm_true":
        return _measured(target)
    found = published_statistics(space, target.name)
    if found is None:
        raise UserError(f"{space}: the DC family has no statistics for '{target.name}'; say norm_target or norm_true")
    if len(found[0]) != target.channels:
        raise UserError(f"{space}: has {len(found[0])} channels, target '{target.name}' has {target.channels}")
    return found


def usual_for(space: PixelSpace, target: Target) -> bool:
    """Whether anybody stores a target's pictures so: borrowed statistics are for targets without any of their own."""
    if space == "norm_dc":
        return published_statistics(space, target.name) is not None
    if space == "norm_cifar10":
        return target.name == "cifar100"
    return space != "norm_imagenet" or (published_statistics("norm_dc", target.name) is None and target.channels == 3)


def is_borrowed(space: PixelSpace, target: Target) -> bool:
    """Whether statistics are of other data, and nothing says that anybody normalises this target's pictures by them."""
    if space == "norm_imagenet":
        return target.name not in IMAGENETS and not all(map(WNID.fullmatch, target.classes))
    return space == "norm_cifar10" and target.name not in ("cifar10", "cifar100")


def published_statistics(space: PixelSpace, name: str) -> Statistics | None:
    """(mean, std) of a space that takes them from papers, by the target's name; None where those have none for it."""
    known = {"norm_cifar10": DC_FAMILY["cifar10"], "norm_imagenet": IMAGENET}
    return known.get(space) or DC_FAMILY.get(name.removesuffix("5k"))


def to_raw(pictures: Tensor, space: PixelSpace, target: Target | None) -> Tensor:
    """Float32 pictures (N, C, H, W) of a space as raw ones; those of a space without a way back stay as they are.

    Raises:
        UserError: the space is not of that target.
    """
    if space == "raw01" or space in NO_WAY_BACK:
        return pictures
    assert target is not None, f"{space} needs the target"
    if space in WHITENINGS:
        return whitening_of(target, WHITENINGS[space], EPSILON, torch.device("cpu")).undo(pictures)
    mean, std = (pictures.new_tensor(values).view(-1, 1, 1) for values in statistics_in(space, target))
    return pictures * std + mean


def from_raw(pictures: Tensor, space: PixelSpace, target: Target) -> Tensor:
    """Raw float32 pictures (N, C, H, W) as those of a space; `to_raw` brings them back, but for rounding.

    Raises:
        UserError: the space is not of that target.
    """
    if space == "raw01":
        return pictures
    if space in WHITENINGS:
        return whitening_of(target, WHITENINGS[space], EPSILON, torch.device("cpu"))(pictures)
    return normalised(pictures, statistics_in(space, target))


def normalised(pictures: Tensor, statistics: Statistics) -> Tensor:
    """Pictures (N, C, H, W) less the mean of their channel, divided by its std."""
    mean, std = (pictures.new_tensor(values).view(-1, 1, 1) for values in statistics)
    return (pictures - mean) / std


class Fingerprint(NamedTuple):
    """What pixels of a space look like over all pictures: their mean and standard deviation."""

    mean: float
    deviation: float


def fingerprint_in(space: PixelSpace, target: Target) -> Fingerprint:
    """Of the target's real training pictures, estimated from some of them."""
    if space in WHITENINGS:
        return Fingerprint(0.0, _whitened_deviation(WHITENINGS[space], _sample(target)))
    mean, std = ((0.0,) * target.channels, (1.0,) * target.channels)
    if space != "raw01":
        mean, std = statistics_in(space, target)
    pictures = _sample(target)
    values = normalised(pictures, (mean, std))
    return Fingerprint(float(values.mean()), float(values.std(correction=0)))


@lru_cache(maxsize=8)
def _whitened_deviation(kind: WhiteningKind, pictures: Tensor) -> float:
    """By the spectrum alone: directions of variance s come out with s / (s + r)."""
    rows = pictures.flatten(1).double()
    if kind == "kip":
        rows = unit_rows(rows)
    else:
        rows = rows - rows.mean(dim=0)
        if kind == "frepo":
            per_channel = pictures.std(dim=(0, 2, 3), correction=0).double().clamp_min(1e-6)
            rows = rows / per_channel.repeat_interleave(rows.shape[1] // len(per_channel))
    gram = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    variances = torch.linalg.eigvalsh(gram).clamp_min(0) / len(rows)
    regularisation = EPSILON if kind == "kornia" else EPSILON * float(variances.sum()) / rows.shape[1]
    return math.sqrt(float((variances / (variances + regularisation)).sum()) / rows.shape[1])


@lru_cache(maxsize=2)
def _sample(target: Target) -> Tensor:
    """Raw training pictures, evenly spread over the split."""
    count = min(SAMPLE, len(target.train))
    indices = torch.arange(count, device=target.train.labels.device) * len(target.train) // count
    return as_unit(target.train.batch(indices)).cpu()


@lru_cache(maxsize=2)
def _measured(target: Target) -> Statistics:
    total = square = torch.zeros(target.channels, dtype=torch.double)
    for part in torch.arange(len(target.train), device=target.train.labels.device).split(2048):
        pixels = as_unit(target.train.batch(part)).cpu().double()
        total, square = total + pixels.mean(dim=(2, 3)).sum(0), square + (pixels**2).mean(dim=(2, 3)).sum(0)
    mean, square = total / len(target.train), square / len(target.train)
    return tuple(mean.tolist()), tuple((square - mean**2).sqrt().tolist())
