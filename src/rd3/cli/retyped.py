"""A command as one would type it again, from the options that it was parsed into."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

NAMES = {"start": "from", "end": "to"}  # fields whose option is called otherwise
LEFT_OUT = {"plan", "home", "workers", "device", "out"}  # where and how, not what


def retyped(verb: str, words: Sequence[Any], options: Any) -> str:
    """The command with every option that differs from its default.

    Args:
        words: what stands before the options.
        options: a dataclass; fields whose values are among `words` are passed over.
    """
    said = [str(word) for word in words]
    for field in fields(options):
        value = getattr(options, field.name)
        positional = set(map(str, value if isinstance(value, tuple) else [value])) <= set(said) and value != ()
        if field.name in LEFT_OUT or value == field.default or (positional and field.default is MISSING):
            continue
        said.append(f"--{NAMES.get(field.name, field.name).replace('_', '-')}")
        said += [str(each) for each in value] if isinstance(value, tuple) else [] if value is True else [str(value)]
    return shlex.join(["rd3", verb, *said])
