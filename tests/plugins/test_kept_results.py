"""Results made with plug-ins are kept, answered from the store, and made again after an edit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.plugins.protocol import short_protocol

import rd3
from rd3.base.errors import UserError
from rd3.base.plugin import load_plugin
from rd3.evaluation.files import load_protocol
from rd3.methods.base import METHODS, Task
from rd3.study.jobs.run import RunInput, run_job
from rd3.study.jobs.synthetic import synthetic_spec
from rd3.study.jobs.teacher import squeeze_job
from rd3.study.plan import synthetic_job
from rd3.study.store import Store
from rd3.training.captured import reason_not_to_capture

METHOD = """
from rd3.data.subset import class_indices
from rd3.methods.base import Distilled, Method
import torch

class First(Method):
    needs_teacher = False
    skip: int = {skip}
    def distill(self, task):
        own = class_indices(task.target.train.labels, task.target.num_classes)
        rows = torch.cat([rows[self.skip : self.skip + task.ipc] for rows in own])
        task.progress(1.0)
        return Distilled(task.target.train.batch(rows), task.labels)
    def memory(self, target, ipc, teachers, device):
        return 10**8
"""
MODEL = """
from torch import nn

def net(*, classes, size, channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size**2, {width}), nn.ReLU(), nn.Linear({width}, classes))
"""
TARGET = """
import rd3

def digits():
    whole = rd3.load_target("digits")
    splits = [(split.pixels[: {count}], split.labels[: {count}]) for split in (whole.train, whole.test)]
    return {{"x_train": splits[0][0], "y_train": splits[0][1], "x_test": splits[1][0], "y_test": splits[1][1],
             "classes": list(whole.classes), "flip_keeps_class": False}}

def itself():
    return rd3.load_target("digits")
"""
FLIP = """
from rd3.training.augment.base import Augmentation
{more}
class Mirror(Augmentation):
    p: float = 0.5
    {promise}
    def draw(self, count, size, generator):
        import torch
        return {{"flip": torch.rand(count, generator=generator, device=generator.device) < self.p}}
    def transform(self, images, draw):
        import torch
        return torch.where(draw["flip"].view(-1, 1, 1, 1), images.flip(-1), images)
    def without_flip(self):
        return {without}
