"""Real pictures in files: crops of two photographs, written as the tests need them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

WriteTree = Callable[..., Path]


@pytest.fixture(scope="session")
def photos() -> list[NDArray[np.uint8]]:
    """A temple and a flower, 427 x 640 RGB."""
    return list(load_sample_images().images)


@pytest.fixture(scope="session")
def crops(photos) -> NDArray[np.uint8]:
    """Twenty 32x32 crops of each photograph, shape (2, 20, 32, 32, 3)."""
    corners = [(row, column) for row in range(0, 400, 100) for column in range(0, 500, 100)]
    return np.array([[photo[r : r + 32, c : c + 32] for r, c in corners] for photo in photos])


@pytest.fixture
def write_tree(tmp_path, crops) -> WriteTree:
    """Writes ROOT/SPLIT/CLASS/N.ENDING: crops of the temple for even classes, of the flower for odd ones."""

    def write(
        name: str = "set",
        *,
        splits: Iterable[str] = ("train", "test"),
        classes: Iterable[str] = ("cat", "dog"),
        each: int = 3,
        ending: str = "png",
        mode: str = "RGB",
        below: str = "",
    ) -> Path:
        root: Path = tmp_path / name
        names = list(classes)
        for offset, split in enumerate(splits):
            for label, class_name in enumerate(names):
                folder = root / split / class_name / below
                folder.mkdir(parents=True, exist_ok=True)
                for index in range(each):
                    picture = Image.fromarray(crops[label % 2, (offset * each + index) % 20])
                    picture.convert(mode).save(folder / f"{index}.{ending}")
        return root

    return write
