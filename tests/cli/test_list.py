"""`rd3 list` shows what the registries hold."""

from __future__ import annotations

import pytest

from rd3.data.load import list_targets
from rd3.evaluation.files import list_protocols, load_protocol
from rd3.methods.base import METHODS
from rd3.models import list_models
from rd3.squeeze.spec import teacher_recipes
from rd3.study.spec import list_studies

NAMES = {
    "targets": sorted(list_targets()),
    "models": list_models(),
    "methods": METHODS.names(),
    "protocols": list_protocols(),
    "studies": list_studies(),
    "recipes": sorted(teacher_recipes()),
}


def listed(text: str) -> list[str]:
    return [line.split("  ")[0] for line in text.splitlines()]


@pytest.mark.parametrize("kind", NAMES)
def test_every_name_of_a_kind_has_its_line(kind, terminal) -> None:
    assert listed(terminal.done("list", kind)) == NAMES[kind]


def test_methods_are_listed_when_nothing_is_named(terminal) -> None:
    assert terminal.done("list") == terminal.done("list", "methods")


@pytest.mark.parametrize(
    ("kind", "pattern", "expected"),
    [
        ("targets", "mnist*", ["mnist5k"]),
        ("models", "resnet*", ["resnet101", "resnet18", "resnet34", "resnet50"]),
        ("methods", "sre2?", ["sre2l"]),
        ("protocols", "rd3-demo-*", ["rd3-demo-hard", "rd3-demo-hard-plain", "rd3-demo-plain"]),
        ("studies", "d*o", ["demo"]),
        ("recipes", "cvdd-2*", ["cvdd-224"]),
        ("models", "no such thing", []),
    ],
)
def test_a_pattern_chooses_among_them(kind, pattern, expected, terminal) -> None:
    assert listed(terminal.done("list", kind, pattern)) == expected


def test_the_lines_say_where_things_come_from(terminal) -> None:
    methods = terminal.done("list", "methods")
    for name in METHODS:
        assert METHODS[name].paper in methods
    for line, name in zip(terminal.done("list", "protocols").splitlines(), list_protocols(), strict=True):
        protocol = load_protocol(name)
        assert f"v{protocol.version}  {protocol.title}" in line
    for line in terminal.done("list", "recipes").splitlines():
        assert " stated: " in line or " inferred: " in line
