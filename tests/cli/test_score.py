"""`rd3 score`: what it prints, writes and plans, and configuration files of DD-Ranking through to their scores."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.datasets import load_sample_images

from rd3.evaluation.files import counterpart_ids, load_protocol
from rd3.scores.definitions import ars, lrs

MODEL = "convnet1-bn-w8"
PLACE = ("--workers", 1, "--teacher-epochs", 1)


@pytest.fixture(scope="module")
def home(tmp_path_factory, pristine):
    """A home of these tests' own: several students and protocols pile up in it."""
    return pristine.copied(tmp_path_factory.mktemp("scored") / "home")


def lines_of_parts(said: str) -> dict[str, list[str]]:
    """Symbol -> the rest of its row in the printed table of sub-accuracies."""
    return {
        row[0]: row[1:] for line in said.splitlines() if (row := line.split()) and re.fullmatch("A_r?s?[hasn]+", row[0])
    }


def test_the_sub_accuracies_are_printed_and_written(terminal, home, tmp_path) -> None:
    said = terminal.done("score", home.sre2l, "digits", *home.judging, "--json", tmp_path / "scores.json")
    (card,) = json.loads((tmp_path / "scores.json").read_text())
    printed = lines_of_parts(said)
    assert (
        list(printed) == [part["symbol"] for part in card["parts"]] == ["A_rh", "A_sh", "A_sa", "A_ra", "A_sn", "A_rn"]
    )
    for part in card["parts"]:
        runs = part["runs"]
        accuracies = [run["accuracy"] for run in runs]
        assert part["mean"] == pytest.approx(np.mean(accuracies))
        assert f"{100 * part['mean']:.1f}" in printed[part["symbol"]]
        assert part["n"] == len({run["seed"] for run in runs}) == 2
        assert all(run["lr"] > 0 for run in runs)
    assert len({run["images"] for part in card["parts"] for run in part["runs"] if part["symbol"] == "A_ra"}) == 2


def test_scores_follow_from_what_was_written(terminal, home, tmp_path) -> None:
    """With any weights: the file holds the replicates, so nobody has to train again for another w."""
    words = ("score", home.sre2l, "digits", *home.judging, "--json")
    terminal.done(*words, tmp_path / "usual.json")
    said = terminal.done(*words, tmp_path / "other.json", "--w", 0.25, "--gamma", 0.75)
    (usual,), (other,) = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("usual", "other"))
    accuracy = {p["symbol"]: {r["replicate"]: r["accuracy"] for r in p["runs"]} for p in usual["parts"]}
    pairs = [{name: accuracy[name][r] for name in accuracy} for r in (0, 1)]
    lrss = [lrs(one["A_rh"] - one["A_sh"], one["A_sa"] - one["A_ra"], w=0.25) for one in pairs]
    arss = [ars(one["A_sa"] - one["A_ra"], one["A_sn"] - one["A_rn"], gamma=0.75) for one in pairs]
    assert other["row"]["lrs"]["mean"] == pytest.approx(np.mean(lrss))
    assert other["row"]["ars"]["mean"] == pytest.approx(np.mean(arss))
    assert usual["row"]["lrs"]["mean"] != other["row"]["lrs"]["mean"]
    assert "w = 0.25, γ = 0.75" in said
    assert "weights other than the usual 0.5" in said
    assert "w = 1.5: must be a fraction" in terminal(*words, tmp_path / "no.json", "--w", 1.5).complaint


def test_rank_weighs_stored_records(terminal, own, tmp_path) -> None:
    terminal.done("score", own.sre2l, "digits", *own.judging, "--json", tmp_path / "scores.json")
    records = own.path / "store" / "run"
    terminal.done("rank", records, "--w", 1, "--gamma", 0, "--out", tmp_path / "out")
    rows = json.loads((tmp_path / "out" / "ranking.json").read_text())["rows"]
    row = next(r for r in rows if r["method"].startswith("sre2l") and r["protocol"]["id"] == "quick" and r["ars"])
    (card,) = json.loads((tmp_path / "scores.json").read_text())
    iors = list(card["replicates"]["ior"].values())
    assert row["lrs"]["mean"] == pytest.approx(np.mean([lrs(0.0, ior, w=1.0) for ior in iors]))


