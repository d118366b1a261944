"""The manager as programs misuse it: wrong values, threads, running loops, changes and closing in a call."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage

from duograph import LocalModel, ModelManager, RoleParameters, Settings
from providers import ModelsFailedError, Reply, Role, RoleModels
from providers.direct.loop_thread import LoopThread
from providers.direct.manager import RoleManager
from providers.embedding import EmbeddingModels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from langchain_core.messages import BaseMessage

    from tests.providers.conftest import FakeOpenAI


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (None, "messages is None: give a text, or a list of messages"),
        (42, "messages is 42: give"),
        ({"role": "user", "content": "x"}, "messages is {'role'.*: give"),
        (HumanMessage("x"), "messages is HumanMessage.*: give"),
        ("", "messages is empty"),
        (" \n", "messages is empty"),
        ([], "messages is empty"),
        ([HumanMessage("x"), 42], r"messages\[1\] is 42: give a message"),
        ([("usr", "x")], r"messages\[0\] is \('usr', 'x'\)"),
        ([{"role": "user"}], r"messages\[0\] is {'role': 'user'}"),
        (["x", None], r"messages\[1\] is None"),
    ],
)
def test_what_is_no_message_is_one_sentence_and_asks_nobody(messages: Any, words: str) -> None:  # noqa: ANN401
    with ModelManager(Settings()) as manager, LocalModel("offline") as model:
        for ask in (manager.generate_response, manager.generate_with_planning, model.generate):
            with pytest.raises((ValueError, TypeError), match=words) as wrong:
                ask(messages)
            assert "\n" not in str(wrong.value)
        assert manager.get_stats().roles == {}


@pytest.mark.parametrize("task_type", ["", "Code_Generation", 42, [], {}])
def test_a_task_type_that_does_not_exist_is_one_sentence(task_type: Any) -> None:  # noqa: ANN401
    with ModelManager(Settings()) as manager, pytest.raises(ValueError, match="There is no task type"):
        manager.generate_response("x", task_type)


def test_other_wrong_arguments_are_one_sentence() -> None:
    wrong: Any = 42
    with ModelManager(Settings()) as manager:
        with pytest.raises(TypeError, match="tools is 42: give a list of tools"):
            manager.generate_response("x", tools=wrong)
        with pytest.raises(TypeError, match="schema is 42: give a class derived from pydantic's BaseModel"):
            manager.generate_as("x", wrong)


@pytest.mark.parametrize(
    ("role", "updates", "words"),
    [
        (None, {}, "Unknown role 'None'; the roles are reasoning, coding, background, embedding"),
        (["coding"], {}, "Unknown role"),
        ("coding", None, "The changes of the coding role are None; give a dictionary"),
        ("coding", "model", "The changes of the coding role are 'model'; give a dictionary"),
        ("coding", {1: 2}, "The coding role has no parameter '1'"),
        ("coding", {"model": ["offline"]}, r"model is \['offline'\]; give a chain of model strings"),
        ("coding", {"model": ""}, "No model is named"),
        ("coding", {"model": "scripted:none.jsonl"}, "cannot be read"),
        ("coding", {"temperature": float("nan")}, "temperature is nan, which is wrong"),
        ("coding", {"temperature": True}, "temperature is True, which is wrong: Input should be a number"),
        ("coding", {"max_tokens": 1.5}, "max_tokens is 1.5, which is wrong"),
        ("coding", {"timeout_s": float("inf")}, "timeout_s is inf, which is wrong"),
    ],
)
def test_a_change_that_cannot_be_is_one_sentence_and_changes_nothing(
    role: Any,  # noqa: ANN401
    updates: Any,  # noqa: ANN401
    words: str,
) -> None:
    with ModelManager(Settings()) as manager:
        before = manager.models.config("coding")
        with pytest.raises(ValueError, match=words) as wrong:
            manager.update_model_config(role, updates)
        assert "\n" not in str(wrong.value)
        assert manager.models.config("coding") is before


async def test_sync_calls_work_in_a_running_loop_beside_async_ones() -> None:
    with await asyncio.to_thread(ModelManager, Settings()) as manager:
        assert (await manager.agenerate_response("hello")).text == manager.generate_response("hello").text
        manager.update_model_config("coding", {"temperature": 0.5})
    # Closing here could not wait for this loop, whose thread it ran in; what is left closes by itself.
    assert (await manager.agenerate_response("hello")).text
    await manager.aclose()


def test_a_sync_call_on_the_manager_s_own_loop_is_refused_and_leaves_nothing_unawaited() -> None:
    thread = LoopThread()

    async def inner() -> int:
        return 1

    async def outer() -> int:
        return thread.run(inner())

    with pytest.raises(RuntimeError, match="use the async one there"):
        thread.run(outer())
    assert thread.run(inner()) == 1
    thread.close()


def test_many_threads_share_one_manager(script: Callable[..., str]) -> None:
    settings = Settings(reasoning_model=script({"content": "r", "repeat": True}))
    with ModelManager(settings) as manager, ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(manager.generate_response, "x") for _ in range(40)]
        assert {answer.result().text for answer in answers} == {"r"}
        used = manager.get_stats().roles["reasoning"]
    assert (used.calls, used.successes) == (40, 40)


async def test_a_call_that_runs_keeps_what_it_began_with(script: Callable[..., str]) -> None:
    old, new = script({"content": "old", "delay_s": 0.2}, name="old"), script({"content": "new"}, name="new")
    settings = Settings(reasoning_model=old)
    async with await asyncio.to_thread(ModelManager, settings) as manager:
        running = asyncio.create_task(manager.agenerate_response("x"))
        await asyncio.sleep(0)
        await manager.aupdate_model_config("reasoning", {"model": new})
        assert (await manager.agenerate_response("x")).text == "new"
        assert (await running).text == "old"


def test_closing_ends_a_call_that_runs_and_the_next_one_opens_anew(fake_openai: FakeOpenAI) -> None:
    manager = ModelManager(Settings(reasoning_model=f"openai:m@{fake_openai.url}"))
    fake_openai.plays.append("hang")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(manager.generate_response, "x")
        while not fake_openai.seen:
            time.sleep(0.001)
        manager.close()
        with pytest.raises(RuntimeError, match="It was closed while this call ran"):
            running.result(timeout=10)
    assert fake_openai.hung_up.wait(10)
    assert manager.generate_response("x").text == "Hello"
    used = manager.get_stats().roles["reasoning"]
    assert (used.calls, used.cancelled, used.successes) == (2, 1, 1)
    manager.close()
    manager.close()


def test_calls_that_race_with_closing_end_one_way_or_the_other() -> None:
    thread = LoopThread()
    ends: list[str] = []

    async def work() -> str:
        await asyncio.sleep(0.001)
        return "done"

    def call() -> None:
        for _ in range(50):
            try:
                ends.append(thread.run(work()))
            except RuntimeError as error:
                ends.append(str(error))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        thread.close()
    assert len(ends) == 200
    assert set(ends) <= {"done", "It was closed while this call ran; the call came to nothing."}
    thread.close()


def test_ctrl_c_ends_the_call_itself() -> None:
    code = """
