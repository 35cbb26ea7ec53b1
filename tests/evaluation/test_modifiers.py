"""Comparison protocols that are made of another's id."""

from __future__ import annotations

from pathlib import Path

import pytest

from rd3.base.errors import UserError
from rd3.data.facts import target_facts
from rd3.data.load import load_target
from rd3.evaluation.files import list_protocols, load_protocol, locked_hashes
from rd3.evaluation.modifiers import CHANGES, learned_rate, selected, split_modifiers
from rd3.evaluation.scaling import scaled

SEARCHING = (
    "id: mine\nversion: 1\nbase: rd3\ntitle: mine\nsource: tests\n"
    "counterparts: {hard: derived, plain: derived, whole: whole}\nfields:\n"
    "  lr_search: {cases: [{value: [0.01, 0.1], when: {size_max: 16}}, {value: null}], provenance: inferred}\n"
)


@pytest.fixture
def searching(tmp_path: Path) -> str:
    (tmp_path / "mine.yaml").write_text(SEARCHING)
    return str(tmp_path / "mine.yaml")


@pytest.mark.parametrize("modifier", [*CHANGES, "lr0.02"])
def test_a_modified_protocol_has_an_id_and_a_hash_of_its_own(modifier, searching) -> None:
    usual, other = load_protocol(searching), load_protocol(f"{searching}+{modifier}")
    assert other.id == f"mine+{modifier}"
    assert other.hash != usual.hash
    assert other.hash not in locked_hashes().values()
    assert (other.not_rankable is None) == modifier.startswith("lr")


def test_peeking_changes_what_is_chosen_and_nothing_else() -> None:
    target = load_target("digits")
    (usual, _), (peeking, flags) = (load_protocol(n).resolve(target, 1, "mlp") for n in ("rd3", "rd3+test-peek"))
    assert peeking.peeks
    assert peeking == usual.model_copy(update={"selection": "test-peek", "report": "best"})
    assert "chosen on the test split: for comparison only" in flags


def test_the_counterparts_of_a_modified_protocol_are_modified_alike() -> None:
    peeking = load_protocol("rd3+test-peek")
    named = peeking.counterparts
    assert (named.hard, named.plain, named.whole) == ("rd3-hard+test-peek", "rd3-plain+test-peek", "whole+test-peek")
    for name in (named.hard, named.plain, named.whole):
        assert load_protocol(name).not_rankable is not None
        assert load_protocol(name).resolve(load_target("digits"), None, "mlp")[0].peeks
    assert load_protocol(named.hard).counterparts.plain == "rd3-hard-plain+test-peek"
    # what is done to labels and rates of small sets concerns the whole target's own protocol not at all
    assert load_protocol("rd3+unmixed-labels").counterparts.whole == "whole"


def test_a_learned_rate_joins_a_search_where_there_is_one(searching) -> None:
    protocol = load_protocol(f"{searching}+lr0.05")
    small, large = load_target("digits"), load_target("mnist5k")
    assert protocol.resolve(small, 1, "mlp")[0].lr_search == (0.01, 0.05, 0.1)
    assert protocol.resolve(large, 1, "mlp")[0].lr_search is None
    hard = load_protocol(str(protocol.counterparts.hard))
    assert (hard.id, hard.resolve(small, 1, "mlp")[0].lr_search) == ("mine-hard+lr0.05", (0.01, 0.05, 0.1))


def test_modifiers_add_up(searching) -> None:
    protocol = load_protocol(f"{searching}#hard+lr0.05+test-peek+unmixed-labels")
    assert protocol.id == "mine-hard+lr0.05+test-peek+unmixed-labels"
    settings, _ = protocol.resolve(load_target("digits"), 1, "mlp")
    assert (settings.lr_search, settings.selection, settings.mix_labels) == ((0.01, 0.05, 0.1), "test-peek", "none")
    assert "test split" in str(protocol.not_rankable)
    assert "unmixed" in str(protocol.not_rankable)


@pytest.mark.parametrize("rate", [0.0214, 1e-5, 0.021400000900030136, 3.0])
def test_a_rate_reads_back_to_six_digits(rate) -> None:
    name, (modifier,) = split_modifiers(f"rd3+{learned_rate(rate)}")
    assert name == "rd3"
    assert float(modifier.removeprefix("lr")) == pytest.approx(rate, rel=1e-5)


def test_a_plus_in_a_path_is_part_of_the_path(tmp_path) -> None:
    (tmp_path / "a+b").mkdir()
    (tmp_path / "a+b" / "mine.yaml").write_text(SEARCHING)
    assert load_protocol(f"{tmp_path}/a+b/mine.yaml+test-peek").id == "mine+test-peek"


