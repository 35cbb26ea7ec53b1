"""CUDA graphs: work that is recorded once and then started as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

import torch

WARM_UP = 3  # times that work is done before it is recorded: states, workspaces and constants are then there

Result = TypeVar("Result")


class Recorded(NamedTuple, Generic[Result]):
    """Work as a graph; its result lies in memory that every replay writes anew."""

    graph: torch.cuda.CUDAGraph
    result: Result


def record(
    work: Callable[[], Result], device: torch.device, *, generators: Sequence[torch.Generator] = ()
) -> Recorded[Result] | str:
    """Record work, which does not do it; or say why that cannot be done.

    Needs a stream of its own (`own_stream`). Other threads may go on using the device.

    Args:
        generators: that the work draws from, besides the device's own. What was drawn while recording is taken back.
    """
    graph = torch.cuda.CUDAGraph()
    drawing = [*generators, torch.cuda.default_generators[_index(device)]]
    before = [generator.clone_state() for generator in drawing]
    for generator in generators:
        graph.register_generator_state(generator)
    try:
        with torch.cuda.graph(graph, stream=torch.cuda.current_stream(device), capture_error_mode="thread_local"):
            result = work()
    except RuntimeError as error:
        # A generator that was left in the middle of a recording refuses to draw from then on.
        for generator, state in zip(drawing, before, strict=True):
            generator.graphsafe_set_state(state)
        return f"capture failed ({str(error).splitlines()[0]})"
    return Recorded(graph, result)


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index


@contextmanager
def own_stream(device: torch.device, *, wanted: bool = True) -> Iterator[None]:
    """A stream of its own for work on a GPU, as recording needs: warm-up, recording and replay in one order."""
    if not wanted or device.type != "cuda":
        yield
        return
    stream, outside = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    stream.wait_stream(outside)
    with torch.cuda.stream(stream):
        yield
    outside.wait_stream(stream)
