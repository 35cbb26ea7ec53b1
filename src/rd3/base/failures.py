"""What went wrong, in one line, and where in somebody's own files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from types import CodeType

MOST = 300  # characters of a message


def one_line(error: BaseException) -> str:
    """The kind of an error and its message, without line breaks.

    >>> one_line(ValueError("sizes differ:\\n  3 and 4")), one_line(KeyError())
    ('ValueError: sizes differ: 3 and 4', 'KeyError')
    """
    text = " ".join(str(error).split())
    text = text if len(text) <= MOST else f"{text[: MOST - 1]}…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def frames(error: BaseException) -> Iterator[tuple[Path, int, CodeType]]:
    """(file, line, code) of everything that was under way, the deepest last; causes are not followed."""
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield Path(code.co_filename).resolve(), traceback.tb_lineno, code
        traceback = traceback.tb_next


def place_in(error: BaseException, files: Collection[Path]) -> str:
    """`file.py:line` of the deepest call in some files; empty where there is none."""
    own = [(file, line) for file, line, _ in frames(error) if file in files]
    return f"{short(own[-1][0])}:{own[-1][1]}" if own else ""


def short(path: Path) -> str:
    """A path as it is seen from the current folder, where it lies below that."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd().resolve()) else str(path)
