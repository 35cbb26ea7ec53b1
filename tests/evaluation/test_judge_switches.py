"""Switches of the judge: what is reported, how a rate is chosen, what images and labels go through first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from kornia.enhance import ZCAWhitening
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.subset import random_subset
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.held_out import held_out
from rd3.evaluation.jpeg import through_jpeg
from rd3.evaluation.judge import RunResult, judge
from rd3.evaluation.labelling import pool_for
from rd3.evaluation.pictures import student_normalisation
from rd3.evaluation.settings import NORMALISATIONS, Settings
from rd3.models import create_model
from rd3.squeeze.teacher import Teacher
from rd3.training.loop import fit

STUDENT = "convnet1-bn-w16"


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("digits")


def settings_of(target: Target, **changes: object) -> Settings:
    settings, _ = load_protocol("rd3-hard").resolve(target, 10, STUDENT)
    return settings.model_copy(update={"epochs": 30, "mix": None, **changes})


RATES = (1e-6, 3e-3, 1e-1)


def real(target: Target, ipc: int = 10, draw: int = 0) -> MemoryImages:
    chosen = random_subset(target, ipc, draw)
    return MemoryImages(target.train.batch(chosen), target.train.labels[chosen])


def run(target: Target, images: MemoryImages | None = None, soft_labels: Tensor | None = None, **changes) -> RunResult:
    settings = settings_of(target, **{"epochs": 12, **changes})
    images = images or real(target)
    return judge(images, target=target, settings=settings, student=STUDENT, seed=7, soft_labels=soft_labels)


@pytest.mark.parametrize(
    ("changes", "looked_at"),
    [
        ({"report": "best", "report_every": 5, "report_phase": 2}, {3, 8, 12}),
        ({"report": "best-last20", "report_every": 2, "report_phase": 1}, {12}),
        ({"report": "best-last20", "report_every": 1}, {11, 12}),
    ],
)
def test_the_best_of_the_epochs_that_are_looked_at(target: Target, changes: dict[str, object], looked_at) -> None:
    every = run(target, checkpoints=12, lr=0.05)
    result = run(target, checkpoints=1, lr=0.05, **changes)
    expected = [(epoch, accuracy) for epoch, accuracy in every.curve if epoch in looked_at]
    assert list(result.curve) == expected
    assert result.accuracy == max(accuracy for _, accuracy in expected)
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(result.correct), np.uint8), count=len(target.test))
    assert bits.mean() == pytest.approx(result.accuracy, abs=1e-12)


def test_a_given_rate_is_not_searched(target: Target) -> None:
    result = run(target, epochs=1)
    assert (result.lr, result.rates) == (settings_of(target).lr, {})


def plain_students(target: Target, rates: tuple[float, ...]) -> dict[float, tuple[nn.Module, RunResult]]:
    """Each rate's student, trained without any search."""
    found = {}
    for rate in rates:
        settings = settings_of(target, epochs=12, lr=rate)
        model = create_model(STUDENT, classes=10, size=8, channels=1, seed=derive_seed("student init", 7))
        normalisation = student_normalisation(settings, target)
        seed = derive_seed("student run", 7)
        fit(model, real(target), settings.recipe(), normalisation=normalisation, seed=seed)
        found[rate] = model.eval(), run(target, lr=rate)
    return found


def test_a_search_takes_the_rate_that_is_best_on_held_out_training_images(target: Target) -> None:
    """Each rate's student is trained once more by hand, and asked about the held-out images one by one."""
    held, students = held_out(target, real(target)), plain_students(target, RATES)
    normalisation = student_normalisation(settings_of(target), target)
    right = {}
    for rate, (model, _) in students.items():
        with torch.no_grad():
            answers = [model(normalisation(picture[None].float() / 255)).argmax() for picture in held.pixels]
        right[rate] = sum(int(a) == int(b) for a, b in zip(answers, held.labels, strict=True)) / len(held)
    result = run(target, lr_search=RATES[::-1])
    assert result.rates == pytest.approx(right)
    best = max(right, key=lambda rate: right[rate])
    assert result.lr == best
    assert (result.curve, result.correct) == (students[best][1].curve, students[best][1].correct)


def test_of_equally_good_rates_the_smaller_is_taken(target: Target) -> None:
    """Steps this small change no weight of float32 by more than its rounding, so all answers are the same."""
    result = run(target, epochs=1, lr_search=(3e-12, 1e-12, 2e-12))
    assert len(set(result.rates.values())) == 1
    assert result.lr == 1e-12


def test_the_test_split_has_no_say_in_the_rate(target: Target) -> None:
    """Its labels are permuted, its pictures inverted: rates, choice and all that is learned stay the same."""
    order = torch.randperm(len(target.test), generator=torch.Generator().manual_seed(0))
    pixels = target.test.batch(torch.arange(len(target.test)))
    first = run(target, lr_search=RATES)
    changed = [MemoryImages(pixels, target.test.labels[order]), MemoryImages(255 - pixels, target.test.labels)]
    for test in changed:
        other = run(replace(target, test=test), lr_search=RATES)
        assert (other.lr, other.rates) == (first.lr, first.rates)
        assert other.accuracy != first.accuracy
    # the same answers are right on the permuted labels as the unchanged student gives
    students = plain_students(target, (first.lr,))
    with torch.no_grad():
        answers = students[first.lr][0](student_normalisation(settings_of(target), target)(pixels / 255)).argmax(1)
    permuted = run(replace(target, test=changed[0]), lr_search=RATES)
    assert permuted.accuracy == pytest.approx(float((answers == target.test.labels[order]).float().mean()))


