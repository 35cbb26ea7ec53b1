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

from rd3.base.errors import UserError, unknown

Sections = dict[str, dict[str, str]]
"""Heading (empty for none) -> name -> one line about it."""


@dataclass
class Options:
    what: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WHAT")] = "methods"
    """targets, models, methods, protocols, studies or recipes"""
    pattern: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PATTERN")] = "*"
    """shell pattern on the names"""


def main(options: Options) -> int:
    if options.what not in CATALOGUES:
        raise unknown("thing to list", options.what, CATALOGUES)
    sections = CATALOGUES[options.what](options.pattern)
    width = max((len(name) for entries in sections.values() for name in entries), default=0)
    for heading, entries in sections.items():
        if heading:
            sys.stdout.write(f"\n{heading}\n")
        for name, about in sorted(entries.items()):
            sys.stdout.write(f"{name:<{width}}  {about}".rstrip() + "\n")
    return 0


def _targets(pattern: str) -> Sections:
    from rd3.data.load import list_targets

    return {"": {name: about for name, about in list_targets().items() if fnmatch(name, pattern)}}


def _models(pattern: str) -> Sections:
    from rd3.models import list_models

    return {"": dict.fromkeys(list_models(pattern), "")}


def _methods(pattern: str) -> Sections:
    from rd3.methods.base import METHODS

    own = {name: f"{METHODS[name].title} ({METHODS[name].paper})" for name in METHODS.names(pattern)}
    others = {name: _plugin_line(name) for name in METHODS.installed() if fnmatch(name, pattern)}
    return {"": own, "Plug-ins of installed packages": others} if others else {"": own}


def _plugin_line(name: str) -> str:
    """About a method that an entry point names, or why it is none; nothing that is broken there breaks the list."""
    from rd3.base.plugin_classes import package_of
    from rd3.methods.base import METHODS

    packages = " and ".join(map(package_of, METHODS.installed()[name]))
    if name in METHODS:
        return f"hidden by the method of rd3 of this name; plug-in of {packages}"
    try:
        found = METHODS[name]
    except UserError as error:
        return f"broken: {error}"
    paper = getattr(found, "paper", None)
    return f"{getattr(found, 'title', found.__name__)}{f' ({paper})' if paper else ''}; plug-in of {packages}"


def _protocols(pattern: str) -> Sections:
    from rd3.evaluation.card import GROUPS
    from rd3.evaluation.files import known_protocols, list_protocols, load_protocol

    # counterparts are left out of the long list: every protocol has them
    names = list_protocols() if pattern == "*" else [name for name in known_protocols() if fnmatch(name, pattern)]
    sections: Sections = {heading: {} for heading in GROUPS.values()}
    for protocol in map(load_protocol, names):
        own = protocol.group in ("rd3", "method", "dd-ranking")  # of the others the heading says it
        limit = f" (not rankable: {protocol.not_rankable})" if own and protocol.not_rankable else ""
        sections[GROUPS[protocol.group]][protocol.id] = f"v{protocol.version}  {protocol.title}{limit}"
    return {heading: entries for heading, entries in sections.items() if entries}


def _studies(pattern: str) -> Sections:
    from rd3.study.spec import list_studies, load_study

    return {"": {name: load_study(name).note for name in list_studies() if fnmatch(name, pattern)}}


def _recipes(pattern: str) -> Sections:
    from rd3.squeeze.spec import teacher_recipes

    found = teacher_recipes()
    return {
        "": {name: f"{found[name]['provenance']}: {found[name]['note']}" for name in found if fnmatch(name, pattern)}
    }


CATALOGUES: dict[str, Callable[[str], Sections]] = {
    "targets": _targets,
    "models": _models,
    "methods": _methods,
    "protocols": _protocols,
    "studies": _studies,
    "recipes": _recipes,
}
