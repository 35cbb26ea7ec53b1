"""`data_aug_func` and `aug_params`: what is done to whole batches, under its new and its old keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rd3.base.errors import UserError, suggestion
from rd3.evaluation.ddranking.keys import DDRankingConfig

# keys of the first releases, and of the code that DSA was published with
OLD_KEYS: Final = {
    "dsa": {
        "prob_flip": "flip",
        "ratio_rotate": "rotate",
        "ratio_scale": "scale",
        "ratio_crop_pad": "crop",
        "ratio_cutout": "cutout",
        "ratio_saturation": "saturation",
        "ratio_brightness": "brightness",
        "ratio_contrast": "contrast",
    },
    "cutmix": {"cutmix_p": "beta", "cutmix_beta": "beta"},
    "mixup": {"mixup_p": "lambda", "mixup_lambda": "lambda"},
}
KEYS: Final = {
    "dsa": ("flip", "rotate", "saturation", "brightness", "contrast", "scale", "crop", "cutout", "siamese"),
    "cutmix": ("beta",),
    "mixup": ("lambda",),
}
DEAD_KEYS: Final = {"dsa": ("latestseed", "ratio_noise", "noise")}  # set or never read by the package itself
USUAL: Final = {"cutmix": 1.0, "mixup": 0.8}


def batch_augmentation(config: DDRankingConfig) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """(operations that follow the transforms, mix): one of them is empty.

    Raises:
        UserError: a key that `data_aug_func` does not have, or whitening by batches.
    """
    kind = config.data_aug_func
    if kind is None:
        return [], None
    if kind == "zca":
        raise UserError(
            "data_aug_func = zca: whitening that is fitted on every batch; use_zca fits it once, on the real data"
        )
    parameters = _parameters(kind, config.aug_params)
    if kind == "dsa":
        return [{"kind": "dsa", **parameters}], None
    ((_, alpha),) = parameters.items() or {("", USUAL[kind])}
    return [], {"kind": kind, "alpha": alpha}


def _parameters(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key in DEAD_KEYS.get(kind, ()):
            continue
        name = OLD_KEYS[kind].get(key, key)
        if name not in KEYS[kind]:
            known = ", ".join(KEYS[kind])
            raise UserError(f"aug_params: {kind} has no '{key}'{suggestion(key, KEYS[kind]) or '.'} Known: {known}")
        if name in found:
            raise UserError(f"aug_params: '{key}' gives {name} a second time")
        found[name] = value
    return found
