"""`cifar10`, `cifar100` (Krizhevsky 2009): 50,000 + 10,000 images of 3x32x32."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from rd3.base.errors import UserError
from rd3.data.arrays import content_of
from rd3.data.licences import CIFAR
from rd3.data.named import Layout, find, layouts_of
from rd3.data.source import SOURCES, Content, Published, Reading, Source

CIFAR10 = Published(
    (0.4914, 0.4822, 0.4465),
    (0.2023, 0.1994, 0.2010),
    "published (most distillation papers; this std is a mean over images, the pixels' own is .2470 .2435 .2616)",
)
CIFAR100 = Published((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761), "published (G-VBSM, DWA, EDC)")


def read_batches(path: Path, reading: Reading, *, torchvision_class: str) -> Content:
    """The original pickled batches; torchvision compares their checksums before it opens them.

    Raises:
        UserError: a batch is missing or damaged.
    """
    from torchvision import datasets

    try:
        parts = [getattr(datasets, torchvision_class)(path.parent, train=train) for train in (True, False)]
    except RuntimeError as error:
        raise UserError(f"{path}: batches are missing or damaged (their checksums differ)") from error
    train, test = ((part.data.transpose(0, 3, 1, 2), np.asarray(part.targets)) for part in parts)
    return content_of(train, test, classes=parts[0].classes, size=reading.size)


def fetch(root: Path, *, torchvision_class: str) -> None:
    """Download through torchvision."""
    from torchvision import datasets

    getattr(datasets, torchvision_class)(root, download=True)


def _register(name: str, classes: int, published: Published, *, torchvision_class: str, folder: str) -> None:
    read = partial(read_batches, torchvision_class=torchvision_class)
    layouts = layouts_of(name, Layout(folder, read), Layout(f"{name}/{folder}", read))
    locate = partial(find, name=name, layouts=layouts, fetch=partial(fetch, torchvision_class=torchvision_class))
    about = f"CIFAR-{classes}, 3x32x32, 50,000 + 10,000; in $RD3_DATA"
    SOURCES.add(name)(
        Source(
            about,
            locate,
            size=32,
            classes=classes,
            channels=3,
            images=(50_000, 10_000),
            published=published,
            licence=CIFAR,
        )
    )


_register("cifar10", 10, CIFAR10, torchvision_class="CIFAR10", folder="cifar-10-batches-py")
_register("cifar100", 100, CIFAR100, torchvision_class="CIFAR100", folder="cifar-100-python")
