"""Keys of a configuration file that decide nothing beside its other keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rd3.evaluation.ddranking.batch_augmentation import DEAD_KEYS
from rd3.evaluation.ddranking.keys import DDRankingConfig, Version

OF_SOFT_LABELS = (
    "soft_label_mode",
    "soft_label_criterion",
    "loss_fn_kwargs",
    "teacher_dir",
    "teacher_model_names",
    "tea_use_torchvision",
    "use_aug_for_hard",
)


class Notice(NamedTuple):
    """A key, and what becomes of it."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}"


def without_effect(config: DDRankingConfig, version: Version) -> list[Notice]:
    """One line for every key that is given and decides nothing."""
    given = [*_soft(config), *_augmentation(config), *_training(config, version)]
    return [Notice(key, f"no effect; {reason}") for key, reason in given if key in config.given]


def _soft(config: DDRankingConfig) -> Iterator[tuple[str, str]]:
    if not config.soft:
        yield from ((key, "the file is for hard labels") for key in OF_SOFT_LABELS)


def _augmentation(config: DDRankingConfig) -> Iterator[tuple[str, str]]:
    if config.data_aug_func is None:
        if config.aug_params:
            yield "aug_params", "data_aug_func is null"
        return
    dead = [key for key in DEAD_KEYS.get(config.data_aug_func, ()) if key in config.aug_params]
    if dead:
        yield "aug_params", f"{', '.join(dead)}: the package sets or reads it nowhere"


def _training(config: DDRankingConfig, version: Version) -> Iterator[tuple[str, str]]:
    if config.lr_scheduler != "step":
        yield "step_size", f"lr_scheduler is {config.lr_scheduler}"
    elif version == "0.1.4":
        yield "step_size", "0.1.4 steps after half of the epochs"
    if config.optimizer != "sgd" and isinstance(config.momentum, float):
        yield "momentum", f"{config.optimizer} has none; a pair would be its betas"
