"""What trained experts say of real images: which they recognise, and what they label them with.

DATM starts from both (Guo et al. 2024, ICLR, arXiv 2310.05773, section 3.3).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rd3.matching.experts import Experts
from rd3.matching.inputs import RealImages
from rd3.matching.student import Student

CHUNK = 256


def recognised(
    experts: Experts, student: Student, real: RealImages, *, classes: int, ipc: int, generator: torch.Generator
) -> Tensor:
    """Rows of `ipc` random real images of every class that an expert gets right at the end of its training.

    The first expert chooses; where it gets too few right the next one goes on. Where no expert finds enough, images
    that none gets right fill the class.

    Returns:
        int64 (classes · ipc,), class by class.
    """
    orders = [real.of_class(label, generator) for label in range(classes)]
    return torch.cat([_of_class(experts, student, real, order, label, ipc) for label, order in enumerate(orders)])


def _of_class(experts: Experts, student: Student, real: RealImages, order: Tensor, label: int, ipc: int) -> Tensor:
    found = order[:0]
    left = order
    for number in range(experts.count):
        right = _right(experts, student, real, number, left, label, wanted=ipc - len(found))
        found, left = torch.cat([found, left[right][: ipc - len(found)]]), left[~right]
        if len(found) == ipc:
            return found
    return torch.cat([found, left[: ipc - len(found)]])


def _right(
    experts: Experts, student: Student, real: RealImages, number: int, rows: Tensor, label: int, *, wanted: int
) -> Tensor:
    """Which rows an expert gets right; it stops looking where there are enough."""
    right = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    final = experts[number][-1].to(rows.device)
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        with torch.no_grad():
            right[part] = student(final, real.batch(rows[part])).argmax(1) == label
        if int(right.sum()) >= wanted:
            break
    return right


def mean_logits(experts: Experts, student: Student, images: Tensor, labels: Tensor) -> Tensor:
    """Logits (N, classes) of trained experts, averaged over those that get the image right; over all where none does.

    Args:
        images: (N, C, H, W) as networks take them.
        labels: int64 (N,).
    """
    everybody = wise = torch.zeros(())
    votes = torch.zeros(len(images), 1, device=images.device)
    for number in range(experts.count):
        logits = _logits(student, experts[number][-1].to(images.device), images)
        right = (logits.argmax(1) == labels)[:, None].to(logits.dtype)
        everybody, wise, votes = everybody + logits, wise + right * logits, votes + right
    return torch.where(votes > 0, wise / votes.clamp_min(1), everybody / experts.count)


@torch.no_grad()
def _logits(student: Student, parameters: Tensor, images: Tensor) -> Tensor:
    return torch.cat([student(parameters, part) for part in images.split(CHUNK)])
