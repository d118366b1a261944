"""Agents whose reasoning model replays calls of tools."""

from pathlib import Path
from typing import Any

import pytest

from graph.agent import Agent
from graph.settings import Settings
from nodes import Context, Result
from tests.graph.calling import QUESTION, SAID, Ask, Make, Scripted, population
from tests.support import Lines


@pytest.fixture
def ask(script: Scripted, tmp_path: Path) -> Ask:
    """Ask an agent whose reasoning model replays lines."""

    def answer(lines: Lines, *tools: Any, text: str = QUESTION, **context: Any) -> Result:  # noqa: ANN401
        context = {"reasoning_model": script("reasoning", lines)} | context
        settings = {name: context.pop(name) for name in ("parallel_tools", "tools_named") if name in context}
        named = settings.pop("tools_named", [])
        agent = Agent(
            Settings(home=tmp_path, tools=named, specialist_tools=False, **settings),
            tools=tools or [population],
        )
        with agent:
            return agent.ask(text, context=Context(**context))

    return answer


@pytest.fixture
def gone() -> list[str]:
    """What was deleted, by the tool of `make`."""
    return []


@pytest.fixture
def make(script: Scripted, tmp_path: Path, gone: list[str], request: pytest.FixtureRequest) -> Make:
    """An agent with a tool that deletes, in a home of its own where one is named."""

    def delete(name: str) -> str:
        """Delete a thing."""
        gone.append(name)
        return f"deleted {name}"

    def start(*lines: dict[str, Any], home: str = "", **settings: Any) -> Agent:  # noqa: ANN401  # as Settings takes them
        model = script(home or "reasoning", [*lines, SAID | {"repeat": True}])
        agent = Agent(Settings(home=tmp_path / home, reasoning_model=model, **settings), tools=[delete])
        request.addfinalizer(agent.close)
        return agent

    return start
