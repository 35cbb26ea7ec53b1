"""How much memory matching trajectories and regressing on features take at most: a step, tried with few images."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from rd3.data.target import Target
from rd3.matching.discriminative import CHUNK, activation_maps
from rd3.matching.experts import MEMORY
from rd3.matching.kernel_ridge import regression_loss, ridge_prediction
from rd3.matching.learned_set import LearnedSet, Rates
from rd3.matching.student import Student, parameters_of
from rd3.matching.trainer import Trainer
from rd3.matching.unrolled import two_pass, unrolled
from rd3.methods.base import Task
from rd3.models.features import feature_extractor, last_linear
from rd3.models.footprint import Footprint, footprint
from rd3.recover.looking import image_bytes

if TYPE_CHECKING:
    from rd3.methods.frepo import FRePo
    from rd3.methods.trajectory import Trajectory

FLOATS = 6  # copies of the learned images: the start, values, gradient, momentum, and what is saved
MARGIN = 1.25
"""A step on few images does not show augmented copies, whose kind is drawn, and what the allocator keeps differs from
run to run: MTT's process was seen to grow by 0.86 and by 1.04 GB for the same work, and DATM's by 3 % more than was
stated without this."""
FIT = 6  # matrices in double precision while a whitening is fitted


def trajectory_bytes(method: Trajectory, target: Target, ipc: int, device: torch.device, *, beside: int = 0) -> int:
    """Bytes of tensors at the peak of a method that matches trajectories.

    Args:
        beside: bytes of other work, that takes turns with experts and students.
    """
    network = method.random_network(Task(target, None, ipc=1, seed=0), 0)
    weights = 4 * len(parameters_of(network))
    count = target.num_classes * ipc
    step = _student(network, target, graph=method.gradient == "unrolled")
    batch = min(method.batch or count, count)
    matching = step.at(batch) * method.steps if method.gradient == "unrolled" else step.at(batch)
    training = _training(network, target).at(min(method.expert_batch, len(target.train))) + 4 * weights
    path = (method.steps + 2) * weights
    work = int(max(matching + path, training, beside) * MARGIN)
    experts = _of_experts(method, weights) if device.type == "cpu" else 0
    return work + experts + _shared(target, ipc, device, whitened=method.zca)


def _of_experts(method: Trajectory, weights: int) -> int:
    """Trajectories that are held, and the copy of one while its snapshots are put together."""
    one = (method.expert_epochs + 1) * weights
    return max(one, min(MEMORY, method.experts * one)) + one


def regression_bytes(method: FRePo, target: Target, ipc: int, device: torch.device) -> int:
    """Bytes of tensors at the peak of FRePo."""
    network = method.random_network(Task(target, None, ipc=1, seed=0), 0)
    count = target.num_classes * ipc
    shown, real = count * (2 if method.flip else 1), min(method.real_batch, len(target.train))
    looking, learned = _features(network, target), _regression(network, target)
    match = looking.at(real) + learned.at(shown) + 4 * 4 * shown * (shown + real)
    training = _training(network, target).at(min(count, method.network_batch))
    pool = 3 * method.pool * 4 * len(parameters_of(network))  # with Adam's two moments
    return max(match, training) + pool + _shared(target, ipc, device, whitened=method.zca)


def maps_bytes(network: nn.Module, target: Target, ipc: int) -> int:
    """Bytes of tensors at the peak while activation maps of the learned images are made."""

    def look(count: int) -> object:
        images, labels = torch.zeros(count, *target.train.shape), torch.zeros(count, dtype=torch.int64)
        return activation_maps(network, images, labels)

    return footprint(look).at(min(CHUNK, target.num_classes * ipc)) + 8 * image_bytes(target, ipc)


def _shared(target: Target, ipc: int, device: torch.device, *, whitened: bool) -> int:
    pixels = math.prod(target.train.shape)
    copied = 0 if device.type == "cpu" else len(target.train) * pixels
    fit = 8 * FIT * pixels**2 if whitened else 0
    return 4 * FLOATS * image_bytes(target, ipc) + copied + fit + 32 * len(target.train)


def _student(network: nn.Module, target: Target, *, graph: bool) -> Footprint:
    """Of a step that is differentiated twice."""
    student, start = Student(network), parameters_of(network)

    def step(count: int) -> object:
        images, labels = torch.zeros(count, *target.train.shape), torch.zeros(count, target.num_classes)
        learned, rows = LearnedSet(images, labels, rate=0.1, rates=Rates(1.0, 1.0)), torch.arange(count)
        return (unrolled if graph else partial(two_pass, exact=True))(
            lambda parameters, _: learned.loss(student(parameters, learned.images[rows]), rows),
            lambda end: (end - start).square().sum(),
            start=start,
            steps=1,
            learned=learned.leaves,
            rate=learned.rate,
        )

    return footprint(step)


def _training(network: nn.Module, target: Target) -> Footprint:
    """Of a step of a network."""
    network.requires_grad_()

    def step(count: int) -> object:
        images, labels = torch.zeros(count, *target.train.shape), torch.zeros(count, dtype=torch.int64)
        return Trainer(network, lr=0.0).step(images, labels, torch.Generator())

    return footprint(step)


def _features(network: nn.Module, target: Target) -> Footprint:
    """Of features without graph."""

    def look(count: int) -> object:
        with torch.no_grad():
            return feature_extractor(network)(torch.zeros(count, *target.train.shape))

    return footprint(look)


def _regression(network: nn.Module, target: Target) -> Footprint:
    """Of predictions that are differentiated in the images."""
    wanted = torch.zeros(1, last_linear(network).in_features)

    def regress(count: int) -> object:
        images = torch.rand(count, *target.train.shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
        features, labels = feature_extractor(network)(images), torch.zeros(count, target.num_classes)
        loss = regression_loss(ridge_prediction(wanted, features, labels, 1.0), labels[:1])
        return torch.autograd.grad(loss, images)

    return footprint(regress)
