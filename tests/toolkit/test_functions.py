"""Plain functions become tools."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from toolkit import AnyTool, ToolConfigError
from toolkit.functions import has_effect, tool_of
from toolkit.running import run


class Unit(StrEnum):
    KM = "km"
    MILES = "miles"


class River(BaseModel):
    name: str
    unit: Unit = Unit.KM


def length(
    river: River, rounding: Literal["up", "down"] = "up", *, tags: list[str] | None = None
) -> dict[str, Any]:
    """Tell how long a river is.

    Args:
        river: Which one.
        rounding: Where to round to.
        tags: What to add.
    """
    return {"river": river.name, "unit": river.unit, "rounding": rounding, "tags": tags, "name": "Überfluß"}


async def test_hints_and_docstring_become_the_schema() -> None:
    tool = tool_of(length)
    schema = tool.as_schema()
    assert convert_to_openai_tool(schema) == schema
    function = schema["function"]
    assert function["description"] == "Tell how long a river is."
    assert function["parameters"]["required"] == ["river"]
    assert function["parameters"]["properties"]["rounding"]["enum"] == ["up", "down"]
    assert function["parameters"]["properties"]["tags"]["description"] == "What to add."
    assert "$ref" not in str(schema)
    outcome = await run(tool, {"river": {"name": "Elbe", "unit": "miles"}})
    assert '"unit": "miles"' in outcome.text
    assert "Überfluß" in outcome.text


def test_what_says_nothing_of_its_effect_can_write() -> None:
    @has_effect("read")
    def look() -> str:
        """Look."""
        return ""

    assert tool_of(length).info.effect == "write"
    assert tool_of(look).info.effect == "read"
    assert tool_of(look, effect="network").info.effect == "network"


async def test_methods_and_coroutines_are_functions_too() -> None:
    class Store:
        async def find(self, key: str) -> bytes:
            """Find."""
            return key.encode() + b"\xff"

    tool = tool_of(Store().find, name="find_it")
    assert tool.name == "find_it"
    assert (await run(tool, {"key": "k"})).text == "k\ufffd"


def bare(x: int) -> int:
    return x


def untyped(x) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Say nothing of x."""
    return int(x)


def starred(*xs: int) -> int:
    """Take any number."""
    return sum(xs)


def opaque(x: Callable[[], int]) -> str:
    """Take what no JSON can be."""
    return str(x)


class Wader:
    def wade(self, x: int) -> int:
        """Wade."""
        return x


def named(**more: int) -> int:
    """Take any names."""
    return len(more)


def placed(x: int, /) -> int:
    """Take it by its place."""
    return x


def inside(x: int, odd: Wader) -> int:
    """Take an object."""
    return odd.wade(x)


def unknown(a: int, b: "Nowhere") -> int:  # type: ignore[name-defined]  # noqa: F821
    """Take what is not there."""
    return a + int(b)


def garbled(x: "int[") -> int:  # type: ignore[valid-type]  # noqa: F722
    """Take what cannot be read."""
    return int(x)


def giving(x: int) -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821
    """Give what is not there."""
    return x


def defaulting(x: Any = object()) -> str:  # noqa: ANN401, B008
    """Have a default that cannot be told."""
    return str(x)


def reserved(a: int, callbacks: int) -> int:
    """Take what LangChain keeps for itself."""
    return a + callbacks


def yielding(n: int) -> Iterator[int]:
    """Count."""
    yield from range(n)


async def streaming(n: int) -> AsyncIterator[int]:
    """Count slowly."""
    for one in range(n):
        yield one


def hidden(_x: int = 1) -> int:
    """Take what no model can name."""
    return _x


def shadowing(model_validate: int) -> int:
    """Take what our own model of it needs."""
    return model_validate


