"""Locks new protocol files: `python -m rd3.evaluation.lock`, after adding one or raising a version."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rd3.base.errors import UserError
from rd3.base.files import write_atomic
from rd3.evaluation.files import list_protocols, locked_hashes, read_unlocked
from rd3.evaluation.protocol import Protocol


def lock() -> list[str]:
    """Add the hash of every new (id, version) to `locked.json`; returns what was added.

    Raises:
        UserError: a locked protocol was changed without a new version.
    """
    locked = locked_hashes()
    added = []
    for protocol in shipped_and_derived():
        key = f"{protocol.id}/{protocol.version}"
        if locked.setdefault(key, protocol.hash) != protocol.hash:
            raise UserError(f"protocol {key} was changed: raise its version")
        if key not in locked_hashes():
            added.append(key)
    place = Path(__file__).parent / "protocols" / "locked.json"
    write_atomic(place, json.dumps(locked, indent=1, sort_keys=True) + "\n")
    return added


def shipped_and_derived() -> list[Protocol]:
    """Every shipped protocol, and every counterpart that is derived from one, unlocked."""
    found: dict[str, Protocol] = {}
    waiting = list_protocols()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = read_unlocked(name)
            named = found[name].counterparts
            waiting += [other for other in (named.hard, named.plain, named.whole) if other is not None]
    return [found[name] for name in sorted(found)]


if __name__ == "__main__":
    sys.stdout.write("".join(f"locked {key}\n" for key in lock()))
