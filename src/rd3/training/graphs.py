"""CUDA graphs: work that is recorded once and then started as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
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

    Needs a stream of its own (`own_stream`). Other threads may launch and allocate meanwhile.

    Args:
        generators: that the work draws from, besides the device's own. What was drawn while recording is taken back.
    """
    graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
    drawing = [*generators, torch.cuda.default_generators[_index(device)]]
    before = [generator.clone_state() for generator in drawing]
    for generator in generators:
        graph.register_generator_state(generator)
    stream = torch.cuda.current_stream(device)
    try:
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            result = work()
    except BaseException as error:
        # A generator that was left in the middle of a recording refuses to draw from then on.
        for generator, state in zip(drawing, before, strict=True):
            generator.graphsafe_set_state(state)
        # Some versions of torch leave the allocator as if it were still recording; in others there is nothing to end.
        with suppress(RuntimeError, AttributeError):
            torch._C._cuda_endAllocateToPool(_index(device), pool)
        if isinstance(error, RuntimeError):
            return f"capture failed ({_first_line(error)})"
        raise
    return Recorded(graph, result)


def _first_line(error: RuntimeError) -> str:
    """Of what stopped the work; the recording's own end fails after it."""
    cause = error.__context__ if isinstance(error.__context__, RuntimeError) else error
    return next(iter(str(cause).splitlines()), type(cause).__name__)


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index


@contextmanager
def own_stream(device: torch.device, *, wanted: bool = True) -> Iterator[None]:
    """A stream of its own for work on a GPU, as recording needs: warm-up, recording and replay in one order."""
    if not wanted or device.type != "cuda":
        yield
        return
    stream, outside = _stream(_index(device)), torch.cuda.current_stream(device)
    stream.wait_stream(outside)
    with torch.cuda.stream(stream):
        yield
    outside.wait_stream(stream)


@lru_cache
def _stream(index: int) -> torch.cuda.Stream:
    """One a device: what was freed on a stream can be had again on that stream alone."""
    return torch.cuda.Stream(index)
