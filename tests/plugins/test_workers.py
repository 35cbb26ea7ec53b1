"""A study with a plug-in of every kind, in worker processes as in this one; neither looks into the current folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.plugins.protocol import short_protocol

import rd3
from rd3.study.store import Store

FILES = {
    "data.py": """
import rd3

def digits():
    whole = rd3.load_target("digits")
    return whole.train.pixels[:300], whole.train.labels[:300], whole.test.pixels, whole.test.labels
""",
    "nets.py": """
from parts import head
from torch import nn

def net(*, classes, size, channels):
    return nn.Sequential(nn.Flatten(), head(channels * size**2, classes))
""",
    "parts.py": "from torch import nn\n\ndef head(width, classes):\n    return nn.Linear(width, classes)\n",
    "methods/mine.py": """
from rd3.data.subset import random_subset
from rd3.methods.base import Distilled, Method

class Drawn(Method):
    needs_teacher = False
    def distill(self, task):
        rows = random_subset(task.target, task.ipc, task.seed)
        return Distilled(task.target.train.batch(rows), task.labels)
    def memory(self, target, ipc, teachers, device):
        return 10**8
""",
    "noise.py": """
import torch
from rd3.training.augment.base import Augmentation

class Noise(Augmentation):
    strength: float = 0.1
    def draw(self, count, size, generator):
        return {"noise": torch.randn(count, 1, size, size, generator=generator, device=generator.device)}
    def transform(self, images, draw):
        return images + self.strength * draw["noise"]
""",
    "mine.yaml": short_protocol("{kind: 'noise:Noise', strength: 0.05}"),
    "study.yaml": """
name: study
targets: ['data:digits']
teacher: {model: 'nets:net', epochs: 1}
methods: [random, 'methods/mine.py:Drawn', herding]
ipc: [1]
protocols: [mine.yaml]
students: ['nets:net']
seeds: 2
scores: []
""",
}


def accuracies(folder: Path) -> dict[tuple[str, int], float]:
    records = [json.loads(place.read_text()) for place in (folder / "records").glob("*.json")]
    return {(record["method"], record["replicate"]): record["accuracy"] for record in records}


def test_worker_processes_find_plug_ins_and_give_the_same_numbers(write, tmp_path: Path) -> None:
    for name, text in FILES.items():
        write(name, text)
    assert str(tmp_path) not in sys.path
    here, there = (
        accuracies(
            rd3.run_study("study.yaml", store=Store(tmp_path / str(workers)), device="cpu", workers=workers).folder
        )
        for workers in (1, 2)
    )
    assert here == there
    assert {method for method, _ in here} == {"random", "methods/mine.py:Drawn", "herding"}
    assert here["random", 0] == here["methods/mine.py:Drawn", 0]  # the same images under the same seed
