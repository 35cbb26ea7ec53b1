"""Imports point one way, as docs/architecture.md says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "rd3"
ORDER = (
    *("base", "data", "models", "training", "squeeze", "relabel", "recover", "matching", "methods"),
    *("synthetic", "evaluation", "scores", "study", "report", "api", "cli"),
)
WALLS = {"evaluation": {"methods", "recover", "matching"}, "scores": {"methods", "recover", "matching", "study"}}


def room_of(module: str) -> str | None:
    """`rd3.data.load` -> `data`; None for what is not a room, such as `rd3` itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "rd3" and len(parts) > 1 else None


def imported_rooms(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {room for name in names if (room := room_of(name)) is not None}
    return found


def test_every_folder_is_a_room_of_the_picture() -> None:
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(ORDER)


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_point_up_the_list(file: Path) -> None:
    room = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    if room in ("__init__", "__main__"):
        return  # the public faces name everything, the first lazily
    allowed = set(ORDER[: ORDER.index(room) + 1]) - WALLS.get(room, set())
    assert imported_rooms(file) <= allowed


def test_no_room_is_empty() -> None:
    for room in ORDER:
        assert any(file.stat().st_size > 500 for file in (SOURCE / room).rglob("*.py")), room
