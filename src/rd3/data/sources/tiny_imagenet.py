"""`tiny-imagenet` (Le & Yang 2015): 200 classes of 500 + 50 images of 3x64x64."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from rd3.base.errors import UserError
from rd3.data.folders import Listing, class_names, list_split, read_listings
from rd3.data.licences import TINY_IMAGENET
from rd3.data.named import Layout, find, layouts_of, read_val_folder
from rd3.data.source import SOURCES, Content, Published, Reading, Source

STATISTICS = Published(
    (0.4802, 0.4481, 0.3975),
    (0.2302, 0.2265, 0.2262),
    "published (SRe2L, DWA, LPLD; this std is a mean over images, the pixels' own is .2763 .2687 .2813)",
)
ANNOTATIONS = "val/val_annotations.txt"


def read_original(root: Path, reading: Reading) -> Content:
    """The archive as it comes: train/CLASS/images/*, and val/images/* with their classes in a text file."""
    classes = class_names(root / "train")
    train = list_split(root, "train", classes, Counter())
    test = _annotated(root, {name: label for label, name in enumerate(classes)})
    return read_listings(root, train, test, classes=classes, reading=reading, notes=("test split: val/",))


def _annotated(root: Path, labels: dict[str, int]) -> Listing:
    """One picture a line: file name, class, and its box, parted by tabs. Sorted by class, then name."""
    rows = []
    for line in (root / ANNOTATIONS).read_text().splitlines():
        file, name, *_ = [*line.split("\t"), ""]
        if name not in labels:
            raise UserError(f"{root / ANNOTATIONS}: class '{name}' of '{file}' has no folder in train")
        rows.append((labels[name], f"val/images/{file}"))
    rows.sort()
    return Listing([file for _, file in rows], [label for label, _ in rows])


ORIGINAL = tuple(Layout(name, read_original, holds=ANNOTATIONS) for name in ("tiny-imagenet-200", "tiny-imagenet"))
SORTED = Layout("tiny-imagenet-200", read_val_folder, holds="train")
SOURCES.add("tiny-imagenet")(
    Source(
        "Tiny-ImageNet, 3x64x64, 200 classes, 100,000 + 10,000; in $RD3_DATA",
        partial(
            find,
            name="tiny-imagenet",
            layouts=layouts_of("tiny-imagenet", *ORIGINAL, SORTED),
            fetch=None,
            url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        ),
        size=64,
        classes=200,
        channels=3,
        images=(100_000, 10_000),
        licence=TINY_IMAGENET,
        published=STATISTICS,
    )
)