def test_unknown_modifiers_are_unknown_protocols() -> None:
    with pytest.raises(UserError, match=r"unknown protocol 'rd3\+peek'"):
        load_protocol("rd3+peek")
    with pytest.raises(UserError, match="unknown selection 'best'"):
        selected("rd3", "best")  # type: ignore[arg-type]
    assert selected("rd3+test-peek", "test-peek") == "rd3+test-peek"


def test_a_file_that_searches_for_random_images_only_must_say_so(tmp_path) -> None:
    (tmp_path / "mine.yaml").write_text(f"{SEARCHING}  lr_search_for: {{value: random, provenance: code}}\n")
    with pytest.raises(UserError, match="searches rates for random images only, so not_rankable must say so"):
        load_protocol(str(tmp_path / "mine.yaml"))


def test_no_shipped_protocol_has_an_id_that_reads_as_modified() -> None:
    assert all(split_modifiers(name) == (name, []) for name in list_protocols())


def test_random_search_leaves_the_hard_counterpart_its_search(searching) -> None:
    named = load_protocol(f"{searching}+random-search").counterparts
    target = load_target("digits")
    hard, plain = (load_protocol(str(name)).resolve(target, 1, "mlp")[0] for name in (named.hard, named.plain))
    assert (hard.lr_search, hard.lr_search_for) == ((0.01, 0.1), "both")
    assert plain.lr_search_for == "random"


def test_random_search_where_nothing_is_searched_is_refused() -> None:
    with pytest.raises(UserError, match=r"rd3\+random-search: rd3 searches no rate, so there is nothing to leave out"):
        load_protocol("rd3+random-search")


@pytest.mark.parametrize("name", ["ddr-dc+lr.", "ddr-dc+lr", "ddr-dc+lr1e", "ddr-dc+lr1-2", "ddr-dc+lr1e999"])
def test_what_is_no_rate_is_an_unknown_protocol(name) -> None:
    with pytest.raises(UserError, match="unknown protocol"):
        load_protocol(name)


def test_an_unknown_counterpart_is_refused_in_one_line(searching, tmp_path) -> None:
    (tmp_path / "dd.yaml").write_text("dataset: CIFAR10\nmodel_name: ConvNet-3\n")
    for name in (searching, f"ddranking:{tmp_path / 'dd.yaml'}"):
        with pytest.raises(UserError, match="'#foo' is no counterpart; allowed are #hard-plain, #hard, #plain"):
            load_protocol(f"{name}#foo")


def test_a_share_of_the_epochs_takes_along_what_is_counted_in_epochs() -> None:
    small, tiny = load_target("digits"), target_facts("tiny-imagenet")
    quarter = load_protocol("rd3+epochs0.25")
    assert quarter.resolve(small, 10, "mlp")[0].epochs == 100
    assert quarter.not_rankable == "0.25 times the epochs of rd3"
    warm = load_protocol("lpld+epochs0.5").resolve(tiny, 50, "resnet18")[0]
    assert (warm.epochs, warm.warmup_epochs) == (50, 2)  # of 100 and 5
    pruned = load_protocol("lpld-10x+epochs0.5").resolve(tiny, 50, "resnet18")[0]
    assert pruned.label_epochs == pytest.approx(0.5 * 10)
    steps = load_protocol("edc+epochs0.1").resolve(target_facts("cifar10"), 10, "resnet18")[0]
    assert (steps.epochs, steps.milestones) == (100, (80, 90, 95))


@pytest.mark.parametrize("name", ["rd3", "sre2l", "cv-dd", "lpld-40x", "hald", "ddr-dm"])
def test_a_share_of_the_epochs_is_what_an_audit_scales_to(name) -> None:
    for target in map(target_facts, ("cifar10", "tiny-imagenet")):
        usual, shorter = (load_protocol(n).resolve(target, 10, "resnet18")[0] for n in (name, f"{name}+epochs0.3"))
        unread = {"report_every", "report_phase", "checkpoints"}
        assert shorter.model_dump(exclude=unread) == scaled(usual, 0.3).model_dump(exclude=unread)


def test_a_share_of_the_epochs_concerns_the_counterparts_and_not_the_whole_target() -> None:
    named = load_protocol("rd3+epochs0.25").counterparts
    assert (named.hard, named.plain, named.whole) == ("rd3-hard+epochs0.25", "rd3-plain+epochs0.25", "whole")
    assert load_protocol("rd3-hard+epochs0.25").resolve(load_target("digits"), 1, "mlp")[0].epochs == 100


@pytest.mark.parametrize(("name", "message"), [("rd3+epochs0", "above 0"), ("rded-code+epochs0.5", "single epochs")])
def test_a_share_that_makes_no_sense_is_refused(name, message) -> None:
    with pytest.raises(UserError, match=message):
        load_protocol(name)
