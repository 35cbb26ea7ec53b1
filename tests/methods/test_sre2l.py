from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Task
from rd3.methods.sre2l import Sre2l
from rd3.models.create import create_model
from rd3.squeeze.teacher import Teacher


def distil(target: Target, teacher: Teacher, *, ipc: int = 2, seed: int = 0, **settings: Any) -> Distilled:
    return parse(Sre2l, {"roll": 1, "iterations": 4, **settings}, where="test").distill(
        Task(target, teacher, ipc, seed)
    )


def sized(target: Target, size: int) -> Target:
    images = MemoryImages(torch.zeros(1, 1, size, size, dtype=torch.uint8), torch.zeros(1))
    return dataclasses.replace(target, train=images)


def test_without_iterations_the_images_are_the_start(digits: Target, teacher: Teacher) -> None:
    for init, name in (("rded", "rded"), ("real", "random")):
        start = METHODS[name](**METHODS[name].settings_for(digits, 2)).distill(Task(digits, teacher, 2, 5))
        assert torch.equal(distil(digits, teacher, seed=5, iterations=0, init=init).images, start.images)


def test_the_papers_settings_by_image_size(digits: Target) -> None:
    paper = {size: Sre2l(**Sre2l.settings_for(sized(digits, size), 10)) for size in (224, 64, 32)}
    table = {size: (s.iterations, s.lr, s.r_bn, s.crop, s.flip, s.roll, s.roll_symmetric) for size, s in paper.items()}
    assert table == {
        224: (4000, 0.25, 0.01, "rrc", True, 32, False),
        64: (4000, 0.1, 1.0, "rrc", True, 4, True),
        32: (1000, 0.25, 0.01, "none", False, 4, False),
    }
    assert all(
        (s.k0, s.var_w, s.batch_size, s.batching, s.crop_scale) == (10, 1, 100, "opc", 0.08) for s in paper.values()
    )


def test_images_convince_the_teacher(digits: Target, teacher: Teacher) -> None:
    settings = Sre2l.settings_for(digits, 1) | {"iterations": 100}
    made = distil(digits, teacher, ipc=1, **settings)
    noise = distil(digits, teacher, ipc=1, **settings | {"iterations": 0})
    confidence = [float(teacher.logits(x.images.float() / 255).softmax(1).diagonal().mean()) for x in (noise, made)]
    assert confidence[1] > 0.8 > 0.3 > confidence[0]


@pytest.mark.parametrize(
    "change",
    [
        {"batching": "cm", "batch_size": 3},
        {"batching": "1c"},
        {"crop": "none"},
        {"crop": "cda"},
        {"crop_draw": "sample"},
        {"roll_symmetric": True},
        {"k0": 1.0},
        {"var_w": 11.0},
        {"r_bn": 1.0},
        {"quantise": "floor"},
        {"init": "real"},
        {"init": "rded"},
        {"crop": "cda", "crop_milestone": 0.5},
    ],
)
def test_every_switch_changes_the_images(digits: Target, teacher: Teacher, change: dict[str, Any]) -> None:
    reference: dict[str, Any] = {"crop": "cda"} if "crop_milestone" in change else {}
    assert not torch.equal(distil(digits, teacher, **change).images, distil(digits, teacher, **reference).images)


def test_a_flip_is_used_only_where_it_keeps_the_class(digits: Target, teacher: Teacher) -> None:
    symmetric = dataclasses.replace(digits, flip_keeps_class=True)
    images = {
        (flip, target.flip_keeps_class): distil(target, teacher, flip=flip, iterations=8).images
        for flip in (True, False)
        for target in (digits, symmetric)
    }
    assert torch.equal(images[True, False], images[False, False])
    assert not torch.equal(images[True, True], images[False, True])


def test_the_info_says_what_was_done(digits: Target, teacher: Teacher) -> None:
    info = distil(digits, teacher, ipc=2, iterations=3, init="real").info
    assert info["flags"] == ["no flip: it would change the class", "init from real images"]
    assert info["teacher_forwards"] == 3 * 10 * 2


def test_the_cost_counts_scoring_as_a_third(digits: Target) -> None:
    counts = torch.bincount(digits.train.labels).clamp(max=300)
    assert Sre2l(iterations=7).cost(digits, 2) == 7 * 20
    assert Sre2l(iterations=7, init="rded").cost(digits, 2) == 7 * 20 + int(counts.sum()) * 5 // 3


def test_a_teacher_without_batch_norm_is_refused(digits: Target, teacher: Teacher) -> None:
    model = create_model("convnet2-in-w8", classes=10, size=8, channels=1, seed=0)
    with pytest.raises(UserError, match="teacher 'convnet2-in-w8' has no BatchNorm layer"):
        distil(digits, dataclasses.replace(teacher, model=model, name="convnet2-in-w8"))


@pytest.mark.parametrize("bad", [{"iterations": -1}, {"crop": "center"}, {"lr": 0}, {"r_bm": 1}, {"init": "zeros"}])
def test_bad_settings_are_refused_in_one_line(digits: Target, teacher: Teacher, bad: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(bad))) as caught:
        distil(digits, teacher, **bad)
    assert "\n" not in str(caught.value)


def test_more_iterations_lower_the_teachers_loss(digits: Target, teacher: Teacher) -> None:
    losses = []
    for iterations in (0, 10, 60):
        made = distil(digits, teacher, iterations=iterations, crop="none")
        losses.append(float(F.cross_entropy(teacher.logits(made.images.float() / 255), made.labels)))
    assert losses[0] > losses[1] > losses[2]
