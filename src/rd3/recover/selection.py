"""RDED's selector (arXiv 2312.03526): crops that a teacher recognises best, as mosaics.

Targets hold uint8 images of one size, so crops are taken from those: a data set's native resolution, which the paper
crops from, does not exist here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.keep import NOWHERE, Keep, Place, kept
from rd3.base.seeds import derive_seed
from rd3.data.subset import class_indices
from rd3.data.target import Target
from rd3.recover.patches import cut, mosaic, true_class_loss
from rd3.recover.teachers import private_teacher
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.walk import images_at_once
from rd3.training.augment.base import Draw
from rd3.training.augment.random_resized_crop import RandomResizedCrop

Order = Callable[[Tensor, int], Tensor]  # (losses (N,), count) -> positions of `count` patches by rank


def lowest(losses: Tensor, count: int) -> Tensor:
    """The patches that the teacher recognises best."""
    return losses.argsort(stable=True)[:count]


def middle(losses: Tensor, count: int) -> Tensor:
    """The patches around the median of the true class's probability, the median first (DELT, arXiv 2411.19946).

    Then one above it, one below it, and so on; where one side ends the other goes on.
    """
    by_probability = losses.argsort(descending=True, stable=True)
    offset = torch.arange(len(losses), device=losses.device) - -(-len(losses) // 2)
    outwards = (2 * offset.abs() - (offset > 0).long()).argsort(stable=True)
    return by_probability[outwards[:count]]


def usual_factor(size: int) -> int:
    """2 for images of at least 128 px, 1 below (RDED for ImageNet, and for CIFAR and Tiny-ImageNet)."""
    return 2 if size >= 128 else 1


@dataclass(frozen=True, kw_only=True)
class Selector:
    """Crop, score, rank, mosaic.

    Attributes:
        factor: a mosaic has factor x factor patches.
        images_per_class: random real images that are looked at, or as many as the mosaics need, if that is more.
        crops_per_image: random square crops of each; the best one counts.
        scale: smallest and largest area fraction of a crop.
        order: which patches are taken, and in what order.
    """

    factor: int
    images_per_class: int = 300
    crops_per_image: int = 5
    scale: tuple[float, float] = (0.08, 1.0)
    order: Order = lowest

    def select(
        self,
        target: Target,
        teacher: Teacher,
        *,
        ipc: int,
        seed: int,
        device: torch.device,
        keep: Keep = NOWHERE,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Tensor:
        """uint8 mosaics (classes · ipc, C, S, S), class by class, on `device`.

        Classes are independent: what is drawn for one depends on `seed` and its label only, and finished ones are kept.

        Raises:
            UserError: the factor does not divide the images' side, or a class has fewer images than patches are
                needed (one image gives one patch).
        """
        self._check(target, ipc)
        teacher = private_teacher(teacher, device)
        mosaics = []
        for label, indices in enumerate(class_indices(target.train.labels.cpu(), target.num_classes)):

            def make(label: int = label, indices: Tensor = indices) -> dict[str, Tensor]:
                generator = torch.Generator().manual_seed(derive_seed("patches", seed, label))
                chosen = indices[torch.randperm(len(indices), generator=generator)[: self.looked_at(ipc)]]
                patches, losses = self.best_patches(target, teacher, chosen, label, generator=generator, device=device)
                ranked = patches[self.order(losses, ipc * self.factor**2)]
                return {"images": (mosaic(ranked, self.factor) * 255).round().to(torch.uint8)}

            place = Place(label + 1, target.num_classes, "classes with patches")
            mosaics.append(kept(keep, f"patches-{label}", make, place)["images"].to(device))
            progress((label + 1) / target.num_classes)
        return torch.cat(mosaics)

    def best_patches(
        self,
        target: Target,
        teacher: Teacher,
        indices: Tensor,
        label: int,
        *,
        generator: torch.Generator,
        device: torch.device,
    ) -> tuple[Tensor, Tensor]:
        """The best crop of each training image.

        Returns:
            Patches (N, C, S / factor, S / factor) in [0, 1], and their losses (N,).
        """
        crop = RandomResizedCrop(scale=self.scale, ratio=(1.0, 1.0))
        draw = crop.draw(len(indices) * self.crops_per_image, target.size, generator)
        parts = [
            self._best(target.train.batch(part.to(target.train.labels.device)).to(device), own, teacher, label)
            for part, own in self._chunks(indices, draw, target, device)
        ]
        patches, losses = zip(*parts, strict=True)
        return torch.cat(patches), torch.cat(losses)

    def looks(self, target: Target, ipc: int) -> int:
        """Crops that go through the teacher in all."""
        counts = torch.bincount(target.train.labels.cpu(), minlength=target.num_classes)
        return int(counts.clamp(max=self.looked_at(ipc)).sum()) * self.crops_per_image

    def looked_at(self, ipc: int) -> int:
        """Images of a class that are looked at, if it has so many."""
        return max(self.images_per_class, ipc * self.factor**2)

    def _best(self, pictures: Tensor, draw: Draw, teacher: Teacher, label: int) -> tuple[Tensor, Tensor]:
        repeated = (pictures.float() / 255).repeat_interleave(self.crops_per_image, dim=0)
        crops = cut(repeated, draw, pictures.shape[-1] // self.factor)
        losses = true_class_loss(teacher, crops, label, size=pictures.shape[-1]).view(-1, self.crops_per_image)
        best = losses.argmin(dim=1)
        image = torch.arange(len(best), device=best.device)
        return crops[image * self.crops_per_image + best], losses[image, best]

    def _chunks(
        self, indices: Tensor, draw: Draw, target: Target, device: torch.device
    ) -> Iterator[tuple[Tensor, Draw]]:
        """Some images at a time, and the draws of their crops."""
        count = max(1, images_at_once(target.train.shape, device) // self.crops_per_image)
        for start in range(0, len(indices), count):
            own = slice(start * self.crops_per_image, (start + count) * self.crops_per_image)
            yield indices[start : start + count], {key: value[own].to(device) for key, value in draw.items()}

    def _check(self, target: Target, ipc: int) -> None:
        if target.size % self.factor:
            raise UserError(f"factor = {self.factor} does not divide the image side {target.size}")
        need = ipc * self.factor**2
        counts = torch.bincount(target.train.labels.cpu(), minlength=target.num_classes)
        least = int(counts.argmin())
        if need > int(counts[least]):
            raise UserError(
                f"ipc = {ipc} with {self.factor**2} patches an image needs {need} training images a class; "
                f"class '{target.classes[least]}' has only {int(counts[least])}"
            )
