"""Targets from arrays in a file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.load import load_target


@pytest.fixture
def arrays(crops):
    """Ten training and four test crops of each photograph, channels last."""
    return {
        "x_train": np.concatenate(list(crops[:, :10])),
        "y_train": np.repeat([0, 1], 10),
        "x_test": np.concatenate(list(crops[:, 10:14])),
        "y_test": np.repeat([0, 1], 4),
    }


@pytest.fixture
def save(tmp_path, arrays):
    """Saves the arrays, with some replaced or, where None, left out; returns the name of the target."""

    def write(**changes) -> str:
        path = tmp_path / "set.npz"
        np.savez(path, **{key: value for key, value in (arrays | changes).items() if value is not None})
        return f"npz:{path}"

    return write


def test_layouts_are_told_apart_and_give_the_same_target(save, arrays):
    last = load_target(save())
    first = load_target(save(x_train=arrays["x_train"].transpose(0, 3, 1, 2)))
    assert last.train.shape == first.train.shape == (3, 32, 32)
    assert first.fingerprint == last.fingerprint
    pixels = last.train.batch(torch.arange(20)).numpy()
    assert np.array_equal(pixels, arrays["x_train"].transpose(0, 3, 1, 2))
    assert last.train.labels.tolist() == arrays["y_train"].tolist()


def test_grey_arrays_may_have_no_channel_axis(save, arrays):
    grey = {f"x_{split}": arrays[f"x_{split}"][..., 0] for split in ("train", "test")}
    flat = load_target(save(**grey))
    assert flat.train.shape == (1, 32, 32)
    assert load_target(save(**{key: value[..., None] for key, value in grey.items()})).fingerprint == flat.fingerprint


def test_class_names_come_from_the_file_or_are_numbers(save):
    assert load_target(save()).classes == ("0", "1")
    assert load_target(save(classes=np.array(["temple", "flower"]))).classes == ("temple", "flower")
    assert load_target(save(classes=np.array(["temple", "fleur é"]))).classes[1] == "fleur é"
    assert load_target(save(classes=np.array([b"temple", b"flower"]))).classes == ("temple", "flower")


def test_an_npz_and_a_folder_of_the_same_pixels_are_the_same_target(save, write_tree, crops):
    folder = load_target(f"folder:{write_tree(each=2)}")
    train, test = np.concatenate(list(crops[:, :2])), np.concatenate(list(crops[:, 2:4]))
    labels = np.array([0, 0, 1, 1], np.uint8)
    npz = load_target(save(x_train=train, y_train=labels, x_test=test, y_test=labels))
    assert npz.fingerprint == folder.fingerprint


def test_a_size_resizes_and_crops(save, photos):
    wide = np.stack([photos[0][:60, :80], photos[1][:60, :80]])
    labels = np.array([0, 1])
    changes = {"x_train": wide, "y_train": labels, "x_test": wide, "y_test": labels}
    with pytest.raises(UserError, match="x_train has images of 60 x 80, not square; give a side"):
        load_target(save(**changes))
    assert load_target(save(**changes), size=20).train.shape == (3, 20, 20)


def bad_values(arrays):
    x, y = arrays["x_train"], arrays["y_train"]
    unit = x / np.float32(255)
    holed = unit.copy()
    holed[3, 2, 1, 0] = np.nan
    return {
        r"has no array y_test; found: x_train, y_train, x_test": {"y_test": None},
        r"x_train is float32 from 0 to 1; expected uint8 from 0 to 255": {"x_train": unit},
        r"x_train is float64 from -1 to 1; expected uint8": {"x_train": unit.astype(float) * 2 - 1},
        r"x_train is int64 from 0 to 255; expected uint8": {"x_train": x.astype(int)},
        r"x_train is float32 and holds NaN": {"x_train": holed},
        r"x_train has shape \(20, 3072\)": {"x_train": x.reshape(20, -1)},
        r"x_train has shape \(0, 32, 32, 3\)": {"x_train": x[:0], "y_train": y[:0]},
        r"x_train has shape \(20, 32, 32, 2\); expected 1 or 3 channels": {"x_train": x[..., :2]},
        r"x_train has shape \(20, 3, 3, 3\): the channels could be on the second": {"x_train": x[:, :3, :3]},
        r"x_test has images of 32 x 16, not square": {"x_test": arrays["x_test"][:, :, :16]},
        r"training images are 3 x 32 x 32, test images 3 x 16 x 16": {"x_test": arrays["x_test"][:, :16, :16]},
        r"x_train has 20 images, y_train 19 labels": {"y_train": y[:-1]},
        r"y_train is float64 of shape \(20,\); expected whole numbers": {"y_train": y.astype(float)},
        r"y_train is int64 of shape \(20, 1\); expected whole": {"y_train": y[:, None]},
        r"y_train holds the label -1; expected 0 to 1": {"y_train": y * 2 - 1},
        r"y_test holds the label 2; expected 0 to 1": {"y_test": np.repeat([0, 2], 4)},
        r"y_train holds the label 1; expected 0 to 0": {"classes": np.array(["one"])},
        r"class '1' has no training image": {"y_train": y * 2},
        r"class 'c' has no training image": {"classes": np.array(["a", "b", "c"])},
        r"classes is int64 of shape \(2,\); expected text": {"classes": np.array([1, 2])},
        r"classes holds a name twice": {"classes": np.array(["a", "a"])},
        r"not a readable .npz file: it holds Python objects": {"classes": np.array(["a", None], dtype=object)},
        r"found 1 class; a classifier needs at least 2": {"y_train": y * 0, "y_test": arrays["y_test"] * 0},
    }


@pytest.mark.parametrize("position", range(23))
def test_a_bad_array_is_refused_in_one_line(arrays, save, position):
    message, changes = list(bad_values(arrays).items())[position]
    with pytest.raises(UserError, match=message) as caught:
        load_target(save(**changes))
    assert "\n" not in str(caught.value)
    assert "set.npz" in str(caught.value)


@pytest.mark.parametrize("cut", [0, 10, 5000, -30])
def test_a_truncated_file_is_refused(save, cut):
    name = save()
    path = name.removeprefix("npz:")
    with open(path, "r+b") as file:  # noqa: PTH123
        file.truncate(cut if cut >= 0 else file.seek(0, 2) + cut)
    with pytest.raises(UserError, match=r"set\.npz: not a readable \.npz file"):
        load_target(name)


def test_damaged_bytes_are_refused(tmp_path, arrays):
    path = tmp_path / "set.npz"
    np.savez_compressed(path, **arrays)
    data = bytearray(path.read_bytes())
    data[2000:2100] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"not a readable \.npz file"):
        load_target(f"npz:{path}")


def test_a_single_array_and_a_missing_file_are_refused(tmp_path, arrays):
    np.save(tmp_path / "one.npy", arrays["x_train"])
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(UserError, match=r"is a single array, not an \.npz file"):
        load_target(f"npz:{tmp_path / 'one.npz'}")
    with pytest.raises(UserError, match=r"absent\.npz: no such file"):
        load_target(f"npz:{tmp_path / 'absent.npz'}")