def test_peeking_takes_the_best_test_accuracy_over_rates_and_epochs(target: Target) -> None:
    every = {rate: run(target, lr=rate, checkpoints=12) for rate in RATES}
    peeked = run(target, lr_search=RATES, selection="test-peek", report="best", report_every=1)
    assert peeked.rates == {rate: max(accuracy for _, accuracy in one.curve) for rate, one in every.items()}
    assert peeked.accuracy == max(peeked.rates.values())
    assert peeked.rates[peeked.lr] == peeked.accuracy
    last = run(target, lr_search=RATES, selection="test-peek")
    assert last.rates == {rate: one.accuracy for rate, one in every.items()}


def test_the_whole_target_leaves_nothing_to_choose_a_rate_on(target: Target) -> None:
    settings = settings_of(target, lr_search=RATES)
    with pytest.raises(UserError, match="lr_search"):
        judge(target.train, target=target, settings=settings, student=STUDENT, seed=7)


def test_whitened_runs_equal_a_plain_loop_on_kornias_whitening(target: Target) -> None:
    result = run(target, zca=0.1, augment=(), epochs=5)
    train, test = (images.batch(torch.arange(len(images))).float() / 255 for images in (target.train, target.test))
    whiten = ZCAWhitening(eps=0.1).fit(train.double())
    images, settings = real(target), settings_of(target, epochs=5)
    model = create_model(STUDENT, classes=10, size=8, channels=1, seed=derive_seed("student init", 7))
    optimiser, factor = settings.recipe().optimiser.build(model), settings.recipe().schedule.factor
    generator = torch.Generator().manual_seed(derive_seed("student run", 7))
    pictures = whiten(images.pixels.double() / 255).float()
    for epoch in range(5):
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * factor(epoch, 5)
        for ids in torch.randperm(100, generator=generator).split(settings.batch_size):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pictures[ids]), images.labels[ids]).backward()
            optimiser.step()
    with torch.no_grad():
        accuracy = (model.eval()(whiten(test.double()).float()).argmax(1) == target.test.labels).float().mean()
    assert result.accuracy == pytest.approx(float(accuracy), abs=2.5 / len(target.test))  # rounding may turn a digit


def test_jpeg_changes_what_is_trained_on_and_not_what_is_tested(target: Target) -> None:
    images = real(target)
    coded = MemoryImages(through_jpeg(images.pixels, 30), images.labels)
    assert run(target, images, jpeg_quality=30).curve == run(target, coded).curve != run(target, images).curve


def soft_settings(**changes: object) -> dict[str, object]:
    return {"labels": "static", "loss": "kl", "temperature": 2.0, **changes}


def test_static_labels_that_say_the_truth_teach_like_hard_ones(target: Target) -> None:
    """At these logits softmax is one-hot to float32, so KL is cross-entropy."""
    images = real(target)
    sure = 100.0 * torch.nn.functional.one_hot(images.labels, 10)
    soft = run(target, images, sure, **soft_settings(temperature=1.0))
    hard = run(target, images)
    assert soft.accuracy == pytest.approx(hard.accuracy, abs=3 / len(target.test))
    assert (soft.label_bytes, hard.label_bytes, soft.teacher_forwards) == (100 * 10 * 2, 100, 0)


def test_a_teacher_labels_each_image_once_where_static_labels_are_missing(target: Target) -> None:
    images, settings = real(target), settings_of(target, epochs=4, **soft_settings())
    model = create_model("convnet1-bn-w8", classes=10, size=8, channels=1, seed=3)
    teacher = Teacher(model, "net", (0.3,), (0.4,), target.classes, "f", 0.1, 0.0)
    with torch.no_grad():
        logits = teacher.logits(images.pixels.float() / 255)
    arguments = {"target": target, "settings": settings, "student": STUDENT, "seed": 7}
    asked = judge(images, **arguments, teachers=pool_for(settings, [teacher], target))
    given = judge(images, **arguments, soft_labels=logits)
    assert asked.teacher_forwards == 100
    assert dict(asked.curve) == pytest.approx(dict(given.curve), abs=1.5 / len(target.test))


def test_a_pool_of_label_batches_asks_the_teacher_less_often(target: Target) -> None:
    images = real(target)
    model = create_model("convnet1-bn-w8", classes=10, size=8, channels=1, seed=3)
    teacher = Teacher(model, "net", (0.3,), (0.4,), target.classes, "f", 0.1, 0.0)
    values = soft_settings(labels="online", label_epochs=2.0, label_draw="shuffled", epochs=12, batch_size=50)
    settings = settings_of(target, **values)
    pool = pool_for(settings, [teacher], target)
    result = judge(images, target=target, settings=settings, student=STUDENT, seed=7, teachers=pool)
    assert result.teacher_forwards == 2 * 100  # four batches, though 24 steps are done
    assert result.label_bytes == 2 * 100 * (2 * 10 + 25 + 4)


@pytest.mark.parametrize("name", ["target", *NORMALISATIONS])
def test_students_are_normalised_with_the_named_statistics(target: Target, name: str) -> None:
    settings = settings_of(target, normalisation=name)
    expected = (target.mean, target.std) if name == "target" else NORMALISATIONS[name]
    normalisation = student_normalisation(settings, target)
    assert (normalisation.mean, normalisation.std) == expected
