"""DD-Ranking's names of data sets and networks, and rd3's."""

from __future__ import annotations

import re
from typing import Final

from rd3.base.errors import UserError, suggestion, unknown

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
CONVNETS: Final = tuple("12345678")
DEPTHS: Final = {  # by whether AlexNet, VGG and ResNet are torchvision's
    False: {"convnet": CONVNETS, "vgg": ("11",)},
    True: {"convnet": CONVNETS, "vgg": ("11", "13", "16", "19")},
}
SPELT: Final = ("CIFAR10", "CIFAR100", "TinyImageNet", "ImageNet1K", "ImageNette", "ImageWoof")


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
    require_known(dataset)
    return TARGETS[name]


def require_known(dataset: str) -> None:
    """Refuse a name that DD-Ranking does not have, whatever target stands in its place."""
    if _bare(dataset) not in {*TARGETS, *ELSEWHERE}:
        raise unknown("dataset", dataset, SPELT)


def statistics_of(dataset: str) -> str:
    """Those that DD-Ranking normalises a data set with: CIFAR-10's for CIFAR-100 too, ImageNet's for all others."""
    return "cifar10-dc" if _bare(dataset) in ("cifar10", "cifar100") else "imagenet"


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
    if family in ("alexnet", "lenet", "mlp") and (depth or batch_norm):
        raise UserError(f"model_name = {name}: it has no depth and no -BN; did you mean '{match['family']}'?")
    if depth and depth not in DEPTHS[torchvision].get(family, (depth,)):
        known = tuple(f"{match['family']}-{one}{match['norm'] or ''}" for one in DEPTHS[torchvision][family])
        raise UserError(f"model_name = {name}: rd3 has {', '.join(known)}{suggestion(name, known)}")
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
