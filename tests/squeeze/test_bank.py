"""Statistics of the training set inside a teacher, against loops over captured activations."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.models.create import create_model
from rd3.squeeze.bank import ClassStatistics, Watched, statistics_bank
from rd3.squeeze.readings import Channels, Tiles, batch_norms, convolutions, image_moments
from rd3.squeeze.teacher import Teacher

CPU = torch.device("cpu")
NORMS, CONVS, TILES = Watched("bn", Channels()), Watched("conv", Channels()), Watched("conv", Tiles(4))
EVERYTHING = (NORMS, CONVS, TILES)


class Counting(MemoryImages):
    """Images that remember how many of them were asked for."""

    asked = 0

    def batch(self, indices: Tensor) -> Tensor:
        self.asked += len(indices)
        return super().batch(indices)


@pytest.fixture
def few(digits: Target) -> Target:
    """90 digits, unevenly many of each class."""
    rows = torch.arange(90)
    return dataclasses.replace(digits, train=Counting(digits.train.batch(rows), digits.train.labels[rows]))


@pytest.fixture
def teacher(digits: Target) -> Teacher:
    model = create_model("convnet2-bn-w8", classes=10, size=8, channels=1, seed=0)
    return Teacher(model, "convnet2-bn-w8", digits.mean, digits.std, digits.classes, "", 0.0, 0.0)


def captured(teacher: Teacher, target: Target, layer: nn.Module) -> np.ndarray:
    """What enters a layer of the teacher for all training images, one image at a time."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for index in range(len(target.train)):
        teacher.logits(target.train.batch(torch.tensor([index])).float() / 255)
    handle.remove()
    return torch.cat(seen).double().numpy()


@pytest.mark.parametrize(("watched", "kind"), [(NORMS, batch_norms), (CONVS, convolutions)])
def test_class_statistics_are_those_of_a_plain_loop(watched, kind, few: Target, teacher: Teacher) -> None:
    bank = statistics_bank(teacher, few, [watched], device=CPU)[watched]
    for layer, found in zip(kind(teacher.model), bank, strict=True):
        features, labels = captured(teacher, few, layer), few.train.labels.numpy()
        for label in range(10):
            own = features[labels == label]
            assert float(found.count[label]) == len(own)
            for channel in range(own.shape[1]):
                assert float(found.mean[label, channel]) == pytest.approx(own[:, channel].mean(), abs=1e-5)
                assert float(found.variance[label, channel]) == pytest.approx(own[:, channel].var(), abs=1e-5)
                within = np.mean([image[channel].var() for image in own])
                assert float(found.within[label, channel]) == pytest.approx(within, abs=1e-5)


def test_all_classes_together_are_the_training_set(few: Target, teacher: Teacher) -> None:
    """The count-weighted mean of class means is the mean; the variance has the spread between classes too."""
    for layer, found in zip(
        batch_norms(teacher.model), statistics_bank(teacher, few, [NORMS], device=CPU)[NORMS], strict=True
    ):
        columns = np.moveaxis(captured(teacher, few, layer), 1, 0).reshape(found.mean.shape[1], -1)
        mean, variance = found.overall()
        np.testing.assert_allclose(mean, columns.mean(1), atol=1e-5)
        np.testing.assert_allclose(variance, columns.var(1), atol=1e-5)
        share = found.count / found.count.sum()
        assert bool((variance > (share[:, None] * found.variance).sum(0) + 1e-6).all())


def test_one_pass_serves_every_kind_and_every_later_question(few: Target, teacher: Teacher) -> None:
    first = statistics_bank(teacher, few, EVERYTHING, device=CPU)
    assert few.train.asked == len(few.train)
    again = statistics_bank(teacher, few, [TILES, NORMS], device=CPU)
    assert again[TILES] is first[TILES]
    assert few.train.asked == len(few.train)
    other = dataclasses.replace(few, train=Counting(few.train.pixels[:50], few.train.labels[:50]))
    assert float(statistics_bank(teacher, other, [NORMS], device=CPU)[NORMS][0].count.sum()) == 50


def test_the_kinds_do_not_disturb_each_other_or_the_teacher(few: Target, teacher: Teacher) -> None:
    before = {name: value.clone() for name, value in teacher.model.state_dict().items()}
    together = statistics_bank(teacher, few, EVERYTHING, device=CPU)
    copy = dataclasses.replace(teacher, model=create_model(teacher.name, classes=10, size=8, channels=1, seed=0))
    for watched in EVERYTHING:
        alone = statistics_bank(copy, few, [watched], device=CPU)[watched]
        assert all(torch.equal(one.mean, other.mean) for one, other in zip(alone, together[watched], strict=True))
    assert all(torch.equal(value, before[name]) for name, value in teacher.model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in teacher.model.modules())


@pytest.mark.parametrize(("side", "height", "width"), [(4, 8, 12), (4, 6, 5), (16, 7, 7), (3, 9, 3)])
def test_tiles_are_those_of_a_plain_loop(side: int, height: int, width: int) -> None:
    features = torch.randn(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tall, wide = side * -(-height // side), side * -(-width // side)
    resized = features
    if (tall, wide) != (height, width):
        resized = torch.nn.functional.interpolate(features, (tall, wide), mode="bilinear")
    tiles = Tiles(side)(features)
    assert tiles.shape == (2, tall // side * (wide // side), 3 * side * side)
    number = 0
    for top in range(0, tall, side):
        for left in range(0, wide, side):
            for image in range(2):
                place = resized[image, :, top : top + side, left : left + side]
                assert sorted(tiles[image, number].tolist()) == sorted(place.flatten().tolist())
            number += 1


def test_moments_of_images_are_numpys() -> None:
    groups = torch.randn(4, 3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 + 7
    mean, variance = image_moments(groups)
    np.testing.assert_allclose(mean, groups.numpy().mean((2, 3)), rtol=1e-12)
    np.testing.assert_allclose(variance, groups.numpy().var((2, 3)), rtol=1e-12)
    assert torch.equal(image_moments(groups[:, :, 0, 0])[1], torch.zeros(4, 3, dtype=torch.float64))


def test_statistics_move_to_a_type() -> None:
    values = torch.ones(2, 3, dtype=torch.float64)
    moved = ClassStatistics(values[:, 0], values, values, values).to(CPU, torch.float32)
    assert {value.dtype for value in (moved.count, moved.mean, moved.variance, moved.within)} == {torch.float32}
