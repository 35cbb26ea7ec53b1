"""What docs/bring-your-own.md shows is run, section by section: its files, its commands, its Python."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "bring-your-own.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE))
RUN = [title for title, text in SECTIONS.items() if re.search(r"^    rd3 [a-z]+ ", text, flags=re.MULTILINE)]
PART = re.compile(
    r"```(?P<kind>python|yaml)\n(?P<block>.*?)```|^    rd3 (?P<command>[a-z]+ [^\n]+)$", re.DOTALL | re.MULTILINE
)
FILE = re.compile(r"# (\S+\.(?:py|yaml))\n")
MANY = {"evaluate", "study"}  # verbs that start processes


def test_every_kind_of_plug_in_has_a_section_that_runs() -> None:
    named = re.findall(r"^\| \[(.+?)\]\(#(.+?)\)", PAGE, flags=re.MULTILINE)
    assert len(named) == 6
    assert {place for _, place in named} <= {title.lower().replace(" ", "-") for title in RUN}


@pytest.mark.parametrize("title", RUN)
def test_a_section_runs_as_it_stands(title, terminal, tmp_path, monkeypatch) -> None:
    if "hf:" in SECTIONS[title] and title != "A target":
        datasets = pytest.importorskip("datasets")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as in a notebook; commands find the folder by themselves
    before = set(sys.modules)
    try:
        for part in PART.finditer(SECTIONS[title]):
            run(part, terminal, tmp_path)
    finally:
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]


def run(part: re.Match[str], terminal, folder: Path) -> None:
    if part["command"]:
        verb, *words = shlex.split(part["command"])
        terminal.done(verb, *words, *(("--workers", 1) if verb in MANY else ()))
    elif file := FILE.match(part["block"]):
        (folder / file[1]).write_text(part["block"])
    else:
        exec(part["block"], {})
