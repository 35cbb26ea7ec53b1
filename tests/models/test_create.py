from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from rd3.base.errors import MissingExtraError, UserError
from rd3.models import count_parameters, create_model, list_models

# Counts of DD-Ranking's networks and of the condensation papers' networks, and torchvision's own.
PUBLISHED_COUNTS = [
    ("convnet3", 3, 32, 10, 320_010),
    ("convnet3-bn", 3, 32, 10, 320_010),
    ("convnet3", 3, 32, 100, 504_420),
    ("convnet4", 3, 64, 200, 857_160),
    ("convnet4-bn", 3, 64, 200, 857_160),
    ("convnet4-bn", 3, 32, 100, 498_660),
    ("convnet3", 3, 64, 10, 381_450),
    ("convnet3", 3, 128, 10, 627_210),
    ("convnet3", 3, 224, 10, 1_303_050),
    ("convnet5", 3, 128, 10, 615_690),
    ("convnet6", 3, 224, 10, 754_570),
    ("convnet3", 1, 28, 10, 317_706),
    ("lenet", 3, 32, 10, 62_006),
    ("mlp", 3, 32, 10, 411_146),
    ("mlp", 3, 64, 10, 1_590_794),
    ("alexnet", 3, 32, 10, 1_872_202),
    ("vgg11", 3, 32, 10, 9_231_114),
    ("vgg11-bn", 3, 32, 10, 9_231_114),
    ("resnet18", 3, 32, 10, 11_173_962),
    ("resnet18", 3, 32, 100, 11_220_132),
    ("resnet18", 3, 64, 200, 11_271_432),
    ("resnet18", 3, 224, 10, 11_181_642),
    ("resnet18", 3, 224, 1000, 11_689_512),
    ("resnet50", 3, 32, 10, 23_520_842),
    ("tv:resnet18", 3, 32, 10, 11_173_962),
    ("tv:vgg11", 3, 64, 10, 128_807_306),
    ("tv:alexnet", 3, 224, 1000, 61_100_840),
]
SMALL = [name for name in list_models() if name.startswith(("convnet1", "convnet3", "mlp", "lenet", "alexnet"))]


@pytest.mark.parametrize(("name", "channels", "size", "classes", "count"), PUBLISHED_COUNTS)
def test_parameter_counts_are_the_published_ones(name, channels, size, classes, count):
    assert count_parameters(create_model(name, classes=classes, size=size, channels=channels)) == count


@pytest.mark.parametrize("name", [*SMALL, "resnet18", "vgg11-bn", "tv:mobilenet_v2", "timm:resnet18"])
@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 28)])
def test_every_small_network_gives_logits(name, channels, size):
    logits = create_model(name, classes=7, size=size, channels=channels, seed=0)(torch.rand(2, channels, size, size))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", list_models())
def test_every_listed_name_is_buildable(name):
    with torch.device("meta"):  # create_model makes its networks on the CPU all the same
        model = create_model(name, classes=2, size=256)
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}
    assert model.training


@pytest.mark.parametrize(
    "name",
    ["tv:shufflenet_v2_x0_5", "tv:vit_b_32", "tv:googlenet", "timm:vit_tiny_patch16_224", "timm:mobilenetv3_small_050"],
)
def test_networks_of_the_zoos_take_other_sizes_and_channels(name):
    model = create_model(name, classes=5, size=64, channels=1, seed=0).eval()
    assert model(torch.rand(2, 1, 64, 64)).shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "stride", "count"),
    # torchvision's published counts for 1000 classes, less 990 rows of the head; ViT-B/16 also loses 192 places of 768.
    [
        ("tv:mobilenet_v2", 2, 3_504_872 - 990 * 1281),
        ("tv:efficientnet_b0", 2, 5_288_548 - 990 * 1281),
        ("tv:shufflenet_v2_x0_5", 2, 1_366_792 - 990 * 1025),
        ("tv:swin_t", 4, 28_288_354 - 990 * 769),
        ("tv:vit_b_16", 16, 86_567_656 - 990 * 769 - 192 * 768),
    ],
)
def test_students_of_cross_architecture_tables_keep_their_stem_at_32_px(name, stride, count):
    model = create_model(name, classes=10, size=32, seed=0)
    first = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    assert first.stride == (stride, stride)
    assert count_parameters(model) == count
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_zoos_are_listed_under_their_prefix_only():
    assert "tv:resnet18" in list_models("tv:*")
    assert "timm:resnet18" in list_models("timm:resnet*")
    assert not any(":" in name for name in list_models())


def test_the_seed_alone_decides_the_weights():
    def weights(name: str) -> torch.Tensor:
        model = create_model(name, classes=10, size=32, seed=3)
        return torch.cat([parameter.flatten() for parameter in model.parameters()])

    threads = torch.get_num_threads()
    for name in ("convnet3-bn-w32", "resnet18"):
        torch.manual_seed(1)
        first = weights(name)
        torch.manual_seed(2)
        torch.set_num_threads(2)
        second = weights(name)
        torch.set_num_threads(threads)
        assert torch.equal(first, second)
        assert not torch.equal(
            first, torch.cat([p.flatten() for p in create_model(name, classes=10, size=32, seed=4).parameters()])
        )


def test_a_seeded_network_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    create_model("convnet3-w32", classes=10, size=32, seed=9)
    assert torch.equal(torch.rand(4), expected)


