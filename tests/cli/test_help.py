"""Every verb explains itself, and its examples are commands that it takes."""

from __future__ import annotations

import importlib
import importlib.metadata
import shlex
import subprocess
import sys

import pytest
import tyro

import rd3
from rd3.cli.main import main, verbs

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
    module = importlib.import_module(f"rd3.cli.verbs.{verb}")
    for line in shown:
        parsed = tyro.cli(module.Options, args=shlex.split(line)[2:])
        assert isinstance(parsed, module.Options)


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


def test_a_real_process_ends_with_two_for_a_misspelt_verb() -> None:
    process = subprocess.run([*RUN, "distil"], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith("rd3: unknown verb 'distil'; did you mean 'distill'?")
    assert process.stderr.count("\n") == 1
