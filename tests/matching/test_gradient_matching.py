"""The loops of DC and IDC, against the same written out plainly."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.matching.formation import MultiFormation, RealTraining, convolutions
from rd3.matching.gradient_matching import Alternation, GradientMatching, set_statistics
from rd3.matching.gradients import gradient_distance
from rd3.matching.initial import real_images
from rd3.matching.learnable import Learnable
from rd3.matching.loop import learn
from rd3.matching.pixels import Space
from rd3.matching.sampler import ClassSampler
from rd3.matching.scene import Scene
from rd3.matching.trainer import Trainer, batches
from rd3.models import create_model
from rd3.training.augment.dsa import DSA
from rd3.training.mix import CutMix


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(number: int, name: str = "convnet1-w4") -> nn.Module:
    return create_model(name, classes=10, size=8, channels=1, seed=number)


@pytest.fixture
def sampler(digits) -> ClassSampler:
    return ClassSampler(digits.train, classes=10, mean=digits.mean, std=digits.std)


def learnable(initial: Tensor, lr: float, *, raw: bool = False) -> Learnable:
    space = Space((0.5,), (0.25,), raw=raw)
    return Learnable(initial, space=space, optimiser=lambda values: torch.optim.SGD(values, lr, momentum=0.5))


def gradients_of(net: nn.Module, weights: list[Tensor], images: Tensor, label: int, *, graph: bool) -> list[Tensor]:
    loss = F.cross_entropy(net(images), torch.full((len(images),), label))
    return list(torch.autograd.grad(loss, weights, create_graph=graph))


def plain_dc(initial: Tensor, sampler: ClassSampler, *, networks: int, matches: int, epochs: int, draws) -> Tensor:
    """DC's algorithm 1 with augmentation, one line after the other; all classes in one graph."""
    images, velocity = initial.clone(), torch.zeros_like(initial)
    labels = torch.arange(10).repeat_interleave(initial.shape[1])
    for number in range(networks):
        net = network(number)
        weights = list(net.parameters())
        for match in range(matches):
            leaf, rows, total = images.clone().requires_grad_(), sampler.indices(5, draws), torch.zeros(())
            for label in range(10):
                draw = DSA(siamese=True).draw(1, 8, draws)
                real = DSA().transform(sampler.images([rows[label]])[0], draw)
                wanted = gradients_of(net, weights, real, label, graph=False)
                found = gradients_of(net, weights, DSA().transform(leaf[label], draw), label, graph=True)
                total = total + gradient_distance(wanted, found, "unit-cosine")
            velocity = 0.5 * velocity + torch.autograd.grad(total, leaf)[0]
            images = images - 0.3 * velocity
            for _ in range(epochs if match + 1 < matches else 0):
                for rows in torch.randperm(len(labels), generator=draws).split(7):
                    batch = images.flatten(0, 1)[rows]
                    batch = DSA().transform(batch, DSA().draw(len(batch), 8, draws))
                    steps = torch.autograd.grad(F.cross_entropy(net(batch), labels[rows]), weights)
                    with torch.no_grad():
                        for weight, step in zip(weights, steps, strict=True):
                            weight -= 0.01 * step
    return images


def test_the_loops_are_dcs_algorithm(sampler):
    initial = real_images(sampler, 2, generator(1))
    learned = learnable(initial, 0.3)
    scene = Scene(learned, sampler, network, generator(2), real_batch=5, augmentation=DSA(siamese=True))
    how = Alternation(matches=3, network_epochs=2, network_batch=7, network_augmentation=DSA())
    losses = learn(GradientMatching(scene, how), 2)
    expected = plain_dc(initial, sampler, networks=2, matches=3, epochs=2, draws=generator(2))
    assert losses.shape == (2,)
    assert not torch.allclose(expected, initial, atol=1e-2)
    torch.testing.assert_close(learned.values.detach(), expected, rtol=1e-4, atol=1e-5)


def test_networks_learn_from_the_learned_images_only_between_matches(sampler):
    trained: list[nn.Module] = []

    def kept(number: int) -> nn.Module:
        trained.append(network(number))
        return trained[-1]

    for matches in (1, 2):
        learned = learnable(real_images(sampler, 1, generator(1)), 0.1)
        scene = Scene(learned, sampler, kept, generator(2), real_batch=3)
        learn(GradientMatching(scene, Alternation(matches=matches, network_epochs=1)), 1)
    once, twice = (net.classifier.weight for net in trained)
    assert torch.equal(once, network(0).classifier.weight)
    assert not torch.equal(twice, network(0).classifier.weight)


