"""Teachers in 16 bits."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.recover.build import plan_of, recovery_of
from rd3.recover.engine import recover_item
from rd3.recover.match import BatchNormMatch
from rd3.recover.objective import Look, TeacherLoss
from rd3.recover.plan import PlanItem
from rd3.recover.precision import needs_scaling
from rd3.recover.problem import Problem
from rd3.recover.switches import Switches
from rd3.recover.teachers import private_copy
from rd3.squeeze.teacher import Teacher

from .plain import CPU, SEED, SHARED

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def levels(target: Target, teacher: Teacher, device: torch.device = CPU, **changes: object) -> torch.Tensor:
    """Pixels 0..255 of four images after a few iterations, not rounded."""
    switches = Switches.model_validate({**SHARED, "batch_size": 4, **changes})
    moved = dataclasses.replace(teacher, model=copy.deepcopy(teacher.model).to(device))
    problem = Problem(target, (moved,), ipc=1, seed=SEED, device=device)
    item = plan_of(switches, problem)[0]
    images = recover_item(item, recovery_of(switches, problem), seed=SEED, device=device)
    assert images.dtype == torch.float32
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (teacher.mean, teacher.std))
    return (images.cpu() * std + mean) * 255


def test_bf16_is_near_float32_and_not_the_same(digits: Target, digits_teacher: Teacher) -> None:
    """Six iterations move pixels by 15 levels on average, bfloat16 (8 bits of mantissa) by 2 elsewhere: Adam's first
    steps are as long for a small gradient as for a large one, whichever sign it gets."""
    start = levels(digits, digits_teacher, iterations=0)
    single, half = (levels(digits, digits_teacher, precision=name) - start for name in ("float32", "bf16"))
    assert 0 < float((half - single).abs().mean()) < 0.25 * float(single.abs().mean())
    assert float(torch.corrcoef(torch.stack([single.flatten(), half.flatten()]))[0, 1]) > 0.9


def test_the_loss_is_taken_in_float32(digits: Target, digits_teacher: Teacher) -> None:
    """Layers compute in 16 bits, so features are a little off; CE and statistics of them are float32 numbers."""
    images = digits_teacher.normalise(digits.train.batch(torch.arange(20)).float() / 255)
    look = Look(images, images, lambda values: values, PlanItem(0, digits.train.labels[:20], torch.arange(20)), 0, 1)
    losses = []
    for precision in ("float32", "bf16"):
        model = private_copy(digits_teacher.model, CPU)
        loss = TeacherLoss(model, matches=[(0.1, BatchNormMatch(model))], precision=precision)(look)  # type: ignore[arg-type]
        assert loss.dtype == torch.float32
        losses.append(float(loss))
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


@pytest.mark.parametrize("name", ["wmdd", "edc", "g-vbsm", "dwa", "cv-dd"])
def test_every_kind_of_term_takes_bf16(name: str, digits: Target, digits_teacher: Teacher) -> None:
    settings = METHODS[name].settings_for(digits, 2) | {"iterations": 2, "init": "real", "precision": "bf16"}
    if name == "wmdd":
        settings["r_embedding"] = 1.0
    if name == "edc":
        settings["flatness"] = 1.0
    rows = torch.arange(100)
    small = dataclasses.replace(digits, train=MemoryImages(digits.train.batch(rows), digits.train.labels[:100]))
    method = METHODS[name].model_validate(settings)
    made, again = (method.distill(Task(small, digits_teacher, 2, 0)).images for _ in range(2))
    assert torch.equal(made, again)


def test_gradients_are_scaled_in_fp16_alone(digits: Target, digits_teacher: Teacher) -> None:
    problem = Problem(digits, (digits_teacher,), ipc=1, seed=SEED, device=CPU)
    found = {name: recovery_of(Switches(precision=name), problem).scale_loss for name in ("float32", "bf16")}  # type: ignore[arg-type]
    assert found == {"float32": False, "bf16": False}
    smallest = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    underflows = {name: float(torch.tensor(1e-9, dtype=dtype)) == 0 for name, dtype in smallest.items()}
    assert {name: needs_scaling(name) for name in smallest} == underflows  # type: ignore[arg-type]


@pytest.mark.gpu
@NO_GPU
def test_gradients_are_scaled_in_fp16_on_a_gpu(digits: Target, digits_teacher: Teacher) -> None:
    device = torch.device("cuda")
    teacher = dataclasses.replace(digits_teacher, model=copy.deepcopy(digits_teacher.model).to(device))
    problem = Problem(digits, (teacher,), ipc=1, seed=SEED, device=device)
    assert recovery_of(Switches(precision="fp16"), problem).scale_loss


@pytest.mark.gpu
@NO_GPU
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_on_a_gpu_is_near_float32(precision: str, digits: Target, digits_teacher: Teacher) -> None:
    device = torch.device("cuda")
    start, single, half = (
        levels(digits, digits_teacher, device, **changes)
        for changes in ({"iterations": 0}, {}, {"precision": precision})
    )
    assert 0 < float((half - single).abs().mean()) < 0.25 * float((single - start).abs().mean())


def test_pixels_stay_inside(digits: Target, digits_teacher: Teacher) -> None:
    pixels = levels(digits, digits_teacher, precision="bf16", lr=5.0)
    assert -1e-3 <= float(pixels.min()) <= float(pixels.max()) <= 255 + 1e-3
