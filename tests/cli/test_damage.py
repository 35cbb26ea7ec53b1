"""What damage, a full disk or an interruption leaves: whole entries, one clear line, and a command to repeat."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rd3.base.files import sha256_of
from rd3.study.store import problem

RUN = [sys.executable, "-c", "from rd3.cli import main; raise SystemExit(main())"]


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def damaged_and_made_again(terminal, own, file: Path, *words: str | Path | int) -> None:
    """Flip a bit of a file in the store; it is named, and `words` make its entry again, and only that."""
    entry = str(file.relative_to(own.path)).split("/")[:3]
    others = {path: seen for path, seen in own.snapshot().items() if path.split("/")[:3] != entry}
    flip_a_bit(file)
    assert terminal("validate", own.path / "store").complaint == f"{file}: its content does not match its hash"
    said = terminal.done("doctor", "--home", own.path)
    assert ", 1 damaged)" in said
    assert f"damaged: {file}: its content does not match its hash; it will be made again" in said
    assert terminal(*words).code == 0
    assert "all hashes match" in terminal.done("validate", own.path / "store")
    after = own.snapshot()
    assert {path: after[path] for path in others} == others


def test_a_damaged_teacher_is_squeezed_again_to_the_same_bits(own, terminal) -> None:
    (entry,) = own.entries("teacher")
    weights = entry / "weights.safetensors"
    before = sha256_of(weights)
    damaged_and_made_again(terminal, own, weights, "squeeze", "digits", *own.options)
    assert sha256_of(weights) == before


def test_a_damaged_synthetic_is_distilled_again_to_the_same_bits(own, terminal) -> None:
    images = own.path / "store" / "synthetic" / fingerprint(own.sre2l) / "synthetic" / "images.safetensors"
    before = sha256_of(images)
    words = ("distill", "sre2l", "digits", "--ipc", 2, "-p", "iterations=10", *own.options)
    damaged_and_made_again(terminal, own, images, *words)
    assert sha256_of(images) == before


def fingerprint(folder: Path) -> str:
    from rd3 import read_synthetic

    return read_synthetic(folder).manifest.fingerprint


def test_a_damaged_record_is_run_again_to_the_same_accuracy(own, terminal) -> None:
    before = set(own.entries("run"))
    words = ("evaluate", own.random, "digits", "--protocol", own.protocol.with_name("quick-whole.yaml"), *own.options)
    said = terminal.done(*words).rpartition(", ")[0]
    record = min(set(own.entries("run")) - before) / "record.json"
    damaged_and_made_again(terminal, own, record, *words)
    assert terminal.done(*words).rpartition(", ")[0] == said


@pytest.mark.parametrize("kind", ["teacher", "synthetic"])
def test_an_entry_without_its_list_of_files_is_not_done(kind, own, terminal) -> None:
    for entry in own.entries(kind):
        (entry / "entry.json").unlink()
    terminal.done("squeeze", "digits", *own.options)
    terminal.done("distill", "random", "digits", "--ipc", 2, *own.options)
    assert terminal.done("distill", "sre2l", "digits", "--ipc", 2, "-p", "iterations=10", *own.options)
    assert [problem(entry) for entry in own.entries(kind)] == [None] * (1 if kind == "teacher" else 2)


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The kernel refuses to write further, as it does on a full disk."""
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN, "else the process would be ended"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


FULL = {
    "squeeze": ("teacher", ("squeeze", "digits", "--teacher-seed", 1)),
    "distill": ("synthetic", ("distill", "random", "digits", "--ipc", 20)),
    "evaluate": ("run", ("evaluate", "SET", "digits", "--seeds", 1, "--protocol", "PROTOCOL")),
}


@pytest.mark.parametrize("verb", FULL)
def test_a_full_disk_is_one_line_and_nothing_is_half_there(verb, own, terminal) -> None:
    kind, words = FULL[verb]
    places = {"SET": own.random, "PROTOCOL": own.protocol.with_name("quick-plain.yaml")}
    given = [places.get(word, word) for word in words]
    before, entries = own.snapshot(), own.entries()
    with no_file_beyond(1000):
        said = terminal(*given, *own.options).complaint
    assert said.startswith("no space left on the disk")
    assert said.endswith("; finished work is kept, free some space and run it again")
    assert own.snapshot() == before
    assert own.entries() == entries
    assert terminal(*given, *own.options).code == 0
    (new,) = set(own.entries()) - set(entries)
    assert new.parent.name == kind
    assert problem(new) is None


def test_a_full_disk_leaves_no_half_page(own, terminal, tmp_path) -> None:
    study = tmp_path / "tiny.yaml"
    study.write_text(
        f"name: tiny\ntargets: [digits]\nteacher: {{model: convnet1-bn-w8, epochs: 2}}\nmethods: [random]\nipc: [2]\n"
        f"protocols: [{own.protocol.with_name('quick-hard.yaml')}]\nstudents: [convnet1-bn-w8]\nseeds: 1\nwhole: none\n"
    )
    terminal.done("study", "run", study, "--home", own.path, "--workers", 1)
    with no_file_beyond(10_000):
        assert "no space left" in terminal("report", own.path / "tiny", "--out", tmp_path / "page.html").complaint
    assert not list(tmp_path.glob("*page.html*"))


def _alone() -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts what it runs in the background without it


def test_an_interrupted_command_says_how_to_go_on_and_leaves_whole_entries(own) -> None:
    before, entries = own.snapshot(), own.entries()
    words = ("distill", "sre2l", "digits", "--ipc", 10, "-p", "iterations=1000000", *own.options)
    process = subprocess.Popen(
        [*RUN, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_alone
    )
    try:
        locks = {lock.name for lock in (own.path / "store" / "locks").iterdir()}
        while {lock.name for lock in (own.path / "store" / "locks").iterdir()} == locks:  # the work has begun
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == 130
    assert out == ""
    assert err == "rd3: interrupted; finished work is kept, the same command resumes it\n"
    assert own.entries() == entries
    assert own.snapshot() == before
