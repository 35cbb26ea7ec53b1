"""`rd3 new method` writes a method that runs, resumes, is clean and passes the test that it comes with."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import rd3
from rd3.base.keep import Place
from rd3.methods.base import METHODS, Task

ROOT = Path(__file__).parents[2]
RULES = (ROOT / "pyproject.toml").read_text().partition("[tool.ruff.lint]\n")[2].partition("ignore")[0]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal) -> list[str]:
    """What the command said, a line each; the files lie in the current folder."""
    monkeypatch.chdir(tmp_path)
    return terminal.done("new", "method", "class_means").splitlines()


def test_the_commands_that_it_names_next_run(written, terminal, tmp_path: Path) -> None:
    distill, test = (shlex.split(line) for line in written[1:])
    assert distill[:3] == ["rd3", "distill", "class_means:ClassMeans"]
    assert ": 10 images, " in terminal.done(*distill[1:])
    command = [sys.executable, "-m", *test, "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert found.returncode == 0, found.stdout
    assert "5 passed" in found.stdout
    assert "warning" not in found.stdout


@pytest.mark.parametrize("name", ["class_means", "a_name_of_thirty_letters_or_so"])
def test_it_is_clean_by_the_rules_of_rd3(name, terminal, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    terminal.done("new", "method", name, "--out", "mine")
    (tmp_path / "ruff.toml").write_text(f"line-length = 120\n[lint]\n{RULES}")
    ruff = [str(Path(sys.executable).parent / "ruff")]
    for words in (["check"], ["format", "--check"]):
        found = subprocess.run([*ruff, *words, "mine"], capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout


class Memory:
    """A place that keeps everything, and where every state of a loop is due."""

    due = True

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, torch.Tensor]] = {}

    def load(self, name: str) -> dict[str, torch.Tensor] | None:
        return self.parts.get(name)

    def save(self, name: str, tensors, place: Place) -> None:  # noqa: ARG002
        self.parts[name] = {key: value.detach().clone() for key, value in tensors.items()}


@pytest.mark.usefixtures("written")
def test_one_that_is_ended_goes_on_to_the_same_images() -> None:
    digits, method, keep = rd3.load_target("digits"), METHODS["class_means:ClassMeans"](), Memory()

    def stop(fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method.distill(Task(digits, None, 2, 0, keep=keep, progress=stop))
    assert keep.parts
    seen: list[float] = []
    again = method.distill(Task(digits, None, 2, 0, keep=keep, progress=seen.append))
    assert len(seen) < 40  # of 50
    assert torch.equal(again.images, method.distill(Task(digits, None, 2, 0)).images)


def test_in_another_folder_it_is_named_by_its_file(terminal, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = terminal.done("new", "method", "other", "--out", "my methods").splitlines()
    assert said[1] == "  rd3 distill 'my methods/other.py':Other digits --ipc 1"
    assert ": 20 images, " in terminal.done(*shlex.split(said[1])[1:-1], "2", "-p", "init=noise")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("class_means", "class_means.py: exists already; it is left as it is, take another name or --out"),
        ("tests_of", "test_tests_of.py: exists already"),
        ("my-method", "name = my-method: not a name that Python can import; allowed are letters, digits and _"),
        ("2nd", "not a name that Python can import"),
        ("class", "not a name that Python can import"),
        ("__", "not a name that Python can import"),
        ("herding", "name = herding: rd3 has a method of this name; take another"),
        ("numpy", "name = numpy: a module of this name is installed, and would be imported in its place"),
        ("sys", "a module of this name is installed"),
    ],
)
def test_a_name_that_cannot_be_is_one_line(written, terminal, tmp_path: Path, name: str, said: str) -> None:
    assert written
    (tmp_path / "test_tests_of.py").touch()
    before = {place: place.read_text() for place in tmp_path.glob("*.py")}
    assert said in terminal("new", "method", name).complaint
    assert {place: place.read_text() for place in tmp_path.glob("*.py")} == before
