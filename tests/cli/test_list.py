"""`rd3 list` shows what the registries hold."""

from __future__ import annotations

import itertools

import pytest

from rd3.data.load import list_targets
from rd3.evaluation.card import GROUPS
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
    """The names, without headings and the blank lines before them."""
    return [line.split("  ")[0] for line in text.splitlines() if line and line not in GROUPS.values()]


@pytest.mark.parametrize("kind", NAMES)
def test_every_name_of_a_kind_has_its_line(kind, terminal) -> None:
    assert sorted(listed(terminal.done("list", kind))) == NAMES[kind]


def test_protocols_are_listed_by_group_with_why_they_are_not_ranked(terminal) -> None:
    lines = terminal.done("list", "protocols").splitlines()
    headings = [heading for heading in GROUPS.values() if heading in lines]
    assert headings == [heading for key, heading in GROUPS.items() if key]
    for earlier, later in itertools.pairwise([lines.index(heading) for heading in headings] + [len(lines)]):
        names = listed("\n".join(lines[earlier:later]))
        assert names == sorted(names)
        assert {GROUPS[load_protocol(name).group] for name in names} == {lines[earlier]}
    assert next(line for line in lines if line.startswith("rd3-demo ")).endswith(
        f"(not rankable: {load_protocol('rd3-demo').not_rankable})"
    )


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
    protocols = terminal.done("list", "protocols").splitlines()
    for name in list_protocols():
        protocol = load_protocol(name)
        line = next(line for line in protocols if line.startswith(f"{name} "))
        assert f"v{protocol.version}  {protocol.title}" in line
    for line in terminal.done("list", "recipes").splitlines():
        assert " stated: " in line or " inferred: " in line
