"""Parquet files as hubs host them, written by hand with pyarrow."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.synthetic import FORMATS, Synthetic, export, read_synthetic
from rd3.synthetic.foreign import READINGS

pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
parquet = pytest.importorskip("pyarrow.parquet")


def encoded(synthetic: Synthetic, form: str = "PNG", **options: Any) -> list[bytes]:
    found = []
    for image in synthetic.images.numpy():
        file = io.BytesIO()
        Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, form, **options)
        found.append(file.getvalue())
    return found


def write(
    path: Path, pictures: list[Any], labels: list[Any], *, column: str = "class_id", names: Any = None, **more: Any
) -> Path:
    struct = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    rows = [each if isinstance(each, dict) else {"bytes": each, "path": "a.png"} for each in pictures]
    arrays = {"image": pyarrow.array(rows, struct), column: pyarrow.array(labels), **more}
    table = pyarrow.table(arrays)
    if names is not None:
        features = {column: {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)
    return path


def refused(path: Path, message: str, **options: Any) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_synthetic(path, **options)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", ["class_id", "label"])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_one_file_is_read_byte_by_byte(
    colour: Synthetic, photos: Target, tmp_path: Path, column: str, kind: Any
) -> None:
    file = write(tmp_path / "a.parquet", encoded(colour), colour.labels.numpy().astype(kind), column=column)
    assert [name for name in FORMATS if FORMATS[name].matches(file)] == ["parquet"]
    for target in (photos, None):
        back = read_synthetic(file, target=target)
        assert torch.equal(back.images, colour.images)
        assert torch.equal(back.labels, colour.labels)


def test_shards_are_one_set_and_the_training_split_is_taken(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    pictures, labels = encoded(grey), grey.labels.tolist()
    for k in range(3):
        name = f"train-{k:05d}-of-00003.parquet"
        write(tmp_path / "data" / name, pictures[10 * k : 10 * k + 10], labels[10 * k : 10 * k + 10])
    write(tmp_path / "data" / "test-00000-of-00001.parquet", pictures[:5], labels[:5])
    (tmp_path / "README.md").write_text("a card")
    assert [name for name in FORMATS if FORMATS[name].matches(tmp_path)] == ["parquet"]
    back = read_synthetic(tmp_path, target=digits)
    assert torch.equal(back.images, grey.images)
    assert torch.equal(back.labels, grey.labels)
    assert "3 parquet files, split train" in back.manifest.info[READINGS]["pictures"][1]
    for file in (tmp_path / "data").glob("train*"):
        file.unlink()
    refused(tmp_path, r"holds test-00000-of-00001\.parquet and no train\*\.parquet")


def test_names_of_classes_in_the_metadata_are_used(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    names = [digits.classes[k] for k in order]
    labels = torch.tensor(order).argsort()[grey.labels].tolist()
    file = write(tmp_path / "a.parquet", encoded(grey), labels, names=names, extra=pyarrow.array(range(30)))
    back = read_synthetic(file, target=digits)
    assert (back.classes, back.labels.tolist()) == (digits.classes, grey.labels.tolist())
    assert back.manifest.info["ignored"] == ["extra"]
    assert read_synthetic(file).classes == tuple(names)
    plain = write(tmp_path / "b.parquet", encoded(grey), labels)
    assert torch.equal(read_synthetic(plain, target=digits, classes=tuple(names)).labels, grey.labels)
    strange = write(tmp_path / "c.parquet", encoded(grey), labels, names=[*names[:9], "ten"])
    refused(strange, "class 0 is 'three', but target 'digits' calls it 'zero'", target=digits)


def test_jpegs_and_larger_pictures_go_the_way_of_folders(colour: Synthetic, photos: Target, tmp_path: Path) -> None:
    large = [Image.fromarray(image).resize((40, 40)) for image in colour.images.permute(0, 2, 3, 1).numpy()]
    pictures = []
    for image in large:
        file = io.BytesIO()
        image.save(file, "JPEG")
        pictures.append(file.getvalue())
    path = write(tmp_path / "a.parquet", pictures, colour.labels.tolist())
    refused(path, r"row 0: 40x40 .*, expected 32x32; say how .* \(--fit\)", target=photos)
    back = read_synthetic(path, target=photos, fit="crop")
    wanted = np.stack([np.asarray(Image.open(io.BytesIO(each)))[4:36, 4:36] for each in pictures])
    assert np.array_equal(back.images.permute(0, 2, 3, 1).numpy(), wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: ([*x[:3], None, *x[4:]], y), "row 3: holds no bytes of a picture but the path of a file"),
        (lambda x, y: ([*x[:3], x[3][:40], *x[4:]], y), "row 3: no readable picture"),
        (lambda x, y: ([*x[:3], b"text", *x[4:]], y), "row 3: no readable picture"),
        (lambda x, y: (x, [*y[:3], None, *y[4:]]), "row 3: its class is None; expected a whole number"),
        (lambda x, y: (x, [float(k) for k in y]), r"row 0: its class is 0\.0; expected a whole number"),
        (lambda x, y: (x, [k + 1 for k in y]), r"label 10: must be in 0 \.\. 9"),
        (lambda x, y: (x, [-1, *y[1:]]), "label -1"),
        (lambda x, y: (x[:-3], y[:-3]), "class 'nine': no image"),
        (lambda x, y: (x[:0], pyarrow.array([], pyarrow.int32())), "holds no row"),  # noqa: ARG005
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    grey: Synthetic, digits: Target, tmp_path: Path, change: Any, message: str
) -> None:
    refused(write(tmp_path / "a.parquet", *change(encoded(grey), grey.labels.tolist())), message, target=digits)


def test_other_columns_are_listed(grey: Synthetic, tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", encoded(grey), grey.labels.tolist(), column="answer")
    refused(file, "holds columns image, answer; expected one of label, labels, class_id")
    two = write(tmp_path / "b.parquet", encoded(grey), grey.labels.tolist(), label=pyarrow.array(range(30)))
    refused(two, "holds columns image, class_id, label; expected one of label")


@pytest.mark.parametrize("kept", [4, 0.3, 0.9, 0.999])
def test_truncated_files_are_named(grey: Synthetic, tmp_path: Path, kept: float) -> None:
    file = write(tmp_path / "a.parquet", encoded(grey), grey.labels.tolist())
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data)) if kept < 1 else int(kept)])
    refused(file, r"a\.parquet: is damaged or cut off, or no parquet file")


def test_a_changed_byte_never_raises_anything_else(grey: Synthetic, tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", encoded(grey), grey.labels.tolist())
    data, draws = file.read_bytes(), np.random.default_rng(0)
    for place in [*draws.integers(4, len(data), 60), *range(len(data) - 60, len(data), 2)]:
        changed = bytearray(data)
        changed[place] ^= 1 << int(draws.integers(8))
        file.write_bytes(changed)
        with suppress(UserError):
            read_synthetic(file)


def test_a_file_that_claims_many_times_its_size_is_refused(tmp_path: Path) -> None:
    equal = [bytes(2**21)] * 30
    file = write(tmp_path / "a.parquet", equal, list(range(30)))
    assert file.stat().st_size < 2**20
    refused(file, r"claims \d+ bytes, many times the file's")
    file = write(tmp_path / "a.parquet", [bytes([k]) + each for k, each in enumerate(equal)], list(range(30)))
    assert file.stat().st_size < 2**22
    refused(file, r"claims \d+ bytes, many times the file's")


def test_without_the_library_the_extra_is_named(
    grey: Synthetic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    file = write(tmp_path / "a.parquet", encoded(grey), grey.labels.tolist())
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    refused(file, r"This needs: pip install 'rd3\[parquet\]'")


def test_what_rd3_exports_is_the_same_set_again(softly: Synthetic, digits: Target, tmp_path: Path) -> None:
    export(softly, tmp_path / "out", "parquet")
    for target in (digits, None):
        back = read_synthetic(tmp_path / "out", target=target)
        assert torch.equal(back.images, softly.images)
        assert back.soft_labels is not None
        assert torch.equal(back.soft_labels, softly.soft_labels)
        assert (back.manifest.fingerprint, back.learned_lr) == (softly.manifest.fingerprint, softly.learned_lr)
        assert back.classes == softly.classes
    (tmp_path / "out" / "rd3.json").unlink()
    foreign = read_synthetic(tmp_path / "out", target=digits)
    assert torch.equal(foreign.labels, softly.labels)
    assert foreign.manifest.info["ignored"] == ["soft_labels"]
