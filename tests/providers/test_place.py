"""Local or remote: who is asked first, who never, and that nothing leaves the machine."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from duograph import Agent, Context, LocalModel, ModelConfigError, ModelManager, Settings, SettingsError
from providers import ModelsFailedError, ModelSpec, RoleModels
from providers.backend import Server, Wiring
from providers.backends.probe import look_at
from providers.backends.script import ScriptShelf
from providers.place import Prefer, check_prefer, client_options, is_on_this_machine, preferred
from providers.spec import parse_spec
from tests.providers.backends.contract import APIS, Side, serve
from tests.support import ASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCAL = "openai:m@http://127.0.0.1:9/v1"
REMOTE = "openai:m@http://example.org/v1"


@pytest.mark.parametrize(
    ("url", "here"),
    [
        (None, True),
        ("http://localhost:11434", True),
        ("http://LOCALHOST/v1", True),
        ("http://127.8.8.8/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://10.0.0.1/v1", False),
        ("http://192.168.1.2/v1", False),
        ("http://host.docker.internal/v1", False),
        ("http://evil.localhost/v1", False),
        ("http://localhost.example.org/v1", False),
        ("http://127.0.0.1.nip.io/v1", False),
        ("http://0.0.0.0/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_only_loopback_is_this_machine(url: str | None, here: bool) -> None:  # noqa: FBT001
    assert is_on_this_machine(url) is here


def test_only_what_is_not_encrypted_anyway_goes_without_certificates() -> None:
    assert client_options("http://127.0.0.1:1/v1")["verify"].cert_store_stats()["x509_ca"] == 0
    for url in ("https://127.0.0.1:1/v1", "http://example.org/v1", "https://example.org/v1", None):
        assert "verify" not in client_options(url)


SPECS = st.lists(st.sampled_from([LOCAL, REMOTE, "offline"]).map(ModelSpec), min_size=1)


@given(SPECS, st.sampled_from(get_args(Prefer)))
def test_order_is_stable_and_no_other_model_appears(specs: list[ModelSpec], prefer: Prefer) -> None:
    def server(spec: ModelSpec) -> Server:
        return Server("http://example.org" if spec.provider == REMOTE else None)

    local = [spec for spec in specs if spec.provider != REMOTE]
    remote = [spec for spec in specs if spec.provider == REMOTE]
    expected = {
        "chain": specs,
        "local": local + remote,
        "remote": remote + local,
        "local_only": None if remote else specs,
        "remote_only": remote or None,
    }[prefer]
    if expected is None:
        with pytest.raises(ModelConfigError):
            preferred(tuple(specs), prefer, server)
    else:
        assert list(preferred(tuple(specs), prefer, server)) == expected


def test_a_chain_is_ordered_or_filtered_wherever_it_comes_from() -> None:
    def names(prefer: Prefer) -> list[str]:
        models = RoleModels({"coding": f"{REMOTE}, {LOCAL}, offline"}, prefer=prefer)
        assert models.facts("coding", "offline").names == ("offline",) or prefer == "remote_only"
        return [str(spec) for spec in models.specs("coding")]

    assert names("local") == [LOCAL, "offline", REMOTE]
    assert names("remote") == [REMOTE, LOCAL, "offline"]


@pytest.mark.parametrize(
    ("chain", "prefer", "words"),
    [
        (REMOTE, "local_only", r"The coding model: openai:m@http://example\.org/v1 is not on this machine"),
        ("openai:m@http://192.168.0.9/v1", "local_only", "is not on this machine"),
        ("bedrock:m@us-east-1", "local_only", r"requests go to https://bedrock-runtime\.us-east-1"),
        ("ollama:m", "local_only", r"go to http://gpu\.example\.org:11434, from OLLAMA_HOST\)"),
        (LOCAL, "remote_only", "The coding model: .* is on this machine, and prefer is remote_only"),
        (LOCAL, "sideways", "choose one of chain, local, remote, local_only, remote_only"),
    ],
)
def test_a_broken_promise_is_refused_before_anything_is_asked(
    chain: str, prefer: Prefer, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "gpu.example.org")
    others = REMOTE if prefer == "remote_only" else "offline"
    with pytest.raises(ModelConfigError, match=words):
        RoleModels({"coding": chain, "reasoning": others}, prefer=prefer)


def test_what_nobody_configured_is_not_refused_for_being_here() -> None:
    settings = Settings(prefer="remote_only", reasoning_model=f"offline, {REMOTE}", coding_model=REMOTE)
    with ModelManager(settings) as manager:
        assert [str(spec) for spec in manager.models.specs("reasoning")] == [REMOTE]
        assert str(manager.models.specs("background")[0]) == "offline"


def test_tracing_to_elsewhere_breaks_the_promise_too() -> None:
    with pytest.raises(ModelConfigError, match="unset LANGSMITH_TRACING"):
        check_prefer("local_only", {"LANGSMITH_TRACING": "true"})
    own = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": "http://localhost:1984"}
    assert check_prefer("local_only", own) == "local_only"
    assert check_prefer("local", {"LANGSMITH_TRACING": "true"}) == "local"


def test_a_setting_that_is_none_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match="prefer"):
        Settings(prefer="sideways")


def is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ip_address(name or "").is_loopback
    except ValueError:
        return False


@pytest.fixture
def nothing_leaves(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fail the test when anything tries to reach another machine, or to look one up.

    The environment names proxies, so that a client which heeds them is found out.
    """
    elsewhere: list[str] = []
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://203.0.113.7:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as any function
            place = next((each for each in arguments if not isinstance(each, socket.socket)), None)
            host = place[0] if isinstance(place, tuple) else place
            is_path = isinstance(arguments[0], socket.socket) and not isinstance(place, tuple)
            if not is_path and not is_here(host):
                elsewhere.append(str(host))
                raise ConnectionRefusedError(f"{host} is not this machine")
            return original(*arguments, **named)

        return call

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, watched(getattr(socket.socket, name)))
    monkeypatch.setattr(socket, "getaddrinfo", watched(socket.getaddrinfo))
    yield elsewhere
    assert elsewhere == []


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


