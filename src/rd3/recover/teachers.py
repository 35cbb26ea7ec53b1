"""Teachers of one's own: hooks and perturbations leave the given teacher as it is."""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import Tensor, nn

from rd3.recover.pixels import PixelSpace
from rd3.squeeze.outputs import all_outputs
from rd3.squeeze.teacher import Teacher


def private_copy(model: nn.Module, device: torch.device) -> nn.Module:
    """A frozen copy in eval mode on a device."""
    return copy.deepcopy(model).to(device).eval().requires_grad_(False)


def twin(model: nn.Module) -> nn.Module:
    """The network again with the same weights in memory; hooks that come later are on one of the two only."""
    shared = {id(value): value for value in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)


def private_teacher(teacher: Teacher, device: torch.device) -> Teacher:
    """The teacher with a `private_copy` of its network."""
    return dataclasses.replace(teacher, model=private_copy(teacher.model, device))


def private_in_space(teacher: Teacher, space: PixelSpace, device: torch.device) -> nn.Module:
    """A private copy that takes images normalised as `space` says, whatever the teacher itself expects.

    Outputs for other classes than the target's are there too, behind those: a cross-entropy runs over all.
    """
    model = private_copy(all_outputs(teacher.model), device)
    if (teacher.mean, teacher.std) == (space.mean, space.std):
        return model
    return nn.Sequential(_Renormalise(space, PixelSpace(teacher.mean, teacher.std)), model).to(device).eval()


class _Renormalise(nn.Module):
    """From one normalisation to another."""

    scale: Tensor
    shift: Tensor

    def __init__(self, before: PixelSpace, after: PixelSpace) -> None:
        super().__init__()
        (mean, std), (new_mean, new_std) = (
            (torch.tensor(space.mean).view(-1, 1, 1), torch.tensor(space.std).view(-1, 1, 1))
            for space in (before, after)
        )
        self.register_buffer("scale", std / new_std)
        self.register_buffer("shift", (mean - new_mean) / new_std)

    def forward(self, images: Tensor) -> Tensor:
        return images * self.scale + self.shift
