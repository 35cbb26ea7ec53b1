"""Settings that change no number because others make them so, such as momentum under Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from rd3.evaluation.settings import Settings
from rd3.training.losses import REGRESSIONS


class Rule(NamedTuple):
    """Fields that are read by nobody where `holds`."""

    fields: tuple[str, ...]
    holds: Callable[[Settings], bool]


RULES: Final = (
    Rule(("accumulation",), lambda s: s.micro_batch is None),
    Rule(("lr",), lambda s: s.lr_search is not None and s.lr_search_for == "both"),
    Rule(("lr_search_for", "selection"), lambda s: s.lr_search is None),
    Rule(("momentum",), lambda s: s.optimiser != "sgd"),
    Rule(("betas", "eps"), lambda s: s.optimiser == "sgd"),
    Rule(("wd_exclude_1d",), lambda s: s.weight_decay == 0),
    Rule(("milestones", "decay"), lambda s: s.schedule not in ("step", "multistep")),
    Rule(("zeta", "schedule_end"), lambda s: s.schedule not in ("cosine", "cos2", "linear")),
    Rule(("warmup_start",), lambda s: s.warmup_epochs == 0),
    Rule(("mix_labels",), lambda s: s.mix is None or not _mixes_labels(s)),
    Rule(
        (
            *("teacher_combine", "teacher_weights", "teacher_bn", "teacher_normalisation", "teacher_autocast"),
            *("teacher", "label_precision", "gamma", "hard_phase"),
        ),
        lambda s: not s.soft,
    ),
    Rule(("teacher_bn_sub_batch",), lambda s: not s.soft or s.teacher_bn == "eval"),
    Rule(("label_input",), lambda s: s.labels != "online"),
    Rule(("label_draw",), lambda s: s.label_epochs is None),
    Rule(("static_mix",), lambda s: s.labels != "static"),
    Rule(("temperature", "kl_t2"), lambda s: s.loss in ("ce", *REGRESSIONS)),
    Rule(("gt_label",), lambda s: not _joins_hard(s)),
    Rule(("label_smoothing",), lambda s: s.soft and not _joins_hard(s) and s.hard_phase is None),
    Rule(("ema_buffers",), lambda s: s.ema is None),
    Rule(("normalisation",), lambda s: s.zca is not None),
    Rule(("zca_kind",), lambda s: s.zca is None),
    Rule(("report_every", "report_phase"), lambda s: s.report == "last"),
)
NEUTRAL: Final[dict[str, Any]] = {"normalisation": "target"}  # of fields without a default


def inert(settings: Settings) -> frozenset[str]:
    """The fields whose value changes no number under these settings."""
    return frozenset(name for rule in RULES if rule.holds(settings) for name in rule.fields)


def neutral(settings: Settings) -> Settings:
    """The same with every inert field at its default.

    >>> given = Settings(labels="hard", optimiser="adamw", loss="ce", normalisation="target", epochs=2, batch_size=10,
    ...                  momentum=0.5, temperature=20)
    >>> neutral(given).momentum, neutral(given).temperature
    (0.9, 1.0)
    """
    fields = Settings.model_fields
    return settings.model_copy(
        update={name: NEUTRAL.get(name, fields[name].default) for name in sorted(inert(settings))}
    )


def aligned(settings: Settings, other: Settings) -> Settings:
    """The same with every inert field as the other settings have it, so that it is no difference to them.

    `neutral` of it is `neutral` of what was given: no rule asks for a field that another rule frees.
    """
    return settings.model_copy(update={name: getattr(other, name) for name in sorted(inert(settings))})


def _joins_hard(settings: Settings) -> bool:
    """Whether a hard-label term stands beside the soft loss."""
    return settings.soft and settings.gamma > 0


def _mixes_labels(settings: Settings) -> bool:
    """Whether any epoch or term has hard or static labels that follow the mixing."""
    if settings.labels != "online" or settings.hard_phase is not None:
        return True
    return _joins_hard(settings) and settings.gt_label == "mixed"
