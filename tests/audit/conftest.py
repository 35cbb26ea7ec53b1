"""Real digits, a small teacher, three synthetic sets and protocols of a few epochs, in one store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rd3
from rd3.study.audit.cell import Cell
from rd3.study.jobs.base import Job
from rd3.study.labellers import Labeller
from rd3.study.store import Store

MODEL = "convnet1-bn-w8"


class Counting:
    """A listener that remembers what was really done."""

    def __init__(self) -> None:
        self.done: list[Job] = []

    def expect(self, jobs: object) -> None: ...

    def started(self, job: Job) -> None: ...

    def resumed(self, job: Job, place: object) -> None: ...

    def progressed(self, job: Job, fraction: float) -> None: ...

    def finished(self, job: Job, seconds: float) -> None:
        if seconds:
            self.done.append(job)


@pytest.fixture
def listener() -> Counting:
    return Counting()


@pytest.fixture(scope="session")
def target() -> rd3.Target:
    return rd3.load_target("digits")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def teacher(target: rd3.Target, store: Store) -> rd3.Teacher:
    return rd3.squeeze(target, model=MODEL, epochs=15, store=store)


@pytest.fixture(scope="session")
def random_set(target: rd3.Target, store: Store) -> rd3.Synthetic:
    return rd3.distill("random", target, ipc=2, store=store)


@pytest.fixture(scope="session")
def herding_set(target: rd3.Target, teacher: rd3.Teacher, store: Store) -> rd3.Synthetic:
    return rd3.distill("herding", target, teacher, ipc=2, store=store)


@pytest.fixture(scope="session")
def cell(target: rd3.Target, teacher: rd3.Teacher) -> Cell:
    return Cell(target, MODEL, (Labeller(teacher.fingerprint, teacher.name),))


Writer = Callable[..., str]


@pytest.fixture(scope="session")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Writer:
    """`protocol("name", epochs=3)` writes a protocol file and returns its path; every field of rd3 may be changed."""
    folder = tmp_path_factory.mktemp("protocols")

    def write(name: str, **fields: Any) -> str:
        lines = [f"  {key}: {{value: {_yaml(value)}, provenance: inferred}}" for key, value in fields.items()]
        head = (
            f"id: {name}\nversion: 1\nbase: rd3\ntitle: {name}\nsource: tests\nnot_rankable: cut for tests\nfields:\n"
        )
        file = Path(folder) / f"{name}.yaml"
        file.write_text(head + "\n".join(lines) + "\n")
        return str(file)

    return write


def _yaml(value: Any) -> str:
    return json.dumps(value)
