"""`hf:` targets, offline: what the library `datasets` writes and reads in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import rd3
from rd3.base.errors import UserError
from rd3.data.hub import without_code
from rd3.data.target import Target

datasets = pytest.importorskip("datasets")
SIZES = {"train": 60, "test": 40}


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def columns(split: str, **more: Any) -> dict[str, Any]:
    digits = rd3.load_target("digits")
    images = getattr(digits, split)
    count = SIZES[split]
    pictures = [Image.fromarray(pixels[0].numpy()) for pixels in images.pixels[:count]]
    return {"img": pictures, "digit": images.labels[:count].tolist(), **more}


def table(split: str, features: dict[str, Any], **more: Any) -> Any:
    return datasets.Dataset.from_dict(
        columns(split, **more), features=datasets.Features({"img": datasets.Image(), **features})
    )


def saved(features: dict[str, Any], splits: tuple[str, ...] = ("train", "test"), **more: Any) -> Any:
    found = datasets.DatasetDict(
        {
            split: table(split, features, **{key: value[: SIZES[split]] for key, value in more.items()})
            for split in splits
        }
    )
    found.save_to_disk("saved")
    return found


def named() -> Any:
    return datasets.ClassLabel(names=list("0123456789"))


def is_digits(found: Target) -> None:
    digits = rd3.load_target("digits")
    for split, count in SIZES.items():
        own, real = getattr(found, split), getattr(digits, split)
        assert torch.equal(own.pixels, real.pixels[:count])
        assert torch.equal(own.labels, real.labels[:count])
    assert found.classes == digits.classes


def test_a_saved_data_set_is_read_as_it_was(capfd) -> None:
    saved({"digit": named()})
    capfd.readouterr()
    found = rd3.load_target("hf:saved")
    assert capfd.readouterr() == ("", "")  # no progress bars
    is_digits(found)
    assert found.notes == ("columns img and digit; test split: test",)
    assert found.statistics == "measured on train"
    assert rd3.load_target("hf:saved") is found


def test_parquet_files_are_read_with_the_features_that_they_name() -> None:
    Path("tables").mkdir()
    for split, rows in saved({"digit": named()}).items():
        rows.to_parquet(f"tables/{split}-00000-of-00001.parquet")
    is_digits(rd3.load_target("hf:tables"))


def test_parquet_files_of_another_library_are_read_too() -> None:
    """Bytes of encoded pictures and plain numbers, without a word of what they are."""
    import io

    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    Path("tables").mkdir()
    for split in SIZES:
        found = columns(split)
        encoded = []
        for picture in found["img"]:
            picture.save(file := io.BytesIO(), format="PNG")
            encoded.append(file.getvalue())
        parquet.write_table(arrow.table({"img": encoded, "digit": found["digit"]}), f"tables/{split}.parquet")
    is_digits(rd3.load_target("hf:tables"))


def test_folders_of_pictures_are_read_as_classes() -> None:
    for split in SIZES:
        found = columns(split)
        for number, (picture, label) in enumerate(zip(found["img"], found["digit"], strict=True)):
            place = Path("pictures") / split / str(label) / f"{number:03d}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            picture.save(place)
    hub, own = rd3.load_target("hf:pictures"), rd3.load_target("folder:pictures")
    assert hub.fingerprint == own.fingerprint
    assert rd3.load_target("hf:pictures@16").fingerprint == rd3.load_target("folder:pictures@16").fingerprint


def test_columns_are_asked_for_where_several_could_be_meant() -> None:
    odd = [label % 2 for label in rd3.load_target("digits").train.labels.tolist()]
    kinds = {"digit": named(), "odd": datasets.ClassLabel(names=["even", "odd"])}
    found = {split: table(split, kinds, odd=[v % 2 for v in columns(split)["digit"]]) for split in SIZES}
    datasets.DatasetDict(found).save_to_disk("saved")
    with pytest.raises(UserError, match=r"digit, odd may all be the classes; .* hf:saved\?label=digit"):
        rd3.load_target("hf:saved")
    is_digits(rd3.load_target("hf:saved?label=digit"))
    is_digits(rd3.load_target("hf:saved?image=img&label=digit"))
    parity = rd3.load_target("hf:saved?label=odd")
    assert parity.classes == ("even", "odd")
    assert parity.train.labels.tolist() == odd[: SIZES["train"]]


@pytest.mark.parametrize(
    ("kind", "of", "classes"),
    [
        ("string", lambda label: f"digit {label}", [f"digit {label}" for label in range(10)]),
        ("int32", lambda label: 10 * label, [str(10 * label) for label in range(10)]),
        ("bool", lambda label: label > 4, ["False", "True"]),
    ],
)
def test_plain_values_are_classes_in_their_order(kind: str, of: Any, classes: list[str]) -> None:
    values = {split: [of(label) for label in columns(split)["digit"]] for split in SIZES}
    rows = {
        split: datasets.Dataset.from_dict(
            {"img": columns(split)["img"], "what": values[split]},
            features=datasets.Features({"img": datasets.Image(), "what": datasets.Value(kind)}),
        )
        for split in SIZES
    }
    datasets.DatasetDict(rows).save_to_disk("saved")
    found = rd3.load_target("hf:saved")
    assert list(found.classes) == classes
    assert [found.classes[label] for label in found.test.labels] == [str(value) for value in values["test"]]


def test_the_test_split_may_have_another_name() -> None:
    whole = saved({"digit": named()})
    datasets.DatasetDict({"train": whole["train"], "validation": whole["test"]}).save_to_disk("other")
    found = rd3.load_target("hf:other")
    is_digits(found)
    assert found.notes == ("columns img and digit; test split: validation",)
    assert rd3.load_target("hf:other?train=validation&test=train").test.labels.tolist() == found.train.labels.tolist()


def test_grey_pictures_among_coloured_ones_are_grey_in_three_channels() -> None:
    rows = columns("train")
    rows["img"][3] = Image.new("RGB", (8, 8), (255, 0, 10))
    features = datasets.Features({"img": datasets.Image(), "digit": named()})
    whole = {"train": datasets.Dataset.from_dict(rows, features=features), "test": table("test", {"digit": named()})}
    datasets.DatasetDict(whole).save_to_disk("saved")
    found = rd3.load_target("hf:saved")
    assert found.train.shape == (3, 8, 8)
    assert found.train.pixels[3, :, 0, 0].tolist() == [255, 0, 10]
    assert torch.equal(found.test.pixels, rd3.load_target("digits").test.pixels[:40].expand(-1, 3, -1, -1))


def test_an_edit_of_the_folder_is_seen() -> None:
    saved({"digit": named()})
    first = rd3.load_target("hf:saved")
    other = table("train", {"digit": named()}).select(range(50))
    datasets.DatasetDict({"train": other, "test": table("test", {"digit": named()})}).save_to_disk("saved")
    assert len(rd3.load_target("hf:saved").train) == 50 != len(first.train)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hf:", "target 'hf:' needs a path: hf:NAME"),
        ("hf:./absent", "absent is not there; expected a folder, or a name on the hub"),
        (
            "hf:saved?lable=digit",
            "'lable=digit' is not KEY=VALUE with a known key; did you mean 'label'? Known: config,",
        ),
        ("hf:saved?label", "'label' is not KEY=VALUE"),
        ("hf:saved?label=digits", "label = digits: no such column; did you mean 'digit'? There are: img, digit"),
        ("hf:saved?image=digit", "image = digit: holds no pictures"),
        ("hf:saved?label=img", "label = img: holds no classes"),
        ("hf:saved?test=tset", "has no split tset; it has train, test; ?test=SPLIT names one"),
        ("hf:saved?test=train", "split train cannot be trained and tested on; name another"),
        ("hf:someone/absent", "hf:someone/absent: cannot be loaded: "),
    ],
)
def test_what_cannot_be_loaded_is_one_line(name: str, said: str) -> None:
    saved({"digit": named()})
    with pytest.raises(UserError) as caught:
        rd3.load_target(name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"digit": [-1] * 60},
            "column digit holds the label -1; expected 0 to 9; a split without labels cannot be tested",
        ),
        ({"digit": [None] * 60}, "column digit holds the label None; expected 0 to 9"),
        (
            {"img": [Image.new("L", (8, 9))] * 60},
            "images are not of one square size: 8x9; give a side, for instance @64",
        ),
        ({"img": [None] * 60}, "row 0 of column img holds no picture"),
    ],
)
def test_rows_that_are_no_images_with_a_class_are_one_line(change: dict[str, Any], said: str) -> None:
    rows = {split: columns(split) for split in SIZES}
    rows["test"] |= {key: value[: SIZES["test"]] for key, value in change.items()}
    if "img" in change:
        rows["train"] |= change
    features = datasets.Features({"img": datasets.Image(), "digit": named()})
    whole = {split: datasets.Dataset.from_dict(rows[split], features=features) for split in SIZES}
    datasets.DatasetDict(whole).save_to_disk("saved")
    with pytest.raises(UserError) as caught:
        rd3.load_target("hf:saved")
    assert said in str(caught.value)


def test_more_than_memory_may_hold_is_refused() -> None:
    saved({"digit": named()})
    with pytest.raises(
        UserError, match=r"100 pictures take 0\.0 GiB, more than the 0\.0 GiB that are held; write them as"
    ):
        rd3.load_target("hf:saved", memory_limit=6_000)


def test_code_that_a_data_set_brings_is_not_run(tmp_path: Path) -> None:
    """A folder with a script of its own name, as older releases of the library run it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(UserError):
        rd3.load_target(f"hf:{folder}")
    assert not (tmp_path / "ran").exists()
    assert without_code("3.6.0") == {"trust_remote_code": False}
