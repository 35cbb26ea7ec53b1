"""Teacher pools: how their logits are made and combined, from teachers that know the target's classes."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from rd3.base.errors import UserError
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.models import create_model
from rd3.relabel.pool import TeacherPool, label_images
from rd3.squeeze.teacher import Teacher
from rd3.training.loop import Normalisation

NAMES = tuple("0123456789")


def teacher(seed: int, *, mean: float = 0.3, classes: tuple[str, ...] = NAMES) -> Teacher:
    """An untrained network: logits are logits."""
    model = create_model("convnet1-bn-w8", classes=len(classes), size=8, channels=1, seed=seed)
    return Teacher(model, f"net{seed}", (mean,), (0.4,), classes, f"f{seed}", 0.1, 0.0)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return load_target("digits").test.batch(torch.arange(20)).float() / 255


@pytest.mark.parametrize("count", [1, 2, 3])
@torch.no_grad()
def test_a_pool_gives_the_mean_of_the_logits(count, pictures) -> None:
    teachers = [teacher(seed, mean=0.1 * seed) for seed in range(count)]
    each = torch.stack([one.model((pictures - one.mean[0]) / 0.4) for one in teachers])
    torch.testing.assert_close(TeacherPool(teachers, NAMES)(pictures, torch.arange(20)), each.mean(0))


@torch.no_grad()
def test_a_pool_of_one_gives_its_bits(pictures) -> None:
    one = teacher(0)
    assert torch.equal(TeacherPool([one], NAMES)(pictures, torch.arange(20)), one.logits(pictures))


@torch.no_grad()
def test_every_picture_that_goes_through_a_teacher_counts(pictures) -> None:
    pool = TeacherPool([teacher(0), teacher(1)], NAMES)
    assert pool.forwards == 0
    pool(pictures, torch.arange(20))
    pool(pictures[:5], torch.arange(5))
    assert pool.forwards == 2 * 25


def logits_of(teachers: list[Teacher], pictures: torch.Tensor) -> list[np.ndarray]:
    with torch.no_grad():
        return [one.model((pictures - one.mean[0]) / 0.4).double().numpy() for one in teachers]


def test_norm_mean_gives_every_teacher_the_mean_norm(pictures) -> None:
    """G-VBSM: divide each teacher's B x C matrix by its Frobenius norm, times the mean norm, then average."""
    teachers = [teacher(seed, mean=0.1 * seed) for seed in range(3)]
    each = logits_of(teachers, pictures)
    norms = [np.sqrt((matrix**2).sum()) for matrix in each]
    expected = sum(matrix / norm for matrix, norm in zip(each, norms, strict=True)) * np.mean(norms) / 3
    mine = labels(TeacherPool(teachers, NAMES, combine="norm-mean"), pictures)
    np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(mine, sum(each) / 3, rtol=1e-3)


@pytest.mark.parametrize("combine", ["mean", "norm-mean"])
def test_weights_are_normalised_to_one(combine, pictures) -> None:
    teachers = [teacher(seed) for seed in range(3)]
    each = logits_of(teachers, pictures)
    norms = [np.linalg.norm(matrix) for matrix in each]
    scales = [np.mean(norms) / norm if combine == "norm-mean" else 1 for norm in norms]
    expected = sum(w * k * matrix for w, k, matrix in zip((0.2, 0.5, 0.3), scales, each, strict=True))
    mine = labels(TeacherPool(teachers, NAMES, combine=combine, weights=(2, 5, 3)), pictures)
    np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        ((1.0,), r"teacher_weights = \[1.0\]: 2 teachers need as many weights"),
        ((1.0, -1.0), r"teacher_weights = \[1.0, -1.0\]: allowed is 0 or more each"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, complaint) -> None:
    with pytest.raises(UserError, match=complaint):
        TeacherPool([teacher(0), teacher(1)], NAMES, weights=weights)


def with_dropout(seed: int) -> Teacher:
    """A teacher with BatchNorm statistics that are far from any batch's, and a dropout layer."""
    trained = teacher(seed)
    with torch.no_grad():
        for layer in trained.model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.fill_(0.5)  # type: ignore[union-attr]
    model = nn.Sequential(trained.model, nn.Dropout(0.5), nn.Linear(10, 10))
    return replace(trained, model=model)


