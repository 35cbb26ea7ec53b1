"""Contact sheets: a class a row, in one PNG."""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch
from torch import Tensor

from rd3.base.errors import UserError

GAP = 1


@dataclass(frozen=True)
class Sheet:
    """A contact sheet.

    Attributes:
        png: the picture; the gaps between images are transparent.
        width, height: in pixels.
        side: the longer side of one image as shown, in pixels.
        shown: the classes on it, in order; one a row, or one a column if there is one image per class.
        note: how many images and classes there are beyond the ones shown, or an empty string.
    """

    png: bytes
    width: int
    height: int
    side: int
    shown: tuple[int, ...]
    note: str


def contact_sheet(
    images: Tensor, labels: Tensor, *, per_class: int = 10, max_classes: int = 20, max_side: int = 112
) -> Sheet:
    """The first images of each class, in the order of the labels.

    Args:
        images: uint8, shape (N, C, H, W), with one or three channels.
        labels: int, shape (N,).
        per_class, max_classes: how many are shown at most.
        max_side: larger images are averaged down to this side, in pixels.

    Raises:
        UserError: there is no image, or it has neither one nor three channels.
    """
    assert images.dtype == torch.uint8, f"images are uint8, not {images.dtype}"
    assert images.ndim == 4, f"images have shape (N, C, H, W), not {tuple(images.shape)}"
    assert labels.shape == images.shape[:1]
    if len(images) == 0 or images.shape[1] not in (1, 3):
        raise UserError(f"images of shape {tuple(images.shape)} cannot be shown: expected (N, 1 or 3, H, W) with N > 0")
    images, labels = images.cpu(), labels.cpu()
    classes = [int(label) for label in labels.unique()]
    shown = classes[:max_classes]
    chosen = [images[labels == label][:per_class] for label in shown]
    chosen = [_shrink(row, max_side) for row in chosen]
    # A sheet with one image a class would be a tall strip: it lies down instead.
    if all(len(row) == 1 for row in chosen):
        chosen = [torch.cat(chosen)]
    canvas = _lay_out(chosen)
    note = _note(labels, shown, len(classes), per_class)
    side = max(chosen[0].shape[-2:])
    return Sheet(_png(canvas), canvas.shape[2], canvas.shape[1], side, tuple(shown), note)


def _lay_out(rows: list[Tensor]) -> Tensor:
    """Rows of tiles as one picture with an alpha channel: uint8, shape (C + 1, height, width)."""
    channels, height, width = rows[0].shape[1:]
    columns = max(len(row) for row in rows)
    size = (channels + 1, len(rows) * (height + GAP) - GAP, columns * (width + GAP) - GAP)
    canvas = torch.zeros(size, dtype=torch.uint8)
    for i, row in enumerate(rows):
        for j, tile in enumerate(row):
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
