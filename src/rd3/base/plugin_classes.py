"""Registries of classes that others may add to: by `module:Class`, or as an entry point of an installed package."""

from __future__ import annotations

import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from rd3.base.errors import UserError, unknown
from rd3.base.plugin import Plugin, is_plugin_name, load_plugin
from rd3.base.registry import Registry

T = TypeVar("T", bound=type)


class PluginRegistry(Registry[T]):
    """A registry that also knows classes which live elsewhere.

    Args:
        base: what they are derived from.
        group: of entry points, None for none.
    """

    def __init__(self, kind: str, package: str, *, base: type, group: str | None = None) -> None:
        super().__init__(kind, package)
        self._base, self._group = base, group

    def plugin(self, name: str) -> Plugin | None:
        """The plug-in behind a name, None for a class of this package.

        Raises:
            UserError: nothing has the name, or what has it is not such a class.
        """
        if name in self:
            return None
        installed = self.installed()
        if name in installed:
            return self._checked(*_written(self.kind, name, installed[name]))
        if is_plugin_name(name):
            return self._checked(name, name)
        raise unknown(self.kind, name, [*self, *installed])

    def installed(self) -> dict[str, list[EntryPoint]]:
        """The entry points of installed packages by name, loaded or not; more than one of a name are one too many."""
        found: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=self._group) if self._group else ():
            if entry not in found.setdefault(entry.name, []):
                found[entry.name].append(entry)
        return dict(sorted(found.items()))

    def source(self, name: str) -> dict[str, str]:
        """The name with a digest of the source behind it, for fingerprints; empty for a class of this package."""
        plugin = self.plugin(name)
        return {} if plugin is None else {name: plugin.source.digest}

    def is_plugin(self, name: str) -> bool:
        """Whether a name would be looked for outside this package."""
        return name not in self

    def _elsewhere(self, name: str) -> T:
        plugin = self.plugin(name)
        assert plugin is not None, name
        value: T = plugin.value
        return value

    def _checked(self, name: str, shown: str) -> Plugin:
        expected = f"a class derived from {self._base.__module__}.{self._base.__name__}"
        plugin = load_plugin(self.kind, name, noun="class", expected=expected, shown=shown)
        problem = _problem(plugin.value, self._base)
        if problem is not None:
            raise plugin.error(f"{problem}; expected {expected}")
        return plugin


def package_of(entry: EntryPoint) -> str:
    """The installed package that an entry point is of, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"


def _written(kind: str, name: str, entries: list[EntryPoint]) -> tuple[str, str]:
    """(module:Class, what a message calls it) of an entry point.

    Raises:
        UserError: two packages have one of the name, or it is not written so.
    """
    entry = entries[0]
    if len(entries) > 1:
        packages = " and ".join(package_of(each) for each in entries)
        raise UserError(f"{kind} plug-in '{name}': {packages} both have an entry point of this name; uninstall one")
    if not is_plugin_name(entry.value):
        raise UserError(
            f"{kind} plug-in '{name}' of {package_of(entry)}: its entry point is '{entry.value}'; expected module:Class"
        )
    return entry.value, f"{name} ({entry.value} of {package_of(entry)})"


def _problem(found: Any, base: type) -> str | None:
    """Why something is no class that can stand in for `base`."""
    if not isinstance(found, type):
        return f"is a {type(found).__name__}, not a class"
    if not issubclass(found, base):
        return f"is a class of its own: {found.__name__}({', '.join(each.__name__ for each in found.__bases__)})"
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        return f"does not define {_call(base, missing[0])}"
    return next(filter(None, (_misfit(found, base, name) for name in _abstract(base))), None)


def _abstract(base: type) -> list[str]:
    return sorted(getattr(base, "__abstractmethods__", ()))


def _misfit(found: type, base: type, name: str) -> str | None:
    """Why a method cannot be called as that of the base is."""
    usual = inspect.signature(getattr(base, name))
    try:
        inspect.signature(getattr(found, name)).bind(*usual.parameters)
    except TypeError as error:
        return f"{_call(found, name)}: {error}; it is called as {_call(base, name)}"
    return None


def _call(found: type, name: str) -> str:
    return f"{name}({', '.join(inspect.signature(getattr(found, name)).parameters)})"
