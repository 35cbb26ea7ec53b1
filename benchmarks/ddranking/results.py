"""What the benchmark leaves behind, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from statistics import fmean
from typing import Any

import yaml
from benchmarks.core.facts import processor
from benchmarks.ddranking.compare import as_ddranking_chooses, as_released, at_each_rate, choices, scores
from benchmarks.ddranking.sides import Outcome, our_part
from benchmarks.ddranking.task import HERE, Task
from benchmarks.ddranking.trainings import PARTS

import rd3
from rd3.base.errors import UserError
from rd3.scores.intervals import t_interval
from rd3.training.device import environment

HELD_OUT = ("held-out", "held-out second")
SCHEMA = "rd3.benchmark.ddranking/1"


def result_of(
    task: Task, sets: tuple[str, str], outcomes: Mapping[str, Outcome], *, cores: int, device: str = "cpu"
) -> dict[str, Any]:
    """Everything that was found.

    Args:
        outcomes: `ddranking`, `ddranking second`, `held-out`, `held-out second`, `test-peek` and `jpeg`.
    """
    peer = outcomes["ddranking"]
    require_all_noted(peer)
    ours = (*outcomes["test-peek"].trainings, *outcomes["jpeg"].trainings)
    return {
        "schema": SCHEMA,
        "size": asdict(task.size),
        "sets": sets,
        "config": yaml.safe_load((HERE / "config.yaml").read_text()),
        "environment": _environment(peer, cores, device),
        "teacher": {
            "rd3": task.teacher.test_accuracy,
            "ddranking": peer.found["teacher_correct"] / len(task.target.test),
        },
        "as_released": as_released(peer.trainings, ours),
        "at_each_rate": at_each_rate(peer.trainings, ours),
        "choices": choices(peer.trainings, ours),
        "held_out": held_out(outcomes["held-out"].found["records"]),
        "printed": peer.found["printed"],
        "costs": [_cost(name, outcome) for name, outcome in outcomes.items()],
        "trainings": {
            "ddranking": [asdict(one) for one in peer.trainings],
            "ddranking second": [asdict(one) for one in outcomes["ddranking second"].trainings],
            "rd3": [asdict(one) for one in ours],
        },
        "runs": {name: [_run(record) for record in outcomes[name].found["records"]] for name in HELD_OUT},
    }


def require_all_noted(peer: Outcome) -> None:
    """What was noted of ddranking must add up to what it prints.

    Raises:
        UserError: it does not.
    """
    noted = scores(as_ddranking_chooses(peer.trainings))
    for name, key in (("HLR", "hard_label_recovery_mean"), ("IOR", "improvement_over_random_mean")):
        found, printed = 100 * fmean(noted[name]), peer.found["printed"][key]
        if abs(found - printed) > 1e-4:
            raise UserError(f"ddranking prints {name} {printed}, and its trainings give {found}: some went unnoticed")


def _run(record: dict[str, Any]) -> dict[str, Any]:
    kept = ("method", "replicate", "seed", "accuracy", "lr", "rates", "seconds")
    return {"part": our_part(record), **{key: record[key] for key in kept}}


def held_out(records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Accuracies and scores as rd3 means them: last epoch, rates chosen on held-out training images."""
    parts: dict[str, dict[int, float]] = {part: {} for part in PARTS}
    for record in records:
        parts[our_part(record)][record["replicate"]] = record["accuracy"]
    values = {part: [by_repeat[repeat] for repeat in sorted(by_repeat)] for part, by_repeat in parts.items()}
    return {name: t_interval(found).as_json() for name, found in {**values, **scores(values)}.items()}


def _cost(name: str, outcome: Outcome) -> dict[str, Any]:
    """Wall-clock seconds of the process and, without its start, of the work; and how many students it trained."""
    return {
        "name": name,
        "seconds": outcome.seconds,
        "compute_seconds": outcome.found["compute_seconds"],
        "repeats": len({one.repeat for one in outcome.trainings}),
        "trainings": len(outcome.trainings),
    }


def _environment(peer: Outcome, cores: int, device: str) -> dict[str, Any]:
    import torch

    return {
        "processor": processor(),
        "cores": cores,
        "rd3": {"rd3": rd3.__version__, **environment(torch.device(device))},
        "ddranking": peer.found["versions"],
    }
