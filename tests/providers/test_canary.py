"""A key is sent to its server and shows nowhere else, whichever backend it is for."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from pydantic import SecretStr

from graph.agent import Agent
from graph.settings import Settings
from providers import ModelsFailedError, RoleModels
from providers.backends.services import SERVICES
from providers.scrub import HIDDEN, scrub
from tests.providers.backends.contract import APIS, Side, serve
from tests.providers.conftest import CANARY


@pytest.fixture
def side(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Side]:
    # Not from the environment, whose secrets are known by their names: from a file, as after a login.
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    path = tmp_path_factory.mktemp("aws") / "credentials"
    path.write_text(
        "[default]\naws_access_key_id = AKID\n"
        f"aws_secret_access_key = {CANARY}-secret\naws_session_token = {CANARY}-session\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with serve(request.param) as side:
        yield side


class Tracer(BaseTracer):
    """Keeps whole runs, as what sends them to LangSmith, Langfuse or Phoenix does."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.runs.append(run)

    @property
    def text(self) -> str:
        return "".join(run.model_dump_json() + repr(run) for run in self.runs)


@pytest.mark.parametrize("side", APIS, indirect=True)
def test_a_key_shows_in_no_event_result_log_or_file(
    side: Side, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(1)
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
@pytest.mark.parametrize(
    "fault", ["400", "401", "500", "418", "overflow", "error_event", "cut", "broken_tool"]
)
async def test_what_callbacks_and_tracers_are_told_of_a_failure_holds_no_key(
    fault: str, side: Side, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    side.server.plays.append(fault)
    models, tracer = side.models(), Tracer()

    async def ask(words: str) -> str:
        return (await models.reply("reasoning", [HumanMessage(words)], step="plan")).text

    asked = RunnableLambda(ask)
    with suppress(ModelsFailedError):  # Ollama sends whole tool calls, which cannot be cut off
        await asked.ainvoke("hi", {"callbacks": [tracer]})
    await models.aclose()
    (sent,) = side.server.seen
    assert CANARY in str(sent.headers), "or the server has nothing to repeat"
    (run,) = tracer.runs
    assert [child.run_type for child in run.child_runs] == ["llm"]
    assert run.child_runs[0].error or fault in ("cut", "broken_tool")
    assert CANARY not in tracer.text + caplog.text + "".join(repr(each.__dict__) for each in caplog.records)


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
