"""The order of images, and label batches that come again, against plain bookkeeping."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
import torch

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.base.spec import parse
from rd3.data.load import load_target
from rd3.training.order import Batch, LabelBatches, Order
from rd3.training.recipe import Recipe
from rd3.training.views import Normalisation, view_of

COUNT, SEED = 70, 11
AUGMENT = [{"kind": "padded-crop", "padding": 1}, {"kind": "flip"}]


def recipe(**changes: object) -> Recipe:
    values = {
        "epochs": 8,
        "batch_size": 32,
        "optimiser": {"kind": "sgd", "lr": 1},
        "schedule": {},
        "augment": AUGMENT,
        "mix": {"kind": "cutmix"},
        "loss": {"kind": "kl"},
    }
    return parse(Recipe, values | changes, where="test")


def order_of(chosen: Recipe, seed: int = SEED) -> Order:
    return Order(COUNT, chosen, generator=torch.Generator().manual_seed(seed), seed=seed)


def epochs(chosen: Recipe) -> list[list[Batch]]:
    order = order_of(chosen)
    return [list(order.epoch(epoch)) for epoch in range(chosen.epochs)]


def numbers(chosen: Recipe) -> list[list[int | None]]:
    return [[batch.number for batch in batches] for batches in epochs(chosen)]


def kept(chosen: Recipe) -> LabelBatches:
    return LabelBatches(COUNT, chosen, seed=SEED, device=torch.device("cpu"))


@pytest.mark.parametrize("drop_last", [False, True])
def test_every_epoch_is_a_permutation_in_batches(drop_last: bool) -> None:
    generator = torch.Generator().manual_seed(SEED)
    for batches in epochs(recipe(drop_last=drop_last)):
        expected = torch.randperm(COUNT, generator=generator)
        assert [len(batch.indices) for batch in batches] == ([32, 32] if drop_last else [32, 32, 6])
        assert torch.equal(torch.cat([batch.indices for batch in batches]), expected[: 64 if drop_last else 70])
        assert all(batch.number is None for batch in batches)


@pytest.mark.parametrize("drop_last", [False, True])
def test_the_last_step_takes_the_images_before_it_once_more(drop_last: bool) -> None:
    usual, repeated = (epochs(recipe(drop_last=drop_last, repeat_last=flag)) for flag in (False, True))
    for before, after in zip(usual, repeated, strict=True):
        expected = [*before[:-1], before[-2]]
        assert all(torch.equal(a.indices, b.indices) for a, b in zip(after, expected, strict=True))


def test_a_single_batch_has_none_before_it() -> None:
    (batches, *_) = epochs(recipe(batch_size=100, repeat_last=True))
    assert [len(batch.indices) for batch in batches] == [COUNT]


@pytest.mark.parametrize(("label_epochs", "batch", "expected"), [(0.29, 0, 29), (2.5, 32, 7), (0.4, 32, 1), (3, 32, 9)])
def test_so_many_batches_are_kept(label_epochs: float, batch: int, expected: int) -> None:
    """⌊label_epochs · batches of an epoch⌋ of the number that is written: 0.29 of 100 batches is 29."""
    if batch:
        assert len(kept(recipe(label_epochs=label_epochs))) == expected
    else:
        assert recipe(label_epochs=label_epochs, batch_size=1).kept_batches(100) == expected


def test_less_than_one_batch_is_refused() -> None:
    with pytest.raises(UserError, match=r"^label_epochs = 0\.2: is less than one of 3 batches an epoch$"):
        kept(recipe(label_epochs=0.2))


@pytest.mark.parametrize("keep", ["0.1", "0.05", "0.025"])
def test_lpld_keeps_the_floor_of_the_share_and_reaches_every_batch(keep: str) -> None:
    """300 epochs of 3 batches, pruned by 90, 95 and 97.5 %: no other batch is ever used, and each of them is."""
    share = Fraction(keep) * 300
    expected = share * 3 // 1
    used = Counter(number for epoch in numbers(recipe(epochs=300, label_epochs=float(share))) for number in epoch)
    assert sorted(used) == list(range(expected))
    # 900 draws with replacement: each within 6 standard deviations of its share
    assert all(abs(times - 900 / expected) < 6 * (900 / expected) ** 0.5 for times in used.values())


@pytest.mark.parametrize("label_draw", ["replacement", "shuffled"])
@pytest.mark.parametrize("label_epochs", [2, 2.5])
def test_a_stored_epochs_last_batch_gives_way_to_the_one_before_it(label_draw: str, label_epochs: float) -> None:
    """LPLD's code: `if (k + 1) % batches == 0: k - 1`, for every k that is drawn; here three batches an epoch."""
    values = {"epochs": 40, "label_epochs": label_epochs, "label_draw": label_draw}
    drawn, used = (numbers(recipe(**values, repeat_last=flag)) for flag in (False, True))
    before, after = ([k for epoch in run for k in epoch if k is not None] for run in (drawn, used))
    assert after == [k - 1 if k in (2, 5) else k for k in before]
    assert {2, 5} <= set(before)
    assert len(after) == 120


