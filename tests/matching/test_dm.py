from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.matching.distribution import match_distributions
from rd3.matching.pixels import normalised
from rd3.matching.sampler import ClassSampler
from rd3.methods.base import METHODS, Task
from rd3.methods.dm import DM
from rd3.methods.matched import network_for, siamese_augmentation
from rd3.models import create_model

SMALL = DM(network="convnet2-w8", iterations=3, real_batch=8)


def task(target, *, ipc: int = 1, seed: int = 0, **more) -> Task:
    return Task(target=target, teacher=None, ipc=ipc, seed=seed, **more)


def held_out_loss(target, images: torch.Tensor) -> float:
    """DM's loss against 60 real images a class, without augmentation, on networks that no distillation draws."""
    sampler = ClassSampler(target.train, classes=10, mean=target.mean, std=target.std)
    real = sampler.images(sampler.indices(60, torch.Generator().manual_seed(99)))
    synthetic = list(normalised(images, target.mean, target.std).unflatten(0, (10, -1)))
    losses = []
    for seed in range(2):
        network = create_model("convnet3-w16", classes=10, size=target.size, channels=1, seed=seed)
        with torch.no_grad():
            losses.append(float(match_distributions(network, real, synthetic, range(10))))
    return sum(losses) / len(losses)


def test_distilling_lowers_the_loss_on_networks_it_never_saw(mnist):
    method = DM(network="convnet3-w16", iterations=30, real_batch=32)
    distilled = method.distill(task(mnist))
    unmoved = method.model_copy(update={"iterations": 1, "image_lr": 1e-9}).distill(task(mnist))
    assert distilled.info["last_loss"] < distilled.info["first_loss"]
    assert held_out_loss(mnist, distilled.images) < 0.7 * held_out_loss(mnist, unmoved.images)


def test_without_a_step_the_images_are_real_ones_of_their_class(digits):
    distilled = SMALL.model_copy(update={"iterations": 1, "image_lr": 1e-9}).distill(task(digits, ipc=3))
    for image, label in zip(distilled.images, distilled.labels, strict=True):
        same = (digits.train.pixels == image).flatten(1).all(dim=1)
        assert label in digits.train.labels[same]


def test_floats_are_what_the_bytes_are_rounded_from(digits):
    floats = SMALL.model_copy(update={"quantise": "none"}).distill(task(digits)).images
    assert floats.dtype == torch.float32
    assert float(floats.max()) > 1
    expected = (floats.clamp(0, 1) * 255).round().to(torch.uint8)
    assert torch.equal(SMALL.distill(task(digits)).images, expected)


def test_images_are_uint8_class_by_class(digits):
    distilled = SMALL.distill(task(digits, ipc=2))
    assert distilled.images.shape == (20, 1, 8, 8)
    assert distilled.images.dtype == torch.uint8
    assert distilled.labels.tolist() == [label for label in range(10) for _ in range(2)]


def test_the_seed_alone_decides_the_bytes(digits):
    first = SMALL.distill(task(digits)).images
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert torch.equal(SMALL.distill(task(digits)).images, first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(SMALL.distill(task(digits, seed=1)).images, first)


def test_the_networks_are_fresh_and_frozen(digits):
    networks = [SMALL.random_network(task(digits), iteration) for iteration in (0, 0, 1)]
    weights = [network.features[0].weight for network in networks]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    studio = SMALL.studio(task(digits))
    frozen = SMALL.scene(studio, SMALL.learnable(studio), None, frozen=True).networks(0)
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


def test_noise_needs_no_real_start(digits):
    start = SMALL.model_copy(update={"init": "noise", "iterations": 1, "image_lr": 1e-9})
    images = normalised(start.distill(task(digits, ipc=300)).images, digits.mean, digits.std)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    low, high = -digits.mean[0] / digits.std[0], (1 - digits.mean[0]) / digits.std[0]
    torch.testing.assert_close(images, noise.clamp(low, high), rtol=0, atol=0.51 / 255 / digits.std[0])


def test_a_real_start_needs_enough_images(digits):
    with pytest.raises(UserError, match="ipc = 1000: class '"):
        SMALL.distill(task(digits, ipc=1000))


def test_digits_are_not_mirrored(digits):
    assert "flip" not in siamese_augmentation(digits, "dsa").operations
    assert "flip" in siamese_augmentation(replace(digits, flip_keeps_class=True), "dsa").operations
    assert siamese_augmentation(digits, "none") is None


def test_batch_norm_networks_and_small_classes_work(digits):
    method = DM(network="convnet1-bn-w8", iterations=2, real_batch=10**4)
    assert method.distill(task(digits)).images.shape == (10, 1, 8, 8)


def test_progress_reaches_one(digits):
    fractions: list[float] = []
    SMALL.distill(task(digits, progress=fractions.append))
    assert fractions[-1] == 1


def test_divergence_is_said_in_one_line(digits):
    with pytest.raises(UserError, match=r"image_lr = 1e\+38: the images diverged"):
        SMALL.model_copy(update={"image_lr": 1e38, "iterations": 4}).distill(task(digits))


def test_the_papers_settings(digits):
    paper = METHODS["dm"]()
    assert paper.model_dump() == {
        "network": None,
        "iterations": 20_000,
        "real_batch": 256,
        "image_lr": 1.0,
        "init": "real",
        "augment": "dsa",
    }
    assert METHODS["dm"].settings_for(digits, 50) == {}
    assert METHODS["dm"].settings_for(digits, 100) == {"image_lr": 10.0}
    assert [network_for(size) for size in (8, 32, 64, 128, 224)] == [f"convnet{depth}" for depth in (3, 3, 4, 5, 6)]


def test_cost_counts_every_image_of_every_iteration(digits):
    assert DM(iterations=5, real_batch=30).cost(digits, 7) == 5 * 10 * (7 + 10)


@pytest.mark.parametrize(("key", "value"), [("iterations", 0), ("image_lr", 0), ("init", "reel"), ("iteration", 3)])
def test_settings_out_of_range_are_refused(key, value):
    with pytest.raises(UserError, match=key):
        parse(DM, {key: value}, where="dm")


def test_an_unknown_network_is_refused(digits):
    with pytest.raises(UserError, match="did you mean 'convnet3-bn'"):
        DM(network="convnet3-bnn").distill(task(digits))
