"""`rd3 power` against statsmodels, and on the records of a study."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from statsmodels.stats.power import TTestPower

from rd3.data.load import load_target
from rd3.evaluation.files import load_protocol
from rd3.study.ranking import rows
from rd3.study.records import Bytes, Record, Seconds, mark_of, read_records

TWO_SEEDS_A_DRAW = [0, 1, 2, 0, 1, 2]


def test_seeds_for_a_difference(terminal) -> None:
    said = terminal.done("power", "--difference", "1.0", "--deviation", "0.8")
    oracle = TTestPower().solve_power(effect_size=1.0 / 0.8, alpha=0.05, power=0.8)
    assert oracle == pytest.approx(7.2, abs=0.1)
    assert said == "with deviation 0.80, a difference of 1 points takes 8 seeds (power 0.8, alpha 0.05)"


def test_a_difference_for_seeds(terminal) -> None:
    said = terminal.done("power", "--seeds", "5", "--deviation", ".8", "--comparisons", "4", "--power", "0.9")
    effect = TTestPower().solve_power(nobs=5, alpha=0.05 / 4, power=0.9)
    assert f"5 seeds show differences of {0.8 * effect:.2f} points and more" in said
    assert said.endswith("(power 0.9, alpha 0.05 over 4 comparisons)")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Six runs of herding on three draws, and six of random, each on a subset of its own."""
    runs = {"herding": [0.70, 0.75, 0.66, 0.71, 0.76, 0.65], "random": [0.60, 0.62, 0.61, 0.60, 0.63, 0.61]}
    for method, accuracies in runs.items():
        for replicate, accuracy in enumerate(accuracies):
            draw = TWO_SEEDS_A_DRAW[replicate] if method == "herding" else replicate
            made = record(method, replicate, draw, accuracy)
            (tmp_path / f"{made.fingerprint}.json").write_text(made.model_dump_json())
    return tmp_path


def record(method: str, replicate: int, draw: int, accuracy: float) -> Record:
    """A run on digits under rd3-hard; costs and curves play no part here."""
    protocol = load_protocol("rd3-hard")
    return Record(
        fingerprint=f"{method}{replicate}",
        target="digits",
        target_fingerprint="t",
        method=method,
        ipc=10,
        draw=draw,
        images=f"{method} {draw}",
        teachers={},
        protocol=mark_of(protocol),
        settings=protocol.resolve(load_target("digits"), 10, "mlp")[0],
        student="mlp",
        replicate=replicate,
        seed=replicate,
        accuracy=accuracy,
        peeked=accuracy,
        curve=((400, accuracy),),
        correct="",
        test_images=359,
        seconds=Seconds(squeeze=0, synthesise=0, relabel=0, train=0, report=0),
        bytes=Bytes(images=0, labels=0),
        teacher_forwards=0,
        peak_memory=0,
        aids=(),
        flags=(),
        environment={},
        rd3_version="0",
    )


def test_records_give_the_deviation_and_its_units(terminal, records: Path) -> None:
    said = terminal.done("power", records, "--difference", "5")
    [row] = [row for row in rows(read_records([records])) if row["method"] == "herding"]
    found = re.search(r"herding: with deviation ([\d.]+), a difference of 5 points takes (\d+) draws of 2 seeds", said)
    assert found is not None, said
    assert float(found[1]) == pytest.approx(100 * row["versus_random"]["deviation"], abs=5e-3)
    # the side that the effect is on: the other adds less than 1e-3 here
    oracle = TTestPower().solve_power(effect_size=0.05 / row["versus_random"]["deviation"], alpha=0.025, power=0.8,
                                      alternative="larger")  # fmt: skip
    assert int(found[2]) - 1 < oracle <= int(found[2])
    assert "3 draws of 2 seeds show differences of" in terminal.done("power", records, "--seeds", "7")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give either --difference"),
        (("--difference", "1", "--seeds", "3", "--deviation", "1"), "give either --difference"),
        (("--difference", "1"), "give either --deviation, or records"),
        (("--seeds", "1", "--deviation", "1"), "seeds = 1: a test needs at least 2"),
        (("--seeds", "3", "--deviation", "-1"), "deviation = -1.0: in points, above 0 and at most 100"),
        (("--difference", "0", "--deviation", "1"), "difference = 0.0: in points"),
        (("--seeds", "3", "--deviation", "1", "--alpha", "2"), "alpha = 2.0: must lie between 0 and 1"),
        (("--seeds", "3", "--deviation", "1", "--comparisons", "0"), "comparisons = 0: at least 1"),
        (("--seeds", "3", "nowhere"), "nowhere: there is no such file or folder"),
    ],
)
def test_what_has_no_answer_is_refused(terminal, words: tuple[str, ...], message: str) -> None:
    assert message in terminal("power", *words).complaint


def test_too_few_seeds_for_two_draws_are_refused(terminal, records: Path) -> None:
    assert "seeds = 3: a test needs at least 4" in terminal("power", records, "--seeds", "3").complaint


def test_records_without_a_comparison_are_refused(terminal, records: Path) -> None:
    for file in records.glob("random*"):
        file.unlink()
    assert "no method there has two seeds in common with random" in terminal("power", records, "--seeds", "6").complaint
