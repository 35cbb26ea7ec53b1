"""rd3's side of the benchmark on a task of a few digits, without the other side."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.ddranking.ours import main
from benchmarks.ddranking.protocols import RATES, write_config, write_protocols
from benchmarks.ddranking.sides import our_trainings
from benchmarks.ddranking.task import Size, Task, make_task
from benchmarks.ddranking.trainings import JPEG

import rd3

SIZE = Size(train_per_class=10, test_per_class=4, teacher_epochs=4, ipc=1, epochs=1, repeats=1)


def coloured_digits() -> dict[str, np.ndarray]:
    """Real digits in colour and at 32 px, with the keys of a CIFAR-10 file."""
    digits = rd3.load_target("digits", size=32)
    arrays = {"classes": np.array([f"class {k}" for k in range(10)])}
    for split, images in (("train", digits.train), ("test", digits.test)):
        pixels = images.pixels[:300].numpy().repeat(3, axis=1).transpose(0, 2, 3, 1)
        arrays |= {f"x_{split}": pixels, f"y_{split}": images.labels[:300].numpy()}
    return arrays


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ours")


@pytest.fixture(scope="module")
def task(work: Path) -> Task:
    np.savez(work / "whole.npz", **coloured_digits())
    made = make_task(work / "whole.npz", ["herding", "random"], SIZE, work, torch.device("cpu"))
    write_config(SIZE, made.teachers, work / "config.yaml")
    write_protocols(SIZE, work / "config.yaml", work / "protocols")
    return made


def found(task: Task, work: Path, method: str, mode: str) -> dict[str, object]:
    protocols = {name: str(work / "protocols" / f"{name}.yaml") for name in ("searched", "jpeg")}
    return main(
        {
            "mode": mode,
            "npz": str(task.npz),
            "teacher_file": str(task.teacher_file),
            "images": str(task.folders[method]),
            "protocols": protocols,
            "seeds": SIZE.repeats,
            "home": str(work / "home"),
            "workers": 1,
            "device": "cpu",
        }
    )


def test_the_same_trainings_as_ddranking_and_fewer_for_a_second_set(task: Task, work: Path) -> None:
    first = found(task, work, "herding", "held-out")
    assert first["teacher_accuracy"] == task.teacher.test_accuracy
    parts = Counter(one.part for record in first["records"] for one in our_trainings(record))
    assert parts == {"A_rh": 1, "A_sh": len(RATES), "A_sa": len(RATES), "A_ra": len(RATES)}
    second = found(task, work, "random", "held-out")
    parts = Counter(one.part for record in second["records"] for one in our_trainings(record))
    assert parts == {"A_sh": len(RATES), "A_sa": len(RATES)}


def test_peeking_reports_the_best_rate_on_the_test_images(task: Task, work: Path) -> None:
    peeked = found(task, work, "herding", "test-peek")
    for record in peeked["records"]:
        assert record["accuracy"] == max(one.accuracy for one in our_trainings(record))
    jpeg = found(task, work, "herding", "jpeg")
    (random,) = (record for record in peeked["records"] if record["method"] == "random")
    (coded,) = jpeg["records"]
    assert (coded["seed"], coded["images"]) == (random["seed"], random["images"])
    assert {one.part for one in our_trainings(coded, jpeg=True)} == {JPEG}
