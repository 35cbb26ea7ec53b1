"""The result as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.core.write import table

Result = Mapping[str, Any]
SIGNIFICANT = 0.05


def markdown(result: Result) -> str:
    """All tables; accuracies and scores in percent points, LRS as a fraction."""
    parts = (_head(result), _released(result), _rates(result), _choices(result), _costs(result))
    return "\n\n".join(parts) + "\n"


def _head(result: Result) -> str:
    size, place, teacher = result["size"], result["environment"], result["teacher"]
    return (
        "# ddranking 0.2.0 and rd3, side by side\n\n"
        f"CIFAR-10 cut to {size['train_per_class']} training and {size['test_per_class']} test images a class; sets of"
        f" {size['ipc']} images a class by {result['sets'][0]} and {result['sets'][1]}; ConvNet-3-BN,"
        f" {size['epochs']} epochs, {size['repeats']} repeats; {place['processor']}, {place['cores']} cores, torch"
        f" {place['rd3']['torch']} and {place['ddranking']['torch']}. The teacher has {100 * teacher['rd3']:.1f} % of"
        f" the test images right in rd3 and {100 * teacher['ddranking']:.1f} % in ddranking.\n\n"
        "Means ± 95 % t-interval over repeats, in percent; LRS is a fraction. A difference is rd3 minus ddranking with"
        " Welch's 95 % interval, p after Holm over its table."
    )


def _released(result: Result) -> str:
    held = result["held_out"]
    rows = [
        (row["name"], *_pair(row), pm(held[row["name"]], row["name"]), "yes" if agrees(row) else "NO")
        for row in result["as_released"]
    ]
    head = ("", "ddranking", "rd3, choosing alike", "difference", "p", "rd3 as it means it", "agree")
    printed = result["printed"]
    return (
        f"## {result['sets'][0]}: the scores\n\n"
        "Choosing alike: the best rate of five on the test images, random images through JPEG. As it means it: the rate"
        " chosen on held-out training images, the last epoch, random images as they are.\n\n"
        f"{table(head, rows)}\n\n"
        f"ddranking prints HLR {printed['hard_label_recovery_mean']:.2f} %, IOR"
        f" {printed['improvement_over_random_mean']:.2f} % and LRS {printed['label_robust_score_mean']:.4f} %: it puts"
        " percent numbers where the formula takes fractions."
    )


def _rates(result: Result) -> str:
    rows = [(row["name"], *_pair(row), "yes" if agrees(row) else "NO") for row in result["at_each_rate"]]
    head = ("", "ddranking", "rd3", "difference", "p", "agree")
    return f"## {result['sets'][0]}: the same trainings, no rate chosen\n\n{table(head, rows)}"


def _choices(result: Result) -> str:
    rows = [(row["name"], row["side"], pm(row["effect"])) for row in result["choices"]]
    head = ("one choice changed, paired by repeat", "measured with", "effect")
    return f"## What a choice does\n\n{table(head, rows)}"


def _costs(result: Result) -> str:
    names = {
        "held-out": f"rd3, {result['sets'][0]}",
        "held-out second": f"rd3, {result['sets'][1]} after it: its references are there",
        "test-peek": f"rd3, {result['sets'][0]}, choosing as ddranking does",
        "jpeg": "rd3, random images through JPEG",
        "ddranking": f"ddranking, {result['sets'][0]}",
        "ddranking second": f"ddranking, {result['sets'][1]} after it",
    }
    rows = [(names[row["name"]], *_seconds(row)) for row in result["costs"]]
    head = ("process", "wall time", "of it work", "repeats", "trainings", "trainings a repeat", "s a repeat")
    return f"## Cost\n\n{table(head, rows)}"


def _seconds(row: Result) -> tuple[str, ...]:
    seconds, repeats, trainings = row["seconds"], row["repeats"], row["trainings"]
    each = f"{row['compute_seconds'] / repeats:.0f}"
    return (
        f"{seconds:.0f} s",
        f"{row['compute_seconds']:.0f} s",
        str(repeats),
        str(trainings),
        str(trainings // repeats),
        each,
    )


def _pair(row: Result) -> tuple[str, str, str, str]:
    gap = row["gap"]
    p = "–" if row["p_holm"] is None else f"{row['p_holm']:.2f}"
    return pm(row["ddranking"], row["name"]), pm(row["rd3"], row["name"]), pm(gap, row["name"]), p


def agrees(row: Result) -> bool:
    """Whether noise explains the difference; two values without any spread must be equal."""
    if row["p_holm"] is None:
        return row["gap"]["low"] is None and (row["gap"]["mean"] == 0 or row["ddranking"]["n"] == 1)
    return bool(row["p_holm"] >= SIGNIFICANT)


def pm(interval: Result, name: str = "") -> str:
    """`31.2 ± 1.4`, in percent but for LRS.

    >>> pm({"mean": 0.312, "low": 0.298, "high": 0.326})
    '31.2 ± 1.4'
    >>> pm({"mean": 0.25, "low": 0.24, "high": 0.26}, "LRS")
    '0.250 ± 0.010'
    """
    scale, digits = (1, 3) if name == "LRS" else (100, 1)
    text = f"{scale * interval['mean']:.{digits}f}"
    if interval["low"] is None:
        return text
    return f"{text} ± {scale * (interval['high'] - interval['low']) / 2:.{digits}f}"