@pytest.mark.parametrize("part", [None, 8, 6])
def test_batch_statistics_are_those_of_the_parts_and_nothing_else_changes(part, pictures) -> None:
    """The oracle is torch's own training mode of a copy, part by part, with dropout taken out."""
    one = with_dropout(3)
    copied = copy.deepcopy(one.model).train()
    copied[1] = nn.Identity()  # type: ignore[index]
    with torch.no_grad():
        expected = torch.cat([copied((piece - 0.3) / 0.4) for piece in pictures.split(part or 20)])
    before = copy.deepcopy(one.model.state_dict())
    usual = labels(TeacherPool([one], NAMES), pictures)
    mine = labels(TeacherPool([one], NAMES, bn="train", sub_batch=part), pictures)
    np.testing.assert_allclose(mine, expected.numpy(), rtol=1e-5, atol=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in one.model.state_dict().items())
    assert not any(module.training for module in one.model.modules())
    np.testing.assert_array_equal(labels(TeacherPool([one], NAMES), pictures), usual)
    assert not np.allclose(mine, usual, atol=1e-3)


def test_in_eval_mode_parts_make_no_difference(pictures) -> None:
    whole, parts = (labels(TeacherPool([teacher(0)], NAMES, sub_batch=part), pictures) for part in (None, 8))
    np.testing.assert_array_equal(whole, parts)


def test_the_student_s_normalisation_can_stand_in_for_the_teachers_own(pictures) -> None:
    teachers = [teacher(0, mean=0.1), teacher(1, mean=0.7)]
    with torch.no_grad():
        expected = sum(one.model((pictures - 0.25) / 0.5) for one in teachers) / 2
    pool = TeacherPool(teachers, NAMES, student_normalisation=Normalisation((0.25,), (0.5,)))
    np.testing.assert_allclose(labels(pool, pictures), expected.numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_autocast_is_torchs_and_labels_come_back_in_float32(precision, pictures) -> None:
    one = teacher(0)
    with torch.no_grad(), torch.autocast("cpu", getattr(torch, precision)):
        expected = one.model((pictures - 0.3) / 0.4).float().numpy()
    mine = labels(TeacherPool([one], NAMES, autocast=precision), pictures)
    assert mine.dtype == np.float32
    np.testing.assert_array_equal(mine, expected)
    assert not np.array_equal(mine, labels(TeacherPool([one], NAMES), pictures))


def test_labels_are_rounded_to_what_a_store_of_float16_holds(pictures) -> None:
    teachers = [teacher(0), teacher(1)]
    exact = labels(TeacherPool(teachers, NAMES), pictures)
    rounded = labels(TeacherPool(teachers, NAMES, precision="float16"), pictures)
    np.testing.assert_array_equal(rounded, exact.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("batch_size", [7, 100])
def test_images_are_labelled_once_without_augmentation(batch_size, pictures) -> None:
    images = load_target("digits").test
    pool = TeacherPool([teacher(0)], NAMES)
    logits = label_images(pool, MemoryImages(images.batch(torch.arange(20)), images.labels[:20]), batch_size=batch_size)
    torch.testing.assert_close(logits, torch.from_numpy(labels(TeacherPool([teacher(0)], NAMES), pictures)))
    assert pool.forwards == 20


def labels(pool: TeacherPool, pictures: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return pool(pictures, torch.arange(len(pictures))).numpy()


def test_a_pool_moves_its_teachers_and_is_itself() -> None:
    pool = TeacherPool([teacher(0)], NAMES)
    assert pool.to(torch.device("cpu")) is pool


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [
        (NAMES[:9], "teacher net1 knows 9 classes, the target has 10"),
        (("a", *NAMES[1:]), "teacher net1 was trained on other classes, for instance 'a'"),
        (
            ("0", "2", "1", *NAMES[3:]),
            "teacher net1 has its classes in another order: its output 1 is '2', class 1 of the target is '1'",
        ),
    ],
)
def test_classes_that_are_not_the_target_s_are_refused(classes, complaint) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(complaint)}$"):
        TeacherPool([teacher(0), teacher(1, classes=classes)], NAMES)


def test_labels_need_a_teacher() -> None:
    with pytest.raises(UserError, match="no teacher given"):
        TeacherPool([], NAMES)


def test_equal_classes_are_enough() -> None:
    TeacherPool([replace(teacher(0), name="renamed", test_accuracy=0.2)], NAMES)
