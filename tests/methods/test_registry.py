"""What holds for every method, by name from the registry: a new file adds its tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.methods.quick import quick_method
from torch.utils._python_dispatch import TorchDispatchMode

from rd3.base.spec import parse
from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Task
from rd3.methods.decoupled import Decoupled
from rd3.report.method_settings import written
from rd3.squeeze.teacher import Teacher
from rd3.study.jobs.synthetic import order_notes, synthetic_spec
from rd3.synthetic.artifact import Manifest, Synthetic

NAMES = METHODS.names()
POOLS = [name for name in NAMES if METHODS[name].wants_pool]
WITHOUT_DRAWS = {"herding", "k-center", "least-confidence", "margin"}


def distil(
    name: str, target: Target, teachers: Teacher | tuple[Teacher, ...], *, ipc: int = 2, seed: int = 0
) -> Distilled:
    own = teachers if isinstance(teachers, tuple) else (teachers,)
    return quick_method(name, target, ipc).distill(Task(target, own[0], ipc, seed, teachers=own))


def pixel_type(name: str, target: Target) -> torch.dtype:
    """Floats where a method keeps what it learned as it is."""
    return torch.float32 if getattr(quick_method(name, target, 2), "quantise", "") == "none" else torch.uint8


@pytest.mark.parametrize("name", NAMES)
def test_a_method_makes_the_same_images_class_by_class(name: str, few: Target, pool: tuple) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    made = distil(name, few, pool)
    assert torch.equal(torch.get_rng_state(), state)  # the global generator is neither moved
    torch.manual_seed(1)
    again = distil(name, few, pool)  # nor read
    assert (made.images.shape, made.images.dtype) == ((20, 1, 8, 8), pixel_type(name, few))
    assert bool(made.images.isfinite().all())
    assert (made.labels.tolist(), made.labels.dtype) == (sorted(list(range(10)) * 2), torch.int64)
    assert float(made.images.max()) > float(made.images.min())
    assert torch.equal(made.images, again.images)
    if made.soft_labels is not None:
        assert torch.equal(made.soft_labels, again.soft_labels)


class Backward(TorchDispatchMode):
    """Notes whether a gradient goes through `grid_sample`, which has no deterministic kernel on a GPU."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen |= func is torch.ops.aten.grid_sampler_2d_backward.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", NAMES)
def test_a_method_says_what_a_gpu_adds_up_in_any_order(name: str, few: Target, pool: tuple) -> None:
    with Backward() as backward:
        distil(name, few, pool)
    said = quick_method(name, few, 2).unordered()
    assert ("grid_sample" in str(said)) == backward.seen


@pytest.mark.parametrize(
    ("name", "changes", "unordered"),
    [
        ("dsa", {"augment": "none"}, False),
        ("dc", {"augment": "dsa"}, True),
        ("idc", {"strategy": "color_crop"}, False),
        ("idc", {"strategy": "color_scale_rotate"}, True),
    ],
)
def test_what_a_gpu_adds_up_in_any_order_follows_from_settings(
    name: str, changes: dict[str, Any], unordered: bool, few: Target, pool: tuple
) -> None:
    method = quick_method(name, few, 2, **changes)
    with Backward() as backward:
        method.distill(Task(few, pool[0], 2, 0, teachers=pool))
    assert (method.unordered() is not None) == unordered == backward.seen


def test_a_set_that_a_gpu_made_in_any_order_says_so(few: Target) -> None:
    method, gpu = quick_method("dsa", few, 2), torch.device("cuda")  # a name: nothing is run on it
    (note,) = order_notes(method, gpu)
    assert note.startswith("not the same bits again: the backward pass of grid_sample")
    assert order_notes(method, torch.device("cpu")) == order_notes(quick_method("rded", few, 2), gpu) == ()


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_gives_other_images(name: str, few: Target, pool: tuple) -> None:
    first, other = (distil(name, few, pool, seed=seed).images for seed in (0, 1))
    assert torch.equal(first, other) == (name in WITHOUT_DRAWS)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_method_made_can_be_saved_and_loaded(name: str, few: Target, pool: tuple, tmp_path: Path) -> None:
    made, method = distil(name, few, pool, ipc=1), quick_method(name, few, 1)
    manifest = Manifest(
        method=name,
        settings=method.as_json(),
        target="digits",
        target_fingerprint=few.fingerprint,
        classes=few.classes,
        ipc=1,
        aids=method.declared_aids(),
        fingerprint="test",
        info=made.info,
        decode=made.decode,
    )
    form: dict[str, Any] = {"soft_label_form": "logits"} if made.soft_labels is not None else {}
    manifest = parse(Manifest, manifest.as_json() | form, where="test")
    synthetic = Synthetic(made.images, made.labels, made.soft_labels, made.learned_lr, manifest)
    loaded = Synthetic.load(synthetic.save(tmp_path / "set"))
    assert torch.equal(loaded.images, made.images)
    assert loaded.manifest == manifest
    assert parse(METHODS[name], loaded.manifest.settings, where="manifest") == method