def outdated(x: int) -> int:
    """Have changed.

    Args:
        y: What it took before.
    """
    return x


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (yielding, "'yielding' yields"),
        (streaming, "'streaming' yields"),
        (hidden, "'_x' of function 'hidden' cannot be described"),
        (shadowing, "'model_validate' of function 'shadowing' cannot be described"),
        (outdated, "docstring of function 'outdated' describes an argument that it does not have"),
        (max, "'max' does not say what it takes"),
        (bare, "needs a docstring"),
        (functools.partial(length, rounding="up"), "is a functools.partial: put the call into a function"),
        (River, "'River' is a class: put the call into a function"),
        (Wader.wade, "'wade' is a method without its object: give that of an object"),
        (untyped, "'x' of function 'untyped' has no type hint"),
        (
            starred,
            "'xs' of function 'starred' cannot be given by name: make it an ordinary one, such as a list",
        ),
        (
            named,
            "'more' of function 'named' cannot be given by name: make it an ordinary one, such as a dict",
        ),
        (placed, "'x' of function 'placed' cannot be given by name: leave out the /"),
        (opaque, "'x' of function 'opaque' has the type .* which no JSON can say: use str"),
        (inside, "'odd' of function 'inside' has the type 'Wader', which no JSON can say: use str"),
        (unknown, "'b' of function 'unknown' has the type hint 'Nowhere', and there is no Nowhere where"),
        (
            garbled,
            "'x' of function 'garbled' has the type hint .* cannot be read .SyntaxError.: write a type",
        ),
        (giving, "what function 'giving' returns has the type hint 'Nowhere', and there is no Nowhere"),
        (defaulting, "'x' of function 'defaulting' has the default .* use None in its place"),
        (reserved, "'callbacks' of function 'reserved' cannot be described to a model: give it another name"),
    ],
)
def test_what_a_model_cannot_call_is_refused(function: Any, says: str) -> None:  # noqa: ANN401
    with pytest.raises(ToolConfigError, match=says):
        tool_of(function)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "two words"}, "two words"),
        ({"timeout_s": float("nan")}, "timeout_s"),
        ({"max_chars": 3}, "max_chars"),
        ({"effect": "Write"}, "effect 'Write' of the tool length is unknown: use read, write or network"),
    ],
)
def test_wrong_figures_are_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolConfigError, match=says):
        tool_of(length, **changes)


def test_an_effect_that_is_misspelt_is_refused_and_never_called_without_consent() -> None:
    def wipe() -> str:
        """Wipe."""
        return ""

    misspelt: Any = "writes"
    with pytest.raises(ToolConfigError, match="effect 'writes' of the tool wipe is unknown"):
        tool_of(has_effect(misspelt)(wipe))


async def test_what_json_cannot_say_is_told_as_it_is_and_what_yields_is_refused() -> None:
    def places() -> dict[tuple[int, int], str]:
        """Tell what is where."""
        return {(1, 2): "ford"}

    def rest() -> object:
        """Give what is yielded elsewhere."""
        return (one for one in (1, 2))

    assert (await run(tool_of(places), {})).text == "{(1, 2): 'ford'}"
    refused = await run(tool_of(rest), {})
    assert (refused.is_error, "return a list or a text" in refused.text) == (True, True)


def test_a_function_with_other_code_is_another_tool() -> None:
    def maker(word: str, rivers: frozenset[str]) -> AnyTool:
        source = (
            f"def say(text: str) -> str:\n    'Say.'\n    return {word!r} if text in {set(rivers)} else ''"
        )
        names: dict[str, Any] = {}
        exec(source, names)  # noqa: S102  # as a file that was changed
        return tool_of(names["say"])

    rivers = frozenset(map(str, range(40)))
    assert maker("a", rivers).info == maker("a", rivers).info
    assert maker("a", rivers).info.fingerprint != maker("b", rivers).info.fingerprint
    assert tool_of(Wader().wade).info == tool_of(Wader().wade).info


async def test_an_object_that_can_be_called_is_a_tool() -> None:
    class Echo:
        """Say it again."""

        def __call__(self, text: str) -> str:
            """Say it again."""
            return text

    assert (await run(tool_of(Echo(), name="echo"), {"text": "so"})).text == "so"


async def test_arguments_may_be_called_like_what_pydantic_has() -> None:
    def send(json: str, schema: str = "", copy: bool = False) -> str:  # noqa: FBT001, FBT002
        """Send."""
        return f"{json} {schema} {copy}"

    assert (await run(tool_of(send), {"json": "{}", "copy": True})).text == "{}  True"


async def test_objects_inside_of_what_is_returned_are_json_too() -> None:
    @dataclass
    class Bridge:
        river: River

    def bridges() -> list[object]:
        """List bridges."""
        return [River(name="Elbe"), Bridge(River(name="Oder")), {3}]

    assert (await run(tool_of(bridges), {})).text == (
        '[{"name": "Elbe", "unit": "km"}, {"river": {"name": "Oder", "unit": "km"}}, [3]]'
    )
