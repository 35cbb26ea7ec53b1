from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.synthetic import FORMATS, Manifest, Synthetic, check, export, read_synthetic
from rd3.synthetic.format import Request

WRITTEN = ["folder", "npz", "rd3"]


def assert_same_pixels(first: Synthetic, second: Synthetic) -> None:
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.labels, second.labels)


def refused(path: Path, message: str, **options: Any) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_synthetic(path, **options)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).count(str(path)) == 1
    assert "\n" not in str(caught.value)


def test_every_format_is_listed_and_documented() -> None:
    assert set(WRITTEN) <= set(FORMATS.names())
    assert all(FORMATS[name].title for name in FORMATS)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("kind", ["grey", "colour"])
@pytest.mark.parametrize("with_target", [True, False])
def test_what_is_exported_comes_back_pixel_by_pixel(
    name: str, kind: str, with_target: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    synthetic: Synthetic = request.getfixturevalue(kind)
    target: Target = request.getfixturevalue("digits" if kind == "grey" else "photos")
    notes = export(synthetic, tmp_path / "out", name)
    back = read_synthetic(tmp_path / "out", target=target if with_target else None)
    assert_same_pixels(back, synthetic)
    assert back.ipc == synthetic.ipc
    assert notes == (
        ["class names: folders are numbers, which sort as the labels do; the names are in rd3.json"]
        if name == "folder"
        else []
    )
    assert back.classes == synthetic.classes
    assert back.manifest == synthetic.manifest
    assert [each for each in FORMATS if FORMATS[each].matches(tmp_path / "out")] == [name]


@given(st.integers(1, 4), st.integers(1, 3), st.sampled_from([1, 3]), st.integers(4, 9), st.integers(4, 9))
@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize("name", WRITTEN)
def test_sets_of_any_shape_come_back_from_every_format(
    tmp_path_factory: pytest.TempPathFactory, name: str, classes: int, ipc: int, channels: int, height: int, width: int
) -> None:
    n = classes * ipc
    synthetic = Synthetic(
        torch.randint(
            0, 256, (n, channels, height, width), generator=torch.Generator().manual_seed(n), dtype=torch.uint8
        ),
        torch.arange(classes).repeat_interleave(ipc),
        None,
        None,
        Manifest(
            method="noise",
            target=None,
            target_fingerprint=None,
            classes=tuple("0123"[:classes]),
            ipc=ipc,
            fingerprint="f",
        ),
    )
    path = tmp_path_factory.mktemp("any") / "out"
    export(synthetic, path, name)
    back = read_synthetic(path)
    # pictures that are grey in every channel come back grey
    if back.shape == synthetic.shape:
        assert_same_pixels(back, synthetic)
    assert back.shape[1:] == (height, width)


def test_an_imported_set_says_so(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    np.savez(
        tmp_path / "dm.npz", images=grey.images.numpy(), labels=grey.labels.numpy(), classes=np.array(grey.classes)
    )
    back = read_synthetic(tmp_path / "dm.npz", target=digits)
    assert back.manifest.method == "dm"
    assert back.manifest.origin == "imported from npz"
    assert back.manifest.fingerprint == back.content_fingerprint == grey.content_fingerprint
    assert back.manifest.target_fingerprint == digits.fingerprint
    assert read_synthetic(tmp_path / "dm.npz", name="DM (theirs)").manifest.method == "DM (theirs)"
    assert_same_pixels(Synthetic.load(back.save(tmp_path / "kept")), grey)


def test_an_npz_keeps_soft_labels_and_learned_lr_and_a_folder_says_that_others_do_not_see_them(
    softly: Synthetic, tmp_path: Path
) -> None:
    assert export(softly, tmp_path / "soft.npz", "npz") == []
    back = read_synthetic(tmp_path / "soft.npz")
    assert back.soft_labels is not None
    assert softly.soft_labels is not None
    assert torch.equal(back.soft_labels, softly.soft_labels)
    assert back.learned_lr == softly.learned_lr
    notes = export(softly, tmp_path / "pictures", "folder")
    assert notes[1:] == [
        "soft labels (of no declared form): in soft_labels.safetensors beside the pictures, class by class, which rd3"
        " reads",
        "learned_lr = 0.01: said in rd3.json alone",
    ]


def test_exports_overwrite_nothing(grey: Synthetic, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for name in WRITTEN:
        with pytest.raises(UserError, match="exists already"):
            export(grey, tmp_path / "mine", name)
    with pytest.raises(UserError, match="unknown format to export 'nzp'; did you mean 'npz'"):
        export(grey, tmp_path / "out", "nzp")


def test_what_is_of_no_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "nowhere", "no such file or folder")
    refused(tmp_path / "notes.txt", "no distilled data set of a known format. Known: condensed")
    refused(tmp_path / "empty", "no distilled data set of a known format")


def test_a_damaged_folder_of_our_own_is_named_once(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    (grey.save(tmp_path / "set") / "images.safetensors").unlink()
    refused(tmp_path / "set", r"images\.safetensors: No such file")
    grey.save(tmp_path / "other")
    refused(tmp_path / "other", "pixels: rd3's own folders say in their manifest what they hold", pixels="unit")
    refused(
        tmp_path / "other", "10 classes, but target 'digits' has 9", target=replace(digits, classes=digits.classes[1:])
    )


# npz


def npz(path: Path, synthetic: Synthetic, **changes: Any) -> Path:
    arrays = {"images": synthetic.images.numpy(), "labels": synthetic.labels.numpy(), **changes}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


@pytest.mark.parametrize(
    "layout",
    [lambda x: x.transpose(0, 2, 3, 1), lambda x: x, lambda x: x.astype(np.int64), lambda x: np.asfortranarray(x)],
)
def test_an_npz_may_hold_channels_first_or_last(colour: Synthetic, photos: Target, tmp_path: Path, layout: Any) -> None:
    path = npz(
        tmp_path / "a.npz", colour, images=None, labels=None, x=layout(colour.images.numpy()), y=colour.labels.numpy()
    )
    assert_same_pixels(read_synthetic(path), colour)
    assert_same_pixels(read_synthetic(path, target=photos), colour)


def test_grey_images_need_no_channel_axis(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", grey, images=grey.images[:, 0].numpy(), labels=grey.labels.numpy().astype(np.uint8))
    assert_same_pixels(read_synthetic(path, target=digits), grey)


def test_extra_arrays_are_noted(grey: Synthetic, tmp_path: Path) -> None:
    assert read_synthetic(npz(tmp_path / "a.npz", grey, loss=np.zeros(3))).manifest.info["ignored"] == ["loss"]


def normalised(target: Target) -> Any:
    mean, std = (np.array(each, np.float32).reshape(1, -1, 1, 1) for each in (target.mean, target.std))
    return lambda pixels: (pixels / np.float32(255) - mean) / std


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_pixels_come_back_exactly_once_they_are_named(
    colour: Synthetic, photos: Target, tmp_path: Path, dtype: Any
) -> None:
    pixels = colour.images.numpy()
    stored = {"unit": pixels / 255, "uint8": pixels, "normalised": normalised(photos)(pixels)}
    looks = {"unit": r"\[0, 1\]", "uint8": r"0\.\.255", "normalised": "normalised"}
    for kind, values in stored.items():
        path = npz(tmp_path / f"{kind}.npz", colour, images=values.astype(dtype))
        refused(path, rf"float\d+ from .* to .*, which looks like {looks[kind]}; say which they are with pixels = unit")
        assert_same_pixels(read_synthetic(path, target=photos, pixels=kind), colour)  # type: ignore[arg-type]
        for wrong in set(stored) - {kind}:
            refused(path, f"pixels = {wrong}: does not fit; .*looks like {looks[kind]}", target=photos, pixels=wrong)


def test_pixels_that_drifted_out_of_range_are_kept_or_clamped_and_counted(
    colour: Synthetic, photos: Target, tmp_path: Path
) -> None:
    values = colour.images.numpy() / 255
    values[:, :, :4] = 1.5
    path = npz(tmp_path / "a.npz", colour, images=values)
    kept = read_synthetic(path, target=photos, pixels="unit")
    assert torch.equal(kept.images, torch.from_numpy(values).float())
    assert (kept.manifest.space, kept.manifest.info["clamped"]) == ("raw01", 0)
    back = read_synthetic(path, target=photos, pixels="unit", quantise=True)
    assert back.images[:, :, :4].min() == 255
    assert back.manifest.info["clamped"] == pytest.approx(1 / 8)
    assert any("12.5% of its pixel values" in warning for warning in check(back, photos))


def test_a_reading_of_pixels_must_be_one_that_can_be(grey: Synthetic, tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", grey)
    refused(path, "pixels = unit: the images are uint8 and need no such reading", pixels="unit")
    refused(path, "unknown pixels 'untit'; did you mean 'unit'", pixels="untit")
    floats = npz(tmp_path / "b.npz", grey, images=grey.images.numpy() / 100 - 1)
    refused(floats, "pixels = normalised: needs the target", pixels="normalised")


def with_nan(pixels: Any) -> Any:
    values = pixels / 255
    values[[7, 9], 0, 3, 3] = np.nan
    return values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": with_nan}, "NaN or infinity in 2 of 30, first in image 7"),
        ({"images": lambda x: np.full(x.shape, np.inf)}, "NaN or infinity"),
        ({"images": lambda x: x.astype(np.int64) + 1}, r"int64 from 1 to 256; pixels must be in 0\.\.255"),
        ({"images": lambda x: x > 3}, "expected numbers, got bool"),
        ({"images": lambda x: x.astype("S3")}, r"expected numbers, got \|S3"),
        ({"images": lambda x: x[0, 0]}, r"got shape \(8, 8\)"),
        ({"images": lambda x: np.uint8(3)}, r"got shape \(\)"),  # noqa: ARG005
        ({"images": lambda x: x[:0]}, r"got shape \(0, 1, 8, 8\)"),
        ({"images": lambda x: x[:-1]}, "29 images but 30 labels"),
        (
            {"images": lambda x: x.repeat(2, axis=2)},
            "images are 16x8 with 1 channel, but those of target 'digits' are 8x8",
        ),
        ({"images": lambda x: x.repeat(2, axis=1)}, r"does not show whether it is \(N, C, H, W\) or \(N, H, W, C\)"),
        ({"labels": lambda y: y + np.float32(0.5)}, "labels: expected integers.*got float64"),
        ({"labels": lambda y: np.eye(9)[y % 9]}, "class 'nine': no image"),
        ({"labels": lambda y: np.eye(10)[y][1:]}, r"30 images but soft labels of shape \(29, 10\)"),
        ({"labels": lambda y: y[:, None]}, r"labels: expected one an image, got shape \(30, 1\)"),
        ({"labels": lambda y: y + 1}, r"label 10: must be in 0 \.\. 9 for 10 classes"),
        ({"labels": lambda y: y - 1}, "label -1"),
        ({"labels": lambda y: np.where(y == 4, 5, y)}, "class 'four': no image"),
        ({"labels": lambda y: y % 8}, "class 'eight' and 1 more: no image"),
        ({"labels": lambda _: None}, "holds images; expected an array 'labels' or 'y'"),
        ({"y": lambda _: np.zeros(30, int)}, "expected only one of 'labels' or 'y'"),
        ({"soft_labels": lambda _: np.zeros((30, 9), np.float32)}, r"soft_labels: expected floats of shape \(30, 10\)"),
        ({"soft_labels": lambda _: np.zeros((30, 10), int)}, "soft_labels: expected floats, got int64"),
        ({"soft_labels": lambda _: np.full((30, 10), np.nan)}, "soft_labels: NaN or infinity"),
        ({"learned_lr": lambda _: np.float32(-1)}, r"learned_lr = -1\.0: must be a positive number"),
        ({"learned_lr": lambda _: np.zeros(2)}, "learned_lr: expected one float"),
        ({"classes": lambda _: np.array(list("abcdefghij"))}, "class 0 is 'a', but target 'digits' calls it 'zero'"),
        ({"classes": lambda _: np.arange(10)}, "classes: expected a list of names"),
    ],
)
def test_what_is_wrong_in_an_npz_is_said_in_one_line(
    grey: Synthetic, digits: Target, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    given_arrays = {"images": grey.images.numpy(), "labels": grey.labels.numpy()}
    made = {key: change(given_arrays.get(key)) for key, change in changes.items()}
    refused(npz(tmp_path / "a.npz", grey, **made), message, target=digits)


class Hostile:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("key", ["images", "labels", "soft_labels", "extra"])
def test_a_pickle_in_an_npz_is_refused_and_not_run(grey: Synthetic, tmp_path: Path, key: str) -> None:
    objects = np.array([Hostile(tmp_path / "owned")], dtype=object)
    path = npz(tmp_path / "a.npz", grey, **{key: objects})
    refused(path, f"{key}: holds pickled Python objects, which rd3 never loads")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_npz_is_named(grey: Synthetic, tmp_path: Path, kept: float) -> None:
    path = npz(tmp_path / "a.npz", grey)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    refused(path, "the file is damaged or cut off")


def test_a_changed_byte_in_an_npz_is_found(grey: Synthetic, tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", grey)
    data = bytearray(path.read_bytes())
    data[600] ^= 1  # inside the pixels, which numpy stores uncompressed
    path.write_bytes(data)
    refused(path, "images: the file is damaged or cut off")


def test_members_that_are_no_arrays_are_refused(grey: Synthetic, tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", grey)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../escape.npy", "text")
    refused(path, "is no array")
    assert not (tmp_path.parent / "escape.npy").exists()


# folder


def pictures(path: Path, synthetic: Synthetic, names: Any, suffix: str = ".png") -> Path:
    for index, (image, label) in enumerate(zip(synthetic.images.numpy(), synthetic.labels.tolist(), strict=True)):
        folder = path / names(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(folder / f"{index:03d}{suffix}")
    return path


@pytest.mark.parametrize("scheme", ["{name}", "{label}", "{label:05d}", "new{label:03d}"])
def test_class_folders_go_by_name_or_number(grey: Synthetic, digits: Target, tmp_path: Path, scheme: str) -> None:
    def name(label: int) -> str:
        return scheme.format(name=digits.classes[label], label=label)

    back = read_synthetic(pictures(tmp_path / "set", grey, name), target=digits)
    assert_same_pixels(back, grey)
    assert back.classes == digits.classes
    taken_on_trust = any("no class names" in warning for warning in check(back, digits))
    assert taken_on_trust == ("label" in scheme)


def test_numbers_are_sorted_as_numbers(digits: Target, tmp_path: Path) -> None:
    for label in range(12):
        (tmp_path / f"new{label}").mkdir()
        Image.new("L", (8, 8), label).save(tmp_path / f"new{label}" / "a.png")
    back = read_synthetic(tmp_path)
    assert back.images[:, 0, 0, 0].tolist() == back.labels.tolist() == list(range(12))
    refused(tmp_path, r"class folders 'new10', 'new11': neither among .* 'digits' \(.*\) nor 0 \.\. 9", target=digits)


def test_without_a_target_names_are_sorted_as_image_folders_are(
    grey: Synthetic, digits: Target, tmp_path: Path
) -> None:
    back = read_synthetic(pictures(tmp_path / "set", grey, lambda label: digits.classes[label]))
    assert back.classes == tuple(sorted(digits.classes))
    for image, label in zip(back.images, back.labels.tolist(), strict=True):
        same = (grey.images == image).flatten(1).all(1).nonzero()[0, 0]
        assert digits.classes[int(grey.labels[same])] == back.classes[label]


def test_folders_that_fit_nothing_are_named(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    path = pictures(tmp_path / "set", grey, lambda label: digits.classes[label])
    (path / "nine").rename(path / "neun")
    refused(
        path,
        r"class folder 'neun': neither among .* 'digits' \('zero', 'one', 'two' and 7 more\) nor 0 \.\. 9",
        target=digits,
    )
    for name in ["a", "b", "c"]:
        (path / name).mkdir()
    refused(path, r"class folders 'a', 'b', 'c' and 1 more: neither", target=digits)


def test_missing_double_and_empty_classes_are_named(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    path = pictures(tmp_path / "set", grey, str)
    (path / "07").mkdir()
    refused(path, "class folders '07' and '7' are both class 7", target=digits)
    (path / "07").rmdir()
    for file in (path / "7").iterdir():
        file.unlink()
    (path / "7" / "readme.txt").write_text("no picture")
    refused(path, r"class folder '7' holds no \.jpeg, \.jpg, \.png", target=digits)
    (path / "7" / "readme.txt").unlink()
    (path / "7").rmdir()
    refused(path, "class 'seven': no image", target=digits)


def test_jpegs_are_read_nearly_as_they_were(colour: Synthetic, photos: Target, tmp_path: Path) -> None:
    path = pictures(tmp_path / "set", colour, lambda label: photos.classes[label], suffix=".JPEG")
    back = read_synthetic(path, target=photos)
    assert (back.images.float() - colour.images.float()).abs().mean() < 8


def test_grey_pictures_serve_a_target_in_colour_and_the_other_way_only_if_they_are_grey(
    grey: Synthetic, colour: Synthetic, digits: Target, photos: Target, tmp_path: Path
) -> None:
    greyed = replace(colour, images=colour.images[:, :1])
    back = read_synthetic(pictures(tmp_path / "grey", greyed, str), target=photos)
    assert torch.equal(back.images, greyed.images.expand(-1, 3, -1, -1))
    tripled = replace(grey, images=grey.images.expand(-1, 3, -1, -1))
    assert_same_pixels(read_synthetic(pictures(tmp_path / "tripled", tripled, str), target=digits), grey)
    coloured = replace(grey, images=tripled.images.clone())
    coloured.images[4, 0, 0, 0] ^= 1
    refused(
        pictures(tmp_path / "coloured", coloured, str), r"1/004\.png: in colour, but the target is grey", target=digits
    )


def test_pictures_of_another_size_are_named(colour: Synthetic, photos: Target, tmp_path: Path) -> None:
    path = pictures(tmp_path / "set", colour, str)
    Image.new("RGB", (30, 32)).save(path / "1" / "004.png")
    for target in (photos, None):
        refused(path, r"1/004\.png: 32x30 pixels \(height x width\), expected 32x32", target=target)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_pictures_are_named(colour: Synthetic, tmp_path: Path, suffix: str) -> None:
    path = pictures(tmp_path / "set", colour, str, suffix=suffix)
    file = path / "1" / f"004{suffix}"
    data = file.read_bytes()
    for kept in (len(data) // 2, 20, 0):
        file.write_bytes(data[:kept])
        refused(path, rf"1/004\{suffix}: no readable picture")


@pytest.mark.parametrize(("mode", "named"), [("RGBA", "RGBA"), ("I;16", "I;16"), ("LA", "LA")])
def test_pictures_that_would_lose_something_are_refused(
    colour: Synthetic, tmp_path: Path, mode: str, named: str
) -> None:
    path = pictures(tmp_path / "set", colour, str)
    Image.new(mode, (32, 32)).save(path / "0" / "000.png")
    refused(path, rf"0/000\.png: mode {named}; expected grey or RGB")


def test_pictures_need_no_reading_of_their_pixels(colour: Synthetic, tmp_path: Path) -> None:
    refused(pictures(tmp_path / "set", colour, str), "pixels = unit: pictures hold bytes", pixels="unit")


def test_an_exported_folder_says_when_it_loses_the_order(grey: Synthetic, tmp_path: Path) -> None:
    backwards = replace(grey, images=grey.images.flip(0), labels=grey.labels.flip(0))
    notes = export(backwards, tmp_path / "set", "folder")
    assert any("order of the images" in note for note in notes)
    back = read_synthetic(tmp_path / "set")
    order = backwards.labels.argsort(stable=True)
    assert torch.equal(back.images, backwards.images[order])


def test_a_class_name_cannot_lead_out_of_the_folder(grey: Synthetic, tmp_path: Path) -> None:
    names = ("../../escape", *grey.classes[1:])
    evil = replace(grey, manifest=grey.manifest.model_copy(update={"classes": names}))
    export(evil, tmp_path / "in" / "set", "folder")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in"]
    assert len([each for each in (tmp_path / "in" / "set").iterdir() if each.is_dir()]) == 10


def test_two_channels_make_no_picture(grey: Synthetic, tmp_path: Path) -> None:
    double = replace(grey, images=grey.images.repeat(1, 2, 1, 1))
    with pytest.raises(UserError, match="images have 2 channels; pictures hold 1 or 3"):
        export(double, tmp_path / "set", "folder")
    assert not (tmp_path / "set").exists()


def test_a_new_format_is_one_new_registration(grey: Synthetic, tmp_path: Path) -> None:
    request = Request(target=None, pixels=None, name="x")
    export(grey, tmp_path / "a", "npz")
    assert_same_pixels(FORMATS["npz"].read(tmp_path / "a", request), grey)
