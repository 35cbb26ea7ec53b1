"""The public verbs on a GPU, from a teacher to a score, in worker processes as well."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import rd3
from rd3.data.target import Target
from rd3.study.store import Store

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def digits() -> Target:
    return rd3.load_target("digits")


def test_a_student_is_captured_and_as_good_as_on_a_cpu(digits: Target, tmp_path: Path) -> None:
    found = {}
    for device in ("cpu", "cuda"):
        store = Store(tmp_path / device)
        teacher = rd3.squeeze(digits, model="convnet2-bn-w16", epochs=10, store=store, device=device)
        images = rd3.distill("random", digits, ipc=10, store=store, device=device)
        found[device] = rd3.evaluate(
            images, digits, protocol="rd3-demo", teacher=teacher, seeds=3, store=store, device=device
        )
    steps = {record.environment.get("steps") for record in found["cuda"].records}
    precisions = {record.environment["precision"] for record in found["cuda"].records}
    assert (steps, precisions) == ({"captured"}, {"bfloat16"})
    means = {device: sum(one.accuracy for one in each.records) / 3 for device, each in found.items()}
    assert abs(means["cpu"] - means["cuda"]) < 0.05


def test_students_in_flight_give_the_numbers_of_one_after_the_other(digits: Target, tmp_path: Path) -> None:
    found = []
    for workers in (1, 3):
        store = Store(tmp_path / str(workers))
        images = rd3.distill("random", digits, ipc=5, store=store, device="cuda")
        done = rd3.evaluate(
            images,
            digits,
            protocol="rd3-demo-hard",
            student="convnet2-bn-w16",
            seeds=3,
            store=store,
            device="cuda",
            workers=workers,
        )
        found.append([record.accuracy for record in done.records])
    assert found[0] == found[1]


def test_a_score_is_made_on_the_gpu(digits: Target, tmp_path: Path) -> None:
    store = Store(tmp_path)
    teacher = rd3.squeeze(digits, model="convnet2-bn-w16", epochs=5, store=store, device="cuda")
    images = rd3.distill("sre2l", digits, teacher, ipc=2, iterations=20, store=store, device="cuda")
    card = rd3.score(images, digits, protocol="rd3-demo", teacher=teacher, seeds=2, store=store, device="cuda")
    assert {record.environment.get("steps") for part in card.parts for record in part.records} == {"captured"}
