"""What a user has set stands between a run's own choices and the environment, for all who read settings."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from checkpoints.settings import SqlUserSettings
from graph.build import build_graph
from graph.manager import ModelManager
from graph.precedence import PRECEDENCE, origins
from graph.settings import Settings, SettingsError
from graph.user_settings import UserSettings, open_user_settings
from nodes import Context
from tests.support import ASK, GOOD, PLAN, AgentMaker

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def keep(user: str = "default", **values: object) -> None:
    with open_user_settings() as service:
        service.update(user, values)


def source_of(name: str, found: Settings, context: Context | None = None) -> tuple[object, str]:
    (origin,) = (origin for origin in origins(found, context) if origin.name == name)
    return origin.value, origin.source


# Each case gives one setting another value at every source; the default is the last.
CASES: list[tuple[str, list[Any]]] = [
    ("max_repairs", [0, 1, 3, 4, 5, 2]),
    ("turn_timeout_s", [1.0, 2.0, 3.0, 4.0, 5.0, 900.0]),
    ("plan_approval", [True, True, True, True, True, False]),
    ("max_cost_usd", [0.1, 0.2, 0.3, 0.4, 0.5, None]),
    ("coding_model", ["openai:a", "openai:b", "openai:c", "openai:d", "openai:e", "offline"]),
]


@settings(max_examples=16, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=st.sampled_from(CASES), said=st.sets(st.sampled_from(PRECEDENCE[1:5])))
def test_the_highest_source_wins_and_is_named(
    case: tuple[str, list[Any]], said: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, values = case
    by_source = dict(zip(PRECEDENCE, values, strict=True))
    said = said | {"default"}
    (tmp_path / "duograph.toml").unlink(missing_ok=True)
    monkeypatch.delenv(f"DUOGRAPH_{name.upper()}", raising=False)
    with open_user_settings() as service:
        service.reset("default")
    if "user settings" in said:
        keep(**{name: by_source["user settings"]})
    if "environment" in said:
        monkeypatch.setenv(f"DUOGRAPH_{name.upper()}", str(by_source["environment"]))
    if "file" in said:
        (tmp_path / "duograph.toml").write_text(f"{name} = {str(by_source['file']).lower()}\n")
        if isinstance(by_source["file"], str):
            (tmp_path / "duograph.toml").write_text(f'{name} = "{by_source["file"]}"\n')
    context = Context(**{name: by_source["context"]}) if "context" in said else None
    winner = next(source for source in PRECEDENCE if source in said)
    assert source_of(name, Settings(), context) == (by_source[winner], winner)
    below = next(source for source in PRECEDENCE if source in said - {"context"})
    assert getattr(Settings(), name) == by_source[below]
    given_one = Settings(**{name: by_source["argument"]})
    assert getattr(given_one, name) == by_source["argument"]
    assert source_of(name, given_one) == (by_source["argument"], "argument")


MODELS_AND_LISTS = {*(f"{role}_model" for role in ("reasoning", "coding", "background", "embedding", "solo"))}
MODELS_AND_LISTS |= {"archives"}
"""A user's chains are read at once, those of the environment when they are used."""

NUMBERS = st.one_of(st.integers(-3, 100_000), st.floats(allow_nan=True), st.text("0123456789.e-", max_size=4))


@given(
    name=st.sampled_from(sorted(set(UserSettings.model_fields) - MODELS_AND_LISTS)),
    value=st.one_of(NUMBERS, st.sampled_from(["local", "remote_only", "true", "off"]), st.booleans()),
)
def test_a_user_can_set_what_the_settings_take_and_nothing_else(name: str, value: object) -> None:
    def taken(call: Any) -> object:  # noqa: ANN401
        try:
            return getattr(call(**{name: value}), name)
        except (ValidationError, SettingsError):
            return "refused"

    assert taken(UserSettings) == taken(lambda **given: Settings(user_settings=False, **given))


def test_a_user_can_set_every_limit_and_nothing_of_the_installation() -> None:
    wiring = {"roles", "home", "database", "user", "user_settings", "openai_api_key", "api_keys"}
    wiring |= {"sandbox", "sandbox_image", "sandbox_packages", "keep_turns", "encryption_key"}
    wiring |= {"mlx_memory_gb", "mlx_prompt_cache_gb", "enrichment", "enrichment_drain_s", "memory_vectors"}
    wiring |= {"neo4j_uri", "neo4j_user", "neo4j_password", "neo4j_database"}
    wiring |= {
        "tools",
        "tool_roots",
        "tool_hosts",
        "parallel_tools",
        "consent",
        "specialist_tools",
        "mcp_servers",
        "routing",
        "routing_minilm",
    }
    assert set(UserSettings.model_fields) == set(Settings.model_fields) - wiring


def test_each_user_has_settings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("anna", max_repairs=5)
    keep(max_repairs=4)
    assert Settings().max_repairs == 4
    assert Settings(user="anna").max_repairs == 5
    assert Settings(user="ben").max_repairs == 2
    monkeypatch.setenv("DUOGRAPH_USER", "anna")
    assert Settings().max_repairs == 5


