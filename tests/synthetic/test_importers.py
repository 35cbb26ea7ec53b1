"""Sets as other projects save them, written here by hand from real pictures, and what is read of them."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kornia.enhance import ZCAWhitening

from rd3.base.errors import UserError
from rd3.data.images import as_unit
from rd3.data.load import load_target
from rd3.data.mosaic import Decode
from rd3.data.target import Target
from rd3.synthetic import FORMATS, Synthetic, read_synthetic
from rd3.synthetic.foreign import READINGS
from rd3.synthetic.transfer import number_of_sets

IPC = 2
MEAN, STD = 0.1307, 0.3081  # of MNIST in the DC family
LABELS = torch.arange(10).repeat_interleave(IPC)


@pytest.fixture(scope="module")
def mnist() -> Target:
    return load_target("mnist5k")


def drifted(target: Target, seed: int = 0) -> torch.Tensor:
    """Raw pictures that no byte holds: real ones with some noise, class by class."""
    generator = torch.Generator().manual_seed(seed)
    own = [(target.train.labels == label).nonzero()[:, 0] for label in range(10)]
    chosen = torch.cat([rows[torch.randperm(len(rows), generator=generator)[:IPC]] for rows in own])
    pictures = as_unit(target.train.batch(chosen))
    return pictures + 0.05 * torch.randn(pictures.shape, generator=generator)


def normalised(raw: torch.Tensor) -> torch.Tensor:
    return (raw - MEAN) / STD


@pytest.fixture(scope="module")
def whiten(mnist: Target) -> ZCAWhitening:
    everything = as_unit(mnist.train.batch(torch.arange(len(mnist.train))))
    return ZCAWhitening(eps=0.1, unbiased=True).fit(everything)


def said(synthetic: Synthetic, part: str) -> str:
    return synthetic.manifest.info[READINGS][part][0]


def format_of(path: Path) -> list[str]:
    return [name for name in FORMATS if FORMATS[name].matches(path)]


def refused(path: Path, message: str, **options: Any) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_synthetic(path, **options)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def same(found: Synthetic, raw: torch.Tensor, *, within: float = 1e-5) -> None:
    assert found.images.dtype == torch.float32
    torch.testing.assert_close(found.images, raw, rtol=0, atol=within)
    assert torch.equal(found.labels, LABELS)


# {'data': [[images, labels], …]}


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def condensed(request: pytest.FixtureRequest, mnist: Target, tmp_path: Path) -> Path:
    path = tmp_path / "res_DM_MNIST_ConvNet_2ipc.pt"
    sets = [[normalised(drifted(mnist, seed)), LABELS] for seed in range(3)]
    accuracies = {"ConvNet": [np.float64(0.91), np.float64(0.92)]}
    content = {"data": sets, "accs_all_exps": accuracies}
    torch.save(content, path, _use_new_zipfile_serialization=request.param)
    return path


def test_every_set_of_a_file_is_a_draw_of_its_own(condensed: Path, mnist: Target) -> None:
    assert format_of(condensed) == ["condensed"]
    assert number_of_sets(condensed) == 3
    found = [read_synthetic(condensed, target=mnist, set=k) for k in range(3)]
    for draw, synthetic in enumerate(found):
        same(synthetic, drifted(mnist, draw))
        assert (synthetic.manifest.draw, synthetic.manifest.space, synthetic.ipc) == (draw, "norm_dc", IPC)
        assert synthetic.manifest.origin == "imported from condensed"
    assert len({synthetic.manifest.fingerprint for synthetic in found}) == 3
    refused(condensed, r"holds 3 sets, each a draw of its own: say which with set = 0 \.\. 2", target=mnist)
    refused(condensed, "set = 3: it holds 3 sets, counted from 0", target=mnist, set=3)


def test_without_a_target_the_normalisation_is_asked_for(condensed: Path) -> None:
    refused(condensed, r"norm_dc, norm_cifar10, zca_kornia are possible; give the target, or say which", set=0)
    refused(condensed, "pixels = norm_dc: needs the target", set=0, pixels="norm_dc")


def test_real_images_that_were_normalised_come_back_as_their_bytes(mnist: Target, tmp_path: Path) -> None:
    chosen = torch.arange(0, len(mnist.train), 8)
    real, labels = mnist.train.batch(chosen), mnist.train.labels[chosen]
    torch.save({"data": [[normalised(as_unit(real)), labels]]}, tmp_path / "a.pt")
    found = read_synthetic(tmp_path / "a.pt", target=mnist)
    assert torch.equal(found.images, real)
    assert "every value is that of a byte" in found.manifest.info[READINGS]["pixels"][1]


def test_one_pair_in_place_of_the_list_is_one_set(mnist: Target, tmp_path: Path, whiten: ZCAWhitening) -> None:
    path = tmp_path / "syn_data_MNIST_ipc_2.pt"
    torch.save({"data": [whiten(drifted(mnist)), LABELS.float()]}, path)
    assert number_of_sets(path) == 1
    found = read_synthetic(path, target=mnist)
    assert found.manifest.space == "zca_kornia"
    same(found, drifted(mnist), within=1e-4)
    assert said(found, "labels") == "ids"


def test_steps_of_continual_learning_are_one_set(mnist: Target, tmp_path: Path) -> None:
    images = normalised(drifted(mnist))
    steps = [[images[:8], LABELS[:8]], [images[8:], LABELS[8:]]]
    torch.save({"data": steps}, tmp_path / "cl.pt")
    assert number_of_sets(tmp_path / "cl.pt") == 1
    same(read_synthetic(tmp_path / "cl.pt", target=mnist), drifted(mnist))


# images….pt, labels….pt, lr….pt


def save_pair(folder: Path, images: torch.Tensor, labels: torch.Tensor, tag: str = "_best", ahead: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    torch.save(images, folder / f"{ahead}images{tag}.pt")
    torch.save(labels, folder / f"{ahead}labels{tag}.pt")
    return folder / f"{ahead}images{tag}.pt"


@pytest.mark.parametrize(("tag", "ahead"), [("_best", ""), ("_5000", ""), ("_best", "ema_"), ("", "")])
def test_a_pair_of_tensors_is_found_by_folder_and_by_file(mnist: Target, tmp_path: Path, tag: str, ahead: str) -> None:
    file = save_pair(tmp_path / "run", normalised(drifted(mnist)), LABELS, tag, ahead)
    for path in (file, file.parent):
        assert format_of(path) == ["tensors"]
        found = read_synthetic(path, target=mnist)
        same(found, drifted(mnist))
        assert (said(found, "pixels"), found.learned_lr) == ("norm_dc", None)


def test_whitened_and_unwhitened_files_are_told_apart(mnist: Target, tmp_path: Path, whiten: ZCAWhitening) -> None:
    raw = drifted(mnist).clamp(0, 1)
    whitened = save_pair(tmp_path / "a", whiten(raw), LABELS)
    undone = save_pair(tmp_path / "b", raw, LABELS, "_100")
    back = undone.rename(undone.with_name("images_zca_100.pt"))
    assert read_synthetic(whitened, target=mnist).manifest.space == "zca_kornia"
    found = read_synthetic(back, target=mnist)
    assert found.manifest.space == "raw01"
    same(found, raw)


def test_logits_and_a_learned_rate_come_with_the_images(mnist: Target, tmp_path: Path) -> None:
    logits = torch.randn(20, 10, generator=torch.Generator().manual_seed(0)) + 4 * torch.eye(10)[LABELS]
    logits[3] = -logits[3]  # one label that points elsewhere
    file = save_pair(tmp_path / "run", normalised(drifted(mnist)), logits)
    torch.save(torch.tensor(0.0123), file.with_name("lr_best.pt"))
    found = read_synthetic(file, target=mnist)
    assert found.soft_labels is not None
    assert torch.equal(found.soft_labels, logits)
    assert found.manifest.soft_label_form == "logits"
    assert found.learned_lr == pytest.approx(0.0123)
    assert torch.equal(found.labels, LABELS)
    assert said(found, "classes of images") == "class by class"


def test_a_folder_of_several_sets_asks_which_and_shards_are_one(mnist: Target, tmp_path: Path) -> None:
    raw = drifted(mnist)
    for tag in ("_100", "_200"):
        save_pair(tmp_path / "run", normalised(raw), LABELS, tag)
    refused(tmp_path / "run", r"holds several sets: images_100\.pt, images_200\.pt; name the file of one", target=mnist)
    for shard in range(2):
        half = slice(10 * shard, 10 * shard + 10)
        save_pair(tmp_path / "shards", normalised(raw)[half], LABELS[half], f"_best_{shard}")
    same(read_synthetic(tmp_path / "shards", target=mnist), raw)


def test_random_images_and_their_labels_have_names_of_their_own(mnist: Target, tmp_path: Path) -> None:
    torch.save(normalised(drifted(mnist)), tmp_path / "rdm_data_iter0.pt")
    torch.save(LABELS, tmp_path / "rdm_labels_iter0.pt")
    same(read_synthetic(tmp_path / "rdm_data_iter0.pt", target=mnist), drifted(mnist))
    torch.save(normalised(drifted(mnist)), tmp_path / "MNIST_IPC2_normalize_images.pt")
    torch.save(LABELS.float(), tmp_path / "MNIST_IPC2_labels.pt")
    same(read_synthetic(tmp_path / "MNIST_IPC2_normalize_images.pt", target=mnist), drifted(mnist))


def test_images_without_labels_are_refused(mnist: Target, tmp_path: Path) -> None:
    torch.save(normalised(drifted(mnist)), tmp_path / "images_best.pt")
    refused(tmp_path / "images_best.pt", "holds images alone; its labels are looked for beside it", target=mnist)


# [images, labels]


def mosaic_of(target: Target) -> torch.Tensor:
    """Four real pictures in one, each at half its side."""
    quarter = as_unit(target.train.batch(torch.arange(80)))[..., ::2, ::2].view(4, 20, 1, 14, 14)
    top, bottom = (torch.cat([quarter[a], quarter[b]], dim=3) for a, b in ((0, 1), (2, 3)))
    return torch.cat([top, bottom], dim=2) + 0.001


def test_a_list_of_pictures_in_0_1_is_raw(mnist: Target, tmp_path: Path) -> None:
    raw = drifted(mnist).clamp(0, 1)
    torch.save([raw, LABELS], tmp_path / "data.pt")
    assert format_of(tmp_path / "data.pt") == ["pairs"]
    found = read_synthetic(tmp_path / "data.pt")
    same(found, raw)
    assert (found.manifest.space, found.manifest.decode) == ("raw01", None)
    torch.save([(255 * raw).round().to(torch.uint8), LABELS], tmp_path / "bytes.pt")
    assert read_synthetic(tmp_path / "bytes.pt", target=mnist).images.dtype == torch.uint8


def test_mosaics_are_asked_about_or_known_by_the_name_of_their_folder(tmp_path: Path) -> None:
    photos = real_mosaics()
    labels = torch.arange(2).repeat_interleave(len(photos) // 2)
    torch.save([photos, labels], tmp_path / "data.pt")
    refused(tmp_path / "data.pt", "look like 2x2 mosaics: say whether they are, with decode = 2:rows or none")
    told = read_synthetic(tmp_path / "data.pt", decode=Decode(order="columns"))
    assert told.manifest.decode == Decode(order="columns")
    assert told.ipc == len(photos) // 2
    assert read_synthetic(tmp_path / "data.pt", decode="none").manifest.decode is None
    named = tmp_path / "conv3in_grad_mse_nd2000_cut_niter2000_factor2_lr0.005" / "data.pt"
    named.parent.mkdir()
    torch.save([photos, labels], named)
    assert read_synthetic(named).manifest.decode == Decode(factor=2, order="rows")


def real_mosaics() -> torch.Tensor:
    """Mosaics of crops of scikit-learn's two photos."""
    from sklearn.datasets import load_sample_images

    crops = [
        torch.from_numpy(np.array(photo))[:416, :640].reshape(26, 16, 40, 16, 3).permute(0, 2, 4, 1, 3).flatten(0, 1)
        for photo in load_sample_images().images
    ]
    parts = torch.cat([part[torch.randperm(1040, generator=torch.Generator().manual_seed(1))] for part in crops])
    parts = parts[:2080].view(520, 4, 3, 16, 16).float() / 255
    rows = [torch.cat([parts[:, a], parts[:, b]], dim=3) for a, b in ((0, 1), (2, 3))]
    return torch.cat(rows, dim=2)[::26] * 0.999


