"""`rd3 import` and its kin on folders of pictures with the labels of a teacher beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.squeeze.class_order import imagenet_wnids
from rd3.synthetic import Synthetic

LABELS = torch.arange(10).repeat_interleave(2)


@pytest.fixture(scope="module")
def digits() -> Target:
    return load_target("digits")


@pytest.fixture
def images(digits: Target, tmp_path: Path) -> Path:
    rows = torch.cat([(digits.train.labels == label).nonzero()[:2, 0] for label in range(10)])
    for k, (image, label) in enumerate(zip(digits.train.batch(rows), LABELS.tolist(), strict=True)):
        folder = tmp_path / "sre2l" / f"new{label:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0].numpy()).save(folder / f"class{label:03d}_id{k % 2:03d}.png")
    return tmp_path / "sre2l"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two epochs of one batch with indices."""
    for epoch in range(2):
        order = torch.randperm(20, generator=torch.Generator().manual_seed(epoch))
        soft = 5 * torch.eye(10)[LABELS[order]] + epoch
        content = [torch.zeros(20, 4), torch.zeros(20, dtype=torch.bool), None, None, None, soft.half(), order]
        (tmp_path / "fkd" / f"epoch_{epoch}").mkdir(parents=True)
        torch.save(content, tmp_path / "fkd" / f"epoch_{epoch}" / "batch_0.tar")
    return tmp_path / "fkd"


def test_a_store_is_shown_and_becomes_static_labels(terminal, images, store, tmp_path) -> None:
    said = terminal.done("show", store)
    assert "fkd: a teacher's soft labels of augmented views" in said
    assert "coords, flip, mix_index, mix_lam, mix_bbox, labels, image indices" in said
    assert "10 classes, float16" in said
    options = ("--target", "digits", "--out", tmp_path / "out")
    said = terminal.done("import", images, "--soft-labels", store, *options)
    assert "indices in the files" in said
    assert "views are not replayed" in " ".join(said.split())
    found = Synthetic.load(tmp_path / "out")
    torch.testing.assert_close(found.soft_labels, 5 * torch.eye(10)[LABELS] + 0.5)
    assert found.manifest.soft_label_form == "logits"
    refusal = terminal("import", store, *options).complaint
    assert "holds a teacher's soft labels of augmented views (FKD), no images" in refusal
    refusal = terminal("import", images, "--soft-labels", images, *options).complaint
    assert "no soft labels: expected a folder with epoch_0/batch_0.tar" in refusal


def test_static_labels_of_a_store_are_judged_without_a_teacher(terminal, images, store, tmp_path) -> None:
    protocol = tmp_path / "static.yaml"
    fields = {"epochs": 2, "labels": "static", "loss": "kl", "mix": "null"}
    lines = "".join(f"  {name}: {{value: {value}, provenance: inferred}}\n" for name, value in fields.items())
    protocol.write_text(
        "id: static\nversion: 1\nbase: rd3\ntitle: static\nsource: tests\npurpose: reference\ncounterparts: {}\n"
        f"fields:\n{lines}"
    )
    words = ("--protocol", protocol, "--seeds", "1", "--student", "convnet1-bn-w8", "--home", tmp_path / "home")
    said = terminal.done("evaluate", images, "digits", "--soft-labels", store, "--workers", "1", *words)
    assert "IPC 2" in said


def test_a_file_names_the_classes(terminal, digits, images, tmp_path) -> None:
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    names = tmp_path / "classes.txt"
    names.write_text("".join(f"{digits.classes[k]}\n" for k in order))
    terminal.done("import", images, "--target", "digits", "--classes", names, "--out", tmp_path / "out")
    found = Synthetic.load(tmp_path / "out")
    assert found.classes == digits.classes
    first = [int(found.labels[k]) for k in range(0, 20, 2)]
    assert first == list(range(10))
    plain = tmp_path / "plain"
    terminal.done("import", images, "--target", "digits", "--out", plain)
    own = Synthetic.load(plain).images.view(10, 2, 1, 8, 8)
    assert torch.equal(found.images.view(10, 2, 1, 8, 8)[order], own)


def test_lines_that_start_with_a_wordnet_id_are_that_id(tmp_path) -> None:
    from rd3.cli.reading import Reading, reading_arguments

    ids = imagenet_wnids()[:3]
    (tmp_path / "map.txt").write_text("".join(f"{name} {k} a plain name\n" for k, name in enumerate(ids)))
    assert reading_arguments(Reading(class_names=(str(tmp_path / "map.txt"),)))["classes"] == ids


def test_larger_pictures_need_a_word(terminal, images, tmp_path) -> None:
    for file in images.rglob("*.png"):
        Image.open(file).resize((16, 16)).save(file)
    options = ("--target", "digits", "--out", tmp_path / "out")
    assert "with fit = resize or crop (--fit)" in terminal("import", images, *options).complaint
    said = terminal.done("import", images, *options, "--fit", "crop")
    assert "the centre square of 8 px" in " ".join(said.split())
