"""Targets from folders of pictures: `train/CLASS/*` beside `test/CLASS/*` or `val/CLASS/*`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from rd3.base.errors import UserError
from rd3.data import fingerprints
from rd3.data.decode import RESIZED, picture_suffixes, read_header
from rd3.data.shards import kept_decoded
from rd3.data.source import Content, Reading
from rd3.data.streamed import StreamedImages
from rd3.data.walk import files_below

STREAMED = "decoded from disk batch by batch; the fingerprint is that of the files"


@dataclass(frozen=True)
class Listing:
    """Files of one split, relative to the root of the data set, and their labels."""

    files: list[str]
    labels: list[int]


def read_folder(root: Path, reading: Reading, *, test_splits: Sequence[str] = ("test", "val")) -> Content:
    """Read `train` and the first of `test_splits` that is there.

    Classes are the sorted names of the class folders, as in torchvision's ImageFolder; pictures of a class are in the
    order of their names, those in subfolders too.

    Raises:
        UserError: a missing split, class lists that differ, an empty class, an unreadable picture, or, without a size,
            pictures that are not of one square size.
    """
    split = next((name for name in test_splits if (root / name).is_dir()), None)
    if split is None or not (root / "train").is_dir():
        missing = "train" if split else " or ".join(test_splits)
        raise UserError(f"{root}: has no folder {missing}; expected train/CLASS/* and {test_splits[0]}/CLASS/*")
    classes = class_names(root / "train")
    _check_same(root, split, classes, class_names(root / split))
    ignored: Counter[str] = Counter()
    train, test = (list_split(root, name, classes, ignored) for name in ("train", split))
    notes = (f"test split: {split}/", *_ignored_note(ignored), *_number_note(classes))
    return read_listings(root, train, test, classes=classes, reading=reading, notes=notes)


def class_names(folder: Path) -> tuple[str, ...]:
    """Sorted names of the visible subfolders."""
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")))


def list_split(root: Path, split: str, classes: Sequence[str], ignored: Counter[str]) -> Listing:
    """The pictures of `root/split/CLASS`; counts the endings of other files in `ignored`."""
    listing = Listing([], [])
    for label, name in enumerate(classes):
        before = len(listing.files)
        for file, _ in files_below(root / split / name):
            suffix = PurePosixPath(file).suffix
            if suffix.lower() in picture_suffixes():
                listing.files.append(f"{split}/{name}/{file}")
                listing.labels.append(label)
            else:
                ignored[suffix or file] += 1
        if len(listing.files) == before:
            raise UserError(f"{root / split / name}: holds no image")
    return listing


def read_listings(
    root: Path, train: Listing, test: Listing, *, classes: Sequence[str], reading: Reading, notes: tuple[str, ...]
) -> Content:
    """Pictures by their listings: in memory if they fit the limit, else decoded batch by batch."""
    shape, shape_notes = survey(root, [*train.files, *test.files], reading.size)
    resize = reading.size is not None
    streamed = _streamed(root, train, shape, resize=resize), _streamed(root, test, shape, resize=resize)
    notes = (*notes, *shape_notes)
    if (len(train.files) + len(test.files)) * math.prod(shape) <= reading.memory_limit:
        held = streamed[0].in_memory(), streamed[1].in_memory()
        return Content(*held, tuple(classes), fingerprints.of_pixels(*held), notes)
    listed = [(split.files, split.labels) for split in (train, test)]
    fingerprint = fingerprints.of_files(root, listed, shape, RESIZED if resize else "as they are")
    kept = kept_decoded(streamed[0], fingerprint, "train"), kept_decoded(streamed[1], fingerprint, "test")
    return Content(*kept, tuple(classes), fingerprint, (*notes, STREAMED))


def survey(root: Path, files: Sequence[str], size: int | None) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """The shape that all pictures will have, from their headers, and notes on how they get it.

    The set is grey if every file is; with a size given, reading stops at the first one in colour.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    greys: set[bool] = set()
    for header in (read_header(root / file) for file in files):
        sizes[header.width, header.height] += 1
        greys.add(header.grey)
        if size is not None and not header.grey:
            break
    channels = 3 if False in greys else 1
    side = _only_side(root, sizes) if size is None else size
    resized = () if size is None else (RESIZED.format(size=size),)
    mixed = ("grey images, if any, as RGB",) if channels == 3 else ()
    return (channels, side, side), resized + mixed


def _only_side(root: Path, sizes: Counter[tuple[int, int]]) -> int:
    width, height = next(iter(sizes))
    if len(sizes) == 1 and width == height:
        return width
    most = ", ".join(f"{w}x{h} ({count})" for (w, h), count in sizes.most_common(3))
    more = f" and {len(sizes) - 3} more" if len(sizes) > 3 else ""
    raise UserError(f"{root}: images are not of one square size: {most}{more}; give a side, for instance @64")


def _streamed(root: Path, listing: Listing, shape: tuple[int, int, int], *, resize: bool) -> StreamedImages:
    return StreamedImages(root, listing.files, torch.tensor(listing.labels), shape=shape, resize=resize)


def _check_same(root: Path, split: str, train: Sequence[str], test: Sequence[str]) -> None:
    if not train:
        raise UserError(f"{root / 'train'}: holds no class folders")
    for name in sorted(set(train) ^ set(test)):
        there, absent = ("train", split) if name in train else (split, "train")
        raise UserError(f"{root}: class '{name}' is in {there} but not in {absent}")


def _ignored_note(ignored: Counter[str]) -> tuple[str, ...]:
    if not ignored:
        return ()
    return (f"ignored {ignored.total()} files that are no images ({', '.join(sorted(ignored)[:3])})",)


def _number_note(classes: Sequence[str]) -> tuple[str, ...]:
    numbers = [int(name) for name in classes if name.isdecimal()]
    if len(numbers) < len(classes) or numbers == sorted(numbers):
        return ()
    return ("class names are numbers in text order, as in torchvision's ImageFolder: label 2 is not class '2'",)
