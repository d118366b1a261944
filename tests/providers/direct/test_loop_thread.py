"""Sync calls that end before their work does: by Ctrl-C, or closed by another thread."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from duograph import ModelManager, OnlineModel, Settings
from providers.direct.loop_thread import LoopThread

if TYPE_CHECKING:
    from tests.providers.conftest import FakeOpenAI


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def interrupt_once(begun: threading.Event) -> None:
    """Send this process what Ctrl-C sends, as soon as something has begun and this thread waits."""
    waiting = threading.get_ident()

    def send() -> None:
        begun.wait(30)
        # Not a moment earlier: what came before the call waits would hit the test itself.
        while sys._current_frames()[waiting].f_code.co_name != "wait":  # noqa: SLF001
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()


def test_ctrl_c_cancels_the_work_and_waits_until_it_has_cleaned_up() -> None:
    thread, begun, steps = LoopThread(), threading.Event(), []

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            steps.append("clean")

    interrupt_once(begun)
    with pytest.raises(KeyboardInterrupt):
        thread.run(work())
    assert steps == ["clean"]
    thread.close()


def test_ctrl_c_hangs_up_on_the_model(fake_openai: FakeOpenAI) -> None:
    fake_openai.plays.extend(["hang", "answer"])
    begun = threading.Event()

    def watch() -> None:
        while not fake_openai.seen:
            fake_openai.over.wait(0.01)
        begun.set()

    threading.Thread(target=watch, daemon=True).start()
    with ModelManager(Settings(solo_model=f"openai:m@{fake_openai.url}")) as manager:
        interrupt_once(begun)
        with pytest.raises(KeyboardInterrupt):
            manager.generate_response("x")
        assert fake_openai.hung_up.wait(10), "the model still works for nobody"
        assert manager.generate_response("x").text == "Hello"


def test_who_is_closed_while_it_asks_is_told_in_words(fake_openai: FakeOpenAI) -> None:
    fake_openai.plays.extend(["hang", "answer"])
    said: list[BaseException] = []
    model = OnlineModel(f"openai:m@{fake_openai.url}")

    def ask() -> None:
        try:
            model.generate("x")
        except Exception as error:  # noqa: BLE001 - whatever the caller would get
            said.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not fake_openai.seen:
        fake_openai.over.wait(0.01)
    model.close()
    asking.join(30)
    assert [(type(error), "closed while this call ran" in str(error)) for error in said] == [
        (RuntimeError, True)
    ], said
    assert model.generate("x").text == "Hello"
    model.close()


def test_a_sync_call_on_its_own_loop_is_refused_and_leaves_nothing_unawaited() -> None:
    thread = LoopThread()

    async def outer() -> None:
        thread.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="use the async one there"):
        thread.run(outer())
    thread.close()
