"""Methods are rows of one engine: with the switches that they differ in set equal they make the same images."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.data.target import Target, TargetSpec
from rd3.methods.base import METHODS, Task
from rd3.methods.decoupled import Decoupled
from rd3.squeeze.teacher import Teacher

ROWS = [name for name in METHODS.names() if issubclass(METHODS[name], Decoupled)]
T = 6  # iterations on both sides


def row(name: str, target: Target, ipc: int, **changes: Any) -> Decoupled:
    """The paper's row for a target with changes."""
    method = parse(METHODS[name], {**METHODS[name].settings_for(target, ipc), **changes}, where="test")
    assert isinstance(method, Decoupled)
    return method


def images(name: str, target: Target, teachers: tuple[Teacher, ...], *, ipc: int = 3, **changes: Any) -> Tensor:
    method = row(name, target, ipc, **{"iterations": T} | changes)
    return method.distill(Task(target, teachers[0], ipc, seed=5, teachers=teachers)).images


@pytest.fixture(scope="module")
def mirrored(few: Target) -> Target:
    """Digits that a flip may mirror, so that flips are part of what is compared."""
    return dataclasses.replace(few, flip_keeps_class=True)


@pytest.mark.parametrize(
    ("name", "changes", "other", "other_changes"),
    [
        ("sre2l", {"crop": "cda", "flip": True}, "cda", {}),
        ("sre2l", {"init": "rded-medium", "crop": "rrc", "flip": True}, "sre2l++", {}),
        ("scdd", {}, "sre2l", {"lr": 0.4, "r_bn": 0.005}),
        ("cv-dd", {}, "sre2l++", {}),
        ("fadrm", {"residual": 1.0, "stage_sizes": [8]}, "sre2l++", {}),
        ("fadrm+", {}, "fadrm", {}),
        ("delt", {"round_iterations": T}, "cda", {"init": "medium", "batching": "cm", "roll": 0}),
        ("lpld", {}, "sre2l", {"batching": "1c", "match": "bn_class"}),
        ("dwa", {"perturb_steps": 0, "var_w": 1.0}, "sre2l", {"init": "real"}),
        ("dwa", {"perturb_radius": 0.0}, "sre2l", {"init": "real", "var_w": 11.0}),
        (
            "edc",
            {"match": "bn", "conv": False, "tile": 0, "ema": 0.0, "batching": "opc"},
            "sre2l",
            {"init": "real", "lr": 0.05, "crop": "rrc", "crop_scale": 0.5, "flip": True, "roll": 0},
        ),
        (
            "g-vbsm",
            {"conv": False, "tile": 0, "ema": 0.0, "densify": 0.0},
            "sre2l",
            {"batching": "cm", "lr": 0.05, "crop": "pad", "padding": 1, "flip": True, "roll": 8},
        ),
        ("edc", {"match": "bn", "drop": 0.4, "densify": 1.0}, "g-vbsm", {
            "init": "real", "crop": "rrc", "crop_scale": 0.5, "roll": 0}),
        (
            "wmdd",
            {"r_embedding": 0.0, "batching": "1c"},
            "lpld",
            {"k0": 1.0, "r_bn": 10.0, "crop": "rrc", "flip": True},
        ),
    ],
)  # fmt: skip
def test_rows_with_the_same_switches_make_the_same_images(
    name: str, changes: dict, other: str, other_changes: dict, mirrored: Target, teacher: Teacher
) -> None:
    """Under one teacher, with the numbers of iterations set equal."""
    first, second = images(name, mirrored, (teacher,), **changes), images(other, mirrored, (teacher,), **other_changes)
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", sorted(set(ROWS) - {"infer"}))
def test_rded_is_any_row_without_iterations(name: str, few: Target, teacher: Teacher) -> None:
    rded = METHODS["rded"](**METHODS["rded"].settings_for(few, 3)).distill(Task(few, teacher, 3, seed=5))
    assert torch.equal(images(name, few, (teacher,), iterations=0, init="rded", stage_sizes=[]), rded.images)


def test_infer_without_iterations_shows_each_real_image_once_a_variant(few: Target, pool: tuple) -> None:
    """Three teachers: slots 0 to 3 show the first real image, the next four the second."""
    start = METHODS["random"]().distill(Task(few, None, 8, seed=5)).images.view(10, 8, 1, 8, 8)
    made = images("infer", few, pool, ipc=8, iterations=0).view(10, 8, 1, 8, 8)
    assert torch.equal(made[:, :4], start[:, :1].expand(-1, 4, -1, -1, -1))
    assert torch.equal(made[:, 4:], start[:, 1:2].expand(-1, 4, -1, -1, -1))


