"""A damaged or foreign data set is refused with one line that names the file and what is wrong with it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from rd3 import load_target


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Twenty real digits of each class, uint8 (200, 1, 8, 8), and their labels."""
    train = load_target("digits").train
    chosen = np.concatenate([np.flatnonzero(train.labels.numpy() == label)[:20] for label in range(10)])
    return train.pixels.numpy()[chosen], train.labels.numpy()[chosen]


@pytest.fixture
def refusal(terminal, home, tmp_path, digits):
    """What `rd3 evaluate` says of an .npz with these arrays (the digits' own where none are given)."""

    def refusal(*words: str, **arrays: np.ndarray) -> str:
        images, labels = digits
        np.savez(tmp_path / "set.npz", **({"images": images, "labels": labels} | arrays))
        before = home.snapshot()
        said = terminal("evaluate", tmp_path / "set.npz", "digits", *home.judging, *words).complaint
        assert said.startswith(f"{tmp_path / 'set.npz'}: ")
        assert home.snapshot() == before
        return said

    return refusal


def test_images_of_another_shape(refusal, digits) -> None:
    assert "images are 7x8 with 1 channel, but those of target 'digits' are 8x8" in refusal(images=digits[0][:, :, :7])


def test_more_labels_than_images(refusal, digits) -> None:
    assert "150 images but 200 labels" in refusal(images=digits[0][:150])


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_out_of_range(label, refusal, digits) -> None:
    labels = digits[1].copy()
    labels[3] = label
    assert f"label {label}: must be in 0 .. 9 for 10 classes" in refusal(labels=labels)


def test_a_class_without_an_image(refusal, digits) -> None:
    images, labels = digits
    assert "class '3': no image" in refusal(images=images[labels != 3], labels=labels[labels != 3])


def test_pixels_that_are_nan(refusal, digits) -> None:
    images = digits[0] / 255
    images[17, 0, 4, 4] = np.nan
    assert "NaN or infinity in 1 of 200, first in image 17" in refusal("--pixels", "unit", images=images)


def test_floats_without_a_word_on_what_they_are(refusal, digits) -> None:
    said = refusal(images=digits[0] / 255)
    assert "looks like [0, 1]; say which they are with pixels = unit" in said
    assert "--pixels" in said


@pytest.mark.parametrize("claim", ["uint8", "normalised"])
def test_floats_in_0_1_that_are_called_something_else(claim, refusal, digits) -> None:
    said = refusal("--pixels", claim, images=digits[0] / 255)
    assert f"pixels = {claim}: does not fit" in said
    assert "looks like [0, 1]" in said


def test_normalised_floats_that_are_called_unnormalised(refusal, digits) -> None:
    target = load_target("digits")
    images = (digits[0] / 255 - target.mean[0]) / target.std[0]
    said = refusal("--pixels", "unit", images=images)
    assert "pixels = unit: does not fit" in said
    assert "looks like normalised" in said


def test_bytes_that_are_called_normalised(refusal) -> None:
    assert "the images are uint8 and need no such reading" in refusal("--pixels", "normalised")


def test_the_right_word_makes_the_three_the_same_set(terminal, home, tmp_path, digits) -> None:
    target, (images, labels) = load_target("digits"), digits
    unit = images / 255
    same = {"uint8": images.astype(float), "unit": unit, "normalised": (unit - target.mean[0]) / target.std[0]}
    np.savez(tmp_path / "bytes.npz", images=images, labels=labels)
    expected = terminal.done("evaluate", tmp_path / "bytes.npz", "digits", *home.judging).partition(": ")[2]
    before = home.snapshot()
    for pixels, floats in same.items():
        file = tmp_path / f"{pixels}.npz"
        np.savez(file, images=floats, labels=labels)
        said = terminal.done("evaluate", file, "digits", "--pixels", pixels, *home.judging)
        assert said.partition(": ")[2] == expected
        assert "20" in terminal.done("validate", file, "--target", "digits", "--pixels", pixels)
    assert home.snapshot() == before, "equal pixels were judged twice"


def test_pickled_objects_are_never_loaded(refusal, digits, tmp_path) -> None:
    class Hostile:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    labels = np.array([Hostile(), *digits[1][1:]], dtype=object)
    assert "labels: holds pickled Python objects, which rd3 never loads" in refusal(labels=labels)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
def test_an_archive_that_is_cut_off(kept, terminal, home, tmp_path, digits) -> None:
    file = tmp_path / "set.npz"
    np.savez(file, images=digits[0], labels=digits[1])
    file.write_bytes(file.read_bytes()[: int(kept * file.stat().st_size)])
    said = terminal("evaluate", file, "digits", *home.judging).complaint
    assert said.startswith(f"{file}: ")
    assert "damaged or cut off" in said


@pytest.mark.parametrize("kept", [0, 7, 900])
def test_a_safetensors_file_that_is_cut_off(kept, terminal, home, tmp_path) -> None:
    shutil.copytree(home.sre2l, tmp_path / "set")
    file = tmp_path / "set" / "images.safetensors"
    whole = file.stat().st_size
    file.write_bytes(file.read_bytes()[:kept])
    expected = f"{tmp_path / 'set'}: images.safetensors: has {kept} bytes, manifest.json says {whole}"
    for words in (("evaluate", tmp_path / "set", "digits", *home.judging), ("validate", tmp_path / "set")):
        assert expected in terminal(*words).complaint


