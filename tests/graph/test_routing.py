"""What a request is taken for, in whole turns: counted, remembered with the session, never streamed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from duograph import Agent, Settings, Token
from graph.services import Services
from providers import Reply, Role, RoleModels
from tests.support import ASK, Fixed, Lines

Script = Callable[[str, Lines], str]

UNSURE = Fixed()
VAGUE = "that thing from before, in blue"


def agent(script: Script, folder: Path, *lines: dict[str, Any], guess: Fixed = UNSURE) -> Agent:
    """An agent in a folder, whose classifier abstains and whose reasoning model says these lines."""
    said: Lines = [{"content": "An answer.", "repeat": True}, *lines]
    settings = Settings(
        home=folder / "home", reasoning_model=script("reasoning", said), coding_model="offline"
    )
    services = Services.from_settings(settings, remembers=True)
    return Agent(settings, services=replace(services, classifier=guess))


def test_a_decision_is_in_the_result_and_among_the_counts(script: Script, tmp_path: Path) -> None:
    with agent(script, tmp_path, {"step": "route", "content": '{"task": "planning"}'}) as one:
        result = one.ask(VAGUE)
        assert (result.task, result.decision.tier, result.decision.confidence) == ("planning", "model", None)
        assert [call.step for call in result.calls] == ["route", "answer"]
        assert result.bounds is not None
        assert result.bounds.used is not None
        assert result.bounds.used.model_calls == 2 <= result.bounds.model_calls
        assert one.ask("Explain it", task="explanation").decision.tier == "caller"
        stats = one.get_stats()
        assert (stats.routing.tiers["model"], stats.routing.tiers["caller"]) == (1, 1)
        assert stats.routing.tasks == {"planning": 1, "explanation": 1}
        assert stats.routing.median_ms is not None
        assert stats.models is not None
        assert stats.models.roles["reasoning"].calls == 3


def test_the_same_text_gets_the_same_decision_in_its_session_and_after_a_restart(
    script: Script, tmp_path: Path
) -> None:
    with agent(script, tmp_path, {"step": "route", "content": "planning"}) as one:
        first = one.ask(VAGUE, thread_id="s")
        again = one.ask(VAGUE, thread_id="s")
        elsewhere = one.ask(VAGUE, thread_id="t")
    assert [each.task for each in (first, again, elsewhere)] == ["planning", "planning", "general"]
    assert [each.decision.tier for each in (first, again, elsewhere)] == ["model", "session", "default"]
    other = Fixed("explanation", confidence=0.99, tier="local")
    with agent(script, tmp_path, {"step": "route", "content": "general"}, guess=other) as one:
        after = one.ask(VAGUE, thread_id="s")
    assert (after.task, after.decision.tier) == ("planning", "session")


def test_the_question_is_never_shown_as_an_answer(script: Script, tmp_path: Path) -> None:
    with agent(script, tmp_path, {"step": "route", "content": "planning"}) as one:
        shown = "".join(event.text for event in one.stream(VAGUE) if isinstance(event, Token))
    assert shown == "An answer."


@pytest.mark.parametrize("line", [{"error": "auth"}, {"content": "no"}, {"delay_s": 600}])
def test_a_model_that_cannot_say_does_not_spoil_the_turn(
    script: Script, tmp_path: Path, line: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodes.routing_question.ROUTING_S", 0.1)
    with agent(script, tmp_path, {"step": "route", "content": ""} | line) as one:
        result = one.ask(VAGUE)
    assert (result.task, result.decision.tier, result.answer) == ("general", "default", "An answer.")


class Recorder(RoleModels):
    """Models that note what each answer was for, and which tools were offered for it."""

    def __init__(self, chain: str) -> None:
        super().__init__({"reasoning": chain})
        self.asked: list[tuple[str, list[object]]] = []

    async def reply(self, role: Role, messages: Sequence[BaseMessage], **choices: Any) -> Reply:  # noqa: ANN401  # as Models.reply
        self.asked.append((choices["step"], list(choices.get("tools", ()))))
        return await super().reply(role, messages, **choices)


def test_no_tool_is_offered_to_who_routes(script: Script, tmp_path: Path) -> None:
    said: Lines = [{"step": "route", "content": "general"}, {"content": "An answer.", "repeat": True}]
    settings = Settings(home=tmp_path, tools=["date_time"])
    models = Recorder(script("reasoning", said))
    services = replace(Services.from_settings(settings), models=models, classifier=UNSURE)
    with Agent(settings, services=services) as one:
        one.ask(VAGUE)
    (route, none), (answer, some) = models.asked
    assert (route, none) == ("route", [])
    assert answer == "answer"
    assert some


def test_the_bound_counts_the_question_only_where_it_can_be_asked(script: Script, tmp_path: Path) -> None:
    def most(*lines: dict[str, Any], **settings: Any) -> int:  # noqa: ANN401  # as Settings takes them
        said = script(f"model-{len(lines)}-{len(settings)}", [{"content": "x", "repeat": True}, *lines])
        with Agent(Settings(home=tmp_path / "home", reasoning_model=said, **settings)) as one:
            return one.graph.bounds().model_calls

    asked = {"step": "route", "content": "planning"}
    assert most(asked) == most() + 1 == most(asked, routing="local") + 1


def test_a_request_for_code_is_still_one(script: Script, tmp_path: Path) -> None:
    sure = Fixed("code_generation", confidence=0.9, tier="local")
    with agent(script, tmp_path, guess=sure) as one:
        assert one.ask(ASK).route == "code"
