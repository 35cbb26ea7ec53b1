"""What is known of a target without its images."""

from __future__ import annotations

import pytest

from rd3.base.errors import UserError
from rd3.data.facts import TargetFacts, facts_of, target_facts
from rd3.data.load import load_target


def test_a_named_target_needs_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RD3_DATA", raising=False)
    assert target_facts("cifar100") == TargetFacts("cifar100", 32, 3, 100, True)
    assert target_facts("tiny-imagenet") == TargetFacts("tiny-imagenet", 64, 3, 200, True)
    assert target_facts("imagenette@128") == TargetFacts("imagenette", 128, 3, 10, True)


@pytest.mark.parametrize("name", ["digits", "mnist5k"])
def test_the_facts_are_those_of_the_loaded_target(name: str) -> None:
    target = load_target(name)
    assert target_facts(name) == facts_of(target)
    assert (target.size, target.channels, target.num_classes) == ({"digits": 8, "mnist5k": 28}[name], 1, 10)
    assert not target_facts(name).flip_keeps_class


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(UserError, match="did you mean 'cifar10'"):
        target_facts("cifra10")
