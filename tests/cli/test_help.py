"""Every verb explains itself, and its examples are commands that it takes."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import shlex
import subprocess
import sys
from keyword import iskeyword
from pathlib import Path

import pytest
import tyro

import rd3
from rd3.cli.main import main, verbs

ROOT = Path(__file__).parent.parent.parent
RUN = [sys.executable, "-c", "from rd3.cli import main; raise SystemExit(main())"]


def examples(help_text: str, verb: str) -> list[str]:
    after = help_text.partition("Examples:")[2]
    return [line.strip() for line in after.splitlines() if line.strip().startswith(f"rd3 {verb}")]


@pytest.mark.parametrize("verb", verbs())
def test_the_help_of_a_verb_shows_examples_that_it_takes(verb, terminal) -> None:
    outcome = terminal(verb, "--help")
    assert outcome.code == 0
    shown = examples(outcome.out, verb)
    assert shown, outcome.out
    module = importlib.import_module(f"rd3.cli.verbs.{verb}{'_' * iskeyword(verb)}")
    for line in shown:
        parsed = tyro.cli(module.Options, args=shlex.split(line)[2:])
        assert isinstance(parsed, module.Options)


@pytest.mark.parametrize("verb", verbs())
def test_a_precision_is_offered_where_students_are_trained(verb, terminal) -> None:
    trains = verb in ("audit", "demo", "evaluate", "score", "study")
    words = ("audit", "one") if verb == "audit" else (verb,)
    assert ("--precision" in terminal(*words, "--help").out) == trains


def test_an_audit_has_the_precision_that_its_students_are_asked_for() -> None:
    options = importlib.import_module("rd3.cli.verbs.audit").Options
    words = ["one", "set", "digits", "--from", "rded", "--precision", "bfloat16"]
    assert tyro.cli(options, args=words).precision == "bfloat16"
    assert tyro.cli(options, args=["records", "a", "b"]).precision is None


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        *(f"docs/{page}.md" for page in ("bring-your-own", "ddranking", "formats", "teachers")),
    ],
)
def test_the_commands_of_the_documents_are_ones_that_the_verbs_take(name) -> None:
    lines = re.findall(r"^    (?:\.venv/bin/)?rd3 (.+)$|`rd3 ([^`…]+)`", (ROOT / name).read_text(), flags=re.MULTILINE)
    for block, inline in lines:
        verb, *words = shlex.split(block or inline, comments=True)
        if verb.startswith("-"):
            continue
        assert verb in verbs()
        if words:
            tyro.cli(importlib.import_module(f"rd3.cli.verbs.{verb}{'_' * iskeyword(verb)}").Options, args=words)


def test_the_study_of_the_readme_is_one(terminal, tmp_path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / "study.yaml").write_text(text)
    assert " a study of " in terminal.done("validate", tmp_path / "study.yaml")


def test_the_overview_names_every_verb_with_its_summary(terminal) -> None:
    for words in ((), ("--help",), ("-h",), ("help",)):
        overview = terminal.done(*words)
        for verb, summary in verbs().items():
            assert f"  {verb} " in overview
            assert summary in overview


def test_the_verbs_are_those_that_the_design_names() -> None:
    named = {"demo", "list", "squeeze", "distill", "evaluate", "score", "study", "rank", "report", "validate", "doctor"}
    assert named <= set(verbs())


def test_the_version_is_the_package_s(terminal) -> None:
    assert terminal.done("--version") == f"rd3 {rd3.__version__}"


def test_the_installed_command_is_this_one() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="rd3")
    assert script.load() is main


def test_a_real_process_says_the_same_without_loading_torch(terminal) -> None:
    code = f"import sys; {RUN[2].replace('raise SystemExit(main())', 'main()')}; assert 'torch' not in sys.modules"
    process = subprocess.run([RUN[0], "-c", code, "--help"], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == terminal.done("--help")


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen([*RUN, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    complaint = process.stderr.read()
    assert (process.wait(), complaint) == (141, b"")


def test_a_real_process_ends_with_two_for_a_misspelt_verb() -> None:
    process = subprocess.run([*RUN, "distil"], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith("rd3: unknown verb 'distil'; did you mean 'distill'?")
    assert process.stderr.count("\n") == 1
