"""State dicts in other shapes than the usual: other names, wider heads, other orders, another normalisation."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
import torch

from rd3.base.errors import UserError
from rd3.models import create_model
from rd3.recover.pixels import PixelSpace
from rd3.recover.teachers import private_in_space
from rd3.squeeze.brought import bring_teacher
from rd3.squeeze.class_order import imagenet_names, imagenet_wnids, rows_of
from rd3.squeeze.files import load_teacher, save_teacher

CPU = torch.device("cpu")
NAMES = ["ten", "3", "1", "2", "0", "eleven", "9", "8", "7", "6", "5", "4", "twelve"]


@pytest.fixture
def weights(teacher) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in teacher.model.state_dict().items()}


@pytest.fixture
def saved(tmp_path):
    def saved(state):
        torch.save(state, tmp_path / "teacher.pt")
        return tmp_path / "teacher.pt"

    return saved


@pytest.fixture
def wide(weights):
    """The teacher's head among rows of other classes, in the order of `NAMES`; the others have most to say."""
    noise = torch.Generator().manual_seed(0)
    for name in [name for name, value in weights.items() if value.shape[:1] == (10,)]:
        rows = [weights[name][int(word)] if word.isdigit() else None for word in NAMES]
        weights[name] = torch.stack(
            [torch.randn(weights[name].shape[1:], generator=noise) + 5 if row is None else row for row in rows]
        )
    return weights


@pytest.fixture
def pictures(digits) -> torch.Tensor:
    return digits.test.batch(torch.arange(60)).float() / 255


def same_logits(brought, teacher, pictures) -> bool:
    with torch.no_grad():
        return torch.allclose(brought.logits(pictures), teacher.logits(pictures), atol=1e-5)


def renamed(weights):
    """As a package of another tradition would call them, without BatchNorm's counters."""
    kept = [value for name, value in weights.items() if not name.endswith("num_batches_tracked")]
    return {f"_layer.{number}": value for number, value in enumerate(kept)}


def test_other_names_are_read_by_position_when_asked_for(teacher, digits, weights, saved, pictures) -> None:
    file = saved(renamed(weights))
    with pytest.raises(UserError, match="has other names than convnet2-bn-w32 for equal shapes; match = position"):
        bring_teacher(file, digits, model=teacher.name)
    brought = bring_teacher(file, digits, model=teacher.name, match="position")
    assert same_logits(brought, teacher, pictures)
    assert re.search(
        r"matched by position: \d+ tensors of equal shapes under other names \(_layer.0 for", *brought.notes
    )
    assert not brought.pretrained


def test_position_changes_nothing_where_names_agree(teacher, digits, weights, saved) -> None:
    brought = bring_teacher(saved(weights), digits, model=teacher.name, match="position")
    assert brought.notes == ()


def test_another_shape_at_a_position_is_named(teacher, digits, weights, saved) -> None:
    state = renamed(weights)
    state["_layer.0"] = state["_layer.0"][..., :1]
    with pytest.raises(UserError, match=r"by position: _layer.0 is 32x1x3x1 where .* is 32x1x3x3"):
        bring_teacher(saved(state), digits, model=teacher.name, match="position")
    del state["_layer.0"]
    with pytest.raises(UserError, match="tensors where convnet2-bn-w32 has"):
        bring_teacher(saved(state), digits, model=teacher.name, match="position")


def test_the_rows_of_the_targets_classes_are_taken_from_a_wider_head(teacher, digits, wide, saved, pictures) -> None:
    brought = bring_teacher(saved(wide), digits, model=teacher.name, classes=NAMES)
    assert same_logits(brought, teacher, pictures)
    assert brought.test_accuracy == pytest.approx(teacher.test_accuracy, abs=1e-7)
    assert brought.pretrained
    assert any("10 of its 13 outputs" in note for note in brought.notes)


def test_the_other_outputs_count_where_images_are_optimised(teacher, digits, wide, saved, pictures) -> None:
    """Against the same weights in a network of 13 classes of their own."""
    file, space = saved(wide), PixelSpace(teacher.mean, teacher.std)
    plain = create_model(teacher.name, classes=13, size=8, channels=1)
    plain.load_state_dict(wide)
    expected = plain.eval()(teacher.normalise(pictures))
    kept, cut = (bring_teacher(file, digits, model=teacher.name, classes=NAMES, others=o) for o in ("kept", "cut"))
    assert kept.fingerprint != cut.fingerprint
    logits = private_in_space(kept, space, CPU)(teacher.normalise(pictures))
    order = [*(NAMES.index(name) for name in digits.classes), *map(NAMES.index, ("ten", "eleven", "twelve"))]
    torch.testing.assert_close(logits, expected[:, order], atol=1e-5, rtol=1e-5)
    assert private_in_space(cut, space, CPU)(teacher.normalise(pictures)).shape == (60, 10)


