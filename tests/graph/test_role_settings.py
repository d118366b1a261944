"""Each role's parameters from the file, the environment and arguments, and one model for both roles."""

from collections.abc import Callable
from pathlib import Path

import pytest

from duograph import Agent, ModelConfigError, ModelManager, RoleParameters, Settings, SettingsError
from tests.support import ASK, GOOD, PLAN, Lines


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_argument_outranks_the_environment_which_outranks_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("duograph.toml").write_text(
        "[roles.coding]\ntemperature = 0.1\ntop_p = 0.2\nmax_tokens = 300\n"
        "[roles.background]\ntimeout_s = 60\n"
    )
    monkeypatch.setenv("DUOGRAPH_CODING_TOP_P", "0.5")
    monkeypatch.setenv("DUOGRAPH_CODING_MAX_TOKENS", "500")
    monkeypatch.setenv("DUOGRAPH_REASONING_STALL_TIMEOUT_S", "9")
    settings = Settings(roles={"coding": {"max_tokens": 700}})
    assert settings.roles == {
        "coding": RoleParameters(temperature=0.1, top_p=0.5, max_tokens=700),
        "background": RoleParameters(timeout_s=60),
        "reasoning": RoleParameters(stall_timeout_s=9),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[roles.coding]\ntemprature = 1", ["roles.coding", "'temprature'", "did you mean 'temperature'"]),
        ("[roles.codding]\ntemperature = 1", ["unknown role 'codding'", "did you mean 'coding'"]),
        ("[roles.coding]\ntemperature = 7", ["roles.coding.temperature", "DUOGRAPH_CODING_TEMPERATURE", "7"]),
        ("[roles]\ncoding = 7", ["roles.coding is 7", "[roles.coding]"]),
        ("roles = 7", ["roles", "7"]),
    ],
)
def test_a_wrong_table_is_one_sentence(text: str, words: list[str]) -> None:
    Path("duograph.toml").write_text(text)
    with pytest.raises(SettingsError) as error:
        Settings()
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DUOGRAPH_CODING_TEMPERATURE", "hot", "DUOGRAPH_CODING_TEMPERATURE or duograph.toml"),
        ("DUOGRAPH_CODING_TEMPERATUR", "1", "did you mean DUOGRAPH_CODING_TEMPERATURE"),
        ("DUOGRAPH_ROLES", "{", "DUOGRAPH_ROLES"),
    ],
)
def test_a_wrong_variable_is_one_sentence(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        Settings()


def test_one_model_for_both_roles_goes_before_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("duograph.toml").write_text('reasoning_model = "a"\ncoding_model = "b"\n')
    monkeypatch.setenv("DUOGRAPH_SOLO_MODEL", "c")
    settings = Settings()
    assert settings.chains() == {"reasoning": "c", "coding": "c", "background": "offline"}
    assert Settings(solo_model="d").unconfigured == []


def test_a_solo_turn_asks_one_model_for_everything(
    script: Callable[[str, Lines], str],
    tmp_path: Path,
) -> None:
    chain = script("solo", [{"content": PLAN}, {"content": GOOD}, {"content": "VERDICT: PASS"}])
    with Agent(Settings(home=tmp_path, solo_model=chain)) as agent:
        result = agent.ask(ASK)
    assert result.verification.status == "verified"
    assert {(call.role, f"{call.backend}:{call.model_id}") for call in result.calls} == {
        ("reasoning", chain),
        ("coding", chain),
    }


def test_the_embedding_role_has_timeouts_of_its_own_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_EMBEDDING_TIMEOUT_S", "7")
    with ModelManager(Settings()) as manager:
        assert manager.embeddings.parameters == RoleParameters(timeout_s=7)
    with pytest.raises(ModelConfigError, match="The embedding role has no parameter 'temperature'"):
        ModelManager(Settings(roles={"embedding": {"temperature": 0.5}}))
