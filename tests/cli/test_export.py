"""`rd3 export`: from a set and its recorded runs to files for others, and back."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from scipy import stats

from rd3.synthetic import Synthetic, read_synthetic

FORMATS = {"folder": "out", "npz": "out.npz", "parquet": "out", "tensors": "out", "condensed": "out.pt", "rd3": "out"}


def card_row(text: str) -> list[str]:
    (row,) = re.findall(r"^\| digits \|.*$", text, flags=re.MULTILINE)
    return [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.mark.parametrize("format", FORMATS)
def test_a_set_is_written_and_the_line_says_what(format, terminal, home, tmp_path) -> None:
    out = tmp_path / FORMATS[format]
    said = terminal.done("export", home.random, "--as", format, "--out", out, "--home", home.path)
    assert said.startswith(f"{out}: random, 20 images, as {format} (")
    files = [out] if out.is_file() else [file for file in out.rglob("*") if file.is_file()]
    assert f"in {len(files)} file" in said
    assert (out / "README.md").is_file() == (format in ("folder", "parquet"))
    if format != "parquet":
        back = read_synthetic(out)
        assert torch.equal(back.images, Synthetic.load(home.random).images)
        assert back.manifest == Synthetic.load(home.random).manifest


def test_an_export_is_imported_again(terminal, home, tmp_path) -> None:
    terminal.done("export", home.sre2l, "--as", "tensors", "--space", "raw01", "--out", tmp_path / "out")
    said = terminal.done("import", tmp_path / "out", "--target", "digits", "--out", tmp_path / "back")
    assert "the sidecar of an rd3 export says so, and nothing else vouches for it: method sre2l" in said
    first, second = Synthetic.load(home.sre2l), Synthetic.load(tmp_path / "back")
    assert second.content_fingerprint == first.content_fingerprint
    assert second.manifest == first.manifest


def test_the_card_has_the_recorded_runs_beside_random_images(terminal, own, tmp_path) -> None:
    """The numbers are those of the records, the interval scipy's."""
    for place in (own.sre2l, own.random):
        terminal.done("evaluate", place, "digits", *own.judging)
    terminal.done("export", own.sre2l, "--as", "folder", "--out", tmp_path / "out", "--home", own.path)
    card = (tmp_path / "out" / "README.md").read_text()
    records = [json.loads(file.read_text()) for file in (own.path / "store" / "run").glob("*/record.json")]
    judged = [r["accuracy"] for r in records if r["images"] == Synthetic.load(own.sre2l).manifest.fingerprint]
    random = [r["accuracy"] for r in records if r["images"] == Synthetic.load(own.random).manifest.fingerprint]
    assert len(judged) == len(random) == 2
    cells = card_row(card)
    assert cells[1].startswith("quick v1 (")
    assert cells[3] == "2"
    half = stats.sem(judged) * stats.t.ppf(0.975, 1)
    mean, shown = (float(part) for part in cells[4].split(" ± "))
    assert mean == pytest.approx(100 * np.mean(judged), abs=0.06)
    assert shown == pytest.approx(100 * half, abs=0.06)
    assert float(cells[5].split(" ± ")[0]) == pytest.approx(100 * np.mean(random), abs=0.06)
    assert cells[5].endswith("(2)")
    elsewhere = tmp_path / "other"
    terminal.done("export", own.sre2l, "--as", "folder", "--out", elsewhere, "--records", own.path / "store" / "run")
    assert card_row((elsewhere / "README.md").read_text()) == cells


def test_a_set_that_others_saved_is_exported(terminal, home, tmp_path) -> None:
    theirs = Synthetic.load(home.random)
    mosaics = theirs.images.repeat(1, 1, 2, 2)
    torch.save({"data": [[mosaics.float() / 255, theirs.labels]]}, tmp_path / "res_IDM.pt")
    words = ("--decode", "2:columns", "--pixels", "raw01", "--as", "npz", "--expand", "--name", "IDM")
    said = terminal.done("export", tmp_path / "res_IDM.pt", *words, "--out", tmp_path / "idm.npz")
    assert "IDM, 20 images, as npz" in said
    assert "mosaics taken apart: 20 stored images became 80" in said
    assert len(np.load(tmp_path / "idm.npz")["images"]) == 80


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--as", "nzp"), "unknown format to export 'nzp'; did you mean 'npz'?"),
        (("--as", "parquet", "--space", "raw01"), "space = raw01: parquet holds raw pixels"),
        (("--as", "npz", "--expand"), "expand: its images are no mosaics"),
        (("--as", "tensors", "--space", "zca_kornia"), "needs the real data: give the target (--target)"),
        (("--as", "tensors", "--target", "mnist5k"), "images are 8x8 with 1 channel, but those of target 'mnist5k'"),
        (("--as", "npz", "--records", "runs"), "records: npz has no card that could show their results"),
        (("--as", "folder", "--records", "nowhere/gone.txt"), "nowhere/gone.txt: there is no such file or folder"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line(words, complaint, terminal, home, tmp_path) -> None:
    assert complaint in terminal("export", home.random, *words, "--out", tmp_path / "out").complaint
    assert not (tmp_path / "out").exists()


def test_what_is_there_stays(terminal, home, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    complaint = terminal("export", home.random, "--as", "folder", "--out", tmp_path / "mine").complaint
    assert complaint == f"{tmp_path / 'mine'}: exists already; it is left as it is"
    gone = terminal("export", tmp_path / "gone", "--as", "folder", "--out", tmp_path / "out").complaint
    assert gone == f"{tmp_path / 'gone'}: no such file or folder"


def test_whoever_judges_an_export_is_told_what_its_sidecar_says(terminal, own, tmp_path) -> None:
    terminal.done("export", own.random, "--as", "folder", "--out", tmp_path / "out", "--home", own.path)
    told = terminal("evaluate", tmp_path / "out", "digits", *own.judging)
    assert told.code == 0
    assert f"{tmp_path / 'out'}: the sidecar of an rd3 export says so" in told.err
    assert "sidecar" not in terminal("evaluate", own.random, "digits", *own.judging).err