def test_infers_images_that_nothing_moves_have_draws_of_their_own_too(few: Target, pool: tuple) -> None:
    variants = len(pool) + 1
    still = images("infer", few, pool, ipc=2 * variants, iterations=0, init="noise").view(10, 2 * variants, -1)
    first, second = still[:, variants - 1], still[:, 2 * variants - 1]
    assert not any(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_infer_moves_all_classes_alike_but_leaves_the_last_variant(few: Target, pool: tuple) -> None:
    still, moved = (images("infer", few, pool, ipc=4, iterations=n).view(10, 4, 8, 8).int() for n in (0, T))
    assert torch.equal(moved[:, 3], still[:, 3])
    inside = (moved > 0) & (moved < 255)
    for variant in range(3):
        way, seen = (moved - still)[:, variant], inside[:, variant]
        for other in range(1, 10):
            both = seen[0] & seen[other]
            assert int((way[0] - way[other])[both].abs().max()) <= 1  # rounding to 8 bits
    assert not torch.equal(moved[:, 0] - still[:, 0], moved[:, 1] - still[:, 1])


def sized(target: Target, size: int, name: str, classes: int = 10) -> Target:
    empty = MemoryImages(torch.zeros(1, 1, size, size, dtype=torch.uint8), torch.zeros(1))
    names = tuple(str(number) for number in range(classes))
    return dataclasses.replace(target, train=empty, spec=TargetSpec(name=name), classes=names)


IN, TINY, C10, C100 = ("imagenet-1k", 224), ("tiny-imagenet", 64), ("cifar10", 32), ("cifar100", 32)
NETTE = ("imagenette", 224)
PUBLISHED: list[tuple[str, tuple[str, int], int, dict[str, Any]]] = [
    ("sre2l", IN, 10, {"iterations": 4000, "lr": 0.25, "r_bn": 0.01, "roll": 32, "crop": "rrc", "init": "noise"}),
    ("sre2l", TINY, 10, {"iterations": 4000, "lr": 0.1, "r_bn": 1.0, "roll": 4, "roll_symmetric": True}),
    ("sre2l", C100, 10, {"iterations": 1000, "lr": 0.25, "r_bn": 0.01, "roll": 4, "crop": "none", "flip": False}),
    ("cda", IN, 10, {"iterations": 4000, "lr": 0.25, "r_bn": 0.01, "roll": 32, "crop": "cda", "crop_milestone": 1.0}),
    ("cda", TINY, 10, {"iterations": 4000, "lr": 0.4, "r_bn": 0.05, "roll": 4, "roll_symmetric": False}),
    ("scdd", IN, 10, {"iterations": 1000, "lr": 0.25, "r_bn": 0.01, "roll": 32, "crop": "rrc", "init": "noise"}),
    ("scdd", TINY, 10, {"iterations": 1000, "lr": 0.6, "crop": "rrc", "roll": 4, "roll_symmetric": False}),
    ("scdd", C100, 10, {"iterations": 1000, "lr": 0.4, "r_bn": 0.005, "crop": "none", "flip": False, "roll": 4}),
    ("sre2l++", C10, 10, {"iterations": 4000, "lr": 0.25, "r_bn": 0.01, "roll": 4, "crop": "rrc", "flip": True}),
    ("cv-dd", IN, 1, {"init": "rded-medium", "combine": "pair", "pair_rule": "best", "prior_temperature": 5.0}),
    ("cv-dd", IN, 10, {"pair_rule": "cycle", "iterations": 4000, "lr": 0.25, "r_bn": 0.01}),
    ("cv-dd", IN, 50, {"pair_rule": "random", "k0": 10.0}),
    ("g-vbsm", IN, 10, {"lr": 0.1, "ema": 0.4, "drop": 0.0, "crop": "rrc", "roll": 32, "tile": 16, "batch_size": 80}),
    ("g-vbsm", C100, 10, {"lr": 0.05, "ema": 0.8, "drop": 0.4, "crop": "pad", "padding": 4, "roll": 32, "tile": 4}),
    ("g-vbsm", TINY, 10, {"padding": 8, "iterations": 4000, "r_bn": 0.01, "densify": 1.0, "batching": "cm"}),
    ("edc", IN, 10, {"iterations": 1000, "r_bn": 0.1, "init": "rded", "lr": 0.05, "crop_scale": 0.5, "roll": 0}),
    ("edc", C100, 10, {"iterations": 2000, "r_bn": 0.01, "init": "real", "ema": 0.8, "match": "bn_mix", "drop": 0.0}),
    ("edc", C10, 1, {"iterations": 75, "batch_size": 10, "crop_scale": 0.08}),
    ("dwa", IN, 10, {"iterations": 2000, "lr": 0.25, "var_w": 2.0, "perturb_steps": 15, "perturb_radius": 0.015}),
    ("dwa", TINY, 10, {"iterations": 2000, "lr": 0.1, "var_w": 11.0, "perturb_steps": 12, "batch_size": 200}),
    ("dwa", C100, 10, {"iterations": 1000, "lr": 0.25, "var_w": 11.0, "crop": "none", "init": "real"}),
    ("lpld", IN, 10, {"iterations": 4000, "lr": 0.25, "r_bn": 0.01, "batching": "1c", "match": "bn_class"}),
    ("lpld", TINY, 10, {"lr": 0.1, "r_bn": 0.05, "roll": 4, "roll_symmetric": True}),
    ("wmdd", NETTE, 10, {"iterations": 2000, "lr": 0.25, "r_bn": 10.0, "k0": 1.0, "batch_size": 100, "roll": 32}),
    ("wmdd", TINY, 30, {"lr": 0.1, "r_bn": 500.0, "batch_size": 90, "r_embedding": 1.0, "match": "bn_class"}),
    ("fadrm", IN, 10, {"iterations": 2000, "lr": 0.25, "stage_sizes": (200, 224, 200, 224), "residual": 0.5}),
    ("fadrm", NETTE, 10, {"lr": 0.05}),
    ("fadrm", TINY, 10, {"iterations": 1000, "lr": 0.01, "stage_sizes": (64, 64)}),
    ("fadrm+", TINY, 10, {"iterations": 2000, "lr": 0.25, "stage_sizes": (64,) * 4, "combine": "round-robin"}),
    ("delt", IN, 10, {"iterations": 4000, "round_iterations": 500, "roll": 0, "crop": "cda", "batching": "cm"}),
    ("infer", C100, 10, {"iterations": 1000, "r_bn": 1.0, "crop": "none", "roll": 4, "batch_size": 100}),
    ("infer", IN, 10, {"iterations": 2000, "r_bn": 0.01, "crop": "rrc", "roll": 32, "batch_size": 1000}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "benchmark", "ipc", "published"), PUBLISHED)
def test_settings_are_the_published_ones(
    name: str, benchmark: tuple[str, int], ipc: int, published: dict[str, Any], digits: Target
) -> None:
    method = row(name, sized(digits, benchmark[1], benchmark[0]), ipc)
    assert {key: getattr(method, key) for key in published} == published


def test_every_row_has_a_published_setting_here() -> None:
    assert {name for name, *_ in PUBLISHED} == set(ROWS)


@pytest.mark.parametrize("name", ["cda", "lpld"])
def test_imagenet_21k_is_told_by_its_classes(name: str, digits: Target) -> None:
    method = row(name, sized(digits, 224, "folder:21k", classes=10_450), 10)
    assert (method.iterations, method.lr, method.r_bn) == (2000, 0.05, 0.25)


@pytest.mark.parametrize("name", ROWS)
def test_every_other_value_is_sre2ls(name: str, digits: Target) -> None:
    """A row says what it changes; nothing changes by accident."""
    changed = {
        "sre2l": set(),
        "cda": {"crop"},
        "scdd": {"iterations"},
        "sre2l++": {"init"},
        "cv-dd": {"init", "combine", "pair_rule"},
        "g-vbsm": {"lr", "batching", "batch_size", "combine", "conv", "tile", "ema", "densify"},
        "edc": {"iterations", "lr", "init", "batching", "batch_size", "combine", "match", "conv", "tile", "ema", "r_bn",
                "crop_scale", "roll"},
        "dwa": {"iterations", "init", "perturb_steps", "var_w"},
        "lpld": {"batching", "match"},
        "wmdd": {"iterations", "batching", "match", "k0", "r_bn", "r_embedding"},
        "fadrm": {"iterations", "init", "residual", "stage_sizes"},
        "fadrm+": {"iterations", "init", "residual", "stage_sizes", "combine"},
        "delt": {"init", "batching", "crop", "roll", "round_iterations"},
        "infer": {"iterations", "init", "param", "combine", "batch_size"},
    }  # fmt: skip
    target = sized(digits, 224, "imagenet-1k")
    own, sre2l = row(name, target, 1), row("sre2l", target, 1)
    differing = {key for key in METHODS[name].model_fields if getattr(own, key) != getattr(sre2l, key)}
    assert differing - {"pair_rule"} == changed[name] - {"pair_rule"}
