"""Class by class: positions and balanced random subsets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.data.subset import class_indices, random_subset


@settings(max_examples=30, deadline=None)
@given(labels=st.lists(st.integers(0, 5), max_size=40))
def test_positions_of_each_class_are_those_of_numpy(labels):
    found = class_indices(torch.tensor(labels, dtype=torch.int64), 7)
    assert len(found) == 7
    for label, indices in enumerate(found):
        assert indices.tolist() == np.flatnonzero(np.array(labels, dtype=int) == label).tolist()


def test_a_subset_is_balanced_ordered_by_class_and_without_repeats():
    target = load_target("digits")
    chosen = random_subset(target, 7, seed=0)
    assert chosen.dtype == torch.int64
    assert target.train.labels[chosen].tolist() == [label for label in range(10) for _ in range(7)]
    assert len(set(chosen.tolist())) == 70


def test_a_subset_depends_on_its_seed_alone():
    target = load_target("digits")
    state = torch.get_rng_state()
    first = random_subset(target, 3, seed=5)
    torch.manual_seed(1)
    assert torch.equal(random_subset(target, 3, seed=5), first)
    assert not torch.equal(random_subset(target, 3, seed=6), first)
    torch.set_rng_state(state)
    random_subset(target, 3, seed=5)
    assert torch.equal(torch.get_rng_state(), state)


def test_smaller_subsets_are_part_of_larger_ones():
    target = load_target("digits")
    small, large = random_subset(target, 2, seed=3).view(10, 2), random_subset(target, 9, seed=3).view(10, 9)
    assert torch.equal(large[:, :2], small)


def test_every_image_is_equally_likely():
    target = load_target("digits")
    zeros = class_indices(target.train.labels, 10)[0]
    counts = torch.zeros(len(target.train))
    draws = 400
    for seed in range(draws):
        counts[random_subset(target, 10, seed=seed)] += 1
    share = 10 / len(zeros)
    # Six standard deviations of a binomial count.
    assert (counts[zeros] - draws * share).abs().max() < 6 * (draws * share * (1 - share)) ** 0.5


def test_a_class_that_is_too_small_is_named():
    target = load_target("digits")
    with pytest.raises(UserError, match=r"ipc = 1000: class '0' has only 142 training images"):
        random_subset(target, 1000, seed=0)
    with pytest.raises(UserError, match="ipc = 0: expected at least 1"):
        random_subset(target, 0, seed=0)
