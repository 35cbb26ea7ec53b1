"""An audit in words: what the table and the charts show, and what they do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rd3.report.audit_steps import shown, side_names
from rd3.report.format import number, percent, plain
from rd3.scores.attribution import Contribution
from rd3.study.audit.facts import Facts
from rd3.study.audit.rectification import Rectification
from rd3.study.audit.result import Audit


def place(facts: Facts) -> str:
    """The cell of an audit."""
    mark = f" · scaled × {facts.epochs_scale:g}" if facts.scaled else ""
    return f"{plain(facts.target)} · IPC {facts.ipc} · {plain(facts.student)} · n = {facts.seeds}{mark}"


def audit_sentences(audit: Audit) -> list[str]:
    """What an audit found, the most important first."""
    return [*_difference(audit), *_shares(audit), *_how(audit), *_unexplained(audit), *_scaled(audit)]


def _difference(audit: Audit) -> list[str]:
    start, end = side_names(audit)
    first, second = (percent(shown(side.accuracy)) for side in (audit.start, audit.end))
    if not audit.factors:
        return [f"{start} and {end} do not differ for this cell: {first} % under both."]
    difference = percent(shown(audit.difference), signed=True)
    return [f"{start}: {first} %; {end}: {second} %. The difference is {difference} points."]


def _shares(audit: Audit) -> list[str]:
    """Of the difference, with what cannot be told from nothing apart, and what changed no run at all."""
    ordered = sorted(audit.contributions, key=lambda each: -abs(each.interval.mean))
    idle = [each for each in ordered if not any(each.seeds)]
    clear = [each for each in ordered if each.separable]
    unclear = [each for each in ordered if each not in clear and each not in idle]
    names = audit.names
    sentences = []
    if clear:
        sentences.append(f"Shares of it, in points: {_listed(clear, names)}.")
    if unclear and audit.seeds > 1:
        sentences.append(f"Shares that these {audit.seeds} seeds cannot tell from none: {_listed(unclear, names)}.")
    elif unclear:
        sentences.append(
            f"Shares of it, in points and without intervals, as there is one seed: {_listed(unclear, names)}."
        )
    if idle:
        sentences.append(f"No share at all: {_and([names[each.factor] for each in idle])}.")
    return sentences


def _how(audit: Audit) -> list[str]:
    count = len(audit.factors)
    if count < 2:
        return []
    if audit.exact:
        return [f"The shares are Shapley values over all {2**count} mixtures of the {count} factors."]
    return [
        f"The shares are Shapley values of {count} factors, estimated from {audit.orders} orders that each seed drew"
        " for itself, so that their intervals cover the choice of orders too."
    ]


def _unexplained(audit: Audit) -> list[str]:
    if audit.published is None or audit.remainder is None:
        return []
    left, start = audit.remainder, side_names(audit)[0]
    covered = left.low is not None and left.high is not None and left.low <= 0 <= left.high
    published = _points(audit.published, signed=False)
    return [
        f"Published under {start}: {published} %. Our run does not explain {percent(shown(left), signed=True)} points"
        f" of it ({_causes(audit)}){', but its interval covers the number' if covered else ''}."
    ]


def _causes(audit: Audit) -> str:
    causes = "images, teacher, code, luck"
    if not audit.scaled:
        return causes
    return (
        f"likely for the most part the scaling: our run had {audit.epochs_scale:g} times the epochs; besides {causes}"
    )


def _listed(contributions: Iterable[Contribution], names: dict[str, str]) -> str:
    return ", ".join(f"{names[each.factor]} {_points(each.interval.mean)}" for each in contributions)


def _scaled(facts: Facts) -> list[str]:
    if not facts.scaled:
        return []
    return [
        f"Scaled: every protocol had {facts.epochs_scale:g} times its epochs, so this is not what the whole protocols"
        " differ by."
    ]


def rectification_sentences(found: Rectification) -> list[str]:
    """What is left of the differences between methods."""
    before, after = (_points(gap, signed=False) for gap in (found.gap_before, found.gap_after))
    moved = [method for method in found.methods if method.rank_before != method.rank_after]
    sentences = [
        f"Between the best and the worst of {len(found.methods)} methods lie {before} points when each has its own"
        f" protocol, and {after} under {plain(found.common)}."
    ]
    if moved:
        places = ", ".join(f"{plain(each.name)} {each.rank_before} → {each.rank_after}" for each in moved)
        sentences.append(f"Places change: {places}.")
    else:
        sentences.append("No method changes its place.")
    level = [plain(each.name) for each in found.methods if not each.separable and each.hash != found.hash]
    if level and found.seeds > 1:
        sentences.append(f"These {found.seeds} seeds cannot tell the change from none for {_and(level)}.")
    return [*sentences, *_scaled(found)]


def _points(fraction: float, *, signed: bool = True) -> str:
    return number(100 * fraction, 1, signed=signed)


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
