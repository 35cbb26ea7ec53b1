"""A teacher that somebody brings is checked on the target before it is believed, and its file is never run."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from rd3 import load_target
from rd3.squeeze.spec import teacher_spec
from rd3.squeeze.train import squeeze

MODEL = "convnet2-bn-w32"


@pytest.fixture(scope="module")
def teacher():
    """A teacher of digits worth the name."""
    target = load_target("digits")
    return squeeze(target, teacher_spec(target, MODEL))


@pytest.fixture
def weights(teacher) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in teacher.model.state_dict().items()}


def last_layer(weights: dict[str, torch.Tensor]) -> tuple[str, str]:
    weight = [name for name, value in weights.items() if value.ndim == 2][-1]
    return weight, weight.replace("weight", "bias")


@pytest.fixture
def bring(terminal, home, tmp_path):
    """What a verb says of a teacher in this file."""

    def bring(content: object, *, verb: str = "squeeze", model: str = MODEL):
        file = tmp_path / "teacher.pt"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            torch.save(content, file)
        before = {
            "squeeze": ("squeeze", "digits"),
            "evaluate": ("evaluate", home.sre2l, "digits", "--protocol", home.protocol, "--seeds", 1),
            "distill": ("distill", "sre2l", "digits", "--ipc", 1, "-p", "iterations=1"),
        }[verb]
        place = ("--home", home.path, "--workers", 1)
        return terminal(*before, "--teacher-file", file, "--teacher-model", model, *place)

    return bring


def test_the_right_file_is_believed(bring, teacher, weights) -> None:
    outcome = bring(weights)
    assert outcome.code == 0
    assert f"{MODEL} on digits, {teacher.test_accuracy:.1%} on the test split" in outcome.out
    assert bring(weights, verb="evaluate").code == 0
    assert bring(weights, verb="distill").code == 0


@pytest.mark.parametrize("verb", ["squeeze", "evaluate", "distill"])
def test_classes_in_another_order_are_noticed(verb, bring, teacher, weights) -> None:
    order = torch.tensor([0, 1, 2, 3, 4, 5, 6, 9, 7, 8])
    for name in last_layer(weights):
        weights[name] = weights[name][order]
    said = bring(weights, verb=verb).complaint
    assert f"but {teacher.test_accuracy:.1%} with its classes in another order" in said
    # class 7 is answered by the output that now holds the row of class 7: number 8
    assert "its output 8 answers to '7', which is class 7 here" in said


def test_a_network_that_does_not_fit_is_named(bring, weights) -> None:
    said = bring(weights, model="convnet1-bn-w32").complaint
    assert "teacher.pt: does not fit convnet1-bn-w32: " in said


def test_a_network_that_knows_nothing_is_refused(bring, weights) -> None:
    noise = torch.Generator().manual_seed(0)
    for name in last_layer(weights):
        weights[name] = torch.randn(weights[name].shape, generator=noise) * 0
    assert "is chance; give the mean and std it was trained with" in bring(weights).complaint


@pytest.mark.parametrize("content", [3, [1, 2], {"epoch": 3}, {0: torch.zeros(2)}, torch.zeros(2)])
def test_something_else_than_a_state_dict_is_refused(content, bring) -> None:
    assert "expected a dict of tensors (a state dict)" in bring(content).complaint


def test_a_missing_file_is_named(terminal, home, tmp_path) -> None:
    said = terminal("squeeze", "digits", "--teacher-file", tmp_path / "none.pt", *home.options).complaint
    assert said == f"{tmp_path / 'none.pt'}: there is no such file"


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (self.mark,))


@pytest.mark.parametrize("place", ["whole", "bare pickle", "value", "state_dict"])
def test_a_hostile_file_is_not_run(place, bring, weights, tmp_path) -> None:
    mark = tmp_path / "ran"
    hostile = Hostile(str(mark))
    content = {
        "whole": hostile,
        "bare pickle": pickle.dumps(hostile),
        "value": {**weights, "extra": hostile},
        "state_dict": {"state_dict": hostile},
    }[place]
    assert "cannot be read as a plain state dict" in bring(content).complaint
    assert not mark.exists()
    pickle.loads(pickle.dumps(hostile))
    assert mark.exists(), "the file was hostile indeed"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_file_is_refused_wherever_it_is_cut(zipped, bring, weights, tmp_path) -> None:
    whole = tmp_path / "whole.pt"
    torch.save(weights, whole, _use_new_zipfile_serialization=zipped)
    content = whole.read_bytes()
    for kept in range(0, len(content), len(content) // 25):
        assert bring(content[:kept]).complaint


def test_a_file_with_changed_bytes_is_refused_or_judged_by_its_accuracy(bring, weights, tmp_path) -> None:
    torch.save(weights, tmp_path / "whole.pt", _use_new_zipfile_serialization=False)
    content = (tmp_path / "whole.pt").read_bytes()
    draws = torch.randint(0, 256, (60, 2), generator=torch.Generator().manual_seed(0)).tolist()
    for step, (place, value) in enumerate(draws):
        damaged = bytearray(content)
        damaged[(step * 8 + place) % 600] = value  # the head, where names and types are
        outcome = bring(bytes(damaged))
        assert outcome.code == 0 or outcome.complaint


def test_how_a_file_is_read_is_said_on_the_terminal(terminal, home, teacher, weights, tmp_path) -> None:
    kept = [value for name, value in weights.items() if not name.endswith("num_batches_tracked")]
    torch.save({f"layer{number}": value for number, value in enumerate(kept)}, tmp_path / "other.pt")
    given = ("squeeze", "digits", "--teacher", tmp_path / "other.pt", "--teacher-model", MODEL, "--home", home.path)
    assert "has other names than convnet2-bn-w32" in terminal(*given).complaint
    outcome = terminal(*given, "-t", "match=position")
    assert outcome.code == 0
    assert f"{MODEL} on digits, {teacher.test_accuracy:.1%} on the test split" in outcome.out
    assert f"teacher {MODEL}: weights matched by position" in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--teacher", "a.pt", "--teacher", "b.pt"), "--teacher-file: 2 for 1 teacher(s)"),
        (
            ("--teacher", "none.pt", "--teacher-model", MODEL, "-t", "match"),
            "-t match: expected KEY=VALUE, for instance",
        ),
        (("--teacher", "none.pt", "--teacher-model", MODEL, "-t", "mtch=names"), "unknown key 'mtch'; did you mean"),
        (("-t", "match=position"), "-t match=position: says how trained weights are read; name them with --teacher"),
        (("--teacher", "torchvision:resnet81"), "unknown torchvision classifier 'resnet81'; did you mean 'resnet18'?"),
    ],
)
def test_a_source_that_cannot_be_is_one_line(words, said, terminal, home) -> None:
    assert said in terminal("squeeze", "digits", *words, "--home", home.path).complaint