def test_steps_of_the_original_distillation_are_read_to_the_last(mnist: Target, tmp_path: Path) -> None:
    steps = [(normalised(drifted(mnist, k)), LABELS, torch.tensor([0.02])) for k in range(3)]
    torch.save(steps, tmp_path / "results.pth")
    assert format_of(tmp_path / "results.pth") == ["pairs"]
    refused(tmp_path / "results.pth", "fits norm_dc and norm_true; say which with pixels = norm_dc", target=mnist)
    found = read_synthetic(tmp_path / "results.pth", target=mnist, pixels="norm_dc")
    same(found, drifted(mnist, 2))
    assert found.manifest.info["steps"] == 3


def test_a_pickled_pair_is_read_without_running_it(mnist: Target, tmp_path: Path) -> None:
    path = tmp_path / "mnist_ipc_2_aug_True_model_convnet" / "acc_0.9.pkl"
    path.parent.mkdir()
    with path.open("wb") as file:
        pickle.dump((normalised(drifted(mnist)), LABELS), file)
    assert format_of(path) == ["pairs"]
    found = read_synthetic(path, target=mnist)
    same(found, drifted(mnist))
    assert found.manifest.decode == Decode(order="columns")


# KIP, FRePo, RaT-BPTT


def nhwc(images: torch.Tensor) -> np.ndarray:
    return images.permute(0, 2, 3, 1).numpy()


