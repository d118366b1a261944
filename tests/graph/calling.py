"""What the tests of tools share: a question, an answer, calls as a model asks for them, and a tool."""

from collections.abc import Callable
from typing import Any

from graph.agent import Agent
from nodes import Result
from tests.support import Lines
from toolkit import ToolError
from toolkit.functions import has_effect

QUESTION = "How many people live in Berlin?"
SAID = {"content": "Some 3.7 million."}

Scripted = Callable[[str, Lines], str]
Ask = Callable[..., Result]
Make = Callable[..., Agent]


@has_effect("read")
def population(city: str) -> int:
    """Tell how many people live in a city."""
    if city == "Atlantis":
        raise ToolError("Atlantis is not on the map.")
    return {"Berlin": 3_700_000, "Paris": 2_100_000}[city]


def call(name: str, one: str | None = None, /, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401  # as a model gives them
    return {"name": name, "args": arguments} | ({"id": one} if one else {})


def calls(*wanted: dict[str, Any], content: str = "") -> dict[str, Any]:
    return {"content": content, "tool_calls": list(wanted)}


def outcomes(result: Result) -> list[tuple[str, str]]:
    return [(use.name, use.outcome) for use in result.tool_uses]


ONE = calls(call("delete", "a", name="old"))
TWO = calls(call("delete", "a", name="old"), call("delete", "b", name="new"))
