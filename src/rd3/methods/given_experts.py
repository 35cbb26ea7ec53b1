"""Experts from files in place of trained ones, for all methods that match trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from rd3.base.errors import UserError
from rd3.data.spaces import PixelSpace, usual_for
from rd3.data.target import Target
from rd3.matching.expert_files import GivenExperts, accuracy_of, require_whitening, shapes_of
from rd3.matching.experts import Experts
from rd3.matching.inputs import RealImages
from rd3.matching.student import Student

if TYPE_CHECKING:
    from rd3.methods.trajectory import Trajectory

USUAL: tuple[PixelSpace, ...] = ("norm_cifar10", "norm_dc")
FLAG = "experts were given, and their training is not in the seconds"


def normalisation_for(method: Trajectory, target: Target) -> PixelSpace:
    """How networks take images where they are not whitened: the target's way, or that of whoever trained the experts.

    Raises:
        UserError: a way is named and no experts are given.
    """
    if method.expert_files is None:
        if method.expert_pixels is not None:
            raise UserError(f"expert_pixels = {method.expert_pixels}: only with expert_files")
        return "norm_target"
    if method.expert_pixels is not None:
        return method.expert_pixels
    return next((space for space in USUAL if usual_for(space, target)), "norm_target")


def given_experts(
    method: Trajectory, network: nn.Module, name: str, real: RealImages, space: PixelSpace
) -> tuple[Experts, dict[str, Any]]:
    """The experts of `method.expert_files`, and what the manifest says of them.

    Args:
        network: of their architecture, with its name.
        real: the real images as they take them, in `space`.

    Raises:
        UserError: they do not fit the network, the settings or the images.
    """
    stamp = method.expert_files
    assert stamp is not None, "no experts are given"
    require_whitening(stamp, zca=method.zca)
    given = GivenExperts(stamp, shapes_of(network), network=name, epochs=method.expert_epochs)
    if len(given) < method.experts:
        raise UserError(f"experts = {method.experts}: the files hold {len(given)}; give experts={len(given)} or less")
    experts = Experts(given.__getitem__, count=method.experts, facts={}, again=True)
    classes = int(real.labels.max()) + 1
    accuracy = accuracy_of(experts[0][-1], Student(network), real, classes=classes)
    return experts, {"given_experts": {"pixels": space, "first_accuracy": accuracy}, "flags": [FLAG]}