def test_kip_s_archive_can_be_looked_at_but_not_undone(mnist: Target, tmp_path: Path) -> None:
    rows = as_unit(mnist.train.batch(torch.arange(len(mnist.train)))).flatten(1).double().numpy()
    mine = drifted(mnist).flatten(1).double().numpy()
    rows, mine = (each - each.mean(1, keepdims=True) for each in (rows, mine))
    rows, mine = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (rows, mine))
    covariance = rows.T @ rows / len(rows)
    left, values, _ = np.linalg.svd(covariance)
    root = left / np.sqrt(values + 0.1 * np.trace(covariance) / 784) @ left.T
    images = torch.from_numpy(mine @ root).float().view(20, 1, 28, 28)
    path = tmp_path / "kip_mnist_ConvNet3_ssize20_zca_nol_noaug_ckpt1000.npz"
    np.savez(path, images=nhwc(images), labels=np.eye(10, dtype=np.float32)[LABELS] - 0.1)
    refused(path, "fits zca_kip and norm_true; say which with pixels = zca_kip", target=mnist)
    found = read_synthetic(path, target=mnist, pixels="zca_kip")
    same(found, images)
    assert (found.manifest.space, found.manifest.soft_label_form) == ("zca_kip", "centred")


def test_frepo_s_archive_is_undone(mnist: Target, tmp_path: Path) -> None:
    everything = as_unit(mnist.train.batch(torch.arange(len(mnist.train)))).double().numpy().reshape(-1, 784)
    mean, std = everything.mean(), everything.std()
    rows = (everything - mean) / std
    centre = rows.mean(0)
    covariance = (rows - centre).T @ (rows - centre) / len(rows)
    left, values, _ = np.linalg.svd(covariance)
    root = left / np.sqrt(values + 0.1 * np.trace(covariance) / 784) @ left.T
    mine = ((drifted(mnist).flatten(1).double().numpy() - mean) / std - centre) @ root
    images = torch.from_numpy(mine).float().view(20, 1, 28, 28)
    learned = np.eye(10, dtype=np.float32)[LABELS] - 0.1
    learned += 0.02 * np.random.default_rng(0).standard_normal(learned.shape).astype(np.float32)
    np.savez(tmp_path / "step500000.npz", image=nhwc(images), label=learned)
    found = read_synthetic(tmp_path / "step500000.npz", target=mnist, pixels="zca_frepo")
    same(found, drifted(mnist), within=2e-3)
    assert (found.manifest.space, found.manifest.soft_label_form) == ("zca_frepo", "centred")
    assert found.soft_labels is not None
    np.testing.assert_allclose(found.soft_labels.numpy(), learned, rtol=1e-6)


