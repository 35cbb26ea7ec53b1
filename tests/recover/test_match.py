"""Hooks on a network: which layers, which weights, averages over iterations, and dropping."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rd3.data.target import Target
from rd3.recover.hooks import hooks_of
from rd3.recover.match import BatchNormMatch, Hook, Probe, RunningAverage, StatisticsMatch
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.statistics import moments
from rd3.recover.switches import Switches
from rd3.recover.teachers import private_copy
from rd3.squeeze.readings import Channels, batch_norms, convolutions
from rd3.squeeze.teacher import Teacher

CPU = torch.device("cpu")
LABELS = torch.arange(10).repeat_interleave(2)
ITEM = PlanItem(3, LABELS, torch.tensor([0, 1] * 10))


def matched(teacher: Teacher, target: Target, images: Tensor, item: PlanItem = ITEM, **switches: object) -> float:
    """The term of real images under hooks made of switches."""
    model = private_copy(teacher.model, CPU)
    settings = Switches(**switches)  # type: ignore[arg-type]
    problem = Problem(target, (teacher,), ipc=2, seed=0, device=CPU)
    match = StatisticsMatch(hooks_of(model, teacher, settings, problem), first_weight=settings.k0)
    match.start(item)
    with torch.no_grad():
        model(images)
        return float(match.take(item))


def whole(target: Target, teacher: Teacher) -> tuple[Tensor, PlanItem]:
    """All training images, as a batch."""
    images = teacher.normalise(target.train.batch(torch.arange(len(target.train))).float() / 255)
    return images, PlanItem(0, target.train.labels, torch.zeros_like(target.train.labels))


@pytest.mark.parametrize("switches", [{"match": "bn_class"}, {"match": "bn_class", "conv": True, "tile": 4}])
def test_the_whole_training_set_matches_its_own_classes(
    switches: dict, digits: Target, digits_teacher: Teacher
) -> None:
    images, item = whole(digits, digits_teacher)
    some = images[:20], PlanItem(0, item.labels[:20], item.slots[:20])
    assert matched(digits_teacher, digits, images, item, **switches) < 1e-3
    assert matched(digits_teacher, digits, *some, **switches) > 1


def test_the_whole_training_set_matches_convolutions(digits: Target, digits_teacher: Teacher) -> None:
    """What is left is BatchNorm's: running averages are only near the statistics of the set."""
    images, item = whole(digits, digits_teacher)
    alone = matched(digits_teacher, digits, images, item, k0=1)
    both = matched(digits_teacher, digits, images, item, k0=1, conv=True, tile=4)
    assert both == pytest.approx(alone, abs=1e-3)


def test_conv_and_tile_terms_are_those_of_plain_loops(digits: Target, digits_teacher: Teacher) -> None:
    """Captured activations, numpy, and k0 on the first layer of all, a convolution."""
    train = digits_teacher.normalise(digits.train.batch(torch.arange(len(digits.train))).float() / 255)
    own, model, expected = train[LABELS.flip(0)], digits_teacher.model, 0.0
    for number, layer in enumerate(convolutions(model)):
        real, batch = (captured(model, layer, images) for images in (train, own))
        for groups in (by_channel, by_tile):
            off_mean = groups(batch).mean(1) - groups(real).mean(1)
            off_variance = groups(batch).var(1) - groups(real).var(1)
            expected += (10 if number == 0 else 1) * (np.linalg.norm(off_mean) + np.linalg.norm(off_variance))
    for layer in batch_norms(model):
        batch = by_channel(captured(model, layer, own))
        expected += np.linalg.norm(batch.mean(1) - layer.running_mean.numpy())  # type: ignore[union-attr]
        expected += np.linalg.norm(batch.var(1) - layer.running_var.numpy())  # type: ignore[union-attr]
    assert matched(digits_teacher, digits, own, conv=True, tile=4) == pytest.approx(expected, rel=1e-4)


def captured(model: nn.Module, layer: nn.Module, images: Tensor) -> np.ndarray:
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        model(images)
    handle.remove()
    return seen[0].double().numpy()


def by_channel(features: np.ndarray) -> np.ndarray:
    return np.moveaxis(features, 1, 0).reshape(features.shape[1], -1)


def by_tile(features: np.ndarray) -> np.ndarray:
    """(tiles, values) with tiles of 4 x 4 pixels, for sides that 4 divides."""
    tiles = range(0, features.shape[-1], 4)
    return np.stack([features[:, :, top : top + 4, left : left + 4].ravel() for top in tiles for left in tiles])


