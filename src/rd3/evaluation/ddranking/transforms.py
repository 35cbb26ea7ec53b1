"""torchvision's transforms in a configuration file as augmentation operations of rd3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rd3.base.errors import UserError
from rd3.evaluation.ddranking.keys import Transform
from rd3.evaluation.settings import NORMALISATIONS

Operation = dict[str, Any]
CLOSE = 5e-4  # statistics are written with three or four digits


@dataclass
class Transformed:
    """What a list of transforms comes to.

    Attributes:
        operations: of the augmentation, in order.
        normalisation: the name of the statistics, None where the list does not normalise.
        resize: side that images are resized to before a centre crop, None for none.
        notices: what is done in another way here, as (transform, reason).
    """

    operations: list[Operation] = field(default_factory=list)
    normalisation: str | None = None
    resize: int | None = None
    notices: list[tuple[str, str]] = field(default_factory=list)


def read_transforms(key: str, transforms: tuple[Transform, ...], *, side: int) -> Transformed:
    """Read `custom_train_trans` or `custom_val_trans`.

    Args:
        side: of the images, `im_size`.

    Raises:
        UserError: a transform, or an argument of one, that rd3 has no operation for.
    """
    found = Transformed()
    for transform in transforms:
        if transform.name not in READERS:
            raise UserError(f"{key}: rd3 has no operation for {transform.name}; it has {', '.join(sorted(READERS))}")
        allowed, read = READERS[transform.name]
        strange = sorted(transform.args.keys() - allowed)
        if strange:
            known = ", ".join(sorted(allowed)) or "none"
            raise UserError(f"{key}: {transform.name}: argument '{strange[0]}' has no counterpart here; known: {known}")
        read(found, transform.args, side)
    return found


def _square(value: Any, name: str) -> int:
    sides = {value} if isinstance(value, int) else set(value if isinstance(value, (list, tuple)) else ())
    if len(sides) != 1 or not all(isinstance(one, int) and one > 0 for one in sides):
        raise UserError(f"{name}: size = {value!r}: images are square, give one side in pixels")
    return int(sides.pop())


def _note_size(found: Transformed, name: str, arguments: Mapping[str, Any], side: int) -> None:
    given = _square(arguments.get("size", side), name)
    if given != side:
        found.notices.append((name, f"size = {given}: the images keep their side, im_size is {side}"))


def _random_resized_crop(found: Transformed, arguments: Mapping[str, Any], side: int) -> None:
    _note_size(found, "RandomResizedCrop", arguments, side)
    ranges = {key: list(arguments[key]) for key in ("scale", "ratio") if key in arguments}
    found.operations.append({"kind": "random-resized-crop", **ranges})


def _random_crop(found: Transformed, arguments: Mapping[str, Any], side: int) -> None:
    _note_size(found, "RandomCrop", arguments, side)
    padding = arguments.get("padding")
    if padding:
        found.operations.append({"kind": "padded-crop", "padding": _square(padding, "RandomCrop")})


def _flip(found: Transformed, arguments: Mapping[str, Any], _side: int) -> None:
    found.operations.append({"kind": "flip", "p": arguments.get("p", 0.5)})


def _rand_augment(found: Transformed, arguments: Mapping[str, Any], _side: int) -> None:
    renamed = {"num_ops": "operations", "magnitude": "magnitude"}
    settings = {renamed[key]: value for key, value in arguments.items()}
    found.operations.append({"kind": "rand-augment", **settings})


def _patch_shuffle(found: Transformed, arguments: Mapping[str, Any], _side: int) -> None:
    found.operations.append({"kind": "patch-shuffle", "factor": arguments.get("factor", 2)})


def _gaussian_noise(found: Transformed, arguments: Mapping[str, Any], _side: int) -> None:
    if arguments.get("mean", 0.0) != 0 or arguments.get("clip", False):
        raise UserError("GaussianNoise: mean 0 and clip false are what rd3 has")
    if found.normalisation is None:
        raise UserError("GaussianNoise: before Normalize; rd3 adds noise to the normalised image")
    found.operations.append({"kind": "gaussian-noise", "sigma": arguments.get("sigma", 0.1)})


def _normalize(found: Transformed, arguments: Mapping[str, Any], _side: int) -> None:
    given = (tuple(arguments.get("mean", ())), tuple(arguments.get("std", ())))
    for name, statistics in NORMALISATIONS.items():
        if all(map(_close, given, statistics)):
            found.normalisation = name
            return
    raise UserError(
        f"Normalize: mean {list(given[0])}, std {list(given[1])}: rd3 knows those of {', '.join(NORMALISATIONS)}"
    )


def _close(given: tuple[float, ...], known: tuple[float, ...]) -> bool:
    return len(given) == len(known) and all(abs(a - b) < CLOSE for a, b in zip(given, known, strict=True))


def _resize(found: Transformed, arguments: Mapping[str, Any], side: int) -> None:
    size = _square(arguments.get("size", side), "Resize")
    found.resize = None if size == side else size


def _centre_crop(found: Transformed, arguments: Mapping[str, Any], side: int) -> None:
    _note_size(found, "CenterCrop", arguments, side)


def _nothing(_found: Transformed, _arguments: Mapping[str, Any], _side: int) -> None:
    """Pixels are float tensors in [0, 1] already."""


Reader = Callable[[Transformed, Mapping[str, Any], int], None]

# class name -> arguments that are understood, and what reads them
READERS: Final[dict[str, tuple[frozenset[str], Reader]]] = {
    "RandomResizedCrop": (frozenset({"size", "scale", "ratio", "antialias"}), _random_resized_crop),
    "RandomCrop": (frozenset({"size", "padding"}), _random_crop),
    "RandomHorizontalFlip": (frozenset({"p"}), _flip),
    "RandAugment": (frozenset({"num_ops", "magnitude"}), _rand_augment),
    "PatchShuffle": (frozenset({"factor"}), _patch_shuffle),
    "GaussianNoise": (frozenset({"mean", "sigma", "clip"}), _gaussian_noise),
    "Normalize": (frozenset({"mean", "std"}), _normalize),
    "Resize": (frozenset({"size", "antialias"}), _resize),
    "CenterCrop": (frozenset({"size"}), _centre_crop),
    "ToTensor": (frozenset(), _nothing),
    "ToImage": (frozenset(), _nothing),
}