def test_flat_rows_are_pictures_class_by_class(mnist: Target, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="the extra hdf5 is not installed")
    rows = normalised(drifted(mnist)).flatten(1).numpy()
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["data"], file["epoch"] = rows, 100
    assert format_of(tmp_path / "set.h5") == ["flat"]
    found = read_synthetic(tmp_path / "set.h5", target=mnist, pixels="norm_dc")
    same(found, drifted(mnist))
    assert found.manifest.info["epoch"] == 100
    soft = (np.eye(10)[LABELS] + 0.1 * np.random.default_rng(0).random((20, 10))).astype(np.float32)
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        file["data"], file["label"] = rows, soft
    found = read_synthetic(tmp_path / "soft.h5", target=mnist, pixels="norm_dc")
    assert (found.manifest.soft_label_form, torch.equal(found.labels, LABELS)) == ("unnormalised", True)
    for kept in (100, 3000):
        data = (tmp_path / "set.h5").read_bytes()[:kept]
        (tmp_path / "cut.h5").write_bytes(data)
        refused(tmp_path / "cut.h5", "the file is damaged or cut off", target=mnist)
    with h5py.File(tmp_path / "vast.h5", "w") as file:
        file.create_dataset("data", shape=(10**9, 784), chunks=(1, 784), dtype="f4")
    refused(tmp_path / "vast.h5", "claims more values than the file holds", target=mnist)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["grad"] = rows
    refused(tmp_path / "other.h5", "holds grad; expected a data set 'data'", target=mnist)