def test_a_plan_counts_what_is_stored_and_trains_nothing(terminal, own) -> None:
    words = ("score", own.sre2l, "digits", *own.judging)
    before = own.snapshot()
    said = terminal.done(*words, "--plan")
    assert own.snapshot() == before
    assert re.findall(r"A_\w\w .*: (\d+) stored, (\d+) missing", said) == [("0", "2")] * 6
    assert "12 trainings missing, about" in said
    assert said.count("to make first: distill random") == 1  # the other draw is there
    terminal.done(*words)
    done = terminal.done(*words, "--plan")
    assert re.findall(r"A_\w\w .*: (\d+) stored, (\d+) missing", done) == [("2", "0")] * 6
    assert "0 trainings missing" in done
    other = terminal.done("score", own.random, "digits", *own.judging, "--plan")
    missing = dict(re.findall(r"(A_\w\w) .*: \d+ stored, (\d+) missing", other))
    # a random set is itself the first draw of its reference
    assert missing == {"A_rh": "0", "A_sh": "2", "A_sa": "1", "A_ra": "0", "A_sn": "1", "A_rn": "0"}


def test_a_plan_squeezes_no_teacher(terminal, home, tmp_path) -> None:
    words = ("--home", tmp_path / "new", "--workers", 1, "--protocol", home.protocol, "--seeds", 2)
    said = terminal.done("score", home.sre2l, "digits", *words, "--teacher-model", f"{MODEL},mlp", "--plan")
    assert f"to make first: squeeze digits into {MODEL}" in said
    assert "12 trainings missing" in said
    assert not (tmp_path / "new").exists()


def test_students_get_a_row_each(terminal, home) -> None:
    students = ("mlp", MODEL)
    words = (home.sre2l, "digits", *home.judging, "--students", ",".join(students))
    said = terminal.done("score", *words)
    for student in students:
        assert re.search(rf"^{student} +\S+ ± ", said, flags=re.MULTILINE)
    judged = terminal.done("evaluate", *words[:-1], "mlp", "--students", MODEL).splitlines()
    assert [re.search(r"\((.+?)\): ", line)[1] for line in judged[:2]] == list(students)
    alone = terminal.done("evaluate", *words[:-1], "mlp").splitlines()[0]
    assert alone.rpartition(",")[0] == judged[0].rpartition(",")[0]


def test_teachers_may_be_several(terminal, own) -> None:
    """The protocol asks for one, so the first labels; both are squeezed and named."""
    shared = ("--home", own.path, *PLACE)
    said = terminal.done("squeeze", "digits", *shared, "--teacher-model", "mlp", "--teacher-model", MODEL)
    assert [line.split()[2] for line in said.splitlines()] == ["mlp", MODEL]
    words = ("--protocol", own.protocol, "--seeds", 1, "--teacher-model", f"mlp,{MODEL}")
    terminal.done("evaluate", own.random, "digits", *shared, *words)
    (record,) = [json.loads(file.read_text()) for file in (own.path / "store" / "run").glob("*/record.json")]
    assert list(record["teachers"]) == [said.splitlines()[0].split()[1].rstrip(":")]
    assert record["student"] == "mlp"
    wrong = terminal("squeeze", "digits", *shared, "--teacher-model", "a,b", "--teacher-file", "x.pt")
    assert wrong.complaint == "--teacher-file: 1 for 2 teacher(s); give one for each --teacher-model"


def test_peeking_shows_in_what_is_printed(terminal, own) -> None:
    said = terminal.done("score", own.random, "digits", *own.judging, "--selection", "test-peek")
    assert said.startswith("random (this set), IPC 2, quick+test-peek: ")
    assert "Chosen on the test split, for comparison only: none of these numbers may be ranked." in said
    assert "not rankable: " in said
    judged = terminal.done("evaluate", own.random, "digits", *own.judging, "--selection", "test-peek")
    assert "chosen on the test split: for comparison only" in judged
    honest = terminal.done("score", own.random, "digits", *own.judging)
    assert "test split" not in honest


