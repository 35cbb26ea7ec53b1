"""The command line in this process, and one small chain of its commands that many tests look at."""

from __future__ import annotations

import io
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from rd3.base.files import sha256_of
from rd3.cli.main import main

FIELDS = {
    "quick": "",
    "quick-hard": "  labels: {value: hard, provenance: inferred}\n  loss: {value: ce, provenance: inferred}\n",
    "quick-plain": "  augment: {value: [], provenance: inferred}\n  mix: {value: null, provenance: inferred}\n",
    "quick-whole": "",
}


@dataclass(frozen=True)
class Outcome:
    """What a command left on the terminal."""

    code: int | str | None
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of a refusal."""
        assert self.code == 2, self
        assert self.out == "", self.out
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("rd3: "), self.err
        return self.err.removeprefix("rd3: ").strip()


class Terminal:
    """`terminal("list", "methods")` runs `rd3 list methods` here."""

    def __call__(self, *words: str | Path | int) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code: int | str | None = main([str(word) for word in words])
            except SystemExit as stop:
                code = stop.code
        return Outcome(code, out.getvalue(), err.getvalue())

    def done(self, *words: str | Path | int) -> str:
        """The output of a command that must succeed."""
        outcome = self(*words)
        assert outcome.code == 0, outcome
        return outcome.out.strip()


@dataclass(frozen=True)
class Home:
    """A home folder with what `rd3 squeeze` and `rd3 distill` left in it for digits.

    Attributes:
        protocol: a file, with the protocols that its scores need beside it.
        random, sre2l: synthetic sets of 2 images a class.
    """

    path: Path
    protocol: Path
    random: Path
    sre2l: Path

    @property
    def options(self) -> tuple[str, ...]:
        return options(self.path)

    @property
    def judging(self) -> tuple[str, ...]:
        return (*self.options, "--protocol", str(self.protocol), "--seeds", "2")

    def copied(self, path: Path) -> Home:
        """The same in another folder."""
        shutil.copytree(self.path, path)
        sets = [path / place.relative_to(self.path) for place in (self.random, self.sre2l)]
        return Home(path, self.protocol, *sets)

    def snapshot(self) -> dict[str, tuple[int, str]]:
        """Every file of the store: when it was written, and its hash."""
        files = [file for file in sorted((self.path / "store").rglob("*")) if file.is_file() and file.stat().st_size]
        return {str(file.relative_to(self.path)): (file.stat().st_mtime_ns, sha256_of(file)) for file in files}

    def entries(self, kind: str = "*") -> list[Path]:
        """Folders of the store's entries, temporary ones too."""
        return sorted(place for place in (self.path / "store").glob(f"{kind}/*") if place.is_dir())


def options(home: Path) -> tuple[str, ...]:
    return ("--home", str(home), "--workers", "1", "--teacher-model", "convnet1-bn-w8", "--teacher-epochs", "2")


def write_protocols(folder: Path) -> Path:
    """A protocol and its counterparts, cut to five epochs; returns the file of the first."""
    named = {name: folder / f"{name}.yaml" for name in FIELDS}
    others = f"plain: {named['quick-plain']}, whole: {named['quick-whole']}"
    counterparts = {"quick": f"hard: {named['quick-hard']}, {others}", "quick-hard": others}
    for name, file in named.items():
        file.write_text(
            f"id: {name}\nversion: 1\nbase: {'whole' if name == 'quick-whole' else 'rd3'}\ntitle: {name}\n"
            f"source: tests\npurpose: {'ranking' if name in counterparts else 'reference'}\n"
            f"counterparts: {{{counterparts.get(name, '')}}}\n"
            f"fields:\n  epochs: {{value: 5, provenance: inferred}}\n{FIELDS[name]}"
        )
    return named["quick"]


@pytest.fixture(scope="session")
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, terminal: Terminal) -> Home:
    """One teacher and two synthetic sets; to be copied, not worked in."""
    folder = tmp_path_factory.mktemp("pristine")
    shared = options(folder / "home")
    terminal.done("squeeze", "digits", *shared)
    sets = [
        terminal.done("distill", *words, "--ipc", 2, *shared).split(": ")[0]
        for words in (("random", "digits"), ("sre2l", "digits", "-p", "iterations=10"))
    ]
    return Home(folder / "home", write_protocols(folder), *map(Path, sets))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, pristine: Home) -> Home:
    """A copy of it that tests share, and in which work piles up."""
    return pristine.copied(tmp_path_factory.mktemp("shared") / "home")


@pytest.fixture
def own(tmp_path: Path, pristine: Home) -> Home:
    """A copy of it that is the test's alone, to be damaged."""
    return pristine.copied(tmp_path / "home")


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that a test does depends on, or reaches, the home and data of whoever runs it."""
    monkeypatch.delenv("RD3_HOME", raising=False)
    monkeypatch.delenv("RD3_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
