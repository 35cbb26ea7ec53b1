"""Runs in another precision: recorded, never taken for what was asked, and flagged beside others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import rd3
from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.study.executors.choose import default_workers
from rd3.study.precision import mixed_precision, precision_notes, precision_of
from rd3.study.ranking import rows
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.training.execution import precision_asked_for

MODEL = "convnet1-bn-w8"


@pytest.fixture
def target() -> Target:
    return rd3.load_target("digits")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def protocol(tmp_path: Path) -> str:
    place = tmp_path / "brief.yaml"
    place.write_text(
        "id: brief\nversion: 1\nbase: rd3\ntitle: brief\nsource: tests\nnot_rankable: cut for tests\ncounterparts: {}\n"
        "fields:\n  epochs: {value: 3, provenance: inferred}\n  labels: {value: hard, provenance: inferred}\n"
        "  loss: {value: ce, provenance: inferred}\n"
    )
    return str(place)


def evaluated(
    synthetic: Synthetic, target: Target, protocol: str, store: Store, **options: object
) -> rd3.api.Evaluation:
    return rd3.evaluate(synthetic, target, protocol=protocol, student=MODEL, store=store, device="cpu", **options)


def test_a_run_says_its_precision_and_is_not_taken_for_another(target: Target, store: Store, protocol: str) -> None:
    synthetic = rd3.distill("random", target, ipc=2, store=store, device="cpu")
    with precision_asked_for("bfloat16"):
        half = evaluated(synthetic, target, protocol, store, seeds=1)
    assert [precision_of(record) for record in half.records] == ["bfloat16"]
    assert evaluated(synthetic, target, protocol, store, seeds=1).records == half.records, "what is stored is taken"
    with precision_asked_for("float32"), pytest.raises(UserError, match=r"precision = float32: .* in bfloat16"):
        evaluated(synthetic, target, protocol, store, seeds=1)
    assert {precision_of(r) for r in evaluated(synthetic, target, protocol, store, seeds=2).records} == {
        "bfloat16",
        "float32",
    }


def test_worker_processes_compute_in_what_was_asked_for(target: Target, store: Store, protocol: str) -> None:
    synthetic = rd3.distill("random", target, ipc=2, store=store, device="cpu")
    with precision_asked_for("bfloat16"):
        found = evaluated(synthetic, target, protocol, store, seeds=2, workers=2)
    assert [precision_of(record) for record in found.records] == ["bfloat16", "bfloat16"]


def test_rows_of_several_precisions_are_flagged(target: Target, store: Store, protocol: str) -> None:
    first = rd3.distill("random", target, ipc=2, store=store, device="cpu")
    second = rd3.distill("herding", target, rd3.squeeze(target, model=MODEL, epochs=1, store=store), ipc=2, store=store)
    records = [*evaluated(first, target, protocol, store, seeds=1).records]
    alike = [*records, *evaluated(second, target, protocol, store, seeds=1).records]
    assert mixed_precision(alike) == set()
    assert not any("bfloat16" in flag for row in rows(alike) for flag in row["flags"])
    other = alike[-1].model_copy(update={"environment": {**alike[-1].environment, "precision": "bfloat16"}})
    flag = "compares students trained in bfloat16 and in float32"
    assert mixed_precision([*records, other]) == precision_notes([*records, other]) == {flag}
    assert precision_notes(records) == set()
    assert precision_notes([other]) == {"students trained in bfloat16"}
    assert all(flag in row["flags"] for row in rows([*records, other]))


def test_a_record_without_the_entry_is_a_float32_one(target: Target, store: Store, protocol: str) -> None:
    synthetic = rd3.distill("random", target, ipc=2, store=store, device="cpu")
    (record,) = evaluated(synthetic, target, protocol, store, seeds=1).records
    older = record.model_copy(update={"environment": {"device": "cpu"}})
    assert (precision_of(older), mixed_precision([record, older])) == ("float32", set())


def test_several_runs_at_a_time_are_a_gpus_matter() -> None:
    gpu = torch.device("cuda", 0)  # a name: nothing is run on it
    assert default_workers(gpu, runs_in_flight=4) == 4
    with pytest.raises(UserError, match="runs_in_flight = 2"):
        default_workers(torch.device("cpu"), runs_in_flight=2)
    with pytest.raises(UserError, match="runs_in_flight = 0"):
        default_workers(gpu, runs_in_flight=0)
