"""What is written for other tools: equal where the format can, refused or said where it cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.data.mosaic import Decode
from rd3.data.target import Target
from rd3.synthetic import EXPORTERS, FORMATS, Synthetic, export, read_synthetic
from rd3.synthetic.exporters.folder import folder_names
from rd3.synthetic.foreign import READINGS
from rd3.synthetic.transfer import believed

IPC = 3
KEEPS_BYTES = ("folder", "npz", "tensors", "condensed", "rd3")
CIFAR = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1), torch.tensor([0.2023, 0.1994, 0.2010]).view(3, 1, 1)


@pytest.fixture(scope="module")
def mnist() -> Target:
    return load_target("mnist5k")


@pytest.fixture
def made(mnist: Target, grey: Synthetic) -> Synthetic:
    """Real digits of 28x28, bytes, as draw 2 of a method."""
    chosen = torch.cat([(mnist.train.labels == k).nonzero()[:IPC, 0] for k in range(10)])
    names = {"target": mnist.name, "target_fingerprint": mnist.fingerprint, "classes": mnist.classes, "draw": 2}
    manifest = grey.manifest.model_copy(update=names)
    return Synthetic(mnist.train.batch(chosen), mnist.train.labels[chosen], None, None, manifest)


def floated(synthetic: Synthetic) -> Synthetic:
    """The same as learned floats: a little off every byte, and beyond black and white."""
    noise = torch.randn(synthetic.images.shape, generator=torch.Generator().manual_seed(3))
    return replace(synthetic, images=synthetic.images.float() / 255 + 0.1 * noise)


def labelled(synthetic: Synthetic, form: str) -> Synthetic:
    rows = torch.randn(len(synthetic), 10, generator=torch.Generator().manual_seed(4))
    rows = rows.softmax(dim=1) if form == "probabilities" else rows
    manifest = synthetic.manifest.model_copy(update={"soft_label_form": form})
    return replace(synthetic, soft_labels=rows, learned_lr=0.02, manifest=manifest)


def place(folder: Path, format: str) -> Path:
    return folder / {"npz": "set.npz", "condensed": "set.pt"}.get(format, "set")


@pytest.mark.parametrize("format", KEEPS_BYTES)
def test_bytes_come_back_as_the_very_set(format: str, made: Synthetic, mnist: Target, tmp_path: Path) -> None:
    path = place(tmp_path, format)
    export(made, path, format)
    back = read_synthetic(path, target=mnist)
    assert torch.equal(back.images, made.images)
    assert torch.equal(back.labels, made.labels)
    assert back.manifest == made.manifest
    assert back.manifest.draw == 2
    if format != "rd3":
        assert read_synthetic(path, target=mnist, name="theirs").manifest.method == "theirs"


@pytest.mark.parametrize("format", ["npz", "tensors", "condensed", "rd3"])
def test_raw_floats_come_back_bit_by_bit(format: str, made: Synthetic, tmp_path: Path) -> None:
    learned, path = floated(made), place(tmp_path, format)
    space = {"space": "raw01"} if EXPORTERS[format].spaces else {}
    notes = export(learned, path, format, **space)
    assert any("raw floats" in note for note in notes) == bool(space)
    back = read_synthetic(path)
    assert torch.equal(back.images, learned.images)
    assert back.manifest == learned.manifest


@pytest.mark.parametrize("space", ["norm_dc", "norm_true", "norm_target", "zca_kornia", "zca_frepo"])
@pytest.mark.parametrize("format", ["tensors", "condensed"])
def test_floats_of_a_space_come_back_but_for_rounding(
    format: str, space: Any, softly: Synthetic, digits: Target, tmp_path: Path
) -> None:
    target = replace(digits, spec=digits.spec.model_copy(update={"name": "mnist"}))
    learned, path = floated(softly), place(tmp_path, format)
    export(learned, path, format, target=target, space=space)
    back = read_synthetic(path, target=target)
    assert back.manifest.space == space
    torch.testing.assert_close(back.images, learned.images, atol=1e-4, rtol=0)
    assert back.manifest.draw == learned.manifest.draw
    assert back.learned_lr == learned.learned_lr
    assert back.manifest.fingerprint != learned.manifest.fingerprint, "rounded floats are other images"


def test_dd_ranking_s_files_are_normalised_as_its_loader_expects(colour: Synthetic, tmp_path: Path) -> None:
    """CIFAR-100 too with CIFAR-10's statistics; images class by class; the words say which."""
    manifest = colour.manifest.model_copy(update={"target": "cifar100"})
    backwards = replace(colour, images=colour.images.flip(0), labels=colour.labels.flip(0), manifest=manifest)
    notes = export(backwards, tmp_path / "set", "tensors")
    assert notes == [
        "the order of the images: they are put class by class",
        "pixels are norm_cifar10 of cifar100: whoever trains on them must not normalise them again",
    ]
    images = torch.load(tmp_path / "set" / "images.pt", weights_only=True)
    order = torch.tensor([2, 1, 0, 5, 4, 3])
    expected = (colour.images[order].float() / 255 - CIFAR[0]) / CIFAR[1]
    torch.testing.assert_close(images, expected)
    assert images.dtype == torch.float32
    labels = torch.load(tmp_path / "set" / "labels.pt", weights_only=True)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert not (tmp_path / "set" / "lr.pt").exists()


