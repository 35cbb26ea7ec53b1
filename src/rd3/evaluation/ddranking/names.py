"""DD-Ranking's names of data sets and networks, and rd3's."""

from __future__ import annotations

import re
from typing import Final

from rd3.base.errors import UserError, unknown

TARGETS: Final = {
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "tinyimagenet": "tiny-imagenet",
    "imagenet1k": "imagenet-1k",
    "imagenette": "imagenette",
    "imagewoof": "imagewoof",
}
ELSEWHERE: Final = ("imagemeow", "imagesquawk", "imagefruit", "imageyellow")
METHOD_PREFIXES: Final = ("frepo-", "rfad-")

OWN: Final = re.compile(r"(?P<family>ConvNet|ResNet|VGG|AlexNet|LeNet|MLP)(-(?P<depth>\d+))?(?P<norm>-BN)?")
ZOO: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?")  # torchvision's and timm's names are in small letters
RESNETS: Final = ("18", "34", "50")


def target_name(dataset: str) -> str:
    """rd3's name of a data set; `FREPO-CIFAR100` and the like are the data set behind the dash.

    Raises:
        UserError: an unknown name, or one that rd3 has no source for.
    """
    name = _bare(dataset)
    if name in ELSEWHERE:
        raise UserError(
            f"dataset = {dataset}: rd3 has no source of this name; give the target, for instance folder:PATH"
        )
    if name not in TARGETS:
        raise unknown(
            "dataset", dataset, ("CIFAR10", "CIFAR100", "TinyImageNet", "ImageNet1K", "ImageNette", "ImageWoof")
        )
    return TARGETS[name]


def known_target(dataset: str) -> str | None:
    """rd3's name of a data set, None for one that it has no source for."""
    return TARGETS.get(_bare(dataset))


def _bare(dataset: str) -> str:
    name = dataset.lower()
    for prefix in METHOD_PREFIXES:
        name = name.removeprefix(prefix)
    return name


def model_name(name: str, *, torchvision: bool) -> str:
    """rd3's name of a network; without `-BN` the package's own ones have instance norm.

    Args:
        torchvision: whether AlexNet, VGG and ResNet are torchvision's.

    Raises:
        UserError: a variant that DD-Ranking would build as something else, or that rd3 does not have.
    """
    match = OWN.fullmatch(name)
    if match is None:
        if ZOO.fullmatch(name) is None:
            raise UserError(
                f"model_name = {name}: expected NAME-DEPTH[-BN], for instance ConvNet-3-BN, or a name of torchvision"
            )
        return _from_a_zoo(name)
    family, depth, batch_norm = match["family"].lower(), match["depth"], match["norm"] is not None
    if family == "convnet" and depth:
        return f"convnet{depth}-bn" if batch_norm else f"convnet{depth}"
    if family == "resnet" and depth in RESNETS and (batch_norm or torchvision):
        return f"resnet{depth}"
    if family == "vgg" and depth:
        norm = batch_norm
        return f"tv:vgg{depth}{'_bn' if norm else ''}" if torchvision else f"vgg{depth}{'-bn' if norm else ''}"
    if family == "alexnet":
        return "tv:alexnet" if torchvision else "alexnet"
    if family in ("lenet", "mlp"):
        return family
    raise UserError(
        f"model_name = {name}: rd3 has no such network; ResNets come with -BN, in depths {', '.join(RESNETS)}"
    )


def _from_a_zoo(name: str) -> str:
    """Other names are torchvision's, and if it has none, timm's."""
    import torchvision

    return f"tv:{name}" if name in torchvision.models.list_models(module=torchvision.models) else f"timm:{name}"
