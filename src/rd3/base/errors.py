"""Errors that a user can act on: one line, exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something the caller gave is wrong. The message is one line that names it and what is allowed."""


class MissingExtraError(UserError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str) -> None:
        super().__init__(f"This needs: pip install 'rd3[{extra}]'")

    def __reduce__(self) -> tuple[type[UserError], tuple[str, ...]]:
        """Crosses a process border as a plain `UserError` with the same message."""
        return UserError, self.args


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for a near miss, else an empty string.

    >>> suggestion("hreding", ["herding", "random"])
    "; did you mean 'herding'?"
    """
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is in no registry.

    >>> str(unknown("method", "sre2", ["sre2l", "rded"]))
    "unknown method 'sre2'; did you mean 'sre2l'? Known: rded, sre2l"
    """
    names = sorted(known)
    hint = suggestion(name, names)
    return UserError(f"unknown {kind} '{name}'{hint or '.'} Known: {', '.join(names)}")
