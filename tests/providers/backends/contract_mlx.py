"""A tiny MLX model that was trained on the spot, in this process and behind mlx-lm's own server."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from langchain_core.messages import BaseMessage, HumanMessage
from pydantic import SecretStr

from providers import RoleModels
from providers.backend import Backend
from tests.providers.backends.contract import Said, make_backend, one_try
from tests.providers.mlx.tiny import WEATHER

MLX = ("mlx", "mlx_lm.server")
"""The two ways to an MLX model."""

_THOUGHT = Said("The answer is 4.", "2+2=4")
_SAYS = {
    "answer": ("Hello", Said("Hello! How can I help you?")),
    "think": ("What is 2+2?", _THOUGHT),
    "reasoning": ("What is 2+2?", _THOUGHT),
    "only_closing_tag": ("Only the end", Said("It is 4.", "Add them.")),
    "tool": ("weather in Paris?", Said("")),
}


@dataclass(frozen=True)
class MlxSide:
    """One way to the model; what it is asked decides what it says.

    Attributes:
        provider: What its model string begins with.
        chain: Its model string.
        process: The server, or None in this process.
    """

    provider: str
    chain: str
    process: subprocess.Popen[bytes] | None = None

    tool: Any = field(default_factory=lambda: WEATHER)
    called = ("get_weather", {"city": "Paris"})
    # mlx-lm's server lets five connections wait, and refuses the others.
    at_once = 4
    counts: tuple[int, int] | None = (13, 18)

    @property
    def model(self) -> str:
        return self.chain.partition(":")[2].rpartition("@")[0] or self.chain.partition(":")[2]

    @property
    def keys(self) -> dict[str, SecretStr]:
        return {}

    def question(self, play: str) -> list[BaseMessage]:
        return [HumanMessage(_SAYS[play][0])]

    def said(self, play: str) -> Said:
        return _SAYS[play][1]

    def prepare(self, *plays: str) -> None:
        """A real model needs no telling."""

    def reset(self) -> None:
        """It keeps nothing between two tests."""

    def models(self, timeout_s: float = 30) -> RoleModels:
        return one_try(self.chain, timeout_s=timeout_s)

    def backend(self) -> Backend:
        return make_backend(self.chain, {})

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the server's process stand still: connections stay open, and nothing comes."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def serve_mlx(way: str, model: Path) -> Iterator[MlxSide]:
    """Open one of the two ways; a server ends with the block."""
    if way == "mlx":
        yield MlxSide("mlx", f"mlx:{model}")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(model), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(process, f"http://127.0.0.1:{port}/health")
        yield MlxSide("openai", f"openai:default_model@http://127.0.0.1:{port}/v1", process)
    finally:
        process.kill()
        process.wait(30)


def _wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + 120
    while process.poll() is None:
        try:
            httpx.get(url, timeout=1).raise_for_status()
        except httpx.HTTPError:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server ended at once")
