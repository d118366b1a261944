"""What tools are given of other rooms: the sandbox, and the memory of the user whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from nodes.remembering import KEEP_S
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from graph.settings import Settings
    from memory import Memory
    from memory.records import Hit
    from nodes import Request
    from nodes.remembering import Remembering
    from providers.embedding import Embedder
    from sandbox import Sandbox
    from toolkit.services import SearchMemory

T = TypeVar("T")

_SCRIPT = "script.py"
_RUN = (
    "import runpy, sys; sys.path[:0] = {packages!r}; sys.argv = ['script.py']; "
    "runpy.run_path('script.py', run_name='__main__')"
)


async def on_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Do work on the loop of the turn: each tool call has one of its own, to which no client may belong."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


@dataclass(frozen=True, slots=True)
class Remembered:
    """A record that was found, as the tool shows it."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class MemorySearch:
    """Looks up memory for tools.

    Attributes:
        memory: None where there is none.
        choices: Whose memory it is where a request does not say.
        embedder: None where words alone are compared.
    """

    memory: Memory | None
    choices: Remembering
    embedder: Embedder | None = None

    def of(self, request: Request) -> SearchMemory:
        """Give the search for one turn; call it on the turn's event loop."""
        loop = asyncio.get_running_loop()

        async def search(query: str, *, limit: int) -> Sequence[Remembered]:
            return await on_loop(loop, self._search(request, query, limit))

        return search

    async def nobody(self, query: str, *, limit: int) -> Sequence[Remembered]:
        """Stands in where no turn is."""
        del query, limit
        raise ToolError("Memory can be searched in a turn only.")

    async def _search(self, request: Request, query: str, limit: int) -> Sequence[Remembered]:
        from memory import MemoryStoreError  # noqa: PLC0415  # loaded by now
        from memory.records import Query  # noqa: PLC0415  # the same
        from nodes.wording import archives_of, looked_for, vector_of  # noqa: PLC0415  # the same

        if self.memory is None or not request.memory:
            why = self.choices.off or "this turn does not use it."
            raise ToolError(f"There is no memory to search: {why}")
        user, text = request.user or self.choices.user, looked_for(query)
        try:
            vector, model = await vector_of(self.embedder, text, KEEP_S)
            archives = await archives_of(self.memory, user, request.archives or self.choices.archives)
            asked = Query(text=text, vector=vector, vector_model=model, archives=archives, max_results=limit)
            return [_remembered(hit) for hit in await self.memory.search(user, asked)]
        except MemoryStoreError as error:
            raise ToolError(str(error)) from None


def _remembered(hit: Hit) -> Remembered:
    from nodes.recollection import recollection  # noqa: PLC0415  # loaded by now

    one = recollection(hit)
    return Remembered(one.text, one.place or f"{one.kind} of {one.at:%Y-%m-%d}")


@dataclass(frozen=True, slots=True)
class PythonOutput:
    """How a script ended."""

    output: str
    exit_code: int | None


class SandboxedPython:
    """Runs scripts in the sandbox that the settings choose; opened and tested at the first use."""

    def __init__(self, settings: Settings) -> None:
        """Keep the settings.

        Args:
            settings: Which sandbox, and with which packages.
        """
        self._settings = settings
        self._sandbox: Sandbox | None = None

    async def __call__(self, code: str, *, timeout_s: float) -> PythonOutput:
        """Run a script and give what it printed.

        Raises:
            ToolError: When there is no sandbox that holds.
        """
        from sandbox import Limits, SandboxError  # noqa: PLC0415  # loaded by now
        from sandbox.interpreter import interpreter_path, site_folders  # noqa: PLC0415  # the same

        sandbox = self._sandbox or await self._open()
        packages = [*site_folders(), *self._packages()]
        command = [interpreter_path(), "-I", "-S", "-B", "-c", _RUN.format(packages=packages)]
        limits = replace(Limits(), wall_s=timeout_s, cpu_s=max(1, round(timeout_s)))
        async with _scratch(code) as folder:
            try:
                done = await sandbox.run(command, folder=folder, limits=limits)
            except SandboxError as error:
                raise ToolError(str(error)) from None
        output = (done.stdout + done.stderr).decode(errors="replace")
        return PythonOutput(output, None if done.timed_out else done.exit_code)

    def _packages(self) -> list[str]:
        return [str(folder.resolve()) for folder in self._settings.sandbox_packages]

    async def _open(self) -> Sandbox:
        from sandbox import Unavailable, open_sandbox  # noqa: PLC0415  # loaded by now

        found = await open_sandbox(
            self._settings.sandbox, packages=self._packages(), image=self._settings.sandbox_image
        )
        if isinstance(found, Unavailable):
            raise ToolError(f"No code can be run here: {found.reason}.")
        self._sandbox = found
        return found


@asynccontextmanager
async def _scratch(code: str) -> AsyncIterator[Path]:
    """A folder with the script in it, gone afterwards."""
    from sandbox import SourceFile  # noqa: PLC0415  # loaded by now
    from sandbox.scratch import make_scratch, remove_scratch  # noqa: PLC0415  # the same

    # The call's own loop may block, but LangGraph's server looks for that on every loop.
    folder = await asyncio.to_thread(make_scratch, [SourceFile(path=_SCRIPT, content=code)])
    try:
        yield folder
    finally:
        await asyncio.shield(asyncio.to_thread(remove_scratch, folder))
