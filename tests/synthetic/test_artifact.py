from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader

from rd3.base.errors import UserError
from rd3.base.files import sha256_of
from rd3.data.target import Target
from rd3.synthetic import Manifest, Synthetic, check
from rd3.synthetic.artifact import balanced_ipc


def assert_equal(first: Synthetic, second: Synthetic) -> None:
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.labels, second.labels)
    assert (first.soft_labels is None) == (second.soft_labels is None)
    if first.soft_labels is not None and second.soft_labels is not None:
        assert torch.equal(first.soft_labels, second.soft_labels)
    assert first.learned_lr == second.learned_lr


@pytest.mark.parametrize("name", ["grey", "colour", "softly"])
def test_what_was_saved_comes_back(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    synthetic: Synthetic = request.getfixturevalue(name)
    loaded = Synthetic.load(synthetic.save(tmp_path / "deep" / "set"))
    assert_equal(loaded, synthetic)
    assert loaded.manifest == synthetic.manifest
    assert loaded.content_fingerprint == synthetic.content_fingerprint
    assert sorted(file.name for file in (tmp_path / "deep").rglob("*.*")) == ["images.safetensors", "manifest.json"]


@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 9),
    st.sampled_from([None, torch.float16, torch.bfloat16, torch.float32]),
)
@settings(max_examples=25, deadline=None)
def test_sets_of_any_shape_come_back(
    tmp_path_factory: pytest.TempPathFactory, classes: int, ipc: int, channels: int, side: int, soft: torch.dtype | None
) -> None:
    generator = torch.Generator().manual_seed(classes + 10 * ipc + 100 * channels)
    n = classes * ipc
    synthetic = Synthetic(
        torch.randint(0, 256, (n, channels, side, side + 1), generator=generator, dtype=torch.uint8),
        torch.arange(classes).repeat(ipc),
        None if soft is None else torch.randn(n, classes, generator=generator).to(soft),
        None,
        Manifest(
            method="noise",
            target=None,
            target_fingerprint=None,
            classes=tuple("abcd"[:classes]),
            ipc=ipc,
            fingerprint="f",
        ),
    )
    loaded = Synthetic.load(synthetic.save(tmp_path_factory.mktemp("any") / "set"))
    assert_equal(loaded, synthetic)
    assert loaded.shape == (channels, side, side + 1)


def test_a_data_loader_takes_it(colour: Synthetic) -> None:
    batches = list(DataLoader(colour, batch_size=4))
    images = torch.cat([images for images, _ in batches])
    assert torch.equal((images * 255).round().to(torch.uint8), colour.images)
    assert images.min() >= 0
    assert images.max() <= 1
    assert torch.equal(torch.cat([labels for _, labels in batches]), colour.labels)
    with pytest.raises(IndexError):
        colour[len(colour)]


def test_bytes_are_those_of_raw_pixels_and_labels(grey: Synthetic, softly: Synthetic) -> None:
    assert grey.image_bytes == 30 * 1 * 8 * 8
    assert grey.label_bytes == 30
    assert softly.label_bytes == 30 + 30 * 10 * 4


def test_the_content_fingerprint_depends_on_every_pixel_and_label(softly: Synthetic) -> None:
    fingerprints = {softly.content_fingerprint}
    assert softly.soft_labels is not None
    images, labels, soft = softly.images.clone(), softly.labels.clone(), softly.soft_labels.clone()
    images[0, 0, 0, 0] ^= 1
    labels[[0, 3]] = labels[[3, 0]]
    soft[0, 0] += 1
    for changes in ({"images": images}, {"labels": labels}, {"soft_labels": soft}, {"soft_labels": None}):
        fingerprints.add(replace(softly, **changes).content_fingerprint)
    assert len(fingerprints) == 5
    moved = replace(softly, manifest=softly.manifest.model_copy(update={"method": "other"}))
    assert moved.content_fingerprint == softly.content_fingerprint


