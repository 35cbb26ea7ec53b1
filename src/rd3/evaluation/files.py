"""Protocol files: shipped ones by id, locked by their hashes; anybody's own by path.

With `base`, a file says only what differs: fields, variants and what else it leaves out are the base's. Counterparts
may be `derived`; the whole target's, `derived` or `derived from BASE`, from `whole` or another protocol for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache, reduce
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from rd3.base.errors import UserError, suggestion
from rd3.base.files import read_text
from rd3.base.spec import parse
from rd3.evaluation.ddranking.read import is_ddranking, read_ddranking
from rd3.evaluation.derived import ROLES, counterpart
from rd3.evaluation.inheritance import inherited
from rd3.evaluation.modifiers import modified, split_modifiers
from rd3.evaluation.protocol import Counterparts, Protocol
from rd3.evaluation.variants import written_out
from rd3.evaluation.whole import in_pipeline_of

SHIPPED = files("rd3.evaluation.protocols")
DERIVED = "derived"  # in place of a counterpart's name: it is made from the protocol itself
WHOLE = re.compile(r"(?P<base>.+)-[0-9a-f]{6}")  # an id of `in_pipeline_of`
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where PyYAML was built with it


def list_protocols() -> list[str]:
    """Ids of the shipped protocols, without the counterparts that are derived from them."""
    return sorted(entry.name.removesuffix(".yaml") for entry in SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def known_protocols() -> list[str]:
    """Every id that `load_protocol` knows: the shipped protocols and the counterparts that they name."""
    shipped = list_protocols()
    roles = {f"{name}-{role}" for name in shipped for role in ROLES}
    locked = {key.partition("/")[0] for key in locked_hashes()}
    return sorted({*shipped, *(name for name in locked if name in roles or WHOLE.fullmatch(name))})


def load_protocol(name: str) -> Protocol:
    """A shipped protocol or a derived counterpart by its id (`rd3`, `rd3-hard`), or a file by its path (`.yaml`).

    `ddranking:PATH` is a configuration file of DD-Ranking. Behind each may stand modifiers (`rd3+test-peek`, see
    `rd3.evaluation.modifiers`).

    Raises:
        UserError: unknown id, a file that is not a protocol, or a shipped file that was changed without a new version.
    """
    plain, modifiers = split_modifiers(name)
    return reduce(modified, modifiers, _load(plain))


def counterpart_ids(protocol: Protocol) -> Counterparts:
    """The counterparts by id, where the file names some of them by path."""
    named = protocol.counterparts.model_dump()
    return Counterparts(**{role: name and load_protocol(name).id for role, name in named.items()})


def locked_hashes() -> dict[str, str]:
    """`id/version` -> hash of every protocol that was ever shipped."""
    return dict(json.loads(SHIPPED.joinpath("locked.json").read_text()))


@cache
def read_unlocked(name: str) -> Protocol:
    """A shipped protocol, or a counterpart of one, as it stands, whether it is locked or not."""
    if name in list_protocols():
        return _from_text(
            SHIPPED.joinpath(f"{name}.yaml").read_text(), where=f"protocol {name}", base=read_unlocked, reference=name
        )
    parent, role = _parent_and_role(name)
    return _derived(read_unlocked(parent), role, read_unlocked)


def _parent_and_role(name: str) -> tuple[str, str]:
    """`rd3-hard-plain` -> (`rd3`, `hard-plain`); `whole-…` -> (the first that names it, `whole`)."""
    shipped = list_protocols()
    for role in ROLES:
        parent = name.removesuffix(f"-{role}")
        if parent != name and parent in shipped:
            return parent, role
    whole = WHOLE.fullmatch(name)
    parent = next((one for one in shipped if read_unlocked(one).counterparts.whole == name), "") if whole else ""
    if whole is None or not parent:
        raise _unknown(name)
    return parent, whole["base"]


def _derived(protocol: Protocol, role: str, load: Callable[[str], Protocol]) -> Protocol:
    """`role`: one of ROLES, or the name of a protocol for the whole target."""
    return counterpart(protocol, role) if role in ROLES else in_pipeline_of(protocol, load(role))


def _unknown(name: str) -> UserError:
    hint = suggestion(name, known_protocols())
    return UserError(f"unknown protocol '{name}'{hint or '.'} All of them: rd3 list protocols")


def _load(name: str, above: frozenset[Path] = frozenset()) -> Protocol:
    """`above`: the files that this one is the base of."""
    place, _, role = name.partition("#")
    if role and role not in (*ROLES, *list_protocols()) and not role.endswith((".yaml", ".yml")):
        raise UserError(f"{name}: '#{role}' is no counterpart; allowed are {', '.join(f'#{one}' for one in ROLES)}")
    if is_ddranking(place):
        protocol = read_ddranking(place).protocol
    elif place.endswith((".yaml", ".yml")):
        protocol = _read_protocol(Path(place), above)
    else:
        return _shipped(name)
    return _derived(protocol, role, _load) if role else protocol


@cache
def _shipped(name: str) -> Protocol:
    if name not in known_protocols():
        raise _unknown(name)
    protocol = read_unlocked(name)
    key = f"{protocol.id}/{protocol.version}"
    locked = locked_hashes().get(key)
    if locked != protocol.hash:
        raise UserError(f"protocol {key} has hash {protocol.hash}, locked is {locked}: raise its version and lock it")
    return protocol


def _read_protocol(path: Path, above: frozenset[Path]) -> Protocol:
    if not path.is_file():
        raise UserError(f"{path}: there is no such protocol file")
    if path.resolve() in above:
        raise UserError(f"{path}: its base leads back to itself")
    below = above | {path.resolve()}
    return _from_text(
        read_text(path), where=str(path), base=lambda name: _load(name, below), reference=f"{path}#", locked=False
    )


def _from_text(
    text: str, *, where: str, base: Callable[[str], Protocol], reference: str, locked: bool = True
) -> Protocol:
    """`reference`: how counterparts that are derived from it are named."""
    try:
        values = yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not YAML: {' '.join(str(error).split())}") from None
    if isinstance(values, dict):
        values = inherited(dict(values), base)
        values["fields"] = written_out(values.get("fields"), values.get("variants"), where)
        values["counterparts"] = _named_counterparts(values.get("counterparts"), reference)
    protocol = _with_whole(parse(Protocol, values, where=where), base, reference)
    known = locked_hashes().get(f"{protocol.id}/{protocol.version}")
    if known is None or not locked or known != protocol.hash:  # what is locked was checked then
        protocol.check(where)
    if not locked and known not in (None, protocol.hash):
        raise UserError(
            f"{where}: {protocol.id} version {protocol.version} is a locked protocol with other values; take another id"
        )
    return protocol


def _named_counterparts(given: Any, reference: str) -> Any:
    """Counterparts with every `derived` replaced by a name that `load_protocol` knows."""
    if not isinstance(given, dict):
        return given or {}
    separator = "" if reference.endswith("#") else "-"
    return {
        role: f"{reference}{separator}{role}" if name == DERIVED and role in ROLES else name
        for role, name in given.items()
    }


def _with_whole(protocol: Protocol, load: Callable[[str], Protocol], reference: str) -> Protocol:
    """The protocol with a name that `load_protocol` knows in place of `derived` or `derived from BASE`."""
    word, _, named = (protocol.counterparts.whole or "").partition(" from ")
    if word != DERIVED:
        return protocol
    base = load(named or "whole")
    own = in_pipeline_of(protocol, base)
    name = f"{reference}{base.id}" if reference.endswith("#") and own is not base else own.id
    return protocol.model_copy(update={"counterparts": protocol.counterparts.model_copy(update={"whole": name})})
