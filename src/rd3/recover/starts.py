"""What the `init` switch stands for."""

from __future__ import annotations

from torch import Tensor

from rd3.data.subset import random_subset
from rd3.data.target import Target
from rd3.recover.init import Init, given, noise
from rd3.recover.pixels import PixelSpace
from rd3.recover.problem import Problem
from rd3.recover.selection import Selector, middle, usual_factor
from rd3.recover.switches import InitName

EVERY_IMAGE = 10**9


def start_of(name: InitName, problem: Problem, space: PixelSpace) -> Init:
    """The images that a recovery starts from.

    Raises:
        UserError: a class has too few images.
    """
    if name == "noise":
        return noise(problem.target.train.shape)
    return given(real_start(name, problem), ipc=problem.ipc, space=space)


def real_start(name: InitName, problem: Problem) -> Tensor:
    """uint8 images (classes · ipc, C, H, W) of any start but noise."""
    target, selector = problem.target, selector_of(name, problem.target)
    if selector is None:
        chosen = random_subset(target, problem.ipc, problem.seed).to(target.train.labels.device)
        return target.train.batch(chosen)
    return selector.select(
        target, problem.teacher, ipc=problem.ipc, seed=problem.seed, device=problem.device, keep=problem.keep
    )


def selector_of(name: InitName, target: Target) -> Selector | None:
    """Who chooses the start by a teacher's opinion, None where nobody does."""
    if name == "rded":
        return Selector(factor=usual_factor(target.size))
    if name == "rded-medium":
        return Selector(factor=usual_factor(target.size), order=middle)
    if name == "medium":
        return Selector(factor=1, images_per_class=EVERY_IMAGE, crops_per_image=1, scale=(1.0, 1.0), order=middle)
    return None


def looks(name: InitName, target: Target, ipc: int) -> int:
    """How many crops the teacher scores for a start."""
    selector = selector_of(name, target)
    return selector.looks(target, ipc) if selector else 0