@pytest.mark.parametrize("form", ["logits", "probabilities"])
def test_dd_ranking_takes_soft_labels_as_logits(form: str, made: Synthetic, mnist: Target, tmp_path: Path) -> None:
    soft = labelled(made, form)
    notes = export(soft, tmp_path / "set", "tensors")
    assert any("probabilities are written as logits" in note for note in notes) == (form == "probabilities")
    rows = torch.load(tmp_path / "set" / "labels.pt", weights_only=True)
    wanted = soft.soft_labels if form == "probabilities" else soft.soft_labels.softmax(dim=1)
    torch.testing.assert_close(rows.softmax(dim=1), wanted)
    assert torch.load(tmp_path / "set" / "lr.pt", weights_only=True).item() == 0.02
    assert torch.equal(torch.load(tmp_path / "set" / "hard_labels.pt", weights_only=True), made.labels)
    back = read_synthetic(tmp_path / "set", target=mnist)
    assert torch.equal(back.labels, made.labels), "random soft labels do not point to the classes"
    assert torch.equal(back.soft_labels, rows)
    assert back.manifest.soft_label_form == "logits"
    assert back.learned_lr == 0.02


def test_the_dc_family_s_file_is_read_as_its_own_code_does(made: Synthetic, tmp_path: Path) -> None:
    notes = export(labelled(made, "logits"), tmp_path / "set.pt", "condensed")
    assert "soft labels of shape (30, 10) are left out: there is no place for them" in notes
    assert "learned_lr = 0.02: said under 'rd3' alone" in notes
    data = torch.load(tmp_path / "set.pt", weights_only=True)["data"]
    assert len(data) == 1
    images, labels = data[-1]
    torch.testing.assert_close(images, (made.images.float() / 255 - 0.1307) / 0.3081)
    assert torch.equal(labels, made.labels)
    assert read_synthetic(tmp_path / "set.pt", target=load_target("mnist5k")).learned_lr == 0.02


@pytest.mark.parametrize("form", ["logits", "probabilities"])
@pytest.mark.parametrize("format", ["folder", "npz"])
@pytest.mark.parametrize("precision", [torch.float32, torch.float16])
def test_soft_labels_and_the_learned_rate_come_back(
    form: str, format: str, precision: torch.dtype, made: Synthetic, tmp_path: Path
) -> None:
    soft = labelled(made, form)
    soft = replace(soft, soft_labels=soft.soft_labels.to(precision))
    path = place(tmp_path, format)
    export(soft, path, format)
    back = read_synthetic(path)
    assert back.manifest == soft.manifest
    assert back.learned_lr == 0.02
    assert back.soft_labels.dtype == precision
    assert torch.equal(back.soft_labels, soft.soft_labels)


def test_soft_labels_of_pictures_that_were_edited_are_still_theirs(made: Synthetic, tmp_path: Path) -> None:
    soft = labelled(made, "logits")
    export(soft, tmp_path / "set", "folder")
    Image.new("L", (28, 28), 7).save(tmp_path / "set" / "0" / "000.png")
    back = read_synthetic(tmp_path / "set")
    assert torch.equal(back.soft_labels, soft.soft_labels)
    assert back.manifest.fingerprint != soft.manifest.fingerprint
    assert back.manifest.origin == "imported from folder"
    (tmp_path / "set" / "0" / "000.png").unlink()
    with pytest.raises(UserError, match=r"soft_labels: expected floats of shape \(29, 10\)"):
        read_synthetic(tmp_path / "set")


def test_folders_are_what_torchvision_reads(made: Synthetic, tmp_path: Path) -> None:
    export(made, tmp_path / "set", "folder", beside=lambda *_: {"README.md": b"a card"})
    theirs = torchvision.datasets.ImageFolder(tmp_path / "set")
    pixels = np.stack([np.asarray(picture)[..., 0] for picture, _ in theirs])
    assert np.array_equal(pixels, made.images[:, 0].numpy())
    assert [label for _, label in theirs] == made.labels.tolist()
    assert theirs.classes == list(made.classes)
    assert sorted(each.name for each in (tmp_path / "set" / "3").iterdir()) == ["000.png", "001.png", "002.png"]


