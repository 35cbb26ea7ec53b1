"""A folder of one's own with plug-ins in it, which is the current folder and nothing more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import rd3
from rd3.data.target import Target

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """`write("mine.py", text)`; the next test has another folder, for which all that was loaded here is forgotten."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> Path:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    return write


@pytest.fixture(scope="session")
def digits() -> Target:
    return rd3.load_target("digits")
