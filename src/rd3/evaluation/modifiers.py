"""Changes that make a comparison protocol of another: `rd3+test-peek`, `rd3-hard+lr0.02`, `rd3+epochs0.25`.

A changed protocol has an id and a hash of its own, so that no ranking mixes it with the one it was made of. Those
that leave fair judging behind (the behaviour of DD-Ranking 0.2.0, for comparison only) say so in `not_rankable`, and
so do those that are cut to a share of the epochs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args

from rd3.base.errors import UserError, unknown
from rd3.evaluation.protocol import Counterparts, Protocol, ProtocolField
from rd3.evaluation.scaling import COUNTED_IN_EPOCHS, require_factor, scaled_value

Selection = Literal["held-out", "test-peek"]

TEST_PEEK, UNMIXED_LABELS, RANDOM_SEARCH = "test-peek", "unmixed-labels", "random-search"

CHANGES: dict[str, dict[str, Any]] = {
    TEST_PEEK: {"selection": "test-peek"},  # and the report that the protocol's `peek` names
    UNMIXED_LABELS: {"mix_labels": "none"},
    RANDOM_SEARCH: {"lr_search_for": "random"},
}
REASONS = {
    TEST_PEEK: "learning rates and epochs are chosen on the test split, for comparison only",
    UNMIXED_LABELS: "the labels of mixed images are left unmixed, for comparison only",
    RANDOM_SEARCH: "a set that learned a rate is trained with it, and random images get a search, for comparison only",
}
LEARNED_RATE = re.compile(r"lr(?P<rate>(?:\d+\.?\d*|\.\d+)(?:e-?\d{1,2})?)")
EPOCHS_SCALE = re.compile(r"epochs(?P<scale>\d+\.?\d*|\.\d+)")
SUFFIX = re.compile(rf"\+({'|'.join(CHANGES)}|{LEARNED_RATE.pattern}|{EPOCHS_SCALE.pattern})$")
LOOKS = 10  # at the test curve, unless a protocol says otherwise


def selected(name: str, selection: Selection) -> str:
    """The name of a protocol with what `selection` says of choosing on the test split.

    Raises:
        UserError: an unknown selection.
    """
    if selection not in get_args(Selection):
        raise unknown("selection", selection, get_args(Selection))
    return f"{name}+{TEST_PEEK}" if selection == TEST_PEEK and not name.endswith(f"+{TEST_PEEK}") else name


def split_modifiers(name: str) -> tuple[str, list[str]]:
    """A protocol's name without its modifiers, and those, in the order in which they were written.

    >>> split_modifiers("my+set/mine.yaml#hard+lr0.02+test-peek")
    ('my+set/mine.yaml#hard', ['lr0.02', 'test-peek'])
    """
    modifiers: list[str] = []
    while match := SUFFIX.search(name):
        name = name[: match.start()]
        modifiers.insert(0, match[1])
    return name, modifiers


def learned_rate(rate: float) -> str:
    """The modifier that adds a learned rate to a search, in six digits.

    >>> learned_rate(0.021400000900030136)
    'lr0.0214'
    """
    return f"lr{rate:.6g}".replace("+", "")


def modified(protocol: Protocol, modifier: str) -> Protocol:
    """The protocol with one change, under the id `ID+MODIFIER`; its counterparts are changed alike.

    Raises:
        UserError: it would change nothing, or leaves no epochs.
    """
    if scale := EPOCHS_SCALE.fullmatch(modifier):
        return _shortened(protocol, modifier, float(scale["scale"]))
    if modifier == RANDOM_SEARCH and not searches(protocol):
        raise UserError(f"{protocol.id}+{modifier}: {protocol.id} searches no rate, so there is nothing to leave out")
    rate = LEARNED_RATE.fullmatch(modifier)
    changes = {} if rate else dict(CHANGES[modifier])
    if modifier == TEST_PEEK:
        changes["report"] = protocol.peek
    fields = dict(protocol.fields)
    if rate and "lr_search" in fields:
        fields["lr_search"] = fields["lr_search"].changed(partial(_with_rate, rate=float(rate["rate"])))
    note = REASONS.get(modifier, "")
    fields |= {key: ProtocolField(value=value, provenance="code", note=note) for key, value in changes.items()}
    return _under_own_id(protocol, modifier, fields, note)


def _shortened(protocol: Protocol, modifier: str, scale: float) -> Protocol:
    """The protocol with `scale` times its epochs, and fewer looks at its test curve, which change no number."""
    require_factor(scale)
    reports = protocol.fields.get("report")
    if reports is not None and any(case.value != "last" for case in reports.written()):
        raise UserError(f"{protocol.id}+{modifier}: {protocol.id} looks at single epochs; cut one that takes the last")
    note = f"{scale:g} times the epochs"
    looks = max(1, round(scale * LOOKS))
    fields = {
        **protocol.fields,
        **{
            name: _ours(protocol.fields[name], partial(scaled_value, name, factor=scale), note)
            for name in COUNTED_IN_EPOCHS.keys() & protocol.fields.keys()
        },
        "checkpoints": ProtocolField(value=looks, provenance="inferred", note="ours; changes no number"),
    }
    return _under_own_id(protocol, modifier, fields, f"{note} of {protocol.id}")


def _ours(field: ProtocolField, change: Callable[[Any], Any], note: str) -> ProtocolField:
    """Changed values, which nobody else vouches for."""
    nobody: dict[str, Any] = {"provenance": None, "source": "", "note": ""}
    changed = field.changed(change)
    cases = changed.cases and tuple(case.model_copy(update=nobody) for case in changed.cases)
    return changed.model_copy(update={"cases": cases, "provenance": "inferred", "source": "", "note": f"ours: {note}"})


def _under_own_id(protocol: Protocol, modifier: str, fields: dict[str, ProtocolField], reason: str) -> Protocol:
    reasons = [each for each in (protocol.not_rankable, reason) if each]
    return protocol.model_copy(
        update={
            "id": f"{protocol.id}+{modifier}",
            "title": f"{protocol.title}, {modifier}",
            "not_rankable": "; ".join(reasons) or None,
            "counterparts": _counterparts(protocol.counterparts, modifier),
            "fields": fields,
        }
    )


def _counterparts(named: Counterparts, modifier: str) -> Counterparts:
    """The whole target is trained under its own protocol, which only peeking concerns.

    DD-Ranking searches rates for every hard-label run of a set with soft labels, whatever rate the set learned.
    """
    whole = named.whole and (f"{named.whole}+{modifier}" if modifier == TEST_PEEK else named.whole)
    hard = named.hard and (named.hard if modifier == RANDOM_SEARCH else f"{named.hard}+{modifier}")
    plain = named.plain and f"{named.plain}+{modifier}"
    return Counterparts(hard=hard, plain=plain, whole=whole)


def searches(protocol: Protocol) -> bool:
    """Whether rates are searched in some cell."""
    search = protocol.fields.get("lr_search")
    return search is not None and any(case.value for case in search.written())


def _with_rate(rates: Any, rate: float) -> Any:
    return None if rates is None else sorted({*rates, rate})
