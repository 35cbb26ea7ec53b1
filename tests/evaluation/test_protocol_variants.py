"""Values by variant, conditions on cells, and what a file inherits from its base."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rd3.base.errors import UserError
from rd3.data.facts import TargetFacts
from rd3.evaluation.card import differences, lines, resolved_lines
from rd3.evaluation.conditions import Cell, When
from rd3.evaluation.files import SHIPPED, list_protocols, load_protocol
from rd3.evaluation.variants import OTHERWISE

HEAD = "id: mine\nversion: 1\nbase: rd3\ntitle: mine\nsource: tests\n"
VARIANTS = "variants: {small: {size_max: 32}, tiny: {size_max: 64}, large: {}}\n"


def sized(size: int, classes: int = 10, name: str = "any") -> TargetFacts:
    return TargetFacts(name, size, 3, classes, True)


def write(folder: Path, text: str, name: str = "mine") -> str:
    file = folder / f"{name}.yaml"
    file.write_text(text.replace("id: mine", f"id: {name}"))
    return str(file)


def epochs(path: str, size: int, ipc: int | None = 10, student: str = "mlp") -> int:
    return load_protocol(path).resolve(sized(size), ipc, student)[0].epochs


def test_otherwise_is_for_every_variant_that_is_not_named(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEAD}{VARIANTS}fields:\n  epochs: {{by: {{tiny: 7, otherwise: 9}}, provenance: code}}\n")
    assert [epochs(path, size) for size in (28, 32, 64, 224)] == [9, 9, 7, 9], "a small image is no tiny one"


def test_a_variant_may_have_cases_of_its_own(tmp_path: Path) -> None:
    cases = "{cases: [{value: 1, when: {ipc_max: 1}}, {value: 2, when: {student: [resnet50]}}, {value: 3}]}"
    path = write(
        tmp_path, f"{HEAD}{VARIANTS}fields:\n  epochs: {{by: {{tiny: {cases}, otherwise: 9}}, provenance: code}}\n"
    )
    assert [epochs(path, 64, 1), epochs(path, 64, 10, "tv:resnet50"), epochs(path, 64), epochs(path, 32, 1)] == [
        1,
        2,
        3,
        9,
    ]


def test_the_last_case_of_a_variant_has_no_condition(tmp_path: Path) -> None:
    cases = "{cases: [{value: 1, when: {ipc_max: 1}}]}"
    text = f"{HEAD}{VARIANTS}fields:\n  epochs: {{by: {{small: {cases}, otherwise: 9}}, provenance: code}}\n"
    with pytest.raises(UserError, match="epochs by 'small': the last case holds without conditions") as error:
        load_protocol(write(tmp_path, text))
    assert "\n" not in str(error.value)


def test_variants_source_and_limits_are_inherited(tmp_path: Path) -> None:
    first = write(
        tmp_path,
        f"{HEAD}{VARIANTS}not_rankable: cut\nhard_without_batch_augmentation: true\nfields:\n"
        "  epochs: {by: {small: 4, otherwise: 9}, provenance: code}\n"
        "  lr: {value: 0.5, provenance: code, source: me}\n",
        "first",
    )
    second = write(
        tmp_path,
        f"id: mine\nversion: 1\nbase: {first}\ntitle: mine\nfields:\n"
        "  batch_size: {by: {tiny: 8, otherwise: 16}, provenance: code}\n",
        "second",
    )
    protocol = load_protocol(second)
    assert protocol.source == "tests"
    assert protocol.not_rankable == "cut"
    assert protocol.hard_without_batch_augmentation
    settings = protocol.resolve(sized(64), 10, "mlp")[0]
    assert (settings.epochs, settings.batch_size, settings.lr) == (9, 8, 0.5)
    sources = {name: field.source for name, field in protocol.fields.items()}
    assert (sources["batch_size"], sources["epochs"], sources["lr"]) == ("", "", "me")
    assert sources["labels"] == load_protocol("rd3").source


@pytest.mark.parametrize("name", list_protocols())
def test_shipped_fields_name_every_variant_or_otherwise(name: str) -> None:
    values = yaml.safe_load(SHIPPED.joinpath(f"{name}.yaml").read_text())
    variants = values.get("variants") or load_protocol(name).variants
    for setting, field in values["fields"].items():
        if "by" in field:
            named = {key.strip() for keys in field["by"] for key in keys.split(",")}
            assert OTHERWISE in named or named == set(variants), setting
    if "variants" in values:
        assert not values["variants"][list(variants)[-1]], "the last variant holds on any target"


@pytest.mark.parametrize(
    ("student", "holds"),
    [
        ("resnet18", True),
        ("tv:resnet18", True),
        ("timm:resnet18.a1_in1k", True),
        ("timm:seresnet18", False),
        ("mine:resnet18", False),
    ],
)
def test_a_students_name_fits_whatever_zoo_it_is_from(student: str, holds: bool) -> None:
    assert When(student=("resnet18",)).holds(sized(32), 10, student) is holds


def test_conditions_on_classes_enter_a_hash_only_where_they_are_given() -> None:
    assert When(classes_min=100).holds(sized(32, 100), 10, "mlp")
    assert not When(classes_min=100).holds(sized(32, 99), 10, "mlp")
    assert not When(classes_max=99).holds(sized(32, 100), 10, "mlp")
    assert When(size_max=32).hashed().keys() == {
        *("target", "student", "size_min", "size_max", "ipc_min", "ipc_max"),
    }
    assert When(classes_max=9).hashed()["classes_max"] == 9


def test_examples_are_cells_in_which_it_holds() -> None:
    when = When(target=("*imagewoof*",), student=("convnet*",), size_min=65, ipc_max=10, classes_max=99)
    for cell in when.examples():
        assert when.holds(*cell)
    assert next(iter(when.examples())).ipc == 10


def test_a_card_says_neighbouring_variants_that_agree_in_one_line(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"{HEAD}{VARIANTS}fields:\n  epochs:\n"
        "    by: {'small, tiny': 4, large: {value: 9, provenance: inferred, note: ours}}\n"
        "    provenance: code\n    note: read\n"
        "  lr: {cases: [{value: 0.5, when: {ipc_max: 1}}, {value: 1.0}], provenance: code}\n",
    )
    found = {line.name: line for line in lines(load_protocol(path))}
    assert found["epochs"].value == "small, tiny: 4\nlarge: 9 [inferred]"
    assert found["epochs"].note == "read; large: ours"
    assert found["lr"].value == "IPC 1: 0.5\notherwise: 1"
    resolved, _ = resolved_lines(load_protocol(path), Cell(sized(224), 10, "mlp"))
    large = next(line for line in resolved if line.name == "epochs")
    assert (large.value, large.provenance, large.note) == ("9", "inferred", "ours; read")


def test_differences_are_of_values_and_against_defaults() -> None:
    rd3, other = load_protocol("rd3"), load_protocol("rd3-mse-gt")
    assert {(d.name, d.left, d.right) for d in differences(rd3, other)} == {
        ("loss", "kl", "mse-gt"),
        ("gamma", "0", "0.025"),
        ("temperature", "20", "1"),
    }
    cell = Cell(sized(32), 10, "tv:resnet50")
    zeta = differences(rd3, load_protocol("rd3-zeta-resnet"), cell)
    assert [(d.name, d.left, d.right) for d in zeta] == [("zeta", "2", "1")]
    assert differences(rd3, load_protocol("rd3-zeta-resnet"), Cell(sized(32), 10, "resnet18")) == []