def test_a_checkpoint_of_flat_rows_is_one_too(mnist: Target, tmp_path: Path) -> None:
    state = {"module.data.weight": normalised(drifted(mnist)).flatten(1)}
    torch.save({"model_state_dict": state, "epoch": 3}, tmp_path / "set.pth")
    assert format_of(tmp_path / "set.pth") == ["flat"]
    same(read_synthetic(tmp_path / "set.pth", target=mnist, pixels="norm_dc"), drifted(mnist))
    refused(tmp_path / "set.pth", "it has no labels, as images are stored class by class; give the target")


# indices


def test_indices_take_the_target_s_own_images(mnist: Target, tmp_path: Path) -> None:
    chosen = torch.cat([(mnist.train.labels == label).nonzero()[:3, 0] for label in range(10)])
    (tmp_path / "a.json").write_text(json.dumps(chosen.tolist()))
    (tmp_path / "b.json").write_text(json.dumps({"indices": chosen.tolist()}))
    np.save(tmp_path / "c.npy", chosen.numpy())
    subset = {"indices": chosen.numpy(), "weights": np.ones(30, np.float32)}
    content = {"exp": 0, "best_acc1": np.float64(91.2), "subset": subset, "rec": {"train_loss": [0.1]}}
    torch.save(content, tmp_path / "d.ckpt")
    for name in ("a.json", "b.json", "c.npy", "d.ckpt"):
        assert format_of(tmp_path / name) == ["indices"]
        found = read_synthetic(tmp_path / name, target=mnist)
        assert torch.equal(found.images, mnist.train.batch(chosen))
        assert torch.equal(found.labels, mnist.train.labels[chosen])
    refused(tmp_path / "a.json", "give the target that they are taken from")
    (tmp_path / "e.json").write_text("[0, 99999]")
    refused(tmp_path / "e.json", r"index 99999: 'mnist5k' has training images 0 \.\. ", target=mnist)


# what the caller says


def test_classes_in_another_order_are_put_in_the_target_s(mnist: Target, tmp_path: Path) -> None:
    order = torch.randperm(10, generator=torch.Generator().manual_seed(4))
    place = torch.empty(10, dtype=torch.int64)
    place[order] = torch.arange(10)
    logits = 8 * torch.eye(10)[place[LABELS]] - 1
    file = save_pair(tmp_path / "run", normalised(drifted(mnist)), logits)
    names = tuple(mnist.classes[int(label)] for label in order)
    found = read_synthetic(file, target=mnist, classes=names)
    assert found.soft_labels is not None
    assert torch.equal(found.labels, LABELS)
    assert torch.equal(found.soft_labels.argmax(1), LABELS)
    refused(file, "classes: 'ten' is no class of target 'mnist5k'", target=mnist, classes=(*names[:9], "ten"))


def test_soft_labels_that_fit_two_forms_are_asked_for(mnist: Target, tmp_path: Path) -> None:
    images = as_unit(mnist.train.batch(torch.arange(20))) * 0.99
    rows = 3 * torch.eye(10)[LABELS] - 0.3
    torch.save([images, rows], tmp_path / "data.pt")
    refused(
        tmp_path / "data.pt", "rows that sum to 0: fits centred and logits; say which with soft_label_form = centred"
    )
    assert read_synthetic(tmp_path / "data.pt", soft_label_form="logits").manifest.soft_label_form == "logits"
    torch.save([images, 3 * torch.eye(10)[LABELS] + 0.5], tmp_path / "data.pt")
    refused(tmp_path / "data.pt", "rows from 0 that do not sum to 1: fits unnormalised and logits")
    torch.save([images, torch.eye(10)[LABELS]], tmp_path / "data.pt")
    assert read_synthetic(tmp_path / "data.pt").soft_labels is None


