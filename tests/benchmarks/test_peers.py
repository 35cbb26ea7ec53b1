"""The benchmarks against released code, as far as they go without it."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import tyro
from benchmarks.__main__ import Options as All
from benchmarks.__main__ import planned
from benchmarks.ddranking.__main__ import Options as DDRanking
from benchmarks.growth.__main__ import Options as Growth
from benchmarks.limit.__main__ import Options as Limit
from benchmarks.limit.shares import covered, shares
from benchmarks.rded.__main__ import Options as Rded
from benchmarks.rded.layout import Names, arguments, names_of, released_names, write_layout, write_tests
from benchmarks.rded.protocols import ALIKE, write_protocol
from benchmarks.rded.result import steps
from benchmarks.sre2l.__main__ import Options as Sre2l
from benchmarks.sre2l.quality import quality
from benchmarks.sre2l.task import tenths
from benchmarks.start.__main__ import Options as Start
from benchmarks.start.timings import commands, heaviest
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18

import rd3
from rd3.base.errors import UserError
from rd3.data.facts import TargetFacts
from rd3.models import create_model

CIFAR = TargetFacts("cifar10", 32, 3, 10, flip_keeps_class=True)


@pytest.mark.parametrize(
    ("student", "size", "names"),
    [
        ("convnet3-bn-w32", 32, Names("cifar10", "conv3", 32, 1)),
        ("convnet3-bn", 32, Names("cifar10", "conv3", None, 1)),
        ("resnet18", 32, Names("cifar10", "resnet18_modified", None, 1)),
        ("resnet18", 224, Names("imagenet-nette", "resnet18", None, 2)),
    ],
)
def test_students_have_rdeds_names(student: str, size: int, names: Names) -> None:
    assert names_of(student, size) == names


@pytest.mark.parametrize(("student", "size"), [("resnet18", 64), ("vgg11", 32), ("convnet3", 32)])
def test_what_rded_has_not_is_refused(student: str, size: int) -> None:
    with pytest.raises(UserError, match=r"allowed are|px"):
        names_of(student, size)


def test_parameters_are_renamed_one_to_one() -> None:
    state = create_model("convnet3-bn-w32", classes=10, size=32, seed=0).state_dict()
    renamed = released_names(state)
    parts = [f"layers.conv.{k}.{name}" for k in range(3) for name in ("weight", "bias")]
    kept = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    parts += [f"layers.norm.{k}.{name}" for k in range(3) for name in kept]
    assert set(renamed) == {*parts, "classifier.weight", "classifier.bias"}
    assert renamed["layers.norm.2.weight"].equal(state["features.9.weight"])
    torchvisions = set(resnet18().state_dict())
    assert set(released_names(create_model("resnet18", classes=10, size=224).state_dict())) == torchvisions


def test_pictures_and_weights_are_where_rded_looks(tmp_path: Path) -> None:
    target = rd3.load_target("digits", size=32)
    pixels = target.test.batch(torch.arange(40)).repeat(1, 3, 1, 1).permute(0, 2, 3, 1).numpy()
    npz = tmp_path / "part.npz"
    labels = target.test.labels[:40].numpy()
    np.savez(npz, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels, classes=np.array(list("0123456789")))
    write_tests(rd3.load_target(f"npz:{npz}"), tmp_path / "tests")
    torch.save({}, tmp_path / "weights.pth")
    names = names_of("resnet18", 32)
    place = tmp_path / "here"
    write_layout(place, names, images=tmp_path / "tests", tests=tmp_path / "tests", weights=tmp_path / "weights.pth")
    read = ImageFolder(place / "data" / "cifar10" / "val")
    assert sorted(read.targets) == sorted(labels.tolist())
    first = next(index for index, label in enumerate(labels) if label == 0)
    np.testing.assert_array_equal(np.asarray(read[0][0]), pixels[first])
    assert (place / "data/pretrain_models/cifar10_resnet18_modified.pth").is_file()
    count = len(list((tmp_path / "tests" / "00000").iterdir()))
    assert {folder.name for folder in (tmp_path / "tests").iterdir()} == {str(label).zfill(5) for label in labels}
    name = f"cifar10_resnet18_modified_f1_mipc300_ipc{count}_cr5"
    assert (place / "exp" / name / "syn_data" / "00000").is_dir()
    given = dict(zip(*[iter(arguments(names, ipc=count, epochs=300))] * 2, strict=True))
    assert (given["--factor"], given["--mipc"], given["--num-crop"]) == ("1", "300", "5")


@pytest.mark.parametrize("epochs", [1, 10, 20, 60, 300])
def test_rd3_tests_when_the_released_code_does(epochs: int, tmp_path: Path) -> None:
    protocol = rd3.load_protocol(str(write_protocol(ALIKE, epochs, tmp_path)))
    settings, _ = protocol.resolve(CIFAR, 10, "convnet3-bn-w32")
    released = {i for i in range(epochs) if (i % 10 == 9 or i == epochs - 1) and i > 0.8 * epochs}
    assert settings.looked_at_epochs() | settings.reported_epochs() == released | {epochs - 1}
    assert (settings.double_bn_update, settings.normalisation, settings.batch_size) == (True, "imagenet", 50)


def test_steps_of_a_student() -> None:
    assert steps([{"epochs": 3, "batch_size": 50}], 1) == 3
    assert steps([{"epochs": 3, "batch_size": 100}], 55) == 18


def test_every_class_is_cut_into_ten_by_brightness() -> None:
    target = rd3.load_target("digits")
    images, labels = target.train.batch(torch.arange(400)), target.train.labels[:400]
    fine = tenths(images, labels)
    assert torch.equal(fine // 10, labels)
    for label in range(10):
        mine = labels == label
        means = images[mine].double().mean((1, 2, 3))
        groups = [means[fine[mine] == 10 * label + k] for k in range(10)]
        sizes = [len(group) for group in groups]
        assert max(sizes) - min(sizes) <= 1
        assert all(a.max() <= b.min() for a, b in pairwise(groups))


def test_quality_is_that_of_a_plain_loop() -> None:
    target = rd3.load_target("digits")
    network = create_model("convnet2-bn-w4", classes=10, size=8, channels=1, seed=0)
    pixels = target.train.batch(torch.arange(32)).float() / 255
    with torch.no_grad():
        network(pixels)  # statistics that are not 0 and 1
    teacher = rd3.Teacher(network, "convnet2-bn-w4", (0.4,), (0.3,), target.classes, "x", 0.5, 0.0)
    images, labels = pixels[:12] * 0.7, target.train.labels[:12]
    found = quality(teacher, images, labels)
    x, distances = ((images * 255).round() / 255 - 0.4) / 0.3, []
    with torch.no_grad():
        for layer in network.features:  # type: ignore[union-attr]
            if isinstance(layer, nn.BatchNorm2d):
                gap = ((layer.running_mean - x.mean((0, 2, 3))) ** 2).sum() ** 0.5  # type: ignore[operator]
                spread = ((layer.running_var - x.var((0, 2, 3), unbiased=False)) ** 2).sum() ** 0.5  # type: ignore[operator]
                distances.append(float(gap + spread))
            x = layer(x)
        logits = network.classifier(x.flatten(1))  # type: ignore[operator]
    assert found["statistics"] == pytest.approx(10 * distances[0] + distances[1], rel=1e-5)
    assert found["cross_entropy"] == pytest.approx(float(F.cross_entropy(logits, labels)), rel=1e-5)
    assert found["as_asked"] == pytest.approx(float((logits.argmax(1) == labels).double().mean()))


@pytest.mark.parametrize("idle", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("whole", [2.0, 4.0, 8.0])
def test_shares_add_up(whole: float, idle: float) -> None:
    found = shares({"teacher": 1.0, "augmentation": -0.1, "student": 2.0}, whole, idle)
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) >= 0
    assert found["student"] == pytest.approx(2 * found["teacher"])


def test_covered_time_is_that_of_a_fine_grid() -> None:
    draw = np.random.default_rng(0)
    spans = [(start, start + int(length)) for start, length in draw.integers(1, 200, (40, 2)).tolist()]
    grid = np.zeros(500, bool)
    for start, end in spans:
        grid[start:end] = True
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    assert covered(spans) == pytest.approx(grid[first:last].mean())


def test_packages_are_ordered_by_their_own_seconds() -> None:
    report = "noise\nimport time:  10 |  30 |   b.x\nimport time:  20 |  20 | b\nimport time:  25 |  99 | a\n"
    assert heaviest(report, count=5) == {"b": pytest.approx(3e-5), "a": pytest.approx(2.5e-5)}


def test_everything_that_is_started_is_this_python() -> None:
    assert {command[0] for command in commands("cpu").values()} == {sys.executable}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_command_for_all_gives_every_benchmark_options_that_it_takes(device: str) -> None:
    given = [
        "all",
        "--rded",
        "R",
        "--sre2l",
        "S",
        "--cifar10",
        "npz:c.npz",
        "--ddranking-python",
        "p",
        "--repeats",
        "2",
    ]
    readers = {"rded": Rded, "sre2l": Sre2l, "ddranking": DDRanking, "growth": Growth, "limit": Limit, "start": Start}
    found = planned(tyro.cli(All, args=given), device)
    for module, *more in found.values():
        tyro.cli(readers[module], args=[*more, "--out", "somewhere"])
    assert {module for module, *_ in found.values()} == set(readers)
    assert ("rded-224" in found) == (device == "cuda")
