"""Whatever a tool does, its caller gets a short text in time."""

import asyncio
import gc
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import ToolError, ToolText
from toolkit.functions import has_effect, tool_of
from toolkit.protocol import MIN_CHARS
from toolkit.running import run


def add(first: int, second: int = 2) -> int:
    """Add two numbers."""
    return first + second


async def test_a_call_gives_its_result() -> None:
    outcome = await run(tool_of(add), {"first": "40"})
    assert (outcome.text, outcome.is_error, outcome.clipped) == ("42", False, False)
    assert outcome.seconds > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "first: Field required"),
        ({"first": 1, "third": 3}, "third: Extra inputs are not permitted"),
        ({"first": "one"}, "first: Input should be a valid integer"),
        ([1], "all: Input should be a valid dictionary"),
        ("\ud800", "all: Input should be a valid dictionary"),
    ],
)
async def test_wrong_arguments_are_told_in_a_sentence(arguments: Any, says: str) -> None:  # noqa: ANN401
    outcome = await run(tool_of(add), arguments)
    assert outcome.is_error
    assert outcome.text.startswith("Wrong arguments for add: ")
    assert says in outcome.text


async def test_of_a_failure_only_its_class_is_told_unless_it_is_meant_for_the_model() -> None:
    def leaks() -> str:
        """Fail."""
        raise KeyError("sk-secret")

    async def tells() -> str:
        """Fail too."""
        raise ToolError("There is no such metric; ask for the list.\x1b[31m")

    def leaves() -> str:
        """Leave."""
        raise SystemExit(1)

    assert (await run(tool_of(leaks), {})).text == "The tool leaks failed (KeyError)."
    assert (await run(tool_of(tells), {})).text == "There is no such metric; ask for the list."
    assert (await run(tool_of(leaves), {})).text == "The tool leaves failed (SystemExit)."


@pytest.mark.parametrize("kind", ["blocks", "blocks_the_loop", "heeds_nothing", "validates_for_ever"])
async def test_a_tool_that_does_not_end_is_given_up(kind: str) -> None:
    end = threading.Event()

    def blocks() -> None:
        """Block."""
        end.wait()

    async def blocks_the_loop() -> None:
        """Block where nothing may."""
        end.wait()

    async def heeds_nothing() -> None:
        """Go on when told to stop."""
        while not end.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    class Endless(dict[str, Any]):
        def keys(self) -> Any:  # noqa: ANN401
            end.wait()
            return super().keys()

    tools = {"blocks": blocks, "blocks_the_loop": blocks_the_loop, "heeds_nothing": heeds_nothing}
    tool = tool_of(tools.get(kind, blocks), timeout_s=0.03)
    ticks = asyncio.ensure_future(asyncio.sleep(0.01, "the loop went on"))
    outcome = await run(tool, Endless() if kind == "validates_for_ever" else {})
    assert outcome.is_error
    assert outcome.text == f"The tool {tool.name} was given up after 0.03 s."
    assert ticks.done()
    end.set()


async def test_a_call_that_is_cancelled_stops_its_tool() -> None:
    began, stopped = threading.Event(), threading.Event()

    async def waits() -> None:
        """Wait."""
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    call = asyncio.ensure_future(run(tool_of(waits), {}))
    await asyncio.to_thread(began.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(stopped.wait, 10)


async def test_what_a_tool_gives_too_late_to_be_awaited_is_closed_without_a_word() -> None:
    end = threading.Event()
    begun: list[bool] = []

    async def waits() -> None:
        begun.append(True)

    def late() -> Any:  # noqa: ANN401  # a coroutine
        """Give something to wait for when nobody waits any more."""
        end.wait()
        return waits()

    outcome = await run(tool_of(late, timeout_s=0.03), {})
    assert outcome.text == "The tool late was given up after 0.03 s."
    (thread,) = [one for one in threading.enumerate() if one.name == "tool-late"]
    end.set()
    await asyncio.to_thread(thread.join)
    gc.collect()  # which complains of a coroutine that was never awaited
    assert not begun


async def test_less_time_may_be_left_than_the_tool_has() -> None:
    end = threading.Event()

    def blocks() -> None:
        """Block."""
        end.wait()

    assert "after 0 s" in (await run(tool_of(blocks), {}, timeout_s=-1)).text
    end.set()


async def test_a_huge_result_is_clipped_without_a_copy() -> None:
    class Huge(str):
        """A text that says it is long, and counts what is taken of it."""

        __slots__ = ("taken",)

        def __len__(self) -> int:
            return 10**9

        def __getitem__(self, part: Any) -> str:  # noqa: ANN401
            start, stop, _ = part.indices(10**9)
            assert stop - start < 20_000
            return "x" * int(stop - start)

    def tells() -> ToolText:
        """Tell much."""
        return ToolText(Huge(), "page 2 has more")

    outcome = await run(tool_of(tells), {})
    assert outcome.clipped
    assert len(outcome.text) <= 20_000
    assert "of 1000000000 characters left out here" in outcome.text
    assert outcome.text.endswith("[page 2 has more]")


@given(st.text(st.characters(), max_size=2000), st.integers(1, 40), st.text(max_size=400))
def test_whatever_a_tool_says_is_short_clean_text(text: str, times: int, note: str) -> None:
    @has_effect("read")
    def says() -> ToolText:
        """Say it."""
        return ToolText(text * times, note)

    outcome = asyncio.run(run(tool_of(says, max_chars=MIN_CHARS), {}))
    assert len(outcome.text) <= MIN_CHARS
    outcome.text.encode()
    assert not any(ord(char) < 32 and char not in "\t\n" for char in outcome.text)
    assert outcome.clipped or len(text * times) <= MIN_CHARS
