"""What `rd3 new method` does."""

from __future__ import annotations

import shlex
import sys
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path

from rd3.base.errors import UserError
from rd3.base.files import write_atomic
from rd3.base.plugin_modules import is_installed

TEMPLATES = files("rd3.cli") / "templates"


def write_method(name: str, folder: Path) -> int:
    """Write NAME.py and test_NAME.py, and say what to do with them.

    Raises:
        UserError: the name cannot be that of a module, or there is something of this name.
    """
    places = {folder / f"{name}.py": "method.py.txt", folder / f"test_{name}.py": "test_method.py.txt"}
    _require_free(name, places)
    own = class_name(name)
    for place, template in places.items():
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        write_atomic(place, text.replace("CLASS", own).replace("NAME", name))
    file, test = (shlex.quote(str(place)) for place in places)
    method = f"{name}:{own}" if folder.resolve() == Path.cwd().resolve() else f"{file}:{own}"
    sys.stdout.write(
        f"{file}: a method that runs as it is; {test}: its test. Next:\n"
        f"  rd3 distill {method} digits --ipc 1\n"
        f"  pytest {test}\n"
    )
    return 0


def class_name(name: str) -> str:
    """The class for a module.

    >>> class_name("class_means"), class_name("dm2")
    ('ClassMeans', 'Dm2')
    """
    return "".join(word[:1].upper() + word[1:] for word in name.split("_")) or name


def _require_free(name: str, places: dict[Path, str]) -> None:
    from rd3.methods.base import METHODS

    if not (name.isascii() and name.isidentifier()) or iskeyword(name) or not name.strip("_"):
        raise UserError(f"name = {name}: not a name that Python can import; allowed are letters, digits and _")
    if name in METHODS:
        raise UserError(f"name = {name}: rd3 has a method of this name; take another")
    there = next((place for place in places if place.exists()), None)
    if there is not None:
        raise UserError(f"{there}: exists already; it is left as it is, take another name or --out")
    if is_installed(name):
        raise UserError(f"name = {name}: a module of this name is installed, and would be imported in its place")
