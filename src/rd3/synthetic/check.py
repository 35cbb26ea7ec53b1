"""Whether a synthetic belongs to a target."""

from __future__ import annotations

from itertools import count

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.spaces import NO_WAY_BACK
from rd3.data.target import Target
from rd3.synthetic.artifact import Synthetic

CLAMPED_WORTH_SAYING = 0.01
FAR, FAR_WORTH_SAYING = 1.0, 0.05


def check(synthetic: Synthetic, target: Target) -> list[str]:
    """Hold a synthetic against the real data it is to be judged on.

    Returns:
        Warnings, one line each; empty if nothing is odd.

    Raises:
        UserError: image shapes or classes do not agree.
    """
    require_shape(synthetic.shape, target)
    require_classes(synthetic.classes, target)
    return [*_class_warnings(synthetic, target), *_pixel_warnings(synthetic)]


def require_shape(shape: tuple[int, int, int], target: Target) -> None:
    """Refuse images (channels, height, width) that are not the target's.

    Raises:
        UserError: names both shapes.
    """
    if tuple(shape) != tuple(target.train.shape):
        theirs, ours = _shape_words(target.train.shape), _shape_words(shape)
        raise UserError(f"images are {ours}, but those of target '{target.name}' are {theirs}")


def require_classes(classes: tuple[str, ...], target: Target) -> None:
    """Refuse class names in another number or order; names 0, 1, 2, … say nothing and pass.

    Raises:
        UserError: names the first class that differs.
    """
    if len(classes) != len(target.classes):
        raise UserError(f"{len(classes)} classes, but target '{target.name}' has {len(target.classes)}")
    if classes == target.classes or unnamed(classes):
        return
    index, ours, theirs = next(
        triple for triple in zip(count(), classes, target.classes, strict=False) if triple[1] != triple[2]
    )
    order = "; the same names in another order" if set(classes) == set(target.classes) else ""
    raise UserError(f"class {index} is '{ours}', but target '{target.name}' calls it '{theirs}'{order}")


def unnamed(classes: tuple[str, ...]) -> bool:
    """Whether the names are just 0, 1, 2, …"""
    return classes == tuple(map(str, range(len(classes))))


def _shape_words(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"


def _class_warnings(synthetic: Synthetic, target: Target) -> list[str]:
    warnings, manifest = [], synthetic.manifest
    counts = torch.bincount(synthetic.labels.cpu(), minlength=len(target.classes))
    if manifest.decode is not None:
        images = len(synthetic)
        parts = manifest.decode.parts
        warnings.append(
            f"decoded x{parts}: {images} stored images give {parts * images}; IPC and bytes count the stored ones"
        )
    if synthetic.ipc is None:
        warnings.append(f"unbalanced: classes have {int(counts.min())} to {int(counts.max())} images")
    named = manifest.info.get("named_classes", not unnamed(manifest.classes))
    if not named and not unnamed(target.classes):
        warnings.append("it has no class names: that label k is the target's class k is taken on trust")
    if manifest.target_fingerprint not in (None, target.fingerprint):
        warnings.append(f"it was distilled from '{manifest.target}', which is not the same data as '{target.name}'")
    return warnings


def require_raw(synthetic: Synthetic) -> None:
    """Refuse pixels that were imported to be looked at, as no protocol can read them.

    Raises:
        UserError: their space has no way back to raw pixels.
    """
    space = synthetic.manifest.space
    if space in NO_WAY_BACK:
        raise UserError(
            f"{synthetic.manifest.method}: its pixels are {space}, which cannot be undone; it can be looked at, and"
            " judged only by a protocol in that space, of which there is none"
        )


def _range_warnings(images: Tensor) -> list[str]:
    """Distilled pixels may leave [0, 1] by some; whole pictures that do were normalised, or are in 0..255."""
    share = float(((images < -FAR) | (images > 1 + FAR)).float().mean())
    if share <= FAR_WORTH_SAYING:
        return []
    low, high = float(images.min()), float(images.max())
    return [f"{share:.0%} of its pixel values are far outside [0, 1] ({low:.3g} to {high:.3g}): are they normalised?"]


def _pixel_warnings(synthetic: Synthetic) -> list[str]:
    warnings, images = [], synthetic.images
    if images.is_floating_point():
        if synthetic.manifest.space in (None, "raw01"):  # those of others were brought back, and say what they were
            warnings += _range_warnings(images)
    elif int(images.max()) <= 1:
        warnings.append("no pixel is above 1 of 255: floats in [0, 1] were probably cut to integers")
    flat = images.flatten(1)
    blank = int((flat.amax(1) == flat.amin(1)).sum())
    if blank:
        warnings.append(f"{blank} of {len(images)} images are of one flat colour")
    clamped = synthetic.manifest.info.get("clamped")
    if isinstance(clamped, float) and clamped > CLAMPED_WORTH_SAYING:
        warnings.append(f"{clamped:.1%} of its pixel values were outside the valid range and clamped at import")
    return warnings
