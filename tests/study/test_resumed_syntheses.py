"""Syntheses that are ended and go on: the bits of those that never were, and nothing stale in them."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from rd3.base.keep import Place
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.squeeze.bank import Watched, statistics_bank
from rd3.squeeze.readings import Channels
from rd3.squeeze.spec import teacher_spec
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.train import squeeze
from rd3.study import partial
from rd3.study.bench import keep_teacher
from rd3.study.executors.base import Silent, announce
from rd3.study.executors.serial import SerialExecutor
from rd3.study.jobs.base import Job
from rd3.study.jobs.synthetic import SyntheticJob, stored_synthetic
from rd3.study.meter import Meter
from rd3.study.partial import partial_of
from rd3.study.plan import synthetic_job
from rd3.study.shelf import StatisticsShelf
from rd3.study.store import Store

CPU = torch.device("cpu")
MODEL = "convnet2-bn-w8"
CHANGES: dict[str, dict[str, Any]] = {
    "sre2l": {"batch_size": 4, "iterations": 3, "perturb_steps": 1, "perturb_reset": "slot"},
    "wmdd": {"batch_size": 4, "iterations": 2, "tile": 4},
    "rded": {},
    "el2n": {"networks": 2, "epochs": 1},
}


class EndedError(Exception):
    """Stands for a kill."""


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("digits")


@pytest.fixture(scope="module")
def teacher(target: Target) -> Teacher:
    return squeeze(target, teacher_spec(target, MODEL, epochs=1))


@pytest.fixture
def started(target: Target, teacher: Teacher, tmp_path: Path) -> Callable[..., tuple[SyntheticJob, Store]]:
    def started(method: str, name: str = "home") -> tuple[SyntheticJob, Store]:
        store = Store(tmp_path / name)
        keep_teacher(teacher, store)
        made_by = (teacher.fingerprint, MODEL)
        return synthetic_job(target, method, ipc=2, teacher=made_by, changes=CHANGES[method]), store

    return started


def end_after(fraction: float, job: SyntheticJob, store: Store) -> None:
    def progress(done: float) -> None:
        if done >= fraction:
            raise EndedError

    with pytest.raises(EndedError):
        job.execute(store, CPU, progress)


@pytest.mark.parametrize("method", CHANGES)
def test_one_that_goes_on_has_the_bits_of_one_that_was_never_ended(method: str, started) -> None:
    job, store = started(method)
    end_after(0.5, job, store)
    place = job.left_off(store, CPU)
    assert place is not None
    assert 0 < place.done < place.of
    job.execute(store, CPU, lambda _: None)
    whole, other = started(method, "other")
    whole.execute(other, CPU, lambda _: None)
    found, expected = (stored_synthetic(one, job.fingerprint) for one in (store, other))
    assert torch.equal(found.images, expected.images)
    assert torch.equal(found.labels, expected.labels)
    assert not list((store.root / "partial").iterdir()), "nothing is left when it is done"


def test_parts_of_finished_work_are_taken_away(started) -> None:
    """As after a kill between filing the set and taking its parts away."""
    job, store = started("sre2l")
    end_after(0.5, job, store)
    shutil.copytree(store.root / "partial", store.home / "kept")
    job.execute(store, CPU, lambda _: None)
    other, _ = started("rded")
    end_after(0.5, other, store)
    left = set((store.root / "partial").iterdir())
    shutil.copytree(store.home / "kept", store.root / "partial", dirs_exist_ok=True)
    SerialExecutor(CPU).run([job], store, Silent())
    assert set((store.root / "partial").iterdir()) == left


class Heard(Silent):
    """Notes where a job goes on."""

    def __init__(self) -> None:
        self.places: list[Place] = []

    def resumed(self, job: Job, place: Place) -> None:  # noqa: ARG002
        self.places.append(place)


def test_where_it_goes_on_is_said_by_the_process_that_has_it(started) -> None:
    job, store = started("sre2l")
    end_after(0.5, job, store)
    heard = Heard()
    with store.lock(job.kind, job.fingerprint):
        announce(job, store, CPU, heard)
    assert not heard.places
    announce(job, store, CPU, heard)
    assert heard.places == [job.left_off(store, CPU)]


def test_kept_parts_are_used_and_damaged_ones_are_not(started) -> None:
    job, store = started("sre2l")
    end_after(0.5, job, store)
    parts = partial_of(store, job, CPU)
    images = parts.load("batch-0")["images"]  # type: ignore[index]
    parts.save("batch-0", {"images": 255 - images}, Place(1, 6, "batches"))
    (file,) = (store.root / "partial").glob("*/batch-1.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    job.execute(store, CPU, lambda _: None)
    whole, other = started("sre2l", "other")
    whole.execute(other, CPU, lambda _: None)
    found, expected = (stored_synthetic(one, job.fingerprint).images for one in (store, other))
    marked = torch.zeros(20, dtype=torch.bool)
    marked[[0, 2, 4, 6]] = True  # batch 0: the first images of classes 0 to 3
    assert torch.equal(found[marked], 255 - expected[marked])
    assert torch.equal(found[~marked], expected[~marked])


@pytest.mark.parametrize("changed", ["torch", "rd3", "device", "weights"])
def test_parts_of_another_environment_are_not(changed: str, started, monkeypatch: pytest.MonkeyPatch) -> None:
    job, store = started("sre2l")
    end_after(0.5, job, store)
    assert job.left_off(store, CPU) is not None
    if changed == "torch":
        monkeypatch.setattr(partial.torch, "__version__", "0")  # type: ignore[attr-defined]
    elif changed == "rd3":
        monkeypatch.setattr(partial.rd3, "__version__", "0")  # type: ignore[attr-defined]
    elif changed == "device":
        monkeypatch.setattr(partial, "kernels_of", lambda device: f"another {device}")
    else:
        squeeze_anew(store, job.spec.teacher)
    assert job.left_off(store, CPU) is None


def squeeze_anew(store: Store, fingerprint: str | None) -> None:
    """The store's teacher with other weights under its fingerprint, as another GPU would leave it."""
    assert fingerprint is not None
    place = store.path("teacher", fingerprint)
    weights = {name: value + 1 for name, value in load_file(place / "weights.safetensors").items()}
    facts = (place / "teacher.json").read_text()
    shutil.rmtree(place)

    def write(folder: Path) -> None:
        save_file(weights, folder / "weights.safetensors")
        (folder / "teacher.json").write_text(facts)

    store.put("teacher", fingerprint, {}, write)