def test_a_safetensors_file_in_which_a_bit_has_changed(terminal, home, tmp_path) -> None:
    shutil.copytree(home.sre2l, tmp_path / "set")
    flip_a_bit(tmp_path / "set" / "images.safetensors")
    said = terminal("evaluate", tmp_path / "set", "digits", *home.judging).complaint
    assert "images.safetensors: its SHA-256 is not the one in manifest.json" in said


def flip_a_bit(file) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


def test_a_set_for_another_target(terminal, home) -> None:
    said = terminal("evaluate", home.sre2l, "mnist5k", *home.judging).complaint
    assert "images are 8x8 with 1 channel, but those of target 'mnist5k' are 28x28" in said


@pytest.fixture
def pictures(tmp_path, digits):
    """A class folder of pictures for each digit."""
    images, labels = digits
    for label in range(10):
        (tmp_path / "pictures" / str(label)).mkdir(parents=True)
        Image.fromarray(images[labels == label][0, 0]).save(tmp_path / "pictures" / str(label) / "a.png")
    return tmp_path / "pictures"


def cut(file) -> None:
    file.write_bytes(file.read_bytes()[:60])


SPOILT = {
    "cut off": (cut, "no readable picture"),
    "no picture": (lambda file: file.write_bytes(b"no picture"), "no readable picture"),
    "wide": (lambda file: Image.new("L", (9, 8)).save(file), "8x9 pixels (height x width), expected 8x8"),
    "coloured": (lambda file: Image.new("RGB", (8, 8), (9, 8, 7)).save(file), "in colour, but the target is grey"),
    "transparent": (lambda file: Image.new("RGBA", (8, 8)).save(file), "mode RGBA"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_picture_that_cannot_be_used_is_named(spoilt, terminal, home, pictures) -> None:
    spoil, complaint = SPOILT[spoilt]
    spoil(pictures / "3" / "a.png")
    said = terminal("evaluate", pictures, "digits", *home.judging).complaint
    assert said.startswith(f"{pictures}: 3/a.png: ")
    assert complaint in said


def test_a_class_folder_that_is_no_class(terminal, home, pictures) -> None:
    (pictures / "3").rename(pictures / "33")
    assert (
        "class folder '33': neither among the classes"
        in terminal("evaluate", pictures, "digits", *home.judging).complaint
    )


@pytest.fixture
def own_target(tmp_path, digits):
    """A target of two classes with three training and three test pictures each."""
    images, labels = digits
    for offset, split in enumerate(("train", "test")):
        for label in (0, 1):
            place = tmp_path / "own" / split / f"class{label}"
            place.mkdir(parents=True)
            for index in range(3):
                Image.fromarray(images[labels == label][3 * offset + index, 0]).save(place / f"{index}.png")
    return tmp_path / "own"


@pytest.mark.parametrize("verb", ["squeeze", "distill random"])
def test_a_training_picture_that_is_cut_off_is_named(verb, terminal, home, own_target) -> None:
    cut(own_target / "train" / "class1" / "2.png")
    ipc = ("--ipc", 1) if verb != "squeeze" else ()
    said = terminal(*verb.split(), f"folder:{own_target}", *ipc, *home.options).complaint
    assert said.startswith(f"cannot read the image {own_target / 'train' / 'class1' / '2.png'}: ")


@pytest.mark.parametrize("method", ["random", "herding", "rded", "sre2l", "dm"])
@pytest.mark.parametrize(
    ("ipc", "complaint"),
    [(4, "class 'class0' has only 3 training images"), (0, "expected at least 1 image per class"), (-2, "at least 1")],
)
def test_too_small_a_target_for_the_ipc(method, ipc, complaint, terminal, home, own_target) -> None:
    before = home.snapshot()
    said = terminal("distill", method, f"folder:{own_target}", "--ipc", ipc, *home.options).complaint
    assert said.startswith(f"ipc = {ipc}: ")
    assert complaint in said
    assert home.snapshot() == before


def test_a_target_whose_splits_have_other_classes(terminal, home, own_target) -> None:
    (own_target / "test" / "class1").rename(own_target / "test" / "other")
    assert (
        "class 'class1' is in train but not in test"
        in terminal("squeeze", f"folder:{own_target}", *home.options).complaint
    )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"y_train": np.array([0, 1, 2, 7, -1])}, "y_train holds the label -1"),
        ({"x_train": np.full((5, 8, 8), np.nan)}, "x_train is float64 and holds NaN"),
        ({"x_train": np.full((5, 8, 8), 0.5)}, "x_train is float64 from 0.5 to 0.5; expected uint8"),
        ({"x_test": np.zeros((5, 9, 9), np.uint8)}, "training images are 1 x 8 x 8, test images 1 x 9 x 9"),
        ({"y_test": np.array([1, 2, 3, 4, None], dtype=object)}, "it holds Python objects, which are not read"),
    ],
)
def test_a_target_in_arrays_that_cannot_be_used(changes, complaint, terminal, home, digits, tmp_path) -> None:
    images, labels = digits
    arrays = {"x_train": images[::40, 0], "y_train": labels[::40] // 2, "x_test": images[::40, 0]}
    arrays["y_test"] = arrays["y_train"]
    np.savez(tmp_path / "target.npz", **(arrays | changes))
    assert complaint in terminal("squeeze", f"npz:{tmp_path / 'target.npz'}", *home.options).complaint
