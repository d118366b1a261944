"""Closing the backends of a loop: what breaks or hangs keeps neither the others nor the caller."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import HumanMessage

from providers import RoleModels, parse_spec
from providers.backend import Backend, Timeouts
from providers.failover.per_loop import BackendsPerLoop
from providers.offline import OfflineChatModel
from providers.runners import register_runner
from tests.providers.runners.test_registry import Parrot

if TYPE_CHECKING:
    from providers import ModelSpec


async def test_every_backend_is_closed_and_what_went_wrong_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    closed: list[str] = []

    def build(spec: ModelSpec, _timeouts: Timeouts) -> Backend:
        async def aclose() -> None:
            if spec.model == "breaks":
                raise RuntimeError("cleanup broke")
            while spec.model == "hangs":
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if leave.is_set():
                        raise
            closed.append(spec.model)

        return Backend(OfflineChatModel(), aclose)

    leave = asyncio.Event()
    backends = BackendsPerLoop(build, close_timeout_s=0.05)
    for name in ("breaks", "hangs", "one", "two"):
        await backends.get(parse_spec(f"openai:{name}"), Timeouts())
    with caplog.at_level(logging.WARNING, "duograph"):
        await asyncio.wait_for(backends.aclose(), 10)
    assert sorted(closed) == ["one", "two"]
    assert "openai:breaks could not be closed: RuntimeError: cleanup broke" in caplog.text
    assert "openai:hangs was not closed within 0.05 s" in caplog.text
    leave.set()  # so that the test's own loop can end


class Stuck(Parrot):
    """Breaks when it is to let its model go."""

    async def cleanup(self) -> None:
        raise RuntimeError("cleanup broke")


async def test_a_runner_whose_cleanup_breaks_closes_quietly_and_loads_anew() -> None:
    register_runner("stuck", Stuck, replace=True)
    models = RoleModels({"reasoning": "runner:stuck:m"})
    for _ in range(2):
        assert (await models.reply("reasoning", [HumanMessage("Hello")], step="answer")).text == "Hello"
        await models.aclose()
