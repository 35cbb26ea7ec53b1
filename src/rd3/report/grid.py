"""Contact sheets: a class a column, its images below each other, in one PNG."""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.images import as_levels

GAP = 1


@dataclass(frozen=True)
class Sheet:
    """A contact sheet.

    Attributes:
        png: the picture; the gaps between images are transparent.
        width, height: in pixels.
        side: the longer side of one image as shown, in pixels.
        shown: the classes on it, in the order of the columns.
        note: how many images and classes there are beyond the ones shown, or an empty string.
    """

    png: bytes
    width: int
    height: int
    side: int
    shown: tuple[int, ...]
    note: str


def contact_sheet(
    images: Tensor,
    labels: Tensor,
    *,
    per_class: int = 10,
    max_classes: int = 20,
    max_side: int = 112,
    usual_side: int = 1,
) -> Sheet:
    """The first images of each class, in the order of the labels.

    Args:
        images: uint8 or raw float32, shape (N, C, H, W), with one or three channels.
        labels: int, shape (N,).
        per_class, max_classes: how many are shown at most.
        max_side: larger images are averaged down to this side, in pixels.
        usual_side: smaller images are repeated pixel by pixel, a whole number of times, to about this side.

    Raises:
        UserError: there is no image, or it has neither one nor three channels.
    """
    assert images.ndim == 4, f"images have shape (N, C, H, W), not {tuple(images.shape)}"
    assert labels.shape == images.shape[:1]
    if len(images) == 0 or images.shape[1] not in (1, 3):
        raise UserError(f"images of shape {tuple(images.shape)} cannot be shown: expected (N, 1 or 3, H, W) with N > 0")
    images, labels = as_levels(images.cpu()), labels.cpu()
    classes = [int(label) for label in labels.unique()]
    shown = classes[:max_classes]
    columns = [_enlarge(_shrink(images[labels == label][:per_class], max_side), usual_side) for label in shown]
    canvas = _lay_out(columns)
    note = _note(labels, shown, len(classes), per_class)
    side = max(columns[0].shape[-2:])
    return Sheet(_png(canvas), canvas.shape[2], canvas.shape[1], side, tuple(shown), note)


def _lay_out(columns: list[Tensor]) -> Tensor:
    """Columns of tiles as one picture with an alpha channel: uint8, shape (C + 1, height, width)."""
    channels, height, width = columns[0].shape[1:]
    rows = max(len(column) for column in columns)
    size = (channels + 1, rows * (height + GAP) - GAP, len(columns) * (width + GAP) - GAP)
    canvas = torch.zeros(size, dtype=torch.uint8)
    for j, column in enumerate(columns):
        for i, tile in enumerate(column):
            place = canvas[:, i * (height + GAP) :, j * (width + GAP) :][:, :height, :width]
            place[:channels] = tile
            place[channels] = 255
    return canvas


def _shrink(images: Tensor, max_side: int) -> Tensor:
    height, width = images.shape[-2:]
    factor = max(height, width) / max_side
    if factor <= 1:
        return images
    size = (max(1, round(height / factor)), max(1, round(width / factor)))
    small = torch.nn.functional.interpolate(images.float(), size, mode="bilinear", antialias=True)
    return small.round().clamp(0, 255).to(torch.uint8)


def _enlarge(images: Tensor, usual_side: int) -> Tensor:
    times = max(1, round(usual_side / max(images.shape[-2:])))
    return images.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)


def _note(labels: Tensor, shown: list[int], classes: int, per_class: int) -> str:
    most = int(torch.bincount(labels).max())
    parts = [f"the first {per_class} of {most} images per class"] if most > per_class else []
    parts += [f"the first {len(shown)} of {classes} classes"] if classes > len(shown) else []
    return "Shown: " + " and ".join(parts) + "." if parts else ""


def _png(canvas: Tensor) -> bytes:
    from PIL import Image

    pixels = canvas.permute(1, 2, 0).contiguous().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return file.getvalue()
