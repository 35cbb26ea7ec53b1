"""The arithmetic of the benchmarks: ratios, growth, traffic, and what is written."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from benchmarks.core.charts import growth_chart, ratio_chart, roofline_chart, seconds_chart, share_chart
from benchmarks.core.clock import in_turn
from benchmarks.core.compare import Comparison
from benchmarks.core.parts import chosen_rows
from benchmarks.core.peers import without_gpu
from benchmarks.core.powers import affine, exponent, local_exponents, proportional_range
from benchmarks.core.processes import run_module
from benchmarks.core.ratios import ratio
from benchmarks.core.steps import Workload, bytes_of, flops_of
from benchmarks.core.training import recipe_of, timed_steps
from benchmarks.core.write import write_results
from scipy import stats
from torch import nn

from rd3.base.errors import UserError
from rd3.models import flops_per_image
from rd3.training.execution import PLAIN

SLOW, FAST = [4.0, 6.5, 5.2, 4.9], [2.1, 2.0, 2.4, 1.9]


def test_a_ratio_is_scipys_interval_of_the_mean_logarithm() -> None:
    found = ratio(SLOW, FAST)
    logs = np.log(SLOW) - np.log(FAST)
    interval = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert found.mean == pytest.approx(stats.gmean(np.array(SLOW) / FAST))
    assert (found.low, found.high) == pytest.approx((np.exp(interval.low), np.exp(interval.high)))


def test_a_ratio_and_its_inverse_say_the_same() -> None:
    one, other = ratio(SLOW, FAST), ratio(FAST, SLOW)
    assert other.high is not None
    assert (one.mean, one.low) == pytest.approx((1 / other.mean, 1 / other.high))


def test_one_repetition_has_no_interval() -> None:
    assert str(ratio([3.0], [2.0])) == "1.50"


@pytest.mark.parametrize(("slow", "fast", "message"), [([1.0], [], "equally many"), ([1.0], [0.0], "above 0")])
def test_times_that_have_no_ratio_are_refused(slow: list[float], fast: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ratio(slow, fast)


def test_an_exponent_is_scipys_slope_of_logarithms() -> None:
    draw = np.random.default_rng(0)
    xs = np.array([1.0, 2, 5, 10, 20, 50])
    ys = 0.3 * xs**1.4 * np.exp(0.1 * draw.standard_normal(len(xs)))
    found, line = exponent(xs.tolist(), ys.tolist()), stats.linregress(np.log(xs), np.log(ys))
    half = stats.t.ppf(0.975, len(xs) - 2) * line.stderr
    assert (found.value, found.low, found.high) == pytest.approx((line.slope, line.slope - half, line.slope + half))


def test_a_pure_power_is_found_exactly() -> None:
    xs = [1.0, 3.0, 9.0, 27.0]
    assert exponent(xs, [2 * x**1.5 for x in xs]).value == pytest.approx(1.5)
    assert local_exponents(xs, [x**2 for x in xs]) == pytest.approx([2, 2, 2])


def test_fixed_and_proportional_parts_come_back() -> None:
    xs = [1.0, 2, 5, 10, 100]
    found = affine(xs, [3 + 0.5 * x for x in xs])
    assert (found.fixed, found.each, found.knee) == pytest.approx((3, 0.5, 6))


def test_parts_are_never_below_zero() -> None:
    assert affine([1.0, 2, 4], [1.0, 4, 16]).fixed == 0


def test_in_proportion_from_where_the_fixed_part_is_small() -> None:
    xs = [1.0, 2, 4, 8, 16, 32, 64]
    assert proportional_range(xs, [max(8.0, x) for x in xs]) == (8, 64)
    assert proportional_range(xs, [x**3 for x in xs]) is None


def test_a_product_of_matrices_has_known_operations_and_bytes() -> None:
    left, right = torch.ones(2, 3), torch.ones(3, 5)
    assert flops_of(lambda: left @ right) == 2 * 2 * 3 * 5
    assert bytes_of(lambda: left @ right) == 4 * (2 * 3 + 3 * 5 + 2 * 5)
    assert bytes_of(lambda: left.t().contiguous().view(6)) == 2 * 4 * 6  # the one copy


def test_a_training_step_has_three_times_the_operations_but_for_the_first_layers_input() -> None:
    work = Workload("convnet3-bn-w32", 32, 4)
    network = work.network(torch.device("cpu"))
    images = torch.zeros(4, 3, 32, 32)
    forward = 4 * flops_per_image(network, size=32)
    first = 4 * 2 * 3 * 9 * 32 * 32 * 32
    assert flops_of(lambda: network(images).sum().backward()) == 3 * forward - first


def test_sides_take_turns() -> None:
    order: list[str] = []
    found = in_turn({name: lambda k, name=name: order.append(name) or k for name in "AB"}, 3, note=lambda _: None)  # type: ignore[misc]
    assert "".join(order) == "ABABAB"
    assert found == {"A": [0, 1, 2], "B": [0, 1, 2]}


def test_a_comparison_judges_its_first_ratio() -> None:
    runs = [{"a": 6.0, "b": 1.0}], [{"a": 2.0, "b": 1.0}]
    assert Comparison("x / y", *runs, ["a", "b"], target=4).row() == ("x / y", "3.00", "1.00", "4", "no")


def test_the_loop_is_timed_step_by_step() -> None:
    work = Workload("convnet1-bn-w4", 8, 50, classes=3)
    recipe = recipe_of(work, ipc=20, epochs=3)
    assert (recipe.batch_size, recipe.batches(60), recipe.loss.temperature) == (50, 2, 20)
    found = timed_steps(work, recipe, torch.device("cpu"), ipc=20, execution=PLAIN)
    assert 0 < found.seconds < found.first


def test_as_many_rows_of_every_class_and_always_the_same() -> None:
    labels = torch.tensor([0, 1, 1, 0, 2, 1, 2, 0])
    rows = chosen_rows(labels, 3, 2)
    assert labels[rows].tolist() == [0, 0, 1, 1, 2, 2]
    assert rows.tolist() == chosen_rows(labels, 3, 2).tolist()


def test_everything_is_written_and_every_chart_is_svg(tmp_path: Path) -> None:
    charts = {
        "ratios": ratio_chart({"a / b": ratio(SLOW, FAST)}, {"a / b": 3.0}, title="times as quick"),
        "shares": share_chart({"net": {"student": 0.75, "other": 0.25}}, title="share"),
        "roofline": roofline_chart({"net": (12.0, 3e10)}, peak=5e10, bandwidth=1e10),
        "growth": growth_chart({"seconds": [(1, 0.1), (10, 0.4)]}, x="ipc", y="seconds"),
        "seconds": seconds_chart({"import": 0.4}, {"import": 1.0}, title="from start to end"),
    }
    write_results(tmp_path, {"schema": "x/1"}, "# Title\n", charts)
    assert json.loads((tmp_path / "result.json").read_text()) == {"schema": "x/1"}
    for name in charts:
        assert ElementTree.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")
        assert f"]({name}.svg)" in (tmp_path / "result.md").read_text()


def test_a_side_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"benchmarks.absent failed: .*No module named benchmarks.absent"):
        run_module("benchmarks.absent", {}, tmp_path / "place")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_everything_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((torch.Tensor, "cuda"), (torch.Tensor, "to"), (nn.Module, "cuda"), (torch, "randn")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back afterwards
    without_gpu()
    network = nn.DataParallel(nn.Linear(2, 2)).cuda()
    noise = torch.randn((1, 2), requires_grad=True, device="cuda", dtype=torch.float)
    assert noise.requires_grad
    assert noise.is_leaf
    assert network(noise.to("cuda").cuda()).device.type == "cpu"
    assert noise.to(torch.float64).dtype == torch.float64
