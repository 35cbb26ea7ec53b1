"""Rows of switches against the loops of the papers, written out in float64 with no part of the engine but the seeds."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.recover.build import check, plan_of, recovery_of, stages_of
from rd3.recover.engine import recover_item
from rd3.recover.pixels import Pixels, PixelSpace
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.switches import Switches
from rd3.squeeze.teacher import Teacher

from .conftest import trained_teacher

CPU = torch.device("cpu")
SEED = 5
SHARED = {"init": "real", "crop": "none", "flip": False, "roll": 2, "lr": 0.25, "r_bn": 0.1, "iterations": 6}


@pytest.fixture(scope="module")
def pool(digits: Target, digits_teacher: Teacher) -> tuple[Teacher, ...]:
    """Three teachers in float64."""
    others = [trained_teacher(digits, name, steps=20) for name in ("convnet1-bn-w16", "convnet3-bn-w8")]
    teachers = (digits_teacher, *others)
    return tuple(dataclasses.replace(one, model=copy.deepcopy(one.model).double()) for one in teachers)


def recovered(target: Target, teachers: tuple[Teacher, ...], item: PlanItem, *, ipc: int, **switches: object) -> Tensor:
    """What the engine makes of an item, in float64."""
    settings = Switches.model_validate({**SHARED, **switches})
    recovery = recovery_of(settings, Problem(target, teachers, ipc=ipc, seed=SEED, device=CPU))
    double = dataclasses.replace(recovery, init=lambda item, stream: recovery.init(item, stream).double())
    return recover_item(item, double, seed=SEED, device=CPU)


def real_start(target: Target, teacher: Teacher, item: PlanItem, *, ipc: int) -> Tensor:
    """The item's real images."""
    settings = Switches.model_validate({**SHARED, "iterations": 0})
    recovery = recovery_of(settings, Problem(target, (teacher,), ipc=ipc, seed=SEED, device=CPU))
    return recovery.init(item, torch.Generator()).double()


class PlainTeacher:
    """CE and BatchNorm terms of one network, spelled out."""

    def __init__(self, teacher: Teacher) -> None:
        self.model = copy.deepcopy(teacher.model)
        self.inputs: dict[nn.Module, Tensor] = {}
        self.layers = [module for module in self.model.modules() if isinstance(module, nn.BatchNorm2d)]
        for layer in self.layers:
            layer.register_forward_hook(lambda module, args, _: self.inputs.__setitem__(module, args[0]))

    def loss(self, z: Tensor, labels: Tensor, *, var_w: float = 1.0) -> Tensor:
        loss = F.cross_entropy(self.model(z), labels)
        for number, layer in enumerate(self.layers):
            features = self.inputs[layer].transpose(0, 1).flatten(1)
            off_mean = (features.mean(1) - layer.running_mean).norm()  # type: ignore[operator]
            off_variance = (features.var(1, unbiased=False) - layer.running_var).norm()  # type: ignore[operator]
            loss = loss + 0.1 * (10 if number == 0 else 1) * (off_mean + var_w * off_variance)
        return loss


class PlainRun:
    """Adam with one cosine, rolls from the engine's stream, clamping."""

    def __init__(self, teacher: Teacher, item: PlanItem, steps: int) -> None:
        self.stream = torch.Generator().manual_seed(derive_seed("recover", "views", SEED, item.index))
        self.mean, self.std, self.steps, self.step = teacher.mean[0], teacher.std[0], steps, 0

    def optimise(self, leaf: Tensor, steps: int, loss: Callable[[Tensor, int], Tensor], *, clamp: bool = True) -> None:
        optimiser = torch.optim.Adam([leaf], lr=0.25, betas=(0.5, 0.9), eps=1e-8)
        for _ in range(steps):
            optimiser.param_groups[0]["lr"] = 0.25 * (1 + math.cos(math.pi * self.step / self.steps)) / 2
            optimiser.zero_grad()
            loss(leaf, self.step).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if clamp:
                leaf.data = leaf.data.clamp(-self.mean / self.std, (1 - self.mean) / self.std)
            self.step += 1

    def roll(self, images: Tensor) -> Tensor:
        return images.roll(torch.randint(0, 3, (2,), generator=self.stream).tolist(), (2, 3))


