"""The public verbs. Each makes jobs, does what the store lacks, and reads the answer from the store."""

from __future__ import annotations

from rd3.api.auditing import audit, rectify
from rd3.api.exporting import export
from rd3.api.judging import Evaluation, evaluate
from rd3.api.making import distill, distill_job, squeeze
from rd3.api.scoring import own_label, plan_score, score
from rd3.api.studies import run_study

__all__ = [
    "Evaluation",
    "audit",
    "distill",
    "distill_job",
    "evaluate",
    "export",
    "own_label",
    "plan_score",
    "rectify",
    "run_study",
    "score",
    "squeeze",
]
