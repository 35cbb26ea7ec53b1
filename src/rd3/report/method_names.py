"""Short names of methods, for tables in which whole labels such as `sre2l[init=real,iterations=500]` do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations


def short_names(labels: Iterable[str]) -> dict[str, str]:
    """Label -> the method with as few of its settings as tell it from the others; labels in their order, each once.

    >>> list(short_names(["dm[iterations=300]", "sre2l[iterations=500]", "sre2l[init=real,iterations=500]"]).values())
    ['dm', 'sre2l', 'sre2l[init=real]']
    """
    given = list(dict.fromkeys(labels))
    return {label: _short(label, [other for other in given if _method(other) == _method(label)]) for label in given}


def _short(label: str, relatives: Sequence[str]) -> str:
    every = {each: _settings(each) for each in relatives}
    keys = list(dict.fromkeys(key for settings in every.values() for key in settings))
    for count in range(len(keys) + 1):
        for chosen in combinations(keys, count):
            if len({tuple(settings.get(key) for key in chosen) for settings in every.values()}) == len(every):
                return _written(label, chosen)
    return label


def _written(label: str, keys: Sequence[str]) -> str:
    settings = _settings(label)
    inside = ",".join(f"{key}={settings[key]}" for key in keys if key in settings)
    return f"{_method(label)}[{inside}]" if inside else _method(label)


def _method(label: str) -> str:
    return label.partition("[")[0]


def _settings(label: str) -> dict[str, str]:
    """The settings inside the brackets of a label; a comma may be part of a value."""
    inside = label.partition("[")[2].removesuffix("]")
    found: dict[str, str] = {}
    last = ""
    for part in inside.split(",") if inside else ():
        key, equals, value = part.partition("=")
        if equals:
            found[key], last = value, key
        elif last:
            found[last] += f",{part}"
    return found
