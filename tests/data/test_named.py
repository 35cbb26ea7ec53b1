"""Data sets by name under $RD3_DATA, in each layout they come in."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import shutil
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from torchvision import datasets

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.data.source import SOURCES

NAMES = ["cifar10", "cifar100", "fashion-mnist", "imagenette", "imagewoof", "tiny-imagenet", "imagenet-1k"]

WAY = "('rd3 squeeze .* --download' gets it|get it from http)"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty $RD3_DATA."""
    place = tmp_path / "data"
    place.mkdir()
    monkeypatch.setenv("RD3_DATA", str(place))
    return place


def refused(name: str, message: str, **options) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_target(name, **options)
    assert "\n" not in str(caught.value)


@pytest.fixture
def cifar_batches(crops):
    """Writes crops as CIFAR-10 is packed; returns the pixels (N, 32, 32, 3) and labels of the test batch."""

    def write(folder):
        folder.mkdir(parents=True)
        pixels = np.concatenate(list(crops[:, :10]))
        labels = [index % 10 for index in range(20)]
        batch = {"data": pixels.transpose(0, 3, 1, 2).reshape(20, -1), "labels": labels}
        for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
            (folder / name).write_bytes(pickle.dumps(batch))
        (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [f"class {n}" for n in range(10)]}))
        return pixels, labels

    return write


@pytest.fixture
def own_checksums(monkeypatch):
    """Tells torchvision the checksums of the batches that a test wrote."""

    def accept(folder):
        def listed(*names):
            return [[name, hashlib.md5((folder / name).read_bytes()).hexdigest()] for name in names]

        monkeypatch.setattr(datasets.CIFAR10, "train_list", listed(*(f"data_batch_{n}" for n in range(1, 6))))
        monkeypatch.setattr(datasets.CIFAR10, "test_list", listed("test_batch"))
        monkeypatch.setattr(datasets.CIFAR10, "meta", datasets.CIFAR10.meta | {"md5": listed("batches.meta")[0][1]})

    return accept


@pytest.mark.parametrize("name", NAMES)
def test_without_rd3_data_the_error_says_to_set_it(name, monkeypatch):
    monkeypatch.delenv("RD3_DATA", raising=False)
    refused(name, f"target '{name}': set RD3_DATA to the folder of data sets; if it is not there, {WAY}")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_set_is_reported_with_the_places_and_the_way_to_get_it(name, root):
    refused(name, rf"found none of .*{name}, {name}\.npz in RD3_DATA = {root}; {WAY}")


@pytest.mark.parametrize("name", ["imagewoof", "tiny-imagenet", "imagenet-1k"])
def test_what_cannot_be_downloaded_says_so(name, root):
    refused(name, f"in RD3_DATA = {root}; it cannot be downloaded here; get it from http", download=True)


@pytest.mark.parametrize("below", ["", "cifar10"])
def test_cifar10_is_read_from_its_original_batches(root, cifar_batches, own_checksums, below):
    folder = root / below / "cifar-10-batches-py"
    pixels, labels = cifar_batches(folder)
    own_checksums(folder)
    target = load_target("cifar10")
    assert (len(target.train), len(target.test), target.train.shape) == (100, 20, (3, 32, 32))
    assert np.array_equal(target.test.batch(torch.arange(20)).numpy(), pixels.transpose(0, 3, 1, 2))
    assert target.test.labels.tolist() == labels
    assert target.classes[9] == "class 9"
    assert (target.mean, target.std) == ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
    assert f"read from $RD3_DATA/{(folder).relative_to(root).as_posix()}" in target.notes


def test_damaged_batches_are_refused_before_they_are_opened(root, cifar_batches, own_checksums):
    folder = root / "cifar-10-batches-py"
    cifar_batches(folder)
    own_checksums(folder)
    (folder / "data_batch_3").write_bytes(b"damaged")
    refused("cifar10", r"cifar-10-batches-py: batches are missing or damaged")


