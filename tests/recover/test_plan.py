from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rd3.recover.plan import BATCHINGS, PlanItem

SIZES = {"ipc": st.integers(1, 6), "classes": st.integers(1, 12), "batch_size": st.integers(1, 20)}


@pytest.mark.parametrize("name", BATCHINGS)
@given(**SIZES)
def test_every_image_is_in_the_plan_exactly_once(name: str, ipc: int, classes: int, batch_size: int) -> None:
    plan = BATCHINGS[name](ipc, classes, batch_size)
    pairs = [pair for item in plan for pair in zip(item.labels.tolist(), item.slots.tolist(), strict=True)]
    assert sorted(pairs) == [(label, slot) for label in range(classes) for slot in range(ipc)]
    assert [item.index for item in plan] == list(range(len(plan)))


@given(**SIZES)
def test_one_per_class_never_has_a_class_twice_and_fills_its_batches(ipc: int, classes: int, batch_size: int) -> None:
    plan = BATCHINGS["opc"](ipc, classes, batch_size)
    assert all(len(set(item.labels.tolist())) == len(item) <= batch_size for item in plan)
    assert all(len(set(item.slots.tolist())) == 1 for item in plan)
    assert len(plan) == ipc * -(-classes // batch_size)


@given(**SIZES)
def test_class_major_keeps_the_images_of_a_class_together(ipc: int, classes: int, batch_size: int) -> None:
    plan = BATCHINGS["cm"](ipc, classes, batch_size)
    assert torch.equal(torch.cat([item.rows(ipc) for item in plan]), torch.arange(classes * ipc))
    assert [len(item) for item in plan[:-1]] == [batch_size] * (len(plan) - 1)


def test_a_smaller_batch_is_what_several_gpus_make_of_a_larger_one() -> None:
    """EDC's 80 images on 4 GPUs are 20 on each, which has statistics of its own: class-major batches of 20."""
    whole, parts = (BATCHINGS["cm"](10, 1000, size) for size in (80, 20))
    split = [part for item in whole for part in item.rows(10).chunk(4)]
    assert len(split) == len(parts)
    assert all(torch.equal(part, item.rows(10)) for part, item in zip(split, parts, strict=True))


@given(**SIZES)
def test_one_class_is_all_images_of_one_class(ipc: int, classes: int, batch_size: int) -> None:
    plan = BATCHINGS["1c"](ipc, classes, batch_size)
    assert [item.labels.tolist() for item in plan] == [[label] * ipc for label in range(classes)]
    assert all(item.slots.tolist() == list(range(ipc)) for item in plan)


def test_an_item_can_be_narrowed_to_some_of_its_images() -> None:
    item = PlanItem(3, torch.tensor([4, 5, 6]), torch.tensor([0, 1, 2])).take(torch.tensor([2, 0]))
    assert (item.index, item.labels.tolist(), item.slots.tolist(), len(item)) == (3, [6, 4], [2, 0], 2)
    assert item.rows(10).tolist() == [62, 40]
