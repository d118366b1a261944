"""The tools `run_python` and `memory_search`, over what other rooms do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from toolkit.protocol import Arguments, Tool, ToolInfo, ToolText

if TYPE_CHECKING:
    from toolkit.services import RunPython, SearchMemory, Services

_GRACE_S = 10
_MAX_SECONDS = 60

RUN_PYTHON = ToolInfo(
    name="run_python",
    description="Run a Python script in a sandbox without network and show what it prints.",
    category="calculation",
    effect="read",  # what it changes is in the sandbox, and gone with it
    services=("run_python",),
    cost="slow",
    timeout_s=_MAX_SECONDS + _GRACE_S,
    max_chars=20_000,
)

MEMORY_SEARCH = ToolInfo(
    name="memory_search",
    description="Search what this user told before, what was learned, and their archives.",
    category="memory",
    effect="read",
    services=("search_memory",),
    cost="cheap",
    timeout_s=20,
    max_chars=20_000,
)


class PythonArguments(Arguments):
    """What to run."""

    code: str = Field(min_length=1, max_length=100_000, description="A whole script; it shows by print().")
    timeout_s: float = Field(20, gt=0, le=_MAX_SECONDS, description="Seconds.")


class MemoryArguments(Arguments):
    """What to look for."""

    query: str = Field(min_length=1, max_length=2000)
    limit: int = Field(8, ge=1, le=50)


def make_run_python(services: Services) -> Tool[PythonArguments]:
    """Make the tool for `services["run_python"]`."""
    run_python = services["run_python"]
    return Tool(RUN_PYTHON, PythonArguments, lambda arguments: _run(run_python, arguments))


async def _run(run_python: RunPython, asked: PythonArguments) -> ToolText:
    done = await run_python(asked.code, timeout_s=asked.timeout_s)
    if done.exit_code is None:
        return ToolText(done.output, f"Stopped after {asked.timeout_s:g} s")
    return ToolText(done.output or "It printed nothing.", f"Exit code {done.exit_code}")


def make_memory_search(services: Services) -> Tool[MemoryArguments]:
    """Make the tool for `services["search_memory"]`."""
    search = services["search_memory"]
    return Tool(MEMORY_SEARCH, MemoryArguments, lambda arguments: _search(search, arguments))


async def _search(search: SearchMemory, asked: MemoryArguments) -> str:
    found = await search(asked.query, limit=asked.limit)
    said = [f"- {hit.text} ({hit.source})" if hit.source else f"- {hit.text}" for hit in found[: asked.limit]]
    return "\n".join(said) or "Nothing in memory fits."
