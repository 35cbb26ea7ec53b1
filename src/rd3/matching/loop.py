"""The loop that matching methods share: it owns the learnable images; what is matched is an objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from rd3.base.keep import NOWHERE, Keep
from rd3.matching.sampler import ClassSampler
from rd3.matching.siamese import siamese
from rd3.training.augment.base import Augmentation
from rd3.training.resumable import Carried, resumable

IMAGES_AT_ONCE = 1024
"""Bound of the images in one forward pass, unless a network needs all classes together."""


class Objective(Protocol):
    """What makes synthetic images resemble real ones in the eyes of a network."""

    def __call__(
        self, network: nn.Module, real: Sequence[Tensor], synthetic: Sequence[Tensor], classes: Sequence[int]
    ) -> Tensor:
        """The loss summed over some classes.

        Args:
            network: this iteration's.
            real, synthetic: augmented normalised images (n, C, H, W), one tensor for each entry of `classes`.
            classes: the labels.

        Returns:
            A scalar, differentiable in `synthetic`.
        """


@dataclass(frozen=True)
class Matching:
    """How images are learned.

    Attributes:
        objective: what is minimised, summed over the classes.
        networks: iteration number to the network of that iteration, on the images' device.
        iterations: number of image updates.
        real_batch: real images per class in an iteration.
        image_lr: step size of SGD on the images, in normalised space.
        momentum: of that SGD.
        augmentation: drawn afresh for every class and iteration, the same for real and synthetic; or None.
    """

    objective: Objective
    networks: Callable[[int], nn.Module]
    iterations: int
    real_batch: int
    image_lr: float
    momentum: float = 0.5
    augmentation: Augmentation | None = None


@dataclass(frozen=True)
class Matched:
    """Learned images (classes, ipc, C, H, W), normalised and not clamped, and the loss of every iteration."""

    images: Tensor
    losses: Tensor


def match(
    initial: Tensor,
    sampler: ClassSampler,
    matching: Matching,
    *,
    generator: torch.Generator,
    keep: Keep = NOWHERE,
    progress: Callable[[float], None] = lambda _: None,
) -> Matched:
    """Learn images from a start.

    Args:
        initial: (classes, ipc, C, H, W), normalised; not written to.
        sampler: of the real images.
        matching: objective and settings.
        generator: of the real batches and augmentations, on the device of `initial`.
        keep: where an unfinished loop is kept, and looked for.
        progress: called with the done fraction about a hundred times.
    """
    images = initial.clone().requires_grad_()
    optimiser = torch.optim.SGD([images], lr=matching.image_lr, momentum=matching.momentum)
    losses = torch.zeros(matching.iterations, device=images.device)
    carried = Carried({"images": images, "losses": losses}, {"images": optimiser}, {"draws": generator})
    every = max(1, matching.iterations // 100)
    for iteration in resumable(matching.iterations, carried, keep):
        optimiser.zero_grad()
        losses[iteration] = accumulate_gradient(images, sampler, matching, iteration, generator)
        optimiser.step()
        if (iteration + 1) % every == 0 or iteration + 1 == matching.iterations:
            progress((iteration + 1) / matching.iterations)
    return Matched(images=images.detach(), losses=losses)


def accumulate_gradient(
    images: Tensor, sampler: ClassSampler, matching: Matching, iteration: int, generator: torch.Generator
) -> Tensor:
    """Add one iteration's gradient to `images.grad`; returns the loss, detached.

    The loss is a sum over classes, so groups of classes take turns in memory without changing the gradient. A network
    with batch norm would see other statistics, so all classes go through it together.
    """
    network = matching.networks(iteration)
    indices = sampler.indices(matching.real_batch, generator)
    total = images.new_zeros(())
    at_once = IMAGES_AT_ONCE // max(matching.real_batch, images.shape[1])
    for group in groups(len(images), len(images) if has_batch_norm(network) else max(1, at_once)):
        real = sampler.images([indices[label] for label in group])
        pairs = [
            siamese(matching.augmentation, batch, images[label], generator)
            for label, batch in zip(group, real, strict=True)
        ]
        loss = matching.objective(network, [pair[0] for pair in pairs], [pair[1] for pair in pairs], group)
        torch.autograd.backward(loss, inputs=[images])
        total += loss.detach()
    return total


def groups(classes: int, at_once: int) -> Iterator[Sequence[int]]:
    """Consecutive classes, `at_once` at a time.

    >>> [list(group) for group in groups(5, 2)]
    [[0, 1], [2, 3], [4]]
    """
    for start in range(0, classes, at_once):
        yield range(start, min(start + at_once, classes))


def has_batch_norm(network: nn.Module) -> bool:
    """Whether an image's embedding depends on the rest of its batch."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())
