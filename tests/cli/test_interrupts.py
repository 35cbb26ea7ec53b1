import sys
import time
import weakref

import pytest

from rd3.cli.interrupts import no_interrupt_lost


class Thing:
    """Something that has a finalizer."""


def _interrupted() -> None:
    raise KeyboardInterrupt


def _work_for_a_minute() -> None:
    thing = Thing()
    weakref.finalize(thing, _interrupted)
    del thing
    for _ in range(600):
        time.sleep(0.1)


def test_an_interrupt_in_a_finalizer_ends_the_work() -> None:
    with pytest.raises(KeyboardInterrupt), no_interrupt_lost():
        _work_for_a_minute()


def test_other_errors_of_finalizers_are_reported_as_before(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_type))
    usual = sys.unraisablehook
    with no_interrupt_lost():
        thing = Thing()
        weakref.finalize(thing, int, "no number")
        del thing
    assert seen == [ValueError]
    assert sys.unraisablehook is usual