def test_saving_again_changes_nothing(grey: Synthetic, tmp_path: Path) -> None:
    folder = grey.save(tmp_path / "set")
    before = {file.name: (file.stat().st_mtime_ns, sha256_of(file)) for file in folder.iterdir()}
    slower = grey.manifest.model_copy(update={"peak_memory_bytes": 12345})
    replace(grey, manifest=slower).save(folder)
    assert {file.name: (file.stat().st_mtime_ns, sha256_of(file)) for file in folder.iterdir()} == before


def test_saving_over_something_else_is_refused(grey: Synthetic, colour: Synthetic, tmp_path: Path) -> None:
    folder = grey.save(tmp_path / "set")
    seeded = replace(grey, manifest=grey.manifest.model_copy(update={"seed": 1}))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for synthetic, name in [(colour, "set"), (seeded, "set"), (grey, "notes"), (grey, "file")]:
        with pytest.raises(UserError, match="exists already and holds something else"):
            synthetic.save(tmp_path / name)
    assert_equal(Synthetic.load(folder), grey)
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"


def test_an_empty_folder_may_be_filled(grey: Synthetic, tmp_path: Path) -> None:
    assert_equal(Synthetic.load(grey.save(tmp_path)), grey)


def test_a_save_that_fails_leaves_nothing(grey: Synthetic, tmp_path: Path) -> None:
    bad = replace(grey, manifest=grey.manifest.model_copy(update={"info": {"model": object()}}))
    with pytest.raises(Exception, match="serialize"):
        bad.save(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def rewrite(folder: Path, **changes: Any) -> None:
    stored = json.loads((folder / "manifest.json").read_text())
    stored["manifest"].update(changes)
    (folder / "manifest.json").write_text(json.dumps(stored))


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: truncate(folder / "images.safetensors"), r"images\.safetensors: has \d+ bytes.*not whole"),
        (lambda folder: flip_a_bit(folder / "images.safetensors"), r"images\.safetensors: its SHA-256 is not"),
        (lambda folder: (folder / "images.safetensors").unlink(), r"images\.safetensors: No such file"),
        (lambda folder: (folder / "manifest.json").unlink(), r"manifest\.json: No such file"),
        (lambda folder: truncate(folder / "manifest.json"), r"manifest\.json: not readable as JSON"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe\x00"), "not readable as JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[1]"), "expected 'key: value' pairs"),
        (lambda folder: rewrite(folder, schema_version=2), "schema_version = 2; this rd3 reads 1"),
        (lambda folder: rewrite(folder, methd="x"), r"unknown key 'manifest\.methd'"),
        (lambda folder: rewrite(folder, draw="many"), r"manifest\.draw = 'many'"),
        (lambda folder: rewrite(folder, ipc=4), "ipc = 4, but the labels say 3"),
        (lambda folder: rewrite(folder, classes=["a", "b"]), r"label 9: must be in 0 \.\. 1 for 2 classes"),
    ],
)
def test_damage_is_named_in_one_line(grey: Synthetic, tmp_path: Path, damage: Any, message: str) -> None:
    folder = grey.save(tmp_path / "set")
    damage(folder)
    with pytest.raises(UserError, match=message) as caught:
        Synthetic.load(folder)
    assert str(caught.value).startswith(f"{folder}: ")
    assert "\n" not in str(caught.value)


