"""Gradients through a student's training: unrolled in another way, finite differences, and TESLA's approximation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad

from rd3.matching.learned_set import LearnedSet, Rates
from rd3.matching.student import Student, parameters_of
from rd3.matching.trajectory_matching import normalised_distance
from rd3.matching.unrolled import Found, two_pass, unrolled
from rd3.models import create_model


class Course:
    """A student in double precision on ten digits, and an expert two epochs further."""

    def __init__(self, images: Tensor, labels: Tensor, *, rate: float, soft: bool = False) -> None:
        self.network = create_model("convnet1-w4", classes=10, size=8, channels=1, seed=0).double()
        self.start = parameters_of(self.network)
        noise = torch.Generator().manual_seed(1)
        self.goal = self.start + 0.05 * torch.randn(self.start.shape, generator=noise, dtype=torch.double)
        given = F.one_hot(labels, 10).double() * 3 if soft else labels
        self.learned = LearnedSet(images, given, rate=rate, rates=Rates(images=1.0, rate=1e-3, labels=1.0))
        self.learned.rate.data = self.learned.rate.data.double()
        self.student = Student(self.network)
        self.rows = [torch.arange(10).roll(step)[:7] for step in range(20)]

    def loss(self, parameters: Tensor, step: int) -> Tensor:
        rows = self.rows[step]
        return self.learned.loss(self.student(parameters, self.learned.images[rows]), rows)

    def distance(self, end: Tensor) -> Tensor:
        return normalised_distance(end, self.start, self.goal)

    def found(self, how, steps: int, **switches) -> Found:
        given = {"start": self.start, "steps": steps, "learned": self.learned.leaves, "rate": self.learned.rate}
        return how(self.loss, self.distance, **given, **switches)

    def by_functions(self, images: Tensor, labels: Tensor, rate: Tensor, steps: int) -> Tensor:
        """The distance with parameters by name, plain cross-entropy written out, and torch.func."""
        named = {name: value.detach() for name, value in self.network.named_parameters()}
        begin = torch.cat([value.flatten() for value in named.values()])

        def training(values, step):
            rows = self.rows[step]
            logits = functional_call(self.network, values, (images[rows],))
            truth = labels[rows].softmax(1) if labels.is_floating_point() else F.one_hot(labels[rows], 10).double()
            return -(truth * logits.log_softmax(1)).sum(1).mean()

        for step in range(steps):
            slopes = grad(training)(named, step)
            named = {name: value - rate * slopes[name] for name, value in named.items()}
        end = torch.cat([value.flatten() for value in named.values()])
        return ((end - self.goal) ** 2).sum() / ((begin - self.goal) ** 2).sum()


@pytest.fixture
def ten(few_digits) -> tuple[Tensor, Tensor]:
    return few_digits.pixels[::3].double() / 255, few_digits.labels[::3]


def apart(found: Found, wanted: Found) -> float:
    """Relative error of the images' gradient."""
    return float((found.learned[0] - wanted.learned[0]).norm() / wanted.learned[0].norm())


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("how", [unrolled, two_pass])
def test_gradients_are_those_of_torch_func(how, soft, ten):
    course = Course(*ten, rate=0.1, soft=soft)
    found = course.found(how, 4)
    images, labels = (leaf.detach().clone() for leaf in (course.learned.images, course.learned.labels))
    rate = course.learned.rate.detach().clone()
    wanted_for = (0, 1, 2) if soft else (0, 2)
    wanted = grad(course.by_functions, argnums=wanted_for)(images, labels, rate, 4)
    torch.testing.assert_close(found.distance, course.by_functions(images, labels, rate, 4))
    for one, other in zip([*found.learned, found.rate], wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("how", [unrolled, two_pass])
def test_gradients_are_finite_differences(how, ten):
    course = Course(*ten, rate=0.1)
    found, step = course.found(how, 3), 1e-6
    direction = torch.randn(ten[0].shape, generator=torch.Generator().manual_seed(2), dtype=torch.double)
    rate = course.learned.rate.detach()

    def along(amount: float, change: float = 0.0) -> float:
        return float(course.by_functions(ten[0] + amount * direction, ten[1], rate + change, 3))

    slope = (along(step) - along(-step)) / (2 * step)
    assert float((found.learned[0] * direction).sum()) == pytest.approx(slope, rel=1e-5)
    assert float(found.rate) == pytest.approx((along(0, step) - along(0, -step)) / (2 * step), rel=1e-5)


def test_the_exact_two_passes_are_the_unrolled_gradient(ten):
    course = Course(*ten, rate=0.05, soft=True)
    one, other = course.found(unrolled, 5), course.found(two_pass, 5)
    pairs = zip([*other.learned, other.rate, other.distance], [*one.learned, one.rate, one.distance], strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-13)


def released_formula(course: Course, steps: int) -> tuple[Tensor, Tensor]:
    """TESLA's two sums, written out: 2·(α(θ* − θ) + α²G)ᵀ gᵢ / ‖θ* − θ‖² with every θᵢ a constant."""
    rate, start, goal = course.learned.rate.detach(), course.start, course.goal
    path, total = [start], torch.zeros_like(start)
    for step in range(steps):
        here = path[-1].clone().requires_grad_()
        (slope,) = torch.autograd.grad(course.loss(here, step), here)
        total += slope
        path.append(path[-1] - rate * slope)
    scale = (start - goal).square().sum()
    weights = 2 * (rate * (goal - start) + rate**2 * total) / scale
    images = torch.zeros_like(course.learned.images)
    for step in range(steps):
        here = path[step].clone().requires_grad_()
        (slope,) = torch.autograd.grad(course.loss(here, step), here, create_graph=True)
        images += torch.autograd.grad(weights @ slope, course.learned.images)[0]
    alpha = rate.clone().requires_grad_()
    ((start - alpha * total - goal).square().sum() / scale).backward()
    return images, alpha.grad


def test_teslas_release_is_its_formula_and_mtt_for_one_step(ten):
    course = Course(*ten, rate=0.1)
    released = course.found(two_pass, 6, exact=False)
    images, rate = released_formula(course, 6)
    torch.testing.assert_close(released.learned[0], images, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(released.rate, rate, rtol=1e-9, atol=1e-14)
    once = course.found(two_pass, 1, exact=False), course.found(unrolled, 1)
    assert apart(*once) < 1e-12
    assert float(once[0].rate) == pytest.approx(float(once[1].rate), rel=1e-12)


def test_what_teslas_release_leaves_out_grows_with_steps_and_rate(ten):
    errors = []
    for rate, steps in ((0.01, 5), (0.01, 20), (0.1, 5), (0.1, 20)):
        course = Course(*ten, rate=rate)
        errors.append(apart(course.found(two_pass, steps, exact=False), course.found(two_pass, steps)))
    assert errors[0] < errors[1] < errors[3]
    assert errors[0] < errors[2] < errors[3]
    assert 1e-4 < errors[0] < 0.1
    assert errors[3] > 0.1
