"""Coresets against loops over single images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.methods.coreset import Ranked
from rd3.methods.forgetting import forgetting_events
from rd3.methods.grand import Grand
from rd3.methods.k_center import farthest_first
from rd3.methods.young import young_network
from rd3.models.features import last_linear
from rd3.recover.embedding import embeddings
from rd3.squeeze.teacher import Teacher

CPU = torch.device("cpu")


def probabilities(target: Target, teacher: Teacher) -> np.ndarray:
    """Of every training image, one at a time."""
    rows = []
    for index in range(len(target.train)):
        logits = teacher.logits(target.train.batch(torch.tensor([index])).float() / 255)[0].double().numpy()
        exponentials = np.exp(logits - logits.max())
        rows.append(exponentials / exponentials.sum())
    return np.stack(rows)


def ranked(target: Target, difficulty: np.ndarray, ipc: int) -> torch.Tensor:
    """The pixels of the most difficult images of every class."""
    labels, chosen = target.train.labels.numpy(), []
    for label in range(10):
        own = np.flatnonzero(labels == label)
        chosen += sorted(own, key=lambda index: -difficulty[index])[:ipc]
    return target.train.batch(torch.tensor(np.array(chosen)))


def made(name: str, target: Target, teacher: Teacher, ipc: int = 4, **settings: object) -> torch.Tensor:
    return METHODS[name](**settings).distill(Task(target, teacher, ipc, 0)).images


def test_least_confidence_and_margin_are_those_of_single_images(few: Target, teacher: Teacher) -> None:
    p = np.sort(probabilities(few, teacher), axis=1)
    assert torch.equal(made("least-confidence", few, teacher), ranked(few, 1 - p[:, -1], 4))
    assert torch.equal(made("margin", few, teacher), ranked(few, p[:, -2] - p[:, -1], 4))


def test_the_easiest_come_from_the_other_end(few: Target, teacher: Teacher) -> None:
    p = probabilities(few, teacher).max(1)
    assert torch.equal(made("least-confidence", few, teacher, order="easiest"), ranked(few, p, 4))


def test_el2n_is_the_error_of_young_networks(few: Target, teacher: Teacher) -> None:
    task, norms = Task(few, teacher, 4, 0), np.zeros(len(few.train))
    for number in range(2):
        p = probabilities(few, young_network(task, number=number, epochs=1))
        p[np.arange(len(p)), few.train.labels.numpy()] -= 1
        norms += np.sqrt((p**2).sum(1)) / 2
    assert torch.equal(made("el2n", few, teacher, networks=2, epochs=1), ranked(few, norms, 4))


def test_grand_is_the_norm_of_autograds_gradient(few: Target, teacher: Teacher) -> None:
    network = young_network(Task(few, teacher, 1, 0), epochs=0)
    images = network.normalise(few.train.batch(torch.arange(6)).float() / 255)
    labels, head = few.train.labels[:6], last_linear(network.model)
    head.requires_grad_(True)
    expected = []
    for image, label in zip(images, labels, strict=True):
        loss = F.cross_entropy(network.model(image[None]), label[None])
        gradients = torch.autograd.grad(loss, list(head.parameters()))
        expected.append(float(torch.cat([gradient.flatten() for gradient in gradients]).norm()))
    head.requires_grad_(False)
    assert Grand.score(images, labels, network).tolist() == pytest.approx(expected, rel=1e-5)


def test_young_networks_depend_on_seed_and_number(few: Target, teacher: Teacher) -> None:
    task, other = (Task(few, teacher, 1, seed) for seed in (0, 1))
    chosen = [(task, 0), (task, 0), (task, 1), (other, 0)]
    networks = [young_network(one, number=number, epochs=1) for one, number in chosen]
    weights = [torch.cat([value.flatten() for value in one.model.state_dict().values()]) for one in networks]
    assert torch.equal(weights[0], weights[1])
    assert not any(torch.equal(weights[0], one) for one in weights[2:])


@pytest.mark.parametrize("epochs", [1, 2, 7])
def test_forgetting_events_are_counted(epochs: int) -> None:
    right = torch.rand(epochs, 40, generator=torch.Generator().manual_seed(0)) < 0.5
    right[:, 0] = False
    for image, found in enumerate(forgetting_events(right).tolist()):
        history = right[:, image].tolist()
        events = sum(before and not after for before, after in itertools.pairwise(history))
        assert found == (events if any(history) else epochs)


def test_an_image_that_is_never_right_is_forgotten_most(few: Target, teacher: Teacher) -> None:
    method = METHODS["forgetting"](epochs=3)
    assert isinstance(method, Ranked)
    difficulty = method.difficulty(Task(few, teacher, 1, 0))
    assert set(difficulty.tolist()) <= {0.0, 1.0, 3.0}
    assert 3.0 in difficulty


def test_k_center_picks_the_farthest_image_every_time(few: Target, teacher: Teacher) -> None:
    own = (few.train.labels == 3).nonzero()[:, 0]
    points = embeddings(few.train, own, teacher, CPU).double().numpy()
    picks = [int(((points - points.mean(0)) ** 2).sum(1).argmin())]
    while len(picks) < 4:
        gaps = [min(np.linalg.norm(point - points[pick]) for pick in picks) for point in points]
        picks.append(int(np.argmax(gaps)))
    found = made("k-center", few, teacher)[12:16]
    assert torch.equal(found, few.train.batch(own[picks]))


def test_farthest_first_is_within_a_factor_of_two_of_the_best_centres() -> None:
    points = torch.rand(9, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gaps = torch.cdist(points, points)

    def radius(centres: list[int]) -> float:
        return float(gaps[:, centres].amin(1).amax())

    best = min(radius(list(centres)) for centres in itertools.combinations(range(9), 3))
    assert best <= radius(farthest_first(points, 3).tolist()) <= 2 * best


def test_images_that_are_alike_are_picked_once_each() -> None:
    assert sorted(farthest_first(torch.ones(5, 2), 5).tolist()) == list(range(5))
