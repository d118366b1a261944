"""A process of its own for what is measured, so that nothing that was measured before fills its heap.

Python's garbage collector walks through all objects of a process: a saver that keeps everything in memory
slows the others beside it, and so do the messages of the benchmark's own long conversations.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

from benchmarks.session_shapes import Opens, Saver, nothing

_Given = TypeVar("_Given")
_Asked = ParamSpec("_Asked")

Work: TypeAlias = Callable[[Saver], Coroutine[Any, Any, _Given]]
"""Does something with a saver; importable by name, or a `functools.partial` of what is."""

_fresh = multiprocessing.get_context("spawn")


class SaverProcess:
    """A saver that is open in another process."""

    def __init__(self, asked: Connection[Any, Any]) -> None:
        """Reach it.

        Args:
            asked: The pipe to the process.
        """
        self._asked = asked

    def run(self, work: Work[_Given]) -> _Given:
        """Do something with it, there.

        Raises:
            EOFError: When the process ended; it has printed why. Or a `ConnectionError`.
        """
        self._asked.send(work)
        return cast("_Given", self._asked.recv())


@contextmanager
def saver_apart(opens: Opens, path: Path) -> Iterator[SaverProcess]:
    """Open a saver in a new process, which ends with this context.

    Its event loop runs on between two pieces of work, as a server's does between two requests.
    """
    here, there = _fresh.Pipe()
    process = _fresh.Process(target=_serve, args=(opens, path, there), daemon=True)
    with here:
        process.start()
        there.close()
        try:
            yield SaverProcess(here)
        except BaseException:
            process.terminate()  # it may be at work for long
            raise
        finally:
            here.close()
            process.join()


def apart(
    work: Callable[_Asked, Coroutine[Any, Any, _Given]], *args: _Asked.args, **kwargs: _Asked.kwargs
) -> _Given:
    """Do something in a new process, which then ends.

    Args:
        work: An async function that is importable by name.
        args: What it takes.
        kwargs: What it takes by name.
    """
    with saver_apart(nothing, Path()) as process:
        return process.run(partial(_without_saver, partial(work, *args, **kwargs)))


async def _without_saver(work: Callable[[], Coroutine[Any, Any, _Given]], _: Saver) -> _Given:
    return await work()


def _serve(opens: Opens, path: Path, asked: Connection[Any, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks ends it
    asyncio.run(_working(opens, path, asked))


async def _working(opens: Opens, path: Path, asked: Connection[Any, Any]) -> None:
    async with opens(path) as saver:
        while True:
            try:
                work: Work[Any] = await asyncio.to_thread(asked.recv)
            except EOFError:
                return  # nobody asks any more
            asked.send(await work(saver))
