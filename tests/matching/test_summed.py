from __future__ import annotations

import pytest
import torch

from rd3.matching import summed
from rd3.matching.distribution import distribution_loss, match_distributions
from rd3.matching.initial import real_images
from rd3.matching.learnable import Learnable
from rd3.matching.loop import learn
from rd3.matching.pixels import Space
from rd3.matching.sampler import ClassSampler
from rd3.matching.scene import Scene
from rd3.matching.summed import Objective, Summed, has_batch_norm
from rd3.models import create_model
from rd3.training.augment.dsa import DSA


def network(iteration: int, name: str = "convnet2-w8"):
    return create_model(name, classes=10, size=8, channels=1, seed=iteration).requires_grad_(False)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def matched(
    initial: torch.Tensor,
    sampler: ClassSampler,
    objective: Objective = match_distributions,
    *,
    iterations: int,
    real_batch: int,
    image_lr: float = 1.0,
    networks=network,
    augmentation: DSA | None = None,
    draws: int = 2,
    **more,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The learned values and the losses."""
    space = Space((0.0,), (1.0,))
    learned = Learnable(initial, space=space, optimiser=lambda values: torch.optim.SGD(values, image_lr, momentum=0.5))
    scene = Scene(learned, sampler, networks, generator(draws), real_batch=real_batch, augmentation=augmentation)
    losses = learn(Summed(scene, objective), iterations, **more)
    return learned.values.detach(), losses


@pytest.fixture
def sampler(digits) -> ClassSampler:
    return ClassSampler(digits.train, classes=10, mean=digits.mean, std=digits.std)


def test_the_loss_is_zero_when_both_batches_are_the_same(sampler):
    batches = sampler.images(sampler.indices(5, generator()))
    assert match_distributions(network(0), batches, batches, range(10)) == 0


def test_the_loss_is_the_sum_of_squared_distances_of_class_means():
    real = [torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.0, 1.0]])]
    synthetic = [torch.tensor([[1.0, 1.0]]), torch.tensor([[2.0, 2.0], [4.0, 0.0]])]
    # Means (2, 3) and (1, 1); (0, 1) and (3, 1).
    assert distribution_loss(real, synthetic) == (1 + 4) + 9


def test_the_gradient_agrees_with_finite_differences(sampler):
    # A smooth network: kinks of ReLU would break central differences, not the gradient.
    smooth = network(0, "convnet1-w4").double()
    smooth.features[2] = torch.nn.Softplus()
    batches = [batch.double() for batch in sampler.images(sampler.indices(3, generator()))[:2]]
    images = torch.randn(2, 2, 1, 8, 8, dtype=torch.float64, generator=generator(1)).requires_grad_()

    def loss(images: torch.Tensor) -> torch.Tensor:
        return match_distributions(smooth, batches, list(images), range(2))

    assert torch.autograd.gradcheck(loss, (images,))


def test_real_images_get_no_gradient(sampler):
    real = [batch.requires_grad_() for batch in sampler.images(sampler.indices(2, generator()))]
    synthetic = [torch.randn(1, 1, 8, 8, generator=generator(c), requires_grad=True) for c in range(10)]
    match_distributions(network(0), real, synthetic, range(10)).backward()
    assert all(batch.grad is None for batch in real)
    assert all(batch.grad.abs().sum() > 0 for batch in synthetic)


def naive_matching(images: torch.Tensor, sampler: ClassSampler, *, iterations: int, generator: torch.Generator):
    """DM as its algorithm reads, class by class, with SGD written out."""
    images, velocity = images.clone(), torch.zeros_like(images)
    for iteration in range(iterations):
        net, gradient = network(iteration), torch.zeros_like(images)
        drawn = sampler.indices(6, generator)
        for label in range(10):
            leaf = images[label].clone().requires_grad_()
            draw = DSA().draw(1, 8, generator)
            real = DSA().transform(sampler.images([drawn[label]])[0], draw)
            synthetic = DSA().transform(leaf, draw)
            distance = net.features(real).flatten(1).mean(0) - net.features(synthetic).flatten(1).mean(0)
            (gradient[label],) = torch.autograd.grad((distance**2).sum(), leaf)
        velocity = 0.5 * velocity + gradient
        images = images - 0.7 * velocity
    return images


@pytest.mark.parametrize("at_once", [1, 20, 1024])
def test_the_loop_is_the_papers_algorithm_whatever_the_groups(sampler, monkeypatch, at_once):
    monkeypatch.setattr(summed, "IMAGES_AT_ONCE", at_once)
    initial = real_images(sampler, 2, generator(1))
    learned, _ = matched(initial, sampler, iterations=4, real_batch=6, image_lr=0.7, augmentation=DSA())
    expected = naive_matching(initial, sampler, iterations=4, generator=generator(2))
    torch.testing.assert_close(learned, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(learned, initial, atol=1e-2)


def test_another_objective_plugs_in(digits, sampler):
    """Matching the mean pixels of whole classes has a closed solution: the class means."""

    def mean_pixels(network, real, synthetic, classes):
        del network, classes
        return distribution_loss(real, synthetic)

    start = torch.zeros(10, 1, 1, 8, 8)
    learned, _ = matched(start, sampler, mean_pixels, iterations=60, real_batch=10**6, image_lr=0.2)
    means = torch.stack([digits.train.pixels[digits.train.labels == label].float().mean(0) for label in range(10)])
    torch.testing.assert_close(learned[:, 0], (means / 255 - digits.mean[0]) / digits.std[0], rtol=1e-4, atol=1e-4)


def test_batch_norm_sees_all_classes_at_once(sampler, monkeypatch):
    monkeypatch.setattr(summed, "IMAGES_AT_ONCE", 1)
    seen: list[list[int]] = []

    def recording(network, real, synthetic, classes):
        seen.append(list(classes))
        return match_distributions(network, real, synthetic, classes)

    initial = real_images(sampler, 1, generator(1))
    for name, groups in (("convnet2-bn-w8", [list(range(10))]), ("convnet2-w8", [[label] for label in range(10)])):
        seen.clear()
        matched(initial, sampler, recording, networks=lambda i, n=name: network(i, n), iterations=1, real_batch=4)
        assert seen == groups


def test_batch_norm_is_recognised():
    assert has_batch_norm(network(0, "convnet2-bn-w8"))
    assert not any(has_batch_norm(network(0, f"convnet2-{norm}-w8")) for norm in ("in", "gn", "ln", "none"))


def test_progress_rises_to_one_and_the_start_is_not_written(sampler):
    initial = real_images(sampler, 1, generator(1))
    copy, fractions = initial.clone(), []
    _, losses = matched(initial, sampler, iterations=7, real_batch=2, progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert torch.equal(initial, copy)
    assert losses.shape == (7,)
