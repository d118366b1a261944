"""A process of its own for what is measured, so that nothing that was measured before fills its heap.

Python's garbage collector walks through all objects of a process: a saver that keeps everything in memory
slows the others beside it, and so do the messages of the benchmark's own long conversations.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

from benchmarks.session_shapes import Opens, Saver

Measure: TypeAlias = Callable[[Saver], Coroutine[Any, Any, float]]
"""Gives a figure of a saver; importable by name, or a `functools.partial` of what is."""

_Asked = ParamSpec("_Asked")
_Given = TypeVar("_Given")

_fresh = multiprocessing.get_context("spawn")


def apart(
    work: Callable[_Asked, Coroutine[Any, Any, _Given]], *args: _Asked.args, **kwargs: _Asked.kwargs
) -> _Given:
    """Do something in a new process, which then ends.

    Args:
        work: An async function that is importable by name.
        args: What it takes.
        kwargs: And by name.
    """
    with ProcessPoolExecutor(1, mp_context=_fresh) as pool:
        return pool.submit(_run, partial(work, *args, **kwargs)).result()


def _run(work: Callable[[], Coroutine[Any, Any, _Given]]) -> _Given:
    return asyncio.run(work())


@contextmanager
def saver_apart(opens: Opens, path: Path) -> Iterator[Callable[[Measure], float]]:
    """Open a saver in a new process, which measures it whenever it is asked to.

    Its event loop runs on between two measurements, as a server's does between two requests.

    Raises:
        EOFError: On a measurement that failed; the process has printed why.
    """
    here, there = _fresh.Pipe()
    process = _fresh.Process(target=_serve, args=(opens, path, there))
    process.start()
    there.close()

    def measured(measure: Measure) -> float:
        here.send(measure)
        found: float = here.recv()
        return found

    try:
        with here:
            yield measured
    finally:
        process.join()


def _serve(opens: Opens, path: Path, asked: Connection[float, Measure]) -> None:
    asyncio.run(_measuring(opens, path, asked))


async def _measuring(opens: Opens, path: Path, asked: Connection[float, Measure]) -> None:
    async with opens(path) as saver:
        while True:
            try:
                measure = await asyncio.to_thread(asked.recv)
            except EOFError:
                return  # nobody asks any more
            asked.send(await measure(saver))
