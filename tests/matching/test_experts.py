"""Experts: their snapshots, flat minima, what they recognise, and that everybody shares them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from rd3.matching.expert_labels import mean_logits, recognised
from rd3.matching.experts import ExpertPlan, Experts, trajectory
from rd3.matching.inputs import RealImages, inputs_of
from rd3.matching.sharpness import Sharpness, flat_gradient
from rd3.matching.student import Student, parameters_of
from rd3.matching.trainer import batches
from rd3.models import create_model
from rd3.study.meter import Meter
from rd3.study.shelf import TrajectoryShelf
from rd3.study.store import Store
from rd3.training.augment.dsa import DSA

CPU = torch.device("cpu")


def network(seed: int = 0, name: str = "convnet1-w4"):
    return create_model(name, classes=10, size=8, channels=1, seed=seed)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def real(digits) -> RealImages:
    return RealImages(digits.train, inputs_of(digits, None, CPU))


def test_snapshots_are_those_of_plain_sgd_and_differ(few_digits, digits):
    real = RealImages(few_digits, inputs_of(digits, None, CPU))
    plan = ExpertPlan(epochs=3, batch=8, lr=0.1, augmentation=DSA(strategy="color_crop"))
    found = trajectory(network(), real, plan, generator())
    model, draws = network(), generator()
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    wanted = [torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()]
    for _ in range(3):
        for rows in batches(30, 8, draws):
            images = (few_digits.pixels[rows].float() / 255 - digits.mean[0]) / digits.std[0]
            images = plan.augmentation.transform(images, plan.augmentation.draw(len(rows), 8, draws))
            optimiser.zero_grad()
            F.cross_entropy(model(images), few_digits.labels[rows]).backward()
            optimiser.step()
        wanted.append(torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone())
    torch.testing.assert_close(found, torch.stack(wanted))
    steps = (found[1:] - found[:-1]).norm(dim=1)
    assert bool((steps > 1e-3).all())


def test_a_copy_of_parameters_stays_when_they_move():
    model = network()
    before = parameters_of(model)
    kept = before.clone()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert torch.equal(before, kept)


@pytest.mark.parametrize("adaptive", [False, True])
def test_flat_gradients_are_gsams_on_a_quadratic(adaptive):
    """Of ½ xᵀ A x the gradient is A x anywhere, so that the algorithm can be written down."""
    matrix = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.double)
    x = torch.tensor([0.5, -2.0], dtype=torch.double)
    own = matrix @ x
    scale = x.abs() if adaptive else torch.ones(2, dtype=torch.double)
    perturbed = matrix @ (x + 0.1 * scale**2 * own / (scale * own).norm())
    cosine = own @ perturbed / (own.norm() * perturbed.norm())
    across = own - cosine * own.norm() * perturbed / perturbed.norm()
    moved = x.clone()
    found = flat_gradient([moved], lambda: (matrix @ moved,), Sharpness(rho=0.1, alpha=0.3, adaptive=adaptive))
    torch.testing.assert_close(found[0], perturbed - 0.3 * across)
    assert torch.equal(moved, x)


def test_without_perturbation_flat_steps_are_plain_ones(few_digits, digits):
    real = RealImages(few_digits, inputs_of(digits, None, CPU))
    plain = trajectory(network(), real, ExpertPlan(epochs=1, batch=8), generator())
    unmoved = trajectory(network(), real, ExpertPlan(epochs=1, batch=8, sharpness=Sharpness(rho=0.0)), generator())
    flat = trajectory(network(), real, ExpertPlan(epochs=1, batch=8, sharpness=Sharpness()), generator())
    torch.testing.assert_close(unmoved, plain)
    assert not torch.allclose(flat, plain, atol=1e-6)


@pytest.mark.parametrize("kind", ["kornia", "frepo", None])
def test_inputs_have_a_way_back(kind, digits):
    inputs = inputs_of(digits, kind, CPU)
    raw = digits.train.pixels[:5].float() / 255
    values = inputs.of_raw(raw)
    assert not torch.allclose(values, raw, atol=0.05)
    torch.testing.assert_close(inputs.to_raw(values), raw, atol=1e-5, rtol=1e-4)


@pytest.fixture
def trained(real) -> Experts:
    plan = ExpertPlan(epochs=2, batch=32, lr=0.1)
    return Experts(lambda number: trajectory(network(number), real, plan, generator(number)), count=3, facts={})


def test_starts_are_images_that_the_first_expert_recognises(trained, real):
    rows = recognised(trained, Student(network()), real, classes=10, ipc=3, generator=generator(5))
    assert real.labels[rows].tolist() == [label for label in range(10) for _ in range(3)]
    assert len(set(rows.tolist())) == 30
    model, final = network(), trained[0][-1]
    torch.nn.utils.vector_to_parameters(final, model.parameters())
    draws = generator(5)
    for label in range(10):
        order = real.of_class(label, draws)
        right = [row for row in order.tolist() if int(model(real.batch(torch.tensor([row]))).argmax()) == label]
        assert rows[3 * label : 3 * label + 3].tolist() == right[:3]


def test_classes_that_nobody_recognises_are_filled(real):
    blind = parameters_of(network())
    blind[-10:] = torch.tensor([1e3] + [0.0] * 9)  # the last bias: everything is a zero
    experts = Experts(lambda _: torch.stack([blind, blind]), count=2, facts={})
    rows = recognised(experts, Student(network()), real, classes=10, ipc=2, generator=generator())
    assert real.labels[rows].tolist() == [label for label in range(10) for _ in range(2)]
    assert len(set(rows.tolist())) == 20


def test_labels_are_means_over_experts_that_are_right(trained, real):
    rows = torch.arange(40)
    images, labels = real.batch(rows), real.labels[rows]
    found = mean_logits(trained, Student(network()), images, labels)
    for row in range(40):
        said = []
        for number in range(3):
            model = network()
            torch.nn.utils.vector_to_parameters(trained[number][-1], model.parameters())
            said.append(model(images[row : row + 1])[0].detach())
        right = [logits for logits in said if int(logits.argmax()) == int(labels[row])]
        torch.testing.assert_close(found[row], torch.stack(right or said).mean(0), atol=1e-5, rtol=1e-5)


def test_experts_are_made_once_and_one_by_one(tmp_path: Path):
    made: list[int] = []

    def make(number: int) -> torch.Tensor:
        if number == 2 and len(made) == 2:
            made.append(-1)
            raise KeyboardInterrupt
        made.append(number)
        return torch.full((2, 3), float(number))

    def experts(epochs: int = 1) -> Experts:
        shelf = TrajectoryShelf(Store(tmp_path), Meter(CPU))
        return Experts(make, count=3, facts={"epochs": epochs}, shelf=shelf)

    with pytest.raises(KeyboardInterrupt):
        experts().prepare()
    experts().prepare()
    assert made == [0, 1, -1, 2]
    assert torch.equal(experts()[1], torch.ones(2, 3))
    assert len(list(Store(tmp_path).root.glob("trajectories/*"))) == 3
    experts(epochs=2).prepare()
    assert made == [0, 1, -1, 2, 0, 1, 2]


def test_trajectories_that_fill_the_memory_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also where a single one is larger than all that may be held."""
    for memory, held in ((0, 1), (24, 1), (48, 2), (1000, 3)):
        monkeypatch.setattr("rd3.matching.experts.MEMORY", memory)
        shelf = TrajectoryShelf(Store(tmp_path), Meter(CPU))
        experts = Experts(lambda number: torch.full((2, 3), float(number)), count=3, facts={}, shelf=shelf)
        experts.prepare()
        assert len(experts._held) == held
        assert [float(experts[number][0, 0]) for number in (0, 2, 1)] == [0, 2, 1]


def test_an_expert_is_paid_for_once_by_each_synthesis(tmp_path: Path):
    facts = {"number": 0}
    TrajectoryShelf(Store(tmp_path), Meter(CPU)).save(facts, {"trajectory": torch.zeros(1)}, seconds=100.0)
    meter = Meter(CPU)
    shelf = TrajectoryShelf(Store(tmp_path), meter)
    for _ in range(2):
        assert shelf.load(facts) is not None
    assert 100 <= meter.seconds < 200
