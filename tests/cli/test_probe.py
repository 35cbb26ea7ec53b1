"""`--probe`: a frozen backbone under a new last layer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rd3.models.create import create_model

MODEL = "convnet1-bn-w16"


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    path = tmp_path / "backbone.pt"
    torch.save(create_model(MODEL, classes=4, size=8, channels=1, seed=3).state_dict(), path)
    return path


def test_a_probe_is_squeezed_once_and_distilled_from(terminal, backbone: Path, tmp_path: Path) -> None:
    teacher = ("--probe", backbone, "--teacher-model", MODEL, "--teacher-epochs", 2, "--home", tmp_path / "home")
    said = terminal.done("squeeze", "digits", *teacher)
    assert f"{MODEL} on digits, " in said
    note = f"teacher {MODEL}: a linear probe; what its frozen backbone learned from is not recorded"
    assert note in terminal("squeeze", "digits", *teacher).err
    assert terminal.done("squeeze", "digits", *teacher) == said
    made = terminal.done("distill", "scdd", "digits", "--ipc", 1, "-p", "iterations=2", *teacher)
    assert "10 images" in made
    assert len(list((tmp_path / "home" / "store" / "teacher").glob("*/entry.json"))) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--teacher-model", "mlp,lenet"), r"--probe: 1 for 2 teacher\(s\)"),
        (("--teacher-model", MODEL, "--teacher-file", "x.pt"), "--probe: trains a last layer, and x.pt brings one"),
        (("--teacher-model", "convnet2-bn-w16"), "does not fit the backbone of convnet2-bn-w16"),
    ],
)
def test_what_cannot_be_is_one_line(terminal, backbone: Path, tmp_path: Path, words: tuple, said: str) -> None:
    outcome = terminal("squeeze", "digits", "--probe", backbone, *words, "--home", tmp_path / "home")
    assert said.replace("\\", "") in outcome.complaint
