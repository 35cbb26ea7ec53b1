"""How much memory matching takes at most: an iteration on one class, tried with few images and scaled to all."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import torch

from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.matching.trainer import Trainer
from rd3.methods.base import Task
from rd3.models.footprint import FEW, Footprint, footprint
from rd3.recover.looking import CPU, few_images, image_bytes

if TYPE_CHECKING:
    from rd3.methods.matched import Matched

SHORT = {
    "rounds": 1,
    "matches": 1,
    "network_epochs": 1,
    "network_images": 0,
    "train_steps": 0,
    "queue_start": 1,
    "networks": 1,
}
FLOATS = 6  # copies of the learned images: the start, values, gradient, two moments, and what is saved


def matching_bytes(method: Matched, target: Target, ipc: int, device: torch.device) -> int:
    """Bytes of tensors at the peak of a matching method."""
    network = method.random_network(Task(target, None, ipc=1, seed=0), 0)
    weights = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    classes, real, learned = method.together(target, ipc), _of_real(method, target), _of_learned(method, target)
    match = real.fixed + classes * (real.each * min(method.real_batch, len(target.train)) + learned.each * ipc)
    batch = method.learned_from(target, ipc)
    training = _training(method, target).at(batch) if batch else 0
    images = 4 * FLOATS * image_bytes(target, ipc)
    copied = 0 if device.type == "cpu" else len(target.train) * math.prod(target.train.shape)
    rows = 64 * len(target.train)  # of the sampler's table, and of random keys for it
    return int(max(match, training) + method.networks_held * weights + images + copied + rows)


def _of_real(method: Matched, target: Target) -> Footprint:
    return footprint(lambda count: _iterate(method, target, real_batch=count, ipc=1))


def _of_learned(method: Matched, target: Target) -> Footprint:
    return footprint(lambda count: _iterate(method, target, real_batch=FEW[0], ipc=count))


def _iterate(method: Matched, target: Target, *, real_batch: int, ipc: int) -> None:
    """One iteration, on a target of one class."""
    settings = {key: value for key, value in SHORT.items() if key in type(method).model_fields}
    tried = method.model_copy(update={**settings, "real_batch": real_batch})
    few = few_images(target, 64)
    train = MemoryImages(few.train.batch(torch.arange(64)), torch.zeros(64, dtype=torch.int64))
    studio = tried.studio(Task(dataclasses.replace(few, train=train, classes=few.classes[:1]), None, ipc, 0, CPU))
    tried.algorithm(studio, tried.learnable(studio)).iterate(0)


def _training(method: Matched, target: Target) -> Footprint:
    """Of a step of a network."""
    network = method.random_network(Task(target, None, ipc=1, seed=0), 0)

    def step(count: int) -> object:
        images, labels = torch.zeros(count, *target.train.shape), torch.zeros(count, dtype=torch.int64)
        return Trainer(network, lr=0.0, momentum=0.9).step(images, labels, torch.Generator())

    return footprint(step)