def test_a_missing_target_is_asked_for(terminal, home) -> None:
    said = terminal("score", home.random, *home.judging).complaint
    assert said == "TARGET is missing: give the real data the set was made from, or --ddranking with a file"


# -- configuration files of DD-Ranking

SIDE = 16
COMMON: dict[str, Any] = {
    **{"dataset": "CIFAR10", "ipc": 2, "im_size": [SIDE, SIDE], "model_name": "MLP", "num_epochs": 3, "num_eval": 2},
    **{"optimizer": "sgd", "lr_scheduler": "step", "step_size": 2, "syn_batch_size": 4, "save_path": "./x.csv"},
}
CROP = [
    {"name": "RandomCrop", "args": {"size": SIDE, "padding": 2}},
    {"name": "RandomHorizontalFlip", "args": {"p": 0.5}},
    {"name": "ToTensor"},
    {"name": "Normalize", "args": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}},
]
SOFT = {"soft_label_mode": "M", "soft_label_criterion": "kl", "loss_fn_kwargs": {"temperature": 20.0},
        "teacher_model_names": ["MLP"]}  # fmt: skip
FILES: dict[str, dict[str, Any]] = {
    "hard": COMMON | {"data_aug_func": "dsa", "aug_params": {"prob_flip": 0.5, "ratio_scale": 1.2}},
    "soft": COMMON | SOFT | {
        "data_aug_func": "mixup", "aug_params": {"lambda": 0.8}, "custom_train_trans": CROP,
        "optimizer": "adamw", "lr_scheduler": "cosine",
    },
    "ars": COMMON | SOFT | {"soft_label_mode": "S", "label_type": "soft", "batch_size": 4},
}  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `real.npz` and `set.npz`: pieces of two photographs, 16 px in colour."""
    folder = tmp_path_factory.mktemp("photos")
    pieces = [
        image[top : top + SIDE, left : left + SIDE]
        for image in load_sample_images().images
        for top in range(0, 320, 64)
        for left in range(0, 640, 64)
    ]
    images = np.stack(pieces).transpose(0, 3, 1, 2)
    labels = np.repeat(np.arange(2), len(pieces) // 2)
    np.savez(folder / "real.npz", x_train=images, y_train=labels, x_test=images[::2], y_test=labels[::2])
    chosen = [0, 1, 50, 51]
    np.savez(folder / "set.npz", images=255 - images[chosen], labels=labels[chosen])
    (folder / "short.yaml").write_text(
        "id: short\nversion: 1\nbase: whole\ntitle: short\nsource: tests\npurpose: reference\n"
        "not_rankable: cut for tests\nfields:\n  epochs: {value: 1, provenance: inferred}\n"
    )
    for name, values in FILES.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))
    return folder


@pytest.mark.parametrize(
    ("name", "scores"), [("hard", {"hlr", "ior", "lrs"}), ("soft", {"hlr", "ior", "lrs"}), ("ars", {"ior", "ars"})]
)
def test_a_configuration_file_is_scored(name, scores, terminal, photos, tmp_path) -> None:
    words = ("score", photos / "set.npz", f"npz:{photos / 'real.npz'}", "--ddranking", photos / f"{name}.yaml")
    options = ("--home", tmp_path / "home", *PLACE, "--whole", photos / "short.yaml", "--json", tmp_path / "s.json")
    said = terminal.done(*words, *options)
    (card,) = json.loads((tmp_path / "s.json").read_text())
    row = card["row"]
    assert row["protocol"]["id"] == f"ddr-config-{name}"
    assert (row["student"], row["n"]) == ("mlp", 2)
    assert {score for score in ("hlr", "ior", "lrs", "ars") if row[score] is not None} == scores
    assert f"{name}.yaml: save_path: ignored; every run leaves a record in the store" in said
    for part in card["parts"]:
        for run in part["runs"]:
            searched = [rate for rate, _ in run["rates"]]
            assert searched == ([] if part["symbol"] == "A_rh" else [0.001, 0.005, 0.01, 0.05, 0.1])
            assert bool(run["teachers"]) == (name != "hard" and part["symbol"] not in ("A_rh", "A_sh"))


def test_the_published_way_is_there_for_comparison(terminal, photos, tmp_path) -> None:
    words = ("score", photos / "set.npz", f"npz:{photos / 'real.npz'}", "--ddranking", photos / "soft.yaml")
    switches = ("--selection", "test-peek", "--published", "unmixed-labels", "--published", "random-search")
    options = ("--home", tmp_path / "home", *PLACE, "--whole", photos / "short.yaml", "--json", tmp_path / "s.json")
    said = terminal.done(*words, *switches, *options)
    (card,) = json.loads((tmp_path / "s.json").read_text())
    assert card["chosen_on_the_test_split"] is True
    assert card["row"]["protocol"]["id"] == "ddr-config-soft+unmixed-labels+random-search+test-peek"
    assert card["row"]["rankable"] is False
    rates = {part["symbol"]: len(part["runs"][0]["rates"]) for part in card["parts"]}
    assert rates == {"A_rh": 0, "A_sh": 5, "A_sa": 5, "A_ra": 5}, "a set without a learned rate is searched for"
    for reason in ("chosen on the test split", "left unmixed", "random images get a search"):
        assert reason in said


def test_what_is_given_comes_before_what_the_file_says(terminal, photos, tmp_path) -> None:
    words = ("score", photos / "set.npz", f"npz:{photos / 'real.npz'}", "--ddranking", photos / "hard.yaml")
    options = ("--home", tmp_path / "home", *PLACE, "--whole", "none", "--seeds", 1, "--student", "lenet", "--plan")
    said = terminal.done(*words, *options, "--scores", "all")
    assert "ddr-config-hard, student lenet:" in said
    missing = re.findall(r"(A_\w\w) .*: 0 stored, (\d+) missing", said)
    assert missing == [("A_sh", "1"), ("A_ra", "1"), ("A_sn", "1"), ("A_rn", "1")]
    assert re.search(r"A_sa .*: the same trainings as above", said)  # hard labels: A_sa is A_sh
    refused = terminal(*words, *options, "--protocol", "rd3-hard").complaint
    assert refused == "--protocol rd3-hard: --ddranking brings a protocol of its own; give one of the two"


def test_a_bad_file_is_one_line(terminal, photos, tmp_path) -> None:
    (tmp_path / "bad.yaml").write_text("optimiser: sgd\n")
    said = terminal("score", photos / "set.npz", "--ddranking", tmp_path / "bad.yaml").complaint
    assert said.startswith(f"{tmp_path / 'bad.yaml'}: unknown key 'optimiser'; did you mean 'optimizer'?")


def test_a_configuration_file_validates(terminal, photos) -> None:
    said = terminal.done("validate", photos / "soft.yaml").splitlines()
    assert said[0] == f"{photos / 'soft.yaml'}: a configuration file of DD-Ranking for LRS, on CIFAR10"
    assert "protocol ddr-config-soft, hash " in said[1]
    assert said[1].endswith(", student mlp, 2 seeds")
    assert any("save_path: ignored" in line for line in said)


def test_a_study_takes_configuration_files_and_modified_protocols(terminal, photos, tmp_path) -> None:
    (tmp_path / "study.yaml").write_text(
        f"name: tiny\ntargets: ['npz:{photos / 'real.npz'}']\nteacher: {{model: mlp, epochs: 1}}\nmethods: [random]\n"
        f"ipc: [1]\nprotocols: ['ddranking:{photos / 'hard.yaml'}', rd3+test-peek]\nstudents: [mlp]\nseeds: 1\n"
    )
    said = terminal.done("study", "run", tmp_path / "study.yaml", "--plan", "--home", tmp_path / "home", "--workers", 1)
    planned = set(re.findall(r"^ +(\S+): (?:random|whole)", said, flags=re.MULTILINE))
    peeked = {f"{name}+test-peek" for name in ("rd3", "rd3-hard", "rd3-plain", "whole")}
    whole = counterpart_ids(load_protocol(f"ddranking:{photos / 'hard.yaml'}")).whole
    assert planned == {"ddr-config-hard", "ddr-config-hard-plain", whole, *peeked}
