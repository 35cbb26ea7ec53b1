"""What a protocol file may say in short, and what must never change a locked hash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined, to_jsonable_python

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.evaluation.files import counterpart_ids, load_protocol, locked_hashes
from rd3.evaluation.lock import shipped_and_derived
from rd3.evaluation.settings import FIRST_FIELDS, Settings

# What every switch that came after the first locked protocols does when a protocol does not name it. These are part of
# what every locked hash means.
OFF = {
    "milestones": [], "decay": 0.1, "warmup_epochs": 0, "warmup_start": 0.01, "schedule_end": 0.0, "micro_batch": None,
    "accumulation": "mean", "repeat_last": False, "mix_labels": "area", "static_mix": "probabilities",
    "gt_label": "own", "label_smoothing": 0.0, "hard_phase": None, "teacher_combine": "mean", "teacher_weights": None,
    "teacher_bn": "eval", "teacher_bn_sub_batch": None, "teacher_normalisation": "own", "teacher_autocast": None,
    "label_input": "mixed", "label_precision": "float32", "label_epochs": None, "label_draw": "replacement",
    "double_bn_update": False, "ema_buffers": "averaged", "jpeg_quality": None, "zca": None,
    "zca_kind": "kornia",
    "lr_search": None, "lr_search_for": "both",
    "selection": "held-out", "report": "last", "report_every": 10, "report_phase": 0,
}  # fmt: skip


def test_the_defaults_of_later_switches_are_what_they_were() -> None:
    later = {name: field.default for name, field in Settings.model_fields.items() if name not in FIRST_FIELDS}
    assert {name: to_jsonable_python(value) for name, value in later.items()} == OFF
    assert PydanticUndefined not in later.values()


def test_every_counterpart_of_a_shipped_protocol_is_locked_too() -> None:
    for protocol in shipped_and_derived():
        assert locked_hashes()[f"{protocol.id}/{protocol.version}"] == protocol.hash


def write(folder: Path, text: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(f"id: mine\nversion: 1\nbase: rd3\ntitle: mine\nsource: tests\n{text}")
    return str(file)


VARIANTS = "variants: {digits: {target: [digits]}, small: {size_max: 32}, large: {}}\n"


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("{digits: 7, small: 8, large: 9}", 7),
        ("{small: 8, large: 9}", 8),
        ("{'digits, large': 9, small: 8}", 9),
        ("{otherwise: 11}", 11),
        ("{large: 9}", 9),
        ("{digits: {value: 7, provenance: inferred, note: mine}}", 7),
        ("{digits: {value: 7, when: {ipc_min: 50}}, small: 8}", 8),
    ],
)
def test_a_field_gives_its_values_by_variant_in_the_order_of_the_variants(tmp_path: Path, by: str, value: int) -> None:
    path = write(tmp_path, f"{VARIANTS}fields:\n  epochs: {{by: {by}, provenance: code}}\n")
    settings, _ = load_protocol(path).resolve(load_target("digits"), 10, "mlp")
    assert settings.epochs == value


def test_where_no_case_holds_a_switch_is_off(tmp_path: Path) -> None:
    path = write(tmp_path, f"{VARIANTS}fields:\n  label_smoothing: {{by: {{digits: 0.1}}, provenance: code}}\n")
    assert load_protocol(path).resolve(load_target("digits"), 10, "mlp")[0].label_smoothing == 0.1
    assert load_protocol(path).resolve(load_target("mnist5k"), 10, "mlp")[0].label_smoothing == 0.0


def test_an_unknown_variant_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, f"{VARIANTS}fields:\n  epochs: {{by: {{smal: 3}}, provenance: code}}\n")
    with pytest.raises(UserError, match=r"epochs by 'smal': the variants are digits, small, large"):
        load_protocol(path)


def test_a_switch_that_is_off_enters_no_hash(tmp_path: Path) -> None:
    plain = load_protocol(write(tmp_path, "fields: {}\n")).hash
    off = "fields:\n" + "".join(
        f"  {name}: {{value: {json.dumps(value)}, provenance: inferred}}\n" for name, value in OFF.items()
    )
    assert load_protocol(write(tmp_path, off)).hash == plain
    on = "fields:\n  double_bn_update: {value: true, provenance: code}\n"
    assert load_protocol(write(tmp_path, on)).hash != plain


def test_counterparts_are_derived_for_a_file_too(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "counterparts: {hard: derived, plain: derived, whole: whole}\n"
        "fields:\n  teacher_bn: {value: train, provenance: code}\n  gamma: {value: 0.5, provenance: code}\n",
    )
    protocol = load_protocol(path)
    ids = counterpart_ids(protocol)
    assert (ids.hard, ids.plain, ids.whole) == ("mine-hard", "mine-plain", "whole")
    hard = load_protocol(str(protocol.counterparts.hard))
    settings, _ = hard.resolve(load_target("digits"), 10, "mlp")
    assert (settings.labels, settings.teacher, settings.loss) == ("hard", None, "ce")
    assert (settings.teacher_bn, settings.gamma) == ("eval", 0.0), "what only soft labels need is gone"
    assert (settings.epochs, settings.mix) == (400, {"kind": "cutmix", "alpha": 1.0})
    both, _ = load_protocol(str(hard.counterparts.plain)).resolve(load_target("digits"), 10, "mlp")
    assert (both.labels, both.augment, both.mix) == ("hard", (), None)


def test_hard_counterparts_can_leave_out_what_works_on_batches(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "hard_without_batch_augmentation: true\ncounterparts: {hard: derived}\n"
        "fields:\n  augment: {value: [{kind: padded-crop, padding: 2}, {kind: dsa}], provenance: code}\n",
    )
    settings, _ = load_protocol(str(load_protocol(path).counterparts.hard)).resolve(load_target("digits"), 1, "mlp")
    assert [operation["kind"] for operation in settings.augment] == ["padded-crop"]
    assert settings.mix is None


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("report: {value: best, provenance: code}", "chooses on the test split, so not_rankable must say so"),
        ("selection: {value: test-peek, provenance: code}", "chooses on the test split, so not_rankable must say so"),
        ("zca: {value: 0.1, provenance: code}", "online labels need images that a teacher can read"),
        ("micro_batch: {value: 64, provenance: code}", "micro_batch = 64: is larger than batch_size = 50"),
        ("hard_phase: {value: [0.8, 0.2], provenance: code}", "0 <= first < last <= 1"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, field: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_protocol(write(tmp_path, f"fields:\n  {field}\n"))


def test_what_peeks_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, "not_rankable: chosen on test\nfields:\n  report: {value: best, provenance: code}\n")
    settings, flags = load_protocol(path).resolve(load_target("digits"), 1, "mlp")
    assert settings.peeks
    assert "chosen on the test split: for comparison only" in flags
