"""What of a configuration file is done in another way here, or not at all, and why."""

from __future__ import annotations

from collections.abc import Iterator

from rd3.data.target import Target
from rd3.evaluation.ddranking.effect import Notice, without_effect
from rd3.evaluation.ddranking.keys import RUN_TIME, DDRankingConfig, Version
from rd3.evaluation.ddranking.names import known_target
from rd3.evaluation.ddranking.protocol import train_transforms, validation_transforms
from rd3.synthetic.artifact import Synthetic

FULL_DATA = (
    "the package's constant is not used; the whole target is trained once, under its own protocol, and kept"
    " (--whole none leaves it and HLR out)"
)


def notices(config: DDRankingConfig, version: Version) -> list[Notice]:
    """One line for every key that does not simply do what it says."""
    return [Notice(key, f"ignored; {reason}") for key, reason in RUN_TIME.items() if key in config.given] + [
        *_release(config, version),
        *without_effect(config, version),
        *_full_data(config),
        *_transforms(config),
        *_labels(config),
    ]


def contradictions(config: DDRankingConfig, synthetic: Synthetic, target: Target) -> list[Notice]:
    """Where the file says something else than the data do; the data are judged as they are."""
    found = []
    if "ipc" in config.given and synthetic.ipc != config.ipc:
        found.append(Notice("ipc", f"{config.ipc} in the file; the set has {synthetic.ipc or 'no single number'}"))
    if "im_size" in config.given and target.size != config.im_size[0]:
        found.append(Notice("im_size", f"{config.im_size[0]} in the file; {target.name} has {target.size} pixels"))
    if "dataset" in config.given and known_target(config.dataset) != target.name:
        found.append(Notice("dataset", f"{config.dataset} in the file; the set is judged on {target.name}"))
    return found


def _release(config: DDRankingConfig, version: Version) -> Iterator[Notice]:
    if "default_lr" in config.given:
        does = "the rate of its full-data run" if version == "0.1.4" else "read by nothing"
        yield Notice("default_lr", f"ignored; {does} in {version}, and here the whole target has a protocol of its own")
    if version == "0.2.0" and config.lr_scheduler.startswith("lambda_"):
        yield Notice("lr_scheduler", f"{config.lr_scheduler}: 0.2.0 does not have it; taken as 0.1.4 means it")


def _full_data(config: DDRankingConfig) -> Iterator[Notice]:
    if config.kind != "ars" and not config.eval_full_data:
        yield Notice("eval_full_data", FULL_DATA)
    if "real_batch_size" in config.given:
        yield Notice("real_batch_size", "ignored; the protocol of the whole target has its own")


def _transforms(config: DDRankingConfig) -> Iterator[Notice]:
    train, test = train_transforms(config), validation_transforms(config)
    for key, found in (("custom_train_trans", train), ("custom_val_trans", test)):
        yield from (Notice(key, f"{name}: {reason}") for name, reason in found.notices)
    if test.operations:
        kinds = ", ".join(str(operation["kind"]) for operation in test.operations)
        yield Notice("custom_val_trans", f"ignored: {kinds}; test images are not augmented")
    if test.normalisation != train.normalisation and config.custom_val_trans is not None:
        used = train.normalisation or "the target's own statistics"
        yield Notice("custom_val_trans", f"Normalize: one normalisation a protocol, {used} as in training")
    if train.resize is not None:
        yield Notice("custom_train_trans", f"Resize: ignored; the images are of {config.im_size[0]} pixels already")


def _labels(config: DDRankingConfig) -> Iterator[Notice]:
    if config.kind == "ars" and config.given & {"syn_batch_size", "real_batch_size"}:
        yield Notice("syn_batch_size", "ignored; ARS has one batch_size")
    if config.labels != "hard" and not config.teacher_model_names:
        yield Notice("teacher_model_names", f"absent; the student's architecture, {config.model_name}, labels")