def test_the_only_batch_of_a_stored_epoch_is_used() -> None:
    run = numbers(recipe(batch_size=COUNT, label_epochs=3, repeat_last=True, epochs=30))
    assert {number for epoch in run for number in epoch} == {0, 1, 2}


def test_batch_k_is_batch_k_mod_b_of_shuffled_epoch_k_div_b() -> None:
    pool = kept(recipe(label_epochs=2.5))
    for number in range(len(pool)):
        epoch, place = number // 3, number % 3
        generator = torch.Generator().manual_seed(derive_seed("label epoch", SEED, epoch))
        expected = torch.randperm(COUNT, generator=generator)[32 * place : 32 * (place + 1)]
        assert torch.equal(pool[number].indices, expected)


def test_the_same_number_is_the_same_batch_bit_by_bit_and_others_are_others() -> None:
    images = load_target("digits").train
    chosen = recipe(label_epochs=3)
    normalisation = Normalisation((0.3,), (0.4,))

    def views(pool: LabelBatches) -> list[torch.Tensor]:
        return [view_of(images, pool[k], chosen, normalisation).pictures for k in (4, 1, 4)]

    first, other, again = views(kept(chosen))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert all(torch.equal(a, b) for a, b in zip(views(kept(chosen)), (first, other, again), strict=True))


def test_new_batches_are_drawn_from_the_run_and_kept_ones_from_their_number() -> None:
    """Two views of one label batch agree within a run; those of a repeated batch of new images do not."""
    images = load_target("digits").train
    normalisation = Normalisation((0.3,), (0.4,))
    for label_epochs, same in ((2 / 3, True), (None, False)):  # two kept batches, of which the last is no epoch's last
        chosen = recipe(label_epochs=label_epochs, repeat_last=True)
        batches = list(order_of(chosen).epoch(0))
        pictures = [view_of(images, batch, chosen, normalisation).pictures for batch in batches]
        pairs = [(0, 1), (1, 2), (0, 2)]
        again = next(pair for pair in pairs if torch.equal(*(batches[place].indices for place in pair)))
        assert torch.equal(*(pictures[place] for place in again)) == same


def test_shuffled_batches_are_used_up_before_any_comes_again() -> None:
    drawn = [number for epoch in numbers(recipe(label_epochs=5 / 3, label_draw="shuffled")) for number in epoch]
    rounds = [drawn[start : start + 5] for start in range(0, 20, 5)]  # 24 steps: four rounds of 5, and 4 of the next
    assert all(sorted(some) == list(range(5)) for some in rounds)
    assert len(set(drawn[20:])) == 4
    assert len({tuple(some) for some in rounds}) > 1


def test_the_store_is_shuffled_again_after_a_hard_phase_and_that_phase_is_free() -> None:
    """HALD: soft, hard, soft. Two epochs leave 6 of 12 batches unused; the next soft epoch may draw the used ones."""
    chosen = recipe(epochs=8, label_epochs=4, label_draw="shuffled", hard_phase=(0.25, 0.75))
    repeats = 0
    for seed in range(6):
        order = order_of(chosen, seed)
        run = [[batch.number for batch in order.epoch(epoch)] for epoch in range(8)]
        assert all(number is None for epoch in run[2:6] for number in epoch)
        before, after = ([number for epoch in part for number in epoch] for part in (run[:2], run[6:]))
        assert len(set(before)) == len(set(after)) == 6
        repeats += len(set(before) & set(after))
    assert repeats > 0


def test_a_hard_phase_has_every_image_once_an_epoch() -> None:
    for batches in epochs(recipe(label_epochs=1, hard_phase=(0.25, 0.75)))[2:6]:
        assert sorted(torch.cat([batch.indices for batch in batches]).tolist()) == list(range(COUNT))
