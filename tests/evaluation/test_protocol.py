"""Protocols: locked, resolved by cell, refused when they are wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.evaluation.conditions import When
from rd3.evaluation.files import load_protocol
from rd3.evaluation.settings import Settings
from rd3.training.augment.random_resized_crop import RandomResizedCrop


def of_size(size: int, channels: int = 3) -> Target:
    """A real target with its images blown up, to see what a protocol says for that size."""
    digits = load_target("digits")
    pixels = digits.train.batch(torch.arange(20)).repeat(1, channels, 1, 1)
    images = MemoryImages(torch.nn.functional.interpolate(pixels, size=size), digits.train.labels[:20])
    return dataclasses.replace(
        digits, train=images, test=images, mean=(0.5,) * channels, std=(0.25,) * channels, flip_keeps_class=True
    )


def test_rd3_says_what_the_paper_says() -> None:
    settings, flags = load_protocol("rd3").resolve(of_size(32), 10, "resnet18")
    assert flags == ()
    assert (settings.labels, settings.epochs, settings.batch_size, settings.drop_last) == ("online", 400, 50, False)
    assert (settings.optimiser, settings.lr, settings.betas, settings.eps) == ("adamw", 1e-3, (0.9, 0.999), 1e-8)
    assert (settings.weight_decay, settings.wd_exclude_1d) == (0.01, True)
    assert (settings.loss, settings.temperature, settings.kl_t2) == ("kl", 20.0, False)
    assert settings.mix == {"kind": "cutmix", "alpha": 1.0}
    assert settings.normalisation == "imagenet"


@pytest.mark.parametrize(
    ("student", "zeta"), [("resnet18", 1.0), ("tv:resnet18", 1.0), ("resnet50", 2.0), ("mlp", 2.0)]
)
def test_zeta_depends_on_the_student(student: str, zeta: float) -> None:
    assert load_protocol("rd3").resolve(of_size(32), 10, student)[0].zeta == zeta


@pytest.mark.parametrize(
    ("size", "kinds", "scale", "resize"),
    [
        (32, ["random-resized-crop", "flip"], (1.0, 1.0), None),
        (64, ["random-resized-crop", "flip"], (1.0, 1.0), 72),
        (224, ["patch-shuffle", "random-resized-crop", "flip"], (0.5, 1.0), 256),
    ],
)
def test_augmentation_and_validation_depend_on_the_size(
    size: int, kinds: list[str], scale: tuple[float, float], resize: int | None
) -> None:
    settings, _ = load_protocol("rd3").resolve(of_size(size), 10, "resnet18")
    operations = settings.recipe().augment
    assert [operation.kind for operation in operations] == kinds
    crop = next(operation for operation in operations if isinstance(operation, RandomResizedCrop))
    assert crop.scale == scale
    assert settings.validation_resize == resize


def test_the_flip_is_left_out_of_digits_and_the_record_says_so() -> None:
    settings, flags = load_protocol("rd3").resolve(load_target("digits"), 10, "resnet18")
    assert "flip" not in [operation.kind for operation in settings.recipe().augment]
    assert any("flip left out" in flag for flag in flags)
    assert settings.normalisation == "target", "ImageNet's statistics do not fit one channel"


def test_counterparts_differ_in_what_they_are_for() -> None:
    target = of_size(32)
    own, hard, plain = (load_protocol(name).resolve(target, 10, "mlp")[0] for name in ("rd3", "rd3-hard", "rd3-plain"))

    def differing(other: Settings) -> set[str]:
        return {name for name in Settings.model_fields if getattr(own, name) != getattr(other, name)}

    assert differing(hard) == {"labels", "teacher", "loss", "temperature"}
    assert differing(plain) == {"augment", "mix"}


def test_the_hash_is_of_values_not_of_words() -> None:
    protocol = load_protocol("rd3")
    epochs = protocol.fields["epochs"]
    reworded = {**protocol.fields, "epochs": epochs.model_copy(update={"note": "other words"})}
    changed = {**protocol.fields, "epochs": epochs.model_copy(update={"value": 401})}
    assert protocol.model_copy(update={"fields": reworded, "title": "another"}).hash == protocol.hash
    written_out = protocol.fields["mix"].model_copy(update={"value": {"kind": "cutmix", "alpha": 1.0, "p": 1.0}})
    assert protocol.model_copy(update={"fields": {**protocol.fields, "mix": written_out}}).hash == protocol.hash
    assert protocol.model_copy(update={"fields": changed}).hash != protocol.hash
    assert protocol.model_copy(update={"version": 2}).hash != protocol.hash


def test_cases_are_tried_in_order_by_target_student_size_and_ipc() -> None:
    target = of_size(32)
    assert When(student=("resnet*",), size_max=32, ipc_min=10).holds(target, 10, "resnet50")
    assert not When(student=("resnet*",)).holds(target, 10, "vgg11")
    assert not When(size_min=64).holds(target, 10, "vgg11")
    assert not When(ipc_max=9).holds(target, 10, "vgg11")
    assert When(ipc_min=50).holds(target, None, "vgg11"), "the whole target has more images than any IPC"


def write(folder: Path, fields: str, base: str = "base: rd3\n") -> str:
    file = folder / "mine.yaml"
    file.write_text(f"id: mine\nversion: 1\n{base}title: mine\nsource: tests\nfields:\n{fields}")
    return str(file)


def test_a_file_may_change_one_field_of_a_base(tmp_path: Path) -> None:
    protocol = load_protocol(write(tmp_path, "  lr: {value: 0.5, provenance: inferred}\n"))
    settings, _ = protocol.resolve(of_size(32), 1, "mlp")
    assert (settings.lr, settings.epochs) == (0.5, 400)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("  epoch: {value: 3, provenance: stated}\n", "did you mean 'epochs'"),
        ("  lr: {value: 3, provenance: guessed}\n", "provenance"),
        ("  lr: {valu: 3, provenance: stated}\n", "valu"),
        ("  lr: [\n", "not YAML"),
        ("  epochs: {value: -1, provenance: stated}\n", "epochs = -1"),
        ("  labels: {value: sticky, provenance: stated}\n", "labels = 'sticky'"),
        ("  augment: {value: [{kind: flipp}], provenance: stated}\n", "did you mean 'flip'"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, fields: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        load_protocol(write(tmp_path, fields))
    assert "\n" not in str(error.value)


def test_a_cut_base_stays_cut_and_a_locked_id_is_taken(tmp_path: Path) -> None:
    protocol = load_protocol(write(tmp_path, "  lr: {value: 0.5, provenance: inferred}\n", base="base: rd3-demo\n"))
    assert protocol.not_rankable == load_protocol("rd3-demo").not_rankable
    file = tmp_path / "rd3.yaml"
    file.write_text(
        "id: rd3\nversion: 1\nbase: rd3\ntitle: t\nsource: s\nfields:\n  lr: {value: 0.5, provenance: inferred}\n"
    )
    with pytest.raises(UserError, match="locked protocol with other values"):
        load_protocol(str(file))


def test_a_name_that_is_unknown_gets_a_suggestion() -> None:
    with pytest.raises(UserError, match="did you mean 'rd3-hard'"):
        load_protocol("rd3-hrad")
