"""Putting a state dict into a network of the target's classes: by names or position, all of its outputs or some."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.models import create_model
from rd3.models.stem import SMALL_STEM_UP_TO
from rd3.squeeze.brought_spec import BroughtSpec
from rd3.squeeze.class_order import rows_of
from rd3.squeeze.outputs import TargetOutputs, all_outputs, output_count
from rd3.squeeze.state_dict import StateDict
from rd3.squeeze.weights import Weights


@dataclass(frozen=True)
class Fitted:
    """A network with somebody's weights.

    Attributes:
        rows: which outputs are those of the target's classes, in their order; None for all as they are.
        more_outputs: whether there were others, for classes that the target does not have.
        notes: what a reader must know of the fit.
    """

    model: nn.Module
    rows: tuple[int, ...] | None = None
    more_outputs: bool = False
    notes: tuple[str, ...] = ()


def fit_weights(weights: Weights, spec: BroughtSpec, target: Target) -> Fitted:
    """The network `spec.model` for the target's classes, with `weights`.

    Raises:
        UserError: names or shapes do not agree, or nobody says which output is which class.
    """
    plain = Fitted(_network(spec, target, classes=target.num_classes))
    own = plain.model.state_dict()
    state, notes = _named(weights, own, spec)
    heads = set()
    if spec.classes is not None or any(state[name].shape != own[name].shape for name in own if name in state):
        heads = _heads(own, spec, target)
    fitted = _with_rows(plain, _outputs(state, heads), weights, spec, target)
    if fitted.rows is not None:
        order = _order(fitted, _outputs(state, heads))
        state = {name: value[order] if name in heads else value for name, value in state.items()}
    try:
        all_outputs(fitted.model).load_state_dict(state)
    except RuntimeError as error:
        raise UserError(_misfit(weights, own, spec, target, " ".join(str(error).split())[:200])) from None
    return replace(fitted, notes=(*notes, *fitted.notes))


def _with_rows(plain: Fitted, outputs: int | None, weights: Weights, spec: BroughtSpec, target: Target) -> Fitted:
    """A network with room for the outputs that are wanted, and which these are."""
    rows = None if outputs is None else rows_of(spec.classes, target.classes, outputs, where=weights.name)
    if outputs is None or rows is None:
        return plain
    if outputs == len(rows):
        notes = (f"its {outputs} outputs put into the order of the target's classes",)
        return replace(plain, rows=tuple(rows), notes=notes)
    model, rest = plain.model, "the others are cut off"
    if spec.others == "kept":
        wide = _network(spec, target, classes=outputs)
        model, rest = TargetOutputs(wide, len(rows), outputs), "the others count where images are optimised"
    notes = (f"{len(rows)} of its {outputs} outputs, one for each class of the target; {rest}",)
    return Fitted(model, tuple(rows), more_outputs=True, notes=notes)


def _order(fitted: Fitted, outputs: int | None) -> list[int]:
    """The outputs of the target's classes first, and the others behind them where they are kept."""
    rows = list(fitted.rows or ())
    if output_count(fitted.model) is None:
        return rows
    return [*rows, *sorted(set(range(outputs or 0)) - set(rows))]


def _network(spec: BroughtSpec, target: Target, *, classes: int) -> nn.Module:
    return create_model(spec.model, classes=classes, size=target.size, channels=target.channels)


def _named(weights: Weights, own: StateDict, spec: BroughtSpec) -> tuple[StateDict, tuple[str, ...]]:
    """The state dict under the network's own names."""
    if spec.match == "names":
        return weights.state, ()
    theirs, ours = _without_counters(weights.state), _without_counters(own)
    if list(theirs) == list(ours):
        return weights.state, ()
    if len(theirs) != len(ours):
        raise UserError(f"{weights.name}: has {len(theirs)} tensors where {spec.model} has {len(ours)}")
    for (theirs_name, theirs_value), (name, value) in zip(theirs.items(), ours.items(), strict=True):
        if not _same_but_for_outputs(theirs_value, value):
            raise UserError(
                f"{weights.name}: does not fit {spec.model} by position: {theirs_name} is"
                f" {_shape(theirs_value)} where {name} is {_shape(value)}"
            )
    first, second = next((a, b) for a, b in zip(theirs, ours, strict=True) if a != b)
    note = f"weights matched by position: {len(ours)} tensors of equal shapes under other names ({first} for {second})"
    return dict(zip(ours, theirs.values(), strict=True)), (note,)


def _heads(own: StateDict, spec: BroughtSpec, target: Target) -> set[str]:
    """Names of the tensors with a row for every class: those that change with one class more."""
    more = _network(spec, target, classes=target.num_classes + 1).state_dict()
    return {name for name, value in more.items() if value.shape != own[name].shape}


def _outputs(state: StateDict, heads: set[str]) -> int | None:
    """How many outputs a state dict is for; None where its heads do not agree, and loading says what does not fit."""
    counts = {len(state[name]) for name in heads if name in state and state[name].ndim}
    return counts.pop() if len(counts) == 1 else None


def _misfit(weights: Weights, own: StateDict, spec: BroughtSpec, target: Target, reason: str) -> str:
    theirs, ours = _without_counters(weights.state), _without_counters(own)
    alike = len(theirs) == len(ours) and all(map(_same_but_for_outputs, theirs.values(), ours.values()))
    if alike and set(theirs) != set(ours):
        return f"{weights.name}: has other names than {spec.model} for equal shapes; match = position reads them"
    message = f"{weights.name}: does not fit {spec.model}: {reason}"
    if spec.model.startswith("tv:") and target.size <= SMALL_STEM_UP_TO:
        message += f"; up to {SMALL_STEM_UP_TO} px ResNets have a small stem here: give a larger side, as in @224"
    return message


def _same_but_for_outputs(theirs: Tensor, ours: Tensor) -> bool:
    return theirs.shape[1:] == ours.shape[1:] and theirs.ndim == ours.ndim


def _without_counters(state: StateDict) -> StateDict:
    """Less BatchNorm's counts of batches, whole numbers by themselves; old files have none, and nothing reads them."""
    return {name: value for name, value in state.items() if value.ndim or value.is_floating_point()}


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a number"
