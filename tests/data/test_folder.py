"""Targets from folders of pictures."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.data.target import TargetSpec


def everything(images) -> torch.Tensor:
    pixels: torch.Tensor = images.batch(torch.arange(len(images)))
    return pixels


def refused(root, text: str, **options) -> None:
    with pytest.raises(UserError, match=text) as caught:
        load_target(f"folder:{root}", **options)
    assert "\n" not in str(caught.value)


def test_pixels_labels_and_order_are_those_of_imagefolder(write_tree):
    root = write_tree(classes=["b", "a", "c"], each=12)
    target = load_target(f"folder:{root}")
    oracle = ImageFolder(root / "train")
    assert list(target.classes) == oracle.classes == ["a", "b", "c"]
    assert target.train.labels.tolist() == [label for _, label in oracle]
    pixels = np.stack([np.asarray(image).transpose(2, 0, 1) for image, _ in oracle])
    assert np.array_equal(everything(target.train).numpy(), pixels)


def test_statistics_are_measured_on_train(write_tree):
    target = load_target(f"folder:{write_tree()}")
    pixels = everything(target.train).double().numpy() / 255
    assert target.mean == pytest.approx(pixels.mean((0, 2, 3)), rel=1e-12)
    assert target.std == pytest.approx(pixels.std((0, 2, 3)), rel=1e-12)
    assert target.statistics == "measured on train"
    assert target.flip_keeps_class


def test_test_goes_before_val_and_the_note_says_which(write_tree):
    only_val = load_target(f"folder:{write_tree('one', splits=['train', 'val'])}")
    both = load_target(f"folder:{write_tree('two', splits=['train', 'val', 'test'])}")
    assert "test split: val/" in only_val.notes
    assert "test split: test/" in both.notes


def test_a_set_of_grey_pictures_stays_at_one_channel(write_tree):
    assert load_target(f"folder:{write_tree(mode='L')}").train.shape == (1, 32, 32)


@pytest.mark.parametrize("size", [None, 32])
def test_one_colour_picture_makes_the_set_rgb(write_tree, crops, size):
    root = write_tree(mode="L", ending="jpg")
    Image.fromarray(crops[0, 0]).save(root / "test" / "dog" / "2.jpg")
    target = load_target(f"folder:{root}", size=size)
    assert target.train.shape == target.test.shape == (3, 32, 32)
    train = everything(target.train)
    assert torch.equal(train[:, 0], train[:, 2])
    assert any("as RGB" in note for note in target.notes)


def test_jpegs_are_decoded_as_pillow_does(write_tree):
    root = write_tree(ending="jpg")
    target = load_target(f"folder:{root}")
    first = np.asarray(Image.open(root / "train" / "cat" / "0.jpg")).transpose(2, 0, 1)
    assert np.array_equal(target.train.batch(torch.tensor([0]))[0].numpy(), first)


def test_pictures_of_many_sizes_need_a_size(write_tree, photos):
    root = write_tree()
    Image.fromarray(photos[0]).save(root / "train" / "cat" / "large.jpg")
    refused(root, r"not of one square size: 32x32 \(12\), 640x427 \(1\); give a side, for instance @64")
    target = load_target(f"folder:{root}@24")
    assert target.train.shape == (3, 24, 24)
    assert "shorter side resized to 24 (Pillow bilinear, antialiased), then centre crop" in target.notes


def test_pictures_that_are_not_square_need_a_size(tmp_path, photos):
    for split in ("train", "test"):
        for name, photo in zip(("temple", "flower"), photos, strict=True):
            (tmp_path / split / name).mkdir(parents=True)
            Image.fromarray(photo).save(tmp_path / split / name / "photo.jpg")
    refused(tmp_path, r"not of one square size: 640x427 \(4\)")
    assert load_target(f"folder:{tmp_path}@64").train.shape == (3, 64, 64)


def test_moving_the_folder_keeps_the_fingerprint_and_one_pixel_changes_it(write_tree, tmp_path):
    root = write_tree()
    before = load_target(f"folder:{root}").fingerprint
    moved = tmp_path / "elsewhere"
    shutil.move(root, moved)
    assert load_target(f"folder:{moved}").fingerprint == before
    path = moved / "test" / "cat" / "1.png"
    pixels = np.asarray(Image.open(path)).copy()
    pixels[5, 5, 0] ^= 1
    Image.fromarray(pixels).save(path)
    assert load_target(f"folder:{moved}").fingerprint != before


def test_the_fingerprint_knows_the_labels(write_tree):
    root = write_tree(classes=["a", "b"], each=2)
    before = load_target(f"folder:{root}").fingerprint
    for class_name, other in (("a", "c"), ("b", "a"), ("c", "b")):
        (root / "train" / class_name).rename(root / "train" / other)
    assert load_target(f"folder:{root}").fingerprint != before


def test_number_names_are_in_text_order_and_a_note_says_so(write_tree):
    target = load_target(f"folder:{write_tree(classes=map(str, range(11)), each=1)}")
    assert target.classes[:3] == ("0", "1", "10")
    assert any("text order" in note for note in target.notes)
    few = load_target(f"folder:{write_tree('few', classes=map(str, range(4)), each=1)}")
    assert not any("text order" in note for note in few.notes)


def test_links_to_outside_and_subfolders_are_followed(write_tree, tmp_path):
    root = write_tree(below="images")
    plain = load_target(f"folder:{root}")
    linked = tmp_path / "linked"
    for split in ("train", "test"):
        (linked / split).mkdir(parents=True)
        for name in ("cat", "dog"):
            (linked / split / name).symlink_to(root / split / name)
    (root / "train" / "cat" / "images" / "back").symlink_to(root / "train" / "cat")
    assert load_target(f"folder:{linked}").fingerprint == plain.fingerprint


def test_hidden_and_other_files_are_left_out_and_counted(write_tree):
    root = write_tree()
    (root / "train" / "cat" / "boxes.txt").write_text("1 2 3")
    (root / "train" / "cat" / ".DS_Store").write_bytes(b"\0")
    (root / "train" / ".cache").mkdir()
    target = load_target(f"folder:{root}")
    assert len(target.train) == 6
    assert "ignored 1 files that are no images (.txt)" in target.notes


@pytest.mark.parametrize("bad", ["truncated", "text", "dangling"])
def test_an_unreadable_picture_is_named(write_tree, bad):
    root = write_tree(ending="jpg")
    path = root / "train" / "dog" / "1.jpg"
    data = path.read_bytes()
    path.unlink()
    if bad == "dangling":
        path.symlink_to(root / "nothing.jpg")
    else:
        path.write_bytes(data[: len(data) // 2] if bad == "truncated" else b"text")
    refused(root, r"cannot read the image .*train/dog/1\.jpg: ")


def test_broken_folders_are_refused_in_one_line(write_tree, tmp_path):
    refused(tmp_path / "absent", "absent: is not a folder; expected train/CLASS")
    refused(tmp_path, "has no folder train; expected train/CLASS")
    refused(write_tree("a", splits=["train"]), "has no folder test or val")
    refused(write_tree("b", classes=["only"]), "found 1 class; a classifier needs at least 2")
    missing = write_tree("c", classes=["x", "y", "z"])
    shutil.rmtree(missing / "test" / "y")
    refused(missing, "class 'y' is in train but not in test")
    shutil.rmtree(missing / "train" / "y")
    shutil.rmtree(missing / "train" / "z")
    refused(missing, "class 'z' is in test but not in train")
    empty = write_tree("d", each=0)
    refused(empty, r"train/cat: holds no image")
    (tmp_path / "e" / "train").mkdir(parents=True)
    (tmp_path / "e" / "test").mkdir()
    refused(tmp_path / "e", "train: holds no class folders")


def test_a_folder_without_permission_is_named(write_tree):
    root = write_tree()
    closed = root / "train" / "cat"
    closed.chmod(0)
    try:
        readable = any(closed.iterdir())
    except PermissionError:
        readable = False
    try:
        if readable:  # the superuser reads everything
            assert len(load_target(f"folder:{root}").train) == 6
        else:
            refused(root, "cannot read .*train/cat: Permission denied")
    finally:
        closed.chmod(0o755)


def test_the_flip_can_be_ruled_out(write_tree):
    name = f"folder:{write_tree()}"
    assert load_target(TargetSpec(name=name, flip=False)).flip_keeps_class is False
    assert load_target(TargetSpec(name=name)).flip_keeps_class is True
    assert load_target(TargetSpec(name="mnist5k", flip=True)).flip_keeps_class is True