def test_a_program_can_do_without_them_or_bring_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(max_repairs=4)
    assert Settings(user_settings=False).max_repairs == 2
    own = Settings(user_settings=UserSettings(max_repairs=7, prefer="local"))
    assert (own.max_repairs, own.prefer) == (7, "local")
    assert source_of("max_repairs", own) == (7, "user settings")
    monkeypatch.setenv("DUOGRAPH_USER_SETTINGS", "0")
    assert Settings().max_repairs == 2


@pytest.mark.parametrize(
    ("argument", "kept", "variable", "expected"),
    [
        # argument, user, environment: for solo, reasoning, coding
        ({}, {"solo_model": "openai:u"}, {}, ("openai:u", "openai:u")),
        ({"reasoning_model": "openai:a"}, {"solo_model": "openai:u"}, {}, ("openai:a", "openai:u")),
        ({"coding_model": "openai:a"}, {"solo_model": "openai:u"}, {}, ("openai:u", "openai:a")),
        ({"solo_model": "openai:a"}, {"reasoning_model": "openai:u"}, {}, ("openai:a", "openai:a")),
        ({}, {"reasoning_model": "openai:u"}, {"solo_model": "openai:e"}, ("openai:u", "openai:e")),
        ({}, {"solo_model": "openai:u"}, {"reasoning_model": "openai:e"}, ("openai:u", "openai:u")),
        ({}, {"max_repairs": 1}, {"solo_model": "openai:e"}, ("openai:e", "openai:e")),
    ],
)
def test_one_model_for_both_roles_stands_where_its_source_stands(
    argument: dict[str, str],
    kept: dict[str, Any],
    variable: dict[str, str],
    expected: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep(**kept)
    for name, value in variable.items():
        monkeypatch.setenv(f"DUOGRAPH_{name.upper()}", value)
    found = Settings(**argument)
    chains = found.chains()
    assert (chains["reasoning"], chains["coding"]) == expected
    assert found.unconfigured == []
    letters = {"a": "argument", "u": "user settings", "e": "environment"}
    for name, chain in zip(("reasoning_model", "coding_model"), expected, strict=True):
        assert source_of(name, found) == (chain, letters[chain[-1]])


def test_the_agent_uses_them_and_an_argument_and_a_context_win(make_agent: AgentMaker) -> None:
    keep(max_repairs=1, plan_approval=True)
    asked = [{"content": PLAN}] * 3, [{"content": GOOD}] * 3
    result = make_agent(*asked).ask(ASK)
    assert result.status == "waiting"
    assert make_agent(*asked).graph.bounds().cycles[0].limit == 1
    assert make_agent(*asked, plan_approval=False).ask(ASK).status == "done"
    assert make_agent(*asked).ask(ASK, context=Context(plan_approval=False)).status == "done"
    assert make_agent(*asked, user_settings=False).ask(ASK).status == "done"


def test_the_graph_of_the_server_and_the_manager_use_them(tmp_path: Path) -> None:
    keep(max_model_calls=3, reasoning_model="scripted:replies")
    (tmp_path / "replies").write_text('{"content": "yes"}\n')
    assert build_graph().bounds().model_calls == 3
    with ModelManager() as manager:
        assert manager.models.describe("reasoning") == "scripted:replies"


def test_no_start_waits_for_sqlalchemy(tmp_path: Path) -> None:
    keep(max_repairs=4)
    code = (
        "import sys; from graph.settings import Settings; s = Settings();"
        "print(s.max_repairs, [n for n in ('sqlalchemy', 'alembic', 'psycopg') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "4 []", done.stderr


def test_settings_of_an_older_revision_are_brought_up_and_read() -> None:
    keep(max_repairs=4)
    SqlUserSettings(Settings(user_settings=False).database_path).migrate("0001")
    assert Settings().max_repairs == 4


def test_archives_are_kept_from_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "duograph.toml").write_text('archives = ["file"]\n')
    assert Settings().archives == ["file"]
    monkeypatch.setenv("DUOGRAPH_ARCHIVES", "work, private,work")
    assert Settings().archives == ["work", "private"]
    keep(archives='["mine"]')
    assert Settings().archives == ["mine"]
    keep(archives="")
    assert Settings().archives == []


def test_what_is_shown_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("DUOGRAPH_API_KEYS", '{"groq": "gsk_canary"}')
    monkeypatch.setenv("DUOGRAPH_CODING_TEMPERATURE", "0.5")
    found = Settings(database="postgresql://me:canary@host/db", user_settings=False)
    shown = {origin.name: origin for origin in origins(found)}
    assert "canary" not in str(shown)
    assert shown["openai_api_key"].place == "OPENAI_API_KEY"
    assert shown["api_keys"].value == {"groq": "[hidden]"}
    assert shown["database"].source == "argument"
    assert (shown["roles"].value, shown["roles"].place) == (
        {"coding": {"temperature": 0.5}},
        "DUOGRAPH_CODING_TEMPERATURE",
    )
