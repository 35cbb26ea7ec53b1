"""Teachers of one's own: hooks and perturbations leave the given teacher as it is."""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import nn

from rd3.squeeze.teacher import Teacher


def private_copy(model: nn.Module, device: torch.device) -> nn.Module:
    """A frozen copy in eval mode on a device."""
    return copy.deepcopy(model).to(device).eval().requires_grad_(False)


def private_teacher(teacher: Teacher, device: torch.device) -> Teacher:
    """The teacher with a `private_copy` of its network."""
    return dataclasses.replace(teacher, model=private_copy(teacher.model, device))