"""


def half_the_time(kind: str) -> str:
    """A protocol with that augmentation on every other image."""
    return short_protocol(f"{{kind: '{kind}', p: 0.5}}")


def test_a_method_is_kept_and_made_again_after_an_edit(write, tmp_path: Path, digits) -> None:
    store = Store(tmp_path / "home")
    write("mine.py", METHOD.format(skip=0))
    first = rd3.distill("mine:First", digits, ipc=2, store=store)
    rows = [int((digits.train.labels == label).nonzero()[place]) for label in range(10) for place in range(2)]
    assert torch.equal(first.images, digits.train.pixels[rows])
    kept = {place: place.stat().st_mtime_ns for place in store.root.rglob("*.safetensors")}
    assert torch.equal(rd3.distill("mine:First", digits, ipc=2, store=store).images, first.images)
    assert {place: place.stat().st_mtime_ns for place in store.root.rglob("*.safetensors")} == kept
    write("mine.py", METHOD.format(skip=1))
    edited = rd3.distill("mine:First", digits, ipc=2, store=store)
    assert not torch.equal(edited.images, first.images)
    assert edited.manifest.fingerprint != first.manifest.fingerprint
    write("mine.py", METHOD.format(skip=0))
    assert rd3.distill("mine:First", digits, ipc=2, store=store).manifest.fingerprint == first.manifest.fingerprint


def test_what_its_manifest_says(write, tmp_path: Path, digits) -> None:
    write("mine.py", METHOD.format(skip=0))
    made = rd3.distill("mine:First", digits, ipc=1, skip=3, store=Store(tmp_path / "home"))
    digest = load_plugin("method", "mine:First", noun="class", expected="").source.digest
    assert made.manifest.method == "mine:First[skip=3]"
    assert made.manifest.settings == {"skip": 3}
    assert made.manifest.info["flags"] == [f"plug-in mine:First, source {digest[:12]}"]


def test_sets_and_runs_of_rd3_s_own_names_carry_no_source(digits) -> None:
    made = synthetic_spec("dm", digits, ipc=1, teacher=None)
    judged = run_job(digits, load_protocol("rd3-demo-hard"), RunInput.whole(digits), student="mlp", replicate=0)
    squeezed = squeeze_job(digits, "mlp").spec
    assert (made.sources, judged.spec.sources, squeezed.sources) == ({}, {}, {})
    assert "sources" not in squeezed.as_json()
    assert (
        judged.flags
        == run_job(digits, load_protocol("rd3-demo-hard"), RunInput.whole(digits), student="mlp", replicate=1).flags
    )


def test_a_network_in_a_method_s_settings_enters_the_fingerprint(write, digits) -> None:
    specs = []
    for width in (8, 16, 8):
        write("net.py", MODEL.format(width=width))
        specs.append(synthetic_spec("dm", digits, ipc=1, teacher=None, changes={"network": "net:net"}))
    assert [spec.fingerprint == specs[0].fingerprint for spec in specs] == [True, False, True]
    assert list(specs[0].sources) == ["net:net"]


def test_students_and_teachers_are_trained_again_after_an_edit(write, tmp_path: Path, digits) -> None:
    store, found = Store(tmp_path / "home"), []
    images = rd3.distill("random", digits, ipc=1, store=store)
    for width in (8, 16, 8):
        write("net.py", MODEL.format(width=width))
        teacher = rd3.squeeze(digits, model="net.py:net", epochs=1, store=store, device="cpu")
        assert teacher.model[1].out_features == width
        seen = rd3.evaluate(images, digits, protocol="rd3-demo-hard", student="net:net", seeds=1, store=store)
        found.append((teacher.fingerprint, seen.records[0].fingerprint))
        assert any(flag.startswith("plug-in net:net, source ") for flag in seen.records[0].flags)
    assert found[0] == found[2]
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]


def test_a_teacher_whose_network_has_changed_is_not_loaded(write, tmp_path: Path, digits) -> None:
    from rd3.squeeze.files import load_teacher, save_teacher

    write("net.py", MODEL.format(width=8))
    teacher = rd3.squeeze(digits, model="net:net", epochs=1, store=Store(tmp_path / "home"), device="cpu")
    save_teacher(teacher, tmp_path)
    assert load_teacher(tmp_path, digits).fingerprint == teacher.fingerprint
    write("net.py", MODEL.format(width=8) + "\nMORE = 1\n")
    with pytest.raises(UserError, match="plug-in 'net:net': its source has changed"):
        load_teacher(tmp_path, digits)


def test_work_that_was_planned_with_other_code_stops(write, tmp_path: Path, digits) -> None:
    write("mine.py", METHOD.format(skip=0))
    write("net.py", MODEL.format(width=8))
    jobs = [
        synthetic_job(digits, "mine:First", ipc=1, teacher=None),
        squeeze_job(digits, "net:net", epochs=1),
        run_job(digits, load_protocol("rd3-demo-hard"), RunInput.whole(digits), student="net:net", replicate=0),
    ]
    write("mine.py", METHOD.format(skip=1))
    write("net.py", MODEL.format(width=16))
    for job in jobs:
        with pytest.raises(UserError, match="its source has changed since the work was planned; run it again"):
            job.execute(Store(tmp_path / "home"), torch.device("cpu"), lambda _: None)


def test_a_target_is_known_by_its_pixels_and_read_again_after_an_edit(write, digits) -> None:
    write("data.py", TARGET.format(count=100))
    first = rd3.load_target("data:digits")
    assert rd3.load_target("data:digits") is first
    assert (len(first.train), len(first.test), first.classes) == (100, 100, digits.classes)
    assert torch.equal(first.train.pixels, digits.train.pixels[:100])
    assert not first.flip_keeps_class
    assert first.mean == pytest.approx((float(digits.train.pixels[:100].double().mean() / 255),))
    write("data.py", TARGET.format(count=120))
    assert len(rd3.load_target("data:digits").train) == 120
    write("data.py", TARGET.format(count=100) + "\nMORE = 1\n")
    assert rd3.load_target("data:digits").fingerprint == first.fingerprint


def test_a_target_that_a_function_returns_is_that_target(write, digits) -> None:
    write("data.py", TARGET.format(count=100))
    same = rd3.load_target("data.py:itself")
    assert (same.fingerprint, same.name) == (digits.fingerprint, "data.py:itself")
    larger = rd3.load_target("data.py:itself@16")
    assert larger.size == 16
    assert larger.pixel_hash == rd3.load_target("digits@16").pixel_hash


def judged(write, store: Store, digits, kind: str) -> tuple[tuple[float, ...], str, str]:
    write("mine.yaml", half_the_time(kind))
    images = rd3.distill("random", digits, ipc=1, store=store)
    found = rd3.evaluate(images, digits, protocol="mine.yaml", student="mlp", seeds=2, store=store, device="cpu")
    return found.accuracies, found.records[0].fingerprint, load_protocol("mine.yaml").hash


def flip(*, without: str = "self", promise: str = "", more: str = "") -> str:
    return FLIP.format(without=without, promise=promise, more=more)


def test_an_augmentation_gives_the_bits_of_the_same_one_of_rd3(write, tmp_path: Path) -> None:
    target = rd3.load_target(rd3.load_target("digits").spec.model_copy(update={"flip": True}))
    write("mine.py", flip())
    store = Store(tmp_path / "home")
    own, shipped = (judged(write, store, target, kind) for kind in ("mine:Mirror", "flip"))
    assert own[0] == shipped[0]
    assert own[2] != shipped[2]


def test_an_edited_augmentation_is_another_protocol(write, tmp_path: Path, digits) -> None:
    store, found = Store(tmp_path / "home"), []
    for more in ("", "MORE = 1", ""):
        write("mine.py", flip(more=more))
        found.append(judged(write, store, digits, "mine:Mirror"))
    assert found[0] == found[2]
    assert found[0][1:] != found[1][1:]
    assert found[0][2] != found[1][2]


def test_an_augmentation_that_mirrors_can_be_left_out(write, digits) -> None:
    write("mine.py", flip(without="None"))
    write("mine.yaml", half_the_time("mine:Mirror"))
    settings, flags = load_protocol("mine.yaml").resolve(digits, 1, "mlp")
    assert settings.augment == ()
    assert flags[0] == "flip left out: it does not keep the classes of digits"
    write("mine.py", flip(without="Mirror(p=0.0)"))
    (kept,) = load_protocol("mine.yaml").resolve(digits, 1, "mlp")[0].augment
    assert (kept["kind"], kept["p"]) == ("mine:Mirror", 0.0)


@pytest.mark.parametrize(
    ("promise", "reason"),
    [
        ("", "augmentation mine:Mirror does not say waits_for_host = False"),
        ("waits_for_host = True", "augmentation mine:Mirror waits for the host"),
        ("waits_for_host = False", None),
    ],
)
def test_steps_are_captured_only_where_an_augmentation_promises(write, digits, promise: str, reason) -> None:
    write("mine.py", flip(promise=promise))
    write("mine.yaml", half_the_time("mine:Mirror"))
    recipe = load_protocol("mine.yaml").resolve(digits, 1, "mlp")[0].recipe()
    assert reason_not_to_capture(recipe) == reason


def test_a_method_in_a_file_is_any_method(write, digits) -> None:
    write("mine.py", METHOD.format(skip=0))
    method = METHODS["mine.py:First"](skip=1)
    made = method.distill(Task(digits, None, 1, 0))
    assert torch.equal(made.labels, torch.arange(10))
