"""Which credentials sign Bedrock's requests: told by their source, never shown."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from providers import parse_spec
from providers.backend import Wiring
from providers.backends.bedrock_credentials import Credentials, find_credentials
from providers.backends.probe import look_at
from providers.backends.script import ScriptShelf
from tests.providers.conftest import CANARY
from tests.providers.servers.base import Loopback
from tests.providers.servers.bedrock_api import BedrockDialect

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 18, tzinfo=UTC)
SPEC = parse_spec("bedrock:anthropic.claude-opus-5-5@eu-west-1")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without credentials."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "CREDENTIAL_EXPIRATION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", CANARY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)


def found(**keys: str) -> Credentials:
    secrets = {name: SecretStr(key) for name, key in keys.items()}
    credentials = find_credentials(SPEC, Wiring(ScriptShelf(), secrets), NOW)
    assert CANARY not in repr(credentials)
    return credentials


def test_without_any_a_sentence_says_how_to_get_them() -> None:
    credentials = found()
    assert (credentials.source, credentials.expires) == ("", None)
    assert "no AWS credentials were found; set AWS_ACCESS_KEY_ID" in credentials.problem


def test_a_bedrock_key_goes_before_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", CANARY)
    assert found() == Credentials("the environment (AWS_BEARER_TOKEN_BEDROCK)")
    assert found(bedrock=CANARY) == Credentials("the settings (api_keys)")


@pytest.mark.usefixtures("in_environment")
def test_the_environment_is_named() -> None:
    assert found() == Credentials("the environment (AWS_ACCESS_KEY_ID)")


@pytest.mark.usefixtures("in_environment")
@pytest.mark.parametrize("when", ["2026-11-21T18:00:00Z", "2026-11-21T18:00:00", "2026-11-21T19:00:00+01:00"])
def test_the_end_of_temporary_ones_is_told(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", when)
    assert found() == Credentials("the environment (AWS_ACCESS_KEY_ID)", LATER)


@pytest.mark.usefixtures("in_environment")
def test_expired_ones_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2026-11-21T11:00:00Z")
    assert "the credentials expired at 2026-11-21 11:00 UTC; set" in found().problem


def test_half_a_pair_is_a_problem_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", CANARY)
    assert "the AWS credentials cannot be read (PartialCredentialsError" in found().problem


def test_a_profile_is_named_and_one_that_is_not_there_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "credentials"
    path.write_text(f"[team]\naws_access_key_id = {CANARY}\naws_secret_access_key = {CANARY}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert found() == Credentials("the AWS credentials file, profile team")
    monkeypatch.setenv("AWS_PROFILE", "taem")
    assert "ProfileNotFound" in found().problem


@pytest.mark.parametrize(
    ("until", "problem"),
    [("2026-11-21T18:00:00Z", ""), ("2026-11-21T11:00:00Z", "aws sso login"), (None, "aws sso login")],
)
def test_a_login_by_single_sign_on_is_looked_up_in_its_cache(
    home: Path, monkeypatch: pytest.MonkeyPatch, until: str | None, problem: str
) -> None:
    config = home / "config"
    config.write_text(
        "[profile team]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n"
        "[sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "team")
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    if until is not None:
        name = hashlib.sha1(b"corp", usedforsecurity=False).hexdigest()
        (cache / f"{name}.json").write_text(json.dumps({"accessToken": CANARY, "expiresAt": until}))
    credentials = found()
    assert credentials.source == "single sign-on, profile team"
    assert (problem in credentials.problem, bool(credentials.problem)) == (True, bool(problem))
    assert credentials.expires == LATER or problem


@pytest.mark.usefixtures("in_environment")
async def test_a_look_at_bedrock_says_them_and_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with Loopback(BedrockDialect()).running() as server:
        look = await look_at(parse_spec(f"bedrock:m@{server.url}"), Wiring(ScriptShelf()))
    assert (look.sight, look.credentials) == ("reached", Credentials("the environment (AWS_ACCESS_KEY_ID)"))
    assert all(CANARY not in str(seen.headers) for seen in server.seen)