def test_batch_norm_keeps_the_statistics_of_real_images(sampler):
    net = network(0, "convnet1-bn-w4")
    images = torch.cat(sampler.images(sampler.indices(16, generator())))
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    set_statistics(net, norms, images)
    seen = net.features[0](images)
    torch.testing.assert_close(norms[0].running_mean, seen.mean((0, 2, 3)))
    torch.testing.assert_close(norms[0].running_var, seen.var((0, 2, 3)))
    assert (norms[0].training, norms[0].momentum, net.features[0].training) == (False, 0.1, True)
    learned = learnable(real_images(sampler, 1, generator(1)), 0.1)
    scene = Scene(learned, sampler, lambda number: network(number, "convnet1-bn-w4"), generator(2), real_batch=3)
    losses = learn(GradientMatching(scene, Alternation(matches=2, network_epochs=1)), 2)
    assert bool(losses.isfinite().all())


def plain_idc(initial: Tensor, sampler: ClassSampler, *, draws) -> Tensor:
    """One network, two rounds, every class its own step of SGD with momentum; then 20 real images train the network."""
    images, velocity = initial.clamp(0, 1), torch.zeros_like(initial)
    net = network(0)
    optimiser = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    for _ in range(2):
        rows = sampler.indices(5, draws)
        for label in range(10):
            leaf = images.clone().requires_grad_()
            shown = (leaf[label] - 0.5) / 0.25
            weights = [weight for weight in net.parameters() if weight.ndim == 4]
            wanted = gradients_of(net, weights, sampler.images([rows[label]])[0], label, graph=False)
            found = gradients_of(net, weights, shown, label, graph=True)
            loss = sum(((one - other) ** 2).sum() for one, other in zip(wanted, found, strict=True))
            velocity = 0.5 * velocity + torch.autograd.grad(loss, leaf)[0]
            images = images - 0.1 * velocity
        for rows in torch.randperm(sampler.total, generator=draws).split(8)[:3]:
            batch, targets = sampler.labelled(rows)
            optimiser.zero_grad()
            F.cross_entropy(net(batch), targets).backward()
            optimiser.step()
    return images


def test_the_loops_are_idcs_algorithm(sampler):
    initial = real_images(sampler, 2, generator(1))
    learned = learnable(initial, 0.1, raw=True)
    scene = Scene(learned, sampler, network, generator(2), real_batch=5)
    learn(MultiFormation(scene, rounds=2, metric="mse", training=RealTraining(images=20, batch=8)), 1)
    expected = plain_idc(initial, sampler, draws=generator(2))
    assert not torch.allclose(expected, initial.clamp(0, 1), atol=1e-2)
    torch.testing.assert_close(learned.values.detach(), expected, rtol=1e-4, atol=1e-5)


def test_only_convolutions_are_matched():
    weights = convolutions(network(0, "convnet2-w4"))
    assert [tuple(weight.shape) for weight in weights] == [(4, 1, 3, 3), (4, 4, 3, 3)]
    with pytest.raises(UserError, match="has no convolutions"):
        convolutions(network(0, "mlp"))


def test_a_few_of_many_learned_images_take_part(sampler):
    learned = learnable(real_images(sampler, 9, generator(1)), 0.1)
    scene = Scene(learned, sampler, network, generator(2), real_batch=3, synthetic_batch=4)
    rows = scene.rows()
    drawn = [scene.pair(rows, 3)[1] for _ in range(30)]
    assert {len(images) for images in drawn} == {4}
    found = {tuple(image.flatten().tolist()) for images in drawn for image in images.detach()}
    assert found == {tuple(image.flatten().tolist()) for image in learned.shown(3).detach()}


def test_a_trainers_step_is_one_of_sgd_on_mixed_labels(sampler):
    images, labels = sampler.labelled(torch.arange(6))
    trainer = Trainer(network(0), lr=0.1, momentum=0.9, weight_decay=0.01, mix=CutMix())
    draw = CutMix().draw(6, 8, generator(3))
    plain = network(0)
    logits = plain(CutMix().apply(images, draw))
    share = CutMix().hard_weight(draw, 8)
    loss = share * F.cross_entropy(logits, labels) + (1 - share) * F.cross_entropy(logits, labels[draw.partner])
    steps = torch.autograd.grad(loss, list(plain.parameters()))
    seen = trainer.step(images, labels, generator(3))
    torch.testing.assert_close(seen, logits.detach())
    for before, after, step in zip(plain.parameters(), trainer.network.parameters(), steps, strict=True):
        torch.testing.assert_close(after, before - 0.1 * (step + 0.01 * before))


def test_an_epoch_shows_every_row_once():
    parts = list(batches(10, 4, generator()))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert torch.cat(parts).sort().values.tolist() == list(range(10))
