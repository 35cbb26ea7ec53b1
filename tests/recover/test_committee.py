"""Which teacher acts when, and with what weight."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from rd3.recover.committee import Choice, by_item, pairs, round_robin, together
from rd3.recover.objective import Look, Objective
from rd3.recover.plan import BATCHINGS, PlanItem
from rd3.recover.priors import PUBLISHED, best_pair, priors_of

START = torch.zeros(1, 1, 1, 1)


def look(item: PlanItem, iteration: int, iterations: int) -> Look:
    return Look(START, START, lambda images: images, item, iteration, iterations)


def item(index: int = 0, slot: int = 0, labels: tuple[int, ...] = (0,)) -> PlanItem:
    return PlanItem(index, torch.tensor(labels), torch.full((len(labels),), slot))


def teacher(value: float) -> Objective:
    return lambda item, start: lambda look: torch.tensor(value)  # noqa: ARG005


def test_teachers_take_turns_and_the_count_runs_on_from_item_to_item() -> None:
    objective = round_robin([teacher(0), teacher(1), teacher(2)], 4)
    order = []
    for index in range(3):
        loss = objective(item(index), START)
        order += [int(loss(look(item(index), iteration, 4))) for iteration in range(4)]
    assert order == [0, 1, 2] * 4


def test_a_committee_is_the_weighted_sum() -> None:
    objective = together([teacher(3), teacher(5), teacher(7)], lambda item: [(0, 0.25), (2, 0.75)])  # noqa: ARG005
    assert float(objective(item(), START)(look(item(), 0, 1))) == pytest.approx(3 * 0.25 + 7 * 0.75)


def test_one_teacher_an_item() -> None:
    objective = by_item([teacher(3), teacher(5)], lambda item: int(item.slots[0]))
    assert [float(objective(item(slot=slot), START)(look(item(), 0, 1))) for slot in (1, 0)] == [5, 3]


PRIORS = (64.0, 60.6, 51.6, 59.4, 56.4)


def choice(rule: str, seed: int = 0, best: tuple[int, ...] = (0, 1)) -> Choice:
    return pairs(PRIORS, rule=rule, best=best, temperature=5.0, seed=seed)  # type: ignore[arg-type]


def test_weights_are_the_softmax_of_priors() -> None:
    (first, weight), (second, other) = choice("best")(item())
    assert (first, second) == (0, 1)
    assert weight == pytest.approx(1 / (1 + math.exp((60.6 - 64.0) / 5)))
    assert weight + other == pytest.approx(1)


def test_ten_images_a_class_see_all_ten_pairs_in_order() -> None:
    chosen = [tuple(number for number, _ in choice("cycle")(item(slot=slot))) for slot in range(12)]
    assert chosen[:10] == list(itertools.combinations(range(5), 2))
    assert chosen[10:] == chosen[:2]


def test_a_random_pair_is_the_same_for_all_chunks_of_a_slot() -> None:
    plan = BATCHINGS["opc"](60, 5, 2)
    chosen = {}
    for one in plan:
        members = choice("random")(one)
        assert chosen.setdefault(int(one.slots[0]), members) == members
    assert len({tuple(number for number, _ in members) for members in chosen.values()}) == 10
    assert [choice("random", seed=1)(one) for one in plan] != [choice("random")(one) for one in plan]


def test_a_single_teacher_has_the_whole_vote() -> None:
    alone = pairs([42.0], rule="random", best=(0,), temperature=5.0, seed=0)
    assert alone(item()) == [(0, 1.0)]


POOL = ["resnet18", "resnet50", "tv:shufflenet_v2_x1_0", "tv:mobilenet_v2", "tv:densenet121"]


@pytest.mark.parametrize("target", PUBLISHED)
def test_published_priors_are_found_by_name(target: str) -> None:
    assert priors_of(target, POOL) == PUBLISHED[target]
    assert priors_of(target, POOL[::-1]) == PUBLISHED[target][::-1]


def test_unknown_names_vote_equally() -> None:
    assert priors_of("digits", POOL) == priors_of("cifar10", [*POOL[:4], "lenet"]) == (0.0,) * 5


@pytest.mark.parametrize(
    ("target", "pair"), [("cifar10", (3, 4)), ("cifar100", (2, 3)), ("imagenette", (3, 4)), ("imagenet-1k", (0, 2))]
)
def test_the_pair_for_one_image_a_class(target: str, pair: tuple[int, int]) -> None:
    assert best_pair(target, POOL, priors_of(target, POOL)) == pair


def test_without_published_pair_the_two_highest_priors_act() -> None:
    assert best_pair("digits", ["a", "b", "c"], (1.0, 3.0, 2.0)) == (1, 2)
    assert best_pair("digits", ["a", "b", "c"], (0.0, 0.0, 0.0)) == (0, 1)
    assert best_pair("digits", ["a"], (0.0,)) == (0,)
