"""One graph for several users: a run says whose it is, and a server's log-in outranks what it says."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from graph.build import build_graph
from graph.settings import Settings, SettingsError
from graph.state import Input
from graph.user_settings import UserSettings, open_user_settings
from graph.users import Users
from nodes import Bounds, Context
from nodes.context import AUTH_USER
from tests.support import ASK, BAD, PLAN, AgentMaker


@pytest.fixture(autouse=True)
def _users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUOGRAPH_HOME", str(tmp_path / "home"))
    with open_user_settings() as users:
        users.create("default", UserSettings(max_repairs=3, coding_model="openai:ours"))
        users.create("anna", UserSettings(max_repairs=0, max_model_calls=7, solo_model="openai:hers"))
        users.create("bob", UserSettings(max_repairs=1))


def chosen(context: Context | None = None, auth: str | None = None, **given: Any) -> Context:  # noqa: ANN401
    return Users(Settings(**given)).chosen(context, {AUTH_USER: auth})


def test_what_a_run_does_not_choose_its_user_does() -> None:
    found = chosen(Context(user_id="anna"))
    assert (found.max_repairs, found.max_model_calls) == (0, 7)
    assert (found.reasoning_model, found.coding_model) == ("openai:hers", "openai:hers")
    assert chosen(Context(user_id="bob")).coding_model == "offline"  # not what the default user prefers
    assert chosen(Context(user_id="nobody")).max_repairs == 2
    assert chosen(Context(user_id="anna", max_repairs=4, coding_model="openai:now")).max_repairs == 4
    assert chosen(Context(user_id="anna", coding_model="openai:now")).coding_model == "openai:now"


def test_an_argument_of_the_program_outranks_the_user() -> None:
    found = chosen(Context(user_id="anna"), max_repairs=5)
    assert (found.max_repairs, found.max_model_calls) == (None, 7)


def test_who_is_logged_in_outranks_what_the_run_says() -> None:
    found = chosen(Context(user_id="anna"), auth="bob")
    assert (found.user_id, found.max_repairs, found.max_model_calls) == ("bob", 1, None)
    assert chosen(Context(user_id="anna"), auth="default").max_repairs is None  # as the graph was made
    assert chosen(None, auth="anna").max_model_calls == 7
    assert chosen(Context(user_id="anna"), auth="").user_id == "anna"  # a server without log-in


def test_without_user_settings_a_user_is_a_name() -> None:
    for own in (False, UserSettings(max_repairs=4)):
        assert chosen(Context(user_id="anna"), user_settings=own) == Context(user_id="anna")


@pytest.mark.parametrize(
    ("name", "value"), [("prefer", "local_only"), ("model_tries", 5), ("verify_timeout_s", 3.0)]
)
def test_what_no_run_can_choose_is_refused_and_not_dropped(name: str, value: object) -> None:
    with open_user_settings() as users:
        users.update("anna", {name: value})
    with pytest.raises(SettingsError, match=rf"The user 'anna' has set {name}, .* unset {name} --user anna"):
        chosen(Context(user_id="anna"))


def test_a_name_that_is_none_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match="printable"):
        chosen(Context(user_id="anna\n"))


def repairs(bounds: Bounds) -> list[int]:
    return [cycle.limit for cycle in bounds.cycles if cycle.guard == "repairs"]


def test_turns_of_one_agent_heed_each_users_limits(make_agent: AgentMaker) -> None:
    with open_user_settings() as users:
        users.reset("anna", ["solo_model"])
    agent = make_agent([{"content": PLAN, "repeat": True}], [{"content": BAD, "repeat": True}])
    for user, most in (("anna", 0), ("bob", 1), (None, 3)):
        context = Context(user_id=user)
        assert repairs(agent.graph.bounds(context)) == [most]
        bounds = agent.ask(ASK, context=context).bounds
        assert bounds is not None
        assert repairs(bounds) == [most]


async def test_a_served_graph_heeds_who_is_logged_in(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN, "repeat": True}], [{"content": BAD, "repeat": True}])
    config: RunnableConfig = {"configurable": {"thread_id": "t", AUTH_USER: "bob"}}
    asked = Input(messages=[HumanMessage(ASK)])
    done = await agent.graph.ainvoke(asked, config, context=Context(user_id="anna"))
    assert repairs(done["result"].bounds) == [1]
    assert build_graph(Settings(solo_model="offline")).copy().users is not None
