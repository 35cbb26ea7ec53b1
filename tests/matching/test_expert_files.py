"""Experts in MTT's replay buffers, written here by a plain loop of SGD on real digits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.data.target import TargetSpec
from rd3.matching.expert_files import accuracy_of
from rd3.matching.inputs import RealImages, inputs_of
from rd3.matching.student import Student
from rd3.methods.base import METHODS, Method, Task
from rd3.methods.given_experts import normalisation_for
from rd3.models import create_model
from rd3.study.jobs.synthetic import synthetic_spec
from rd3.synthetic import read_synthetic

EPOCHS = 3
TINY = {
    **{"network": "convnet1-w4", "iterations": 3, "steps": 2, "target_epochs": 1, "latest_start": 2, "zca": False},
    **{"experts": 3, "expert_epochs": EPOCHS, "image_lr": 5.0},
}


@pytest.fixture
def task(digits, few_digits) -> Task:
    return Task(replace(digits, train=few_digits), None, ipc=2, seed=0)


def expert(task: Task, number: int) -> list[list[torch.Tensor]]:
    """Snapshots of a network that was trained on the images with the target's normalisation."""
    target = task.target
    network = create_model("convnet1-w4", classes=10, size=8, channels=1, seed=50 + number)
    images = (target.train.pixels.float() / 255 - target.mean[0]) / target.std[0]
    optimiser = torch.optim.SGD(network.parameters(), 0.5)
    snapshots = [[parameter.detach().clone() for parameter in network.parameters()]]
    for _ in range(EPOCHS + 1):
        for _ in range(5):
            optimiser.zero_grad()
            F.cross_entropy(network(images), target.train.labels).backward()
            optimiser.step()
        snapshots.append([parameter.detach().clone() for parameter in network.parameters()])
    return snapshots


@pytest.fixture
def experts(task) -> list[list[list[torch.Tensor]]]:
    return [expert(task, number) for number in range(4)]


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def folder(request, experts, tmp_path) -> Path:
    """Ten buffers' names, so that their order is not that of text."""
    for number, content in ((2, experts[:2]), (10, experts[2:])):
        file = tmp_path / "buffers" / f"replay_buffer_{number}.pt"
        file.parent.mkdir(exist_ok=True)
        torch.save(content, file, _use_new_zipfile_serialization=request.param)
    return tmp_path / "buffers"


def small(name: str, folder: Path, **changes: Any) -> Method:
    return parse(METHODS[name], {**TINY, "expert_files": str(folder), **changes}, where="test")


def refused(task: Task, folder: Path, message: str, **changes: Any) -> None:
    with pytest.raises(UserError, match=message) as caught:
        small("mtt", folder, **changes).distill(task)
    assert "\n" not in str(caught.value)


def test_trajectories_are_those_of_the_files(task, folder, experts):
    method = small("mtt", folder)
    found = method.workshop(task).experts
    assert found.count == 3
    for number in range(3):
        wanted = [torch.cat([part.flatten() for part in snapshot]) for snapshot in experts[number][: EPOCHS + 1]]
        assert torch.equal(found[number], torch.stack(wanted))


@pytest.mark.parametrize("name", ["mtt", "tesla", "datm"])
def test_methods_match_given_experts_and_say_so(task, folder, name):
    made = small(name, folder).distill(task)
    assert made.images.shape == (20, 1, 8, 8)
    assert made.space == "norm_target"  # the DC family has no statistics for these digits
    assert made.info["flags"] == ["experts were given, and their training is not in the seconds"]
    assert made.info["given_experts"]["first_accuracy"] > 0.3
    again = small(name, folder).distill(task)
    assert torch.equal(again.images, made.images)
    trained = parse(METHODS[name], TINY, where="test").distill(task)
    assert not torch.equal(trained.images, made.images)


def test_other_files_are_other_work_and_no_files_change_nothing(task, folder, experts):
    target = task.target

    def spec(**changes: Any):
        return synthetic_spec("mtt", target, ipc=1, teacher=None, changes=changes)

    assert "expert_files" not in spec().settings
    before = spec(expert_files=str(folder))
    assert before.fingerprint == spec(expert_files=str(folder)).fingerprint != spec().fingerprint
    method = small("mtt", folder)
    experts[0][1][0][0] += 1
    torch.save(experts[:2], folder / "replay_buffer_2.pt")
    assert spec(expert_files=str(folder)).fingerprint != before.fingerprint
    with pytest.raises(UserError, match=r"the files are not those of the hash; leave #.* out"):
        method.distill(task)


