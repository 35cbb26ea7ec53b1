"""The judge: a set under a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rd3.api.work import do
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.modifiers import Selection, selected
from rd3.scores.intervals import Interval
from rd3.scores.nested import by_draw, nested
from rd3.study.audit.prepare import keep_images
from rd3.study.bench import Bench, Teachers, input_of, require_alike
from rd3.study.executors.base import Listener
from rd3.study.executors.choose import choose_executor
from rd3.study.jobs.run import record_of
from rd3.study.records import Record
from rd3.study.scoring import with_learned_rate
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        accuracies: last-epoch test accuracy of every replicate, fractions.
        interval: their mean with a 95 % t-interval over student seeds; of several draws that of the draws' means, each
            counting equally.
        seconds: mean seconds a run.
        records: of the runs.
    """

    accuracies: tuple[float, ...]
    interval: Interval
    seconds: float
    records: tuple[Record, ...]

    def __str__(self) -> str:
        text = f"{100 * self.interval.mean:.1f}"
        if self.interval.low is not None and self.interval.high is not None:
            runs = len(self.accuracies)
            over = f"n={runs}" if self.interval.n == runs else f"n={self.interval.n} draws, {runs} runs"
            text += f" ± {50 * (self.interval.high - self.interval.low):.1f} (95 % t, {over})"
        else:
            text += f" (n={len(self.accuracies)}: no interval)"
        return f"{text}, {self.seconds:.1f} s a run"


def evaluate(
    synthetic: Synthetic | Sequence[Synthetic],
    target: Target,
    *,
    protocol: str = "rd3",
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    selection: Selection = "held-out",
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> Evaluation:
    """Judge `synthetic` under a locked protocol.

    Args:
        synthetic: a set, or several draws of one method: replicate r takes draw r, modulo their number.
        protocol: id of a shipped protocol, or path of a protocol file.
        teacher: who labels, for protocols with soft labels; one teacher or a sequence. A protocol that asks for one
            takes the first, one that asks for a pool takes all.
        student: architecture; the first teacher's by default, `convnet3-bn` without one.
        seeds: replicates; each is one student.
        selection: `test-peek` chooses rates and epochs on the test split, for comparison only.
        workers: processes; more than one needs the usual `if __name__ == "__main__"` guard in scripts.

    Raises:
        UserError: anything that the judge cannot take, in one line, before the first training.
    """
    store = store or Store()
    bench = Bench(target, teacher, student, seeds, store)
    draws = [synthetic] if isinstance(synthetic, Synthetic) else list(synthetic)
    require_alike(draws)
    judge, notes = with_learned_rate(load_protocol(selected(protocol, selection)), draws[0])
    keep_images(draws, target, store)
    jobs = bench.runs(judge, [input_of(draw, notes) for draw in draws])
    do(jobs, store, choose_executor(device, workers=workers), listener)
    records = tuple(record_of(job, store) for job in jobs)
    accuracies = tuple(record.accuracy for record in records)
    seconds = fmean(record.seconds.train + record.seconds.relabel + record.seconds.report for record in records)
    values, made_of = dict(enumerate(accuracies)), {place: record.images for place, record in enumerate(records)}
    return Evaluation(accuracies, nested(by_draw(values, made_of)).interval, seconds, records)
