"""One synthetic on the judge's bench: the jobs behind `rd3.evaluate` and `rd3.score`."""

from __future__ import annotations

from collections.abc import Sequence

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.evaluation.protocol import Protocol
from rd3.squeeze.files import save_teacher
from rd3.squeeze.teacher import Teacher
from rd3.study.jobs.run import RunInput, RunJob, run_job
from rd3.study.jobs.synthetic import FOLDER, SyntheticJob, stored_synthetic
from rd3.study.jobs.teacher import TeacherJob
from rd3.study.labellers import Labeller
from rd3.study.plan import load_whole
from rd3.study.records import NOTHING
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check, require_raw
from rd3.synthetic.soft_labels import inferred_form

Teachers = Teacher | Labeller | Sequence[Teacher | Labeller] | None


class Bench:
    """Where one synthetic is judged: target, teachers, student and seeds.

    Args:
        whole: protocol for the whole target in place of the one that a protocol names, or `none`.
        teachers: who may label; one that is given as a `Teacher` is put into the store, a `Labeller` must get there.
    """

    def __init__(
        self,
        target: Target,
        teachers: Teachers,
        student: str | None,
        seeds: int,
        store: Store,
        whole: str | None = None,
    ) -> None:
        if seeds < 1:
            raise UserError(f"seeds = {seeds}: at least 1 is needed")
        self.target, self.seeds, self.store = target, seeds, store
        self.teachers = [labeller(teacher, target, store) for teacher in listed(teachers)]
        self.whole = whole
        self._whole_id = load_whole(whole).id if whole not in (None, NOTHING) else whole
        self.student = student or (self.teachers[0].name if self.teachers else "convnet3-bn")

    def runs(self, protocol: Protocol, inputs: Sequence[RunInput]) -> list[RunJob]:
        """One run a seed; seed r takes input r, modulo their number."""
        return [
            run_job(
                self.target,
                protocol,
                inputs[replicate % len(inputs)],
                student=self.student,
                replicate=replicate,
                teachers=self.teachers,
                whole=self._whole_id,
            )
            for replicate in range(self.seeds)
        ]


def input_of(synthetic: Synthetic, notes: tuple[str, ...] = ()) -> RunInput:
    """A synthetic as a run takes it.

    Args:
        notes: flags of the run's record.

    Raises:
        UserError: its pixels are in a space that no protocol reads.
    """
    require_raw(synthetic)
    count, ipc, manifest = len(synthetic), ipc_of(synthetic), synthetic.manifest
    if synthetic.ipc is None:
        notes = (*notes, f"unbalanced: {count} images in all, held against random ones of IPC {ipc}")
    form = manifest.soft_label_form
    declared = form is not None
    if synthetic.soft_labels is not None and form is None:
        form = inferred_form(synthetic.soft_labels)
    return RunInput(
        manifest.fingerprint,
        manifest.method,
        count * (manifest.decode.parts if manifest.decode else 1),
        ipc,
        own_labels=form,
        declared=declared,
        learned_lr=synthetic.learned_lr,
        notes=notes,
    )


def require_alike(draws: Sequence[Synthetic]) -> None:
    """Refuse draws that are not of one method, size and learned rate, as their mean would be of nothing.

    Raises:
        UserError: there is none, or names what differs.
    """
    if not draws:
        raise UserError("no set to evaluate")
    for what, values in (
        ("IPC", {ipc_of(draw) for draw in draws}),
        ("learned rate", {draw.learned_lr for draw in draws}),
        ("decode", {draw.manifest.decode for draw in draws}),
    ):
        if len(values) > 1:
            raise UserError(
                f"draws differ in their {what}: {', '.join(sorted(map(str, values)))}; evaluate them one by one"
            )


def ipc_of(synthetic: Synthetic) -> int:
    """Images per class, rounded where classes have different numbers of them."""
    return synthetic.ipc or round(len(synthetic) / len(synthetic.classes))


def listed(teachers: Teachers) -> list[Teacher | Labeller]:
    """One teacher, several or none as a list."""
    if teachers is None:
        return []
    return [teachers] if isinstance(teachers, (Teacher, Labeller)) else list(teachers)


def labeller(teacher: Teacher | Labeller, target: Target, store: Store) -> Labeller:
    """A teacher as runs know it; one that is given as a `Teacher` is put into the store.

    Raises:
        UserError: it was trained and tested on other data.
    """
    if isinstance(teacher, Labeller):
        return teacher
    require_same_target(teacher, target)
    keep_teacher(teacher, store)
    return Labeller(teacher.fingerprint, teacher.name)


def keep_synthetic(synthetic: Synthetic, target: Target, store: Store) -> None:
    """Put a synthetic that was made elsewhere into the store.

    Raises:
        UserError: it does not fit the target, or is not what the store has under its fingerprint.
    """
    check(synthetic, target)
    fingerprint = synthetic.manifest.fingerprint
    if not store.has(SyntheticJob.kind, fingerprint):
        origin = {"origin": synthetic.manifest.origin}
        store.put(SyntheticJob.kind, fingerprint, origin, lambda folder: synthetic.save(folder / FOLDER))
    elif _judged_by(stored_synthetic(store, fingerprint)) != _judged_by(synthetic):
        raise UserError(
            f"{synthetic.manifest.method}: its images or labels were changed since {fingerprint} was made; give"
            " the manifest of the changed set a fingerprint of its own"
        )


def _judged_by(synthetic: Synthetic) -> tuple[object, ...]:
    said = synthetic.manifest
    return synthetic.content_fingerprint, synthetic.learned_lr, said.soft_label_form, said.decode


def require_same_target(teacher: Teacher, target: Target) -> None:
    """Refuse a teacher whose accuracy was measured on other data: it says nothing about its labels here."""
    if teacher.target not in (None, target.fingerprint):
        raise UserError(
            f"teacher {teacher.name} was trained and tested on other data than {target.name}; squeeze {target.name}, or"
            " bring the file with rd3.bring_teacher, which tests it there"
        )


def keep_teacher(teacher: Teacher, store: Store) -> None:
    """Put a teacher that was brought from elsewhere into the store."""
    if not store.has(TeacherJob.kind, teacher.fingerprint):
        facts = {"origin": "brought", "name": teacher.name}
        store.put(TeacherJob.kind, teacher.fingerprint, facts, lambda folder: save_teacher(teacher, folder))
