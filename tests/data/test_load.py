"""Naming targets, and not loading them twice."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from rd3.base.errors import UserError
from rd3.data.load import list_targets, load_target, parse_target
from rd3.data.source import SOURCES
from rd3.data.target import TargetSpec


@pytest.mark.parametrize(
    ("text", "name", "size"),
    [
        ("mnist5k", "mnist5k", None),
        ("mnist5k@64", "mnist5k", 64),
        ("cifar10", "cifar10", None),
        ("folder:/data/my set", "folder:/data/my set", None),
        ("folder:relative/path@224", "folder:relative/path", 224),
        ("folder:/data/v@2/", "folder:/data/v@2/", None),
        ("npz:a@b.npz@32", "npz:a@b.npz", 32),
        ("npz:C:/x.npz", "npz:C:/x.npz", None),
    ],
)
def test_a_text_names_a_source_and_a_size(text, name, size):
    assert parse_target(text) == TargetSpec(name=name, size=size)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mnist5", r"unknown target 'mnist5'; did you mean 'mnist5k'\? Known: cifar10, .*tiny-imagenet"),
        ("mnist5k@0", "size = 0: .*greater than or equal to 1"),
        ("folder", "target 'folder' needs a path: folder:PATH"),
        ("npz:@64", "target 'npz:' needs a path: npz:PATH"),
        ("mnist5k:path", "target 'mnist5k:path': 'mnist5k' takes no path"),
        ("", "unknown target ''"),
    ],
)
def test_a_wrong_text_is_refused_in_one_line(text, message):
    with pytest.raises(UserError, match=message) as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)


def test_a_bare_path_is_told_its_prefix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "set.npz").touch()
    with pytest.raises(UserError, match="target 'photos' is a path; write folder:photos"):
        parse_target("photos")
    with pytest.raises(UserError, match=r"write npz:set\.npz"):
        parse_target("set.npz")


def test_every_registered_source_is_listed_with_one_line():
    listed = list_targets()
    assert {name.partition(":")[0] for name in listed} == {*SOURCES, "MODULE"}
    assert {"mnist5k", "digits", "cifar10", "folder:PATH", "npz:PATH", "imagenet-1k"} <= set(listed)
    assert all(0 < len(about) < 100 and "\n" not in about for about in listed.values())


def test_a_spec_refuses_unknown_keys_and_impossible_sizes():
    for values in ({"name": "digits", "side": 3}, {"name": "digits", "size": -1}, {"name": "digits", "size": 10**6}):
        with pytest.raises(ValidationError):
            TargetSpec.model_validate(values)


def test_the_size_may_be_given_beside_the_name_but_not_twice():
    assert load_target("digits", size=4).spec == TargetSpec(name="digits", size=4)
    assert load_target("digits@4", size=4) is load_target("digits", size=4)
    with pytest.raises(UserError, match="target 'digits': size = 5 contradicts the 4 of its spec"):
        load_target("digits@4", size=5)
    with pytest.raises(UserError, match="size = 0"):
        load_target("digits", size=0)


def test_the_same_target_is_loaded_once():
    assert load_target("digits") is load_target(TargetSpec(name="digits"))


def test_edited_data_are_loaded_again(write_tree):
    root = write_tree()
    first = load_target(f"folder:{root}")
    assert load_target(f"folder:{root}") is first
    os.utime(root / "train" / "cat" / "0.png", (1, 1))
    second = load_target(f"folder:{root}")
    assert second is not first
    (root / "test" / "dog" / "2.png").unlink()
    assert len(load_target(f"folder:{root}").test) == len(first.test) - 1


def test_a_relative_path_is_found_from_where_one_is(write_tree, monkeypatch):
    root = write_tree()
    monkeypatch.chdir(root.parent)
    assert load_target(f"folder:{root.name}").fingerprint == load_target(f"folder:{root}").fingerprint