async def test_the_watch_sees_an_attempt(nothing_leaves: list[str]) -> None:
    models = RoleModels({"coding": "openai:m@http://203.0.113.9/v1"})
    with pytest.raises(ModelsFailedError):
        await models.reply("coding", [HumanMessage("hi")], step="code")
    assert nothing_leaves
    assert all("203.0.113.7" in place for place in nothing_leaves), "the proxy, for it is remote"
    nothing_leaves.clear()


@pytest.mark.usefixtures("aws", "nothing_leaves")
@pytest.mark.parametrize("provider", APIS)
def test_neither_a_proxy_nor_a_redirect_takes_a_local_model_elsewhere(provider: str) -> None:
    with serve(provider) as side, LocalModel(side.chain, api_keys=side.keys) as model:
        assert model.generate("hi").text == "Hello"
        _redirect(side)
        with pytest.raises(ModelsFailedError):
            model.generate("hi")


def _redirect(side: Side) -> None:
    """From now on the server sends whoever asks to another machine."""
    side.server.plays.extend(["redirect"] * 4)


@pytest.fixture
def no_aws(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No credentials but those that other machines would give; the folder of AWS's own files."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    files = tmp_path / "aws"
    files.mkdir()
    # Each would be asked over the network: for a role, at a single sign-on, where this machine stands.
    config = ["[default]", "region = us-east-1", "defaults_mode = auto"]
    if getattr(request, "param", "") == "role":
        config += ["role_arn = arn:aws:iam::1:role/x", "credential_source = Ec2InstanceMetadata"]
    if getattr(request, "param", "") == "sso":
        config += ["sso_start_url = https://x.awsapps.com/start", "sso_region = us-east-1"]
        config += ["sso_account_id = 1", "sso_role_name = x"]
    (files / "config").write_text("\n".join(config))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(files / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(files / "credentials"))
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "1")
    return files


@pytest.mark.usefixtures("nothing_leaves")
@pytest.mark.parametrize("no_aws", ["metadata", "role", "sso"], indirect=True)
def test_nobody_is_asked_for_credentials_where_nothing_may_leave(no_aws: Path) -> None:
    with serve("bedrock") as side:
        with (
            LocalModel(side.chain) as model,
            pytest.raises(ModelConfigError, match="there are none; set AWS"),
        ):
            model.generate("hi")
        assert side.server.seen == []
        (no_aws / "credentials").write_text(
            "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = secret\n"
        )
        with LocalModel(side.chain) as model:
            assert model.generate("hi").text == "Hello"
        assert "AKIDFILE" in side.server.seen[0].headers["authorization"]


async def test_where_it_is_not_promised_other_machines_are_asked(
    no_aws: Path, nothing_leaves: list[str]
) -> None:
    del no_aws
    with serve("bedrock") as side:
        models = side.models()
        with pytest.raises(ModelsFailedError):
            await models.reply("reasoning", [HumanMessage("hi")], step="answer")
        await models.aclose()
    assert nothing_leaves, "the watch would not see botocore either"
    nothing_leaves.clear()


@pytest.mark.usefixtures("nothing_leaves")
async def test_a_look_at_a_local_server_leaves_nothing_either() -> None:
    with serve("openai") as side:
        look = await look_at(parse_spec(side.chain), Wiring(ScriptShelf()), timeout_s=20)
        assert look.sight != "unreachable"


@pytest.mark.usefixtures("nothing_leaves")
def test_a_whole_turn_leaves_nothing(tmp_path: Path, script: Callable[..., str]) -> None:
    plan = script({"content": "1. Multiply.\n\n```python acceptance\nassert double(2) == 4\n```"})
    with serve("ollama") as side:
        settings = Settings(
            home=tmp_path, prefer="local_only", reasoning_model=plan, coding_model=f"{side.chain}, offline"
        )
        with Agent(settings) as agent:
            result = agent.ask(ASK)
            asked = agent.ask(ASK, context=Context(reasoning_model=REMOTE))
    assert [call.backend for call in result.calls][:2] == ["scripted", "ollama"]
    assert asked.stop_reason == "invalid_request"
    assert "is not on this machine" in asked.answer
