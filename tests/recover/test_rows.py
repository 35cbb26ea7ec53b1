"""Rows of switches against the loops of the papers; see `plain.py`."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.recover.build import check, plan_of, recovery_of, stages_of
from rd3.recover.engine import recover, recover_item
from rd3.recover.pixels import Pixels, PixelSpace
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.switches import Switches
from rd3.squeeze.teacher import Teacher

from .plain import CPU, SEED, SHARED, PlainRun, PlainTeacher, real_start, recovered


def climb(teacher: PlainTeacher, images: Tensor, labels: Tensor, *, steps: int, radius: float) -> None:
    """K steps of ρ / K up the loss, along the gradient over all weights."""
    teacher.model.requires_grad_(True)
    for _ in range(steps):
        loss = F.cross_entropy(teacher.model(images), labels)
        gradients = torch.autograd.grad(loss, list(teacher.model.parameters()))
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        for weight, gradient in zip(teacher.model.parameters(), gradients, strict=True):
            weight.data += radius / steps * gradient / norm


def test_dwa(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """The teacher climbs its loss on the start, K steps of ρ / K; then the usual loop with heavier variances."""
    item = PlanItem(2, torch.tensor([3, 1, 4]), torch.tensor([0, 0, 0]))
    start = real_start(digits, pool[0], item, ipc=1)
    teacher = PlainTeacher(pool[0])
    climb(teacher, start, item.labels, steps=4, radius=0.02)
    run, x = PlainRun(pool[0], item, 6), start.clone().requires_grad_()
    run.optimise(x, 6, lambda x, _: teacher.loss(run.roll(x), item.labels, var_w=11.0))
    found = recovered(digits, pool, item, ipc=1, perturb_steps=4, perturb_radius=0.02, var_w=11.0)
    torch.testing.assert_close(found, x.detach(), rtol=1e-7, atol=1e-7)
    assert not torch.allclose(found, recovered(digits, pool, item, ipc=1, var_w=11.0))


def test_dwa_with_one_teacher_for_all_chunks_of_a_slot(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """The released ImageNet loop: weights are loaded for a slot, and every chunk of classes climbs on."""
    switches = {"batch_size": 4, "perturb_steps": 2, "perturb_radius": 0.05, "perturb_reset": "slot"}
    settings = Switches.model_validate({**SHARED, **switches})
    plan = plan_of(settings, Problem(digits, pool, ipc=2, seed=SEED, device=CPU))
    for slot in range(2):
        teacher = PlainTeacher(pool[0])
        for item in plan[3 * slot : 3 * slot + 3]:  # classes 0-3, 4-7, 8-9
            start = real_start(digits, pool[0], item, ipc=2)
            climb(teacher, start, item.labels, steps=2, radius=0.05)
            run, x = PlainRun(pool[0], item, 6), start.clone().requires_grad_()
            run.optimise(x, 6, lambda x, _, item=item, run=run, t=teacher: t.loss(run.roll(x), item.labels))  # type: ignore[misc]
            found = recovered(digits, pool, item, ipc=2, **switches)
            torch.testing.assert_close(found, x.detach(), rtol=1e-7, atol=1e-7)
            anew = recovered(digits, pool, item, ipc=2, **switches | {"perturb_reset": "chunk"})
            assert torch.equal(anew, found) == (item.index % 3 == 0)


def test_a_part_of_a_plan_gives_the_images_of_the_whole(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """With noise, whose draws belong to their items, and a teacher that climbs on from chunk to chunk."""
    single = dataclasses.replace(pool[0], model=copy.deepcopy(pool[0].model).float())
    changes = {"init": "noise", "batch_size": 4, "perturb_steps": 2, "perturb_reset": "slot", "iterations": 3}
    switches = Switches.model_validate({**SHARED, **changes})
    problem = Problem(digits, (single,), ipc=2, seed=SEED, device=CPU)
    plan = plan_of(switches, problem)
    whole = {
        item.index: images for item, images in recover(plan, recovery_of(switches, problem), seed=SEED, device=CPU)
    }
    backwards = recover(plan[::-2], recovery_of(switches, problem), seed=SEED, device=CPU)
    assert all(torch.equal(images, whole[item.index]) for item, images in backwards)


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
        ({"perturb_reset": "slot", "batching": "cm"}, r"batching = cm: perturb_reset = slot .* needs opc"),
        ({"flatness": 1.0, "stage_sizes": (4, 8)}, r"stage_sizes = \[4, 8\]: flatness"),
        ({"flatness": 1.0, "round_iterations": 2}, r"round_iterations = 2: flatness"),
        ({"precision": "fp16"}, r"precision = fp16: needs a GPU; on cpu allowed are float32 and bf16"),
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