def swap_tensors(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    """A forger's folder: other tensors, and a manifest whose hashes fit them."""
    path = folder / "images.safetensors"
    save_file(tensors, path)
    stored = json.loads((folder / "manifest.json").read_text())
    stored["files"][path.name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    (folder / "manifest.json").write_text(json.dumps(stored))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": torch.zeros(30, 1, 8, 8).half()}, "expected uint8 or float32.*got float16"),
        ({"images": torch.full((30, 1, 8, 8), torch.inf)}, "images: NaN or infinity, first in image 0"),
        ({"images": torch.zeros(30, 8, 8, dtype=torch.uint8)}, r"of shape \(30, 8, 8\)"),
        ({"labels": torch.zeros(29, dtype=torch.int64)}, r"labels: expected int64 of shape \(30,\)"),
        ({"labels": torch.full((30,), -1)}, "label -1"),
        ({"soft_labels": torch.zeros(30, 9)}, r"soft_labels: expected floats of shape \(30, 10\)"),
        ({"soft_labels": torch.full((30, 10), torch.nan)}, "soft_labels: NaN or infinity, first for image 0"),
    ],
)
def test_tensors_are_judged_even_where_the_hashes_fit(
    grey: Synthetic, tmp_path: Path, changes: dict[str, torch.Tensor], message: str
) -> None:
    folder = grey.save(tmp_path / "set")
    swap_tensors(folder, {**load_file(folder / "images.safetensors"), **changes})
    with pytest.raises(UserError, match=message):
        Synthetic.load(folder)


def test_a_folder_without_labels_or_without_safetensors_is_refused(grey: Synthetic, tmp_path: Path) -> None:
    folder = grey.save(tmp_path / "set")
    swap_tensors(folder, {"images": grey.images})
    with pytest.raises(UserError, match="holds no tensor 'labels'"):
        Synthetic.load(folder)
    path = folder / "images.safetensors"
    path.write_bytes(b"no safetensors at all")
    stored = json.loads((folder / "manifest.json").read_text())
    stored["files"][path.name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    (folder / "manifest.json").write_text(json.dumps(stored))
    with pytest.raises(UserError, match="no readable safetensors file"):
        Synthetic.load(folder)
    with pytest.raises(UserError, match="nowhere: no such folder"):
        Synthetic.load(tmp_path / "nowhere")


def test_a_learned_lr_is_a_positive_number(grey: Synthetic) -> None:
    with pytest.raises(UserError, match=r"learned_lr = nan: must be a positive number"):
        replace(grey, learned_lr=float("nan"))


def test_info_is_kept_as_json() -> None:
    manifest = Manifest(
        method="m",
        target=None,
        target_fingerprint=None,
        classes=("a",),
        ipc=1,
        fingerprint="f",
        info={"losses": (1.0, float("nan"))},
    )
    assert manifest.info == {"losses": [1.0, None]}


def test_ipc_is_none_where_classes_differ() -> None:
    assert balanced_ipc(torch.tensor([0, 1, 1, 0]), 2) == 2
    assert balanced_ipc(torch.tensor([0, 1, 1]), 2) is None
    assert balanced_ipc(torch.tensor([0, 1]), 3) is None


def test_a_set_of_its_own_target_raises_no_warning(grey: Synthetic, digits: Target) -> None:
    assert check(grey, digits) == []


def test_a_set_of_another_target_is_refused(grey: Synthetic, photos: Target, digits: Target) -> None:
    with pytest.raises(
        UserError, match=r"images are 8x8 with 1 channel, but those of target 'photos' are 32x32 with 3"
    ):
        check(grey, photos)
    fewer = replace(digits, classes=digits.classes[:9])
    with pytest.raises(UserError, match="10 classes, but target 'digits' has 9"):
        check(grey, fewer)
    swapped = replace(digits, classes=("one", "zero", *digits.classes[2:]))
    with pytest.raises(
        UserError, match="class 0 is 'zero', but target 'digits' calls it 'one'; the same names in another"
    ):
        check(grey, swapped)


def test_odd_sets_are_warned_about(grey: Synthetic, digits: Target) -> None:
    manifest = grey.manifest.model_copy(
        update={"ipc": None, "target_fingerprint": "else", "classes": tuple("0123456789")}
    )
    odd = Synthetic(grey.images[:-1] // 255, grey.labels[:-1], None, None, manifest)
    odd.images[0] = 0
    text = "\n".join(check(odd, digits))
    for part in ["2 to 3 images", "no class names", "not the same data", "no pixel is above 1", "one flat colour"]:
        assert part in text
