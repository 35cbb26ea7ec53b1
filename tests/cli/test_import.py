"""`rd3 import`, and the other verbs on what other projects save."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rd3.data.images import as_unit
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.synthetic import Synthetic

LABELS = torch.arange(10).repeat_interleave(2)


@pytest.fixture(scope="module")
def digits() -> Target:
    return load_target("digits")


def pictures(target: Target, seed: int = 0) -> torch.Tensor:
    own = [(target.train.labels == label).nonzero()[2 * seed : 2 * seed + 2, 0] for label in range(10)]
    return as_unit(target.train.batch(torch.cat(own)))


def normalised(target: Target, raw: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (target.mean, target.std))
    return (raw - mean) / std


@pytest.fixture
def condensed(digits: Target, tmp_path: Path) -> Path:
    """Three sets of real pictures, normalised."""
    sets = [[normalised(digits, pictures(digits, seed)), LABELS] for seed in range(3)]
    path = tmp_path / "res_DM_DIGITS_ConvNet_2ipc.pt"
    torch.save({"data": sets, "accs_all_exps": {"ConvNet": [np.float64(0.5)]}}, path)
    return path


def test_every_set_becomes_a_folder_and_the_table_says_how_it_was_read(terminal, condensed, digits, tmp_path) -> None:
    said = terminal.done(
        "import", condensed, "--target", "digits", "--pixels", "normalised", "--out", tmp_path / "dm", "--name", "DM"
    )
    assert "DM: imported from condensed" in said
    assert "as told; every value is that of a byte" in said
    for number in range(3):
        found = Synthetic.load(tmp_path / f"dm-set{number}")
        assert torch.equal(as_unit(found.images), pictures(digits, number))
        assert (found.manifest.method, found.manifest.draw, found.manifest.space) == ("DM", number, "norm_target")


def test_one_set_is_chosen_and_a_folder_of_ours_keeps_it(terminal, condensed, tmp_path) -> None:
    options = ("--target", "digits", "--pixels", "normalised", "--out", tmp_path / "one")
    terminal.done("import", condensed, "--set", "2", *options)
    assert Synthetic.load(tmp_path / "one").manifest.draw == 2
    assert "--set two: expected a number from 0, or all" in terminal("import", condensed, "--set", "two").complaint
    assert "set = 3: it holds 3 sets" in terminal("import", condensed, "--set", "3", *options).complaint


def test_a_teacher_says_which_reading_is_right(terminal, home, digits, tmp_path) -> None:
    raw = pictures(digits)
    shown = raw * 0.98 + 0.01  # no bytes
    other = torch.roll(LABELS, 2)
    torch.save([shown, other], tmp_path / "data.pt")
    said = terminal.done("import", tmp_path / "data.pt", "--target", "digits", "--out", tmp_path / "out", *home.options)
    assert "with the classes in another order: say which with classes" in said


def test_a_reading_that_is_not_settled_is_tried_by_the_teacher(terminal, home, digits, tmp_path) -> None:
    whole = as_unit(digits.train.batch(torch.arange(len(digits.train))))
    images = (pictures(digits) * 0.98 - whole.mean()) / whole.std()
    centred = (torch.eye(10)[LABELS] - 0.1).numpy()
    np.savez(tmp_path / "step.npz", image=images.permute(0, 2, 3, 1).numpy(), label=centred)
    options = ("--target", "digits", "--out", tmp_path / "out")
    said = terminal("import", tmp_path / "step.npz", *options, *home.options).complaint
    assert "fits zca_frepo and norm_true; say which with pixels = zca_frepo" in said
    assert "Teacher convnet1-bn-w8: zca_frepo: gives no pictures" in said
    assert "norm_true: right on " in said
    terminal.done("import", tmp_path / "step.npz", *options, "--pixels", "norm_true")
    torch.testing.assert_close(Synthetic.load(tmp_path / "out").images, pictures(digits) * 0.98, rtol=0, atol=1e-5)


def test_what_was_saved_elsewhere_is_judged_as_draws(terminal, condensed, home, digits) -> None:
    options = ("--protocol", home.protocol.with_name("quick-hard.yaml"), "--seeds", "3", "--pixels", "normalised")
    said = terminal.done("evaluate", condensed, "digits", "--set", "all", *options, *home.options)
    assert "IPC 2" in said
    refusal = terminal("evaluate", condensed, "digits", *options, *home.options).complaint
    assert "holds 3 sets, each a draw of its own: say which with set = 0 .. 2" in refusal
    assert "20 images of 1x8x8" in terminal.done(
        "validate", condensed, "--set", "1", "--target", "digits", "--pixels", "normalised"
    )
    del digits


def test_test_images_in_a_set_are_found(terminal, digits, tmp_path) -> None:
    own = torch.cat([(digits.test.labels == label).nonzero()[:1, 0] for label in range(10)])
    np.savez(tmp_path / "leak.npz", images=digits.test.batch(own).numpy(), labels=np.arange(10))
    said = terminal.done("import", tmp_path / "leak.npz", "--target", "digits", "--out", tmp_path / "out")
    assert "10 of its images are, byte for byte, test images of 'digits'" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--decode", "two"), "--decode two: expected FACTOR or FACTOR:ORDER"),
        (("--decode", "2:diagonal"), "--decode: order = 'diagonal'"),
        (("--classes", "a,b"), "classes: 'a' is no class of target 'digits'"),
        (("--labels", "logits"), "soft_label_form = logits: the set has no soft labels"),
    ],
)
def test_words_that_mean_nothing_are_refused(terminal, condensed, words, message) -> None:
    options = ("--target", "digits", "--pixels", "normalised", "--set", "0")
    assert message in terminal("import", condensed, *options, *words).complaint