@pytest.mark.parametrize("name", NAMES)
def test_progress_rises_to_one(name: str, few: Target, teacher: Teacher) -> None:
    seen: list[float] = []
    quick_method(name, few, 1).distill(Task(few, teacher, 1, 0, progress=seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_method_says_what_it_is_and_what_it_costs(name: str, few: Target) -> None:
    method = quick_method(name, few, 2)
    assert method.title
    assert method.paper
    assert method.needs_teacher == ("teacher" in method.aids)
    assert not method.needs_teacher or method.cost(few, 2) > 0
    assert method.wants_pool == ("teacher pool" in method.aids)
    assert METHODS[name].model_validate(method.as_json()) == method


@pytest.mark.parametrize("name", NAMES)
def test_changes_are_told_from_the_papers_settings(name: str, digits: Target) -> None:
    for key, field in METHODS[name].model_fields.items():
        spec = synthetic_spec(name, digits, ipc=2, teacher="T")
        assert spec.changed == ()
        if field.annotation is bool:
            value = getattr(parse(METHODS[name], spec.settings, where="test"), key)
            changed = synthetic_spec(name, digits, ipc=2, teacher="T", changes={key: not value})
            assert (changed.changed, changed.label) == ((key,), f"{name}[{key}={not value}]")
            assert changed.fingerprint != spec.fingerprint


@pytest.mark.parametrize("name", POOLS)
def test_a_pool_is_used_and_one_teacher_is_noted(name: str, few: Target, pool: tuple) -> None:
    alone, together = (distil(name, few, teachers) for teachers in (pool[:1], pool))
    assert not torch.equal(alone.images, together.images)
    note = "one teacher in place of a pool"
    assert note in alone.info["flags"]
    assert note not in together.info["flags"]


@pytest.mark.parametrize("name", [name for name in NAMES if METHODS[name].needs_teacher and name not in POOLS])
def test_other_methods_use_the_first_teacher_alone(name: str, few: Target, pool: tuple) -> None:
    assert torch.equal(distil(name, few, pool[:1], ipc=1).images, distil(name, few, pool, ipc=1).images)


def test_a_pool_makes_other_sets_and_one_teacher_the_same_as_ever(digits: Target) -> None:
    alone = synthetic_spec("cv-dd", digits, ipc=1, teacher="A")
    pooled = synthetic_spec("cv-dd", digits, ipc=1, teacher="A", pool=("B",))
    assert alone.fingerprint != pooled.fingerprint
    assert synthetic_spec("sre2l", digits, ipc=1, teacher="A", pool=("B",)).pool == ()


@pytest.mark.parametrize(
    ("name", "changes", "fingerprint"),
    [
        ("random", {}, "e9a19b7ac70009abaa8d"),
        ("herding", {}, "b7bd773aaf3d204cd567"),
        ("rded", {}, "7a53e905213a2c60c35e"),
        ("dm", {"iterations": 3}, "abea10936ce948962e87"),
        ("sre2l", {"iterations": 6}, "ff88afad872bc1b8d903"),
        ("sre2l", {"iterations": 6, "init": "real"}, "7a386a4e6cd0aa83b20f"),
        ("cda", {"iterations": 6}, "67ad1cc8b362c76083c5"),
        ("dwa", {"iterations": 6}, "bbc7b4058904bfe3ace5"),
        ("edc", {"iterations": 6}, "4307da50d863fd2567cb"),
        ("fadrm", {"iterations": 6}, "c94cb54d86bb98323b90"),
        ("infer", {"iterations": 6}, "6ef9bf0b6e7bbc5f13ba"),
    ],
)
def test_sets_made_by_earlier_versions_keep_their_fingerprints(
    name: str, changes: dict[str, Any], fingerprint: str, digits: Target
) -> None:
    assert synthetic_spec(name, digits, ipc=1, teacher="T", changes=changes).fingerprint == fingerprint


def documented() -> tuple[str, list[str]]:
    """The page on methods, and the names in its tables' first column."""
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
    return page, re.findall(r"^\| `([^`]+)` \|", page, flags=re.MULTILINE)


def test_the_documentation_has_rows_of_methods_that_exist() -> None:
    _, rows = documented()
    named = [row for row in rows if "=" not in row]
    assert len(named) == len(set(named)) > 20
    assert set(named) <= set(NAMES)


def test_every_method_of_the_family_has_a_whole_row_in_the_documentation() -> None:
    """Method, paper, switches, differences and how it is verified."""
    page, _ = documented()
    family = [name for name in NAMES if issubclass(METHODS[name], Decoupled)] + ["rded"]
    for name in family:
        (row,) = re.findall(rf"^\| `{re.escape(name)}` \|.*$", page, flags=re.MULTILINE)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 5, row
        assert all(cells), row
        assert METHODS[name].paper.removeprefix("arXiv ") in cells[1], row


def test_the_documented_settings_are_the_registrys() -> None:
    """After a change: python -m rd3.report.method_settings docs/methods.md"""
    page, _ = documented()
    assert written(page) == page


def test_the_tests_that_the_documentation_names_exist() -> None:
    page, _ = documented()
    names = set(re.findall(r"`(?:tests/\w+/)?(test_\w+)(?:\.py)?`", page))
    assert len(names) > 10
    assert names <= {file.stem for file in Path(__file__).parents[1].rglob("test_*.py")}
