"""Pools as settings describe them, static labels, and what labels weigh."""

from __future__ import annotations

import pytest
import torch

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.evaluation.labelling import label_bytes, pool_for, soft_labelling
from rd3.evaluation.settings import Settings
from rd3.models import create_model
from rd3.relabel.pool import TeacherPool
from rd3.squeeze.teacher import Teacher
from rd3.training.loop import Normalisation

USUAL = {
    "labels": "online",
    "epochs": 300,
    "batch_size": 16,
    "optimiser": "adamw",
    "loss": "kl",
    "normalisation": "target",
    "augment": [{"kind": "flip"}],
}


def settings(**changes: object) -> Settings:
    return parse(Settings, USUAL | changes, where="test")


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("digits")


@pytest.fixture(scope="module")
def teachers(target: Target) -> list[Teacher]:
    models = [create_model("convnet1-bn-w8", classes=10, size=8, channels=1, seed=seed) for seed in range(2)]
    return [
        Teacher(m, f"net{k}", (0.1 + k / 2,), (0.4,), target.classes, f"f{k}", 0.1, 0) for k, m in enumerate(models)
    ]


@pytest.fixture(scope="module")
def images(target: Target) -> MemoryImages:
    return MemoryImages(target.train.batch(torch.arange(40)), target.train.labels[:40])


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, {}),
        ({"teacher_combine": "norm-mean"}, {"combine": "norm-mean"}),
        ({"teacher_weights": (3, 1)}, {"weights": (0.75, 0.25)}),
        ({"teacher_bn": "train", "teacher_bn_sub_batch": 8}, {"bn": "train", "sub_batch": 8}),
        ({"teacher_autocast": "bfloat16"}, {"autocast": "bfloat16"}),
        ({"label_precision": "float16"}, {"precision": "float16"}),
    ],
)
@torch.no_grad()
def test_a_pool_labels_as_the_settings_say(target, teachers, images, changes, options) -> None:
    pictures, ids = images.pixels.float() / 255, torch.arange(40)
    mine = pool_for(settings(**changes), teachers, target)(pictures, ids)
    assert torch.equal(mine, TeacherPool(teachers, target.classes, **options)(pictures, ids))
    assert torch.equal(mine, TeacherPool(teachers, target.classes)(pictures, ids)) == (not options)


@torch.no_grad()
def test_teachers_may_take_the_student_s_normalisation(target, teachers, images) -> None:
    pictures, ids = images.pixels.float() / 255, torch.arange(40)
    mine = pool_for(settings(teacher_normalisation="student"), teachers, target)(pictures, ids)
    own = Normalisation(target.mean, target.std)
    torch.testing.assert_close(mine, sum(one.model(own(pictures)) for one in teachers) / 2)


def test_hard_labels_ask_nobody(images) -> None:
    labels = soft_labelling(settings(labels="hard", loss="ce"), images, teachers=None, own=None)
    assert labels.online is labels.static is None


@torch.no_grad()
def test_static_labels_are_the_images_own_or_one_pass_of_the_teachers(target, teachers, images) -> None:
    static, pool = settings(labels="static"), TeacherPool(teachers, target.classes)
    own = torch.randn(40, 10, generator=torch.Generator().manual_seed(0))
    assert torch.equal(soft_labelling(static, images, teachers=pool, own=own).static, own)
    assert pool.forwards == 0
    rounded = soft_labelling(static.model_copy(update={"label_precision": "float16"}), images, teachers=None, own=own)
    assert torch.equal(rounded.static, own.half().float())
    labelled = soft_labelling(static, images, teachers=pool, own=None)
    assert labelled.online is None
    assert pool.forwards == 2 * 40
    expected = sum(one.logits(images.pixels.float() / 255) for one in teachers) / 2
    torch.testing.assert_close(labelled.static, expected)


@pytest.mark.parametrize(("labels", "missing"), [("online", "no teacher is given"), ("static", "the images have none")])
def test_soft_labels_that_nobody_gives_are_refused(images, labels, missing) -> None:
    with pytest.raises(UserError, match=f"^labels = {labels}: {missing}"):
        soft_labelling(settings(labels=labels), images, teachers=None, own=None)


VIEW = 2 * 10 + 25 + 4  # fp16 logits of 10 classes, what a view is replayed from, an id


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"labels": "hard", "loss": "ce"}, 100),
        ({"labels": "static"}, 100 * 2 * 10),
        ({}, 100 * 300 * VIEW),
        ({"augment": []}, 100 * VIEW),  # without augmentation the same every time,
        ({"augment": [], "teacher_bn": "train"}, 100 * 300 * VIEW),  # unless it depends on the rest of its batch
        ({"mix": {"kind": "cutmix"}, "augment": []}, 100 * 300 * VIEW),
        ({"label_epochs": 30}, 100 * 30 * VIEW),
        ({"label_epochs": 30, "augment": []}, 100 * VIEW),
        ({"label_epochs": 0.5, "augment": []}, 3 * 16 * VIEW),
        ({"label_epochs": 1.5}, (100 + 3 * 16) * VIEW),  # 10 of 7 batches an epoch, the seventh of 4 images
        ({"label_epochs": 1.5, "drop_last": True}, (96 + 3 * 16) * VIEW),  # 9 of 6
        ({"hard_phase": (0.25, 0.75)}, 100 * 150 * VIEW + 100),
        ({"hard_phase": (0.25, 0.75), "label_epochs": 10}, 100 * 10 * VIEW + 100),
        ({"labels": "static", "hard_phase": (0.25, 0.75)}, 100 * 2 * 10 + 100),
    ],
)
def test_labels_weigh_what_a_store_of_them_would(changes, expected) -> None:
    assert label_bytes(settings(**changes), 100, 10) == expected


def test_hald_s_budget_is_so_many_soft_labels_a_class() -> None:
    """SLC = 100 labels a class at IPC 10 are 10 epochs: 100 · C · (2 C + 25 + 4) bytes, and the hard labels."""
    hald = settings(hard_phase=(0.25, 0.75), label_epochs=100 / 10, label_draw="shuffled")
    assert label_bytes(hald, 10 * 1000, 1000) == 100 * 1000 * (2 * 1000 + 29) + 10 * 1000 * 2
