"""What is wrong with a plug-in is one line that names it, what was expected, and the line of it that failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.plugins.protocol import short_protocol

import rd3
from rd3.base.errors import UserError
from rd3.models import create_model
from rd3.study.estimate import step_seconds
from rd3.study.store import Store

MODEL = """
import torch
from torch import nn

def positional(width): ...
def a_number(*, classes, size, channels):
    return classes
def wide(*, classes, size, channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size**2, classes + 1))
def double(*, classes, size, channels):
    return nn.Linear(3, 3).double()
def raises(*, classes, size, channels):
    return helper([])
def helper(values):
    return values[classes_of()]  # raises
def classes_of():
    return 10

class Fails(nn.Module):
    def __init__(self, *, classes, size, channels):
        super().__init__()
    def forward(self, x):
        return self.deep(x)
    def deep(self, x):
        return x.undefined  # Fails

class Narrow(Fails):
    def deep(self, x):
        return x @ torch.ones(3, 3)  # Narrow

class Late(nn.Module):
    def __init__(self, *, classes, size, channels):
        super().__init__()
        self.last = nn.Linear(channels * size**2, classes)
    def forward(self, x):
        x = self.last(x.flatten(1))
        return x.undefined if len(x) > 1 else x  # Late
"""


def at(said: str, text: str, name: str) -> str:
    """A message with LINE as the number of the line that is marked with the plug-in's name."""
    numbers = [number for number, line in enumerate(text.splitlines(), start=1) if line.endswith(f"# {name}")]
    return said.replace("LINE", str(*numbers)) if "LINE" in said else said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("positional", "missing a required argument: 'width'; expected function(*, classes, size, channels)"),
        ("a_number", "returned int; expected function(*, classes, size, channels) -> torch.nn.Module"),
        ("wide", "expected logits of shape (1, 10) for one image, got (1, 11)"),
        ("double", "has parameters of torch.float64; expected torch.float32"),
        ("raises", "IndexError: list index out of range, at mine.py:LINE"),
        ("Fails", "AttributeError: 'Tensor' object has no attribute 'undefined', at mine.py:LINE"),
        ("Narrow", "RuntimeError: "),
        ("Narrow", ", at mine.py:LINE"),
    ],
)
def test_models(write, name: str, said: str) -> None:
    write("mine.py", MODEL)
    for file in ("mine", "mine.py"):
        with pytest.raises(UserError) as caught:
            create_model(f"{file}:{name}", classes=10, size=8, channels=1, seed=0)
        assert f"'{file}:{name}'" in str(caught.value)
        assert at(said, MODEL, name) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_model_that_fails_only_in_training_is_blamed_when_it_is_timed(write, digits) -> None:
    write("mine.py", MODEL)
    with pytest.raises(UserError, match=r"^model plug-in 'mine:Late': AttributeError: .*, at mine\.py:\d+$") as caught:
        step_seconds("mine:Late", 10, digits, torch.device("cpu"))
    assert at("mine.py:LINE", MODEL, "Late") in str(caught.value)


def test_a_file_alone_is_told_what_is_missing(write) -> None:
    write("mine.py", MODEL)
    with pytest.raises(UserError, match=r"model 'mine\.py' is a file; name what .* in it: mine\.py:FUNCTION"):
        create_model("mine.py", classes=10, size=8)
    with pytest.raises(UserError, match=r"target 'mine\.py' is a path; write mine\.py:FUNCTION"):
        rd3.load_target("mine.py")


