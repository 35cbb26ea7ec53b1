"""DD-Ranking's evaluation files, and what each must come to."""

from __future__ import annotations

from typing import Any

import pytest

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.evaluation.ddranking.read import DDRankingFile
from rd3.evaluation.files import load_protocol
from rd3.evaluation.settings import Settings
from rd3.training.augment.base import AUGMENTATIONS, parse_augmentation

DSA = {
    **{"flip": 0.5, "rotate": 15.0, "saturation": 2.0, "brightness": 1.0},
    **{"contrast": 0.5, "scale": 1.2, "crop": 0.125, "cutout": 0.5},
}
RATES = (0.001, 0.005, 0.01, 0.05, 0.1)
STEP = {"optimiser": "sgd", "schedule": "step", "milestones": (500,), "weight_decay": 5e-4, "epochs": 1000}
HALF_COSINE = {"optimiser": "adamw", "schedule": "cosine", "zeta": 2.0, "weight_decay": 0.01, "wd_exclude_1d": False}
FLIP = {"kind": "flip", "p": 0.5}
RRC = {"kind": "random-resized-crop", "scale": [0.08, 1.0]}
MIXED = {"kind": "cutmix", "alpha": 1.0}
TINY = {**HALF_COSINE, "labels": "online", "loss": "kl", "temperature": 20.0, "mix": MIXED, "normalisation": "imagenet"}
EXPECTED: dict[str, dict[str, Any]] = {
    "dc-cifar100-ipc1": {
        **STEP, "labels": "hard", "loss": "ce", "augment": (), "mix": None, "normalisation": "cifar10-dc",
    },
    "dsa-cifar10-ipc10": {**STEP, "batch_size": 256, "augment": ({"kind": "dsa", **DSA},), "mix": None},
    "mtt-tiny-ipc10": {**STEP, "augment": ({"kind": "dsa", **DSA},), "validation_resize": None},
    "frepo-cifar100-ipc1": {**STEP, "augment": ()},
    "rfad-cifar10-ipc50": {**STEP, "augment": (), "batch_size": 256},
    "datm-cifar10-ipc10": {
        **STEP, "labels": "static", "loss": "soft-ce", "temperature": 1.0, "zca": 0.1, "teacher": "convnet3",
        "augment": ({"kind": "dsa", **DSA},),
    },
    "sre2l-cifar10-ipc10": {
        **HALF_COSINE, "labels": "online", "loss": "kl", "temperature": 30.0, "epochs": 400,
        "normalisation": "cifar10-dc",
        "augment": ({"kind": "padded-crop", "padding": 4}, FLIP), "mix": {"kind": "mixup", "alpha": 0.8},
        "teacher": "resnet18", "batch_size": 256,
    },
    "sre2l-tiny-ipc10": {**TINY, "epochs": 400, "batch_size": 1024, "augment": (RRC, FLIP), "teacher": None},
    "sre2l-tiny-ipc50": {**TINY, "augment": (RRC, FLIP, {"kind": "gaussian-noise", "sigma": 0.1})},
    "d4m-cifar100-ipc10": {
        **HALF_COSINE, "epochs": 500, "batch_size": 100, "augment": (RRC, FLIP), "mix": MIXED, "teacher": "convnet3",
        "temperature": 20.0, "kl_t2": False,
    },
    "dwa-imagenet-ipc10": {**TINY, "epochs": 300, "batch_size": 128, "validation_resize": 256},
    "gvbsm-imagenet-ipc50": {
        **HALF_COSINE, "weight_decay": 5e-4, "epochs": 300, "batch_size": 512, "loss": "kl",
        "teacher": ("resnet18", "tv:mobilenet_v2", "tv:shufflenet_v2_x0_5", "tv:efficientnet_b0"),
    },
    "demo-soft": {**TINY, "temperature": 1.0, "augment": (RRC, FLIP), "validation_resize": 256},
}  # fmt: skip
NETWORKS = {"ConvNet-3": "convnet3", "ConvNet-4": "convnet4", "ResNet-18-BN": "resnet18"}
SETS = {"CIFAR10": "cifar10", "CIFAR100": "cifar100", "TinyImageNet": "tiny-imagenet", "ImageNet1K": "imagenet-1k"}


def settings_of(file: DDRankingFile, target: Target) -> Settings:
    return file.protocol.resolve(target, 10, file.student)[0]


def knows(config: dict[str, Any]) -> bool:
    noisy = any(one["name"] == "GaussianNoise" for one in config.get("custom_train_trans") or ())
    return not noisy or "gaussian-noise" in AUGMENTATIONS


@pytest.mark.parametrize("name", EXPECTED)
def test_a_published_file_comes_to_its_settings(name, published, read, photos) -> None:
    config = published[name]
    if not knows(config):
        pytest.skip("no augmentation 'gaussian-noise'")
    file = read(config, name=name)
    side = config["im_size"][0]
    settings = settings_of(file, photos(side))
    for key, value in EXPECTED[name].items():
        assert getattr(settings, key) == value, key
    assert settings.lr_search == RATES
    assert not settings.peeks
    assert file.protocol.id == f"ddr-config-{name}"
    assert (file.student, file.seeds) == (NETWORKS[config["model_name"]], 5)
    assert file.target == f"{SETS[config['dataset'].removeprefix('FREPO-').removeprefix('RFAD-')]}@{side}"
    kind = "ars" if "batch_size" in config else "soft" if "soft_label_mode" in config else "hard"
    assert (file.config.kind, file.scores) == (kind, ("ars",) if kind == "ars" else ("lrs",))


