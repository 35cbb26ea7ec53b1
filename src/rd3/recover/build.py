"""From switches to the parts of a recovery."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.recover.active import early_late
from rd3.recover.engine import Parameters, Recovery, Stage, everything
from rd3.recover.init import Init
from rd3.recover.losses import objective_of
from rd3.recover.objective import Objective
from rd3.recover.pixels import Pixels, PixelSpace, Shared
from rd3.recover.plan import BATCHINGS, PlanItem
from rd3.recover.precision import needs_scaling, require_precision
from rd3.recover.problem import Problem
from rd3.recover.residual import residual
from rd3.recover.starts import start_of
from rd3.recover.switches import Switches
from rd3.recover.view import CropSchedule, View, constant_crop, curriculum_crop


def plan_of(switches: Switches, problem: Problem) -> list[PlanItem]:
    """Which images are optimised together."""
    return BATCHINGS[switches.batching](problem.ipc, problem.target.num_classes, switches.batch_size)


def recovery_of(
    switches: Switches, problem: Problem, *, objective: Objective | None = None, init: Init | None = None
) -> Recovery:
    """The components that the switches stand for.

    Args:
        objective, init: in place of theirs.

    Raises:
        UserError: switches that contradict each other, or the problem.
    """
    check(switches, problem)
    space = PixelSpace(problem.teacher.mean, problem.teacher.std)
    parameters: Callable[[Tensor, PixelSpace], Parameters] = Pixels if switches.param == "pixels" else Shared
    init = init or start_of(switches.init, problem, space)
    return Recovery(
        init=init,
        objective=objective or objective_of(switches, problem, space, init),
        views=view_of(switches, problem.target),
        parameters=lambda images: parameters(images, space),
        stages=stages_of(switches, problem.target.size),
        lr=switches.lr,
        enter_stage=residual(switches.residual),
        active=_active(switches, problem.ipc),
        scale_loss=needs_scaling(switches.precision),
    )


def view_of(switches: Switches, target: Target) -> View:
    """Crop, flip and roll."""
    crops: dict[str, CropSchedule] = {
        "rrc": constant_crop(switches.crop_scale),
        "cda": curriculum_crop(switches.crop_milestone, switches.crop_scale),
    }
    return View(
        crop=crops.get(switches.crop),
        padding=switches.padding if switches.crop == "pad" else 0,
        flip=switches.flip and target.flip_keeps_class,
        roll=switches.roll,
        roll_symmetric=switches.roll_symmetric,
        per_sample=switches.crop_draw == "sample",
    )


def stages_of(switches: Switches, size: int) -> tuple[Stage, ...]:
    """Stages of equal length; the first ones are an iteration longer where it does not divide."""
    sides = switches.stage_sizes or (size,)
    length, longer = divmod(switches.iterations, len(sides))
    return tuple(Stage(length + (number < longer), side) for number, side in enumerate(sides))


def check(switches: Switches, problem: Problem) -> None:
    """Refuse what cannot work together.

    Raises:
        UserError: one line that names the switches.
    """
    sides = switches.stage_sizes
    if sides and sides[-1] != problem.target.size:
        raise UserError(f"stage_sizes = {list(sides)}: the last must be the images' side, {problem.target.size}")
    if sides and switches.tile and len(set(sides)) > 1:
        raise UserError(f"stage_sizes = {list(sides)}: tiles have statistics at one side only; set tile = 0")
    if switches.ema and switches.match == "bn_class":
        raise UserError(f"ema = {switches.ema}: a running average does not go with match = bn_class")
    if switches.combine in ("pair", "slot") and switches.batching != "opc":
        raise UserError(f"batching = {switches.batching}: combine = {switches.combine} goes by slot, which needs opc")
    if switches.priors and len(switches.priors) != len(problem.teachers):
        raise UserError(f"priors = {list(switches.priors)}: expected one for each of {len(problem.teachers)} teachers")
    if switches.param == "shared" and len(sides) > 1:
        raise UserError(f"stage_sizes = {list(sides)}: param = shared has one stage")
    if switches.perturb_reset == "slot" and switches.batching != "opc":
        raise UserError(f"batching = {switches.batching}: perturb_reset = slot goes by slot, which needs opc")
    if switches.flatness and (len(sides) > 1 or switches.round_iterations):
        key = "stage_sizes" if len(sides) > 1 else "round_iterations"
        value = list(sides) or switches.round_iterations
        raise UserError(f"{key} = {value}: flatness averages the same images in every iteration; it takes one stage")
    require_precision(switches.precision, problem.device)


def _active(switches: Switches, ipc: int) -> Callable[[PlanItem, int], Tensor | None]:
    if not switches.round_iterations:
        return everything
    return early_late(ipc, iterations=switches.iterations, round_iterations=switches.round_iterations)
