"""Every shipped protocol against its published numbers, typed here a second time from the papers and released code.

The tables are in `published/`; a row of recipes is a cell and what holds there, in the words of `described`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rd3.data.facts import TargetFacts
from rd3.evaluation.files import list_protocols, load_protocol
from rd3.evaluation.settings import Settings

TARGETS = {
    "c10": TargetFacts("cifar10", 32, 3, 10, True),
    "c100": TargetFacts("cifar100", 32, 3, 100, True),
    "ti": TargetFacts("tiny-imagenet", 64, 3, 200, True),
    "in": TargetFacts("imagenet-1k", 224, 3, 1000, True),
    "in100": TargetFacts("folder:imagenet-100", 224, 3, 100, True),
    "nette": TargetFacts("imagenette", 224, 3, 10, True),
    "woof": TargetFacts("imagewoof", 224, 3, 10, True),
}
STUDENTS = {
    "r18": "resnet18",
    "r50": "tv:resnet50",
    "r101": "resnet101",
    "mbv2": "tv:mobilenet_v2",
    "eff": "tv:efficientnet_b0",
    "vit": "tv:vit_b_16",
    "swin": "tv:swin_t",
    "conv3": "convnet3",
}


UNSEEN = {
    "augment",
    "optimiser",
    "lr",
    "momentum",
    "weight_decay",
    "teacher",
    "lr_search",
}  # tested by themselves below


def rows(table: str) -> list[tuple[str, str]]:
    """(cell, what holds there) of `published/TABLE.txt`."""
    text = (Path(__file__).parent / "published" / f"{table}.txt").read_text()
    kept = [line for line in text.splitlines() if line and not line.startswith("#")]
    split = [line.split(" : " if table == "quirks" else "|", 1) for line in kept]
    return [(" ".join(cell.split()), rest.strip()) for cell, rest in split]


def settings_in(cell: str) -> Settings:
    name, target, ipc, student = cell.split()
    return load_protocol(name).resolve(TARGETS[target], int(ipc), STUDENTS[student])[0]


def short(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".").removeprefix("0") or "0"


OPERATIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "padded-crop": lambda values: f"pad{values['padding']}",
    "flip": lambda values: "flip" if values["p"] == 0.5 else "?",
    "random-resized-crop": lambda values: f"rrc{short(values['scale'][0])}" if values["scale"][1] == 1 else "?",
    "patch-shuffle": lambda values: f"{'noop' if values.get('noop') else 'shuffle'}{values['factor']}",
    "rand-augment": lambda values: f"ra{values['magnitude']}" if values["operations"] == 2 else "?",
    "timm-rand-augment": lambda values: f"timm-ra{values['magnitude']}" if values["magnitude_std"] == 1 else "?",
    "color-jitter": lambda values: f"jitter{short(values['brightness'])}",
    "lighting": lambda values: f"light{short(values['alpha'])}",
    "gaussian-noise": lambda values: f"noise{short(values['sigma'])}",
    "dsa": lambda values: "dsa" if values["strategy"].count("_") == 5 else "?",
    "frepo": lambda values: "frepo-augment" if values["strategy"].count("_") == 5 else "?",
    "diffaug": lambda values: f"diffaug-{values['strategy']}",
}


def described(settings: Settings) -> list[str]:
    """The columns of recipes.txt."""
    s = settings
    micro = f" ({s.micro_batch})" if s.micro_batch else ""
    rate = "search" if s.lr_search == (0.001, 0.005, 0.01, 0.05, 0.1) else short(s.lr)
    momentum = f" {short(s.momentum)}" if s.optimiser == "sgd" else ""
    if s.schedule in ("step", "multistep"):
        shape = f"{short(s.decay)} {','.join(map(str, s.milestones))}"
    else:
        shape = short(s.zeta) + (f" warm{s.warmup_epochs}" if s.warmup_epochs else "")
        shape += f" to{short(s.schedule_end)}" if s.schedule_end else ""
    return [
        f"{s.epochs} {s.batch_size}{micro}",
        f"{s.optimiser} {rate}{momentum} {short(s.weight_decay)} {'skip' if s.wd_exclude_1d else 'all'}",
        f"{s.schedule} {shape}",
        _loss(s),
        _mix(s.mix),
        " ".join(OPERATIONS[values["kind"]](values) for values in s.augment) or "-",
        _labels(s),
        f"{s.normalisation} {s.validation_resize or ''}".strip() + (f" ema{short(s.ema)}" if s.ema else ""),
    ]


def _loss(s: Settings) -> str:
    if s.loss == "mse-gt":
        return f"mse-gt {short(s.gamma)}"
    words = [s.loss] if s.loss in ("ce", "mse-centred") else [s.loss, short(s.temperature)]
    words += ["t2"] if s.kl_t2 else []
    words += [f"+{short(s.gamma)}"] if s.gamma else []
    words += [f"hard{short(s.hard_phase[0])}-{short(s.hard_phase[1])}"] if s.hard_phase else []
    words += [f"smooth{short(s.label_smoothing)}"] if s.label_smoothing else []
    return " ".join(words)


def _mix(mix: dict[str, Any] | None) -> str:
    if mix is None:
        return "-"
    partner = mix.get("partner", "permutation")
    share = f" p{short(mix['p'])}" if mix.get("p", 1) < 1 else ""
    return f"{mix['kind']} {short(mix['alpha'])}" + (f" {partner}" if partner != "permutation" else "") + share


def _labels(s: Settings) -> str:
    words = [s.labels] + ([str(len(s.pool))] if s.pool else [])
    words += ["norm"] if s.teacher_combine == "norm-mean" else []
    words += [f"train{s.teacher_bn_sub_batch or ''}"] if s.teacher_bn == "train" else []
    words += ["weighted"] if s.teacher_weights else []
    words += ["fp16"] if s.label_precision == "float16" else []
    words += [f"{s.label_draw}{short(s.label_epochs)}"] if s.label_epochs else []
    words += [f"zca{short(s.zca)}" + ("" if s.zca_kind == "kornia" else f"-{s.zca_kind}")] if s.zca else []
    return " ".join(words)


@pytest.mark.parametrize(("cell", "recipe"), rows("recipes"))
def test_a_cell_has_its_published_recipe(cell: str, recipe: str) -> None:
    settings = settings_in(cell)
    assert described(settings) == [" ".join(column.split()) for column in recipe.split("|")]
    if settings.optimiser == "adamw":
        assert (settings.betas, settings.eps) == ((0.9, 0.999), 1e-8)
    assert (settings.report, settings.selection) == ("last", "held-out")
    assert not settings.peeks


@pytest.mark.parametrize(("cell", "quirks"), rows("quirks"))
def test_released_code_differs_in_its_quirks_alone(cell: str, quirks: str) -> None:
    own, clean = settings_in(cell), settings_in(cell.replace("-code", "", 1))
    differing = {
        name: getattr(own, name) for name in Settings.model_fields if getattr(own, name) != getattr(clean, name)
    }
    expected = dict(quirk.split(" ") for quirk in quirks.split(", "))
    expected = {name: value for name, value in expected.items() if f"{getattr(clean, name)}" != value}
    assert {name: str(value) for name, value in differing.items() if name not in UNSEEN} == expected


@pytest.mark.parametrize(("cell", "expected"), rows("rates"))
def test_rates_and_smoothing_factors(cell: str, expected: str) -> None:
    name, target, student = cell.split()
    for ipc, entry in zip((1, 10, 50), expected.split(), strict=True):
        rate, zeta = map(float, entry.split("/"))
        settings = settings_in(f"{name} {target} {ipc} {student}")
        assert (settings.lr, settings.zeta) == (pytest.approx(rate / 1000), zeta), ipc


def test_every_protocol_is_in_a_table() -> None:
    named = {cell.split()[0] for table in ("recipes", "quirks") for cell, _ in rows(table)}
    assert named == set(list_protocols())


@pytest.mark.parametrize("target", ["c100", "ti"])
def test_edc_trains_small_sets_with_sgd_in_its_code(target: str) -> None:
    s = settings_in(f"edc-code {target} 10 r18")
    assert (s.optimiser, s.lr, s.momentum, s.weight_decay) == ("sgd", 0.1, 0.875, 5e-4)
    assert len(s.pool) == 5
    assert s.schedule == ("cos2" if target == "c100" else "cosine")
    assert s.report_every == (100 if target == "c100" else 30)


def test_operations_that_only_released_code_has() -> None:
    assert described(settings_in("edc-code in 10 r18"))[5] == "noop2 rrc.5 flip"
    assert described(settings_in("ddr-sre2l-code ti 50 r18"))[5] == "rrc.08 flip noise.1"
    assert settings_in("hald-code in 10 r18").augment[0]["coordinates"] == "fp16-trunc"


@pytest.mark.parametrize("cell", ["ddr-rded{} c10 10 conv3", "ddr-edc{} in 10 r18", "ddr-datm{} c10 10 conv3"])
def test_dd_ranking_searches_for_random_images_where_the_rate_is_given(cell: str) -> None:
    rates = (0.001, 0.005, 0.01, 0.05, 0.1)
    released, hard = settings_in(cell.format("-code")), settings_in(cell.format("-code-hard"))
    assert (released.lr_search, released.lr_search_for, released.selection) == (rates, "random", "test-peek")
    assert (hard.lr_search, hard.lr_search_for, hard.selection) == (rates, "both", "test-peek")


CV_DD = {  # IPC between the listed ones, as the released `if ipc == 10 … else` (IN: `if ipc == 50`) has it
    "in r18": {5: (1, 2), 20: (1, 2), 50: (1, 1), 100: (1, 2)},
    "c100 r18": {5: (1, 1), 10: (1, 2), 20: (1, 1)},
    "ti r18": {5: (1, 2), 10: (1, 1), 20: (1, 2)},
    "nette r18": {5: (0.5, 2), 10: (0.5, 1), 20: (0.5, 2)},
    "nette r50": {1: (0.5, 2), 5: (0.5, 1), 10: (1, 1), 20: (0.5, 1)},
    "nette r101": {20: (0.5, 2), 50: (1, 2)},
}


@pytest.mark.parametrize("place", sorted(CV_DD))
def test_rates_and_smoothing_factors_of_cv_dd_at_any_ipc(place: str) -> None:
    target, student = place.split()
    for ipc, (rate, zeta) in CV_DD[place].items():
        for name in ("cv-dd", "sre2l-plus-plus"):
            settings = settings_in(f"{name} {target} {ipc} {student}")
            assert (settings.lr, settings.zeta) == (pytest.approx(rate / 1000), zeta), (name, ipc)


def test_two_thirds_of_the_epochs_are_for_exactly_a_hundred_classes() -> None:
    photos = TargetFacts("any", 64, 3, 200, True)
    assert load_protocol("minimax").resolve(photos, 1, "resnet18")[0].epochs == 3000
    assert settings_in("minimax c100 1 r18").epochs == 2000


def test_halds_hard_counterpart_has_no_smoothing_of_a_phase_that_it_lacks() -> None:
    hard = settings_in("hald-hard in 10 r18")
    assert (hard.hard_phase, hard.label_smoothing) == (None, 0)


def test_lplds_hard_counterpart_repeats_nothing() -> None:
    assert settings_in("lpld-10x-code in 10 r18").repeat_last
    assert not settings_in("lpld-10x-code-hard in 10 r18").repeat_last


def test_committee_weights_are_the_softmax_of_a_tenth_of_the_priors() -> None:
    priors = {
        "c10": (63, 65.3, 68.5, 67.6, 67.4),
        "c100": (64, 60.6, 51.6, 59.4, 56.4),
        "ti": (46.5, 28.3, 43.6, 44.8, 41.5),
        "nette": (62.4, 52, 57.2, 54, 60.8),
        "in": (56.4, 42.3, 52.5, 44.2, 40.6),
    }
    for target, prior in priors.items():
        weights = settings_in(f"cv-dd {target} 10 r18").teacher_weights
        assert weights == pytest.approx(torch.softmax(torch.tensor(prior) / 10, dim=0).tolist(), abs=1e-6)


@pytest.mark.parametrize(("ipc", "epochs"), [(1, 100), (3, 33), (7, 14), (10, 10), (20, 5), (30, 3), (40, 2), (100, 1)])
def test_hald_has_a_hundred_soft_labels_a_class(ipc: int, epochs: int) -> None:
    assert settings_in(f"hald in {ipc} r18").label_epochs == epochs == 100 // ipc
