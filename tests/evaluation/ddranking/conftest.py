"""Files of DD-Ranking, and colour images for them, cut from two photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.datasets import load_sample_images

from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.evaluation.ddranking.read import DDRankingFile, read_ddranking

ReadFile = Callable[..., DDRankingFile]


@pytest.fixture(scope="session")
def photo_arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs cut to pieces of 224 px: two classes of colour images of any smaller side."""
    photos = [image[:, 100:548].reshape(-1, 448, 3)[:224] for image in load_sample_images().images]
    pieces = [np.stack([photo[:, left : left + 224] for left in range(0, 224, 8)]) for photo in photos]
    images = np.concatenate(pieces).transpose(0, 3, 1, 2)
    labels = np.repeat(np.arange(2), len(pieces[0]))
    path = tmp_path_factory.mktemp("photos") / "photos.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images[::4], y_test=labels[::4])
    return path


@pytest.fixture
def photos(photo_arrays: Path):
    def photos(side: int) -> Target:
        return load_target(f"npz:{photo_arrays}@{side}")

    return photos


@pytest.fixture
def read(tmp_path: Path):
    """The file of these values as rd3 understands it."""

    def read(values: dict[str, Any], *, name: str = "mine", version: str = "") -> DDRankingFile:
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(values))
        return read_ddranking(f"ddranking{version}:{tmp_path / name}.yaml")

    return read


@pytest.fixture(scope="session")
def published() -> dict[str, dict[str, Any]]:
    """Name -> values of published files."""
    return dict(yaml.safe_load((Path(__file__).parent / "published.yaml").read_text()))
