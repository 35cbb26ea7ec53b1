"""Parquet, and cards, as the `datasets` library loads them: elsewhere, offline, with the source gone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import rd3
from rd3.data.mosaic import Decode
from rd3.study.store import Store
from rd3.synthetic import FORMATS, Synthetic, export, read_synthetic
from rd3.synthetic.exported import exported_at

LOAD = """
import json, sys
import numpy as np
from datasets import load_dataset
data = load_dataset(sys.argv[1], split="train")
rows = [np.asarray(picture) for picture in data["image"]]
np.save(sys.argv[2], np.stack(rows))
soft = data["soft_labels"][:] if "soft_labels" in data.column_names else None
names, label = data.features["label"].names, list(data["label"])
print(json.dumps({"columns": data.column_names, "label": label, "names": names, "soft": soft}))
"""


def loaded(path: Path, folder: Path) -> dict[str, object]:
    """What `datasets` sees of a copy of an export, in a process of its own that reaches no network."""
    moved = folder / "elsewhere" / "copy"
    shutil.move(path, moved)
    environment = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(folder / "hf"),
        "HOME": str(folder),
    }
    words = [sys.executable, "-c", LOAD, str(moved), str(folder / "pixels.npy")]
    process = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    assert process.returncode == 0, process.stderr[-2000:]
    return {**json.loads(process.stdout.splitlines()[-1]), "pixels": np.load(folder / "pixels.npy")}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()


def test_parquet_is_what_datasets_loads(softly: Synthetic, store: Store, tmp_path: Path) -> None:
    """Pixels, labels, class names in the order of the labels, and soft labels, all equal."""
    shuffled = torch.randperm(len(softly), generator=torch.Generator().manual_seed(0))
    parts = {name: getattr(softly, name)[shuffled] for name in ("images", "labels", "soft_labels")}
    mixed = replace(softly.declaring("logits"), **parts)
    rd3.export(mixed, tmp_path / "set", "parquet", store=store)
    found = loaded(tmp_path / "set", tmp_path)
    assert found["columns"] == ["image", "label", "soft_labels"]
    assert np.array_equal(found["pixels"], mixed.images[:, 0].numpy())
    assert found["label"] == mixed.labels.tolist()
    assert found["names"] == list(mixed.classes)
    assert np.array_equal(np.array(found["soft"], dtype=np.float32), mixed.soft_labels.numpy())


def test_class_folders_with_a_card_are_what_datasets_loads(colour: Synthetic, store: Store, tmp_path: Path) -> None:
    """The contact sheet beside the classes is no image of the set."""
    rd3.export(colour, tmp_path / "set", "folder", store=store)
    assert (tmp_path / "set" / "contact-sheet.png").is_file()
    found = loaded(tmp_path / "set", tmp_path)
    assert found["columns"] == ["image", "label"]
    assert np.array_equal(found["pixels"], colour.images.permute(0, 2, 3, 1).numpy())
    assert found["label"] == colour.labels.tolist()
    assert found["names"] == ["000", "001"], "temple, flower do not sort as the labels do"


def test_the_library_s_own_metadata_are_the_same(softly: Synthetic, tmp_path: Path) -> None:
    """The schema that `datasets` writes of these columns is the one that is written here."""
    import pyarrow.parquet as pq
    from datasets import Features

    from rd3.synthetic.exporters.parquet import FILE, features

    export(softly.declaring("logits"), tmp_path / "set", "parquet")
    schema = pq.read_schema(tmp_path / "set" / FILE)
    assert json.loads(schema.metadata[b"huggingface"]) == {"info": {"features": features(softly)}}
    assert Features.from_dict(features(softly)).arrow_schema.remove_metadata() == schema.remove_metadata()


def test_many_images_are_written_part_by_part(grey: Synthetic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr("rd3.synthetic.exporters.parquet.ROWS", 7)
    export(grey, tmp_path / "set", "parquet")
    (file,) = (tmp_path / "set").glob("*.parquet")
    table = pq.read_table(file)
    assert pq.ParquetFile(file).num_row_groups == 5
    assert table["label"].to_pylist() == grey.labels.tolist()


def test_soft_labels_of_a_column_are_found_again(softly: Synthetic, tmp_path: Path) -> None:
    export(softly.declaring("logits"), tmp_path / "set", "parquet")
    exported = exported_at(tmp_path / "set", FORMATS["folder"])
    assert torch.equal(exported.soft_labels, softly.soft_labels)
    assert exported.sidecar.learned_lr == softly.learned_lr


def test_parquet_comes_back_as_the_very_set(softly: Synthetic, tmp_path: Path) -> None:
    mosaic = softly.declaring("logits")
    mosaic = replace(mosaic, manifest=mosaic.manifest.model_copy(update={"decode": Decode(), "draw": 4}))
    notes = export(mosaic, tmp_path / "set", "parquet")
    assert notes == [
        "every image is a mosaic of 4: said in rd3.json and the card",
        "learned_lr = 0.01: said in rd3.json and the card",
    ]
    back = read_synthetic(tmp_path / "set")
    assert torch.equal(back.images, mosaic.images)
    assert torch.equal(back.labels, mosaic.labels)
    assert torch.equal(back.soft_labels, mosaic.soft_labels)
    assert back.manifest == mosaic.manifest
    assert back.learned_lr == 0.01


@pytest.mark.parametrize("rows", [[[0.0] * 10_000_000, *[[0.0]] * 29], [[0.0] * 11] * 30])
def test_soft_labels_that_grow_without_end_are_refused_before_they_are_read(
    softly: Synthetic, tmp_path: Path, rows: list[list[float]]
) -> None:
    """Equal values are stored once, so that a few bytes can claim any number of them."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    export(softly.declaring("logits"), tmp_path / "set", "parquet")
    file = tmp_path / "set" / "train-00000-of-00001.parquet"
    table = pq.read_table(file).drop(["soft_labels"])
    rows = rows[: len(table)]
    pq.write_table(table.append_column("soft_labels", pa.array(rows, type=pa.list_(pa.float32()))), file)
    with pytest.raises(rd3.UserError, match="soft labels for 10 classes in"):
        read_synthetic(tmp_path / "set")


def test_without_the_extra_parquet_says_how_to_get_it(
    grey: Synthetic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(rd3.UserError, match=r"This needs: pip install 'rd3\[parquet\]'"):
        export(grey, tmp_path / "set", "parquet")
    assert not (tmp_path / "set").exists()
