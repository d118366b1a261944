"""What the tests of this room share: a fake OpenAI on loopback, a key that nothing recognises, scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.providers.servers.base import Loopback
from tests.providers.servers.openai_api import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CANARY = "canary-7f3a9d21-not-shaped-like-a-key"


class FakeOpenAI(Loopback):
    """Plays an imitator of OpenAI that says nothing of cached tokens."""

    def __init__(self) -> None:
        super().__init__(OpenAIDialect(cached=0))

    @property
    def url(self) -> str:
        return f"{super().url}/v1"


@pytest.fixture
def fake_openai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    # It speaks plain HTTP, and to read the machine's certificates takes longer than to talk to it.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    server = FakeOpenAI()
    with server.running():
        yield server


@pytest.fixture
def canary() -> str:
    """A key that no pattern recognises, so only knowing it can hide it."""
    return CANARY


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """Write a script and return its model string."""

    def script(*lines: dict[str, Any], name: str = "replies") -> str:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        return f"scripted:{path}"

    return script
