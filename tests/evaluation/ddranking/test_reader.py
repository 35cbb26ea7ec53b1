"""Keys, names and words of DD-Ranking's configuration files, one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.evaluation.ddranking.read import DDRankingFile, read_ddranking
from rd3.evaluation.settings import Settings
from rd3.study.validate import validate

DSA = {
    **{"flip": 0.5, "rotate": 15.0, "saturation": 2.0, "brightness": 1.0},
    **{"contrast": 0.5, "scale": 1.2, "crop": 0.125, "cutout": 0.5},
}
MIXED = {"kind": "cutmix", "alpha": 1.0}


def settings_of(file: DDRankingFile, target: Target) -> Settings:
    return file.protocol.resolve(target, 10, file.student)[0]


def test_an_empty_file_has_the_documented_defaults(read, photos) -> None:
    file = read({"dataset": "CIFAR10"})
    settings = settings_of(file, photos(32))
    expected = {
        **{"epochs": 300, "batch_size": 256, "optimiser": "sgd", "momentum": 0.9, "weight_decay": 5e-4},
        **{"schedule": "step", "milestones": (150,), "mix": MIXED, "augment": (), "labels": "hard"},
    }
    assert {key: getattr(settings, key) for key in expected} == expected
    assert (file.student, file.seeds, file.target, file.config.kind) == ("convnet3", 5, "cifar10@32", "hard")
    labels = settings_of(read({"soft_label_mode": "S"}), photos(32))
    assert (labels.labels, labels.loss, labels.temperature) == ("static", "kl", 1.2)


def test_json_says_the_same(read, published, tmp_path) -> None:
    values = published["dsa-cifar10-ipc10"]
    (tmp_path / "mine.json").write_text(json.dumps(values))
    other = read_ddranking(f"ddranking:{tmp_path / 'mine.json'}")
    assert other.protocol.hash == read(values).protocol.hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            {"prob_flip": 0.5, "ratio_rotate": 15.0, "ratio_scale": 1.2, "ratio_crop_pad": 0.125, "ratio_cutout": 0.5,
             "saturation": 2.0, "brightness": 1.0, "contrast": 0.5, "latestseed": -1, "ratio_noise": 0.05},
            DSA,
        ),
        ({"cutmix_p": 1.0}, {"beta": 1.0}),
        ({"mixup_p": 0.8}, {"lambda": 0.8}),
    ],
)  # fmt: skip
def test_old_keys_mean_what_they_meant(old, new, read) -> None:
    kind = "dsa" if "contrast" in old else "cutmix" if "cutmix_p" in old else "mixup"
    first, second = (read({"data_aug_func": kind, "aug_params": values}) for values in (old, new))
    assert first.protocol.hash == second.protocol.hash


@pytest.mark.parametrize(
    ("version", "scheduler", "expected"),
    [
        ("", "cosine", {"schedule": "cosine", "zeta": 2.0}),
        ("", "cosineannealing", {"schedule": "cosine", "zeta": 1.0}),
        ("-0.1.4", "cosine", {"schedule": "cosine", "zeta": 1.0}),
        ("-0.1.4", "lambda_cos", {"schedule": "cosine", "zeta": 2.0}),
        ("-0.1.4", "lambda_step", {"schedule": "linear"}),
        ("-0.1.4", "step", {"schedule": "step", "milestones": (151,)}),
    ],
)
def test_schedulers_mean_what_their_release_means(version, scheduler, expected, read, photos) -> None:
    settings = settings_of(read({"lr_scheduler": scheduler}, version=version), photos(32))
    assert {key: getattr(settings, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("values", "student"),
    [
        ({"model_name": "ConvNet-3-BN"}, "convnet3-bn"),
        ({"model_name": "ResNet-50-BN"}, "resnet50"),
        ({"model_name": "VGG-11-BN"}, "vgg11-bn"),
        ({"model_name": "VGG-11-BN", "use_torchvision": True}, "tv:vgg11_bn"),
        ({"model_name": "AlexNet"}, "alexnet"),
        ({"model_name": "AlexNet", "stu_use_torchvision": True}, "tv:alexnet"),
        ({"model_name": "LeNet"}, "lenet"),
        ({"model_name": "MLP"}, "mlp"),
        ({"model_name": "mobilenet_v2"}, "tv:mobilenet_v2"),
        ({"model_name": "resnetv2_50"}, "timm:resnetv2_50"),
    ],
)
def test_networks_by_their_names_here(values, student, read) -> None:
    assert read(values).student == student


def test_a_file_that_is_only_called_ipc10_is_named_by_its_folders(tmp_path) -> None:
    folder = tmp_path / "DM" / "CIFAR10"
    folder.mkdir(parents=True)
    (folder / "IPC10.yaml").write_text("dataset: CIFAR10\n")
    assert read_ddranking(f"ddranking:{folder}/IPC10.yaml").protocol.id == "ddr-config-dm-cifar10-ipc10"


MSE_GT = {"soft_label_mode": "M", "soft_label_criterion": "mse_gt"}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"optimiser": "sgd"}, r"unknown key 'optimiser'; did you mean 'optimizer'\?"),
    ({"lr_scheduler": "cosin"}, "lr_scheduler = 'cosin'"),
    ({"num_epochs": 0}, "num_epochs = 0"),
    ({"im_size": [32, 64]}, r"im_size = \[32, 64\]: images are square"),
    ({"model_name": "ConvNetW256-3"}, "model_name = ConvNetW256-3"),
    ({"model_name": "AlexNet-BN"}, "model_name = AlexNet-BN: it has no depth and no -BN; did you mean 'AlexNet'"),
    ({"model_name": "LeNet-5-BN"}, "did you mean 'LeNet'"),
    ({"model_name": "MLP-3"}, "did you mean 'MLP'"),
    ({"model_name": "ConvNet-99"}, r"rd3 has ConvNet-1, .* ConvNet-8"),
    ({"model_name": "VGG-13-BN"}, r"rd3 has VGG-11-BN; did you mean 'VGG-11-BN'"),
    ({"dataset": "CIFAR11"}, r"unknown dataset 'CIFAR11'; did you mean 'CIFAR100?'"),
    ({"model_name": "ResNet-18"}, "rd3 has no such network; ResNets come with -BN"),
    ({"data_aug_func": "zca"}, "whitening that is fitted on every batch"),
    ({"data_aug_func": "dsa", "aug_params": {"flips": 0.5}}, "dsa has no 'flips'; did you mean 'flip'"),
    ({"data_aug_func": "dsa", "aug_params": {"flip": 0.5, "prob_flip": 0.5}}, "gives flip a second time"),
    ({"data_aug_func": "cutmix", "aug_params": {"lambda": 1.0}}, "cutmix has no 'lambda'"),
    ({"soft_label_mode": "S", "loss_fn_kwargs": {"T": 3}}, "loss_fn_kwargs: kl has no 'T'"),
    ({**MSE_GT, "loss_fn_kwargs": {"mse_weight": 2.0}}, "mse_weight = 2.0: the MSE weighs 1 here"),
    ({**MSE_GT, "loss_fn_kwargs": {"temperature": 2.0}}, "loss_fn_kwargs: mse_gt has no 'temperature'"),
    ({"soft_label_mode": "M", "use_zca": True}, "zca: online labels need images that a teacher can read"),
    ({"momentum": [0.9, 0.95]}, "momentum = .*: sgd takes one number"),
    ({"custom_train_trans": [{"name": "ColorJitter", "args": {"hue": 0.1}}]}, "rd3 has no operation for ColorJitter"),
    ({"custom_train_trans": [{"name": "RandomCrop", "args": {"size": 32, "fill": 3}}]}, "argument 'fill'"),
    ({"custom_train_trans": [{"name": "Normalize", "args": {"mean": [0.5] * 3, "std": [0.5] * 3}}]}, "rd3 knows"),
    ({"custom_train_trans": [{"name": "GaussianNoise", "args": {}}]}, "before Normalize"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "said"), BAD)
def test_what_has_no_counterpart_here_is_named(values, said, read, tmp_path) -> None:
    with pytest.raises(UserError, match=said) as error:
        read(values)
    assert str(error.value).startswith(f"{tmp_path / 'mine'}.yaml: ")
    assert "\n" not in str(error.value)


def test_a_data_set_without_a_source_is_named(read) -> None:
    assert read({"dataset": "ImageMeow"}).protocol.id == "ddr-config-mine"
    with pytest.raises(UserError, match="dataset = ImageMeow: rd3 has no source of this name; give the target"):
        _ = read({"dataset": "ImageMeow"}).target


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "3\n"])
def test_other_files_are_refused(text, tmp_path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=r"mine\.yaml: (expected 'key: value' pairs|not YAML)"):
        read_ddranking(f"ddranking:{tmp_path / 'mine.yaml'}")
    with pytest.raises(UserError, match="there is no such configuration file"):
        read_ddranking(f"ddranking:{tmp_path / 'none.yaml'}")


def test_a_pair_of_momenta_is_adam_s_betas(read, photos) -> None:
    settings = settings_of(read({"optimizer": "adamw", "momentum": [0.8, 0.95]}), photos(32))
    assert settings.betas == (0.8, 0.95)


def test_mse_gt_weighs_its_hard_labels(read, photos) -> None:
    settings = settings_of(read({**MSE_GT, "loss_fn_kwargs": {"mse_weight": 1.0, "ce_weight": 0.025}}), photos(32))
    assert (settings.loss, settings.gamma, settings.labels) == ("mse-gt", 0.025, "online")
    static = settings_of(read({**MSE_GT, "soft_label_mode": "S"}), photos(32))
    assert (static.labels, static.static_mix, static.gamma) == ("static", "logits", 0.0)


SOFT = {"soft_label_mode": "S"}
IDLE: list[tuple[dict[str, Any], str, str]] = [
    ({"loss_fn_kwargs": {"temperature": 2.0}}, "loss_fn_kwargs", "hard labels"),
    ({"teacher_model_names": ["ConvNet-3"]}, "teacher_model_names", "hard labels"),
    ({"use_aug_for_hard": True}, "use_aug_for_hard", "hard labels"),
    ({"data_aug_func": None, "aug_params": {"flip": 0.5}}, "aug_params", "data_aug_func is null"),
    ({"lr_scheduler": "cosine", "step_size": 5}, "step_size", "lr_scheduler is cosine"),
    ({"optimizer": "adam", "momentum": 0.9}, "momentum", "adam has none"),
    ({"data_aug_func": "dsa", "aug_params": {"latestseed": -1, "noise": 0.1}}, "aug_params", "latestseed, noise"),
]


@pytest.mark.parametrize(("values", "key", "why"), IDLE)
def test_a_key_without_effect_is_said_to_have_none(values, key, why, read) -> None:
    said = {notice.key: notice.reason for notice in read({**values, "eval_full_data": True}).notices}
    assert said.keys() == {key}
    assert said[key].startswith("no effect; ")
    assert why in said[key]


def test_keys_that_have_an_effect_are_not_mentioned(read) -> None:
    used = {**SOFT, "loss_fn_kwargs": {"temperature": 2.0}, "teacher_model_names": ["ConvNet-3"], "momentum": 0.8}
    used |= {"use_aug_for_hard": True, "step_size": 5, "aug_params": {"beta": 1.0}, "eval_full_data": True}
    assert read(used).notices == []


def test_words_of_the_other_release_are_named(read) -> None:
    said = {version: read({"default_lr": 0.01}, version=version).notices[0].reason for version in ("", "-0.1.4")}
    assert "read by nothing in 0.2.0" in said[""]
    assert "the rate of its full-data run in 0.1.4" in said["-0.1.4"]
    for word in ("lambda_cos", "lambda_step"):
        keys = [[one.key for one in read({"lr_scheduler": word}, version=v).notices] for v in ("", "-0.1.4")]
        assert ("lr_scheduler" in keys[0], "lr_scheduler" in keys[1]) == (True, False)


def test_a_default_contradicts_nothing(read, photos) -> None:
    class SetOfTwo:
        ipc = 2

    keys = {one.key for one in read({"model_name": "ConvNet-3"}).notices_for(SetOfTwo(), photos(64))}
    assert not keys & {"ipc", "im_size", "dataset"}


def test_validate_knows_a_configuration_by_its_keys(tmp_path) -> None:
    values = {"dataset": "CIFAR10", "num_epochs": 3}
    (tmp_path / "a.json").write_text(json.dumps(values))
    (tmp_path / "a.yaml").write_text("dataset: CIFAR10\nnum_epochs: 3\n")
    for name in ("a.json", "a.yaml"):
        assert "a configuration file of DD-Ranking for LRS, on CIFAR10" in next(validate(tmp_path / name))
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(UserError, match="not a record"):
        list(validate(tmp_path / "b.json"))