def test_the_counterparts_of_a_file_come_with_it(published, read, photos) -> None:
    target = photos(32)
    kept, dropped = (read(published[name], name=name) for name in ("datm-cifar10-ipc10", "d4m-cifar100-ipc10"))
    for file in (kept, dropped):
        hard = load_protocol(str(file.protocol.counterparts.hard)).resolve(target, 10, "mlp")[0]
        assert (hard.labels, hard.loss, hard.lr_search) == ("hard", "ce", RATES)
        assert hard.augment
        plain = load_protocol(str(file.protocol.counterparts.plain)).resolve(target, 10, "mlp")[0]
        assert (plain.augment, plain.mix) == ((), None)
    # use_aug_for_hard keeps DSA in DATM's hard run; without it CutMix goes and the transforms of single images stay
    assert load_protocol(str(kept.protocol.counterparts.hard)).resolve(target, 10, "mlp")[0].augment[0]["kind"] == "dsa"
    assert load_protocol(str(dropped.protocol.counterparts.hard)).resolve(target, 10, "mlp")[0].mix is None


@pytest.mark.parametrize(
    ("name", "shipped"),
    [("dc-cifar100-ipc1", "ddr-dc"), ("dsa-cifar10-ipc10", "ddr-dsa"), ("sre2l-cifar10-ipc10", "ddr-sre2l")],
)
def test_a_file_and_the_shipped_protocol_of_its_method_agree(name, shipped, published, read, photos) -> None:
    file, known = read(published[name], name=name), load_protocol(shipped)
    ours, theirs = (one.resolve(photos(32), 10, file.student)[0].hashed() for one in (file.protocol, known))
    for one in (ours, theirs):  # with the defaults of its operations written out
        one["augment"] = [parse_augmentation(operation).as_json() for operation in one["augment"]]
    unread = {"lr", "report_every", "report_phase", "temperature" if ours["labels"] == "hard" else ""}
    assert {key: ours.get(key) for key in ours.keys() - unread} == {
        key: theirs.get(key) for key in ours.keys() - unread
    }
    assert theirs.keys() - unread <= ours.keys()
    wholes = [load_protocol(str(one.counterparts.whole)) for one in (file.protocol, known)]
    first, second = (whole.resolve(photos(32), None, file.student)[0] for whole in wholes)
    assert first == second, "the whole target is trained and tested alike, whichever way the protocol came"


def test_statistics_that_a_file_does_not_give_are_the_package_s(read) -> None:
    for dataset, name in (("RFAD-CIFAR10", "cifar10-dc"), ("TinyImageNet", "imagenet"), ("ImageMeow", "imagenet")):
        field = read({"dataset": dataset}).protocol.fields["normalisation"]
        assert (field.value, field.provenance) == (name, "inferred")
    with pytest.raises(UserError, match=r"mine.yaml: unknown dataset 'CIFAR11'"):
        read({"dataset": "CIFAR11"})


def test_peeking_in_0_1_4_is_in_the_last_fifth(published, read, photos) -> None:
    name = read(published["dsa-cifar10-ipc10"], version="-0.1.4").name
    for role in ("", "#plain"):
        settings = load_protocol(f"{name}{role}+test-peek").resolve(photos(32), 10, "mlp")[0]
        assert (settings.report, min(settings.looked_at_epochs())) == ("best-last20", 809)


def test_peeking_looks_where_the_package_looks(published, read, photos) -> None:
    hard, soft = (read(published[name], name=name) for name in ("dsa-cifar10-ipc10", "d4m-cifar100-ipc10"))
    for file, every in ((hard, 10), (soft, 20)):
        settings = load_protocol(f"{file.name}+test-peek").resolve(photos(32), 10, "mlp")[0]
        looked = [epoch for epoch in range(settings.epochs) if epoch % settings.report_every == settings.report_phase]
        assert looked == [epoch for epoch in range(settings.epochs) if (epoch + 1) % every == 0]
        assert (settings.selection, settings.report) == ("test-peek", "best")


def reasons(file: DDRankingFile, synthetic: Any, target: Target) -> dict[str, str]:
    return {notice.key: notice.reason for notice in file.notices_for(synthetic, target)}


class SetOfTwo:
    """All that a notice asks of a synthetic."""

    ipc = 2


def test_what_is_not_done_as_written_is_said(published, read, photos) -> None:
    said = reasons(read(published["demo-soft"]), SetOfTwo(), photos(32))
    assert "RandomResizedCrop: size = 64: the images keep their side, im_size is 224" in said["custom_train_trans"]
    assert "CenterCrop: size = 64" in said["custom_val_trans"]
    assert said["ipc"] == "10 in the file; the set has 2"
    assert said["im_size"].startswith("224 in the file; npz:")
    assert said["dataset"].startswith("ImageNet1K in the file; the set is judged on npz:")
    assert "the package's constant is not used" in said["eval_full_data"]
    for key in ("real_data_path", "num_workers", "device", "dist", "save_path", "random_data_path"):
        assert said[key].startswith("ignored; "), key
    assert said["teacher_dir"] == "t/ImageNet1K/ResNet-18-BN/ckpt_best.pt is not there; rd3 squeezes its own"
    missing = reasons(read(published["sre2l-tiny-ipc10"]), SetOfTwo(), photos(64))
    assert missing["teacher_model_names"] == "absent; the student's architecture, ResNet-18-BN, labels"
    assert read(published["sre2l-tiny-ipc10"]).teachers == ("resnet18",)