def test_what_does_not_fit_is_named(task, folder, experts):
    refused(
        task,
        folder,
        r"replay_buffer_2\.pt: expert 0, snapshot 0: .* is \(4, 1, 3, 3\), that .*w8",
        network="convnet1-w8",
    )
    refused(task, folder, "holds 6 tensors, and convnet2-w4 has 10 parameters", network="convnet2-w4")
    refused(task, folder, "experts = 9: the files hold 4; give experts=4 or less", experts=9)
    refused(task, folder, "has 5 snapshots, and expert_epochs = 5 needs 6", expert_epochs=5)
    refused(task, folder, "norm_dc: the DC family has no statistics for 'digits'", expert_pixels="norm_dc")
    experts[1][2][3][0] = torch.nan
    torch.save(experts[:2], folder / "replay_buffer_2.pt")
    refused(task, folder, "expert 1, snapshot 2: NaN or infinity")
    no_zca = folder.rename(folder.with_name("buffers_NO_ZCA"))
    refused(task, no_zca, "zca = true: the folder of expert_files says _NO_ZCA; give zca=false", zca=True)


def test_experts_of_other_classes_or_without_training_are_refused(task, folder):
    train = type(task.target.train)(task.target.train.pixels, (task.target.train.labels + 1) % 10)
    other = replace(task, target=replace(task.target, train=train))
    refused(other, folder, r"the first expert is right on \d+% of the real images: experts of other data")


def test_images_are_normalised_as_the_experts_were(task, folder):
    def space(name: str, **changes: Any) -> str:
        target = replace(task.target, spec=TargetSpec(name=name))
        return normalisation_for(small("mtt", folder, **changes), target)

    assert [space(name) for name in ("mnist5k", "cifar10", "cifar100", "digits")] == [
        *("norm_dc", "norm_dc", "norm_cifar10", "norm_target")
    ]
    assert space("cifar100", expert_pixels="norm_dc") == "norm_dc"
    mnist = replace(task, target=replace(task.target, spec=TargetSpec(name="mnist5k")))
    inputs = small("mtt", folder).workshop(mnist).inputs
    assert (inputs.mean, inputs.std, inputs.space) == ((0.1307,), (0.3081,), "norm_dc")


def test_settings_without_files_are_named(task, tmp_path):
    with pytest.raises(UserError, match=r"expert_files = .*nowhere is no folder; expected one with replay_buffer_0"):
        small("mtt", tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no replay_buffer_0\.pt"):
        small("mtt", tmp_path)
    with pytest.raises(UserError, match="expert_pixels = norm_target: only with expert_files"):
        parse(METHODS["mtt"], {**TINY, "expert_pixels": "norm_target"}, where="test").distill(task)


class Hostile:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_hostile_and_damaged_buffers_are_named(task, folder, experts, tmp_path):
    file = folder / "replay_buffer_10.pt"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    refused(task, folder, r"replay_buffer_10\.pt: is damaged or cut off")
    torch.save([*experts[2:], Hostile(tmp_path / "owned")], file)
    refused(task, folder, r"replay_buffer_10\.pt: .* holds Python objects that rd3 never loads")
    assert not (tmp_path / "owned").exists()
    torch.save({"experts": 3}, file)
    refused(task, folder, r"replay_buffer_10\.pt: expected a list of experts, got dict")


def test_an_import_says_what_a_buffer_is(folder):
    with pytest.raises(
        UserError, match=r"training trajectories of 2 experts .*: 5 snapshots of 6 tensors.*expert_files"
    ):
        read_synthetic(folder / "replay_buffer_2.pt")
    with pytest.raises(UserError, match=r"its replay_buffer_10\.pt holds training trajectories of .*expert_files"):
        read_synthetic(folder)


@pytest.mark.parametrize(("right", "classes", "believed"), [(0.9, 2, True), (0.6, 2, False), (0.3, 10, True)])
def test_experts_of_two_classes_need_not_be_perfect(task, right, classes, believed):
    """An expert that is its bias alone: it is right on the share of the images that have its class."""
    count = 200
    labels = (torch.arange(count) >= round(right * count)).long()
    real = RealImages(
        MemoryImages(task.target.test.pixels[:count], labels), inputs_of(task.target, None, torch.device("cpu"))
    )
    student = Student(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, classes)))
    always_first = torch.cat([torch.zeros(64 * classes), torch.eye(classes)[0]])
    if believed:
        assert accuracy_of(always_first, student, real, classes=classes) == pytest.approx(right)
    else:
        with pytest.raises(UserError, match="the first expert is right on 60% of the real images"):
            accuracy_of(always_first, student, real, classes=classes)
