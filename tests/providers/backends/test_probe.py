"""Looking at a model's server: what is seen of each kind of server, and that no secret is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from providers import ModelConfigError, parse_spec
from providers.backend import ModelSpec, Wiring
from providers.backends.probe import Look, look_at
from providers.backends.script import ScriptShelf
from tests.listing import ListingServer, serving


@pytest.fixture
def server() -> Iterator[ListingServer]:
    with serving() as server:
        yield server


def look(model: str, key: str = "", timeout_s: float = 30.0) -> Look:
    keys = {"openai": SecretStr(key)} if key else {}
    wiring = Wiring(scripts=ScriptShelf(), keys=keys)
    return asyncio.run(look_at(parse_spec(model), wiring, timeout_s=timeout_s))


def test_a_listed_model_is_there_and_the_key_goes_along(server: ListingServer, canary: str) -> None:
    seen = look(f"openai:qwen3-coder@{server.url}", canary)
    assert (seen.sight, seen.url, seen.has_key, seen.problem) == ("listed", server.url, True, "")
    assert server.seen == [("/v1/models", f"Bearer {canary}")]
    assert look(f"openai:other@{server.url}").has_key is False
    assert server.seen[-1] == ("/v1/models", "")


def test_a_model_that_is_not_listed_is_told_the_near_ones(server: ListingServer) -> None:
    seen = look(f"openai:qwen3-codr@{server.url}")
    assert (seen.sight, seen.near) == ("unlisted", ("qwen3-coder",))
    assert look(f"openai:zzz@{server.url}").near == ()


@pytest.mark.parametrize("name", ["phi3:latest", "models/phi3"])
def test_what_a_list_adds_to_a_name_may_be_left_out(server: ListingServer, name: str) -> None:
    server.body = json.dumps({"data": [{"id": name}]}).encode()
    assert look(f"openai:phi3@{server.url}").sight == "listed"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_seen(server: ListingServer, status: int) -> None:
    server.status = status
    assert look(f"openai:m@{server.url}").sight == "refused"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"none"),
        (500, b"oops"),
        (302, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"data": {}}'),
        (200, b'{"data": [1, {"id": 2}]}'),
        (200, b"[" * 100_000),
        (200, b"x" * 5_000_000),
    ],
)
def test_a_server_without_a_listing_is_reached_all_the_same(
    server: ListingServer, status: int, body: bytes
) -> None:
    server.status, server.body = status, body
    assert look(f"openai:m@{server.url}").sight == "reached"
    assert len(server.seen) == 1  # a redirect is not followed: the key must not go elsewhere


def test_nobody_there_and_nobody_answering_are_told_apart_from_an_answer(server: ListingServer) -> None:
    gone = look("openai:m@http://127.0.0.1:9/v1")
    assert (gone.sight, gone.url) == ("unreachable", "http://127.0.0.1:9/v1")
    assert "ConnectError" in gone.problem
    server.hangs = True
    silent = look(f"openai:m@{server.url}", timeout_s=0.2)
    assert (silent.sight, silent.problem) == ("unreachable", "no answer within 0.2 s")


def test_what_runs_in_this_process_asks_nobody(script: Callable[..., str]) -> None:
    assert look("offline").sight == "in_process"
    assert look(script({"content": "x"})).sight == "in_process"


def test_what_is_set_up_wrongly_says_so() -> None:
    with pytest.raises(ModelConfigError, match="needs a key; set OPENAI_API_KEY"):
        look("openai:gpt-5")
    with pytest.raises(ModelConfigError, match=r"none\.jsonl"):
        look("scripted:none.jsonl")


def test_no_secret_is_in_what_was_seen(
    server: ListingServer, canary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.echoes = True
    assert canary not in repr(look(f"openai:qwen3-code@{server.url}", canary))
    where = server.url.removeprefix("http://")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://user:{canary}@{where}?k={canary}")
    with pytest.raises(ModelConfigError, match="OPENAI_BASE_URL must hold no user name") as refused:
        asyncio.run(look_at(ModelSpec("openai", "m"), Wiring(scripts=ScriptShelf())))
    assert canary not in str(refused.value)