def test_statistics_in_the_store_are_taken_and_charged(target: Target, teacher: Teacher, tmp_path: Path) -> None:
    store, wanted = Store(tmp_path), Watched("bn", Channels())
    made = statistics_bank(teacher, target, [wanted], device=CPU, shelf=StatisticsShelf(store, Meter(CPU)))[wanted]
    unseen = dataclasses.replace(target, train=Unseen(target.train.batch(torch.arange(1)), target.train.labels[:1]))
    meter = Meter(CPU)
    meter.charge(1000)
    found = statistics_bank(teacher, unseen, [wanted], device=CPU, shelf=StatisticsShelf(store, meter))[wanted]
    for one, other in zip(made, found, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))
    (entry,) = store.entries()
    cost = json.loads((entry / "cost.json").read_text())["seconds"]
    assert cost > 0
    assert meter.seconds > 1000 + cost


class Unseen(MemoryImages):
    """Images that nobody may look at."""

    def batch(self, indices: Tensor) -> Tensor:  # noqa: ARG002
        raise AssertionError("the statistics were there")


def test_statistics_of_other_weights_under_one_fingerprint_are_not_taken(
    target: Target, teacher: Teacher, tmp_path: Path
) -> None:
    wanted, shelf = Watched("bn", Channels()), StatisticsShelf(Store(tmp_path), Meter(CPU))
    statistics_bank(teacher, target, [wanted], device=CPU, shelf=shelf)
    model = copy.deepcopy(teacher.model)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5)
    anew = dataclasses.replace(teacher, model=model)
    found = statistics_bank(anew, target, [wanted], device=CPU, shelf=shelf)[wanted]
    expected = statistics_bank(anew, target, [wanted], device=CPU)[wanted]
    assert torch.equal(found[0].mean, expected[0].mean)
    assert len(list(Store(tmp_path).entries())) == 2
