"""The scripted model and its files."""

from __future__ import annotations

import asyncio
import json
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessageChunk

from providers import ModelConfigError, ModelError
from providers.backends.script import Script, ScriptShelf
from providers.backends.scripted import ScriptedChatModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from langchain_core.messages import AIMessage


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: dict[str, Any] | str, name: str = "replies.jsonl") -> Path:
        path = tmp_path / name
        path.write_text(
            "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8"
        )
        return path

    return write


def _model(path: Path) -> ScriptedChatModel:
    return ScriptedChatModel(script=Script(path))


async def _drain(model: ScriptedChatModel, into: list[object]) -> None:
    """Collect the contents, so that what came before an error can be looked at."""
    async for chunk in model.astream("x"):
        into.append(chunk.content)  # noqa: PERF401 - a comprehension would lose them


def _whole(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    return chunks[0] + chunks[1:]


FULL = {
    "content": "one two\n\n  three",
    "reasoning": "because",
    "tool_calls": [{"name": "add", "args": {"a": 1}}, {"name": "sub", "args": {}, "id": "mine"}],
    "usage": {"input_tokens": 5, "output_tokens": 3},
    "delay_s": 0,
}


def _check_full(message: AIMessage) -> None:
    assert message.content == FULL["content"]
    assert message.additional_kwargs["reasoning_content"] == "because"
    assert [(call["name"], call["args"], call["id"]) for call in message.tool_calls] == [
        ("add", {"a": 1}, "call_1_1"),
        ("sub", {}, "mine"),
    ]
    assert message.usage_metadata == {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}


async def test_every_field_arrives_however_the_model_is_called(write: Callable[..., Path]) -> None:
    path = write(FULL)
    _check_full(_model(path).invoke("x"))
    _check_full(await _model(path).ainvoke("x"))
    _check_full(_whole(list(_model(path).stream("x"))))
    _check_full(_whole([chunk async for chunk in _model(path).astream("x")]))


async def test_content_streams_in_pieces(write: Callable[..., Path]) -> None:
    chunks = [chunk.content async for chunk in _model(write(FULL)).astream("x")]
    assert [chunk for chunk in chunks if chunk] == ["one", " two", "\n\n  three"]


def test_who_stops_early_does_not_pay_for_the_rest(write: Callable[..., Path]) -> None:
    stream = _model(write({"content": "y " * 500_000})).stream("hi")
    tracemalloc.start()
    try:
        first = next(iter(stream))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert first.content == "y"
    assert peak < 8_000_000  # all its pieces take more than three times as much


def test_tools_can_be_bound(write: Callable[..., Path]) -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    assert _model(write(FULL)).bind_tools([add]).invoke("x").tool_calls[0]["name"] == "add"


def test_replies_come_in_order_and_blank_lines_do_not_count(write: Callable[..., Path]) -> None:
    model = _model(write({"content": "a"}, "", "   ", {"content": "b\u2028c"}, ""))
    assert [model.invoke("x").content for _ in range(2)] == ["a", "b\u2028c"]


def test_a_used_up_file_is_named_with_the_call(write: Callable[..., Path]) -> None:
    path = write({"content": "a"})
    model = _model(path)
    model.invoke("x")
    with pytest.raises(ModelError, match=r"replies\.jsonl is used up: it holds 1, this is call 2"):
        model.invoke("x")


def test_the_last_line_that_repeats_goes_on_when_the_lines_are_used_up(write: Callable[..., Path]) -> None:
    lines = [{"content": "a", "repeat": True}, {"content": "b", "repeat": True}, {"content": "c"}]
    model = _model(write(*lines))
    assert [model.invoke("x").content for _ in range(5)] == ["a", "b", "c", "b", "b"]


@pytest.mark.parametrize(
    "kind", ["rate_limit", "overloaded", "timeout", "auth", "not_found", "context_overflow", "malformed"]
)
async def test_an_error_line_fails_with_its_kind_before_any_token(
    kind: str, write: Callable[..., Path]
) -> None:
    model, chunks = _model(write({"content": "never", "error": kind})), list[object]()
    with pytest.raises(ModelError, match=f"plays {kind} at call 1") as failed:
        await _drain(model, chunks)
    assert failed.value.kind == kind
    assert chunks == []


async def test_a_cut_stream_gives_half_and_then_fails(write: Callable[..., Path]) -> None:
    path = write({"content": "12345678", "error": "cut_stream"})
    chunks: list[object] = []
    with pytest.raises(ModelError) as failed:
        await _drain(_model(path), chunks)
    assert (failed.value.kind, "".join(map(str, chunks))) == ("cut_stream", "1234")
    with pytest.raises(ModelError):
        _model(path).invoke("x")


async def test_an_empty_reply_streams_nothing(write: Callable[..., Path]) -> None:
    path = write({"content": "never", "error": "empty"})
    with pytest.raises(ValueError, match="No generation chunks"):
        await _drain(_model(path), [])
    assert _model(path).invoke("x").content == ""


async def test_a_delay_ends_at_once_when_cancelled(write: Callable[..., Path]) -> None:
    asking = asyncio.create_task(_model(write({"content": "a", "delay_s": 3600})).ainvoke("x"))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, timeout=10)


