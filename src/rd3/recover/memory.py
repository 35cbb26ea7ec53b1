"""How much memory recovery takes at most: its parts, tried on a few images and scaled to all.

Fresh networks of the teachers' architectures stand in for them, so that nothing has to be squeezed before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch

from rd3.data.target import Target
from rd3.models.footprint import Footprint, footprint, held_bytes
from rd3.recover.build import recovery_of
from rd3.recover.engine import recover_item
from rd3.recover.hooks import wanted
from rd3.recover.looking import CPU, few_images, image_bytes, looking_bytes, most_of_a_class, stand_in
from rd3.recover.plan import BATCHINGS, PlanItem
from rd3.recover.problem import Problem
from rd3.recover.selection import Selector
from rd3.recover.starts import selector_of
from rd3.recover.switches import Switches
from rd3.recover.teachers import private_teacher
from rd3.squeeze.bank import statistics_bank
from rd3.squeeze.walk import images_at_once

DRAW_BYTES = 512  # of a crop's corners, sizes and tries
TRANSPORT_BYTES = 128  # of a cost and a flow, and of what is worked out from them
TRIED = {"combine": "single", "priors": (), "init": "noise", "r_embedding": 0.0, "drop": 0.0, "round_iterations": 0}


class TeacherMemory(NamedTuple):
    """What one teacher takes in a recovery.

    Attributes:
        held: bytes of its copies and statistics, all along.
        iteration: of a batch that is optimised.
        statistics: of a batch of real images, while statistics are taken of them.
    """

    held: int
    iteration: Footprint
    statistics: Footprint


def recovery_bytes(switches: Switches, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:
    """Bytes of tensors at the peak of a recovery under teachers of these architectures."""
    used = teachers[:1] if switches.combine == "single" else teachers
    own = [_of_teacher(_tried(switches), target, name, ipc) for name in used]
    images = len(_largest_item(switches, target, ipc))
    steps = sorted((one.iteration.at(images) for one in own), reverse=True)
    phases = [sum(steps[: _at_once(switches, len(used), device)])]
    if wanted(switches):
        phases += [one.statistics.at(images_at_once(target.train.shape, device)) for one in own]
    if switches.r_embedding:
        phases += [_barycentre_bytes(target, ipc, name, device) for name in used]
    selector = selector_of(switches.init, target)
    if selector is not None:
        phases.append(selection_bytes(selector, target, ipc, used[0], device))
    # besides: the start, the finished batches, all of them together, and these in order
    return max(phases) + sum(one.held for one in own) + 4 * image_bytes(target, ipc)


def _at_once(switches: Switches, teachers: int, device: torch.device) -> int:
    """Of how many teachers passes are in memory: a pair's, and on a GPU, where they are captured, of all in turn."""
    if switches.combine == "pair":
        return 2
    return teachers if switches.combine == "round-robin" and device.type == "cuda" and switches.repeats else 1


def selection_bytes(selector: Selector, target: Target, ipc: int, name: str, device: torch.device) -> int:
    """Bytes of tensors at the peak of a selection of crops under a teacher."""
    teacher = stand_in(name, target)

    def best(count: int) -> object:
        images = few_images(target, count)
        return selector.best_patches(
            images, teacher, torch.arange(count), 0, generator=torch.Generator().manual_seed(0), device=CPU
        )

    at_once = max(1, images_at_once(target.train.shape, device) // selector.crops_per_image)
    looked = min(most_of_a_class(target), selector.looked_at(ipc))
    patch = 4 * math.prod(target.train.shape) // selector.factor**2
    kept = looked * (3 * patch + selector.crops_per_image * DRAW_BYTES)  # in parts, together, and by rank
    copy = held_bytes(lambda: private_teacher(teacher, CPU))
    mosaics = 2 * image_bytes(target, ipc) + 12 * ipc * math.prod(target.train.shape)
    return copy + footprint(best).at(min(at_once, looked)) + kept + mosaics


def _tried(switches: Switches) -> Switches:
    """The switches for a recovery that is as large as theirs, but short."""
    stages = len(switches.stage_sizes) or 1
    short = {"iterations": 2 * stages, "perturb_steps": min(1, switches.perturb_steps)}  # the second has Adam's state
    return switches.model_copy(update=TRIED | short)


def _largest_item(switches: Switches, target: Target, ipc: int) -> PlanItem:
    return max(BATCHINGS[switches.batching](ipc, target.num_classes, switches.batch_size), key=len)


@lru_cache(maxsize=64)  # the jobs of a study differ in their seeds more than in these
def _of_teacher(switches: Switches, target: Target, name: str, ipc: int) -> TeacherMemory:
    item = _largest_item(switches, target, ipc)
    problem = Problem(few_images(target, 4), (stand_in(name, target),), ipc=1, seed=0, device=CPU)
    recovery = recovery_of(switches, problem)

    def iterate(count: int) -> object:
        return recover_item(item.take(torch.arange(count) % len(item)), recovery, seed=0, device=CPU)

    def measure(count: int) -> object:
        return statistics_bank(stand_in(name, target), few_images(target, count), wanted(switches), device=CPU)

    held = held_bytes(lambda: recovery_of(switches, problem))
    return TeacherMemory(held, footprint(iterate), footprint(measure) if wanted(switches) else Footprint(0, 0))


def _barycentre_bytes(target: Target, ipc: int, name: str, device: torch.device) -> int:
    most = most_of_a_class(target)
    embedded = looking_bytes(target, name, device, embedding_copies=5)
    return embedded + ipc * most * TRANSPORT_BYTES
