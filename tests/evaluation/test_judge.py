"""The judge reports the last epoch and keeps what is needed to check it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.subset import random_subset
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.judge import RunResult, judge
from rd3.evaluation.labelling import label_bytes
from rd3.evaluation.settings import Settings
from rd3.evaluation.spec import RunSpec

STUDENT = "convnet1-bn-w16"


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("digits")


def settings_of(target: Target, **changes: object) -> Settings:
    settings, _ = load_protocol("rd3-hard").resolve(target, 10, STUDENT)
    return settings.model_copy(update={"epochs": 30, "mix": None, **changes})


@pytest.fixture(scope="module")
def result(target: Target) -> RunResult:
    chosen = random_subset(target, 10, 0)
    images = MemoryImages(target.train.batch(chosen), target.train.labels[chosen])
    return judge(images, target=target, settings=settings_of(target), student=STUDENT, seed=7)


def test_the_result_is_the_last_epoch_and_the_best_is_only_kept(result: RunResult) -> None:
    assert result.accuracy == result.curve[-1][1]
    assert result.peeked == max(accuracy for _, accuracy in result.curve) >= result.accuracy
    assert [epoch for epoch, _ in result.curve] == [3, 6, 9, 12, 15, 18, 21, 24, 27, 30]


def test_a_hundred_digits_teach_a_student(result: RunResult) -> None:
    assert result.accuracy > 0.6


def test_the_packed_bits_are_the_accuracy(result: RunResult, target: Target) -> None:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(result.correct), np.uint8), count=len(target.test))
    assert bits.mean() == pytest.approx(result.accuracy, abs=1e-12)


def test_the_same_seed_gives_the_same_student_and_images_matter(target: Target, result: RunResult) -> None:
    chosen = random_subset(target, 10, 0)
    images = MemoryImages(target.train.batch(chosen), target.train.labels[chosen])
    again = judge(images, target=target, settings=settings_of(target), student=STUDENT, seed=7)
    assert (again.curve, again.correct) == (result.curve, result.correct)
    other = judge(images, target=target, settings=settings_of(target), student=STUDENT, seed=8)
    assert other.correct != result.correct


def test_checkpoints_change_no_number(target: Target, result: RunResult) -> None:
    chosen = random_subset(target, 10, 0)
    images = MemoryImages(target.train.batch(chosen), target.train.labels[chosen])
    once = judge(images, target=target, settings=settings_of(target, checkpoints=1), student=STUDENT, seed=7)
    assert len(once.curve) == 1
    assert once.accuracy == result.accuracy


def test_shuffled_labels_are_worth_chance(target: Target) -> None:
    chosen = random_subset(target, 10, 0)
    wrong = target.train.labels[chosen].roll(5)  # labels run class by class: half of each class is another's
    images = MemoryImages(target.train.batch(chosen), wrong[torch.randperm(100, generator=torch.manual_seed(0))])
    result = judge(images, target=target, settings=settings_of(target), student=STUDENT, seed=7)
    assert result.accuracy < 0.3


def test_online_labels_weigh_what_a_store_of_them_would(target: Target) -> None:
    soft, _ = load_protocol("rd3").resolve(target, 10, STUDENT)
    # 100 images, 400 epochs, 10 classes: fp16 logits + 25 bytes to replay + 4 of id
    assert label_bytes(soft, 100, 10) == 100 * 400 * (2 * 10 + 25 + 4)
    assert label_bytes(settings_of(target), 100, 10) == 100


def test_seeds_are_of_the_cell_and_fingerprints_of_everything(target: Target) -> None:
    spec = RunSpec(
        images="a",
        target=target.fingerprint,
        protocol="rd3-hard",
        protocol_hash="h",
        settings=settings_of(target),
        student=STUDENT,
        teachers=(),
        ipc=10,
        replicate=0,
    )
    other_images = spec.model_copy(update={"images": "b"})
    assert other_images.seed == spec.seed
    assert other_images.fingerprint != spec.fingerprint
    for key, value in {"replicate": 1, "ipc": 1, "student": "mlp", "protocol": "rd3"}.items():
        changed = spec.model_copy(update={key: value})
        assert changed.seed != spec.seed
        assert changed.fingerprint != spec.fingerprint