@pytest.mark.parametrize("first", ["first", "zero"])
def test_an_average_is_its_closed_form(first: str) -> None:
    average, values = RunningAverage(0.8, first=first), [3.0, 5.0, -2.0]  # type: ignore[arg-type]
    expected = values[0] if first == "first" else 0.0
    for value in values:
        expected = 0.8 * expected + 0.2 * value
        assert float(average((0,), torch.tensor(value))) == pytest.approx(expected, rel=1e-6)
    average.forget()
    assert float(average((0,), torch.tensor(7.0))) == pytest.approx(7.0 if first == "first" else 1.4, rel=1e-6)


@pytest.mark.parametrize("first", ["first", "zero"])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_an_overflow_does_not_stay_in_the_average(first: str, lost: int) -> None:
    """Shown as it is, then forgotten: the averages are those of the other values alone."""
    average, without = (RunningAverage(0.8, first=first) for _ in range(2))  # type: ignore[arg-type]
    for number, value in enumerate([3.0, 5.0, -2.0, 4.0]):
        shown = average((0,), torch.tensor([value, torch.inf if number == lost else value]))
        if number == lost:
            assert not shown[1].isfinite()
        else:
            assert float(shown[1]) == float(without((0,), torch.tensor(value)))


def test_the_gradient_goes_past_the_average() -> None:
    """That of ‖target − x‖ at x = the average, as if it were the measured value."""
    average, target = RunningAverage(0.4), torch.tensor([1.0, 2.0])
    average((0,), torch.tensor([4.0, -1.0]))
    value = torch.tensor([0.0, 3.0], requires_grad=True)
    smoothed = average((0,), value)
    torch.testing.assert_close(smoothed.detach(), torch.tensor([1.6, 1.4]))
    (smoothed - target).norm().backward()  # type: ignore[no-untyped-call]
    off = torch.tensor([1.6, 1.4]) - target
    torch.testing.assert_close(value.grad, off / off.norm())


def test_momentum_zero_is_no_average(digits_teacher: Teacher) -> None:
    terms = []
    for average in (None, RunningAverage(0.0)):
        model = private_copy(digits_teacher.model, CPU)
        hooks = [Hook(layer, (Probe(Channels(), moments, from_zero),)) for layer in batch_norms(model)]
        match = StatisticsMatch(hooks, average=average)
        for images in torch.randn(2, 20, 1, 8, 8, generator=torch.Generator().manual_seed(0)):
            model(images)
            terms.append(float(match.take(ITEM)))
    assert terms[2:] == pytest.approx(terms[:2], rel=1e-6)


def from_zero(mean: Tensor, variance: Tensor, item: PlanItem) -> Tensor:  # noqa: ARG001
    return mean.norm() + variance.norm()


def counting(drop: float, *, droppable: bool = True, seed: int = 0) -> StatisticsMatch:
    """Eight layers, each of which adds 1."""
    layers = [nn.Identity() for _ in range(8)]
    one = Probe(Channels(), moments, lambda mean, variance, item: torch.ones(()))  # noqa: ARG005
    match = StatisticsMatch([Hook(layer, (one,), droppable) for layer in layers], first_weight=1, drop=drop, seed=seed)
    match.layers = layers  # type: ignore[attr-defined]
    return match


def passes(match: StatisticsMatch, count: int, item: PlanItem = ITEM) -> list[float]:
    match.start(item)
    terms = []
    for _ in range(count):
        for layer in match.layers:  # type: ignore[attr-defined]
            layer(torch.zeros(1, 1, 1, 1))
        terms.append(float(match.take(item)))
    return terms


def test_hooks_are_dropped_as_often_as_asked_and_only_those_that_may_be() -> None:
    assert np.mean(passes(counting(0.4), 400)) == pytest.approx(8 * 0.6, abs=0.3)
    assert set(passes(counting(0.4, droppable=False), 5)) == {8.0}
    assert set(passes(counting(0.0), 5)) == {8.0}


def test_what_is_dropped_depends_on_seed_and_item_alone() -> None:
    first = passes(counting(0.4), 30)
    reused = counting(0.4)
    assert passes(reused, 30, PlanItem(9, ITEM.labels, ITEM.slots)) != first
    assert passes(reused, 30) == first
    assert passes(counting(0.4, seed=1), 30) != first


def test_everything_dropped_is_no_term() -> None:
    assert 0.0 in passes(counting(0.9), 50)


def test_a_term_comes_after_a_pass(digits_teacher: Teacher) -> None:
    match = BatchNormMatch(private_copy(digits_teacher.model, CPU))
    with pytest.raises(AssertionError, match="after a forward pass"):
        match.take(ITEM)