@pytest.mark.parametrize(
    ("classes", "folders"),
    [
        (("airplane", "bird", "cat"), ["airplane", "bird", "cat"]),
        (("dog", "cat"), ["000", "001"]),
        (("T-shirt/top", "Trouser"), ["000", "001"]),
        (("a", "A"), ["000", "001"]),
        ((".hidden", "plain"), ["000", "001"]),
        (tuple(map(str, range(11))), [f"{k:03d}" for k in range(11)]),
    ],
)
def test_class_folders_have_names_where_they_sort_as_the_labels(classes: tuple[str, ...], folders: list[str]) -> None:
    assert folder_names(classes) == folders
    assert sorted(folders) == folders


def test_a_thousand_and_one_classes_sort_as_numbers_too() -> None:
    names = folder_names(tuple(map(str, range(1001))))
    assert names[-1] == "1000"
    assert sorted(names) == names


@pytest.mark.parametrize("format", ["folder", "parquet"])
def test_floats_are_not_rounded_unasked(format: str, made: Synthetic, tmp_path: Path) -> None:
    learned = floated(made)
    with pytest.raises(UserError, match="holds bytes, and these pixels are floats: quantise") as caught:
        export(learned, tmp_path / "set", format)
    levels = learned.images.numpy().astype(np.float64) * 255
    share = np.mean((levels < -0.5) | (levels > 255.5))
    assert f"{share:.1%} of the values were clamped" in str(caught.value)
    assert not (tmp_path / "set").exists()
    notes = export(learned, tmp_path / "set", format, quantise=True)
    assert notes[0].startswith("rounded to bytes: ")


def test_rounded_floats_are_another_set(made: Synthetic, tmp_path: Path) -> None:
    learned = floated(made)
    export(learned, tmp_path / "set", "folder", quantise=True)
    back = read_synthetic(tmp_path / "set")
    expected = np.clip(np.rint(learned.images.numpy() * 255), 0, 255).astype(np.uint8)
    assert np.array_equal(back.images.numpy(), expected)
    assert back.manifest.fingerprint != learned.manifest.fingerprint
    assert back.manifest.method == learned.manifest.method


@pytest.mark.parametrize("format", KEEPS_BYTES)
def test_mosaics_stay_mosaics_and_say_so(format: str, made: Synthetic, mnist: Target, tmp_path: Path) -> None:
    mosaic = replace(made, manifest=made.manifest.model_copy(update={"decode": Decode(order="columns")}))
    path = place(tmp_path, format)
    notes = export(mosaic, path, format)
    assert any("mosaic of 4" in note for note in notes) == (format != "rd3")
    assert read_synthetic(path, target=mnist).manifest.decode == Decode(order="columns")


def test_mosaics_are_taken_apart_on_demand(made: Synthetic, tmp_path: Path) -> None:
    """Against a plain loop: each quarter enlarged by torchvision, row by row."""
    mosaic = replace(made, manifest=made.manifest.model_copy(update={"decode": Decode()}))
    notes = export(mosaic, tmp_path / "set.npz", "npz", expand=True)
    assert notes == ["mosaics taken apart: 30 stored images became 120"]
    back = read_synthetic(tmp_path / "set.npz")
    assert back.manifest.decode is None
    assert back.ipc == 4 * IPC
    expected = []
    for label in range(10):
        own = made.images[made.labels == label].float() / 255
        for top, left in ((0, 0), (0, 14), (14, 0), (14, 14)):
            for image in own[..., top : top + 14, left : left + 14]:
                expected.append(torchvision.transforms.functional.resize(image, [28, 28], antialias=False))
    torch.testing.assert_close(back.images, torch.stack(expected))
    assert back.labels.tolist() == [label for label in range(10) for _ in range(4 * IPC)]
    with pytest.raises(UserError, match="expand: its images are no mosaics"):
        export(made, tmp_path / "set", "folder", expand=True)


