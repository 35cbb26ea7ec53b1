"""Float images and mosaics before the judge: the same as bytes where they are the same pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

import rd3
from rd3.base.errors import UserError
from rd3.data.images import MemoryImages, as_levels, as_unit
from rd3.data.load import load_target
from rd3.data.mosaic import Decode, decoded
from rd3.data.spaces import PixelSpace
from rd3.data.subset import random_subset
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.held_out import held_out
from rd3.evaluation.judge import judge
from rd3.evaluation.labelling import label_bytes
from rd3.evaluation.settings import Settings
from rd3.study.store import Store
from rd3.synthetic import Manifest, Synthetic, check

STUDENT = "convnet1-bn-w8"


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("digits")


@pytest.fixture(scope="module")
def bytes_set(target: Target) -> MemoryImages:
    chosen = random_subset(target, 4, 0)
    return MemoryImages(target.train.batch(chosen), target.train.labels[chosen])


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("protocols") / "short.yaml"
    path.write_text(
        "id: short\nversion: 1\nbase: rd3-hard\ntitle: short\nsource: tests\npurpose: ranking\nnot_rankable: short\n"
        "counterparts: {}\nfields:\n  epochs: {value: 3, provenance: inferred}\n"
    )
    return str(path)


def settings_of(target: Target, **changes: object) -> Settings:
    settings, _ = load_protocol("rd3-hard").resolve(target, 4, STUDENT)
    return settings.model_copy(update={"epochs": 4, **changes})


def floats(images: MemoryImages) -> MemoryImages:
    return MemoryImages(images.pixels.float() / 255, images.labels)


def made(images: torch.Tensor, labels: torch.Tensor, target: Target, name: str = "mine", **said: object) -> Synthetic:
    values = {"method": name, "target": None, "target_fingerprint": None, "classes": target.classes}
    ipc = len(images) // len(target.classes)
    return Synthetic(
        images, labels, None, None, Manifest(**values, ipc=ipc, fingerprint=f"fingerprint-of-{name}", **said)
    )


@pytest.mark.parametrize("changes", [{}, {"jpeg_quality": 75}, {"zca": 0.1}, {"augment": ({"kind": "rand-augment"},)}])
def test_floats_that_were_bytes_train_the_same_student_bit_for_bit(
    target: Target, bytes_set: MemoryImages, changes: dict[str, object]
) -> None:
    settings = settings_of(target, **changes)
    runs = [
        judge(images, target=target, settings=settings, student=STUDENT, seed=3)
        for images in (bytes_set, floats(bytes_set))
    ]
    assert runs[0].correct == runs[1].correct
    assert runs[0].curve == runs[1].curve


def test_nothing_clamps_floats_on_their_way_to_the_student() -> None:
    wild = torch.tensor([-1.5, 0.25, 3.0])
    assert torch.equal(as_unit(wild), wild)
    assert as_levels(wild).tolist() == [0, 64, 255]


def test_mosaics_train_what_their_parts_would(target: Target, bytes_set: MemoryImages) -> None:
    settings, decode = settings_of(target), Decode(order="columns")
    parts = MemoryImages(decoded(floats(bytes_set).pixels, decode), bytes_set.labels.repeat(4))
    by_hand = judge(parts, target=target, settings=settings, student=STUDENT, seed=3)
    found = judge(bytes_set, target=target, settings=settings, student=STUDENT, seed=3, decode=decode)
    assert (found.correct, found.curve) == (by_hand.correct, by_hand.curve)
    assert (found.label_bytes, by_hand.label_bytes) == (40, 160)


def test_own_static_labels_are_stored_once_a_mosaic_and_a_teacher_s_once_a_part(target: Target) -> None:
    settings = settings_of(target, labels="static", loss="kl")
    assert label_bytes(settings, 160, 10, stored=40, own=True) == 40 * 10 * 2
    assert label_bytes(settings, 160, 10, stored=40, own=False) == 160 * 10 * 2


def test_images_that_are_floats_of_real_ones_are_not_held_out(target: Target) -> None:
    everything = torch.arange(len(target.train))
    with pytest.raises(UserError, match="no training images of every class left"):
        held_out(target, floats(MemoryImages(target.train.batch(everything), target.train.labels)))


def test_the_record_counts_what_is_stored_and_says_what_was_decoded(
    target: Target, bytes_set: MemoryImages, protocol: str, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    synthetic = made(floats(bytes_set).pixels, bytes_set.labels, target, decode=Decode())
    (record,) = rd3.evaluate(synthetic, target, protocol=protocol, student=STUDENT, seeds=1, store=store).records
    assert (record.ipc, record.bytes.images, record.bytes.labels) == (4, 40 * 64 * 4, 40)
    assert "decoded x4: 40 stored images give 160; IPC and bytes count the stored ones" in record.flags
    plain = made(bytes_set.pixels, bytes_set.labels, target, name="plain")
    (other,) = rd3.evaluate(plain, target, protocol=protocol, student=STUDENT, seeds=1, store=store).records
    assert other.bytes.images == 40 * 64
    assert not any("decoded" in flag for flag in other.flags)


def test_another_reading_of_the_same_pixels_needs_a_fingerprint_of_its_own(
    target: Target, bytes_set: MemoryImages, protocol: str, tmp_path: Path
) -> None:
    options = {"protocol": protocol, "student": STUDENT, "seeds": 1, "store": Store(tmp_path)}
    synthetic = made(bytes_set.pixels, bytes_set.labels, target)
    rd3.evaluate(synthetic, target, **options)
    changed = replace(synthetic, manifest=synthetic.manifest.model_copy(update={"decode": Decode()}))
    with pytest.raises(UserError, match="its images or labels were changed"):
        rd3.evaluate(changed, target, **options)


def test_pixels_without_a_way_back_are_not_judged(target: Target, bytes_set: MemoryImages, tmp_path: Path) -> None:
    synthetic = made(floats(bytes_set).pixels, bytes_set.labels, target, space="zca_kip")
    with pytest.raises(UserError, match="mine: its pixels are zca_kip, which cannot be undone"):
        rd3.evaluate(synthetic, target, protocol="rd3-hard", student=STUDENT, seeds=1, store=Store(tmp_path))


def test_quantising_steps_are_flagged_for_floats_only(target: Target, bytes_set: MemoryImages) -> None:
    from rd3.study.jobs.run_record import pixel_flags

    settings = settings_of(target, augment=({"kind": "rand-augment"},), jpeg_quality=75)
    synthetic = made(floats(bytes_set).pixels, bytes_set.labels, target)
    assert pixel_flags(settings, synthetic) == [
        "its float pixels are clamped and rounded to 8 bits by rand-augment, jpeg_quality"
    ]
    assert pixel_flags(settings, made(bytes_set.pixels, bytes_set.labels, target)) == []
    assert pixel_flags(settings_of(target), synthetic) == []


def test_floats_that_look_normalised_are_warned_of(target: Target, bytes_set: MemoryImages) -> None:
    pixels = (floats(bytes_set).pixels - 0.3) / 0.2 - 1
    (warning,) = [line for line in check(made(pixels, bytes_set.labels, target), target) if "outside" in line]
    assert warning.endswith("are they normalised?")
    assert not any(
        "outside" in line for line in check(made(floats(bytes_set).pixels, bytes_set.labels, target), target)
    )


@pytest.mark.parametrize("space", [None, *get_args(PixelSpace)])
def test_pixels_that_were_brought_back_are_not_taken_for_normalised_ones(
    target: Target, bytes_set: MemoryImages, space: PixelSpace | None
) -> None:
    far = made(9 * floats(bytes_set).pixels, bytes_set.labels, target, space=space)
    assert any("are they normalised?" in line for line in check(far, target)) == (space in (None, "raw01"))


def test_float_sets_are_saved_and_loaded_as_they_are(target: Target, bytes_set: MemoryImages, tmp_path: Path) -> None:
    synthetic = made(2 * floats(bytes_set).pixels - 0.5, bytes_set.labels, target, decode=Decode(), space="norm_dc")
    loaded = Synthetic.load(synthetic.save(tmp_path / "set"))
    assert torch.equal(loaded.images, synthetic.images)
    assert loaded.manifest == synthetic.manifest
    assert loaded.image_bytes == 40 * 64 * 4
    assert float(loaded[0][0].min()) == pytest.approx(-0.5)


def test_sets_without_the_new_facts_are_written_as_before(target: Target, bytes_set: MemoryImages) -> None:
    written = made(bytes_set.pixels, bytes_set.labels, target).manifest.as_json()
    assert not {"decode", "space"} & written.keys()
