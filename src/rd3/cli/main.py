"""`rd3 VERB …`: finds the verb's file, parses its options, turns user errors into one line and exit code 2."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rd3 import __version__
from rd3.base.errors import UserError, suggestion
from rd3.base.files import out_of_space
from rd3.cli.interrupts import no_interrupt_lost

USAGE_ERROR, INTERRUPTED, UNREAD = 2, 130, 141


def verbs() -> dict[str, str]:
    """Every verb with its one-line summary, read without importing it."""
    found = {}
    for file in sorted((Path(__file__).parent / "verbs").glob("[a-z]*.py")):
        docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
        found[file.stem.rstrip("_")] = docstring.split("\n")[0]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    try:
        with no_interrupt_lost():
            code = _answer(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except UserError as error:
        return _fail(str(error))
    except BrokenPipeError:  # whoever read the output, for instance `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
        return UNREAD
    except OSError as error:
        full = out_of_space(error)
        if full is None and not error.filename:
            raise
        return _fail(str(full or f"{error.filename}: {error.strerror}"))
    except KeyboardInterrupt:
        sys.stderr.write("rd3: interrupted; finished work is kept, the same command resumes it\n")
        return INTERRUPTED


def _answer(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(_overview())
        return 0
    if words[0] in ("-V", "--version"):
        sys.stdout.write(f"rd3 {__version__}\n")
        return 0
    return _run_verb(words[0], words[1:])


def _run_verb(verb: str, words: list[str]) -> int:
    known = verbs()
    if verb not in known:
        raise UserError(f"unknown verb '{verb}'{suggestion(verb, known) or '.'} Known: {', '.join(known)}")
    stem = verb if (Path(__file__).parent / "verbs" / f"{verb}.py").exists() else f"{verb}_"
    module = importlib.import_module(f"rd3.cli.verbs.{stem}")
    options: Any = _parse(module.Options, verb, module.__doc__ or "", words)
    return int(_in_precision(getattr(options, "precision", None), module.main, options))


def _in_precision(precision: Any, work: Callable[[Any], int], options: Any) -> int:
    """Do a verb's work; in the precision of its students that was asked for, where one was."""
    if precision is None:
        return work(options)
    from rd3.training.execution import precision_asked_for

    with precision_asked_for(precision):
        return work(options)


def _parse(options: type, verb: str, description: str, words: list[str]) -> Any:
    import tyro

    return tyro.cli(options, prog=f"rd3 {verb}", description=description, args=words)


def _overview() -> str:
    lines = ["rd3: does a distilled data set carry more information than the images it was made from?", ""]
    lines += ["usage: rd3 VERB [options]      (rd3 VERB --help shows its options and examples)", ""]
    known = verbs()
    width = max(map(len, known))
    lines += [f"  {verb:<{width}}  {summary}" for verb, summary in known.items()]
    return "\n".join([*lines, ""])


def _fail(message: str) -> int:
    sys.stderr.write(f"rd3: {message}\n")
    return USAGE_ERROR
