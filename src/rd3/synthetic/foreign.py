"""From arrays of unknown origin to a `Synthetic`: everything is checked before it is believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.spec import fingerprint_of
from rd3.data.mosaic import Decode
from rd3.data.spaces import PixelSpace
from rd3.synthetic.artifact import Manifest, Synthetic, balanced_ipc, content_fingerprint
from rd3.synthetic.check import require_classes, require_shape
from rd3.synthetic.detect import is_mosaic, space_of
from rd3.synthetic.format import Request
from rd3.synthetic.labels import Labels, in_target_order, read_labels
from rd3.synthetic.pixels import Array, Pixels, arrange, require_numbers, to_pixels
from rd3.synthetic.soft_labels import SoftLabelForm
from rd3.synthetic.validity import require_valid

MOST_CLASSES = 10**6  # a damaged label must not make names without end
READINGS = "read_as"  # key of `Manifest.info`: what -> [reading, how that is known]


@dataclass(frozen=True)
class Raw:
    """What a foreign file holds, before it is judged.

    Attributes:
        pixels: (N, H, W), (N, H, W, C) or (N, C, H, W), any dtype.
        labels: one class index an image, or one row of soft labels an image, any dtype; None where those are in
            `soft_labels` alone.
        soft_labels: one row an image, or None.
        soft_label_form: what the soft labels are, or None where the file does not say.
        learned_lr: the student's rate that the file brings.
        classes: class names in label order, or None where the file does not say.
        info: what is worth keeping in the manifest.
        spaces: what float pixels of this format can be; empty where anything is possible, and the caller is asked.
        mosaics: how images are decoded that turn out to be mosaics; None where the format has none.
        decode: how they surely are.
        draw: which of several sets it is.
        readings: what -> [reading, how that is known], of what the format found out by itself.
    """

    pixels: Array
    labels: Array | None
    soft_labels: Array | None = None
    soft_label_form: SoftLabelForm | None = None
    learned_lr: float | None = None
    classes: tuple[str, ...] | None = None
    info: dict[str, Any] = field(default_factory=dict)
    spaces: tuple[PixelSpace, ...] = ()
    mosaics: Decode | None = None
    decode: Decode | None = None
    draw: int = 0
    readings: dict[str, list[str]] = field(default_factory=dict)


def assemble(raw: Raw, request: Request, *, origin: str) -> Synthetic:
    """Check what a file holds and make a synthetic of it.

    Args:
        origin: name of the format.

    Raises:
        UserError: anything that is wrong with it, or with it for the target, or that can be read in two ways.
    """
    target, readings = request.target, dict(raw.readings)
    pixels = _pixels(raw, request, readings)
    images = pixels.images
    labels = read_labels(raw.labels, raw.soft_labels, raw.soft_label_form, request, len(images))
    readings |= labels.readings
    labels, names = _named(labels, raw, request)
    classes = target.classes if target is not None else names or _numbers(labels)
    if target is not None:
        require_shape(_shape(images), target)
        require_classes(names or classes, target)
    require_valid(images, labels.hard, labels.soft, len(classes))
    _require_every_class(labels.hard, classes)
    decode = _decode(raw, request, images, readings)
    info = {**raw.info, "clamped": pixels.clamped, "named_classes": names is not None}
    manifest = Manifest(
        method=request.name,
        target=target.name if target else None,
        target_fingerprint=target.fingerprint if target else None,
        classes=classes,
        ipc=balanced_ipc(labels.hard, len(classes)),
        draw=raw.draw,
        fingerprint=_fingerprint(images, labels, raw.learned_lr, decode, pixels.space),
        info={**info, READINGS: {**readings, **labels.readings}} if readings else info,
        origin=f"imported from {origin}",
        soft_label_form=labels.form if labels.soft is not None else None,
        decode=decode,
        space=pixels.space,
    )
    return Synthetic(images, labels.hard, labels.soft, raw.learned_lr, manifest)


def _named(labels: Labels, raw: Raw, request: Request) -> tuple[Labels, tuple[str, ...] | None]:
    """Labels in the target's order, and the class names that are known of them."""
    if request.classes is None or request.target is None:
        return labels, request.classes or raw.classes
    return in_target_order(labels, request.classes, request.target), request.target.classes


