"""Every method's synthesis goes on where it was ended, and costs what its manifest says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.methods.quick import quick_settings

from rd3.api import distill_job
from rd3.cli.main import main
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.models import create_model
from rd3.squeeze.teacher import Teacher
from rd3.study import partial
from rd3.study.bench import keep_teacher
from rd3.study.jobs.base import work
from rd3.study.jobs.synthetic import SyntheticJob, stored_synthetic
from rd3.study.store import Store
from rd3.synthetic import Synthetic

CPU = torch.device("cpu")
IN_ONE_PIECE = {"random", "herding", "k-center", "least-confidence", "margin", "forgetting"}


class EndedError(Exception):
    """A kill, as far as a test in one process can have it."""


@pytest.fixture(scope="module")
def digits() -> Target:
    return load_target("digits")


@pytest.fixture(scope="module")
def pool(digits: Target) -> tuple[Teacher, ...]:
    names = ("convnet1-bn-w8", "convnet2-bn-w4")
    models = [create_model(name, classes=10, size=8, channels=1, seed=1) for name in names]
    return tuple(
        Teacher(model, name, digits.mean, digits.std, digits.classes, f"untrained {name}", 0.1, 5.0)
        for model, name in zip(models, names, strict=True)
    )


@pytest.fixture(autouse=True)
def _loops_are_kept_at_every_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "PAUSE", 0.0)


def job_of(name: str, digits: Target, pool: tuple[Teacher, ...]) -> SyntheticJob:
    quick = quick_settings(name, iterations=4, networks=2, batch_size=10, perturb_steps=2)
    return distill_job(name, digits, *(pool if METHODS[name].needs_teacher else ()), ipc=2, changes=quick)


def store_of(home: Path, pool: tuple[Teacher, ...]) -> Store:
    store = Store(home)
    for teacher in pool:
        keep_teacher(teacher, store)
    return store


def ends_at(fraction: float) -> Callable[[float], None]:
    def progress(done: float) -> None:
        if done >= fraction:
            raise EndedError

    return progress


@pytest.mark.parametrize("name", METHODS.names())
def test_an_ended_synthesis_goes_on_and_ends_with_the_same_bits(
    name: str, digits: Target, pool: tuple[Teacher, ...], tmp_path: Path
) -> None:
    job = job_of(name, digits, pool)
    whole, ended = (store_of(tmp_path / home, pool) for home in ("whole", "ended"))
    work(job, whole, CPU)
    for fraction in (0.5, 1.0):
        with pytest.raises(EndedError):
            work(job, ended, CPU, ends_at(fraction))
        assert not ended.has(job.kind, job.fingerprint)
    assert (job.left_off(ended, CPU) is None) == (name in IN_ONE_PIECE)
    work(job, ended, CPU)
    first, second = (stored_synthetic(store, job.fingerprint) for store in (whole, ended))
    assert first.content_fingerprint == second.content_fingerprint
    assert first.manifest.same_work(second.manifest)
    assert job.left_off(ended, CPU) is None
    assert not list((ended.root / "partial").glob("*"))
    costs_are_told(second, name)


def costs_are_told(synthetic: Synthetic, name: str) -> None:
    manifest = synthetic.manifest
    assert manifest.seconds.synthesise is not None
    assert manifest.seconds.synthesise > 0
    assert manifest.seconds.squeeze == (5.0 * len(manifest_teachers(name)) if METHODS[name].needs_teacher else 0)
    assert (manifest.peak_memory_bytes or 0) > 0
    assert (manifest.memory.stated or 0) > 0
    assert manifest.memory.grown is not None
    assert ("teacher_forwards" in manifest.info) == METHODS[name].needs_teacher


def manifest_teachers(name: str) -> tuple[str, ...]:
    return ("first", "second") if METHODS[name].wants_pool else ("first",)


SCRIPT = "import rd3.study.partial as p; p.PAUSE = 0.0; from rd3.cli import main; raise SystemExit(main())"
KILLED = {
    "sre2l": ("-p", "iterations=30", "-p", "batch_size=2"),
    "dm": ("-p", "iterations=200", "-p", "real_batch=4", "-p", "network=convnet1-w4"),
}


@pytest.fixture(params=KILLED)
def killed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, tuple[str, ...], Path]:
    """A home in which `rd3 distill` was killed as soon as something was kept."""
    name, home = request.param, tmp_path / "killed"
    words = (name, "digits", "--ipc", "2", "--workers", "1", "--device", "cpu", *KILLED[name])
    words = (*words, "--teacher-model", "convnet1-bn-w8", "--teacher-epochs", "1")
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "distill", *words, "--home", str(home)],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while not list((home / "store" / "partial").glob("*/*.safetensors")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return name, words, home


def test_a_killed_process_loses_a_part_and_the_next_says_where_it_goes_on(
    killed: tuple[str, tuple[str, ...], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name, words, home = killed
    made = []
    for place in (home, tmp_path / "whole"):
        assert main(["distill", *words, "--home", str(place)]) == 0
        out, err = capfd.readouterr()
        assert ("continues at" in err) == (place == home)
        assert "of memory (stated: at most" in out
        made.append(Synthetic.load(out.split(": ")[0]))
        if place == home:
            assert ("of 10 batches" if name == "sre2l" else "of 200 iterations") in err
    assert made[0].content_fingerprint == made[1].content_fingerprint
