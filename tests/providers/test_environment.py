"""Addresses and keys from the environment: what cannot work is told at the start, by its variable's name."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from providers import ModelConfigError, RoleModels, parse_spec
from providers.backend import Wiring
from providers.backends.script import ScriptShelf
from providers.registry import PROVIDERS

WRONG = ["http://localhost:99999/v1", "localhost:11434", "ftp://x", "http://", "http://a b/v1", "http://[::1"]
VARIABLES = {
    "OPENAI_BASE_URL": "openai:m",
    "ANTHROPIC_BASE_URL": "anthropic:m",
    "OPENAI_API_BASE": "openai:m",
}


@pytest.mark.parametrize("address", WRONG)
@pytest.mark.parametrize("variable", VARIABLES)
def test_an_address_that_is_none_is_refused_with_its_variable(
    variable: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, address)
    with pytest.raises(ModelConfigError, match=f"{variable} is '.*', which is no address; write it like"):
        RoleModels({"coding": VARIABLES[variable]}, api_keys={"anthropic": SecretStr("k")})


@pytest.mark.parametrize("address", ["http://me:hunter2@host/v1", "http://host/v1?key=hunter2"])
def test_an_address_with_a_secret_is_refused_and_not_repeated(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    with pytest.raises(ModelConfigError, match="OPENAI_BASE_URL must hold no user name") as refused:
        RoleModels({"coding": "openai:m"})
    assert "hunter2" not in str(refused.value)


def test_a_slash_at_the_end_is_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1/")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for chain in ("openai:m", "openai:m@https://api.openai.com/v1/"):
        with pytest.raises(ModelConfigError, match="needs a key; set OPENAI_API_KEY"):
            RoleModels({"coding": chain})


@pytest.mark.parametrize("host", ["localhost:99999", "ftp://x", "a b", "[::x"])
def test_a_host_of_ollama_that_is_none_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    with pytest.raises(ModelConfigError, match=r"OLLAMA_HOST is '.*', which is no address"):
        RoleModels({"coding": "ollama:m"})


KEYS = {
    "OPENAI_API_KEY": "openai:m@http://localhost:1/v1",
    "GROQ_API_KEY": "groq:m",
    "ANTHROPIC_API_KEY": "anthropic:m",
    "OLLAMA_API_KEY": "ollama:m",
    "AWS_BEARER_TOKEN_BEDROCK": "bedrock:anthropic.m@us-east-1",
}


@pytest.mark.parametrize(
    "key", ["hunter2 hunter2", "hunter2\r\nX-Evil: 1", "“hunter2”", "hunter2\x01x", "ключ"]
)
@pytest.mark.parametrize("variable", KEYS)
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(
    variable: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, key)
    with pytest.raises(ModelConfigError, match=f"{variable} holds a character at place") as refused:
        RoleModels({"coding": KEYS[variable]})
    assert not {"hunter2", "ключ"} & set(str(refused.value).replace("“", " ").split())


def test_blanks_around_a_key_are_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given = RoleModels({"coding": "openai:m"}, openai_api_key=SecretStr(" hunter2\n"))
    key = given.server(given.specs("coding")[0]).key
    monkeypatch.setenv("GROQ_API_KEY", "\thunter2 \n")
    found = PROVIDERS["groq"].server(parse_spec("groq:m"), Wiring(ScriptShelf())).key
    assert key is not None
    assert found is not None
    assert key.get_secret_value() == found.get_secret_value() == "hunter2"


WRITTEN = ["openai:sk-proj-hunter2hunter2", "groq:gsk_hunter2hunter2", "mlx:hf_hunter2hunter2/x"]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_key_in_the_place_of_a_model_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ModelConfigError, match="looks like a key") as refused:
        parse_spec(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["mlx:hf-internal-testing/tiny-random-2", "openai:sk-model", "groq:xai-org/grok-2"]
)
def test_a_name_is_not_taken_for_a_key(text: str) -> None:
    assert str(parse_spec(text)) == text
