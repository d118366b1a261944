"""Every API against servers that others wrote: aimock from npm, so that we do not only agree with ourselves.

The package is fetched by npm at test time. Without node there is nothing to run; every other failure counts.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from providers import ModelsFailedError, RoleModels, parse_spec
from providers.backend import Wiring
from providers.backends.script import ScriptShelf
from providers.registry import PROVIDERS
from tests.providers.backends.contract import one_try

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
]

PACKAGE = "@copilotkit/aimock@1.43.0"
SLOW_DOWN = {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429}
KAPUT = {"error": {"message": "kaput", "type": "server_error"}, "status": 500}
CALL = {"toolCalls": [{"name": "weather", "arguments": '{"city": "Paris"}'}]}
FIXTURES = [
    {"match": {"userMessage": "RATE"}, "response": SLOW_DOWN},
    {"match": {"userMessage": "BOOM"}, "response": KAPUT},
    {"match": {"userMessage": "weather"}, "response": CALL},
    {"match": {"userMessage": "reason"}, "response": {"content": "42", "reasoning": "let me think"}},
    {"match": {"userMessage": "Hello"}, "response": {"content": "Hello from a deterministic server."}},
]

CHAINS = {
    "openai": "openai:gpt-4o@{url}/v1",
    "groq": "groq:openai/gpt-oss-120b@{url}/v1",
    "anthropic": "anthropic:claude-opus-5-5@{url}",
    "bedrock": "bedrock:us.anthropic.claude-opus-5-5@{url}",
    "ollama": "ollama:qwen3:8b@{url}",
}


# Where aimock is not like the service, only our own servers tell: it begins a text from Bedrock with an empty
# union, on which boto3 itself fails, and calls Ollama's `thinking` by OpenAI's name.
TEXT = [name for name in CHAINS if name != "bedrock"]
THINKING = [name for name in TEXT if name != "ollama"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}))
    npm = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", PACKAGE]
    subprocess.run(npm, check=True, timeout=300)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = folder / "node_modules/@copilotkit/aimock/dist/cli.js"
    command = ["node", str(program), "-p", str(port), "-f", str(folder / "fixtures.json"), "-c", "4"]
    log = folder / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            _wait(port, server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
        except httpx.HTTPError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.05)
        else:
            return
    pytest.fail(log.read_text())


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REGION": "us-east-1", "ACCESS_KEY_ID": "A", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


def models(provider: str, url: str) -> RoleModels:
    keys = {} if provider == "bedrock" else {provider: SecretStr("mock")}
    return one_try(CHAINS[provider].format(url=url), keys)


@pytest.mark.parametrize("provider", TEXT)
async def test_an_answer(provider: str, url: str) -> None:
    reply = await models(provider, url).reply("reasoning", [HumanMessage("Hello")], step="answer")
    assert reply.text == "Hello from a deterministic server."


@pytest.mark.parametrize("provider", THINKING)
async def test_thinking_is_kept_apart(provider: str, url: str) -> None:
    reply = await models(provider, url).reply("reasoning", [HumanMessage("reason")], step="answer")
    assert (reply.text, reply.reasoning) == ("42", "let me think")


@pytest.mark.parametrize("provider", CHAINS)
async def test_a_tool_is_called(provider: str, url: str) -> None:
    def weather(city: str) -> str:
        """Tell the weather."""
        return city

    keys = {} if provider == "bedrock" else {provider: SecretStr("mock")}
    spec = parse_spec(CHAINS[provider].format(url=url))
    backend = PROVIDERS[provider].build(spec, Wiring(ScriptShelf(), keys))
    answer = await backend.chat.bind_tools([weather]).ainvoke([HumanMessage("weather")])
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("weather", {"city": "Paris"})]


@pytest.mark.parametrize(("word", "kind"), [("RATE", "rate_limit"), ("BOOM", "overloaded")])
@pytest.mark.parametrize("provider", CHAINS)
async def test_a_fault_is_named(provider: str, word: str, kind: str, url: str) -> None:
    with pytest.raises(ModelsFailedError) as failed:
        await models(provider, url).reply("reasoning", [HumanMessage(word)], step="answer")
    assert {call.error for call in failed.value.calls} == {kind}, str(failed.value)
