"""What the switches `match`, `conv` and `tile` stand for: hooks of one network, and the targets that they need."""

from __future__ import annotations

from torch import nn

from rd3.recover.comparisons import Comparison, half_of_classes, of_classes, overall, running
from rd3.recover.match import Hook, Probe
from rd3.recover.problem import Problem
from rd3.recover.statistics import moments
from rd3.recover.switches import Switches
from rd3.squeeze.bank import ClassStatistics, Watched, statistics_bank
from rd3.squeeze.readings import Channels, Tiles, batch_norms, convolutions, image_moments
from rd3.squeeze.teacher import Teacher

BATCH_NORM = Watched("bn", Channels())


def hooks_of(model: nn.Module, teacher: Teacher, switches: Switches, problem: Problem) -> list[Hook]:
    """Hooks on the layers of `model`, a copy of the teacher's network, in the order of registration."""
    bank = statistics_bank(teacher, problem.target, wanted(switches), device=problem.device, shelf=problem.shelf)
    like = next(model.parameters())
    known = {one: [layer.to(like.device, like.dtype) for layer in bank[one]] for one in wanted(switches)}
    hooks: dict[nn.Module, Hook] = {}
    for number, norm in enumerate(batch_norms(model)):
        statistics = known[BATCH_NORM][number] if BATCH_NORM in known else None
        hooks[norm] = Hook(norm, (_batch_norm_probe(running(norm, switches.var_w), statistics, switches),))
    for number, conv in enumerate(convolutions(model) if conv_readings(switches) else []):
        probes = (_conv_probe(one, known[one][number], switches) for one in conv_readings(switches))
        hooks[conv] = Hook(conv, tuple(probes), droppable=True)
    return [hooks[layer] for layer in model.modules() if layer in hooks]


def wanted(switches: Switches) -> list[Watched]:
    """What must be known of the training set."""
    return ([BATCH_NORM] if switches.match != "bn" else []) + conv_readings(switches)


def conv_readings(switches: Switches) -> list[Watched]:
    """What is matched at convolutions."""
    channels = [Watched("conv", Channels())] if switches.conv else []
    return channels + ([Watched("conv", Tiles(switches.tile))] if switches.tile else [])


def _batch_norm_probe(whole: Comparison, statistics: ClassStatistics | None, switches: Switches) -> Probe:
    if statistics is None:
        return Probe(Channels(), moments, whole)
    if switches.match == "bn_class":
        return Probe(Channels(), image_moments, of_classes(statistics, switches.var_w))
    return Probe(Channels(), moments, half_of_classes(whole, statistics, switches.var_w))


def _conv_probe(one: Watched, statistics: ClassStatistics, switches: Switches) -> Probe:
    whole = overall(statistics, switches.var_w)
    if switches.match == "bn_class":
        return Probe(one.reading, image_moments, of_classes(statistics, switches.var_w))
    if switches.match == "bn_mix":
        return Probe(one.reading, moments, half_of_classes(whole, statistics, switches.var_w))
    return Probe(one.reading, moments, whole)
