"""What the images of a plan item are optimised for.

An `Objective` is made for every plan item and then gives the loss of every iteration. Teachers that take turns, a
committee, a perturbed teacher or an extra term are objectives made of objectives; the loop knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from rd3.recover.match import Match
from rd3.recover.plan import PlanItem
from rd3.recover.precision import Precision, autocast, full, needs_scaling
from rd3.recover.repeated import Repeated
from rd3.recover.view import Transform


@dataclass(frozen=True)
class Look:
    """One iteration, as an objective sees it.

    Attributes:
        images: the optimised images that are active, normalised (B, C, H, W).
        view: what `transform` made of them.
        transform: this iteration's crop, flip and roll, to show other images the same way.
        item: labels and slots of the active images.
        iteration: from 0, counted over all stages; `iterations` is their sum.
        average: the running average of the images before this iteration, (B, C, H, W), where a loss wants one.
    """

    images: Tensor
    view: Tensor
    transform: Transform
    item: PlanItem
    iteration: int
    iterations: int
    average: Tensor | None = None


Loss = Callable[[Look], Tensor]
OfLogits = Callable[[Tensor, Look], Tensor]  # (logits of the view, the look) -> a scalar
Objective = Callable[[PlanItem, Tensor], Loss]  # (item, the images it starts from) -> loss


class TeacherLoss:
    """r_ce · CE(f(Z), y) + Σ weight · match, for one teacher in eval mode.

    Args:
        model: a network of its own (`rd3.recover.teachers.private_copy`), in which the matches have their hooks.
        matches: (coefficient, term); the coefficient is r_bn of the papers.
        ce_weight: r_ce.
        of_logits: (coefficient, term) of the logits of the view.
        precision: of the network's layers.
        refused: told why the passes cannot be captured on a GPU; they are called then.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        matches: Sequence[tuple[float, Match]] = (),
        ce_weight: float = 1.0,
        of_logits: Sequence[tuple[float, OfLogits]] = (),
        precision: Precision = "float32",
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.model = model
        self._matches, self._of_logits = matches, of_logits
        self._ce_weight, self._precision = ce_weight, precision
        self._refused, self._called = refused, False

    def start(self, item: PlanItem) -> Loss:
        """The loss of an item, with nothing left of the one before; what is captured of it goes when it goes."""
        self._forget(item)
        if self._called or not self.repeats:
            return self
        alone = Repeated(lambda view, item: self._of_view(view, item)[0], refused=self._refuse)
        return lambda look: alone(look.view, look.item)

    def _forget(self, item: PlanItem) -> None:
        for _, match in self._matches:
            match.start(item)

    def _refuse(self, reason: str, item: PlanItem) -> None:
        """Go on with calls: the capture stopped in the middle of a pass."""
        self._called = True
        self._refused(reason)
        self._forget(item)

    @property
    def repeats(self) -> bool:
        """Whether the loss of a view and an item is the same in every iteration, and its gradient needs no scale."""
        steady = all(match.steady for _, match in self._matches)
        return steady and not self._of_logits and not needs_scaling(self._precision)

    def __call__(self, look: Look) -> Tensor:
        loss, logits = self._of_view(look.view, look.item)
        for weight, term in self._of_logits:
            loss = loss + weight * term(logits, look)
        return loss

    def _of_view(self, view: Tensor, item: PlanItem) -> tuple[Tensor, Tensor]:
        """All terms that need no more than the view, and the logits."""
        with autocast(self._precision, view.device):
            logits = full(self.model(view))
        loss = self._ce_weight * F.cross_entropy(logits, item.labels)
        for weight, match in self._matches:
            loss = loss + weight * match.take(item)
        return loss, logits


def single(loss: TeacherLoss) -> Objective:
    """One teacher for every item."""
    return lambda item, start: loss.start(item)  # noqa: ARG005


def with_extras(objective: Objective, extras: Sequence[tuple[float, Loss]]) -> Objective:
    """An objective with terms of the images alone added to it: (coefficient, term)."""

    def make(item: PlanItem, start: Tensor) -> Loss:
        loss = objective(item, start)
        return lambda look: sum((weight * extra(look) for weight, extra in extras), start=loss(look))

    return make if extras else objective
