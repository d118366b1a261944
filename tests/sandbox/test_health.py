"""Looking at the sandbox that would be used."""

from __future__ import annotations

import pytest

from sandbox import Unavailable, open_sandbox
from sandbox.health import inspect_sandbox


async def test_the_sandbox_that_is_named_is_the_one_that_verifies() -> None:
    health = await inspect_sandbox("auto")
    sandbox = await open_sandbox("auto")
    if isinstance(sandbox, Unavailable):
        assert (health.name, health.reason) == ("", sandbox.reason)
    else:
        assert (health.name, health.reason) == (sandbox.name, "")
        assert isinstance(health.pid_namespace, bool)


async def test_without_walls_there_is_no_namespace_either() -> None:
    health = await inspect_sandbox("none")
    assert (health.name, health.pid_namespace) == ("none", False)


async def test_a_sandbox_that_does_not_hold_gives_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    health = await inspect_sandbox("docker")
    assert health.name == ""
    assert "docker" in health.reason
