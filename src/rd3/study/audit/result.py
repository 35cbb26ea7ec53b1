"""Where the difference between two evaluations comes from, as `audit.json` holds it."""

from __future__ import annotations

from rd3.base.spec import Spec
from rd3.scores.attribution import Contribution
from rd3.scores.intervals import Interval
from rd3.scores.ladder import Rung
from rd3.study.audit.factors import FieldChange
from rd3.study.audit.facts import Facts

SCHEMA = "rd3.audit/1"


class SideName(Spec):
    """Which synthetic under which protocol.

    Attributes:
        protocol, version, hash: of the protocol.
        method, images: label and fingerprint of the synthetic.
    """

    protocol: str
    version: int
    hash: str
    method: str
    images: str


class SideFacts(SideName):
    """One end of the difference.

    Attributes:
        accuracy, seeds: mean with interval, and of each seed.
    """

    accuracy: Interval
    seeds: tuple[float, ...]


class FactorFacts(Spec):
    """Something that the two sides differ in.

    Attributes:
        key, name: for machines and for people.
        parts: keys of the factors that it was merged of; its own key where it was not.
        together: why they cannot be switched alone.
    """

    key: str
    name: str
    parts: tuple[str, ...]
    together: str | None
    changes: tuple[FieldChange, ...]


class CoalitionFacts(Spec):
    """The runs with some factors switched.

    Attributes:
        switched: keys of the factors that are as on the end's side.
        accuracies: by replicate; where orders are sampled, not every seed is run for every coalition.
        runs: fingerprints of the records, by replicate.
    """

    switched: tuple[str, ...]
    accuracies: dict[int, float]
    runs: dict[int, str]


class Audit(Facts):
    """Where the difference between two evaluations comes from.

    Attributes:
        difference: end − start, paired seed by seed.
        published: the accuracy that somebody reported under the start's protocol, or None.
        remainder: published − start: what nothing that an audit switches explains.
        factors: in the order of the ladder.
        ladder: one rung a factor.
        contributions: Shapley values in the same order. They sum to `difference.mean`, and each seed's to its own.
        exact: whether they come from all coalitions; else from `orders` orders, drawn for each seed.
    """

    schema_id: str = SCHEMA
    start: SideFacts
    end: SideFacts
    difference: Interval
    published: float | None
    remainder: Interval | None
    factors: tuple[FactorFacts, ...]
    ladder: tuple[Rung, ...]
    contributions: tuple[Contribution, ...]
    exact: bool
    orders: int
    coalitions: tuple[CoalitionFacts, ...]

    @property
    def names(self) -> dict[str, str]:
        """Factors' names by key."""
        return {factor.key: factor.name for factor in self.factors}
