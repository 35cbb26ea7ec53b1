"""FRePo's own protocol: the steps of its table, its labels, its whitening, and the run as a plain loop has it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rd3.data.facts import TargetFacts
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.data.whitening import whitening_of
from rd3.evaluation.conditions import Cell
from rd3.evaluation.files import load_protocol
from rd3.evaluation.judge import judge
from rd3.evaluation.labelling import soft_labelling
from rd3.evaluation.pictures import prepared
from rd3.evaluation.scaling import scaled
from rd3.evaluation.settings import Settings
from rd3.matching.kernel_ridge import centred as start_labels
from rd3.models import create_model
from rd3.relabel.pool import TeacherPool
from rd3.squeeze.teacher import Teacher
from rd3.training.losses import Labels, Loss, centred

CPU = torch.device("cpu")
STEPS = {10: 1000, 100: 2000, 200: 20000, 400: 5000, 500: 5000, 1000: 10000, 2000: 40000, 5000: 40000}
CELLS = [(classes, images // classes) for classes in (10, 100, 200, 1000) for images in STEPS if images >= classes]


@pytest.fixture(scope="module")
def digits() -> Target:
    return load_target("digits")


def settings(target: TargetFacts | Target, ipc: int) -> Settings:
    return load_protocol("frepo").resolve(target, ipc, "convnet3-none")[0]


@pytest.mark.parametrize(("classes", "ipc"), CELLS)
def test_steps_warm_up_and_batches_are_those_of_the_released_table(classes: int, ipc: int) -> None:
    images = classes * ipc
    found = settings(TargetFacts("any", 32, 3, classes, True), ipc)
    recipe = found.recipe()
    assert recipe.steps(images) == STEPS[images]
    assert recipe.schedule.warmup_epochs * recipe.batches(images) == 500
    assert recipe.full_batch(images) == min(images, 500)
    assert (
        load_protocol("frepo").vouched("epochs", Cell(TargetFacts("any", 32, 3, classes, True), ipc, "any"))[0]
        == "code"
    )


@pytest.mark.parametrize(("classes", "ipc", "like"), [(10, 5, 100), (10, 15, 200), (100, 3, 500), (100, 30, 5000)])
def test_a_number_that_is_not_listed_has_the_next_larger_ones_epochs_and_says_so(
    classes: int, ipc: int, like: int
) -> None:
    place = TargetFacts("any", 32, 3, classes, True)
    found = settings(place, ipc)
    assert found.epochs * -(-like // 500) == STEPS[like]
    assert load_protocol("frepo").vouched("epochs", Cell(place, ipc, "any"))[0] == "inferred"


def test_digits_are_normalised_and_not_mirrored_and_colours_are_whitened_in_its_own_way(digits: Target) -> None:
    grey = settings(digits, 1)
    assert (grey.zca, [each["strategy"] for each in grey.augment]) == (None, ["color_crop_rotate_translate_cutout"])
    colour = settings(TargetFacts("cifar10", 32, 3, 10, True), 1)
    assert (colour.zca, colour.zca_kind, colour.augment[0]["kind"]) == (0.1, "frepo", "frepo")


def test_train_and_test_images_go_through_the_whitening_of_the_named_kind(digits: Target) -> None:
    images = MemoryImages(digits.train.batch(torch.arange(12)), digits.train.labels[:12])
    whitened = settings(digits, 1).model_copy(update={"zca": 0.1})
    pictures = prepared(images, held_out=None, settings=whitened, target=digits, device=CPU)
    whiten = whitening_of(digits, "frepo", 0.1, CPU)
    for found, given in ((pictures.train, images), (pictures.test, digits.test)):
        expected = whiten(given.batch(torch.arange(12)).float() / 255)
        torch.testing.assert_close(found.batch(torch.arange(12)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("classes", [10, 100])
def test_one_hot_rows_are_centred_as_learned_labels_start(classes: int) -> None:
    labels = torch.arange(classes).flip(0)
    rows = centred(F.one_hot(labels, classes).float())
    torch.testing.assert_close(rows, start_labels(labels, classes))
    expected = ((1 - 1 / classes) / (classes / 10) ** 0.5, -(1 / classes) / (classes / 10) ** 0.5)
    assert (rows[0, classes - 1].item(), rows[0, 0].item()) == pytest.approx(expected)


def test_the_loss_is_the_squared_error_of_the_targets_as_they_are() -> None:
    outputs, targets = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    loss = Loss(kind="mse-centred", temperature=3.0)(
        outputs, Labels(torch.zeros(5, dtype=torch.int64), None, None, targets)
    )
    assert loss.item() == pytest.approx(
        sum((a - b) ** 2 for a, b in zip(outputs.flatten().tolist(), targets.flatten().tolist(), strict=True)) / 20
    )


def test_random_images_have_a_teachers_centred_probabilities(digits: Target) -> None:
    model = create_model("convnet1-bn-w8", classes=10, size=8, channels=1, seed=0)
    teacher = Teacher(model, "convnet1-bn-w8", digits.mean, digits.std, digits.classes, "t", 0.1, 0.0)
    pool = TeacherPool([teacher], digits.classes)
    images = MemoryImages(digits.train.batch(torch.arange(20)), digits.train.labels[:20])
    found = soft_labelling(settings(digits, 2), images, teachers=pool, own=None).static
    assert found is not None
    model.eval()
    pixels = (images.batch(torch.arange(20)).float() / 255 - digits.mean[0]) / digits.std[0]
    expected = model(pixels).softmax(dim=1) - 0.1
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_learned_labels_teach_real_digits(digits: Target) -> None:
    """One image a class and their centred one-hot labels, as FRePo starts: far above chance; wrong labels are not."""
    rows = torch.cat([(digits.train.labels == label).nonzero()[:1, 0] for label in range(10)])
    images = MemoryImages(digits.train.batch(rows), digits.train.labels[rows])
    labels = start_labels(images.labels, 10)

    def accuracy(given: torch.Tensor) -> float:
        own = scaled(settings(digits, 1), 0.4)
        return judge(
            images, target=digits, settings=own, student="convnet1-none-w16", seed=0, soft_labels=given
        ).accuracy

    assert accuracy(labels) > 0.4
    assert accuracy(labels.roll(1, dims=1)) < 0.2
