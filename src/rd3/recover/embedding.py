"""What a teacher computes before its last layer: of real images, and of optimised ones that are pulled to targets."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rd3.data.images import Images
from rd3.models.features import feature_extractor, last_linear
from rd3.recover.plan import PlanItem
from rd3.recover.precision import full
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.walk import walk


@torch.no_grad()
def embeddings(images: Images, indices: Tensor, teacher: Teacher, device: torch.device) -> Tensor:
    """What enters the teacher's last linear layer, (len(indices), D) on `device`."""
    extract = feature_extractor(teacher.model)
    return torch.cat([extract(pictures) for pictures, _ in walk(images, teacher, device, indices)])


class EmbeddingMatch:
    """‖F(Z) − A‖_F: the embedding of every image to its own target (WMDD, arXiv 2311.18531).

    Args:
        model: a copy of your own, whose last linear layer keeps a hook.
        targets: (classes · ipc, D), class by class.
    """

    steady = True

    def __init__(self, model: nn.Module, targets: Tensor, *, ipc: int) -> None:
        self._targets, self._ipc = targets, ipc
        self._seen: Tensor | None = None
        last_linear(model).register_forward_pre_hook(self._keep)

    def start(self, item: PlanItem) -> None:  # noqa: ARG002
        self._seen = None

    def take(self, item: PlanItem) -> Tensor:
        assert self._seen is not None, "take() comes after a forward pass"
        seen, self._seen = self._seen, None
        distance: Tensor = torch.linalg.vector_norm(seen - self._targets[item.rows(self._ipc)].to(seen.dtype))
        return distance

    def _keep(self, _: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._seen = full(inputs[0])
