"""The plain list of what differs between two records, and how a record is chosen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import rd3
from rd3.base.errors import UserError
from rd3.evaluation.settings import Settings
from rd3.study.audit.compare import compare_records, find_record
from rd3.study.records import Record
from rd3.training.loop import LOOP_REVISION


@pytest.fixture(scope="module")
def folder(random_set, herding_set, target, teacher, store, protocol, tmp_path_factory) -> Path:
    """Four records: two sets, one protocol, two seeds; and one of another protocol."""
    folder = tmp_path_factory.mktemp("study")
    options = {"teacher": teacher, "store": store}
    runs = [
        (random_set, protocol("compared", epochs=2), 2),
        (herding_set, protocol("compared", epochs=2), 2),
        (random_set, protocol("compared-longer", epochs=30, mix=None), 1),
    ]
    for synthetic, name, seeds in runs:
        for record in rd3.evaluate(synthetic, target, protocol=name, seeds=seeds, **options).records:
            file = folder / "records" / f"{record.fingerprint}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(record.model_dump_json())
    return folder


def found(first: Record, second: Record) -> dict[str, tuple[object, object]]:
    return {change.name: (change.first, change.second) for change in compare_records(first, second)}


def test_a_record_does_not_differ_from_itself(folder) -> None:
    record = find_record(folder, {"method": "random", "replicate": "1"})
    assert compare_records(record, record) == ()


def test_two_protocols_differ_field_by_field(folder) -> None:
    first = find_record(folder, {"method": "random", "replicate": "0", "protocol": "compared"})
    second = find_record(folder, {"protocol": "compared-longer"})
    differences = found(first, second)
    assert differences["epochs: epochs"] == (2, 30)
    assert differences["mixing of images: mix"][1] is None
    assert str(differences["protocol"][0]).startswith("compared v1 (")
    assert {"seed", "accuracy"} <= differences.keys()
    assert not {"target", "images", "student", "replicate", "IPC"} & differences.keys()


def test_two_sets_differ_in_their_images_and_results(folder) -> None:
    first, second = (
        find_record(folder, {"method": method, "replicate": "0", "protocol": "compared"})
        for method in ("random", "herding")
    )
    differences = found(first, second)
    assert set(differences) <= {"images", "draw", "aids", "accuracy", "test images that it alone gets right"}
    assert differences["accuracy"] == (first.accuracy, second.accuracy)
    alone = differences["test images that it alone gets right"]
    assert (int(str(alone[0])) - int(str(alone[1]))) / first.test_images == pytest.approx(
        first.accuracy - second.accuracy
    )


def test_the_images_that_one_alone_gets_right_are_counted_bit_by_bit(folder) -> None:
    record = find_record(folder, {"protocol": "compared-longer"})
    few = record.model_copy(update={"test_images": 10})
    first = few.model_copy(update={"correct": np.packbits([1, 1, 1, 0, 0, 0, 0, 0, 1, 0]).tobytes().hex()})
    second = few.model_copy(update={"correct": np.packbits([1, 0, 0, 0, 1, 0, 0, 0, 0, 0]).tobytes().hex()})
    assert found(first, second) == {"test images that it alone gets right": (3, 1)}


def test_machine_version_teacher_and_flags_are_compared(folder) -> None:
    record = find_record(folder, {"protocol": "compared-longer"})
    other = record.model_copy(
        update={
            "environment": {**record.environment, "torch": "1.0", "new": "x"},
            "rd3_version": "0.0.1",
            "teachers": {"f" * 20: 0.5},
            "flags": ("odd",),
        }
    )
    differences = found(record, other)
    assert differences["torch"] == (record.environment["torch"], "1.0")
    assert differences["new"] == ("–", "x")
    assert differences["rd3"] == (record.rd3_version, "0.0.1")
    assert differences["teachers (test accuracy)"][1] == "ffffffff (50.00%)"
    assert differences["flags"][1] == "odd"


def test_what_else_makes_a_run_another_is_recorded_and_compared(random_set, target, protocol, store) -> None:
    """The fingerprint of a run holds the form of its own labels and the loop's revision."""
    soft = replace(random_set, soft_labels=torch.eye(10)[random_set.labels])
    soft = replace(soft, manifest=soft.manifest.model_copy(update={"fingerprint": "c" * 20}))
    options = {"protocol": protocol("owned", labels="static", teacher=None, epochs=1), "seeds": 1, "store": store}
    (record,) = rd3.evaluate(soft, target, **options).records
    assert (record.own_labels, record.loop_revision, record.teachers) == ("probabilities", LOOP_REVISION, {})
    other = record.model_copy(update={"own_labels": "logits", "loop_revision": LOOP_REVISION + 1})
    assert found(record, other) == {
        "soft labels of its own": ("probabilities", "logits"),
        "training loop": (f"revision {LOOP_REVISION}", f"revision {LOOP_REVISION + 1}"),
    }


def test_records_without_those_entries_can_still_be_read(folder, tmp_path) -> None:
    values = find_record(folder, {"protocol": "compared-longer"}).model_dump(mode="json")
    assert values.pop("own_labels") is None
    assert values.pop("loop_revision") == LOOP_REVISION
    old = tmp_path / "old.json"
    old.write_text(json.dumps(values))
    record = find_record(old, {})
    assert (record.own_labels, record.loop_revision) == (None, None)
    assert found(record, find_record(folder, {"protocol": "compared-longer"})) == {
        "training loop": ("–", f"revision {LOOP_REVISION}")
    }


def test_every_setting_is_compared(folder) -> None:
    """Whatever field is changed, the list names it."""
    record = find_record(folder, {"protocol": "compared-longer"})
    for name in Settings.model_fields:
        other = record.model_copy(update={"settings": record.settings.model_copy(update={name: "changed"})})
        (change,) = [each for each in _changed(record, other) if each.endswith(f": {name}")]
        assert change


def _changed(first: Record, second: Record) -> list[str]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic sees that a text is no number
        return [change.name for change in compare_records(first, second)]


def test_a_choice_that_is_not_one_is_refused_with_what_would_tell_apart(folder, tmp_path) -> None:
    with pytest.raises(UserError, match="5 records; choose one, for instance by method: herding, random"):
        find_record(folder, {})
    with pytest.raises(UserError, match="2 records with method=herding; choose one, for instance by replicate: 0, 1"):
        find_record(folder, {"method": "herding"})
    with pytest.raises(UserError, match="no record there with method=dm"):
        find_record(folder, {"method": "dm"})
    with pytest.raises(UserError, match="unknown key of records 'metod'; did you mean 'method'"):
        find_record(folder, {"metod": "dm"})
    with pytest.raises(UserError, match="there is no such file or folder"):
        find_record(tmp_path / "nowhere", {})


def test_a_file_needs_no_choice_and_a_fingerprint_may_be_short(folder) -> None:
    file = sorted((folder / "records").glob("*.json"))[0]
    record = find_record(file, {})
    assert record.fingerprint == file.stem
    assert find_record(folder, {"fingerprint": file.stem[:9]}) == record
