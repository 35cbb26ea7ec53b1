"""The scores of a set, with their references."""

from __future__ import annotations

from collections.abc import Sequence

from rd3.api.work import do
from rd3.data.target import Target
from rd3.evaluation.modifiers import TEST_PEEK, Selection, selected, split_modifiers
from rd3.scores.definitions import USUAL_WEIGHT, require_weights
from rd3.study.asked import RANDOM, ranking_protocol
from rd3.study.bench import Bench, Teachers, keep_synthetic
from rd3.study.executors.base import Listener
from rd3.study.executors.choose import choose_executor
from rd3.study.jobs.run import WHOLE, record_of
from rd3.study.ranking import rows
from rd3.study.records import NOTHING
from rd3.study.scorecard import ScoreCard, parts_of
from rd3.study.scoring import SCORES, ScoreJobs, score_jobs
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check


def score(
    synthetic: Synthetic,
    target: Target,
    *,
    protocol: str = "rd3",
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    whole: str | None = None,
    scores: Sequence[str] = SCORES,
    w: float = USUAL_WEIGHT,
    gamma: float = USUAL_WEIGHT,
    selection: Selection = "held-out",
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> ScoreCard:
    """HLR, IOR, LRS and ARS of `synthetic` (DD-Ranking, arXiv 2505.13300), with its references.

    The references (random subsets, the whole target) are trained once for all methods and come from the store later.

    Args:
        teacher: as in `evaluate`. Static soft labels of the set's own come first; images without any, random real ones
            among them, are labelled once by the teacher.
        whole: protocol for the whole target, in place of the one that `protocol` names; `none` leaves HLR out.
        scores: `lrs` for HLR, IOR and LRS; `ars` for IOR and ARS; both by default.
        w: weight of IOR against HLR in LRS.
        gamma: weight of the augmented against the plain difference in ARS.
        selection: `test-peek` chooses rates and epochs on the test split, for comparison only.

    Raises:
        UserError: as `evaluate` does, or a protocol that only serves the scores of others.
    """
    require_weights(w, gamma)
    store = store or Store()
    jobs = plan_score(
        synthetic,
        target,
        protocol=protocol,
        teacher=teacher,
        student=student,
        seeds=seeds,
        whole=whole,
        scores=scores,
        selection=selection,
        store=store,
    )
    keep_synthetic(synthetic, target, store)
    do(jobs.all, store, choose_executor(device, workers=workers), listener)
    label = own_label(synthetic)
    records = {
        name: [record_of(run, store, label=label if name.startswith("synthetic") else None) for run in runs]
        for name, runs in jobs.parts.items()
    }
    # a random set may be one of its own references: the same run then stands under two names
    unique = {(record.fingerprint, record.method): record for found in records.values() for record in found}
    table = rows(list(unique.values()), w=w, gamma=gamma)
    row = next(r for r in table if r["method"] == label and r["protocol"]["id"] == jobs.protocol.id)
    return ScoreCard(row, parts_of(records), w=w, gamma=gamma)


def plan_score(
    synthetic: Synthetic,
    target: Target,
    *,
    protocol: str = "rd3",
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    whole: str | None = None,
    scores: Sequence[str] = SCORES,
    selection: Selection = "held-out",
    store: Store,
) -> ScoreJobs:
    """The trainings behind `score`, by the sub-accuracy that they give; none is done.

    Args:
        teacher: also as a `Labeller`, for one that is still to be squeezed.
    """
    check(synthetic, target)
    if whole not in (None, NOTHING):
        peeks = TEST_PEEK in split_modifiers(protocol)[1]
        whole = selected(str(whole), "test-peek" if peeks else selection)
    bench = Bench(target, teacher, student, seeds, store, whole)
    return score_jobs(synthetic, bench, ranking_protocol(selected(protocol, selection)), scores=scores)


def own_label(synthetic: Synthetic) -> str:
    """What the set is called beside its references, not to be taken for one of them."""
    method = synthetic.manifest.method
    return f"{method} (this set)" if method in (RANDOM, WHOLE) else method