async def test_a_delay_does_not_hold_up_the_loop(write: Callable[..., Path]) -> None:
    slow = _model(write({"content": "slow", "delay_s": 0.2}, name="slow.jsonl"))
    fast = _model(write({"content": "fast"}, name="fast.jsonl"))
    order: list[object] = []

    async def ask(model: ScriptedChatModel) -> None:
        order.append((await model.ainvoke("x")).content)

    await asyncio.gather(ask(slow), ask(fast))
    assert order == ["fast", "slow"]


def test_two_models_on_one_script_take_turns(write: Callable[..., Path]) -> None:
    shelf = ScriptShelf()
    path = write({"content": "a"}, {"content": "b"}, {"content": "c"})
    other_spelling = path.parent / "nowhere" / ".." / path.name
    models = [ScriptedChatModel(script=shelf.open(str(file))) for file in (path, other_spelling)]
    assert [models[turn % 2].invoke("x").content for turn in range(3)] == ["a", "b", "c"]


def test_threads_never_take_the_same_line(write: Callable[..., Path]) -> None:
    script = Script(write(*({"content": str(number)} for number in range(400))))
    taken: list[str] = []

    def work() -> None:
        taken.extend(script.take()[1].content for _ in range(100))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, taken)) == list(range(400))


BROKEN = {
    '{"content": 1}': "line 2: field 'content'",
    '{"contnt": "a"}': "line 2: field 'contnt' is unknown; known: content",
    '{"error": "boom"}': "line 2: field 'error'",
    '{"delay_s": -1}': "line 2: field 'delay_s'",
    '{"delay_s": "1"}': "line 2: field 'delay_s'",
    '{"repeat": 1}': "line 2: field 'repeat'",
    '{"usage": {"input_tokens": -1}}': "line 2: field 'usage.input_tokens'",
    '{"tool_calls": [{"args": {}}]}': "line 2: field 'tool_calls.0.name'",
    '{"tool_calls": {}}': "line 2: field 'tool_calls'",
    "[]": "line 2:",
    "# a comment": "line 2: Invalid JSON",
    '{"content": "a"': "line 2: Invalid JSON",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_named_with_file_line_and_field(line: str, write: Callable[..., Path]) -> None:
    path = write({"content": "fine"}, line)
    with pytest.raises(ModelConfigError) as refused:
        Script(path)
    assert BROKEN[line] in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, write: Callable[..., Path]) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    shelf = ScriptShelf()
    for file, words in {
        str(tmp_path / "missing"): "cannot be read: No such file",
        str(tmp_path): "cannot be read: Is a directory",
        str(write("", "  ")): "holds no reply",
        str(binary): "not UTF-8",
        "a\x00b": "cannot be read|not a usable path",
        "~nobody-of-that-name/x": "not a usable path|cannot be read",
    }.items():
        with pytest.raises(ModelConfigError, match=words):
            shelf.open(file)