@pytest.mark.parametrize("others", ["kept", "cut"])
def test_a_store_keeps_what_was_brought(others, teacher, digits, wide, saved, pictures, tmp_path) -> None:
    brought = bring_teacher(saved(wide), digits, model=teacher.name, classes=NAMES, others=others)
    save_teacher(brought, tmp_path)
    again = load_teacher(tmp_path, digits)
    assert same_logits(again, teacher, pictures)
    assert (again.notes, again.pretrained, again.fingerprint) == (brought.notes, True, brought.fingerprint)
    space = PixelSpace(teacher.mean, teacher.std)
    assert private_in_space(again, space, CPU)(pictures).shape[1] == (13 if others == "kept" else 10)


def test_a_wider_head_without_a_word_about_its_classes_is_refused(teacher, digits, wide, saved) -> None:
    with pytest.raises(UserError, match="has 13 outputs for the target's 10 classes; say what they are"):
        bring_teacher(saved(wide), digits, model=teacher.name)
    with pytest.raises(UserError, match=r"has 13 outputs, and classes = .* names 12"):
        bring_teacher(saved(wide), digits, model=teacher.name, classes=NAMES[:12])
    with pytest.raises(UserError, match="class '3' of the target is not among classes"):
        bring_teacher(saved(wide), digits, model=teacher.name, classes=["?" if n == "3" else n for n in NAMES])


def test_a_file_of_names_puts_outputs_into_order(teacher, digits, weights, saved, pictures, tmp_path) -> None:
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    for name in [name for name, value in weights.items() if value.shape[:1] == (10,)]:
        weights[name] = weights[name][order]
    names = tmp_path / "names.txt"
    names.write_text("\n".join(digits.classes[k] for k in order))
    file = saved(weights)
    with pytest.raises(UserError, match="in another order"):
        bring_teacher(file, digits, model=teacher.name)
    brought = bring_teacher(file, digits, model=teacher.name, classes=str(names))
    assert same_logits(brought, teacher, pictures)
    assert not brought.pretrained
    with pytest.raises(UserError, match="expected imagenet-1k, a list, or a file"):
        bring_teacher(file, digits, model=teacher.name, classes=str(tmp_path / "none.txt"))


def test_a_normalisation_that_is_clearly_better_is_named(teacher, digits, weights, saved) -> None:
    file = saved(weights)
    usual = bring_teacher(file, digits, model=teacher.name)
    assert usual.notes == ()
    off = bring_teacher(file, digits, model=teacher.name, std=(digits.std[0] / 4,))
    assert usual.test_accuracy - 0.2 < off.test_accuracy < usual.test_accuracy - 0.02
    assert re.search(
        r"on the test split [\d.]+ points more with the normalisation of the target: mean = \[", off.notes[0]
    )


def test_a_mean_for_other_channels_and_a_std_of_nothing_are_refused(teacher, digits, weights, saved) -> None:
    file = saved(weights)
    with pytest.raises(UserError, match=r"mean = \[0.5, 0.5, 0.5\]: digits has 1 channel"):
        bring_teacher(file, digits, model=teacher.name, mean=(0.5,) * 3)
    with pytest.raises(UserError, match=r"std = \[0.0\]: expected values above 0"):
        bring_teacher(file, digits, model=teacher.name, std=(0.0,))


def test_a_file_without_an_architecture_is_refused(digits, weights, saved) -> None:
    with pytest.raises(UserError, match=r"name its architecture \(model\), or give FILE, torchvision:"):
        bring_teacher(saved(weights), digits)


def test_imagenets_order_is_that_of_two_other_packages() -> None:
    """timm's table from WordNet id to words, against torchvision's list of names in the order of its logits."""
    pytest.importorskip("timm", reason="timm is not installed")
    text = (files("timm.data") / "_info" / "imagenet_synset_to_lemma.txt").read_text()
    words = dict(line.split("\t", 1) for line in text.splitlines())
    wnids = imagenet_wnids()
    assert list(wnids) == sorted(set(wnids))
    assert len(wnids) == 1000
    named = zip(wnids, imagenet_names(), strict=True)
    shared = [any(part in words[wnid].lower() for part in name.lower().split()) for wnid, name in named]
    assert sum(shared) > 970  # either may abbreviate a few
    assert rows_of(None, ("n01440764", "n03888257"), 1000, where="") == [0, 701]
    assert rows_of("imagenet-1k", ("Golf_ball", "n03888257"), 1000, where="") == [574, 701]
    with pytest.raises(UserError, match="classes 'Golf_ball' and 'golf ball' of the target are one among"):
        rows_of(None, ("Golf_ball", "golf ball"), 1000, where="")
    with pytest.raises(UserError, match="class 'thimbel' of the target is not among classes = imagenet-1k"):
        rows_of(None, ("thimbel", "n03888257"), 1000, where="")
