"""What the family's studies left is collected as it is."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.family import published
from benchmarks.family.__main__ import Options, main
from benchmarks.family.orders import order, plain_name
from PIL import Image

from rd3.base.errors import UserError
from rd3.report.ranking import read_ranking
from rd3.study.executors.serial import SerialExecutor
from rd3.study.run import run_study
from rd3.study.spec import load_study
from rd3.study.store import Store
from rd3.synthetic import Synthetic

STUDY = (
    "name: decoupled-cifar10-cpu\ntargets: [digits]\nteacher: {model: convnet1-bn-w8, epochs: 1}\nipc: [10]\n"
    "methods: [random, rded, {name: sre2l, iterations: 3}, {name: dwa, iterations: 3},"
    " {name: sre2l, init: real, iterations: 3}]\n"
    "protocols: [rd3+epochs0.01]\nscores: []\nwhole: none\nstudents: [convnet1-bn-w8]\nseeds: 2\n"
)


def test_an_order_counts_the_pairs_that_agree() -> None:
    theirs = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "only theirs": 5.0}
    ours = {"a": 20.0, "b": 10.0, "c": 40.0, "d": 30.0, "only ours": 0.0}
    found = order(theirs, ours)
    assert found is not None
    pairs = list(itertools.combinations("abcd", 2))
    agree = [(theirs[one] - theirs[two]) * (ours[one] - ours[two]) > 0 for one, two in pairs]
    assert found.tau == pytest.approx(2 * sum(agree) / len(pairs) - 1)
    assert found.methods == ("d", "c", "b", "a")
    assert order({"a": 1.0, "b": 2.0}, ours) is None


@pytest.mark.parametrize(
    ("label", "name"),
    [("delt[iterations=9,round_iterations=3]", "delt"), ("dwa[init=noise]", None), ("random", "random")],
)
def test_only_shorter_work_leaves_a_method_its_name(label: str, name: str | None) -> None:
    assert plain_name(label) == name


def test_the_page_of_a_study_has_its_numbers_its_order_and_sheets_from_noise_alone(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    home, out = tmp_path / "home", tmp_path / "out"
    run_study(load_study(str(tmp_path / "study.yaml")), Store(home), SerialExecutor(torch.device("cpu")))
    main(Options(home=home, out=out, commit="abc1234"))
    rows = {row.method: row for row in read_ranking(out / "decoupled-cifar10-cpu.json")}
    page = (out / "README.md").read_text()
    for label, name in (("rded", "rded"), ("sre2l[init=real,iterations=3]", "sre2l[init=real]")):
        assert f"| {name} | {100 * rows[label].accuracy.mean:.1f} ± " in page
    means = {
        name: rows[label].accuracy.mean
        for name, label in (("rded", "rded"), *((n, f"{n}[iterations=3]") for n in ("sre2l", "dwa")))
    }
    expected = order(published.RECTIFIED_50, means)
    assert expected is not None
    assert f"Kendall's τ = {expected.tau:.2f}" in page
    assert "abc1234" in page
    assert [file.name for file in (out / "sheets").iterdir()] == ["sre2l.png"]
    (place,) = (home / "decoupled-cifar10-cpu" / "synthetic").glob("sre2l-iterations*")
    picture = np.array(Image.open(io.BytesIO((out / "sheets" / "sre2l.png").read_bytes())))
    assert np.array_equal(picture[9:17, 9:17, 0], Synthetic.load(place).images[11, 0].numpy())


def test_a_folder_without_studies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of decoupled-cifar10-cpu"):
        main(Options(home=tmp_path, out=tmp_path / "out"))
