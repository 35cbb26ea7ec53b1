"""Factors partition the settings, and go together where they must."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest

from rd3.base.errors import UserError
from rd3.evaluation.settings import Settings
from rd3.scores.attribution import Coalition, coalitions
from rd3.study.audit.factors import FACTORS, KEYS, Factor, changes, differing, in_order, merged
from rd3.study.audit.merge import merge

A, B, C, D = (Factor(key, key) for key in ("epochs", "batch", "labels", "loss"))


def settings(**values) -> Settings:
    basis = {"labels": "hard", "epochs": 2, "batch_size": 10, "optimiser": "adamw", "loss": "ce"}
    return Settings.model_validate({**basis, "normalisation": "target", **values})


def test_every_field_of_the_settings_belongs_to_exactly_one_factor() -> None:
    counts = Counter(chain.from_iterable(factor.fields for factor in FACTORS))
    assert counts == Counter(dict.fromkeys(Settings.model_fields, 1))


def test_keys_are_unique_and_can_be_joined() -> None:
    assert len(set(KEYS)) == len(KEYS)
    assert not any("+" in key or " " in key for key in KEYS)


def test_only_what_differs_takes_part() -> None:
    first, second = settings(), settings(epochs=3, momentum=0.8, lr=0.1)
    assert [factor.key for factor in differing(first, second)] == ["epochs", "optimiser"]
    assert differing(first, first) == ()
    found = changes(first, second, next(factor for factor in FACTORS if factor.key == "optimiser"))
    assert [(change.field, change.start, change.end) for change in found] == [
        ("lr", 0.001, 0.1),
        ("momentum", 0.9, 0.8),
    ]


def test_an_order_may_name_some_and_the_rest_follow() -> None:
    both = merged([C, D])
    factors = (A, B, both)
    assert in_order(factors, ()) == (A, B, both)
    assert in_order(factors, ("loss",)) == (both, A, B)
    assert in_order(factors, ("batch", "epochs")) == (B, A, both)
    with pytest.raises(UserError, match="unknown factor 'epoch'; did you mean 'epochs'"):
        in_order(factors, ("epoch",))


def test_what_can_be_switched_alone_stays_alone() -> None:
    assert merge((A, B, C), lambda _: None) == ((A, B, C), {})


def test_two_that_need_each_other_become_one() -> None:
    def refusal(switched: Coalition) -> str | None:
        return "labels need their loss" if ("labels" in switched) != ("loss" in switched) else None

    found, reasons = merge((A, B, C, D), refusal)
    assert [factor.key for factor in found] == ["epochs", "batch", "labels+loss"]
    assert found[-1].name == "labels and loss"
    assert reasons == {"labels+loss": "labels need their loss"}


def test_one_that_needs_another_first_joins_it_too() -> None:
    """A refusal in one direction only, as ZCA refuses online labels: then they cannot be told apart either."""
    found, reasons = merge(
        (A, B, C), lambda switched: "no" if "labels" in switched and "batch" not in switched else None
    )
    assert [factor.key for factor in found] == ["epochs", "batch+labels"]
    assert reasons == {"batch+labels": "no"}


def test_a_chain_of_needs_becomes_one() -> None:
    def refusal(switched: Coalition) -> str | None:
        if ("labels" in switched) != ("loss" in switched):
            return "first"
        return "second" if ("loss" in switched) != ("epochs" in switched) else None

    found, reasons = merge((A, B, C, D), refusal)
    assert [factor.key for factor in found] == ["epochs+labels+loss", "batch"]
    assert set(reasons["epochs+labels+loss"].split("; ")) == {"first", "second"}


@pytest.mark.parametrize("bad", [{"epochs"}, {"epochs", "loss"}, {"batch", "labels", "loss"}])
def test_whatever_is_refused_the_rest_can_all_be_run(bad: set[str]) -> None:
    found, _ = merge((A, B, C, D), lambda switched: "bad" if switched == bad else None)
    assert len(found) == 3, "one refusal costs one factor"
    for coalition in coalitions([factor.key for factor in found]):
        assert {part for key in coalition for part in key.split("+")} != bad


def test_how_static_labels_are_mixed_belongs_to_the_labels() -> None:
    """Only static labels read it, so from static to online labels nothing of the mixing changes."""
    mix = {"kind": "cutmix"}
    static = settings(labels="static", loss="kl", mix=mix, static_mix="logits")
    online = settings(labels="online", loss="kl", mix=mix)
    assert [factor.key for factor in differing(static, online)] == ["labels"]
