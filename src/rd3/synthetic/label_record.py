"""One batch of a teacher's labels of augmented views, as FKD (arXiv 2112.01528) and SRe2L's family (arXiv 2306.13092)
store it.

A list [coords, flip, mix_index, mix_lam, mix_bbox, soft]; some add parameters of further augmentations after `flip`
(LPQLD), and image indices (G-VBSM, EDC) or weights (WMDD) at the end. The labels are those of the mixed views.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.synthetic.pickled import as_array, container_of, content_of, is_tensor
from rd3.synthetic.soft_labels import SoftLabelForm, inferred_form

FIXED = 4  # mix_index, mix_lam, mix_bbox, soft
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Record:
    """One batch of B views.

    Attributes:
        items: how many the list has.
        soft: float (B, classes), logits or probabilities.
        partner: int64 (B,), the place in the batch of what each view is mixed with; None without mixing.
        lam: share of the own picture as it was drawn, of MixUp the true one.
        box: (x1, y1, x2, y2) in pixels that the partner covers; None of MixUp and without mixing.
        indices: int64 (B,), which image each view is of; None where that is not stored.
        last: what stands after the labels.
        stored_as: type of the labels in the file.
    """

    items: int
    soft: Tensor
    partner: Tensor | None
    lam: float | None
    box: Box | None
    indices: Tensor | None
    last: Literal["indices", "weights"] | None
    stored_as: str

    def __len__(self) -> int:
        return len(self.soft)

    @property
    def form(self) -> SoftLabelForm:
        return inferred_form(self.soft)

    def own_share(self, side: int) -> Tensor:
        """Which part of each view, (B,), is the image's own, for views of `side` pixels.

        Raises:
            UserError: a box does not fit into such a view.
        """
        whole = torch.ones(len(self))
        if self.partner is None:
            return whole
        share = self._mixed_share(side)
        return torch.where(self.partner == torch.arange(len(self)), whole, torch.tensor(share))

    def _mixed_share(self, side: int) -> float:
        if self.box is None:
            assert self.lam is not None, "mixed neither by a box nor by a share"
            return self.lam
        left, top, right, bottom = self.box
        if max(right, bottom) > side:
            raise UserError(f"box {self.box} is outside of a view of {side} pixels: labels of larger pictures")
        return 1 - (right - left) * (bottom - top) / side**2


def record_in(file: Path) -> Record:
    """What a file holds, checked.

    Raises:
        UserError: it is damaged, hostile, or no such record; names the file.
    """
    try:
        if container_of(file) != "torch":
            raise UserError("is no file of torch.save, which these are whatever they are called")
        return _record(content_of(file))
    except UserError as error:
        raise UserError(f"{file.parent.name}/{file.name}: {error}") from None


def _record(content: Any) -> Record:
    if not isinstance(content, (list, tuple)) or not 6 <= len(content) <= 8:
        raise UserError("expected a list of 6 to 8: coords, flip, mix_index, mix_lam, mix_bbox, labels")
    last = _last(content[-1])
    ahead = len(content) - FIXED - (last is not None)  # coords, flip and, of some, parameters of augmentations
    if ahead not in (2, 3):
        raise UserError(f"a list of {len(content)} whose last is {_kind(content[-1])}: no known order of items")
    partner, lam, box, soft = content[ahead : ahead + FIXED]
    labels = _labels(soft)
    count = len(labels)
    as_array(content[0], "coords")
    if content[0].shape != (count, 4):
        raise UserError(f"coords of shape {tuple(content[0].shape)} for {count} labels")
    partners = None if partner is None else _rows(partner, "mix_index", count, below=count)
    share = None if partners is None else _share(lam)
    found = None if partners is None else _box(box)
    if partners is not None and share is None and found is None:
        raise UserError("mix_index without mix_lam and mix_bbox")
    indices = _rows(content[-1], "indices", count) if last == "indices" else None
    return Record(len(content), labels, partners, share, found, indices, last, str(soft.dtype).removeprefix("torch."))


def _last(value: Any) -> Literal["indices", "weights"] | None:
    if not is_tensor(value, dimensions=1):
        return None
    return "weights" if value.is_floating_point() else "indices"


def _labels(value: Any) -> Tensor:
    as_array(value, "labels")
    if value.ndim != 2 or not value.is_floating_point() or 0 in value.shape:
        raise UserError(f"labels: expected floats of shape (views, classes), got {_kind(value)}")
    soft: Tensor = value.detach().float()
    if not bool(soft.isfinite().all()):
        raise UserError("labels: NaN or infinity")
    return soft


def _rows(value: Any, what: str, count: int, below: int | None = None) -> Tensor:
    as_array(value, what)
    if value.shape != (count,) or value.is_floating_point() or value.dtype == torch.bool:
        raise UserError(f"{what}: expected {count} whole numbers, got {_kind(value)}")
    rows: Tensor = value.to(torch.int64)
    if int(rows.min()) < 0 or (below is not None and int(rows.max()) >= below):
        allowed = "0 or more" if below is None else f"0 .. {below - 1}"
        raise UserError(f"{what}: from {int(rows.min())} to {int(rows.max())}, expected {allowed}")
    return rows


def _share(value: Any) -> float | None:
    if value is None:
        return None
    try:
        share = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise UserError(f"mix_lam: expected a number, got {_kind(value)}") from None
    if not 0 <= share <= 1:
        raise UserError(f"mix_lam = {share:g}: expected 0 .. 1")
    return share


def _box(value: Any) -> Box | None:
    if value is None:
        return None
    try:
        left, top, right, bottom = (int(each) for each in value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise UserError(f"mix_bbox: expected [x1, y1, x2, y2], got {_kind(value)}") from None
    if not (0 <= left <= right and 0 <= top <= bottom):
        raise UserError(f"mix_bbox = {[left, top, right, bottom]}: no box")
    return left, top, right, bottom


def _kind(value: Any) -> str:
    shape = f" of shape {tuple(value.shape)}" if is_tensor(value) else ""
    return f"{type(value).__name__}{shape}"