def test_dwa(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """The teacher climbs its loss on the start, K steps of ρ / K; then the usual loop with heavier variances."""
    item = PlanItem(2, torch.tensor([3, 1, 4]), torch.tensor([0, 0, 0]))
    start = real_start(digits, pool[0], item, ipc=1)
    teacher = PlainTeacher(pool[0])
    for _ in range(4):
        teacher.model.requires_grad_(True)
        loss = F.cross_entropy(teacher.model(start), item.labels)
        gradients = torch.autograd.grad(loss, list(teacher.model.parameters()))
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        for weight, gradient in zip(teacher.model.parameters(), gradients, strict=True):
            weight.data += 0.02 / 4 * gradient / norm
    run, x = PlainRun(pool[0], item, 6), start.clone().requires_grad_()
    run.optimise(x, 6, lambda x, _: teacher.loss(run.roll(x), item.labels, var_w=11.0))
    found = recovered(digits, pool, item, ipc=1, perturb_steps=4, perturb_radius=0.02, var_w=11.0)
    torch.testing.assert_close(found, x.detach(), rtol=1e-7, atol=1e-7)
    assert not torch.allclose(found, recovered(digits, pool, item, ipc=1, var_w=11.0))


def test_fadrm(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """Stages at two sides; Adam anew in each, one cosine; the patch comes back between them."""
    item = PlanItem(1, torch.tensor([3, 1, 4]), torch.tensor([0, 0, 0]))
    patch, teacher = real_start(digits, pool[0], item, ipc=1), PlainTeacher(pool[0])

    def resize(images: Tensor, side: int) -> Tensor:
        return F.interpolate(images, (side, side), mode="bilinear", align_corners=False)

    run, x = PlainRun(pool[0], item, 7), resize(patch, 4)
    for stage, (steps, side) in enumerate([(2, 4), (2, 8), (2, 4), (1, 8)]):
        mixed = 0.3 * resize(x, side) + 0.7 * resize(patch, side) if stage else x
        x = mixed.detach().requires_grad_()
        run.optimise(x, steps, lambda x, _: teacher.loss(padded(run.roll(x)), item.labels))
        x = x.detach()
    takes_both = dataclasses.replace(pool[0], model=nn.Sequential(Padded(), pool[0].model))
    found = recovered(digits, (takes_both,), item, ipc=1, iterations=7, stage_sizes=(4, 8, 4, 8), residual=0.3)
    torch.testing.assert_close(found, x, rtol=1e-7, atol=1e-7)


def padded(images: Tensor) -> Tensor:
    """To 8 px with zeros: the digits' networks take one size only."""
    return F.pad(images, [(8 - images.shape[-1]) // 2] * 4)


class Padded(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return padded(images)


def test_delt(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """Rounds of two iterations: of five images a class two, two more, then all are optimised."""
    item = PlanItem(0, torch.tensor([3] * 5 + [8] * 5), torch.arange(5).repeat(2))
    start, teacher = real_start(digits, pool[0], item, ipc=5), PlainTeacher(pool[0])
    joined = [[0, 1, 5, 6], [0, 1, 2, 3, 5, 6, 7, 8], list(range(10))]
    run, x = PlainRun(pool[0], item, 6), start.clone().requires_grad_()

    def loss(x: Tensor, step: int) -> Tensor:
        rows = joined[step // 2]
        return teacher.loss(run.roll(x[rows]), item.labels[rows])

    run.optimise(x, 6, loss)
    found = recovered(digits, pool, item, ipc=5, round_iterations=2)
    torch.testing.assert_close(found, x.detach(), rtol=1e-7, atol=1e-7)


def test_early_images_have_more_updates(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """An image that joins in round r is moved in exactly (rounds − r) · length iterations."""
    item = PlanItem(0, torch.tensor([3] * 3 + [8] * 3), torch.arange(3).repeat(2))
    switches = Switches.model_validate({**SHARED, "iterations": 9, "round_iterations": 3, "roll": 0})
    recovery = recovery_of(switches, Problem(digits, pool, ipc=3, seed=SEED, device=CPU))
    moves, before = torch.zeros(6, dtype=torch.int64), [real_start(digits, pool[0], item, ipc=3)]

    class Watched:
        """Pixels that count in which iterations each image moves."""

        def __init__(self, images: Tensor) -> None:
            self.inner = recovery.parameters(images)
            self.leaf = self.inner.leaf

        def images(self) -> Tensor:
            return self.inner.images()

        def constrain(self) -> None:
            nonlocal moves
            moves = moves + (self.leaf.detach() != before[0]).flatten(1).any(1)
            before[0] = self.leaf.detach().clone()

    watched = dataclasses.replace(
        recovery, parameters=Watched, init=lambda item, stream: recovery.init(item, stream).double()
    )
    recover_item(item, watched, seed=SEED, device=CPU)
    assert moves.tolist() == [9, 6, 3] * 2


def test_a_committee(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """Both teachers of a slot's pair act in every iteration, weighted by softmax(prior / T)."""
    item = PlanItem(4, torch.tensor([3, 1]), torch.tensor([2, 2]))
    start, teachers = real_start(digits, pool[0], item, ipc=3), [PlainTeacher(one) for one in pool]
    (first, second), priors = list(itertools.combinations(range(3), 2))[2], (60.0, 50.0, 55.0)
    weights = [math.exp(priors[number] / 5) for number in (first, second)]
    run, x = PlainRun(pool[0], item, 6), start.clone().requires_grad_()

    def loss(x: Tensor, _: int) -> Tensor:
        z = run.roll(x)
        terms = [weights[k] / sum(weights) * teachers[n].loss(z, item.labels) for k, n in enumerate((first, second))]
        return terms[0] + terms[1]

    run.optimise(x, 6, loss)
    found = recovered(digits, pool, item, ipc=3, combine="pair", pair_rule="cycle", priors=priors)
    torch.testing.assert_close(found, x.detach(), rtol=1e-7, atol=1e-7)


def test_teachers_in_turn(digits: Target, pool: tuple[Teacher, ...]) -> None:
    item = PlanItem(4, torch.tensor([3, 1]), torch.tensor([0, 0]))
    start, teachers = real_start(digits, pool[0], item, ipc=1), [PlainTeacher(one) for one in pool]
    run, x = PlainRun(pool[0], item, 7), start.clone().requires_grad_()
    run.optimise(x, 7, lambda x, step: teachers[(4 * 7 + step) % 3].loss(run.roll(x), item.labels))
    found = recovered(digits, pool, item, ipc=1, iterations=7, combine="round-robin")
    torch.testing.assert_close(found, x.detach(), rtol=1e-7, atol=1e-7)


def test_a_shared_perturbation(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """INFER: one tensor for the whole batch is optimised, the images are not, and nothing is clamped."""
    item = PlanItem(0, torch.tensor([3, 1, 7]), torch.tensor([0, 0, 0]))
    base, teacher = real_start(digits, pool[0], item, ipc=1), PlainTeacher(pool[0])
    run, u = PlainRun(pool[0], item, 6), torch.zeros(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    run.optimise(u, 6, lambda u, _: teacher.loss(run.roll(base + u), item.labels), clamp=False)
    found = recovered(digits, pool, item, ipc=1, param="shared")
    torch.testing.assert_close(found, base + u.detach(), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"stage_sizes": (8, 4)}, r"stage_sizes = \[8, 4\]: the last must be the images' side, 8"),
        ({"stage_sizes": (4, 8), "tile": 4}, r"stage_sizes = \[4, 8\]: tiles"),
        ({"ema": 0.5, "match": "bn_class"}, r"ema = 0.5: .* match = bn_class"),
        ({"combine": "pair", "batching": "cm"}, r"batching = cm: combine = pair .* needs opc"),
        ({"combine": "slot", "batching": "1c"}, r"batching = 1c: combine = slot .* needs opc"),
        ({"combine": "pair", "priors": (1.0,)}, r"priors = \[1.0\]: expected one for each of 3 teachers"),
        ({"param": "shared", "stage_sizes": (4, 8)}, r"stage_sizes = \[4, 8\]: param = shared"),
    ],
)
def test_switches_that_contradict_each_other_are_refused(
    switches: dict, message: str, digits: Target, pool: tuple[Teacher, ...]
) -> None:
    problem = Problem(digits, pool, ipc=1, seed=0, device=CPU)
    with pytest.raises(UserError, match=message) as caught:
        check(Switches(**switches), problem)
    assert "\n" not in str(caught.value)


def test_a_teacher_for_each_slot_is_infers_alone(digits: Target, pool: tuple[Teacher, ...]) -> None:
    with pytest.raises(UserError, match="combine = slot: only infer"):
        recovery_of(Switches(combine="slot"), Problem(digits, pool, ipc=1, seed=0, device=CPU))


def test_stages_share_the_iterations_evenly() -> None:
    switches = Switches(iterations=7, stage_sizes=(4, 8, 4, 8))
    assert [(stage.iterations, stage.size) for stage in stages_of(switches, 8)] == [(2, 4), (2, 8), (2, 4), (1, 8)]
    assert [(stage.iterations, stage.size) for stage in stages_of(Switches(iterations=7), 8)] == [(7, 8)]


def test_a_plan_is_the_batching_s(digits: Target, pool: tuple[Teacher, ...]) -> None:
    problem = Problem(digits, pool, ipc=3, seed=0, device=CPU)
    assert [len(item) for item in plan_of(Switches(batching="cm", batch_size=9), problem)] == [9, 9, 9, 3]


def test_one_perturbation_an_image_is_pixels_that_are_not_clamped(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """INFER with a batch of one image is SRe2L from that real image, up to clamping."""

    class Unclamped(Pixels):
        def constrain(self) -> None:
            pass

    item = PlanItem(0, torch.tensor([3]), torch.tensor([0]))
    settings = Switches.model_validate(SHARED)
    usual = recovery_of(settings, Problem(digits, pool, ipc=1, seed=SEED, device=CPU))
    space = PixelSpace(pool[0].mean, pool[0].std)
    free = dataclasses.replace(
        usual,
        init=lambda item, stream: usual.init(item, stream).double(),
        parameters=lambda images: Unclamped(images, space),
    )
    found = recovered(digits, pool, item, ipc=1, param="shared")
    torch.testing.assert_close(found, recover_item(item, free, seed=SEED, device=CPU), rtol=1e-9, atol=1e-9)
