"""Losses of post-evaluation. B = batch, C = classes, s = student logits, t = teacher logits, T = temperature."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from rd3.base.spec import GrowingSpec

REGRESSIONS = ("mse-gt", "mse-centred")  # they compare numbers, and take no softmax


class Labels(NamedTuple):
    """What a batch is labelled with.

    Attributes:
        hard: int64 (B,), each image's own label.
        partner: int64 (B,), the label of the image it was mixed with, or None.
        weight: 0-d, weight of `hard` against `partner`; None where labels are not mixed.
        teacher_logits: float (B, C), or None.
    """

    hard: Tensor
    partner: Tensor | None = None
    weight: Tensor | None = None
    teacher_logits: Tensor | None = None

    def part(self, rows: slice) -> Labels:
        """The labels of some rows of the batch."""
        own, partner, weight, teacher = self
        return Labels(own[rows], _rows(partner, rows), weight, _rows(teacher, rows))


class Loss(GrowingSpec):
    """A loss by name; a kind ignores the settings that are not its own.

    Attributes:
        kind: `ce`, on hard labels; `soft-ce`, `kl` or `mse-gt`, on a teacher's; `mse-centred`, the squared error of
            static labels that are targets of a regression, as FRePo (arXiv 2206.00719) learns them.
        temperature: of both softmaxes (`kl`, `soft-ce`).
        t2: whether the loss is multiplied by temperature².
        gamma: a soft loss is joined by gamma·CE(s, y). With `mse-gt` that is the loss of G-VBSM (arXiv 2311.17950) and
            EDC (arXiv 2404.13733).
        gt_label: that y: the image's `own` label even where images are mixed, or `mixed` like hard labels.
        label_smoothing: of the hard labels.
    """

    later: ClassVar[frozenset[str]] = frozenset({"gt_label"})

    kind: Literal["ce", "soft-ce", "kl", "mse-gt", "mse-centred"]
    temperature: float = Field(default=1.0, gt=0)
    t2: bool = False
    gamma: float = Field(default=0.0, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    gt_label: Literal["own", "mixed"] = "own"

    @property
    def needs_teacher(self) -> bool:
        """Whether `Labels.teacher_logits` must be given."""
        return self.kind != "ce"

    def __call__(self, logits: Tensor, labels: Labels) -> Tensor:
        """The loss (0-d) of student logits (B, C)."""
        if self.kind == "ce":
            return ce(logits, labels, label_smoothing=self.label_smoothing)
        loss = self._soft(logits, labels.teacher_logits)
        if self.gamma == 0:
            return loss
        truth = labels if self.gt_label == "mixed" else Labels(labels.hard)
        return loss + self.gamma * ce(logits, truth, label_smoothing=self.label_smoothing)

    def _soft(self, logits: Tensor, teacher: Tensor | None) -> Tensor:
        assert teacher is not None, f"{self.kind} needs teacher logits"
        if self.kind in REGRESSIONS:
            return mse(logits, teacher)
        soft = kl if self.kind == "kl" else soft_ce
        return soft(logits, teacher, temperature=self.temperature, t2=self.t2)


def ce(logits: Tensor, labels: Labels, *, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy; for mixed images weight·CE(own label) + (1 − weight)·CE(partner's label)."""
    own = F.cross_entropy(logits, labels.hard, label_smoothing=label_smoothing)
    if labels.partner is None or labels.weight is None:
        return own
    partner = F.cross_entropy(logits, labels.partner, label_smoothing=label_smoothing)
    return labels.weight * own + (1 - labels.weight) * partner


def soft_ce(logits: Tensor, teacher: Tensor, *, temperature: float = 1.0, t2: bool = False) -> Tensor:
    """−1/B Σ softmax(t/T) · log softmax(s/T); KL plus the entropy of the teacher."""
    scale = temperature**2 if t2 else 1.0
    return scale * F.cross_entropy(logits / temperature, F.softmax(teacher / temperature, dim=1))


def kl(logits: Tensor, teacher: Tensor, *, temperature: float = 1.0, t2: bool = False) -> Tensor:
    """KL(teacher ‖ student) = 1/B Σ p (log p − log q), p = softmax(t/T), q = softmax(s/T), times T² if `t2`.

    Source: Hinton et al., 2015 (arXiv 1503.02531); most decoupled methods leave out T², which divides the gradient
    by about T².
    """
    student = F.log_softmax(logits / temperature, dim=1)
    target = F.log_softmax(teacher / temperature, dim=1)
    scale = temperature**2 if t2 else 1.0
    return scale * F.kl_div(student, target, reduction="batchmean", log_target=True)


def mse(logits: Tensor, teacher: Tensor) -> Tensor:
    """Mean over B·C of (s − t)²."""
    return F.mse_loss(logits, teacher)


def frepo_scale(classes: int) -> float:
    """√(C/10), which FRePo (arXiv 2206.00719) divides centred labels by: 1 for ten classes."""
    return (classes / 10) ** 0.5


def centred(probabilities: Tensor) -> Tensor:
    """(p − 1/C) / √(C/10), rows (N, C): what FRePo (arXiv 2206.00719) regresses on, for one-hot rows at its start."""
    classes = probabilities.shape[1]
    scaled: Tensor = (probabilities - 1 / classes) / frepo_scale(classes)
    return scaled


def _rows(values: Tensor | None, rows: slice) -> Tensor | None:
    return None if values is None else values[rows]
