"""Class folders under the names that releases use, and pictures that are larger than the target's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import functional as vision

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.squeeze.class_order import imagenet_wnids
from rd3.synthetic import Synthetic, read_synthetic
from rd3.synthetic.foreign import READINGS

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def refused(path: Path, message: str, **options: Any) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_synthetic(path, **options)
    assert "\n" not in str(caught.value)


def save(root: Path, synthetic: Synthetic, name: str, **options: Any) -> Path:
    """`name` is a path in terms of `label` and `k`, the number of the image in its class."""
    counts: dict[int, int] = {}
    for image, label in zip(synthetic.images.numpy(), synthetic.labels.tolist(), strict=True):
        k = counts[label] = counts.get(label, -1) + 1
        file = root / name.format(label=label, k=k)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, **options)
    return root


def readings(synthetic: Synthetic) -> dict[str, list[str]]:
    return synthetic.manifest.info[READINGS]


@pytest.mark.parametrize(
    "name",
    ["new{label:03d}/class{label:03d}_id{k:03d}.jpg", "{label:05d}/class{label:05d}_id{k:05d}.jpg"],
    ids=["sre2l", "rded"],
)
def test_released_names_are_read_and_jpegs_decoded_as_pillow_does(
    colour: Synthetic, photos: Target, tmp_path: Path, name: str
) -> None:
    root = save(tmp_path / "set", colour, name, quality=75)
    back = read_synthetic(root, target=photos)
    files = sorted(root.rglob("*.jpg"))
    assert np.array_equal(back.images.permute(0, 2, 3, 1).numpy(), [np.asarray(Image.open(file)) for file in files])
    assert torch.equal(back.labels, colour.labels)
    assert readings(back)["pictures"] == ["bytes", "as they are in .jpg"]
    assert back.manifest.decode is None
    assert ("decode" in readings(back)) == name.startswith("{label:05d}")


def test_more_than_a_thousand_classes_are_ordered_by_number(tmp_path: Path) -> None:
    for label in (*range(0, 1003, 250), 999, 1001, 1002):
        (tmp_path / f"new{label:03d}").mkdir()
        Image.new("RGB", (4, 4), (label % 256, label // 256, 0)).save(tmp_path / f"new{label:03d}" / "a.png")
    refused(tmp_path, r"class '1' and \d+ more: no image")
    for label in range(1003):
        (tmp_path / f"new{label:03d}").mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (label % 256, label // 256, 0)).save(tmp_path / f"new{label:03d}" / "a.png")
    back = read_synthetic(tmp_path)
    found = back.images[:, 0, 0, 0].int() + 256 * back.images[:, 1, 0, 0].int()
    assert found.tolist() == back.labels.tolist() == list(range(1003))


def test_pictures_on_the_way_are_left_out(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    early = replace(grey, images=255 - grey.images)
    for iteration in (500, 1000):
        save(tmp_path / "set", early, f"new{{label:03d}}_it{iteration}/{{k}}.png")
    refused(tmp_path / "set", "holds class folders of iterations 500, 1000 and no final ones", target=digits)
    save(tmp_path / "set", grey, "new{label:03d}/{k}.png")
    back = read_synthetic(tmp_path / "set", target=digits)
    assert torch.equal(back.images, grey.images)
    assert len(back.manifest.info["left_out"]) == 20
    alone = save(tmp_path / "alone", early, "new{label:03d}_it500/{k}.png")
    assert torch.equal(read_synthetic(alone, target=digits).images, early.images)


@pytest.fixture
def nette(photos: Target) -> Target:
    """Two classes of ImageNet under their WordNet ids, in an order that is not that of text."""
    return replace(photos, classes=(imagenet_wnids()[701], imagenet_wnids()[0]))


def test_wordnet_ids_are_the_target_s_classes(colour: Synthetic, nette: Target, tmp_path: Path) -> None:
    for label, name in enumerate(nette.classes):
        one = replace_images(colour, colour.labels == label)
        save(tmp_path / "set", one, f"{name}/{{k}}.png")
    back = read_synthetic(tmp_path / "set", target=nette)
    assert torch.equal(back.images, colour.images)
    plain = replace(nette, classes=("parachute", "tench"))
    assert torch.equal(read_synthetic(tmp_path / "set", target=plain).images, colour.images)
    assert read_synthetic(tmp_path / "set", target=plain).classes == ("parachute", "tench")
    other = replace(nette, classes=("temple", "flower"))
    refused(tmp_path / "set", "class folders 'n01440764', 'n03888257': neither among the classes", target=other)
    sorted_by_text = read_synthetic(tmp_path / "set")
    assert sorted_by_text.classes == tuple(sorted(nette.classes))


def replace_images(synthetic: Synthetic, rows: torch.Tensor) -> Any:
    class Part:
        images, labels = synthetic.images[rows], synthetic.labels[rows]

    return Part


def test_a_list_of_classes_says_what_a_number_is(
    colour: Synthetic, grey: Synthetic, digits: Target, nette: Target, tmp_path: Path
) -> None:
    save(tmp_path / "places", replace_images(colour, colour.labels == 0), "701/{k}.png")
    save(tmp_path / "places", replace_images(colour, colour.labels == 1), "0/{k}.png")
    refused(tmp_path / "places", r"class folder '701': neither .* nor 0 \.\. 1", target=nette)
    back = read_synthetic(tmp_path / "places", target=nette, classes=imagenet_wnids())
    assert torch.equal(back.images, colour.images)
    assert readings(back)["class order"] == ["of the given list", "as told"]
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    moved = type("Part", (), {"images": grey.images, "labels": torch.tensor(order).argsort()[grey.labels]})
    root = save(tmp_path / "set", moved, "{label:05d}/{k}.png")
    names = tuple(DIGITS[k] for k in order)
    assert torch.equal(read_synthetic(root, target=digits, classes=names).images, grey.images)
    without = read_synthetic(root, classes=names)
    assert (without.classes, without.labels.tolist()) == (names, [k for k in range(10) for _ in range(3)])
    refused(root, "nor a place of one of them in the given list", target=digits, classes=names[:9])
    refused(root, "class folder '00009': not among the 9 given classes", classes=names[:9])
    # also where names of classes are numbers
    numbers = replace(digits, classes=tuple("0123456789"))
    named = read_synthetic(root, target=numbers, classes=tuple(map(str, order)))
    assert torch.equal(named.images, grey.images)


def larger(photos: Target, count: int = 2, side: int = 40) -> np.ndarray:
    """Real pictures of `side` px: four neighbours together, cut."""
    parts = photos.train.batch(torch.arange(4 * count)).reshape(count, 2, 2, 3, 32, 32)
    whole = parts.permute(0, 1, 4, 2, 5, 3).reshape(count, 64, 64, 3)
    return whole[:, :side, :side].numpy()


def test_larger_pictures_are_made_smaller_as_told(photos: Target, tmp_path: Path) -> None:
    found = larger(photos)
    for label, picture in enumerate(found):
        (tmp_path / str(label)).mkdir()
        Image.fromarray(picture).save(tmp_path / str(label) / "a.png")
    refused(tmp_path, r"0/a\.png: 40x40 .*, expected 32x32; say how .* with fit = resize or crop", target=photos)
    refused(tmp_path, "fit = crop: needs the target", fit="crop")
    resized = read_synthetic(tmp_path, target=photos, fit="resize")
    cropped = read_synthetic(tmp_path, target=photos, fit="crop")
    for picture, one, two in zip(found, resized.images, cropped.images, strict=True):
        image = Image.fromarray(picture)
        wanted = vision.center_crop(vision.resize(image, 32), [32, 32])
        assert np.array_equal(one.permute(1, 2, 0).numpy(), np.asarray(wanted))
        assert np.array_equal(two.permute(1, 2, 0).numpy(), np.asarray(vision.center_crop(image, [32, 32])))
    assert readings(resized)["size"][0] == "32x32"
    assert "2 pictures of 40x40: shorter side resized to 32" in readings(resized)["size"][1]
    Image.new("RGB", (31, 40)).save(tmp_path / "0" / "a.png")
    refused(tmp_path, "0/a.png: 40x31 pixels", target=photos, fit="resize")
    Image.new("RGB", (32, 300)).save(tmp_path / "0" / "a.png")
    refused(tmp_path, "0/a.png: 300x32 pixels", target=photos, fit="crop")


def test_what_is_said_of_pictures_is_refused_where_there_are_none(grey: Synthetic, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=grey.images.numpy(), labels=grey.labels.numpy())
    refused(tmp_path / "a.npz", "fit = crop: only for class folders of pictures and parquet files", fit="crop")
    refused(tmp_path / "a.npz", "label_store = .*: only for class folders", label_store=tmp_path)


def test_formats_that_start_other_programs_are_no_pictures(colour: Synthetic, tmp_path: Path) -> None:
    root = save(tmp_path / "set", colour, "{label}/{k}.png")
    Image.fromarray(colour.images[0].permute(1, 2, 0).numpy()).save(root / "0" / "0.png", "EPS")
    assert Image.open(root / "0" / "0.png").format == "EPS"
    refused(root, r"0/0\.png: no readable picture")
