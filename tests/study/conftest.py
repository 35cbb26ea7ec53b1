"""A study small enough to be killed, resumed and repeated within seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from rd3.study.spec import StudySpec, load_study

PROTOCOLS = {
    "quick": "{hard: quick-hard.yaml, plain: quick-plain.yaml, whole: quick-whole.yaml}",
    "quick-hard": "{plain: quick-plain.yaml, whole: quick-whole.yaml}",
    "quick-plain": "{}",
    "quick-whole": "{}",
}
CHANGES = {
    "quick": "",
    "quick-hard": "\n  labels: {value: hard, provenance: inferred}\n  loss: {value: ce, provenance: inferred}",
    "quick-plain": "\n  augment: {value: [], provenance: inferred}\n  mix: {value: null, provenance: inferred}",
    "quick-whole": "\n  epochs: {value: 2, provenance: inferred}",
}


def write_protocols(folder: Path) -> None:
    """The four protocols of a cell, cut to a few epochs."""
    for name, counterparts in PROTOCOLS.items():
        base = "whole" if name == "quick-whole" else "rd3"
        purpose = "ranking" if name in ("quick", "quick-hard") else "reference"
        (folder / f"{name}.yaml").write_text(
            f"id: {name}\nversion: 1\nbase: {base}\ntitle: {name}\nsource: tests\npurpose: {purpose}\n"
            f"not_rankable: cut for tests\ncounterparts: {counterparts}\nfields:\n"
            f"  epochs: {{value: 6, provenance: inferred}}{CHANGES[name] if name != 'quick-whole' else ''}\n"
        )


@pytest.fixture
def study_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study file in the current folder: three methods, two seeds, about 30 jobs."""
    monkeypatch.chdir(tmp_path)
    write_protocols(tmp_path)
    file = tmp_path / "tiny.yaml"
    file.write_text(
        "name: tiny\ntargets: [digits]\nteacher: {model: convnet1-bn-w8, epochs: 2}\n"
        "methods: [random, herding, {name: sre2l, iterations: 15}]\nipc: [2]\nprotocols: [quick.yaml]\n"
        "students: [convnet1-bn-w8]\nseeds: 3\n"
    )
    return file


@pytest.fixture
def study(study_file: Path) -> StudySpec:
    return load_study(str(study_file))