METHOD = """
import torch
from rd3.methods.base import Distilled, Method

class Base(Method):
    needs_teacher = False
    def memory(self, target, ipc, teachers, device):
        return 1
    def distill(self, task):
        return self.made(torch.zeros(10, 1, 8, 8, dtype=torch.uint8), task.labels)
    def made(self, images, labels):
        return Distilled(images, labels)

class Nothing(Base):
    def made(self, images, labels):
        return None
class Small(Base):
    def made(self, images, labels):
        return Distilled(images[:, :, 1:], labels)
class Few(Base):
    def made(self, images, labels):
        return Distilled(images[1:], labels[1:])
class Whole(Base):
    def made(self, images, labels):
        return Distilled(images.long(), labels)
class Bright(Base):
    def made(self, images, labels):
        return Distilled(images.float() + 255, labels)
class Holes(Base):
    def made(self, images, labels):
        return Distilled(images / torch.zeros(()), labels)
class Learning(Base):
    def made(self, images, labels):
        return Distilled(images.float().requires_grad_(), labels)
class Floats(Base):
    def made(self, images, labels):
        return Distilled(images, labels.float())
class Shuffled(Base):
    def made(self, images, labels):
        return Distilled(images, labels.flip(0))
class Soft(Base):
    def made(self, images, labels):
        return Distilled(images, labels, torch.zeros(10, 10))
class Softer(Base):
    soft_labels = True
    def made(self, images, labels):
        return Distilled(images, labels, torch.zeros(10, 3))
class Fails(Base):
    def made(self, images, labels):
        return self.deep(images)
    def deep(self, images):
        return images.view(7)  # Fails
class Unplanned(Base):
    @classmethod
    def settings_for(cls, target, ipc):
        return {}[ipc]  # Unplanned
class Weightless(Base):
    def memory(self, target, ipc, teachers, device):
        return target.absent  # Weightless
class Wordy(Base):
    def memory(self, target, ipc, teachers, device):
        return "1 GB"
class Absent(Method):
    pass
class Other(Base):
    def distill(self, task, extra):
        ...
class Stranger:
    pass
def function():
    pass
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Nothing", "returned NoneType, not rd3.methods.base.Distilled"),
        (
            "Small",
            "images are torch.uint8 of shape (10, 1, 7, 8); expected torch.uint8 or torch.float32 of shape (10, 1,",
        ),
        ("Few", "images are torch.uint8 of shape (9, 1, 8, 8); expected"),
        ("Whole", "images are torch.int64 of shape (10, 1, 8, 8); expected"),
        ("Bright", "images are torch.float32 up to 255; expected 0 for black and 1 for white"),
        ("Holes", "images hold NaN or infinite values"),
        ("Learning", "images still carry a gradient; expected images.detach()"),
        ("Floats", "labels are torch.float32 of shape (10,); expected torch.int64 of shape (10,)"),
        ("Shuffled", "labels are not class by class, 0 to 9, 1 of each; expected those of task.labels"),
        ("Soft", "returned soft labels; expected soft_labels = True in its class"),
        ("Softer", "soft labels are torch.float32 of shape (10, 3); expected floats of shape (10, 10)"),
        ("Fails", "RuntimeError: shape '[7]' is invalid for input of size 640, at mine.py:LINE"),
        ("Unplanned", "KeyError: 1, at mine.py:LINE"),
        ("Weightless", "AttributeError: 'Target' object has no attribute 'absent', at mine.py:LINE"),
        ("Wordy", "memory returned '1 GB'; expected a number of bytes"),
        ("Absent", "does not define distill(self, task); expected a class derived from rd3.methods.base.Method"),
        (
            "Other",
            "distill(self, task, extra): missing a required argument: 'extra'; it is called as distill(self, task)",
        ),
        ("Stranger", "is a class of its own: Stranger(object); expected a class derived from rd3.methods.base.Method"),
        ("function", "is a function, not a class; expected a class derived from rd3.methods.base.Method"),
        ("Baze", "'mine' (mine.py) has no class 'Baze'; did you mean 'Base'?"),
    ],
)
def test_methods(write, tmp_path: Path, digits, name: str, said: str) -> None:
    write("mine.py", METHOD)
    with pytest.raises(UserError) as caught:
        rd3.distill(f"mine:{name}", digits, ipc=1, store=Store(tmp_path / "home"))
    assert str(caught.value).startswith(f"method plug-in 'mine:{name}': ")
    assert at(said, METHOD, name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_setting_of_a_method_is_refused(write, tmp_path: Path, digits) -> None:
    write("mine.py", METHOD)
    with pytest.raises(UserError, match="method mine:Base: unknown key 'skip'"):
        rd3.distill("mine:Base", digits, ipc=1, skip=3, store=Store(tmp_path / "home"))


TARGET = """
import numpy as np
import torch
import rd3

