from __future__ import annotations

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as oracle

from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.recover.engine import Recovery, Stage, assemble, recover, recover_item
from rd3.recover.init import given, noise
from rd3.recover.match import BatchNormMatch
from rd3.recover.objective import Look, TeacherLoss, single
from rd3.recover.pixels import Pixels, PixelSpace
from rd3.recover.plan import BATCHINGS, PlanItem
from rd3.recover.teachers import private_copy
from rd3.recover.view import View, constant_crop
from rd3.squeeze.teacher import Teacher
from rd3.training.augment.random_resized_crop import RandomResizedCrop

CPU = torch.device("cpu")


def recovery(teacher: Teacher, size: int, *, dtype: torch.dtype = torch.float32, **changes: object) -> Recovery:
    """SRe2L's components at a small scale."""
    model = private_copy(teacher.model, CPU).to(dtype)
    space = PixelSpace(teacher.mean, teacher.std)
    start = noise((len(teacher.mean), size, size))
    components = Recovery(
        init=lambda item, generator: start(item, generator).to(dtype),
        objective=single(TeacherLoss(model, matches=[(0.1, BatchNormMatch(model))])),
        views=View(crop=constant_crop(0.3), flip=True, roll=2),
        parameters=lambda images: Pixels(images, space),
        stages=(Stage(6, size),),
        lr=0.25,
    )
    return dataclasses.replace(components, **changes)  # type: ignore[arg-type]


def plain_sre2l(teacher: Teacher, item: PlanItem, *, size: int, steps: int, seed: int) -> Tensor:
    """The loop of SRe2L written out, in float64 and with no part of the engine but the seeds."""
    model = private_copy(teacher.model, CPU).double()
    inputs: dict[nn.Module, Tensor] = {}
    layers = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for layer in layers:
        layer.register_forward_hook(lambda module, args, _: inputs.__setitem__(module, args[0]))
    streams = {
        purpose: torch.Generator().manual_seed(derive_seed("recover", purpose, seed, item.index))
        for purpose in ("init", "views")
    }
    x = torch.randn((len(item), len(teacher.mean), size, size), generator=streams["init"]).double()
    x.requires_grad_()
    mean, std = (torch.tensor(values).view(1, -1, 1, 1).double() for values in (teacher.mean, teacher.std))
    optimiser = torch.optim.Adam([x], lr=0.25, betas=(0.5, 0.9))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: (1 + math.cos(math.pi * t / steps)) / 2)
    for _ in range(steps):
        box = RandomResizedCrop(scale=(0.3, 1.0)).draw(1, size, streams["views"])
        place = [int(box[key]) for key in ("top", "left", "height", "width")]
        z = oracle.resized_crop(x, *place, size=[size, size], antialias=True)
        if float(torch.rand(1, generator=streams["views"])) < 0.5:
            z = oracle.horizontal_flip(z)
        z = torch.roll(z, torch.randint(0, 3, (2,), generator=streams["views"]).tolist(), dims=(2, 3))
        loss = F.cross_entropy(model(z), item.labels)
        for number, layer in enumerate(layers):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            features = inputs[layer].transpose(0, 1).flatten(1)
            off = (features.mean(1) - layer.running_mean).norm() + (
                features.var(1, unbiased=False) - layer.running_var
            ).norm()
            loss = loss + 0.1 * (10 if number == 0 else 1) * off
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        x.data = torch.maximum(torch.minimum(x.data, (1 - mean) / std), -mean / std)
    return x.detach()


@pytest.mark.parametrize("name", ["digits", "photos"])
def test_the_engine_makes_the_images_of_a_plain_sre2l_loop(name: str, request: pytest.FixtureRequest) -> None:
    target: Target = request.getfixturevalue(name)
    teacher: Teacher = request.getfixturevalue(f"{name}_teacher")
    item = BATCHINGS["opc"](2, target.num_classes, 7)[1]
    components = recovery(teacher, target.size, dtype=torch.float64)
    images = recover_item(item, components, seed=3, device=CPU)
    expected = plain_sre2l(teacher, item, size=target.size, steps=6, seed=3)
    # torchvision computes the weights of its resampling in float32 at places.
    torch.testing.assert_close(images, expected, rtol=1e-4, atol=1e-4)
    space = PixelSpace(teacher.mean, teacher.std)
    assert torch.equal(space.decode(images), space.decode(expected))


def test_the_teacher_is_left_as_it_was(digits_teacher: Teacher) -> None:
    before = {name: value.clone() for name, value in digits_teacher.model.state_dict().items()}
    strides = [value.stride() for value in digits_teacher.model.state_dict().values()]
    recover_item(BATCHINGS["opc"](1, 10, 100)[0], recovery(digits_teacher, 8), seed=0, device=CPU)
    after = digits_teacher.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [value.stride() for value in after.values()] == strides
    assert not any(module._forward_pre_hooks for module in digits_teacher.model.modules())


def test_a_part_of_a_plan_gives_the_same_images_as_the_whole(digits_teacher: Teacher) -> None:
    plan = BATCHINGS["opc"](3, 10, 4)
    whole = dict(_images(plan, digits_teacher))
    part = dict(_images(plan[5:7], digits_teacher))
    assert sorted(part) == [5, 6]
    assert all(torch.equal(part[index], whole[index]) for index in part)
    assert not torch.equal(whole[0], whole[3])


def _images(plan: list[PlanItem], teacher: Teacher) -> list[tuple[int, Tensor]]:
    return [(item.index, images) for item, images in recover(plan, recovery(teacher, 8), seed=0, device=CPU)]


