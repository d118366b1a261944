"""A key is sent to its server and shows nowhere else, whichever backend it is for."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from graph.agent import Agent
from graph.settings import Settings
from providers import ModelsFailedError, RoleModels
from providers.backends.services import SERVICES
from providers.scrub import HIDDEN, scrub
from tests.providers.backends.contract import APIS, Side, serve
from tests.providers.conftest import CANARY


@pytest.fixture
def side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Side]:
    for name, value in {"REGION": "us-east-1", "ACCESS_KEY_ID": "A", "SECRET_ACCESS_KEY": CANARY}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with serve(request.param) as side:
        yield side


@pytest.mark.parametrize("side", APIS, indirect=True)
def test_a_key_shows_in_no_event_result_log_or_file(
    side: Side, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    side.server.plays.extend(["401", "answer", "cut", "answer"])
    home = tmp_path / "home"
    settings = Settings(
        home=home, reasoning_model=f"{side.chain},offline", coding_model=side.chain, api_keys=dict(side.keys)
    )
    with Agent(settings) as agent:
        events = list(agent.stream("Write a function double(x)", tests="assert double(2) == 4"))
        result = agent.ask("What is a monad?")
    assert side.server.seen
    shown = [repr(settings), settings.model_dump_json(), result.model_dump_json(), repr(result), caplog.text]
    shown += [repr(event) for event in events]
    shown += [repr(record.__dict__) for record in caplog.records]
    shown += [*capfd.readouterr()]
    assert CANARY not in "".join(shown)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert written
    assert CANARY.encode() not in written


@pytest.mark.parametrize("side", APIS, indirect=True)
async def test_a_key_shows_in_no_repr_of_what_is_built_nor_in_an_error(side: Side) -> None:
    backend = side.backend()
    assert CANARY not in repr(backend) + str(backend.chat) + repr(backend.chat._identifying_params)  # noqa: SLF001
    side.server.plays.append("401")
    with pytest.raises(ModelsFailedError) as failed:
        await side.models().reply("reasoning", [HumanMessage("hi")], step="plan")
    text = "".join(traceback.format_exception(failed.value)) + repr(failed.value.calls)
    assert CANARY not in text


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_key_of_a_service_shows_in_no_description(service: object) -> None:
    name = getattr(service, "name", "")
    models = RoleModels({"coding": f"{name}:m"}, api_keys={name: SecretStr(CANARY)})
    assert CANARY not in models.describe("coding") + repr(models.__dict__) + repr(models.facts("coding"))


SHAPES = {
    "anthropic": "sk-ant-api03-CANARYCANARY",
    "aws": "AKIACANARYCANARY1234",
    "bedrock": "ABSKQmVkcm9ja0NBTkFSWQ==",
    "cerebras": "csk-canarycanarycanary",
    "fireworks": "fw_canarycanarycanary",
    "gemini": "AIzaCANARYCANARYCANARYCANARY",
    "groq": "gsk_canarycanarycanary",
    "minimax": "eyJhbGciOiJS.eyJjYW5hcnki.c2lnbmF0dXJl",
    "openrouter": "sk-or-v1-canarycanary",
    "perplexity": "pplx-canarycanarycanary",
    "together": "tgp_v1_canarycanarycanary",
    "xai": "xai-canarycanarycanary",
}


@pytest.mark.parametrize("provider", SHAPES)
def test_keys_are_known_by_their_shape_too(provider: str) -> None:
    assert scrub(f"the key ({SHAPES[provider]}) is wrong") == f"the key ({HIDDEN}) is wrong"
