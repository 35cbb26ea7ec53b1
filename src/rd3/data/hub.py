"""Data sets that the Hugging Face library `datasets` loads: from the hub, from a folder, or as it saved them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rd3.base.errors import MissingExtraError, UserError
from rd3.base.failures import one_line
from rd3.data.arrays import content_of
from rd3.data.columns import image_column, label_column, labels_of
from rd3.data.decode import Pixels, fit, is_grey, to_array
from rd3.data.source import Content, Reading

TEST_SPLITS = ("test", "validation", "val", "valid")
SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` writes


@dataclass(frozen=True)
class HubReader:
    """How a data set is read.

    Attributes:
        name: on the hub, or a folder.
        config: which of several that a data set has.
        revision: branch, tag or commit on the hub.
        image, label: columns; None finds the only one there is.
        train, test: splits; None takes `train`, and the first of `TEST_SPLITS`.
    """

    name: str
    config: str | None = None
    revision: str | None = None
    image: str | None = None
    label: str | None = None
    train: str | None = None
    test: str | None = None

    @property
    def where(self) -> str:
        return f"hf:{self.name}"

    def __call__(self, path: Path, reading: Reading) -> Content:  # noqa: ARG002 - the name says it all
        with _quiet(self.where):
            train, test, split = self._splits()
            features = train.features
            image = image_column(self.where, features, self.image)
            label = label_column(self.where, features, self.label, image=image)
            labels = labels_of(self.where, label, features[label], train[label][:], test[label][:])
            pixels = _Pictures(self.where, image, reading, len(train) + len(test)).of(train, test)
        notes = (f"columns {image} and {label}; test split: {split}",)
        return content_of(
            (pixels[0], labels[0]), (pixels[1], labels[1]), classes=labels[2], size=reading.size, notes=notes
        )

    def _splits(self) -> tuple[Any, Any, str]:
        """Training and test split, and the name of the second."""
        splits = self._load()
        names = (self.train or "train",), (self.test,) if self.test else TEST_SPLITS
        found = [next((name for name in wanted if name in splits), None) for wanted in names]
        for key, wanted, name in zip(("train", "test"), names, found, strict=True):
            if name is None:
                there = f"it has {', '.join(splits)}; ?{key}=SPLIT names one"
                raise UserError(f"{self.where}: has no split {' or '.join(wanted)}; {there}")
        train, test = (str(name) for name in found)
        if train == test:
            raise UserError(f"{self.where}: split {train} cannot be trained and tested on; name another")
        return splits[train], splits[test], test

    def _load(self) -> Mapping[str, Any]:
        import datasets  # type: ignore[import-untyped,unused-ignore]

        folder = Path(self.name).expanduser()
        if any((folder / name).is_file() for name in SAVED):
            found = datasets.load_from_disk(str(folder))
        else:
            name = str(folder.absolute()) if folder.is_dir() else self.name
            found = datasets.load_dataset(
                name, self.config, revision=self.revision, **without_code(datasets.__version__)
            )
        return found if isinstance(found, Mapping) else {str(found.split or "train"): found}


def without_code(version: str) -> dict[str, bool]:
    """What keeps `load_dataset` from running code that a data set brings.

    From version 4 on it never does, and knows no such word; before that it asks on a terminal, or obeys a variable.

    >>> without_code("3.6.0"), without_code("5.2.0")
    ({'trust_remote_code': False}, {})
    """
    return {"trust_remote_code": False} if int(version.partition(".")[0]) < 4 else {}


class _Pictures:
    """Decodes both splits to one shape; grey only if every picture is.

    Args:
        count: of pictures, for the bound of memory.
    """

    def __init__(self, where: str, column: str, reading: Reading, count: int) -> None:
        self._where, self._column, self._reading, self._count = where, column, reading, count
        self._sizes: Counter[tuple[int, int]] = Counter()

    def of(self, train: Any, test: Any) -> list[Pixels]:
        import datasets  # type: ignore[import-untyped,unused-ignore]

        decoded = []
        for split in (train, test):
            pictures = split.select_columns([self._column]).cast_column(self._column, datasets.Image())
            decoded.append([self._decoded(row[self._column], place) for place, row in enumerate(pictures)])
        channels = max(len(picture) for split in decoded for picture in split)
        return [np.stack([picture.repeat(channels // len(picture), axis=0) for picture in split]) for split in decoded]

    def _decoded(self, picture: Image.Image | None, place: int) -> Pixels:
        if picture is None:
            raise UserError(f"{self._where}: row {place} of column {self._column} holds no picture")
        self._sizes[picture.size] += 1
        if self._reading.size is None and (len(self._sizes) > 1 or len({*picture.size}) > 1):
            sizes = ", ".join(f"{width}x{height}" for width, height in self._sizes)
            raise UserError(f"{self._where}: images are not of one square size: {sizes}; give a side, for instance @64")
        pixels = to_array(fit(picture.convert("L" if is_grey(picture) else "RGB"), self._reading.size))
        if place == 0:
            self._require_memory(math.prod(pixels.shape))
        return pixels

    def _require_memory(self, each: int) -> None:
        if self._count * each > self._reading.memory_limit:
            raise UserError(
                f"{self._where}: {self._count:,} pictures take {self._count * each / 2**30:.1f} GiB, more than the"
                f" {self._reading.memory_limit / 2**30:.1f} GiB that are held; write them as files, for folder:PATH"
            )


@contextmanager
def _quiet(where: str) -> Iterator[None]:
    """Without the library's progress bars, and with its errors in one line.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import datasets  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise MissingExtraError("parquet") from None
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of many libraries: the hub's, the network's, arrow's, Pillow's
        raise UserError(f"{where}: cannot be loaded: {one_line(error)}") from error
    finally:
        if shown:
            datasets.enable_progress_bars()
