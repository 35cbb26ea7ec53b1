"""Cells that neither paper nor code covers: their values are inferred, whatever stands at the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from rd3.base.errors import UserError
from rd3.data.facts import TargetFacts
from rd3.evaluation.card import facts, resolved_lines
from rd3.evaluation.conditions import Cell
from rd3.evaluation.files import load_protocol

PLACES = {
    "c10": TargetFacts("cifar10", 32, 3, 10, True),
    "c100": TargetFacts("cifar100", 32, 3, 100, True),
    "ti": TargetFacts("tiny-imagenet", 64, 3, 200, True),
    "woof": TargetFacts("imagewoof", 224, 3, 10, True),
    "nette": TargetFacts("imagenette", 224, 3, 10, True),
    "in": TargetFacts("imagenet-1k", 224, 3, 1000, True),
}


def provenance(protocol: str, place: str, ipc: int | None, setting: str, student: str = "resnet18") -> str:
    found, _ = resolved_lines(load_protocol(protocol), Cell(PLACES[place], ipc, student))
    return next(line.provenance for line in found if line.name == setting)


@pytest.mark.parametrize(
    ("protocol", "setting", "inferred", "read"),
    [
        ("sre2l", "epochs", "c10", "c100 ti in"),
        ("sre2l-code", "optimiser", "c10", "c100 ti in"),
        ("d4m", "zeta", "c10 c100 ti", "in"),
        ("scdd", "augment", "c10 ti", "c100 in"),
        ("lpld", "lr", "c10 c100", "ti in"),
        ("lpld-10x", "label_draw", "", "ti in"),
        ("wmdd", "batch_size", "c10 c100 ti", "woof in"),
        ("infer-dynamic", "temperature", "ti in", "c10 c100"),
        ("infer-static", "epochs", "ti in", "c10 c100"),
        ("ddr-dwa", "epochs", "c10 ti", "in"),
        ("ddr-g-vbsm-code", "batch_size", "c10 ti", "in"),
        ("ddr-edc", "gamma", "c10 ti", "in"),
        ("minimax", "epochs", "c10 c100 ti", "woof nette in"),
        ("cv-dd", "lr", "woof", "c10 c100 ti nette in"),
        ("fadrm", "lr", "c10", "c100 ti nette woof in"),
    ],
)
def test_a_cell_that_no_code_covers_is_inferred(protocol: str, setting: str, inferred: str, read: str) -> None:
    assert {place: provenance(protocol, place, 10, setting) for place in (*inferred.split(), *read.split())} == {
        **dict.fromkeys(inferred.split(), "inferred"),
        **dict.fromkeys(read.split(), "code"),
    }


@pytest.mark.parametrize("protocol", ["rded", "delt", "minimax", "ddr-rded", "rded-code"])
def test_batch_sizes_at_other_ipc_are_inferred(protocol: str) -> None:
    given = {1, 10, 20, 50, 100} if protocol == "delt" else {1, 10, 50}
    for ipc in (1, 5, 10, 20, 50, 100):
        assert provenance(protocol, "in", ipc, "batch_size") == ("code" if ipc in given else "inferred")
        assert provenance(protocol, "in", ipc, "epochs") == "code"
    if protocol == "rded":
        assert provenance(protocol, "ti", 20, "batch_size") == "code", "100 at any IPC"


def test_a_guess_stays_what_it_is_and_the_note_says_why() -> None:
    cell = Cell(PLACES["ti"], 10, "resnet18")
    found = {line.name: line for line in resolved_lines(load_protocol("scdd"), cell)[0]}
    assert found["epochs"].provenance == found["lr"].provenance == "unverified"
    assert found["drop_last"].note == "code for Tiny-ImageNet is not released; as SRe2L"
    assert facts(load_protocol("rded"))["inferred"].startswith("up to 32 px · IPC other than 1, 10, 50 · batch_size: ")


def test_swin_has_edcs_rate() -> None:
    protocol = load_protocol("rd3-student-lr")
    found = {line.name: line for line in resolved_lines(protocol, Cell(PLACES["in"], 10, "tv:swin_t"))[0]}
    assert (found["lr"].value, found["lr"].provenance, found["lr"].source) == (
        "0.0001",
        "stated",
        "EDC, arXiv 2404.13733",
    )


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "id: mine\nversion: 1\nbase: rd3\ntitle: mine\nsource: tests\n"
        "uncovered: [{fields: [epoch], note: why}]\nfields: {}\n"
    )
    with pytest.raises(UserError, match="unknown field 'epoch'; did you mean 'epochs'"):
        load_protocol(str(path))
