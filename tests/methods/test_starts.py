"""The start is a strategy of every optimising method: made from the registry, so a new row adds its tests."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from rd3.base.spec import parse
from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import InitName
from rd3.squeeze.teacher import Teacher

ROWS = [name for name in METHODS.names() if issubclass(METHODS[name], Decoupled)]
INITS = get_args(InitName)
IPC = 3


def images(name: str, target: Target, teacher: Teacher, **changes: Any) -> Tensor:
    settings = METHODS[name].settings_for(target, IPC) | {"stage_sizes": (), **changes}
    return parse(METHODS[name], settings, where="test").distill(Task(target, teacher, IPC, seed=5)).images


@pytest.fixture(scope="module")
def starts(few: Target, teacher: Teacher) -> dict[str, Tensor]:
    """What each strategy gives, by who else gives it: the engine has no part in these but for `noise`."""
    rded = METHODS["rded"](**METHODS["rded"].settings_for(few, IPC)).distill(Task(few, teacher, IPC, seed=5))
    real = METHODS["random"]().distill(Task(few, None, IPC, seed=5))
    return {"rded": rded.images, "real": real.images, "medium": medium(few, teacher)}


def medium(target: Target, teacher: Teacher) -> Tensor:
    """The images of every class around the median of the true class's probability, by sorting."""
    chosen = []
    for label in range(10):
        own = target.train.batch((target.train.labels == label).nonzero()[:, 0])
        probability = teacher.logits(own.float() / 255).softmax(1)[:, label]
        ranked = own[probability.argsort(stable=True)]
        upper = len(own) // 2 if len(own) % 2 == 0 else (len(own) + 1) // 2
        chosen.append(ranked[[upper, upper + 1, upper - 1]])
    return torch.cat(chosen)


def shown(pixels: Tensor, name: str) -> Tensor:
    """What a method shows of a start: INFER's slots of one real image show it all."""
    own = pixels.view(10, IPC, *pixels.shape[1:])
    return own[:, [0, 0, 1]] if name == "infer" else own  # one teacher: slots 0 and 1 are of the first image


@pytest.mark.parametrize("init", ["real", "medium", "rded"])
@pytest.mark.parametrize("name", ROWS)
def test_every_method_starts_from_what_the_strategy_gives(
    name: str, init: str, few: Target, teacher: Teacher, starts: dict[str, Tensor]
) -> None:
    made = images(name, few, teacher, init=init, iterations=0)
    expected = shown(starts[init], name)
    found = made.view_as(expected)
    if init == "medium":  # as sets: of two at the same distance from the median either may come first
        found, expected = (values.flatten(2).sort(1).values for values in (found, expected))
    assert torch.equal(found, expected)


@pytest.mark.parametrize("name", ROWS)
def test_strategies_differ_and_noise_is_normal(name: str, few: Target, teacher: Teacher) -> None:
    made = {init: images(name, few, teacher, init=init, iterations=0) for init in INITS}
    assert len({tuple(values.flatten().tolist()) for values in made.values()}) == len(INITS)
    noise = made["noise"].float() / 255
    inside = ((noise > 0) & (noise < 1)).float().mean()
    normal = torch.distributions.Normal(few.mean[0], few.std[0])
    expected = normal.cdf(torch.tensor(1.0)) - normal.cdf(torch.tensor(0.0))
    assert float(inside) == pytest.approx(float(expected), abs=0.08)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("name", ROWS)
def test_every_method_optimises_from_every_strategy(name: str, init: str, few: Target, teacher: Teacher) -> None:
    method = METHODS[name].model_validate(METHODS[name].settings_for(few, IPC) | {"init": init})
    assert method.declared_aids()[-1] == {"noise": method.aids[-1], "real": "real images", "medium": "real images"}.get(
        init, "real patches"
    )
    assert not torch.equal(
        images(name, few, teacher, init=init, iterations=2, round_iterations=0),
        images(name, few, teacher, init=init, iterations=0),
    )