def _pixels(raw: Raw, request: Request, readings: dict[str, list[str]]) -> Pixels:
    target, kind = request.target, request.pixels
    arranged = arrange(raw.pixels, target.train.shape if target else None)
    require_numbers(arranged)
    if arranged.dtype.kind == "f":
        if kind is None and raw.spaces:
            pictures = torch.from_numpy(np.ascontiguousarray(arranged.astype(np.float32)))
            if target is not None:
                require_shape(_shape(pictures), target)
            kind, why = space_of(pictures, raw.spaces, target)
            readings["pixels"] = [kind, why]
        elif kind is not None:
            readings["pixels"] = [kind, request.because]
    pixels = to_pixels(arranged, kind=kind, target=target, quantise=request.quantise)
    if arranged.dtype.kind == "f" and pixels.images.dtype == torch.uint8 and "pixels" in readings:
        readings["pixels"][1] += "; rounded to bytes" if request.quantise else "; every value is that of a byte"
    return pixels


def _decode(raw: Raw, request: Request, images: Tensor, readings: dict[str, list[str]]) -> Decode | None:
    """The caller's word, the format's, or none; images that look like mosaics are asked about.

    Raises:
        UserError: they look like mosaics of a format that has some, and nobody says whether they are.
    """
    if request.decode is not None:
        found = None if request.decode == "none" else request.decode
        readings["decode"] = [_decode_words(found), request.because]
        return found
    if raw.decode is not None:
        readings["decode"] = [_decode_words(raw.decode), "the file's place says so"]
        return raw.decode
    if raw.mosaics is None:
        return None
    if is_mosaic(images):
        option = _decode_words(raw.mosaics)
        raise UserError(
            f"its images look like 2x2 mosaics: say whether they are, with decode = {option} or none (--decode)"
        )
    readings["decode"] = ["none", "no seam through the middle of the images"]
    return None


def _decode_words(decode: Decode | None) -> str:
    return "none" if decode is None else f"{decode.factor}:{decode.order}"


def _fingerprint(
    images: Tensor, labels: Labels, learned_lr: float | None, decode: Decode | None, space: PixelSpace | None
) -> str:
    """Of pixels and labels, and of what is said about them, which decides how they are judged."""
    content = content_fingerprint(images, labels.hard, labels.soft)
    form = labels.form if labels.soft is not None else None
    said: list[Any] = [content, learned_lr, form]
    if decode is not None:
        said.append(decode.as_json())
    if space == "zca_kip":  # the only one whose pixels are kept as they are
        said.append(space)
    return content if said == [content, None, None] else fingerprint_of("imported", said)


def _numbers(labels: Labels) -> tuple[str, ...]:
    count = labels.soft.shape[1] if labels.soft is not None else int(labels.hard.max()) + 1
    if labels.soft is None and count > max(MOST_CLASSES, len(labels.hard)):
        raise UserError(f"label {count - 1}: every class from 0 on needs an image, and there are {len(labels.hard)}")
    return tuple(map(str, range(count)))


def _shape(images: Tensor) -> tuple[int, int, int]:
    channels, height, width = images.shape[1:]
    return channels, height, width


def _require_every_class(labels: Tensor, classes: tuple[str, ...]) -> None:
    counts = torch.bincount(labels, minlength=len(classes))
    empty = [name for name, count in zip(classes, counts.tolist(), strict=True) if count == 0]
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise UserError(f"class '{empty[0]}'{more}: no image")


def joined(parts: list[Raw]) -> Raw:
    """Shards of one set, one after the other, each with pixels and labels alone."""
    labels = [part.labels for part in parts if part.labels is not None]
    assert len(labels) == len(parts), "a shard without labels"
    return replace(parts[0], pixels=np.concatenate([part.pixels for part in parts]), labels=np.concatenate(labels))
