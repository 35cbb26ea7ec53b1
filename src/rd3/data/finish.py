"""The last step of every source: checks, statistics, and the target."""

from __future__ import annotations

import math

import torch

from rd3.base.errors import UserError
from rd3.data.images import Images, MemoryImages
from rd3.data.source import Content, Published, Source
from rd3.data.target import Target, TargetSpec

STREAMED_SAMPLE = 8_192
CHUNK = 512


def finish(content: Content, spec: TargetSpec, source: Source) -> Target:
    """Check what was read against what the name promises, and add the statistics.

    Raises:
        UserError: too many classes, another number of channels, or a class without training images.
    """
    check(content, spec.name, source)
    statistics = content.published or source.published or measured(content.train)
    flip = source.flip_keeps_class if content.flip_keeps_class is None else content.flip_keeps_class
    return Target(
        spec=spec,
        train=content.train,
        test=content.test,
        classes=content.classes,
        mean=statistics.mean,
        std=statistics.std,
        statistics=statistics.origin,
        flip_keeps_class=flip if spec.flip is None else spec.flip,
        pixel_hash=content.fingerprint,
        notes=content.notes + subset_notes(content, spec.name, source),
    )


def check(content: Content, name: str, source: Source) -> None:
    """Refuse what cannot be a target, or not this one."""
    found, channels = len(content.classes), content.train.shape[0]
    if found < 2:
        raise UserError(f"target '{name}': found {found} class; a classifier needs at least 2")
    if source.classes is not None and found > source.classes:
        raise UserError(f"target '{name}': found {found} classes; {name} has {source.classes}")
    if source.channels not in (None, channels):
        raise UserError(f"target '{name}': found images of {channels} channels; {name} has {source.channels}")
    if content.train.shape != content.test.shape:
        shapes = [" x ".join(map(str, split.shape)) for split in (content.train, content.test)]
        raise UserError(f"target '{name}': training images are {shapes[0]}, test images {shapes[1]}")
    counts = torch.bincount(content.train.labels, minlength=found)
    if not bool(counts.all()):
        raise UserError(f"target '{name}': class '{content.classes[int(counts.argmin())]}' has no training image")


def measured(images: Images) -> Published:
    """Mean and standard deviation per channel over all pixels in [0, 1], exact; over a sample if images are streamed.

    The standard deviation is that of the pixels (divided by their number), not the mean of per-image deviations.
    """
    whole = isinstance(images, MemoryImages) or len(images) <= STREAMED_SAMPLE
    count = len(images) if whole else STREAMED_SAMPLE
    chosen = torch.arange(count) * len(images) // count
    sums = torch.zeros(2, images.shape[0], dtype=torch.int64)
    for indices in torch.split(chosen, CHUNK):
        pixels = images.batch(indices).long()
        # Whole numbers: the sums are exact, so no order of summing can change a bit.
        sums += torch.stack([pixels.sum((0, 2, 3)), pixels.square().sum((0, 2, 3))])
    pixels_each = count * images.shape[1] * images.shape[2]
    totals, squares = sums.tolist()
    mean = tuple(total / pixels_each / 255 for total in totals)
    std = tuple(
        math.sqrt(square * pixels_each - total * total) / pixels_each / 255
        for total, square in zip(totals, squares, strict=True)
    )
    return Published(mean, std, "measured on train" if whole else f"measured on {count} images of train")


def subset_notes(content: Content, name: str, source: Source) -> tuple[str, ...]:
    """What is missing of a named data set: results on a part do not compare with published ones."""
    found = len(content.classes), len(content.train), len(content.test)
    promised = source.classes, *(source.images or (None, None))
    parts = zip(("classes", "training images", "test images"), found, promised, strict=True)
    return tuple(
        f"not all of {name}: {have:,} of {all_of_it:,} {what}"
        for what, have, all_of_it in parts
        if all_of_it is not None and have != all_of_it
    )
