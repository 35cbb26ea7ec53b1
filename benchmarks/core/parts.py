"""A part of a target as a file of its own, and a teacher for it: what both sides of a comparison are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import rd3
from rd3.base.errors import UserError
from rd3.data.images import Images
from rd3.squeeze.spec import teacher_spec
from rd3.squeeze.train import squeeze


def write_part(target: rd3.Target, path: Path, *, train_per_class: int, test_per_class: int) -> rd3.Target:
    """At most so many images of every class, class by class, drawn with a fixed seed; read back as a target.

    Raises:
        UserError: a class has fewer test images.
    """
    arrays: dict[str, Any] = {"classes": np.array(target.classes)}
    for split, images, count in (("train", target.train, train_per_class), ("test", target.test, test_per_class)):
        rows = chosen_rows(images.labels, target.num_classes, count)
        arrays |= {f"x_{split}": _pixels(images, rows), f"y_{split}": images.labels[rows].numpy()}
    least = int(np.bincount(arrays["y_test"], minlength=target.num_classes).min())
    if least < test_per_class:
        raise UserError(f"--test-per-class {test_per_class}: a class of {target.name} has {least}")
    np.savez(path, **arrays)
    return rd3.load_target(f"npz:{path}")


def chosen_rows(labels: Tensor, classes: int, count: int) -> Tensor:
    """Indices of up to `count` images of every class, class by class, at random but always the same."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return torch.cat([order[labels[order] == label][:count] for label in range(classes)])


def _pixels(images: Images, rows: Tensor) -> Any:
    return torch.cat([images.batch(part) for part in rows.split(256)]).permute(0, 2, 3, 1).numpy()


def train_teacher(
    target: rd3.Target,
    model: str,
    path: Path,
    *,
    epochs: int,
    batch_size: int = 128,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    device: torch.device,
) -> rd3.Teacher:
    """A quick teacher, brought back from its bare state dict: the very weights that the peer gets."""
    spec = teacher_spec(target, model, recipe="short", epochs=epochs)
    recipe = spec.recipe.model_copy(update={"batch_size": batch_size})
    made = squeeze(target, spec.model_copy(update={"recipe": recipe, "mean": mean, "std": std}), device=device)
    torch.save({name: value.cpu().contiguous() for name, value in made.model.state_dict().items()}, path)
    return brought(path, target, model=model, mean=mean, std=std, device=device)


def brought(
    path: Path,
    target: rd3.Target,
    *,
    model: str,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    device: torch.device,
) -> rd3.Teacher:
    """A teacher of a state dict, on the CPU, but checked on `device`, where its test images cost less."""
    found = rd3.bring_teacher(path, target, model=model, mean=mean, std=std, device=device)
    return found.to(torch.device("cpu"))
