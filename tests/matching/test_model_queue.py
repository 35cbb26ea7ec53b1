"""IDM's queue, and its iteration written out plainly."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rd3.matching.initial import real_images
from rd3.matching.learnable import Learnable
from rd3.matching.model_queue import ModelQueue, Pupil, QueueMatching, QueuePlan
from rd3.matching.pixels import Space
from rd3.matching.sampler import ClassSampler
from rd3.matching.scene import Scene
from rd3.models import create_model


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(number: int) -> nn.Module:
    return create_model("convnet1-w4", classes=10, size=8, channels=1, seed=number)


@pytest.fixture
def sampler(digits) -> ClassSampler:
    return ClassSampler(digits.train, classes=10, mean=digits.mean, std=digits.std)


def scene_of(sampler: ClassSampler, lr: float = 0.05) -> Scene:
    initial = real_images(sampler, 2, generator(1))
    learned = Learnable(
        initial, space=Space((0.0,), (1.0,)), optimiser=lambda values: torch.optim.SGD(values, lr, momentum=0.5)
    )
    return Scene(learned, sampler, network, generator(2), real_batch=5)


def numbers(queue: ModelQueue) -> list[int]:
    """Which networks are there, by their weights."""
    known = {network(number).classifier.weight[0, 0].item(): number for number in range(12)}
    return [known[pupil.trainer.network.classifier.weight[0, 0].item()] for pupil in queue.pupils]


def test_a_network_comes_every_so_often_and_the_oldest_goes():
    queue = ModelQueue(QueuePlan(start=3, every=2, longest=5), network)
    seen = []
    for iteration in range(7):
        queue.before(iteration)
        seen.append(numbers(queue))
    three, four, five = [0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5]
    assert seen == [three, three, four, four, five, five, [2, 3, 4, 5, 6]]


def test_different_networks_are_drawn_evenly():
    queue, draws = ModelQueue(QueuePlan(start=4), network), generator()
    pairs = [queue.drawn(2, draws) for _ in range(300)]
    assert all(one is not other for one, other in pairs)
    counts = [sum(pupil in pair for pair in pairs) for pupil in queue.pupils]
    assert min(counts) > 110
    assert len(queue.drawn(9, draws)) == 4


def test_accuracy_is_counted_in_percent_until_it_is_forgotten(sampler):
    pupil = Pupil(network(0), QueuePlan())
    assert pupil.percent == 0
    right = 0
    for start in (0, 20):
        images, labels = sampler.labelled(torch.arange(start, start + 20))
        with torch.no_grad():
            right += int((pupil.trainer.network(images).argmax(1) == labels).sum())
        pupil.learn(images, labels, generator())
    assert pupil.percent == pytest.approx(100 * right / 40)
    pupil.forget()
    assert (pupil.seen, pupil.percent) == (0, 0)


def test_an_iteration_matches_means_is_recognised_and_trains_two_networks(sampler):
    scene, plan = scene_of(sampler), QueuePlan(start=2, every=30, steps=2, batch=8)
    images, velocity = scene.learned.values.detach().clone(), torch.zeros_like(scene.learned.values)
    algorithm = QueueMatching(scene, plan=plan, ce_weight=0.5)
    algorithm._queue.pupils[0].seen, algorithm._queue.pupils[0].right = 10, 4
    algorithm.iterate(0)
    draws, percents = generator(2), {0: 40.0, 1: 0.0, 2: 0.0}
    number = int(torch.randperm(3, generator=draws)[0])
    net, rows = network(number), sampler.indices(5, draws)
    for label in range(10):
        leaf = images.clone().requires_grad_()
        wanted = net.features(sampler.images([rows[label]])[0]).flatten(1).mean(0).detach()
        found = net.features(leaf[label]).flatten(1)
        entropy = F.cross_entropy(net.classifier(found), torch.full((2,), label))
        loss = ((wanted - found.mean(0)) ** 2).sum() + 0.5 * percents[number] * entropy
        velocity = 0.5 * velocity + torch.autograd.grad(loss, leaf)[0]
        images = images - 0.05 * velocity
    torch.testing.assert_close(scene.learned.values.detach(), images, rtol=1e-4, atol=1e-5)
    moved = [
        not torch.equal(pupil.trainer.network.classifier.weight, network(index).classifier.weight)
        for index, pupil in enumerate(algorithm._queue.pupils)
    ]
    assert sum(moved) == 2


def test_matching_leaves_the_networks_as_they_are(sampler):
    scene = scene_of(sampler)
    algorithm = QueueMatching(scene, plan=QueuePlan(start=1, steps=0), ce_weight=0.5)
    algorithm.iterate(0)
    for index, pupil in enumerate(algorithm._queue.pupils):
        assert torch.equal(pupil.trainer.network.classifier.weight, network(index).classifier.weight)
        assert pupil.trainer.network.training
