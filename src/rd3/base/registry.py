"""Registries that fill themselves: a new file in a room adds its names, and no other file is edited."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from typing import Generic, TypeVar

from rd3.base.errors import unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things of one kind; the modules of `package` are imported at the first look-up.

    >>> registry: Registry[int] = Registry("number")
    >>> _ = registry.add("one")(1)
    >>> registry["one"], registry.names("o*")
    (1, ['one'])
    """

    def __init__(self, kind: str, package: str | None = None) -> None:
        self.kind = kind
        self._package = package
        self._items: dict[str, T] = {}

    def add(self, name: str) -> Callable[[T], T]:
        """A decorator that registers what it decorates under `name`."""

        def register(item: T) -> T:
            assert self._items.get(name, item) is item, f"two {self.kind}s are named {name}"
            self._items[name] = item
            return item

        return register

    def _fill(self) -> None:
        if self._package is None:
            return
        package, self._package = importlib.import_module(self._package), None
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")

    def __getitem__(self, name: str) -> T:
        self._fill()
        return self._items[name] if name in self._items else self._elsewhere(name)

    def _elsewhere(self, name: str) -> T:
        """What a name that was not registered stands for.

        Raises:
            UserError: nothing.
        """
        raise unknown(self.kind, name, self._items)

    def __contains__(self, name: object) -> bool:
        self._fill()
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def names(self, pattern: str = "*") -> list[str]:
        """All names that match a shell pattern, sorted."""
        self._fill()
        return sorted(name for name in self._items if fnmatch(name, pattern))
