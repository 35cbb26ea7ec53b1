"""ImageNet-1k (Deng et al. 2009) and fast.ai's subsets ImageNette and ImageWoof, at 224 px.

Classes are WordNet ids in sorted order, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rd3.data import licences
from rd3.data.licences import Licence
from rd3.data.named import Layout, find, layouts_of, read_val_folder
from rd3.data.source import SOURCES, Published, Source

STATISTICS = Published(
    (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "published (ImageNet-1k's, in every paper at 224 px)"
)
FASTAI = "https://github.com/fastai/imagenette"


def fetch_imagenette(root: Path) -> None:
    """Download through torchvision."""
    from torchvision.datasets import Imagenette

    Imagenette(root, download=True)


def _fastai(name: str) -> tuple[Layout, ...]:
    """The folders in fast.ai's archives first: full size, then shorter side 320 and 160."""
    folders = [f"{name}2{size}" for size in ("", "-320", "-160")]
    return layouts_of(name, *(Layout(folder, read_val_folder, holds="train") for folder in folders))


def _register(
    name: str,
    about: str,
    *,
    layouts: tuple[Layout, ...],
    classes: int,
    images: tuple[int, int],
    url: str,
    licence: Licence,
    fetch: Callable[[Path], object] | None = None,
) -> None:
    locate = partial(find, name=name, layouts=layouts, fetch=fetch, url=url)
    about = f"{about}, 3x224x224, {images[0]:,} + {images[1]:,}; in $RD3_DATA"
    SOURCES.add(name)(
        Source(
            about,
            locate,
            size=224,
            classes=classes,
            channels=3,
            images=images,
            published=STATISTICS,
            licence=licence,
        )
    )


_register(
    "imagenette",
    "ImageNette, 10 easy classes of ImageNet",
    layouts=_fastai("imagenette"),
    classes=10,
    images=(9_469, 3_925),
    url=FASTAI,
    licence=licences.FASTAI,
    fetch=fetch_imagenette,
)
_register(
    "imagewoof",
    "ImageWoof, 10 breeds of dog from ImageNet",
    layouts=_fastai("imagewoof"),
    classes=10,
    images=(9_025, 3_929),
    url=FASTAI,
    licence=licences.FASTAI,
)
_register(
    "imagenet-1k",
    "ImageNet-1k, 1,000 classes",
    layouts=layouts_of("imagenet-1k"),
    classes=1000,
    images=(1_281_167, 50_000),
    url="https://image-net.org",
    licence=licences.IMAGENET,
)
