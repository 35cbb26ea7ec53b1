"""The store: whole entries or none."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

from rd3.study.store import Store, problem


def put(store: Store, fingerprint: str = "abc", text: str = "content") -> Path:
    return store.put("run", fingerprint, {"a": 1}, lambda folder: (folder / "file.txt").write_text(text))


def test_what_was_put_is_there_and_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.has("run", "abc")
    path = put(store)
    assert store.has("run", "abc")
    assert (path / "file.txt").read_text() == "content"
    assert [entry.name for entry in store.entries()] == ["abc"]


def test_a_changed_byte_or_a_missing_file_makes_an_entry_not_done(tmp_path: Path) -> None:
    path = put(Store(tmp_path))
    (path / "file.txt").write_text("Content")
    assert not Store(tmp_path).has("run", "abc")
    assert "does not match its hash" in str(problem(path))
    (path / "file.txt").unlink()
    assert "missing" in str(problem(path))


def test_a_damaged_entry_is_replaced(tmp_path: Path) -> None:
    path = put(Store(tmp_path))
    (path / "file.txt").write_text("damaged")
    put(Store(tmp_path), text="again")
    assert Store(tmp_path).has("run", "abc")
    assert (path / "file.txt").read_text() == "again"


def test_the_first_of_two_equal_puts_stays_and_nothing_is_left_over(tmp_path: Path) -> None:
    path = put(Store(tmp_path), text="first")
    put(Store(tmp_path), text="second")
    assert (path / "file.txt").read_text() == "first"
    assert [place.name for place in path.parent.iterdir()] == ["abc"]


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError("disk")

    with contextlib.suppress(OSError):
        store.put("run", "abc", {}, fail)
    assert not store.has("run", "abc")
    assert list((tmp_path / "store" / "run").iterdir()) == []


def _hold(home: Path, ready: object) -> None:
    with Store(home).lock("run", "abc") as mine:
        assert mine
        ready.set()  # type: ignore[attr-defined]
        time.sleep(60)


def test_a_lock_excludes_another_process_and_dies_with_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, ready))
    holder.start()
    assert ready.wait(60)
    with Store(tmp_path).lock("run", "abc") as mine:
        assert not mine
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with Store(tmp_path).lock("run", "abc") as mine:
        assert mine
