"""What the tools do: each takes checked arguments and gives a result for the client."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from graph.events import Checked, Finished, NodeStarted, Noted, Restarted
from graph.memory import compares_vectors
from graph.services import LazyVerifier
from nodes import Context
from nodes.material import problem_with_code
from sandbox import Options, SourceFile, check_tests
from serving.checks import describe
from serving.faults import InputError
from serving.jsonl import cores
from serving.mcp import answers
from serving.mcp.asking import answer_of
from serving.mcp.attending import Slots
from serving.text import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp.types import CallToolResult

    from graph.agent import Agent
    from graph.events import Event
    from nodes import Result
    from serving.mcp.arguments import Ask, Limits, MemorySearch, SessionsAsked, Verify
    from serving.mcp.asking import Person
    from serving.mcp.attending import Tell

_MOST_LOOKS = 8
_SHOWN = 300


class Desk:
    """One agent for all clients of a server."""

    def __init__(self, agent: Agent, *, turns: int) -> None:
        """Serve with an agent, which its owner closes.

        Args:
            agent: Answers.
            turns: How many turns run at once.
        """
        self._agent = agent
        self._verifier = LazyVerifier(agent.settings)
        self._turns = Slots(turns, "turns")
        self._runs = Slots(cores(), "verifications")
        self._looks = Slots(_MOST_LOOKS, "look-ups")

    @property
    def is_confined(self) -> bool:
        """Whether code that is run can change nothing here."""
        return self._agent.settings.sandbox != "none"

    @property
    def asks_embedder(self) -> bool:
        """Whether a search may ask an embedding model."""
        return compares_vectors(self._agent.settings)

    async def ask(self, asked: Ask, tell: Tell, person: Person | None = None) -> CallToolResult:
        """Run a turn; where it waits for a person and the client can ask one, it goes on with the answer."""
        context = self._context(asked.limits, person)
        async with self._turns.taken(tell):
            events = self._agent.astream(
                asked.question,
                tests=asked.tests or "",
                code=[SourceFile(path=file.path, content=file.content) for file in asked.files or ()],
                task=asked.task,
                thread_id=asked.session or None,
                context=context,
            )
            result = await _told(events, tell)
        # The graph bounds how often a turn can wait. Nobody else's turn is held up by a person who thinks.
        while person is not None and result.thread_id and result.status == "waiting":
            tell("waiting for your answer")
            if (answer := await answer_of(person, result)) is None:
                break
            async with self._turns.taken(tell):
                result = await _told(self._agent.astream_resume(result.thread_id, answer), tell)
        return answers.of_result(result)

    def _context(self, asked: Limits | None, person: Person | None) -> Context:
        """A turn's limits, which are never wider than those of this server.

        Raises:
            InputError: When one is.
        """
        given = dict(asked) if asked else {}
        chosen = {name: value for name, value in given.items() if value is not None}
        account = self._agent.graph.account
        if account is None:
            raise RuntimeError("This graph was compiled without an account of its bounds.")
        allowed = account.limits(None)
        for name, value in chosen.items():
            most = getattr(allowed, name)
            if most is not None and value > most:
                raise InputError(
                    f"limits.{name} is {value:g} and this server allows {most:g} at most: ask for less."
                )
        # A plan waits only where somebody can be asked; the call of a tool is refused or waits, as it is set.
        return Context(**chosen, plan_approval=None if person is not None else False)

    async def verify(self, asked: Verify, tell: Tell) -> CallToolResult:
        """Run code in the sandbox."""
        files = [SourceFile(path=file.path, content=file.content) for file in asked.files]
        if problem := problem_with_code(files):
            raise InputError(problem)
        if not any(file.content.strip() for file in files):
            raise InputError("The files hold nothing but blank lines: give code to verify.")
        tests = asked.tests or ""
        if tests.strip():
            check_tests(tests, name="tests")
        types = asked.types or self._agent.settings.verify_types
        async with self._runs.taken(tell):
            evidence = await self._verifier.verify(
                files, tests=tests, on_check=lambda check: tell(describe(check)), options=Options(types=types)
            )
        return answers.of_evidence(evidence)

    async def memory_search(self, asked: MemorySearch, tell: Tell) -> CallToolResult:
        """Look into memory."""
        async with self._looks.taken(tell):
            hits = await self._agent.memory.asearch(asked.query, max_results=asked.limit)
        return answers.of_hits(hits)

    async def sessions(self, asked: SessionsAsked, tell: Tell) -> CallToolResult:
        """List the sessions, or show one."""
        kept = self._agent.sessions
        async with self._looks.taken(tell):
            if asked.session:
                return answers.of_session(await asyncio.to_thread(kept.show, asked.session), asked.limit)
            return answers.of_sessions(await asyncio.to_thread(kept.list, asked.limit))


async def _told(events: AsyncGenerator[Event, None], tell: Tell) -> Result:
    """Tell of what happens, and give the result."""
    result: Result | None = None
    async with aclosing(events):
        async for event in events:
            if word := _word(event):
                tell(one_line(word)[:_SHOWN])
            if isinstance(event, Finished):
                result = event.result
    if result is None:
        raise RuntimeError("The turn ended without a result.")
    return result


def _word(event: Event) -> str:
    """What a client is told of an event; nothing for tokens, of which there are too many."""
    match event:
        case NodeStarted():
            return event.node
        case Checked():
            return f"verify: {describe(event.check)}"
        case Noted():
            return event.text
        case Restarted():
            return f"{event.node} begins anew: {event.reason}"
        case _:
            return ""
