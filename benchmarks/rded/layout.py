"""Pictures and weights where RDED's code looks for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import rd3
from rd3.base.errors import UserError
from rd3.models.stem import SMALL_STEM_UP_TO

CONVNET = re.compile(r"convnet(?P<depth>\d)-bn(-w(?P<width>\d+))?")
SUBSETS = {32: "cifar10", 224: "imagenet-nette"}  # its names, which decide size, network and crops


@dataclass(frozen=True)
class Names:
    """What RDED calls things.

    Attributes:
        subset: the data set, which stands for a size and ten classes.
        model: the network.
        width: of a ConvNet other than its own 128, or None.
        factor: patches a side: 2 at 224 px, 1 at 32.
    """

    subset: str
    model: str
    width: int | None
    factor: int


def names_of(student: str, size: int) -> Names:
    """RDED's names for a student of rd3 at a size.

    Raises:
        UserError: it has no such network or no data set of that size with ten classes.
    """
    if size not in SUBSETS:
        raise UserError(f"images of {size} px: RDED has sets of ten classes at {' and '.join(map(str, SUBSETS))} px")
    factor = 2 if size > SMALL_STEM_UP_TO else 1
    if student == "resnet18":
        return Names(SUBSETS[size], "resnet18_modified" if size <= SMALL_STEM_UP_TO else student, None, factor)
    match = CONVNET.fullmatch(student)
    if match is None or size != 32:
        raise UserError(f"--student {student}: allowed are resnet18 and, at 32 px, convnetD-bn[-wWIDTH]")
    width = int(match["width"] or 128)
    return Names(SUBSETS[size], f"conv{match['depth']}", None if width == 128 else width, factor)


def write_layout(place: Path, names: Names, *, images: Path, tests: Path, weights: Path) -> None:
    """`data/` and `exp/` as RDED has them, in the working directory `place`; folders are linked, not copied.

    Args:
        images, tests: folders of class folders `00000`, `00001`, ….
        weights: the teacher's, with RDED's parameter names.
    """
    exp = place / "exp" / experiment(names, len(list((images / "00000").iterdir())))
    for folder in (place / "data" / names.subset, place / "data" / "pretrain_models", exp):
        folder.mkdir(parents=True)
    (place / "data" / names.subset / "val").symlink_to(tests)
    (place / "data" / "pretrain_models" / f"{names.subset}_{names.model}.pth").symlink_to(weights)
    (exp / "syn_data").symlink_to(images)


def experiment(names: Names, ipc: int) -> str:
    """Its name for a synthetic set."""
    return f"{names.subset}_{names.model}_f{names.factor}_mipc300_ipc{ipc}_cr5"


def arguments(names: Names, *, ipc: int, epochs: int) -> list[str]:
    """Those of its scripts, for a set of that many images a class."""
    given = {
        "subset": names.subset,
        "arch-name": names.model,
        "stud-name": names.model,
        "factor": names.factor,
        "num-crop": 5,
        "mipc": 300,
        "ipc": ipc,
        "re-epochs": epochs,
    }
    return [part for name, value in given.items() for part in (f"--{name}", str(value))]


def released_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with RDED's parameter names; ResNets have torchvision's on both sides.

    >>> list(released_names({"features.4.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}))
    ['layers.conv.1.weight', 'fc.bias']
    """
    return {_released_name(name): value.contiguous() for name, value in state.items()}


def _released_name(name: str) -> str:
    match = re.fullmatch(r"features\.(\d+)\.(.+)", name)
    if match is None:
        return name
    block, layer = divmod(int(match[1]), 4)
    return f"layers.{('conv', 'norm')[layer]}.{block}.{match[2]}"


def write_tests(target: rd3.Target, folder: Path) -> None:
    """The test split as PNGs in class folders."""
    for start in range(0, len(target.test), 256):
        rows = torch.arange(start, min(start + 256, len(target.test)))
        write_pictures(target.test.batch(rows), target.test.labels[rows], folder, first=start)


def write_pictures(images: Tensor, labels: Tensor, folder: Path, *, first: int = 0) -> None:
    """PNGs of bytes (N, 3, H, W) in folders named as RDED's code looks for them, numbered from `first`."""
    from PIL import Image

    pictures = images.permute(0, 2, 3, 1).numpy()
    for index, (picture, label) in enumerate(zip(pictures, labels.tolist(), strict=True), start=first):
        place = folder / f"{label:05d}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{index:06d}.png")
