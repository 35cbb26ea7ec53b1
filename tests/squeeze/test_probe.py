"""A linear probe on a frozen backbone: only the last layer learns, and as well as it can."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.models.create import create_model
from rd3.models.features import embed, last_linear
from rd3.squeeze.probe import Probe, backbone_hash, backbone_names, load_backbone
from rd3.squeeze.spec import recipe_for, teacher_spec
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.train import squeeze

MODEL = "convnet2-bn-w32"


@pytest.fixture(scope="module")
def backbone(digits: Target) -> nn.Module:
    """Self-supervised: it learns by how many quarter turns a picture is turned, and never sees a label."""
    model = create_model(MODEL, classes=4, size=8, channels=1, seed=0)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        rows = torch.randint(len(digits.train), (32,), generator=generator)
        pictures = unit(digits, digits.train.batch(rows))
        turned = torch.cat([pictures.rot90(turns, (2, 3)) for turns in range(4)])
        optimiser.zero_grad()
        F.cross_entropy(model(turned), torch.arange(4).repeat_interleave(32)).backward()
        optimiser.step()
    return model.eval()


def unit(target: Target, pixels: Tensor) -> Tensor:
    return (pixels.float() / 255 - target.mean[0]) / target.std[0]


@pytest.fixture(scope="module")
def file(backbone: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backbone") / "turns.pt"
    torch.save(backbone.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def probed(digits: Target, file: Path) -> Teacher:
    spec = teacher_spec(digits, MODEL, backbone=backbone_hash(file))
    return squeeze(digits, spec, backbone=file)


def test_everything_but_the_last_layer_is_the_backbones_bit_for_bit(probed: Teacher, backbone: nn.Module) -> None:
    kept = backbone_names(probed.model)
    assert len(kept) == len(probed.model.state_dict()) - 2 - 2  # less weight and bias, and two counts of batches
    assert all(torch.equal(probed.model.state_dict()[name], backbone.state_dict()[name]) for name in kept)
    head, old = last_linear(probed.model), last_linear(backbone)
    assert head.out_features == 10 != old.out_features
    assert probed.notes == ("a linear probe; what its frozen backbone learned from is not recorded",)


def test_features_are_the_backbones_bit_for_bit(probed: Teacher, backbone: nn.Module, digits: Target) -> None:
    pictures = unit(digits, digits.test.batch(torch.arange(50)))
    theirs, ours = (copy.deepcopy(net).to(memory_format=torch.channels_last) for net in (backbone, probed.model))
    with torch.no_grad():
        assert torch.equal(embed(ours, pictures), embed(theirs, pictures))


def test_it_is_as_right_as_scikit_learns_logistic_regression(
    probed: Teacher, backbone: nn.Module, digits: Target
) -> None:
    with torch.no_grad():
        train, test = (
            embed(backbone, unit(digits, split.batch(torch.arange(len(split))))).numpy()
            for split in (digits.train, digits.test)
        )
    oracle = LogisticRegression(max_iter=300).fit(train, digits.train.labels.numpy())
    expected = float(np.mean(oracle.predict(test) == digits.test.labels.numpy()))
    assert probed.test_accuracy > 0.8
    assert probed.test_accuracy == pytest.approx(expected, abs=0.03)


def test_a_probe_stays_in_eval_mode_while_it_trains(backbone: nn.Module) -> None:
    model = create_model(MODEL, classes=10, size=8, channels=1, seed=0)
    model.load_state_dict({name: backbone.state_dict()[name] for name in backbone_names(model)}, strict=False)
    probe = Probe(model).train()
    assert probe.training
    assert not any(module.training for module in model.modules())
    assert [name for name, weight in model.named_parameters() if weight.requires_grad] == [
        name for name, _ in model.named_parameters()
    ][-2:]


def test_a_probe_is_another_teacher_than_a_squeezed_one(digits: Target, file: Path, probed: Teacher) -> None:
    plain = teacher_spec(digits, MODEL)
    assert plain.fingerprint == "09aeaa4cde7bd4f24ca8"
    assert "backbone" not in plain.as_json()
    assert probed.fingerprint == teacher_spec(digits, MODEL, backbone=backbone_hash(file)).fingerprint
    assert probed.fingerprint != teacher_spec(digits, MODEL, recipe="linear-probe").fingerprint
    assert recipe_for(digits, "linear-probe").epochs == 30


@pytest.mark.parametrize("prefix", ["", "module.", "module.encoder_q.", "module.base_encoder.", "backbone.net."])
def test_weights_are_found_behind_the_names_that_training_scripts_put_before_them(
    prefix: str, backbone: nn.Module, tmp_path: Path
) -> None:
    """As in MoCo's files: an averaged copy comes after them, and a queue; the last layer is not there."""
    state = {prefix + name: value for name, value in backbone.state_dict().items() if "classifier" not in name}
    state |= {"module.encoder_k." + name: value + 1 for name, value in backbone.state_dict().items()}
    state["module.queue"] = torch.zeros(3)
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "moco.pt")
    model = create_model(MODEL, classes=10, size=8, channels=1, seed=1)
    load_backbone(model, tmp_path / "moco.pt", name=MODEL)
    assert all(torch.equal(model.state_dict()[name], backbone.state_dict()[name]) for name in backbone_names(model))


def test_what_does_not_fit_is_refused_in_one_line(digits: Target, file: Path, tmp_path: Path) -> None:
    def told(model: str, path: Path) -> str:
        with pytest.raises(UserError) as caught:
            load_backbone(create_model(model, classes=10, size=8, channels=1), path, name=model)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "does not fit the backbone of convnet3-bn-w32: it has no 'features." in told("convnet3-bn-w32", file)
    assert "(32, 1, 3, 3), expected (16, 1, 3, 3)" in told("convnet2-bn-w16", file)
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pt")
    assert "it has no 'features.0.weight'" in told(MODEL, tmp_path / "other.pt")
    with pytest.raises(UserError, match="there is no such file"):
        backbone_hash(tmp_path / "none.pt")
    with pytest.raises(UserError, match="has changed since the work was planned"):
        squeeze(digits, teacher_spec(digits, MODEL, backbone="0" * 64), backbone=file)
