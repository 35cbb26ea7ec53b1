"""Zip archives of other formats, written by hand; those that point outside, or grow without end, are refused."""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rd3.base.errors import UserError
from rd3.data.images import as_unit
from rd3.data.mosaic import Decode
from rd3.data.target import Target
from rd3.synthetic import FORMATS, Synthetic, export, read_synthetic
from rd3.synthetic.transfer import number_of_sets


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Temporary folders are made in a place of the test's own, which is empty at its end."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


def refused(path: Path, message: str, **options: Any) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_synthetic(path, **options)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def pictures(synthetic: Synthetic, name: str) -> dict[str, bytes]:
    found = {}
    for k, (image, label) in enumerate(zip(synthetic.images.numpy(), synthetic.labels.tolist(), strict=True)):
        file = io.BytesIO()
        Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, "PNG")
        found[name.format(label=label, k=k)] = file.getvalue()
    return found


def packed(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.mark.parametrize("top", ["", "cda_in1k/", "a/b/"])
def test_class_folders_are_read_wherever_they_lie(grey: Synthetic, digits: Target, tmp_path: Path, top: str) -> None:
    files = pictures(grey, top + "new{label:03d}/class{label:03d}_id{k:03d}.png")
    path = packed(tmp_path / "set.zip", files | {"__MACOSX/._a.png": b"", top + ".DS_Store": b""})
    assert [name for name in FORMATS if FORMATS[name].matches(path)] == ["zipped"]
    back = read_synthetic(path, target=digits)
    assert torch.equal(back.images, grey.images)
    assert torch.equal(back.labels, grey.labels)
    assert (back.manifest.method, back.manifest.origin) == ("set", "imported from folder in a zip")


def test_a_pair_in_a_folder_that_names_its_mosaics(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    images = as_unit(grey.images) * 0.99
    content = saved([images, grey.labels])
    path = packed(tmp_path / "ncfm.zip", {"digits/conv_factor2_best/data.pt": content})
    back = read_synthetic(path, target=digits)
    torch.testing.assert_close(back.images, images)
    assert back.manifest.decode == Decode(order="rows")
    two = packed(tmp_path / "two.zip", {"images_best.pt": saved(images), "labels_best.pt": saved(grey.labels)})
    torch.testing.assert_close(read_synthetic(two, target=digits, pixels="raw01").images, images)
    several = packed(tmp_path / "several.zip", {"data_10.pt": content, "data_20.pt": content})
    refused(several, r"the archive holds data_10\.pt, data_20\.pt: no distilled data set")


def test_sets_in_a_packed_file_are_counted(grey: Synthetic, digits: Target, tmp_path: Path) -> None:
    pair = [as_unit(grey.images) * 0.99, grey.labels]
    path = packed(tmp_path / "dm.zip", {"res_DM.pt": saved({"data": [pair, pair]})})
    assert number_of_sets(path) == 2
    refused(path, "holds 2 sets", target=digits)
    back = read_synthetic(path, target=digits, set=1, pixels="raw01")
    assert (back.manifest.draw, torch.equal(back.images, pair[0])) == (1, True)


def test_archives_of_torch_and_numpy_stay_formats_of_their_own(grey: Synthetic, tmp_path: Path) -> None:
    torch.save([as_unit(grey.images) * 0.99, grey.labels], tmp_path / "data.pt")
    np.savez(tmp_path / "a.npz", images=grey.images.numpy(), labels=grey.labels.numpy())
    assert [name for name in FORMATS if FORMATS[name].matches(tmp_path / "data.pt")] == ["pairs"]
    assert [name for name in FORMATS if FORMATS[name].matches(tmp_path / "a.npz")] == ["npz"]


@pytest.mark.parametrize(
    "name", ["../outside.png", "/outside.png", "a/../../outside.png", "C:/outside.png", "a\\b.png"]
)
def test_entries_that_point_outside_are_refused(grey: Synthetic, tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "set.zip", pictures(grey, "{label}/{k}.png"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"text")
    refused(path, "entry '.*' points outside of the archive's own folder, or has no plain name")
    assert not list(tmp_path.parent.glob("outside*"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_links_and_devices_are_refused(grey: Synthetic, tmp_path: Path, kind: int) -> None:
    path = packed(tmp_path / "set.zip", pictures(grey, "{label}/{k}.png"))
    entry = zipfile.ZipInfo("0/link.png")
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    refused(path, "entry '0/link.png' is a link or a device, no file")


def test_bombs_are_refused_before_they_are_unpacked(
    grey: Synthetic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = pictures(grey, "{label}/{k}.png")
    path = packed(tmp_path / "set.zip", files | {"0/z.png": bytes(2**27)})
    monkeypatch.setattr(zipfile.ZipFile, "extract", lambda *_: pytest.fail("unpacked"))
    refused(path, r"claims \d+ bytes in \d+: pictures and tensors do not compress like that")


def test_an_entry_that_is_larger_than_it_claims_is_refused(grey: Synthetic, tmp_path: Path) -> None:
    path = packed(tmp_path / "set.zip", pictures(grey, "{label}/{k}.png") | {"0/z.png": bytes(10**6)})
    data = bytearray(path.read_bytes())
    start = data.rfind(b"PK\x01\x02")  # of the last entry in the directory, z.png
    data[start + 24 : start + 28] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, "the archive is damaged or cut off")


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_truncated_archives_are_named(grey: Synthetic, tmp_path: Path, kept: float) -> None:
    path = packed(tmp_path / "set.zip", pictures(grey, "{label}/{k}.png"))
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    refused(path, "the archive is damaged or cut off")


def test_changed_bytes_encryption_and_twins_are_named(grey: Synthetic, tmp_path: Path) -> None:
    files = pictures(grey, "{label}/{k}.png")
    path = packed(tmp_path / "set.zip", files, zipfile.ZIP_STORED)
    good = path.read_bytes()
    data = bytearray(good)
    data[100] ^= 1
    path.write_bytes(data)
    refused(path, "the archive is damaged or cut off .*CRC")
    data = bytearray(good)
    data[good.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    refused(path, r"entry '0/0\.png' is encrypted")
    path.write_bytes(good)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("0/0.png", b"again")
    refused(path, r"has two entries '0/0\.png'")


def test_empty_and_nested_archives_and_others_are_named(grey: Synthetic, tmp_path: Path) -> None:
    refused(packed(tmp_path / "empty.zip", {}), "the archive holds no file")
    inner = packed(tmp_path / "set.zip", pictures(grey, "{label}/{k}.png"))
    refused(packed(tmp_path / "outer.zip", {"set.zip": inner.read_bytes()}), r"another one, set\.zip; unpack it")
    refused(packed(tmp_path / "text.zip", {"a.txt": b"text"}), r"the archive holds a\.txt: no distilled data set")
    refused(inner, "label_store = .*: no soft labels|no soft labels", label_store=tmp_path)
    pair = packed(tmp_path / "pair.zip", {"data.pt": saved([as_unit(grey.images) * 0.99, grey.labels])})
    refused(pair, "fit = crop: only for class folders of pictures and parquet files", fit="crop")


class Hostile:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_no_packed_file_runs_code(grey: Synthetic, tmp_path: Path) -> None:
    content = saved([as_unit(grey.images), grey.labels, Hostile(tmp_path / "owned")])
    refused(packed(tmp_path / "a.zip", {"data.pt": content}), "holds Python objects that rd3 never loads")
    assert not (tmp_path / "owned").exists()


def test_changed_bytes_never_raise_anything_else(grey: Synthetic, tmp_path: Path) -> None:
    """Neither in pictures nor in the directory, of an archive and of a file of torch.save."""
    small = {name: content for name, content in pictures(grey, "{label}/{k}.png").items() if name < "3"}
    torch.save([as_unit(grey.images), grey.labels], tmp_path / "data.pt")
    draws = np.random.default_rng(0)
    for file in (packed(tmp_path / "set.zip", small), tmp_path / "data.pt"):
        good = file.read_bytes()
        directory = good.find(b"PK\x01\x02")
        for place in [*draws.integers(len(good), size=40), *range(directory, len(good), 5)]:
            changed = bytearray(good)
            changed[place] ^= 1 << int(draws.integers(8))
            file.write_bytes(changed)
            with suppress(UserError):
                read_synthetic(file)


@pytest.mark.parametrize("format", ["folder", "tensors"])
def test_an_export_that_somebody_zipped_is_the_very_set(
    format: str, softly: Synthetic, digits: Target, tmp_path: Path
) -> None:
    """Soft labels, learned rate and mosaics, which pictures have no place for, come along."""
    manifest = softly.manifest.model_copy(update={"decode": Decode(), "soft_label_form": "logits"})
    made = replace(softly, learned_lr=0.03, manifest=manifest)
    options: dict[str, Any] = {"space": "raw01"} if format == "tensors" else {}
    export(made, tmp_path / "set", format, **options)
    files = {str(file.relative_to(tmp_path)): file.read_bytes() for file in (tmp_path / "set").rglob("*.*")}
    found = read_synthetic(packed(tmp_path / "set.zip", files), target=digits)
    assert torch.equal(found.images, made.images)
    assert found.soft_labels is not None
    assert torch.equal(found.soft_labels, softly.soft_labels.float())
    assert (found.manifest.fingerprint, found.manifest.origin) == (manifest.fingerprint, manifest.origin)
    assert (found.learned_lr, found.manifest.decode) == (0.03, Decode())
