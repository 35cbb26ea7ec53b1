"""From a configuration file to a protocol of ours."""

from __future__ import annotations

from typing import Any, Final

from rd3.base.errors import UserError, suggestion
from rd3.base.spec import parse
from rd3.evaluation.ddranking.batch_augmentation import batch_augmentation
from rd3.evaluation.ddranking.keys import DDRankingConfig, ScoreKind, Version
from rd3.evaluation.ddranking.names import model_name, statistics_of
from rd3.evaluation.ddranking.transforms import Transformed, read_transforms
from rd3.evaluation.protocol import Protocol

RATES: Final = (0.001, 0.005, 0.01, 0.05, 0.1)
LOOK_EVERY: Final[dict[ScoreKind, int]] = {
    "hard": 10,
    "soft": 20,
    "ars": 20,
}  # epochs, before peeking at the test split
USUAL_TEMPERATURE: Final = 1.2
LOSSES: Final = {"kl": "kl", "sce": "soft-ce", "mse_gt": "mse-gt"}
LOSS_KEYS: Final = {
    "kl": ("temperature", "scale_loss"),
    "sce": ("temperature", "scale_loss"),
    "mse_gt": ("mse_weight", "ce_weight"),
}
WHITENING: Final = 0.1
PEEKS: Final[dict[Version, str]] = {"0.1.4": "best-last20", "0.2.0": "best"}  # of which tested epochs the best counts

Fields = dict[str, dict[str, Any]]


def protocol_of(config: DDRankingConfig, *, name: str, reference: str, where: str, version: Version) -> Protocol:
    """The protocol that a file describes, as DD-Ranking `version` understands it.

    Rates are searched for synthetic and random images alike, on held-out real images, and the last epoch counts;
    `+test-peek` behind the protocol's name brings back what the package does.

    Args:
        name: of the file; the id is `ddr-config-NAME`.
        reference: what `load_protocol` takes for this protocol; its counterparts are named after it.
        where: what the values come from, for messages.

    Raises:
        UserError: a value that rd3 has no counterpart for.
    """
    values = {
        "id": f"ddr-config-{name}",
        "version": 1,
        "title": f"DD-Ranking configuration {name}",
        "source": f"a configuration file for DD-Ranking {version} (arXiv 2505.13300)",
        "note": "Values of the file; absent keys have the package's documented defaults.",
        "counterparts": {
            "hard": None if config.labels == "hard" else f"{reference}#hard",
            "plain": f"{reference}#plain",
            "whole": f"{reference}#ddr-whole",
        },
        "peek": PEEKS[version],
        "hard_without_batch_augmentation": not config.use_aug_for_hard,
        "fields": {**_training(config, version), **_data(config), **_labels(config), **_selection(config)},
    }
    protocol = parse(Protocol, values, where=where)
    protocol.check(where)
    return protocol


def train_transforms(config: DDRankingConfig) -> Transformed:
    """What `custom_train_trans` comes to."""
    return read_transforms("custom_train_trans", config.custom_train_trans or (), side=config.im_size[0])


def validation_transforms(config: DDRankingConfig) -> Transformed:
    """What `custom_val_trans` comes to."""
    return read_transforms("custom_val_trans", config.custom_val_trans or (), side=config.im_size[0])


def teacher_names(config: DDRankingConfig) -> tuple[str, ...]:
    """rd3's names of the teachers."""
    return tuple(model_name(name, torchvision=config.tea_use_torchvision) for name in config.teacher_model_names)


def student_name(config: DDRankingConfig) -> str:
    """rd3's name of the student."""
    return model_name(config.model_name, torchvision=config.use_torchvision or config.stu_use_torchvision)


def _of(config: DDRankingConfig, key: str, value: Any, note: str = "") -> dict[str, Any]:
    """A field of the protocol that comes from `key`, which may be absent."""
    provenance = "stated" if key in config.given else "code"
    absent = "" if key in config.given else f"{key} is absent: the documented default"
    return {"value": value, "provenance": provenance, "note": "; ".join(part for part in (note, absent) if part)}


def _ours(value: Any, note: str) -> dict[str, Any]:
    return {"value": value, "provenance": "inferred", "note": note}


def _training(config: DDRankingConfig, version: Version) -> Fields:
    momentum = config.momentum
    rate = "momentum" if isinstance(momentum, float) else "betas"
    fields = {
        "epochs": _of(config, "num_epochs", config.num_epochs),
        "batch_size": _of(config, "batch_size" if config.kind == "ars" else "syn_batch_size", config.train_batch),
        "optimiser": _of(config, "optimizer", config.optimizer),
        "weight_decay": _of(config, "weight_decay", config.weight_decay),
        "wd_exclude_1d": {"value": False, "provenance": "code", "note": "decay on all parameters"},
        **_schedule(config, version),
    }
    if (rate == "momentum") == (config.optimizer == "sgd"):  # momentum is SGD's, a pair is Adam's betas
        fields[rate] = _of(config, "momentum", momentum)
    elif rate == "betas":
        raise UserError(f"momentum = {list(momentum)}: sgd takes one number")  # type: ignore[arg-type]
    return fields