def test_without_a_seed_the_global_generator_decides():
    torch.manual_seed(9)
    unseeded = create_model("convnet3-w32", classes=10, size=32)
    seeded = create_model("convnet3-w32", classes=10, size=32, seed=9)
    assert torch.equal(unseeded.state_dict()["classifier.weight"], seeded.state_dict()["classifier.weight"])


def test_convnet_is_the_plain_sequence():
    model = create_model("convnet3-w8", classes=4, size=16, seed=0)
    layers = OrderedDict()
    for block, channels in enumerate((3, 8, 8)):
        layers[f"{4 * block}"] = nn.Conv2d(channels, 8, 3, padding=1)
        layers[f"{4 * block + 1}"] = nn.InstanceNorm2d(8, affine=True)
        layers[f"{4 * block + 2}"] = nn.ReLU()
        layers[f"{4 * block + 3}"] = nn.AvgPool2d(2)
    features = nn.Sequential(layers)
    plain = nn.Sequential(OrderedDict(features=features, flatten=nn.Flatten(), classifier=nn.Linear(8 * 2 * 2, 4)))
    plain.load_state_dict(model.state_dict())
    images = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(images), plain(images))


@pytest.mark.parametrize(
    ("norm", "layer"), [("bn", nn.BatchNorm2d(8)), ("ln", nn.LayerNorm((8, 16, 16))), ("none", nn.Identity())]
)
def test_norms_are_what_their_names_say(norm, layer):
    model = create_model(f"convnet1-{norm}-w8", classes=4, size=16, seed=0)
    maps = model.features[0](torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(model.features[1](maps), layer(maps))


def test_resnet18_is_torchvisions_with_the_small_stem():
    model = create_model("resnet18", classes=10, size=32, seed=0)
    theirs = torchvision.models.resnet18(num_classes=10)
    theirs.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
    theirs.maxpool = nn.Identity()
    theirs.load_state_dict(model.state_dict())
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.eval()(images), theirs.eval()(images))


def test_resnet18_is_torchvisions_own_above_64_px():
    model = create_model("resnet18", classes=10, size=65, seed=0)
    theirs = torchvision.models.resnet18(num_classes=10)
    theirs.load_state_dict(model.state_dict())
    images = torch.randn(1, 3, 65, 65, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("convnet3-bnn", "did you mean 'convnet3-bn'"),
        ("convnetw256-3", "did you mean 'convnet3-w256'"),
        ("ConvNet3", "did you mean 'convnet3'"),
        ("convnet9", "D = 1..8"),
        ("convnet3-w32-bn", "unknown model 'convnet3-w32-bn'"),
        ("convnet3-w0", "unknown model"),
        ("convnet3-gn-w6", "width 6 cannot be split"),
        ("resnet19", "did you mean 'resnet18'"),
        ("tv:resnt18", "did you mean 'tv:resnet18'"),
        ("timm:resnt18", "did you mean 'resnet18'"),
        ("", "unknown model ''"),
    ],
)
def test_unknown_names_are_refused_with_a_hint(name, message):
    with pytest.raises(UserError, match=message) as caught:
        create_model(name, classes=10, size=32)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("convnet6", 32, "'convnet6' needs images of at least 64 px, got 32 px"),
        ("vgg11", 16, "at least 32 px, got 16 px"),
        ("lenet", 8, "at least 16 px"),
        ("alexnet", 4, "at least 8 px"),
        ("tv:alexnet", 32, "'tv:alexnet' cannot take 3x32x32 images"),
        ("tv:maxvit_t", 32, "'tv:maxvit_t' cannot take 3x32x32 images"),
    ],
)
def test_images_too_small_for_the_depth_are_refused(name, size, message):
    with pytest.raises(UserError, match=message) as caught:
        create_model(name, classes=10, size=size)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"classes": 0}, {"size": 0}, {"channels": -1}])
def test_empty_shapes_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        create_model("mlp", **{"classes": 2, "size": 8, **wrong})


def test_timm_missing_is_said_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"rd3\[zoo\]"):
        create_model("timm:resnet18", classes=10, size=32)


PLUGIN = """
from torch import nn

def linear(*, classes, size, channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size**2, classes))

def wrong_width(*, classes, size, channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size**2, classes + 1))

def other_arguments(width):
    return nn.Linear(width, width)

def no_module(*, classes, size, channels):
    return classes
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "plugged_networks.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    return "plugged_networks"


def test_a_function_elsewhere_is_a_model(plugin):
    first, second = (create_model(f"{plugin}:linear", classes=3, size=4, channels=2, seed=1) for _ in range(2))
    assert first(torch.rand(5, 2, 4, 4)).shape == (5, 3)
    assert torch.equal(first[1].weight, second[1].weight)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("lineer", "has no function 'lineer'; did you mean 'linear'"),
        ("wrong_width", r"expected logits of shape \(1, 3\) for one image, got \(1, 4\)"),
        ("other_arguments", "missing a required argument: 'width'; expected function"),
        ("no_module", "returned int; expected function"),
    ],
)
def test_a_plugin_that_breaks_its_contract_is_named(plugin, function, message):
    with pytest.raises(UserError, match=message):
        create_model(f"{plugin}:{function}", classes=3, size=4)


def test_a_plugin_module_that_is_not_there_is_named():
    with pytest.raises(UserError, match="cannot import 'no_such_module'"):
        create_model("no_such_module:f", classes=3, size=4)
