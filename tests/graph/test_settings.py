import os
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from graph.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_argument_outranks_the_environment_which_outranks_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "duograph.toml").write_text(
        'reasoning_model = "a"\ncoding_model = "a"\nbackground_model = "a"\n'
    )
    monkeypatch.setenv("DUOGRAPH_CODING_MODEL", "b")
    monkeypatch.setenv("DUOGRAPH_BACKGROUND_MODEL", "b")
    settings = Settings(background_model="c")
    assert settings.chains() == {"reasoning": "a", "coding": "b", "background": "c"}
    assert settings.unconfigured == []


def test_with_nothing_configured_the_offline_model_answers() -> None:
    settings = Settings()
    assert set(settings.chains().values()) == {"offline"}
    assert settings.unconfigured == ["reasoning", "coding"]


def test_the_database_stands_in_home_unless_named(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).database_path == str(tmp_path / "sessions.sqlite")
    assert Settings(home=tmp_path, database="x.db").database_path == "x.db"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('x = "1\ny = 2', ["duograph.toml", "TOML", "line 1"]),
        ('reasoning_modle = "x"', ["duograph.toml", "'reasoning_modle'", "did you mean 'reasoning_model'"]),
        ("max_repairs = 99", ["max_repairs", "99", "10"]),
        ('sandbox = "jail"', ["sandbox", "'jail'", "nono"]),
        ("reasoning_model = 3", ["reasoning_model", "3"]),
        ("max_repairs = true", ["max_repairs", "True", "give a number, not true or false"]),
        ("turn_timeout_s = true", ["turn_timeout_s", "give a number"]),
        ("max_cost_usd = false", ["max_cost_usd", "give a number"]),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "duograph.toml").write_text(text)
    with pytest.raises(SettingsError) as error:
        Settings()
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "duograph.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"duograph\.toml cannot be read"):
        Settings()


def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(SettingsError, match="did you mean 'coding_model'"):
        Settings(codingmodel="x")


def test_a_bad_environment_value_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_MAX_REPAIRS", "many")
    with pytest.raises(SettingsError, match="DUOGRAPH_MAX_REPAIRS"):
        Settings()


def test_keys_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    settings = Settings()
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-canary"
    assert "canary" not in repr(settings) + str(settings.model_dump())
    with pytest.raises(SettingsError) as error:
        Settings(openai_api_key=["sk-canary"])
    assert "canary" not in str(error.value)


def test_a_passphrase_that_is_too_short_is_a_sentence_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"encryption_key": "canary"}
    for values in (given, {}):
        with pytest.raises(SettingsError, match="a passphrase has 8 characters or more") as error:
            Settings(**values, user_settings=False)
        assert "canary" not in str(error.value)
        monkeypatch.setenv("DUOGRAPH_ENCRYPTION_KEY", "canary")
    monkeypatch.setenv("DUOGRAPH_ENCRYPTION_KEY", "eight888")
    assert Settings(user_settings=False).encryption_key is not None


def test_an_empty_variable_of_the_passphrase_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_ENCRYPTION_KEY", "")
    with pytest.raises(SettingsError, match=r"variable DUOGRAPH_ENCRYPTION_KEY is empty: .* or unset it\.$"):
        Settings(user_settings=False)
    assert Settings(encryption_key=SecretStr("eight888"), user_settings=False).encryption_key is not None


def test_keys_of_any_provider_come_as_a_table_and_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_API_KEYS", '{"groq": "gsk_canary"}')
    settings = Settings()
    assert settings.api_keys["groq"].get_secret_value() == "gsk_canary"
    assert "canary" not in repr(settings) + str(settings.model_dump())


@pytest.mark.parametrize("value", ['{"groq": "canary', "canary", '["canary"]', '{"groq": ["canary"]}'])
def test_a_broken_table_of_keys_is_a_sentence_without_them(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOGRAPH_API_KEYS", value)
    with pytest.raises(SettingsError, match="DUOGRAPH_API_KEYS") as error:
        Settings()
    assert "canary" not in "".join(traceback.format_exception(error.value))


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_RESONING_MODEL", "openai:x")
    with pytest.raises(SettingsError, match="did you mean DUOGRAPH_REASONING_MODEL"):
        Settings()


def test_a_variable_of_somebody_elses_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_TEAM", "x")
    assert Settings().unconfigured


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_or_a_dead_link_of_that_name_is_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "duograph.toml")
    with pytest.raises(SettingsError, match="is not a file"):
        Settings()
    (tmp_path / "duograph.toml").unlink()
    (tmp_path / "duograph.toml").symlink_to("nowhere")
    with pytest.raises(SettingsError, match="leads nowhere"):
        Settings()


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "duograph.toml").write_text("max_repairs = 3", encoding="utf-8-sig")
    assert Settings().max_repairs == 3


def test_a_home_of_nobody_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match="no such user"):
        _ = Settings(home="~nosuchuser/x").database_path
