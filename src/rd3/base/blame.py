"""Errors inside plug-ins as one line that names the plug-in, and the deepest line of it that was under way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rd3.base.errors import UserError
from rd3.base.failures import frames, one_line, place_in
from rd3.base.files import out_of_space
from rd3.base.plugin import Plugin, loaded_plugins


@contextmanager
def plugins_blamed() -> Iterator[None]:
    """Turn what is raised in the code of a plug-in into a `UserError`; all else passes as it is.

    Also a decorator.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        blamed = blame(error)
        if blamed is None:
            raise
        raise blamed from error


def blame(error: Exception) -> UserError | None:
    """The one line for an error that was raised in, or by what was called from, a plug-in; None for another."""
    if isinstance(error, OSError) and out_of_space(error) is not None:
        return None
    plugins = _concerned(error)
    if not plugins:
        return None
    names = " or ".join(f"{plugin.kind} plug-in '{plugin.name}'" for plugin in plugins)
    place = place_in(error, plugins[0].source.files)
    return UserError(f"{names}: {one_line(error)}, at {place}")


def _concerned(error: Exception) -> list[Plugin]:
    """The plug-ins whose code was under way: by the names of functions, else all of a module's."""
    under_way = list(frames(error))
    files = {file for file, _, _ in under_way}
    names = {code.co_qualname.partition(".")[0] for _, _, code in under_way}
    found = [(name, plugin) for name, plugin in loaded_plugins() if plugin.source.files & files]
    exact = [plugin for name, plugin in found if name in names]
    return exact or [plugin for _, plugin in found]
