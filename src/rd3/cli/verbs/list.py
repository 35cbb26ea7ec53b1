"""List what there is: targets, models, methods, protocols, studies, teacher recipes.

Examples:
  rd3 list methods
  rd3 list models 'resnet*'
  rd3 list protocols
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Annotated

import tyro

from rd3.base.errors import unknown


@dataclass
class Options:
    what: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WHAT")] = "methods"
    """targets, models, methods, protocols, studies or recipes"""
    pattern: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PATTERN")] = "*"
    """shell pattern on the names"""


def main(options: Options) -> int:
    if options.what not in CATALOGUES:
        raise unknown("thing to list", options.what, CATALOGUES)
    entries = CATALOGUES[options.what](options.pattern)
    width = max(map(len, entries), default=0)
    for name, about in sorted(entries.items()):
        sys.stdout.write(f"{name:<{width}}  {about}".rstrip() + "\n")
    return 0


def _targets(pattern: str) -> dict[str, str]:
    from rd3.data.load import list_targets

    return {name: about for name, about in list_targets().items() if fnmatch(name, pattern)}


def _models(pattern: str) -> dict[str, str]:
    from rd3.models import list_models

    return dict.fromkeys(list_models(pattern), "")


def _methods(pattern: str) -> dict[str, str]:
    from rd3.methods.base import METHODS

    return {name: f"{METHODS[name].title} ({METHODS[name].paper})" for name in METHODS.names(pattern)}


def _protocols(pattern: str) -> dict[str, str]:
    from rd3.evaluation.files import known_protocols, list_protocols, load_protocol

    # counterparts are left out of the long list: every protocol has them
    names = list_protocols() if pattern == "*" else [name for name in known_protocols() if fnmatch(name, pattern)]
    return {name: f"v{load_protocol(name).version}  {load_protocol(name).title}" for name in names}


def _studies(pattern: str) -> dict[str, str]:
    from rd3.study.spec import list_studies, load_study

    return {name: load_study(name).note for name in list_studies() if fnmatch(name, pattern)}


def _recipes(pattern: str) -> dict[str, str]:
    from rd3.squeeze.spec import teacher_recipes

    found = teacher_recipes()
    return {name: f"{found[name]['provenance']}: {found[name]['note']}" for name in found if fnmatch(name, pattern)}


CATALOGUES: dict[str, Callable[[str], dict[str, str]]] = {
    "targets": _targets,
    "models": _models,
    "methods": _methods,
    "protocols": _protocols,
    "studies": _studies,
    "recipes": _recipes,
}
