"""The benchmark against ddranking, as far as it goes without ddranking."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.ddranking.cifar_layout import write_cifar10
from benchmarks.ddranking.compare import as_released, at_each_rate, choices, welch
from benchmarks.ddranking.protocols import RATES, write_config, write_protocols
from benchmarks.ddranking.report import agrees, markdown
from benchmarks.ddranking.results import held_out, require_all_noted
from benchmarks.ddranking.sides import Outcome, our_trainings, peer_trainings, require_peer
from benchmarks.ddranking.task import MODEL, Size, write_part
from benchmarks.ddranking.trainings import JPEG, Training, at_rate, peeked
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW
from torchvision.datasets import CIFAR10

import rd3
from rd3.base.errors import UserError
from rd3.models import create_model

SIZE = Size(epochs=40)


@pytest.fixture(scope="module")
def protocols(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("benchmark")
    write_config(SIZE, folder / "teachers", folder / "config.yaml")
    return write_protocols(SIZE, folder / "config.yaml", folder / "protocols")


def trainings(*, shift: float = 0.0, jpeg: float | None = None) -> list[Training]:
    """Three repeats; the last rate but one gains 10 points in the middle one; `jpeg` is what that costs."""
    made = [Training("A_rh", None, repeat, 0.5 + shift + 0.01 * repeat) for repeat in range(3)]
    for part, base in (("A_sh", 0.2), ("A_sa", 0.3), ("A_ra", 0.25), *([] if jpeg is None else [(JPEG, 0.25 - jpeg)])):
        for k, lr in enumerate(RATES):
            for repeat in range(3):
                bonus = 0.1 if k == 3 and repeat == 1 else 0.02 * (k == 0)
                made.append(Training(part, lr, repeat, base + shift + bonus + 0.001 * (repeat + k)))
    return made


def real_cifar_like(count: int) -> dict[str, np.ndarray]:
    """Real digits in colour and at 32 px, with the keys of a CIFAR-10 file: no network, no shared data."""
    digits = rd3.load_target("digits", size=32)
    arrays = {"classes": np.array([f"class {k}" for k in range(10)])}
    for split, images in (("train", digits.train), ("test", digits.test)):
        pixels = images.pixels[:count].numpy().repeat(3, axis=1).transpose(0, 2, 3, 1)
        arrays |= {f"x_{split}": pixels * np.array([1, 2, 3], np.uint8), f"y_{split}": images.labels[:count].numpy()}
    return arrays


def test_torchvision_reads_the_part_as_if_it_were_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train_list", "test_list", "meta"):
        monkeypatch.setattr(CIFAR10, name, getattr(CIFAR10, name))
    arrays = real_cifar_like(33)
    np.savez(tmp_path / "part.npz", **arrays)
    write_cifar10(tmp_path / "part.npz", tmp_path)
    for split in ("train", "test"):
        read = CIFAR10(tmp_path, train=split == "train", download=True)  # complete, so nothing is downloaded
        np.testing.assert_array_equal(read.data, arrays[f"x_{split}"])
        assert read.targets == arrays[f"y_{split}"].tolist()
    assert read.classes == arrays["classes"].tolist()


def test_part_holds_as_many_of_every_class(tmp_path: Path) -> None:
    arrays = real_cifar_like(300)
    np.savez(tmp_path / "whole.npz", **arrays)
    write_part(tmp_path / "whole.npz", tmp_path / "part.npz", replace(SIZE, train_per_class=7, test_per_class=3))
    part = np.load(tmp_path / "part.npz")
    assert np.bincount(part["y_train"]).tolist() == [7] * 10
    assert np.bincount(part["y_test"]).tolist() == [3] * 10
    known = {(image.tobytes(), label) for image, label in zip(arrays["x_train"], arrays["y_train"], strict=True)}
    assert {(image.tobytes(), label) for image, label in zip(part["x_train"], part["y_train"], strict=True)} <= known


def test_teachers_parameters_have_the_names_that_ddranking_loads() -> None:
    network = create_model(MODEL, classes=10, size=32)
    convolutions = [f"features.{k}.{name}" for k in (0, 4, 8) for name in ("weight", "bias")]
    norms = [
        f"features.{k}.{name}"
        for k in (1, 5, 9)
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    ]
    assert set(network.state_dict()) == {*convolutions, *norms, "classifier.weight", "classifier.bias"}


def values(path: str) -> dict[str, object]:
    return {name: field.value for name, field in rd3.load_protocol(path).fields.items()}


def test_the_protocol_is_ddrankings_configuration(protocols: dict[str, Path]) -> None:
    own = values(str(protocols["searched"]))
    assert own["augment"] == [{"kind": "random-resized-crop", "scale": [0.5, 1.0]}, {"kind": "flip", "p": 0.5}]
    assert own["mix"] == {"kind": "cutmix", "alpha": 1.0}
    assert (own["labels"], own["loss"], own["temperature"], own["kl_t2"]) == ("online", "kl", 20.0, False)
    assert (own["optimiser"], own["weight_decay"], own["wd_exclude_1d"]) == ("adamw", 0.01, False)
    assert (own["schedule"], own["zeta"], own["epochs"], own["batch_size"]) == ("cosine", 2.0, 40, 50)
    assert own["normalisation"] == "cifar10-dc"  # the teacher's too
    assert own["lr_search"] == list(RATES) == [0.001, 0.005, 0.01, 0.05, 0.1]


def test_hard_runs_leave_out_cutmix_alone(protocols: dict[str, Path]) -> None:
    soft, hard = (values(f"{protocols['searched']}{role}") for role in ("", "#hard"))
    assert hard["mix"] is None
    assert (hard["labels"], hard["loss"]) == ("hard", "ce")
    assert {name for name in hard if hard[name] != soft.get(name)} == {
        "mix",
        "labels",
        "loss",
        "temperature",
        "teacher",
    }


def test_peeking_looks_at_every_twentieth_epoch(protocols: dict[str, Path]) -> None:
    protocol = rd3.load_protocol(f"{protocols['searched']}+test-peek")
    settings, _ = protocol.resolve(rd3.load_target("mnist5k"), 1, MODEL)
    assert settings.looked_at_epochs() == {19, 39}


def test_jpeg_differs_by_the_pictures_alone(protocols: dict[str, Path]) -> None:
    plain, jpeg = (rd3.load_protocol(f"{protocols[name]}+test-peek") for name in ("searched", "jpeg"))
    assert plain.id == jpeg.id  # seeds are made of it
    assert plain.hash != jpeg.hash
    changed = {name for name, field in jpeg.fields.items() if plain.fields.get(name) != field}
    assert changed == {"jpeg_quality"}


def test_an_environment_without_ddranking_is_refused_at_once(tmp_path: Path) -> None:
    for python in (Path(sys.executable), tmp_path / "nothing"):
        with pytest.raises(UserError, match="no python with ddranking"):
            require_peer(python)


def test_notes_of_the_peer_become_trainings_by_repeat() -> None:
    notes = [
        {"part": part, "lr": lr, "seed": seed, "returned": accuracy}
        for seed, part, lr, accuracy in ((7, "A_sh", 0.1, 20.5), (7, "A_rh", None, 50.0), (9, "A_sh", 0.1, 21.0))
    ]
    assert peer_trainings(notes) == (
        Training("A_sh", 0.1, 0, 0.205),
        Training("A_rh", None, 0, 0.5),
        Training("A_sh", 0.1, 1, 0.21),
    )


def record(method: str, labels: str, **more: object) -> dict[str, object]:
    base = {"settings": {"labels": labels}, "replicate": 1, "rates": [], "accuracy": 0.4}
    return {"method": method, **base, **more}


@pytest.mark.parametrize(
    ("method", "labels", "jpeg", "part"),
    [
        ("whole", "hard", False, "A_rh"),
        ("rded", "hard", False, "A_sh"),
        ("rded", "online", False, "A_sa"),
        ("random", "online", False, "A_ra"),
        ("random", "online", True, JPEG),
    ],
)
def test_records_become_one_training_a_rate(method: str, labels: str, jpeg: bool, part: str) -> None:
    searched = our_trainings(record(method, labels, rates=[[0.1, 0.2], [0.5, 0.3]]), jpeg=jpeg)
    assert searched == [Training(part, 0.1, 1, 0.2), Training(part, 0.5, 1, 0.3)]
    assert our_trainings(record(method, labels), jpeg=jpeg) == [Training(part, None, 1, 0.4)]


def test_peeking_takes_the_best_rate_of_each_repeat() -> None:
    assert peeked(trainings(), "A_sh") == pytest.approx([0.22, 0.304, 0.222])
    assert peeked(trainings(), "A_sh", rates=RATES[:1]) == pytest.approx([0.22, 0.221, 0.222])
    assert at_rate(trainings(), "A_sh", RATES[3]) == pytest.approx([0.203, 0.304, 0.205])


def test_welch_is_that_of_statsmodels() -> None:
    first, second = [0.31, 0.35, 0.30, 0.36], [0.28, 0.30, 0.33]
    gap, oracle = welch(first, second), CompareMeans(DescrStatsW(first), DescrStatsW(second))
    assert (gap.low, gap.high) == pytest.approx(oracle.tconfint_diff(usevar="unequal"))
    assert gap.p == pytest.approx(oracle.ttest_ind(usevar="unequal")[1])


def test_equal_sides_agree_and_shifted_ones_do_not() -> None:
    ours = trainings(jpeg=0.0)
    assert all(agrees(row) for row in at_each_rate(trainings(), ours))
    shifted = at_each_rate(trainings(shift=0.2), ours)
    assert not any(agrees(row) for row in shifted if "at 0.05" not in row["name"])


def test_last_row_is_the_mean_of_all_trainings() -> None:
    *rows, mean = at_each_rate(trainings(), trainings(jpeg=0.01))
    assert len(rows) == 1 + 3 * len(RATES)
    assert mean["ddranking"]["mean"] == pytest.approx(np.mean([one.accuracy for one in trainings()]))
    assert mean["gap"]["mean"] == pytest.approx(-0.01 * 5 / 16)


def test_scores_are_repeat_by_repeat_and_in_fractions() -> None:
    rows = {row["name"]: row for row in as_released(trainings(), trainings(jpeg=0.01))}
    assert rows["HLR"]["ddranking"]["mean"] == pytest.approx(np.mean([0.5 - 0.22, 0.51 - 0.304, 0.52 - 0.222]))
    assert rows["IOR"]["ddranking"]["mean"] == pytest.approx(0.05)
    assert rows["IOR"]["rd3"]["mean"] == pytest.approx(0.06)
    assert 0 < rows["LRS"]["rd3"]["mean"] < 1


def test_an_unnoticed_training_is_found_out() -> None:
    hlr = 100 * np.mean([0.5 - 0.22, 0.51 - 0.304, 0.52 - 0.222])
    printed = {"hard_label_recovery_mean": hlr, "improvement_over_random_mean": 5.0}
    require_all_noted(Outcome(1.0, tuple(trainings()), {"printed": printed}))
    missed = tuple(one for one in trainings() if one.lr != RATES[3])
    with pytest.raises(UserError, match="went unnoticed"):
        require_all_noted(Outcome(1.0, missed, {"printed": printed}))


def test_choices_are_paired_differences() -> None:
    effects = {(row["side"], row["name"][:4]): row["effect"] for row in choices(trainings(), trainings(jpeg=0.01))}
    assert effects["ddranking", "A_sh"]["mean"] == pytest.approx(np.mean([0.22 - 0.203, 0, 0.222 - 0.205]))
    searched, given = np.array([0.27, 0.354, 0.272]), np.array([0.32, 0.321, 0.322])
    assert effects["rd3", "IOR:"]["mean"] == pytest.approx(np.mean((given - searched) - 0.05))


def result() -> dict[str, object]:
    peer, ours = trainings(), trainings(jpeg=0.01)
    records = [
        record(method, labels, replicate=repeat, accuracy=accuracy + 0.01 * repeat)
        for method, labels, accuracy in (
            ("whole", "hard", 0.5),
            ("rded", "hard", 0.2),
            ("rded", "online", 0.3),
            ("random", "online", 0.28),
        )
        for repeat in range(3)
    ]
    cost = {"seconds": 60.0, "compute_seconds": 50.0, "repeats": 3, "trainings": 48}
    printed = ("hard_label_recovery_mean", "improvement_over_random_mean", "label_robust_score_mean")
    return {
        "size": {"train_per_class": 40, "test_per_class": 50, "ipc": 5, "epochs": 20, "repeats": 3},
        "sets": ("rded", "herding"),
        "environment": {"processor": "a|b", "cores": 2, "rd3": {"torch": "2"}, "ddranking": {"torch": "2"}},
        "teacher": {"rd3": 0.4, "ddranking": 0.4},
        "as_released": as_released(peer, ours),
        "at_each_rate": at_each_rate(peer, ours),
        "choices": choices(peer, ours),
        "held_out": held_out(records),
        "printed": dict.fromkeys(printed, 1.0),
        "costs": [{"name": name, **cost} for name in ("held-out", "ddranking second")],
    }


def test_report_shows_every_row_in_percent() -> None:
    text = markdown(result())
    assert "| A_rh | 51.0 ± 2.5 | 51.0 ± 2.5 |" in text
    assert all(f"| {row['name']} |" in text for row in result()["at_each_rate"])
    assert "| IOR | 5.0 ± 0.0 |" in text
    assert "| 16 |" in text
