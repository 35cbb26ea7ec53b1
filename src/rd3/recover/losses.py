"""What the switches of teachers and terms stand for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.base.keep import Place, kept
from rd3.data.subset import class_indices, random_subset
from rd3.data.target import Target
from rd3.recover.barycentre import barycentre
from rd3.recover.committee import pairs, round_robin, together
from rd3.recover.densify import densification
from rd3.recover.embedding import EmbeddingMatch, embeddings
from rd3.recover.engine import start_of_item
from rd3.recover.flatness import Flatness, with_average
from rd3.recover.hooks import hooks_of, wanted
from rd3.recover.init import Init
from rd3.recover.match import Match, RunningAverage, StatisticsMatch
from rd3.recover.objective import Objective, OfLogits, TeacherLoss, single, with_extras
from rd3.recover.perturb import Before, earlier_chunks, perturbed
from rd3.recover.pixels import PixelSpace
from rd3.recover.plan import BATCHINGS
from rd3.recover.priors import best_pair, priors_of
from rd3.recover.problem import Problem
from rd3.recover.switches import Switches
from rd3.recover.teachers import private_in_space, private_teacher, twin
from rd3.squeeze.teacher import Teacher


def objective_of(switches: Switches, problem: Problem, space: PixelSpace, init: Init) -> Objective:
    """The loss of every item: teachers, combined, and the terms of images alone.

    Args:
        init: what items start from.

    Raises:
        UserError: `combine = slot`, which needs a plan of its own.
    """
    if switches.combine == "slot":
        raise UserError("combine = slot: only infer has a teacher for each slot")
    return completed(_combined(teacher_objectives(switches, problem, space, init), switches, problem), switches)


def completed(objective: Objective, switches: Switches) -> Objective:
    """The loss under teachers, with the terms of images alone and the average of images that a term may want."""
    extras = [(switches.densify, densification)] if switches.densify else []
    averaged = with_average(objective, switches.flatness_decay) if switches.flatness else objective
    return with_extras(averaged, extras)


def teacher_objectives(switches: Switches, problem: Problem, space: PixelSpace, init: Init) -> list[Objective]:
    """The loss under every teacher that the switches use; see `objective_of`."""
    teachers = problem.teachers[:1] if switches.combine == "single" else problem.teachers
    before = climbed_before(switches, problem, init)
    return [_of_teacher(teacher, switches, problem, space, before) for teacher in teachers]


def climbed_before(switches: Switches, problem: Problem, init: Init) -> Before:
    """What a perturbed teacher climbed on ahead of an item."""
    if switches.perturb_reset == "chunk":
        return lambda _: ()
    plan = BATCHINGS[switches.batching](problem.ipc, problem.target.num_classes, switches.batch_size)
    return earlier_chunks(plan, lambda item: start_of_item(item, init, seed=problem.seed, device=problem.device))


def _combined(objectives: list[Objective], switches: Switches, problem: Problem) -> Objective:
    if switches.combine == "single":
        return objectives[0]
    if switches.combine == "round-robin":
        return round_robin(objectives, switches.iterations)
    names = [teacher.name for teacher in problem.teachers]
    priors = switches.priors or priors_of(problem.target.name, names)
    choose = pairs(
        priors,
        rule=switches.pair_rule,
        best=best_pair(problem.target.name, names, priors),
        temperature=switches.prior_temperature,
        seed=problem.seed,
    )
    return together(objectives, choose)


def _of_teacher(teacher: Teacher, switches: Switches, problem: Problem, space: PixelSpace, before: Before) -> Objective:
    model = private_in_space(teacher, space, problem.device)
    of_logits = flatness_of(model, switches)  # before there are hooks
    loss = TeacherLoss(
        model,
        matches=_matches(model, teacher, switches, problem),
        ce_weight=switches.r_ce,
        of_logits=of_logits,
        precision=switches.precision,
        refused=problem.refused.append,
    )
    if switches.perturb_steps:
        return perturbed(loss, steps=switches.perturb_steps, radius=switches.perturb_radius, before=before)
    return single(loss)


def flatness_of(model: nn.Module, switches: Switches) -> list[tuple[float, OfLogits]]:
    """The flatness term under a network that has no hooks yet."""
    if not switches.flatness:
        return []
    term = Flatness(twin(model), temperature=switches.flatness_temperature, precision=switches.precision)
    return [(switches.flatness, term)]


def _matches(model: nn.Module, teacher: Teacher, switches: Switches, problem: Problem) -> list[tuple[float, Match]]:
    matches: list[tuple[float, Match]] = []
    hooks = hooks_of(model, teacher, switches, problem)
    if hooks:
        average = RunningAverage(switches.ema, first=switches.ema_first) if switches.ema else None
        statistics = StatisticsMatch(
            hooks, first_weight=switches.k0, average=average, drop=switches.drop, seed=problem.seed
        )
        matches.append((switches.r_bn, statistics))
    if switches.r_embedding:
        targets = class_barycentres(teacher, problem)
        matches.append((switches.r_embedding, EmbeddingMatch(model, targets, ipc=problem.ipc)))
    return matches


def class_barycentres(teacher: Teacher, problem: Problem) -> Tensor:
    """Barycentres of the embeddings of every class, (classes · ipc, D); the search starts from random real images."""
    number = next(place for place, one in enumerate(problem.teachers) if one is teacher)
    train, classes = problem.target.train, problem.target.num_classes
    watcher = private_teacher(teacher, problem.device)
    starts = random_subset(problem.target, problem.ipc, problem.seed).to(train.labels.device)
    atoms = []
    for label, indices in enumerate(class_indices(train.labels, classes)):
        own = starts[label * problem.ipc : (label + 1) * problem.ipc]

        def make(indices: Tensor = indices, own: Tensor = own) -> dict[str, Tensor]:
            points, first = (embeddings(train, rows, watcher, problem.device) for rows in (indices, own))
            return {"atoms": barycentre(points, first)[0]}

        place = Place(label + 1, classes, "classes with barycentres")
        found = kept(problem.keep, f"barycentres-{number}-{label}", make, place)
        atoms.append(found["atoms"].to(problem.device))
    return torch.cat(atoms)


def real_looks(switches: Switches, target: Target, ipc: int) -> int:
    """Real images that every teacher sees before anything is optimised: for statistics, and for barycentres."""
    statistics = len(target.train) if wanted(switches) else 0
    return statistics + (len(target.train) + target.num_classes * ipc if switches.r_embedding else 0)
