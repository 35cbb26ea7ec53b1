"""Ctrl-C, also where Python would lose it."""

from __future__ import annotations

import _thread
import contextlib
import sys
import threading
from collections.abc import Iterator

AGAIN_AFTER_SECONDS = 0.05


@contextlib.contextmanager
def no_interrupt_lost() -> Iterator[None]:
    """Interrupt the main thread again where an interrupt has hit a finalizer.

    What a finalizer raises is printed and forgotten (`sys.unraisablehook`), and a command would go on for hours.
    """
    usual = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            # Later and from another thread: here it would end in this hook, which cannot raise either.
            threading.Timer(AGAIN_AFTER_SECONDS, _thread.interrupt_main).start()
        else:
            usual(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = usual
