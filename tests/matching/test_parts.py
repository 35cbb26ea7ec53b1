from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare

from rd3.matching.pixels import Space, denormalised, normalised, quantised
from rd3.matching.sampler import ClassSampler
from rd3.matching.siamese import siamese
from rd3.training.augment.dsa import DSA

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


def test_every_pixel_level_survives_normalisation():
    levels = torch.arange(256, dtype=torch.uint8).expand(3, 4, 256)
    assert torch.equal(quantised(denormalised(normalised(levels, MEAN, STD), MEAN, STD)), levels)


def test_normalised_is_the_closed_form():
    value = normalised(torch.full((1, 3, 1, 1), 51, dtype=torch.uint8), MEAN, STD)
    expected = torch.tensor([(0.2 - mean) / std for mean, std in zip(MEAN, STD, strict=True)])
    torch.testing.assert_close(value.flatten(), expected)


def test_quantising_clamps_and_rounds_to_the_nearest():
    images = torch.tensor([-3.0, 99.6 / 255, 100.4 / 255, 7.0]).view(4, 1, 1, 1)
    assert quantised(images).flatten().tolist() == [0, 100, 100, 255]


def test_both_spaces_show_networks_the_same_and_store_the_same():
    raw = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 - 1
    shown = Space(MEAN, STD, raw=True).to_normalised(raw)
    values = Space(MEAN, STD).of_normalised(shown)
    torch.testing.assert_close(Space(MEAN, STD).to_raw(values), raw)
    torch.testing.assert_close(Space(MEAN, STD, raw=True).of_normalised(shown), raw)
    assert Space(MEAN, STD, raw=True).to_raw(raw) is raw


@pytest.fixture
def sampler(digits) -> ClassSampler:
    return ClassSampler(digits.train, classes=10, mean=digits.mean, std=digits.std)


def test_a_batch_holds_distinct_images_of_each_class(digits, sampler):
    for label, rows in enumerate(sampler.indices(20, torch.Generator().manual_seed(0))):
        assert len(rows.unique()) == 20
        assert (digits.train.labels[rows] == label).all()


def test_a_class_with_fewer_images_gives_them_all(digits, sampler):
    drawn = sampler.indices(10**6, torch.Generator().manual_seed(0))
    assert [len(rows) for rows in drawn] == torch.bincount(digits.train.labels).tolist()
    assert torch.equal(torch.cat(drawn).sort().values, torch.arange(len(digits.train)))


def test_every_image_is_drawn_equally_often(sampler):
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([sampler.indices(13, generator)[3] for _ in range(1000)])
    counts = torch.bincount(drawn)
    members = counts[counts > 0]
    assert len(members) == sampler.counts[3]
    assert chisquare(members.numpy()).pvalue > 0.01


def test_images_are_the_named_ones_normalised(digits, sampler):
    first, second = sampler.images([torch.tensor([5, 3]), torch.tensor([7])])
    assert torch.equal(first, normalised(digits.train.pixels[[5, 3]], digits.mean, digits.std))
    assert torch.equal(second, normalised(digits.train.pixels[[7]], digits.mean, digits.std))


def test_real_and_synthetic_images_get_the_same_draw(mnist):
    images = normalised(mnist.train.pixels[:6], mnist.mean, mnist.std)
    generator = torch.Generator().manual_seed(0)
    changed = 0
    for _ in range(30):
        real, synthetic = siamese(DSA(), images, images[2:4].clone(), generator)
        torch.testing.assert_close(real[2:4], synthetic, rtol=0, atol=1e-6)
        changed += not torch.equal(real, images)
    assert changed > 20


def test_all_images_of_a_batch_get_the_same_parameters(mnist):
    images = normalised(mnist.train.pixels[:1], mnist.mean, mnist.std).repeat(5, 1, 1, 1)
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        real, synthetic = siamese(DSA(), images, images, generator)
        torch.testing.assert_close(real, real[:1].expand_as(real), rtol=0, atol=1e-6)
        assert torch.equal(real, synthetic)


def test_the_draw_comes_from_the_given_generator_alone(mnist):
    images = normalised(mnist.train.pixels[:2], mnist.mean, mnist.std)
    torch.manual_seed(1)
    first = siamese(DSA(), images, images, torch.Generator().manual_seed(4))[0]
    before = torch.get_rng_state()
    second = siamese(DSA(), images, images, torch.Generator().manual_seed(4))[0]
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_no_augmentation_is_the_identity(mnist):
    images = normalised(mnist.train.pixels[:2], mnist.mean, mnist.std)
    assert siamese(None, images, images, torch.Generator())[0] is images


def test_images_of_any_class_are_distinct_and_labelled(digits, sampler):
    rows = sampler.any(300, torch.Generator().manual_seed(0))
    images, labels = sampler.labelled(rows)
    assert len(rows.unique()) == 300
    assert torch.equal(labels, digits.train.labels[rows])
    assert torch.equal(images, normalised(digits.train.pixels[rows], digits.mean, digits.std))
    assert len(sampler.any(10**6, torch.Generator().manual_seed(0))) == sampler.total == len(digits.train)
