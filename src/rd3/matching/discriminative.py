"""What EDF adds to trajectory matching: parameters that say little are dropped, and parts that tell classes move more.

Wang et al. 2025, Emphasizing Discriminative Features for Dataset Distillation in Complex Scenarios (CVPR, arXiv
2410.17193), sections 3.1 and 3.2. Class activation maps: Selvaraju et al. 2017, Grad-CAM (ICCV, arXiv 1610.02391).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.matching.learned_set import LearnedSet
from rd3.matching.loop import State

CHUNK = 64


def dropout_distance(end: Tensor, start: Tensor, goal: Tensor, *, dropped: float) -> Tensor:
    """‖end − goal‖² / ‖start − goal‖² without the share of parameters whose own errors are the smallest.

    Args:
        dropped: the share, rounded down to a number of parameters.
    """
    errors = (end - goal).square()
    kept = errors.detach().argsort()[int(dropped * len(errors)) :]
    return errors[kept].sum() / (start - goal).square()[kept].sum()


def emphasised(maps: Tensor) -> Tensor:
    """Weights (N, 1, H, W) of pixels: map + 1 where an activation map (N, H, W) reaches its mean, else 1."""
    above = maps >= maps.mean(dim=(1, 2), keepdim=True)
    return torch.where(above, maps + 1, torch.ones_like(maps))[:, None]


def activation_maps(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Grad-CAM of given classes in the last feature map that still has a place: (N, H, W) in [0, 1].

    Args:
        network: in eval mode.
        images: (N, C, H, W) as the network takes them.
        labels: int64 (N,), the classes.
    """
    found = [_maps(network, *part) for part in zip(images.split(CHUNK), labels.split(CHUNK), strict=True)]
    return torch.cat(found)


def _maps(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    features, logits = _last_features(network, images)
    (slopes,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), features)
    weights = slopes.mean(dim=(2, 3), keepdim=True)
    maps = (weights * features.detach()).sum(1).relu()
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    scaled = (maps - low) / (high - low).clamp_min(1e-12)
    size = images.shape[-2:]
    return F.interpolate(scaled[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]


def _last_features(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """The last output (N, K, h, w) of more than one place that a layer gives, and the logits."""
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        if output.ndim == 4 and output.shape[-1] > 1:
            seen[:] = [output]

    layers = [module for module in network.modules() if not list(module.children())]
    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        logits = network(images.detach().requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    assert seen, f"{type(network).__name__} has no feature map"
    return seen[0], logits


class DiscriminativeEmphasis:
    """Weights from a teacher's activation maps of the learned images, renewed now and then.

    Args:
        maps: images as students take them, and classes, to activation maps.
        every: iterations between two renewals.
    """

    def __init__(self, maps: Callable[[Tensor, Tensor], Tensor], *, every: int, like: Tensor) -> None:
        self._maps, self._every = maps, every
        self._weights = like.new_ones(len(like), 1, *like.shape[-2:])

    def __call__(self, iteration: int, learned: LearnedSet) -> Tensor:
        if iteration % self._every == 0:
            labels = learned.labels.detach()
            classes = labels.argmax(1) if learned.soft else labels
            self._weights = emphasised(self._maps(learned.images.detach(), classes))
        return self._weights

    def state(self) -> State:
        return {"weights": self._weights}

    def restore(self, state: State) -> None:
        self._weights = state["weights"].to(self._weights.device)