@pytest.mark.parametrize("batching", BATCHINGS)
def test_images_are_assembled_class_by_class(batching: str) -> None:
    plan = BATCHINGS[batching](3, 5, 4)
    images = assemble([(item, item.rows(3).view(-1, 1, 1, 1)) for item in plan], ipc=3, classes=5)
    assert images.flatten().tolist() == list(range(15))


def test_recovery_convinces_the_teacher_and_lowers_the_batch_norm_term(digits_teacher: Teacher) -> None:
    item = BATCHINGS["opc"](1, 10, 100)[0]
    components = recovery(digits_teacher, 8, stages=(Stage(80, 8),), views=View(roll=1))
    start = components.init(item, torch.Generator().manual_seed(0))
    images = recover_item(item, components, seed=0, device=CPU)
    model = private_copy(digits_teacher.model, CPU)
    match = BatchNormMatch(model)
    confidence, term = zip(*((_confidence(model, x), float(match.take(item))) for x in (start, images)), strict=True)
    assert confidence[1] > 0.9 > confidence[0]
    assert term[1] < 0.5 * term[0]


def _confidence(model: nn.Module, images: Tensor) -> float:
    return float(model(images).softmax(1).diagonal().mean())


def test_stages_share_one_cosine_and_one_count_and_start_adam_anew(digits_teacher: Teacher) -> None:
    looks: list[Look] = []
    entered: list[tuple[int, int]] = []

    def loss(look: Look) -> Tensor:
        looks.append(look)
        return look.view.sum()

    def resize(images: Tensor, start: Tensor, size: int) -> Tensor:
        entered.append((images.shape[-1], size))
        return F.interpolate(images + 0 * start.mean(), (size, size))

    components = recovery(
        digits_teacher,
        8,
        objective=lambda item, start: loss,  # noqa: ARG005
        stages=(Stage(2, 6), Stage(3, 8)),
        enter_stage=resize,
        views=View(),
        init=lambda item, generator: torch.ones(len(item), 1, 8, 8),  # noqa: ARG005
    )
    item = PlanItem(0, torch.tensor([0]), torch.tensor([0]))
    images = recover_item(item, components, seed=0, device=CPU)
    assert entered == [(8, 6), (6, 8)]
    assert [(look.iteration, look.iterations, look.view.shape[-1]) for look in looks] == [
        (0, 5, 6), (1, 5, 6), (2, 5, 8), (3, 5, 8), (4, 5, 8)
    ]  # fmt: skip
    # With a constant gradient every Adam step is one learning rate long, from its very first one.
    low, _ = PixelSpace(digits_teacher.mean, digits_teacher.std).bounds(images)
    way = 1 - 0.25 * sum((1 + math.cos(math.pi * t / 5)) / 2 for t in range(5))
    torch.testing.assert_close(images, torch.full_like(images, max(way, float(low))), rtol=1e-5, atol=1e-5)


def test_an_inactive_image_does_not_move_and_the_loss_sees_the_active_labels(digits_teacher: Teacher) -> None:
    labels: list[list[int]] = []
    components = recovery(digits_teacher, 8, active=lambda item, t: torch.tensor([0, 2]) if t < 5 else None)  # noqa: ARG005
    objective = components.objective

    def watched(item: PlanItem, start: Tensor):  # type: ignore[no-untyped-def]
        loss = objective(item, start)
        return lambda look: (labels.append(look.item.labels.tolist()), loss(look))[1]  # type: ignore[func-returns-value]

    components = dataclasses.replace(components, objective=watched, stages=(Stage(5, 8),))
    item = PlanItem(0, torch.tensor([3, 4, 5]), torch.zeros(3, dtype=torch.int64))
    space = PixelSpace(digits_teacher.mean, digits_teacher.std)
    low, high = space.bounds(torch.zeros(1))
    start = components.init(item, torch.Generator().manual_seed(derive_seed("recover", "init", 0, 0))).clamp(low, high)
    images = recover_item(item, components, seed=0, device=CPU)
    assert labels == [[3, 5]] * 5
    assert torch.equal(images[1], start[1])
    assert not torch.equal(images[0], start[0])


def test_without_iterations_the_start_comes_back(digits: Target, digits_teacher: Teacher) -> None:
    pixels = digits.train.batch(torch.arange(20))
    space = PixelSpace(digits_teacher.mean, digits_teacher.std)
    components = recovery(digits_teacher, 8, init=given(pixels, ipc=2, space=space), stages=(Stage(0, 8),))
    recovered = recover(BATCHINGS["cm"](2, 10, 6), components, seed=0, device=CPU)
    assert torch.equal(space.decode(assemble(recovered, ipc=2, classes=10)), pixels)


def test_progress_rises_to_one(digits_teacher: Teacher) -> None:
    seen: list[float] = []
    plan = BATCHINGS["opc"](3, 10, 10)
    list(recover(plan, recovery(digits_teacher, 8), seed=0, device=CPU, progress=seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_an_iteration_without_active_images_moves_nothing(digits_teacher: Teacher) -> None:
    nobody = torch.zeros(0, dtype=torch.int64)
    components = recovery(digits_teacher, 8, active=lambda item, t: nobody if t < 4 else None)  # noqa: ARG005
    item = PlanItem(0, torch.tensor([3]), torch.tensor([0]))
    waiting = dataclasses.replace(components, stages=(Stage(4, 8),))
    start = components.init(item, torch.Generator().manual_seed(derive_seed("recover", "init", 0, 0)))
    assert torch.equal(recover_item(item, waiting, seed=0, device=CPU), start)
    assert not torch.equal(recover_item(item, components, seed=0, device=CPU), start)
