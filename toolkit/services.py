"""What tools are given by those who make them: plain callables, because this room imports no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypedDict

from toolkit.protocol import ToolConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from toolkit.web.policy import WebPolicy


class RunPython(Protocol):
    """Runs code that nobody trusts, confined."""

    async def __call__(self, code: str, *, timeout_s: float) -> PythonRun:
        """Run it as a script and give what it printed."""
        ...


class PythonRun(Protocol):
    """How a run ended."""

    @property
    def output(self) -> str:
        """What it printed, errors too."""
        ...

    @property
    def exit_code(self) -> int | None:
        """None when it was stopped for taking too long."""
        ...


class Found(Protocol):
    """A record of memory that fits."""

    @property
    def text(self) -> str:
        """What was kept."""
        ...

    @property
    def source(self) -> str:
        """Where it comes from, as an answer cites it; empty when unknown."""
        ...


class SearchMemory(Protocol):
    """Looks up what was remembered, for the user whose turn it is."""

    async def __call__(self, query: str, *, limit: int) -> Sequence[Found]:
        """Give the best records first."""
        ...


class Services(TypedDict, total=False):
    """What `make` can be given; a tool's `info.services` names what it needs.

    Attributes:
        file_roots: Folders that file tools may read.
        now: A clock, for `date_time`.
        run_python: The sandbox.
        search_memory: The user's memory.
        web: Which hosts pages may be fetched from.
    """

    file_roots: Sequence[Path]
    now: Callable[[], datetime]
    run_python: RunPython
    search_memory: SearchMemory
    web: WebPolicy


def missing_service(tool: str, service: str) -> ToolConfigError:
    """Give the error for a tool that was not given what it needs."""
    return ToolConfigError(f"The tool {tool} needs the service {service}: give it to make().")
