"""Several draws in one evaluation: seeds of one draw are no independent sets."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest
from scipy import stats

import rd3
from rd3.study.store import Store


def test_the_interval_is_over_draws_where_seeds_share_them(study_file: Path, tmp_path: Path) -> None:  # noqa: ARG001
    """`study_file` leaves the quick protocols in the folder."""
    target, store = rd3.load_target("digits"), Store(tmp_path / "home")
    sets = [rd3.distill("random", target, ipc=1, seed=draw, store=store) for draw in range(3)]
    shared = {"protocol": "quick-hard.yaml", "student": "mlp", "store": store, "device": "cpu"}
    found = rd3.evaluate(sets, target, seeds=6, **shared)  # type: ignore[arg-type]
    means = [fmean(found.accuracies[draw::3]) for draw in range(3)]
    expected = stats.t.interval(0.95, 2, loc=fmean(means), scale=stats.sem(means))
    assert (found.interval.low, found.interval.high) == pytest.approx(expected)
    assert str(found).partition(", ")[2].startswith("n=3 draws, 6 runs)")
    one = rd3.evaluate(sets[0], target, seeds=3, **shared)  # type: ignore[arg-type]
    expected = stats.t.interval(0.95, 2, loc=fmean(one.accuracies), scale=stats.sem(one.accuracies))
    assert (one.interval.low, one.interval.high) == pytest.approx(expected)
    assert "(95 % t, n=3)" in str(one)
