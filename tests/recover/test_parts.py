"""Small parts of recoveries: who is active, residuals, densification, file formats, teachers in another space."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as oracle

from rd3.data.target import Target
from rd3.recover.active import early_late, joining_rounds
from rd3.recover.densify import densification, spectrum_term
from rd3.recover.finish import saved_as
from rd3.recover.objective import Look
from rd3.recover.perturb import climb
from rd3.recover.pixels import PixelSpace, Shared
from rd3.recover.plan import PlanItem
from rd3.recover.residual import residual, resize
from rd3.recover.selection import middle
from rd3.recover.teachers import private_copy, private_in_space
from rd3.squeeze.teacher import Teacher

CPU = torch.device("cpu")


@pytest.mark.parametrize(("ipc", "rounds"), [(50, 8), (10, 8), (8, 8), (3, 8), (1, 8), (7, 1)])
def test_images_join_in_even_groups_and_the_first_groups_are_larger(ipc: int, rounds: int) -> None:
    joins = joining_rounds(ipc, rounds).tolist()
    sizes = [joins.count(number) for number in range(rounds)]
    assert joins == sorted(joins)
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) - min(sizes) <= 1


def test_who_has_joined_stays() -> None:
    active = early_late(5, iterations=9, round_iterations=3)
    item = PlanItem(0, torch.tensor([0] * 5 + [1] * 5), torch.arange(5).repeat(2))
    rows = [active(item, iteration) for iteration in (0, 2, 3, 5, 6, 8)]
    assert [None if one is None else one.tolist() for one in rows] == [
        *[[0, 1, 5, 6]] * 2,
        *[[0, 1, 2, 3, 5, 6, 7, 8]] * 2,
        *[None] * 2,
    ]


def test_one_image_a_class_is_there_from_the_start() -> None:
    active = early_late(1, iterations=4000, round_iterations=500)
    assert active(PlanItem(0, torch.tensor([4]), torch.tensor([0])), 0) is None


@pytest.mark.parametrize("side", [6, 8, 11])
def test_resizing_is_torchvisions_without_antialiasing(side: int) -> None:
    images = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(resize(images, side), oracle.resize(images, [side, side], antialias=False))


def test_a_residual_mixes_the_start_in_after_the_first_stage() -> None:
    start, images = torch.rand(2, 3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    enter = residual(0.25)
    assert torch.equal(enter(start, start, 6), resize(start, 6))
    torch.testing.assert_close(enter(images, start, 6), 0.25 * resize(images, 6) + 0.75 * resize(start, 6))
    assert torch.equal(residual(1.0)(images, start, 8), images)


def look(view: Tensor, labels: list[int]) -> Look:
    item = PlanItem(0, torch.tensor(labels), torch.arange(len(labels)))
    return Look(view, view, lambda images: images, item, 0, 1)


def test_densification_is_numpys_divergence_of_spectra() -> None:
    view = torch.rand(5, 3, 40, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.1
    pooled, expected = F.adaptive_avg_pool2d(view, 32).flatten(1).numpy(), 0.0
    for own in (pooled[[0, 2]], pooled[[1, 3, 4]]):
        values = np.linalg.eigvals(own @ own.T).real
        soft, hard = (np.exp(v - v.max()) / np.exp(v - v.max()).sum() for v in (values / 4, values))
        expected += float((soft * np.log(soft / hard)).sum())
    assert float(densification(look(view, [0, 1, 0, 1, 1]))) == pytest.approx(expected, rel=1e-9)


def test_a_class_with_one_image_and_equal_eigenvalues_cost_nothing() -> None:
    view = torch.rand(2, 1, 4, 4)
    assert float(densification(look(view, [0, 1]))) == 0
    assert float(spectrum_term(torch.eye(3))) == pytest.approx(0, abs=1e-6)
    assert float(spectrum_term(torch.ones(3, 3))) > float(spectrum_term(torch.eye(3) + 0.5)) > 0


def test_the_gradient_of_densification_holds_the_softened_spectrum_fixed() -> None:
    rows = torch.rand(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    softened = (torch.linalg.eigvalsh(rows @ rows.T) / 4).softmax(0)

    def fixed(rows: Tensor) -> Tensor:
        values = torch.linalg.eigvalsh(rows @ rows.T)
        return (softened * (softened.log() - values.log_softmax(0))).sum()

    leaf = rows.clone().requires_grad_()
    spectrum_term(leaf).backward()  # type: ignore[no-untyped-call]
    for place in ((0, 0), (1, 4), (2, 5)):
        step = torch.zeros_like(rows)
        step[place] = 1e-6
        slope = (fixed(rows + step) - fixed(rows - step)) / 2e-6
        assert leaf.grad is not None
        assert float(leaf.grad[place]) == pytest.approx(float(slope), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_pillows_round_trip_and_png_none(channels: int) -> None:
    images = torch.randint(256, (2, channels, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    assert saved_as(images, "png") is images
    for image, found in zip(images, saved_as(images, "jpeg"), strict=True):
        buffer = io.BytesIO()
        mode = "L" if channels == 1 else "RGB"
        Image.frombytes(mode, (8, 8), image.permute(1, 2, 0).numpy().tobytes()).save(buffer, "JPEG")
        expected = np.asarray(Image.open(buffer)).reshape(8, 8, channels)
        assert np.array_equal(found.permute(1, 2, 0).numpy(), expected)


def test_a_shared_perturbation_moves_all_images_alike() -> None:
    start = torch.rand(4, 1, 2, 2)
    shared = Shared(start, PixelSpace((0.5,), (0.5,)))
    assert torch.equal(shared.images(), start)
    with torch.no_grad():
        shared.leaf += 3
    shared.constrain()
    assert torch.equal(shared.images(), start + 3)


def test_a_step_up_the_loss_has_the_length_asked_for(digits: Target, digits_teacher: Teacher) -> None:
    model = private_copy(digits_teacher.model, CPU).double()
    images = digits_teacher.normalise(digits.train.batch(torch.arange(20)).float() / 255).double()
    labels = digits.train.labels[:20]
    before = [weight.clone() for weight in model.parameters()]
    losses = [float(F.cross_entropy(model(images), labels))]
    for _ in range(3):
        climb(model, images, labels, 0.005)
        losses.append(float(F.cross_entropy(model(images), labels)))
    assert losses == sorted(losses)
    assert losses[-1] > losses[0]
    way = torch.cat([(now - old).flatten() for now, old in zip(model.parameters(), before, strict=True)]).norm()
    assert 0.005 < float(way) <= 0.015 + 1e-9
    assert not any(weight.requires_grad for weight in model.parameters())


def test_one_step_goes_along_the_normalised_gradient(digits: Target, digits_teacher: Teacher) -> None:
    model, other = (private_copy(digits_teacher.model, CPU).double() for _ in range(2))
    images = digits_teacher.normalise(digits.train.batch(torch.arange(20)).float() / 255).double()
    climb(model, images, digits.train.labels[:20], 0.01)
    other.requires_grad_(True)
    F.cross_entropy(other(images), digits.train.labels[:20]).backward()  # type: ignore[no-untyped-call]
    norm = sum(float(weight.grad.square().sum()) for weight in other.parameters()) ** 0.5  # type: ignore[union-attr]
    for moved, weight in zip(model.parameters(), other.parameters(), strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(moved, weight.detach() + 0.01 / norm * weight.grad, rtol=1e-9, atol=1e-12)


def test_a_teacher_of_another_normalisation_sees_the_same_pixels(digits_teacher: Teacher) -> None:
    space = PixelSpace((0.1,), (0.7,))
    pixels = torch.randint(256, (5, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    model = private_in_space(digits_teacher, space, CPU)
    torch.testing.assert_close(model(space.encode(pixels)), digits_teacher.logits(pixels.float() / 255))
    own = PixelSpace(digits_teacher.mean, digits_teacher.std)
    assert type(private_in_space(digits_teacher, own, CPU)) is type(digits_teacher.model)


def test_the_middle_goes_outwards_from_the_median_of_probability() -> None:
    probabilities = torch.tensor([0.9, 0.1, 0.5, 0.3, 0.7, 0.6])
    chosen = middle(-probabilities.log(), 6)
    assert probabilities[chosen].tolist() == pytest.approx([0.6, 0.7, 0.5, 0.9, 0.3, 0.1])
    assert middle(-probabilities.log(), 2).tolist() == chosen[:2].tolist()
    assert middle(torch.tensor([1.0]), 1).tolist() == [0]


def test_an_odd_number_has_its_middle_next_to_the_median() -> None:
    probabilities = torch.linspace(0.1, 0.9, 5)
    assert middle(-probabilities.log(), 5).tolist() == [3, 4, 2, 1, 0]