def _schedule(config: DDRankingConfig, version: Version) -> Fields:
    """`cosine` of 0.2.0 ends at half of the rate; 0.1.4 called that `lambda_cos` and let `cosine` end at 0."""
    name = config.lr_scheduler
    if name == "step":
        return {"schedule": _of(config, "lr_scheduler", "step"), "milestones": _period(config, version)}
    if name == "lambda_step":
        return {"schedule": _of(config, "lr_scheduler", "linear", "lambda_step of 0.1.4 falls linearly")}
    to_half = name == "lambda_cos" or (name == "cosine" and version == "0.2.0")
    note = "ends at half of the rate" if to_half else "ends at 0"
    return {
        "schedule": _of(config, "lr_scheduler", "cosine", note),
        "zeta": _of(config, "lr_scheduler", 2.0 if to_half else 1.0, note),
    }


def _period(config: DDRankingConfig, version: Version) -> dict[str, Any]:
    if version == "0.1.4":
        return {"value": [config.num_epochs // 2 + 1], "provenance": "code", "note": "epochs // 2 + 1 in 0.1.4"}
    if config.step_size is not None:
        return _of(config, "step_size", [config.step_size])
    half = max(1, config.num_epochs // 2)
    return _ours([half], "step_size is absent, where 0.2.0 fails: half of the epochs, as in the files that have it")


def _data(config: DDRankingConfig) -> Fields:
    train, test = train_transforms(config), validation_transforms(config)
    operations, mix = batch_augmentation(config)
    key = "custom_train_trans"
    fields = {
        "augment": _of(config, key, [*train.operations, *operations], "transforms, then what data_aug_func does"),
        "mix": _of(config, "data_aug_func", mix, "labels are mixed with the images, unlike in 0.2.0" if mix else ""),
        "normalisation": _normalisation(config, train),
        "validation_resize": _of(config, "custom_val_trans", None),
    }
    if test.resize is not None:
        side = config.im_size[0]
        own = {"value": test.resize, "when": {"size_min": side, "size_max": side}}
        fields["validation_resize"] = {**fields["validation_resize"], "cases": [own, {"value": None}]}
        del fields["validation_resize"]["value"]
    if config.use_zca:
        fields["zca"] = _of(config, "use_zca", WHITENING)
    return fields


def _normalisation(config: DDRankingConfig, train: Transformed) -> dict[str, Any]:
    if train.normalisation is not None:
        return _of(config, "custom_train_trans", train.normalisation)
    return _ours(statistics_of(config.dataset), f"the file does not normalise; the package's own for {config.dataset}")


def _labels(config: DDRankingConfig) -> Fields:
    key = "label_type" if config.kind == "ars" else "soft_label_mode"
    if config.labels == "hard":
        loss = {"value": "ce", "provenance": "code", "note": "hard labels"}
        return {"labels": {"value": "hard", "provenance": "stated", "note": ""}, "loss": loss}
    teachers = teacher_names(config)
    pool = None if not teachers else teachers[0] if len(teachers) == 1 else list(teachers)
    note = "mode M: on every augmented batch" if config.labels == "online" else "mode S: one label an image"
    return {
        "labels": _of(config, key, config.labels, note),
        "teacher": _of(config, "teacher_model_names", pool),
        "loss": _of(config, "soft_label_criterion", LOSSES[config.soft_label_criterion]),
        **_loss_settings(config),
    }


def _loss_settings(config: DDRankingConfig) -> Fields:
    kind, given = config.soft_label_criterion, config.loss_fn_kwargs
    for key in given:
        if key not in LOSS_KEYS[kind]:
            known = ", ".join(LOSS_KEYS[kind])
            raise UserError(
                f"loss_fn_kwargs: {kind} has no '{key}'{suggestion(key, LOSS_KEYS[kind]) or '.'} Known: {known}"
            )
    if kind == "mse_gt":
        weight = given.get("mse_weight", 1.0)
        if weight != 1:
            raise UserError(f"loss_fn_kwargs: mse_weight = {weight}: the MSE weighs 1 here; divide both weights by it")
        gamma = {"gamma": _of(config, "loss_fn_kwargs", given.get("ce_weight", 0.0))}
        mixed = _ours("logits", "mse_gt compares logits, so those are mixed with the images")
        return gamma | ({"static_mix": mixed} if config.labels == "static" else {})
    return {
        "temperature": _of(config, "loss_fn_kwargs", given.get("temperature", USUAL_TEMPERATURE)),
        "kl_t2": _of(config, "loss_fn_kwargs", given.get("scale_loss", False)),
    }


def _selection(config: DDRankingConfig) -> Fields:
    every = LOOK_EVERY[config.kind]
    searched = "the package's rates, for synthetic and random images alike, judged on held-out real training images"
    peek = {"provenance": "code", "note": "where the package looks at the test split; only +test-peek does it here"}
    return {
        "lr_search": {"value": list(RATES), "provenance": "code", "note": searched},
        "report_every": {"value": every, **peek},
        "report_phase": {"value": every - 1, **peek},
    }