@pytest.fixture
def serve(tmp_path):
    """The address of a web server on this machine that serves `tmp_path`."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_cifar10_is_downloaded_through_torchvision(root, tmp_path, cifar_batches, own_checksums, monkeypatch, serve):
    folder = tmp_path / "served" / "cifar-10-batches-py"
    cifar_batches(folder)
    own_checksums(folder)
    archive = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    monkeypatch.setattr(datasets.CIFAR10, "url", f"{serve}/{archive.name}")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    assert len(load_target("cifar10", download=True).test) == 20
    assert (root / "cifar-10-batches-py" / "test_batch").is_file()


def test_a_download_that_fails_is_one_line(root, monkeypatch, serve):
    monkeypatch.setattr(datasets.CIFAR10, "url", f"{serve}/absent.tar.gz")
    refused("cifar10", f"target 'cifar10': the download into {root} failed: ", download=True)


def fashion_files(folder, *, packed: bool):
    """Writes real digits as Fashion-MNIST is packed; returns the target they were taken from."""
    source = load_target("mnist5k")
    folder.mkdir(parents=True)
    for prefix, split in (("train", source.train), ("t10k", source.test)):
        chosen = torch.arange(0, len(split), len(split) // 200)
        pixels, labels = split.batch(chosen).numpy(), split.labels[chosen].numpy().astype(np.uint8)
        for kind, values in (("images-idx3", pixels[:, 0]), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes()
            data = head + values.tobytes()
            name = f"{prefix}-{kind}-ubyte"
            (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return source


@pytest.mark.parametrize("below", ["FashionMNIST/raw", "fashion-mnist/FashionMNIST/raw", "fashion-mnist"])
@pytest.mark.parametrize("packed", [True, False])
def test_fashion_mnist_is_read_from_raw_files_packed_or_not(root, below, packed):
    source = fashion_files(root / below, packed=packed)
    target = load_target("fashion-mnist")
    wanted = torch.arange(0, 4000, 20)
    assert torch.equal(target.train.batch(torch.arange(200)), source.train.batch(wanted))
    assert torch.equal(target.train.labels, source.train.labels[wanted])
    assert target.classes == tuple(datasets.FashionMNIST.classes)
    assert "not all of fashion-mnist: 200 of 60,000 training images" in target.notes


def test_fashion_mnist_is_what_torchvision_reads(root):
    fashion_files(root / "FashionMNIST" / "raw", packed=False)
    oracle = datasets.FashionMNIST(root, train=False)
    target = load_target("fashion-mnist")
    assert torch.equal(target.test.batch(torch.arange(200))[:, 0], oracle.data)
    assert torch.equal(target.test.labels, oracle.targets)


def test_damaged_raw_files_are_named(root):
    folder = root / "fashion-mnist"
    fashion_files(folder, packed=True)
    labels = folder / "train-labels-idx1-ubyte.gz"
    good = labels.read_bytes()
    labels.write_bytes(good[:-12])
    refused("fashion-mnist", r"train-labels-idx1-ubyte\.gz: damaged")
    labels.write_bytes(gzip.compress(gzip.decompress(good)[:-5]))
    refused("fashion-mnist", r"train-labels-idx1-ubyte: damaged: 195 values, expected 200")
    labels.write_bytes(gzip.compress(b"something else"))
    refused("fashion-mnist", r"not an IDX file of bytes with 1 axes")
    labels.unlink()
    refused("fashion-mnist", r"target 'fashion-mnist': cannot read .*train-labels-idx1-ubyte\.gz: No such file")


@pytest.mark.parametrize("name", ["imagenette", "imagewoof", "imagenet-1k"])
def test_sets_at_224_px_are_read_from_class_folders(root, write_tree, name):
    shutil.move(write_tree(splits=["train", "val", "test"], ending="JPEG"), root / name)
    shutil.rmtree(root / name / "test" / "cat")  # a test split without labels is not looked at
    target = load_target(name)
    assert target.spec.size == 224
    assert target.train.shape == (3, 224, 224)
    assert (target.mean, target.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert "test split: val/" in target.notes
    assert any(f"not all of {name}: 2 of" in note for note in target.notes)
    assert load_target(f"{name}@64").train.shape == (3, 64, 64)


def test_the_full_size_archive_goes_before_smaller_ones_and_the_plain_name(root, write_tree):
    for folder in ("imagenette2-160", "imagenette", "imagenette2-320"):
        shutil.move(write_tree(folder, splits=["train", "val"]), root / folder)
    assert "read from $RD3_DATA/imagenette2-320" in load_target("imagenette").notes
    (root / "imagenette2-320").rename(root / "imagenette2")
    assert "read from $RD3_DATA/imagenette2" in load_target("imagenette").notes


@pytest.mark.parametrize("folder", ["tiny-imagenet", "tiny-imagenet-200"])
def test_tiny_imagenet_is_the_same_in_its_original_and_its_sorted_layout(root, write_tree, folder):
    tree = write_tree(splits=["train", "val"], ending="JPEG", below="images")
    shutil.move(tree, root / folder)
    sorted_layout = load_target("tiny-imagenet")
    validation = root / folder / "val"
    (validation / "images").mkdir()
    lines = []
    for name in ("dog", "cat"):
        for file in sorted((validation / name / "images").iterdir()):
            file.rename(validation / "images" / f"val_{name}_{file.name}")
            lines.append(f"val_{name}_{file.name}\t{name}\t0\t0\t62\t62\n")
        shutil.rmtree(validation / name)
    (validation / "val_annotations.txt").write_text("".join(lines))
    (root / folder / "test" / "images").mkdir(parents=True)
    original = load_target("tiny-imagenet")
    assert original is not sorted_layout
    assert original.fingerprint == sorted_layout.fingerprint
    assert original.classes == ("cat", "dog")
    assert original.mean == (0.4802, 0.4481, 0.3975)
    assert original.train.shape == (3, 64, 64)


def test_an_annotation_of_an_unknown_class_is_named(root, write_tree):
    shutil.move(write_tree(splits=["train"], below="images"), root / "tiny-imagenet")
    (root / "tiny-imagenet" / "val").mkdir()
    (root / "tiny-imagenet" / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn123\t0\t0\t1\t1\n")
    refused("tiny-imagenet", r"val_annotations\.txt: class 'n123' of 'val_0.JPEG' has no folder in train")


def write_npz(path, crops, classes: int, **changes):
    pixels = np.concatenate(list(crops))[:, :32, :32]
    labels = np.arange(40) % classes
    values = {"x_train": pixels, "y_train": labels, "x_test": pixels, "y_test": labels}
    np.savez(path, **(values | changes))


def test_an_npz_of_the_name_comes_last(root, crops, write_tree):
    write_npz(root / "cifar10.npz", crops, 10)
    target = load_target("cifar10")
    assert "read from $RD3_DATA/cifar10.npz" in target.notes
    assert (target.num_classes, target.flip_keeps_class) == (10, True)
    shutil.move(write_tree(), root / "cifar10")
    assert "read from $RD3_DATA/cifar10" in load_target("cifar10").notes


def test_more_classes_than_the_name_has_are_refused_and_fewer_noted(root, crops):
    write_npz(root / "cifar10.npz", crops, 11)
    refused("cifar10", "target 'cifar10': found 11 classes; cifar10 has 10")
    write_npz(root / "cifar10.npz", crops, 7)
    assert "not all of cifar10: 7 of 10 classes" in load_target("cifar10").notes


def test_other_channels_than_the_name_has_are_refused(root, crops):
    grey = np.concatenate(list(crops))[..., 0]
    write_npz(root / "cifar10.npz", crops, 10, x_train=grey, x_test=grey)
    refused("cifar10", "target 'cifar10': found images of 1 channels; cifar10 has 3")


@pytest.mark.parametrize(
    ("name", "size"), [("cifar10", 32), ("cifar100", 32), ("tiny-imagenet", 64), ("imagewoof", 224)]
)
def test_names_stand_for_a_size_so_that_it_need_not_be_given(name, size, root, crops):
    write_npz(root / f"{name}.npz", crops, 10)
    target = load_target(name)
    assert target.spec.size == target.size == size
    assert load_target(name, size=size) is target


def test_published_statistics_fit_the_channels_of_their_source():
    for name in SOURCES:
        source = SOURCES[name]
        if source.published is not None and source.channels is not None:
            assert len(source.published.mean) == len(source.published.std) == source.channels
            assert source.published.origin.startswith("published (")
