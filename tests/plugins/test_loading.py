"""Plug-ins are found from the current folder, and every edit of what they are made of is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rd3.base.errors import UserError
from rd3.base.plugin import Plugin, load_plugin, require_same_sources


def load(name: str) -> Plugin:
    return load_plugin("model", name, noun="function", expected="anything")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mine.py", "mine:number"),
        ("mine.py", "mine.py:number"),
        ("mine.py", "./mine.py:number"),
        ("some/where/mine.py", "some/where/mine.py:number"),
        ("package/part/mine.py", "package.part.mine:number"),
        ("package/__init__.py", "package:number"),
    ],
)
def test_a_name_is_looked_up_from_the_current_folder(write, tmp_path: Path, file: str, name: str) -> None:
    write(file, "def number():\n    return 3\n")
    assert str(tmp_path) not in sys.path
    plugin = load(name)
    assert plugin.value() == 3
    assert plugin.source.files == {(tmp_path / file).resolve()}


def test_an_absolute_file_needs_no_current_folder(write, tmp_path: Path, monkeypatch) -> None:
    place = write("there/mine.py", "def number():\n    return 3\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert load(f"{place}:number").value() == 3


def test_what_is_installed_comes_first_and_the_file_is_still_there(write) -> None:
    write("json.py", "def dumps():\n    return 'mine'\n")
    import json

    assert load("json:dumps").value is json.dumps
    assert load("json.py:dumps").value() == "mine"


def test_an_edit_gives_other_code_and_another_digest(write) -> None:
    write("mine.py", "def number():\n    return 3\n")
    first = load("mine:number")
    assert load("mine:number").value is first.value  # not loaded again without need
    write("mine.py", "def number():\n    return 40\n")
    second = load("mine:number")
    assert (first.value(), second.value()) == (3, 40)
    assert first.source.digest != second.source.digest
    write("mine.py", "def number():\n    return 3\n")
    assert load("mine:number").source.digest == first.source.digest


@pytest.mark.parametrize(
    ("plugin", "neighbour", "name"),
    [
        ("import other\n\ndef number():\n    return other.N\n", "other.py", "mine:number"),
        ("def number():\n    from other import N\n\n    return N\n", "other.py", "mine.py:number"),
        (
            "from package.deep import other\n\ndef number():\n    return other.N\n",
            "package/deep/other.py",
            "mine:number",
        ),
    ],
)
def test_an_edit_of_what_it_imports_counts_and_of_its_neighbours_does_not(write, plugin, neighbour, name) -> None:
    write("mine.py", plugin)
    write(neighbour, "N = 3\n")
    write("stranger.py", "N = 1\n")
    first = load(name)
    assert first.value() == 3
    write("stranger.py", "N = 100\n")
    assert load(name).source == first.source
    write(neighbour, "N = 40\n")
    second = load(name)
    assert second.value() == 40
    assert second.source.digest != first.source.digest


def test_relative_imports_of_a_package_count(write) -> None:
    write("package/__init__.py", "")
    write("package/other.py", "from . import third\n\nN = third.N\n")
    write("package/third.py", "N = 3\n")
    write("package/mine.py", "from .other import N\n\ndef number():\n    return N\n")
    plugin = load("package.mine:number")
    assert plugin.value() == 3
    assert {file.name for file in plugin.source.files} == {"mine.py", "other.py", "third.py", "__init__.py"}


def test_a_folder_that_only_has_a_library_s_name_is_not_its_source(write) -> None:
    write("numpy/__init__.py", "raise RuntimeError('not this one')\n")
    write("mine.py", "import numpy\n\ndef number():\n    return int(numpy.ones(3).sum())\n")
    plugin = load("mine:number")
    assert plugin.value() == 3
    assert {file.name for file in plugin.source.files} == {"mine.py"}


def test_the_digest_is_of_the_source_and_not_of_its_place(write, tmp_path: Path, monkeypatch) -> None:
    digests = []
    for folder in ("one", "two"):
        write(f"{folder}/mine.py", "import other\n\ndef number():\n    return other.N\n")
        write(f"{folder}/other.py", f"N = '{folder}'\n" if folder == "one" else "N = 'one'\n")
        monkeypatch.chdir(tmp_path / folder)
        digests.append(load("mine:number").source.digest)
    assert digests[0] == digests[1]


def test_another_current_folder_has_other_modules_of_the_same_name(write, tmp_path: Path, monkeypatch) -> None:
    found = []
    for number in (3, 4):
        write(f"{number}/mine.py", f"def number():\n    return {number}\n")
        monkeypatch.chdir(tmp_path / str(number))
        found.append(load("mine:number").value())
    assert found == [3, 4]


def test_a_fresh_process_finds_the_same_digest(write) -> None:
    write("mine.py", "import other\n\ndef number():\n    return other.N\n")
    write("other.py", "N = 3\n")
    code = (
        "from rd3.base.plugin import load_plugin\n"
        "print(load_plugin('model', 'mine:number', noun='function', expected='').source.digest)"
    )
    said = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == load("mine:number").source.digest


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("", "absent:f", "cannot import 'absent' (ModuleNotFoundError: No module named 'absent'); expected anything"),
        ("", "absent.py:f", "absent.py); expected anything"),
        ("", "mine:f", "'mine' (mine.py) has no function 'f'"),
        ("N = 3\n\ndef figure(): ...\n", "mine:figura", "has no function 'figura'; did you mean 'figure'?"),
        ("N = 3\n", "mine:N", "'mine' (mine.py) has no function 'N'"),
        ("def f(:\n", "mine:f", "cannot import 'mine' (SyntaxError: invalid syntax (mine.py, line 1))"),
        ("def f(:\n", "mine.py:f", "cannot import 'mine.py' (SyntaxError: invalid syntax (mine.py, line 1))"),
        ("import absent\n", "mine:f", "(ModuleNotFoundError: No module named 'absent', mine.py:1)"),
        ("def g():\n    return [][1]\n\ng()\n", "mine:f", "(IndexError: list index out of range, mine.py:2)"),
        ("def g():\n    return [][1]\n\ng()\n", "mine.py:f", "(IndexError: list index out of range, mine.py:2)"),
        ("", "sys:exit", "it has no source file, so that a change of it could not be noticed"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(write, text: str, name: str, said: str) -> None:
    write("mine.py", text)
    with pytest.raises(UserError) as caught:
        load(name)
    message = str(caught.value)
    assert message.startswith(f"model plug-in '{name}': ")
    assert said in message
    assert "\n" not in message


def test_a_module_that_failed_can_be_mended(write) -> None:
    write("mine.py", "import absent\n")
    for name in ("mine:number", "mine.py:number"):
        with pytest.raises(UserError, match="absent"):
            load(name)
    write("mine.py", "def number():\n    return 3\n")
    assert [load(name).value() for name in ("mine:number", "mine.py:number")] == [3, 3]


@pytest.mark.parametrize(("planned", "now"), [({"m:f": "1"}, {"m:f": "2"}), ({}, {"m:f": "2"}), ({"m:f": "1"}, {})])
def test_other_code_than_was_planned_with_is_refused(planned, now) -> None:
    require_same_sources(planned, planned)
    with pytest.raises(UserError, match="plug-in 'm:f': its source has changed since the work was planned"):
        require_same_sources(planned, now)


@pytest.mark.parametrize("name", ["mine:number", "mine.py:number"])
def test_an_edit_within_a_second_to_code_of_the_same_length_is_noticed(write, name: str) -> None:
    place = write("mine.py", "def number():\n    return 3\n")
    assert load(name).value() == 3
    written = place.stat().st_mtime_ns
    write("mine.py", "def number():\n    return 4\n")
    os.utime(place, ns=(written, written // 10**9 * 10**9 + (written + 1) % 10**9))
    assert load(name).value() == 4
