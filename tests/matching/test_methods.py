"""The matching methods as such: published settings, going on after a kill, and what they come to."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from tests.matching.resuming import gone_on_and_whole

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.data.target import Target
from rd3.methods.base import METHODS, Method, Task
from rd3.models import create_model
from rd3.models.features import count_parameters
from rd3.synthetic import Manifest, Synthetic
from rd3.synthetic.check import check

TINY = {"network": "convnet1-w4", "iterations": 4, "real_batch": 4}
SMALL = {
    "dm": {},
    "dc": {"matches": 2, "network_epochs": 1},
    "dsa": {"matches": 2, "network_epochs": 1},
    "datadam": {"network": "convnet2-w4"},
    "idc": {"rounds": 1, "network_images": 16},
    "idm": {"train_steps": 1, "train_batch": 8, "queue_every": 1, "queue_length": 4, "accuracy_over": 2},
    "ncfm": {"networks": 2, "network_epochs": 1, "frequencies": 8, "frequencies_from": "network"},
}


def small(name: str, **changes) -> Method:
    return parse(METHODS[name], TINY | SMALL[name] | changes, where="test")


@pytest.mark.parametrize("name", SMALL)
def test_going_on_from_a_kept_state_gives_the_same_bits(name, digits, few_digits):
    method = small(name)
    target = replace(digits, train=few_digits)

    def parts():
        studio = method.studio(Task(target, None, ipc=1, seed=0))
        learned = method.learnable(studio)
        return learned, method.algorithm(studio, learned)

    resumed, learned = gone_on_and_whole(parts)
    assert torch.equal(resumed.raw(), learned.raw())


@pytest.mark.parametrize("name", ["dc", "dsa", "idc", "idm", "ncfm", "datadam"])
def test_images_move_and_their_bytes_are_the_rounded_floats(name, digits):
    task = Task(digits, None, ipc=1, seed=0)
    floats = small(name).distill(task).images
    unmoved = small(name, image_lr=1e-12, iterations=1).distill(task).images
    assert not torch.equal(floats, unmoved)
    levels = small(name, quantise="uint8").distill(task).images
    assert torch.equal(levels, (floats.clamp(0, 1) * 255).round().to(torch.uint8))


def target_like(digits: Target, *, size: int, classes: int, channels: int = 3, flip: bool = True) -> Target:
    """The few facts that settings are chosen by."""

    class Shaped:
        shape = (channels, size, size)

    return replace(digits, train=Shaped(), classes=tuple(map(str, range(classes))), flip_keeps_class=flip)


@pytest.fixture
def places(digits) -> dict[str, Target]:
    return {
        "c10": target_like(digits, size=32, classes=10),
        "c100": target_like(digits, size=32, classes=100),
        "tiny": target_like(digits, size=64, classes=200),
        "in10": target_like(digits, size=224, classes=10),
        "in100": target_like(digits, size=224, classes=100),
        "mnist": target_like(digits, size=28, classes=10, channels=1, flip=False),
        "fmnist": target_like(digits, size=28, classes=10, channels=1),
    }


PUBLISHED = """
dc      c10   1  {"matches": 1, "network_epochs": 1, "image_lr": 0.1, "iterations": 1000, "init": "noise"}
dc      c10   10 {"matches": 10, "network_epochs": 50, "network_lr": 0.01, "network_batch": 256, "augment": "none"}
dc      c10   20 {"matches": 20, "network_epochs": 25}
dc      c10   30 {"matches": 30, "network_epochs": 20}
dc      c10   40 {"matches": 40, "network_epochs": 15}
dc      c10   50 {"matches": 50, "network_epochs": 10, "metric": "unit-cosine"}
dsa     c100  10 {"matches": 10, "network_epochs": 50, "init": "real", "augment": "dsa", "image_lr": 0.1}
dm      c10   100 {"image_lr": 10.0}
idm     c10   1  {"ce_weight": 0.5, "real_batch": 5000, "queue_every": 5, "image_lr": 0.2, "iterations": 20000}
idm     c10   10 {"ce_weight": 0.5, "real_batch": 256, "queue_every": 30, "queue_length": 100, "train_steps": 10}
idm     c10   50 {"ce_weight": 0.1}
idm     c100  1  {"ce_weight": 0.5, "real_batch": 5000, "queue_every": 5}
idm     c100  10 {"ce_weight": 0.1, "train_steps": 50}
idm     c100  50 {"ce_weight": 0.1, "train_steps": 10}
idm     tiny  10 {"ce_weight": 0.5, "queue_every": 30}
idm     tiny  50 {"ce_weight": 0.8, "train_steps": 50}
idm     in100 1  {"ce_weight": 3.0, "queue_every": 50, "queue_length": 50, "real_batch": 128, "factor": 2}
idm     in100 10 {"train_batch": 128, "train_steps": 10, "queue_length": 50, "accuracy_over": 20000, "factor": 2}
idm     in100 50 {"ce_weight": 3.0, "queue_length": 100, "accuracy_over": 20000, "factor": 1}
datadam c10   50 {"image_lr": 1.0, "attention_power": 4.0, "balance": 0.01, "iterations": 8000}
datadam c10   100 {"image_lr": 10.0}
datadam in10  10 {"balance": 0.02}
idc     c10   10 {"metric": "mse", "image_lr": 0.005, "network_images": 2000, "iterations": 2000}
idc     c10   1  {"image_lr": 0.0005, "rounds": 100, "factor": 2}
idc     c10   50 {"image_lr": 0.025, "real_batch": 64, "synthetic_batch": 128, "network_cutmix": 0.5}
idc     mnist 10 {"metric": "l1", "image_lr": 0.0001, "network_cutmix": 0.0, "strategy": "color_crop"}
idc     fmnist 10 {"metric": "l1", "image_lr": 0.0001, "network_images": 500, "strategy": "color_crop_cutout"}
idc     in10  10 {"metric": "l1", "image_lr": 0.003, "iterations": 500, "factor": 3, "network_epochs": 10}
idc     in100 10 {"network_batch": 128, "network_lr": 0.1, "network_weight_decay": 1e-4}
idc     in10  10 {"network_batch": 64, "network_lr": 0.01, "network_weight_decay": 5e-4, "real_batch": 64}
idc     in100 20 {"metric": "l1", "image_lr": 0.002, "iterations": 500, "network_epochs": 0, "real_batch": 128}
ncfm    c10   10 {"image_lr": 0.001, "optimiser": "adamw", "real_batch": 1024, "frequencies": 4096, "networks": 20}
ncfm    c10   50 {"network_epochs": 60, "iterations": 20000, "factor": 2, "frequencies_from": "normal"}
ncfm    c100  10 {"image_lr": 0.01, "optimiser": "sgd"}
ncfm    c100  50 {"image_lr": 0.001, "optimiser": "adamw"}
"""
"""Typed a second time from the papers and the released commands."""


@pytest.mark.parametrize("row", PUBLISHED.strip().splitlines())
def test_a_cell_has_its_published_settings(row, places):
    name, place, ipc, expected = row.split(maxsplit=3)
    method = parse(METHODS[name], METHODS[name].settings_for(places[place], int(ipc)), where="test")
    values = {key: getattr(method, key) for key in json.loads(expected)}
    assert values == pytest.approx(json.loads(expected))


@pytest.mark.parametrize(("optimiser", "kind", "decay"), [("adamw", "AdamW", 5e-4), ("sgd", "SGD", 0)])
def test_ncfms_images_decay_as_configured(optimiser, kind, decay):
    made = small("ncfm", optimiser=optimiser).descent()([torch.zeros(1, requires_grad=True)])
    assert (type(made).__name__, made.defaults["weight_decay"]) == (kind, decay)


@pytest.mark.parametrize(
    ("name", "size", "channels", "classes", "count"),
    [
        ("convnet3", 32, 3, 10, 320_010),
        ("convnet3", 32, 3, 100, 504_420),
        ("convnet3", 28, 1, 10, 317_706),
        ("convnet4", 64, 3, 200, 857_160),
    ],
)
def test_the_papers_networks_have_their_published_sizes(name, size, channels, classes, count):
    assert count_parameters(create_model(name, classes=classes, size=size, channels=channels, seed=0)) == count


@pytest.mark.parametrize(("name", "space"), [("datadam", "norm_true"), ("ncfm", "raw01"), ("dm", None)])
def test_floats_say_in_which_space_they_were_learned(name, space, digits):
    assert small(name, iterations=1).distill(Task(digits, None, ipc=1, seed=0)).space == space


def test_images_that_were_learned_normalised_are_not_taken_for_normalised_ones(digits):
    made = small("datadam").distill(Task(digits, None, ipc=1, seed=0))
    facts = {
        **{"method": "datadam", "settings": {}, "target": "digits", "target_fingerprint": digits.fingerprint},
        **{"classes": digits.classes, "ipc": 1, "fingerprint": "test"},
    }
    for space, warned in ((made.space, False), (None, True)):
        manifest = parse(Manifest, facts | {"space": space}, where="test")
        synthetic = Synthetic(made.images * 9, made.labels, None, None, manifest)
        assert any("are they normalised?" in warning for warning in check(synthetic, digits)) == warned


@pytest.mark.parametrize(("name", "order"), [("idc", "rows"), ("idm", "columns"), ("ncfm", "rows")])
def test_mosaics_say_how_they_come_apart_and_factor_one_is_none(name, order, digits):
    task = Task(digits, None, ipc=1, seed=0)
    made = small(name, iterations=1).distill(task)
    assert (made.decode.factor, made.decode.order, made.images.shape) == (2, order, (10, 1, 8, 8))
    assert small(name, iterations=1, factor=1).distill(task).decode is None


def test_divergence_and_networks_that_do_not_fit_are_said_in_one_line(digits):
    task = Task(digits, None, ipc=1, seed=0)
    with pytest.raises(UserError, match="idm: image_lr = 1e\\+38: the images diverged"):
        small("idm", image_lr=1e38).distill(task)
    with pytest.raises(UserError, match="has no convolutions"):
        small("idc", network="mlp").distill(task)


@pytest.mark.parametrize(
    ("name", "key", "value"), [("dc", "metric", "l2"), ("idc", "factor", 0), ("ncfm", "phase", -1)]
)
def test_settings_out_of_range_are_refused(name, key, value):
    with pytest.raises(UserError, match=key):
        parse(METHODS[name], {key: value}, where=name)