def test_what_cannot_be_written_is_refused_in_one_line(made: Synthetic, colour: Synthetic, tmp_path: Path) -> None:
    whitened = replace(floated(made), manifest=made.manifest.model_copy(update={"space": "zca_kip"}))
    cases: list[tuple[Synthetic, str, dict[str, Any], str]] = [
        (whitened, "tensors", {}, "its pixels are zca_kip, which is no picture any more"),
        (made, "npz", {"space": "norm_dc"}, "space = norm_dc: npz holds raw pixels; condensed, tensors have a choice"),
        (made, "tensors", {"space": "zca_kornia"}, "space = zca_kornia: needs the real data"),
        (made, "tensors", {"space": "norm_imagenet"}, "has 3 channels, the images have 1"),
        (made, "tensors", {"space": "zca_kip"}, "space = zca_kip: cannot be undone"),
        (colour, "tensors", {"target": load_target("mnist5k")}, "images are 32x32 with 3 channels"),
    ]
    for synthetic, format, options, complaint in cases:
        with pytest.raises(UserError) as caught:
            export(synthetic, tmp_path / "set", format, **options)
        assert complaint in str(caught.value)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_zca_of_kip_is_kept_where_it_is_said(made: Synthetic, tmp_path: Path) -> None:
    whitened = replace(floated(made), manifest=made.manifest.model_copy(update={"space": "zca_kip"}))
    export(whitened, tmp_path / "set.npz", "npz")
    back = read_synthetic(tmp_path / "set.npz")
    assert torch.equal(back.images, whitened.images)
    assert back.manifest.space == "zca_kip"


@pytest.mark.parametrize("format", EXPORTERS.names())
def test_nothing_is_overwritten_and_nothing_half_written(
    format: str, made: Synthetic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already; it is left as it is"):
        export(made, full, format)
    assert [each.name for each in full.iterdir()] == ["mine.txt"]

    def no_space(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rd3.base.files._sync", no_space)
    with pytest.raises(OSError, match="No space left"):
        export(made, tmp_path / "out", format)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["full"]


@pytest.mark.parametrize("format", ["folder", "tensors", "rd3"])
def test_an_empty_folder_is_filled(format: str, made: Synthetic, mnist: Target, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(made, tmp_path / "out", format)
    assert torch.equal(read_synthetic(tmp_path / "out", target=mnist).images, made.images)


def test_a_target_with_other_classes_is_refused(made: Synthetic, mnist: Target, tmp_path: Path) -> None:
    names = tuple(f"digit {k}" for k in range(10))
    export(replace(made, manifest=made.manifest.model_copy(update={"classes": names})), tmp_path / "set", "tensors")
    with pytest.raises(UserError, match="class 0 is 'digit 0', but target 'mnist5k' calls it '0'"):
        read_synthetic(tmp_path / "set", target=mnist)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_id": "rd3.export/9"}'])
def test_a_damaged_sidecar_is_named(text: str, made: Synthetic, tmp_path: Path) -> None:
    export(made, tmp_path / "set", "folder")
    (tmp_path / "set" / "rd3.json").write_text(text)
    with pytest.raises(UserError, match=r"rd3\.json: ") as caught:
        read_synthetic(tmp_path / "set")
    assert "\n" not in str(caught.value)


def test_a_file_of_images_in_an_export_is_read_as_its_folder(made: Synthetic, mnist: Target, tmp_path: Path) -> None:
    export(made, tmp_path / "set", "tensors", space="raw01")
    assert read_synthetic(tmp_path / "set" / "images.pt", target=mnist).manifest == made.manifest


def test_every_format_that_is_written_is_read() -> None:
    assert {"folder", "npz", "parquet", "tensors", "condensed", "rd3"} <= set(EXPORTERS.names())
    assert set(EXPORTERS.names()) - {"parquet"} <= set(FORMATS.names())
    assert all(EXPORTERS[name].title for name in EXPORTERS)


def test_what_is_taken_on_the_word_of_a_sidecar_is_said(made: Synthetic, mnist: Target, tmp_path: Path) -> None:
    """A sidecar put beside foreign pictures decides on mosaics and the learned rate: whoever judges them is told."""
    export(made, tmp_path / "set", "folder")
    forged = json.loads((tmp_path / "set" / "rd3.json").read_text())
    forged["learned_lr"], forged["content"] = 7.0, "0" * 20
    forged["manifest"]["decode"] = Decode(order="columns").as_json()
    (tmp_path / "set" / "rd3.json").write_text(json.dumps(forged))
    found = read_synthetic(tmp_path / "set", target=mnist)
    assert found.manifest.origin == "imported from folder"
    readings = found.manifest.info[READINGS]
    assert readings["decode"] == ["2:columns", "the sidecar of an rd3 export says so"]
    assert readings["manifest"][0] == "another set than was exported"
    words = believed(tmp_path / "set")
    assert words is not None
    assert all(part in words for part in ("mosaics 2:columns", "learned rate 7", f"method {made.manifest.method}"))
    (tmp_path / "set" / "rd3.json").unlink()
    assert believed(tmp_path / "set") is None