import asyncio, os, signal, threading
from providers.direct.loop_thread import LoopThread

begun, cancelled = threading.Event(), threading.Event()

async def work():
    begun.set()
    try:
        await asyncio.sleep(60)
    finally:
        cancelled.set()

def press():
    begun.wait()
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=press).start()
try:
    LoopThread().run(work())
except KeyboardInterrupt:
    print(cancelled.wait(10))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr


class Declining(RoleModels):
    """The real models, of which the reasoning one declines: no server here words that."""

    async def reply(self, role: Role, messages: Sequence[BaseMessage], **options: Any) -> Reply:  # noqa: ANN401
        reply = await super().reply(role, messages, **options)
        return replace(reply, text="", refusal="I will not.") if role == "reasoning" else reply


def test_a_planner_that_declines_ends_it_before_the_coder_is_asked() -> None:
    with RoleManager(Declining({}), EmbeddingModels()) as manager:
        with pytest.raises(ModelsFailedError, match=r"The model declined to plan: I will not\.") as failed:
            manager.generate_with_planning("x")
        assert [call.role for call in failed.value.calls] == ["reasoning"]
        assert set(manager.get_stats().roles) == {"reasoning"}


def test_one_model_plans_and_codes_in_solo_mode_until_a_role_is_changed(script: Callable[..., str]) -> None:
    one = script({"content": "one", "repeat": True}, name="one")
    other = script({"content": "other", "repeat": True}, name="other")
    unused = script({"content": "unused", "repeat": True}, name="unused")
    settings = Settings(solo_model=one, reasoning_model=unused, coding_model=unused)
    with ModelManager(settings) as manager:
        plan, code = manager.generate_with_planning("x")
        texts = [manager.generate_response("x", task).text for task in ("planning", "code_generation")]
        assert [plan.text, code.text, *texts] == ["one"] * 4
        assert manager.get_stats().models[one].calls == 4
        manager.update_model_config("coding", {"model": other})
        plan, code = manager.generate_with_planning("x")
        assert (plan.text, code.text) == ("one", "other")
        assert manager.models.config("reasoning").parameters == RoleParameters()