def test_bytes_on_request_and_the_space_stays_known(condensed: Path, mnist: Target) -> None:
    found = read_synthetic(condensed, target=mnist, set=0, quantise=True)
    expected = (drifted(mnist) * 255).round().clamp(0, 255).to(torch.uint8)
    assert int((found.images.int() - expected.int()).abs().max()) <= 1
    assert (found.manifest.space, found.manifest.info["clamped"] > 0) == ("norm_dc", True)


# hostile and damaged files


class Hostile:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("where", ["accs", "data", "list"])
def test_no_file_of_torch_save_runs_code(mnist: Target, tmp_path: Path, where: str, legacy: bool) -> None:
    pair = [normalised(drifted(mnist)), LABELS]
    evil = Hostile(tmp_path / "owned")
    content = {"accs": {"data": [pair], "accs": evil}, "data": {"data": [pair, evil]}, "list": [*pair, evil]}[where]
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    refused(tmp_path / "a.pt", "holds Python objects that rd3 never loads", target=mnist)
    assert not (tmp_path / "owned").exists()


def test_no_pickle_runs_code(mnist: Target, tmp_path: Path) -> None:
    inner = io.BytesIO()
    torch.save(Hostile(tmp_path / "owned"), inner)
    nested = b"\x80\x04" + pickle_of_load(inner.getvalue())
    for data in (pickle.dumps((normalised(drifted(mnist)), Hostile(tmp_path / "owned"))), nested):
        (tmp_path / "a.pkl").write_bytes(data)
        refused(tmp_path / "a.pkl", "that rd3 never loads|is damaged", target=mnist)
        assert not (tmp_path / "owned").exists()


def pickle_of_load(data: bytes) -> bytes:
    """A pickle that loads `data` as torch's storages do."""
    name = b"ctorch.storage\n_load_from_bytes\n"
    return name + b"B" + len(data).to_bytes(4, "little") + data + b"\x85R."


def test_a_damaged_label_makes_no_classes_without_end(mnist: Target, tmp_path: Path) -> None:
    labels = LABELS.clone()
    labels[3] = 2**46
    torch.save([drifted(mnist).clamp(0, 1), labels], tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "label 70368744177664: every class from 0 on needs an image, and there are 20")
    refused(tmp_path / "a.pt", r"label 70368744177664: must be in 0 \.\. 9", target=mnist)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.97])
@pytest.mark.parametrize("legacy", [False, True])
def test_truncated_files_are_named(mnist: Target, tmp_path: Path, kept: float, legacy: bool) -> None:
    content = {"data": [[normalised(drifted(mnist)), LABELS]]}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    data = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(data[: int(kept * len(data))])
    refused(tmp_path / "a.pt", "is damaged or cut off", target=mnist)


def test_a_tensor_that_claims_more_than_its_file_holds_is_refused(mnist: Target, tmp_path: Path) -> None:
    vast = torch.zeros(1, 1, 28, 28).expand(10**9, 1, 28, 28)
    torch.save([vast, LABELS], tmp_path / "a.pt")
    refused(tmp_path / "a.pt", r"images: shape \(1000000000, 1, 28, 28\) claims more values than", target=mnist)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda x, y: [x, y[:-1]], "20 images but 19 labels"),
        (lambda x, y: [x.where(x < 0.9, torch.nan), y], r"images: NaN or infinity in \d+ of 20, first in image 0"),
        (lambda x, y: [x[:, :, :14], y], "images are 14x28 with 1 channel, but those of target 'mnist5k' are 28x28"),
        (lambda x, y: [x, y + 1], r"label 10: must be in 0 \.\. 9"),
        (lambda x, y: [x, y.float() + 0.5], "labels: expected integers 0 .. classes - 1, got float32"),
        (lambda x, y: [4 * x - 1, y], r"pixels from -1 to 3, .* fits none of raw01"),
        (lambda x, y: {"images": x, "labels": y}, "of a known structure: it holds a dict with images, labels"),
        (lambda x, y: [x], "of a known structure: it holds a list of 1, first a Tensor"),  # noqa: ARG005
    ],
)
def test_what_is_wrong_is_said_in_one_line(mnist: Target, tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content(drifted(mnist).clamp(0, 1), LABELS), tmp_path / "a.pt")
    refused(tmp_path / "a.pt", message, target=mnist)
