"""Methods of installed packages, by the entry points that their metadata have."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import torch

import rd3
from rd3.base.errors import UserError
from rd3.cli.main import main
from rd3.methods.base import METHODS
from rd3.study.store import Store

METHOD = """
from rd3.methods.base import Distilled, Method

class First(Method):
    title = "The first images"
    paper = "none"
    needs_teacher = False
    skip: int = 0
    def distill(self, task):
        rows = [int((task.target.train.labels == label).nonzero()[self.skip]) for label in range(10)]
        return Distilled(task.target.train.pixels[rows], task.labels)
    def memory(self, target, ipc, teachers, device):
        return 10**8

class Plain(First):
    pass
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch):
    """`install("rd3-first", "first = rd3_first:First")`: what pip leaves of a package, on the path."""
    place = tmp_path / "site"
    place.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [*sys.path, str(place)])

    def install(package: str, entry: str, module: str = "", text: str = METHOD) -> None:
        facts = place / f"{package.replace('-', '_')}-0.3.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.3\n")
        (facts / "entry_points.txt").write_text(f"[rd3.methods]\n{entry}\n")
        if module:
            (place / module).write_text(text)

    return install


def listed() -> dict[str, str]:
    """What `rd3 list methods` says, by name."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["list", "methods"]) == 0
    lines = [line.partition("  ") for line in out.getvalue().splitlines() if line]
    return {name: about.strip() for name, _, about in lines}


def test_a_package_s_method_has_a_name_like_any_other(install, tmp_path: Path, digits) -> None:
    install("rd3-first", "first = first_of_all:First", "first_of_all.py")
    store = Store(tmp_path / "home")
    made = rd3.distill("first", digits, ipc=1, skip=2, store=store)
    rows = [int((digits.train.labels == label).nonzero()[2]) for label in range(10)]
    assert torch.equal(made.images, digits.train.pixels[rows])
    assert made.manifest.method == "first[skip=2]"
    assert list(METHODS.source("first")) == ["first"]
    assert listed()["first"] == "The first images (none); plug-in of rd3-first 0.3"
    assert "Plug-ins of installed packages" in listed()


@pytest.mark.usefixtures("install")
def test_without_any_there_is_no_heading_for_them() -> None:
    assert METHODS.installed() == {}
    assert "Plug-ins of installed packages" not in listed()


@pytest.mark.parametrize(
    ("entry", "text", "said"),
    [
        ("broken = not_there_at_all:First", METHOD, "cannot import 'not_there_at_all' (ModuleNotFoundError"),
        ("broken = broken_0:Absent", METHOD, "has no class 'Absent'"),
        ("broken = broken_1:First", "import absent_too\n", "No module named 'absent_too'"),
        ("broken = broken_2:First", "raise RuntimeError('at import')\n", "(RuntimeError: at import, "),
        ("broken = broken_3:First", "def First(): ...\n", "is a function, not a class; expected a class derived"),
        ("broken = broken_4", METHOD, "its entry point is 'broken_4'; expected module:Class"),
    ],
)
def test_a_broken_entry_point_is_named_and_breaks_nothing_else(install, entry: str, text: str, said: str) -> None:
    module = entry.removeprefix("broken = ").partition(":")[0]
    install("rd3-broken", entry, "" if "not_there" in module else f"{module}.py", text)
    assert said in listed()["broken"]
    assert listed()["broken"].startswith("broken: method plug-in 'broken")
    assert "of rd3-broken 0.3" in listed()["broken"]
    assert "herding" in listed()
    assert METHODS["herding"].title == "Herding"
    with pytest.raises(UserError, match="method plug-in 'broken"):
        METHODS["broken"]


def test_two_packages_with_one_name_are_one_too_many(install) -> None:
    install("rd3-one", "same = same_name:First", "same_name.py")
    install("rd3-two", "same = same_name:Plain")
    with pytest.raises(UserError, match=r"rd3-\w+ 0.3 and rd3-\w+ 0.3 both have an entry point of this name"):
        METHODS["same"]
    assert "both have an entry point" in listed()["same"]


def test_the_methods_of_rd3_cannot_be_replaced(install) -> None:
    install("rd3-herder", "herding = herder:First", "herder.py")
    assert METHODS["herding"].title == "Herding"
    assert listed()["herding"] == "hidden by the method of rd3 of this name; plug-in of rd3-herder 0.3"


def test_an_unknown_method_is_told_the_names_of_packages_too(install) -> None:
    install("rd3-first", "my-first = first_again:First", "first_again.py")
    with pytest.raises(UserError, match="unknown method 'my-frist'; did you mean 'my-first'"):
        METHODS["my-frist"]