X, Y = np.zeros((4, 8, 8), np.uint8), np.array([0, 0, 1, 1])
def wants(more): ...
def number(): return 3
def pair(): return X, Y
def floats(): return X / 255, Y, X, Y
def flat(): return X.reshape(4, 64), Y, X, Y
def short(): return X, Y[:3], X, Y
def negative(): return X, Y, X, Y - 1
def lonely(): return X, Y * 0, X, Y * 0
def wide(): return {"x_train": X[:, :4], "y_train": Y, "x_test": X[:, :4], "y_test": Y}
def wrong(): return {"x_train": X, "y_train": Y, "x_test": X, "y_text": Y}
def missing(): return {"x_train": X, "y_train": Y, "x_test": X}
def mirror(): return {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, "flip_keeps_class": "no"}
def fails():
    return X[:, 9], Y, X, Y  # fails
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wants", "missing a required argument: 'more'; expected function() -> rd3.Target, or (x_train, y_train,"),
        ("number", "returned int; expected function() -> rd3.Target"),
        ("pair", "returned 2 things; expected function() -> rd3.Target"),
        ("floats", "x_train is float64 from 0 to 0; expected uint8 from 0 to 255"),
        ("flat", "x_train has shape (4, 64); expected (N, H, W), (N, H, W, C) or (N, C, H, W)"),
        ("short", "x_train has 4 images, y_train 3 labels"),
        ("negative", "y_test holds the label -1; expected 0 to 1"),
        ("lonely", "found 1 class; a classifier needs at least 2"),
        ("wide", "x_train has images of 4 x 8, not square; give a side, for instance @64"),
        ("wrong", "returned a dict: unknown key 'y_text'; known: x_train, y_train, x_test, y_test, classes,"),
        ("missing", "returned a dict: key 'y_test' is missing"),
        ("mirror", "flip_keeps_class = 'no'; expected True or False"),
        ("fails", "IndexError: index 9 is out of bounds for axis 1 with size 8, at mine.py:LINE"),
        ("fail", "'mine' (mine.py) has no function 'fail'; did you mean 'fails'?"),
    ],
)
def test_targets(write, name: str, said: str) -> None:
    write("mine.py", TARGET)
    with pytest.raises(UserError) as caught:
        rd3.load_target(f"mine:{name}")
    assert f"'mine:{name}'" in str(caught.value)
    assert at(said, TARGET, name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_source_that_is_nearly_written_is_not_taken_for_a_plug_in() -> None:
    with pytest.raises(UserError, match="unknown target 'foldr'; did you mean 'folder'"):
        rd3.load_target("foldr:photos")


AUGMENTATION = """
import torch
from rd3.training.augment.base import Augmentation

class Base(Augmentation):
    strength: float = 0.1
    def draw(self, count, size, generator):
        return {}
class Flat(Base):
    def transform(self, images, draw):
        return images.flatten(1)
class Double(Base):
    def transform(self, images, draw):
        return images.double()
class Nothing(Base):
    def transform(self, images, draw):
        return None
class Holes(Base):
    def transform(self, images, draw):
        return images / 0
class Fails(Base):
    def transform(self, images, draw):
        return draw["angle"]  # Fails
class FailsEarlier(Augmentation):
    def draw(self, count, size, generator):
        return {"x": torch.ones(3) @ torch.ones(4)}  # FailsEarlier
    def transform(self, images, draw):
        return images
class Absent(Base):
    pass
class Other(Base):
    def transform(self, images):
        return images
"""


def judge(write, digits, home: Path, operation: str) -> Any:
    write("mine.yaml", short_protocol(operation, epochs=1))
    store = Store(home)
    images = rd3.distill("random", digits, ipc=1, store=store)
    return rd3.evaluate(images, digits, protocol="mine.yaml", student="mlp", seeds=1, store=store, device="cpu")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Flat", "returned torch.float32 of shape (10, 64); expected torch.float32 of shape (10, 1, 8, 8)"),
        ("Double", "returned torch.float64 of shape (10, 1, 8, 8); expected torch.float32 of shape (10, 1, 8, 8)"),
        ("Nothing", "returned NoneType; expected torch.float32 of shape (10, 1, 8, 8)"),
        ("Fails", "KeyError: 'angle', at mine.py:LINE"),
        ("FailsEarlier", "RuntimeError: inconsistent tensor size"),
        ("FailsEarlier", ", at mine.py:LINE"),
        ("Absent", "does not define transform(self, images, draw); expected a class derived from rd3.training.augment"),
        (
            "Other",
            "transform(self, images): too many positional arguments; it is called as transform(self, images, draw)",
        ),
    ],
)
def test_augmentations(write, tmp_path: Path, digits, name: str, said: str) -> None:
    write("mine.py", AUGMENTATION)
    with pytest.raises(UserError) as caught:
        judge(write, digits, tmp_path / "home", f"{{kind: 'mine:{name}'}}")
    assert f"augmentation plug-in 'mine:{name}'" in str(caught.value)
    assert at(said, AUGMENTATION, name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_student_that_diverged_is_flagged(write, tmp_path: Path, digits) -> None:
    write("mine.py", AUGMENTATION)
    found = judge(write, digits, tmp_path / "home", "{kind: 'mine:Holes'}")
    assert found.accuracies[0] < 0.15  # every image is called the same
    assert any(flag.startswith("a student diverged") for flag in found.records[0].flags)
    sound = judge(write, digits, tmp_path / "home", "{kind: flip}")
    assert not any("diverged" in flag for flag in sound.records[0].flags)


def test_an_unknown_setting_of_an_augmentation_is_refused(write, tmp_path: Path, digits) -> None:
    write("mine.py", AUGMENTATION)
    with pytest.raises(UserError, match="augmentation 'mine:Flat': unknown key 'strong'; did you mean 'strength'"):
        judge(write, digits, tmp_path / "home", "{kind: 'mine:Flat', strong: 1}")


def test_an_error_of_rd3_is_not_laid_at_the_door_of_a_plug_in(write, tmp_path: Path, digits) -> None:
    write("mine.py", "from torch import nn\n\ndef net(*, classes, size, channels):\n    return nn.Flatten()\n")
    with pytest.raises(UserError) as caught:
        create_model("mine:net", classes=10, size=8, channels=1, seed=0)
    assert str(caught.value) == "model 'mine:net': expected logits of shape (1, 10) for one image, got (1, 64)"
    with pytest.raises(UserError, match=r"ipc = 900: class '\d' has only"):
        rd3.distill("random", digits, ipc=900, store=Store(tmp_path / "home"))
