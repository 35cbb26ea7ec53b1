"""Wide ResNets: parameters by a plain sum over layers and against published counts, outputs against plain functions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.models import count_parameters, create_model, embed


def plain_count(depth: int, widen: int, classes: int) -> int:
    convolution = 3 * 16 * 9
    channels, stages = 16, 0
    for width in (16 * widen, 32 * widen, 64 * widen):
        for _ in range((depth - 4) // 6):
            stages += 2 * channels + 9 * channels * width + 2 * width + 9 * width * width
            stages += channels * width if channels != width else 0
            channels = width
    return convolution + stages + 2 * channels + channels * classes + classes


@pytest.mark.parametrize(
    ("name", "classes", "published"),
    # Tables of knowledge distillation on CIFAR-100 give 0.70, 2.26 and 0.57 million.
    [("wrn16-2", 100, 703_284), ("wrn40-2", 100, 2_255_156), ("wrn40-1", 100, 569_780), ("wrn16-2", 10, 691_674)],
)
def test_parameter_counts(name: str, classes: int, published: int) -> None:
    depth, widen = (int(part) for part in name.removeprefix("wrn").split("-"))
    assert plain_count(depth, widen, classes) == published
    assert count_parameters(create_model(name, classes=classes, size=32)) == published


def plain_forward(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    def norm(maps: Tensor, name: str) -> Tensor:
        values = [weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(maps, *values, training=False)

    maps = F.conv2d(images, weights["features.0.weight"], padding=1)
    for block in range(1, 7):
        name, stride = f"features.{block}", 2 if block in (3, 5) else 1
        active = norm(maps, f"{name}.bn1").relu()
        if block in (1, 3, 5):
            maps = F.conv2d(active, weights[f"{name}.shortcut.weight"], stride=stride)
        inner = norm(F.conv2d(active, weights[f"{name}.conv1.weight"], stride=stride, padding=1), f"{name}.bn2").relu()
        maps = maps + F.conv2d(inner, weights[f"{name}.conv2.weight"], padding=1)
    vectors = norm(maps, "features.7").relu().mean(dim=(2, 3))
    return vectors @ weights["classifier.weight"].T + weights["classifier.bias"]


def test_logits_are_those_of_plain_functions() -> None:
    model = create_model("wrn16-2", classes=10, size=32, seed=0)
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model(images)  # BatchNorm's running statistics are no longer 0 and 1
    torch.testing.assert_close(model.eval()(images), plain_forward(model.state_dict(), images))
    assert embed(model, images).shape == (4, 128)


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (1, 28), (3, 64)])
def test_other_sizes_and_channels_are_taken(channels: int, size: int) -> None:
    model = create_model("wrn16-2", classes=7, size=size, channels=channels, seed=0)
    assert model(torch.rand(2, channels, size, size)).isfinite().all()


def test_convolutions_start_with_hes_law_by_fan_out() -> None:
    model = create_model("wrn40-2", classes=10, size=32, seed=1)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 5000:
            expected = (2 / (layer.kernel_size[0] ** 2 * layer.out_channels)) ** 0.5
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.06)
            assert layer.bias is None
    assert isinstance(model.classifier, nn.Linear)
    assert not model.classifier.bias.any()


@pytest.mark.parametrize(("name", "message"), [("wrn17-2", "depth 17 is not 10, 16, 22"), ("wrn4-2", "depth 4 is not")])
def test_depths_without_whole_blocks_are_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        create_model(name, classes=10, size=32)
