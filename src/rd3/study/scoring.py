"""The trainings behind HLR, IOR, LRS and ARS of one synthetic, by the sub-accuracy that they give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rd3.base.errors import unknown
from rd3.evaluation.files import load_protocol
from rd3.evaluation.modifiers import learned_rate, modified, searches
from rd3.evaluation.protocol import Protocol
from rd3.study.asked import RANDOM
from rd3.study.bench import Bench, input_of, ipc_of
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import RunInput, RunJob, hard_itself
from rd3.study.jobs.synthetic import SyntheticJob
from rd3.study.plan import load_whole, planned_input, synthetic_job
from rd3.study.records import NOTHING
from rd3.synthetic.artifact import Synthetic

SCORES: Final = ("lrs", "ars")

# field of `SubAccuracies` -> DD-Ranking's symbol, and what is trained on what
PARTS: Final = {
    "whole_hard": ("A_rh", "whole target, hard labels"),
    "synthetic_hard": ("A_sh", "synthetic, hard labels"),
    "synthetic_own": ("A_sa", "synthetic, the protocol itself"),
    "random_own": ("A_ra", "random real images, the protocol itself"),
    "synthetic_plain": ("A_sn", "synthetic, without augmentation"),
    "random_plain": ("A_rn", "random real images, without augmentation"),
}


@dataclass(frozen=True)
class ScoreJobs:
    """All that the scores of one synthetic need.

    Attributes:
        protocol: under which it is scored.
        draws: the random subsets.
        parts: field of `SubAccuracies` -> the runs that give it, in the order of `PARTS`. Under hard labels the two
            parts `synthetic_own` and `synthetic_hard` are the same runs.
    """

    protocol: Protocol
    draws: tuple[SyntheticJob, ...]
    parts: dict[str, list[RunJob]]

    @property
    def all(self) -> list[Job]:
        """Each job once, after what it needs."""
        jobs: list[Job] = [*self.draws, *(run for runs in self.parts.values() for run in runs)]
        return list({job.key: job for job in jobs}.values())


def score_jobs(synthetic: Synthetic, bench: Bench, protocol: Protocol, *, scores: Sequence[str] = SCORES) -> ScoreJobs:
    """The jobs of a synthetic's own runs, and of the references with their random subsets.

    The references are those of (target, IPC, student, protocol, seed), whatever is scored against them.

    Args:
        scores: `lrs` for HLR, IOR and LRS; `ars` for IOR and ARS.

    Raises:
        UserError: an unknown score, or labels that nobody is there to give.
    """
    for score in scores:
        if score not in SCORES:
            raise unknown("score", score, SCORES)
    protocol, notes = with_learned_rate(protocol, synthetic)
    ipc = ipc_of(synthetic)
    draws = [synthetic_job(bench.target, RANDOM, ipc=ipc, teacher=None, draw=draw) for draw in range(bench.seeds)]
    own = [input_of(synthetic, notes)]
    random = [planned_input(bench.target, job.spec, notes) for job in draws]
    parts = dict(_parts(bench, protocol, own, random, scores))
    return ScoreJobs(protocol, tuple(draws), {name: parts[name] for name in PARTS if name in parts})


def _parts(
    bench: Bench, protocol: Protocol, own: list[RunInput], random: list[RunInput], scores: Sequence[str]
) -> Iterator[tuple[str, list[RunJob]]]:
    named = protocol.counterparts
    runs = bench.runs(protocol, own)
    yield "synthetic_own", runs
    yield "random_own", bench.runs(protocol, random)
    if "lrs" in scores:
        whole = bench.whole or named.whole
        if hard_itself(protocol, bench.target, own[0].ipc, bench.student):
            yield "synthetic_hard", runs
        elif named.hard:
            yield "synthetic_hard", bench.runs(load_protocol(named.hard), own)
        if whole not in (None, NOTHING):
            yield "whole_hard", bench.runs(load_whole(str(whole)), [RunInput.whole(bench.target)])
    if "ars" in scores and named.plain:
        plain = load_protocol(named.plain)
        yield "synthetic_plain", bench.runs(plain, own)
        yield "random_plain", bench.runs(plain, random)


def with_learned_rate(protocol: Protocol, synthetic: Synthetic) -> tuple[Protocol, tuple[str, ...]]:
    """The protocol with the set's learned rate among those that it searches, and a flag that says so.

    Random images get the same search. A protocol that searches nothing, or for random images only, stays as it is.
    """
    learned = synthetic.learned_lr
    if learned is None or not searches(protocol) or _for_random_only(protocol):
        return protocol, ()
    note = f"the rate {learned:.6g}, which the set learned, is searched too, for random images as well"
    return modified(protocol, learned_rate(learned)), (note,)


def _for_random_only(protocol: Protocol) -> bool:
    field = protocol.fields.get("lr_search_for")
    return field is not None and all(case.value == "random" for case in field.written())
