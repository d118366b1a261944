"""Whole turns on the real graph, the real sandbox and real SQLite, with scripted models."""

from pathlib import Path

import pytest

from checkpoints import DatabaseError
from graph.agent import Agent, RequestError
from graph.settings import Settings
from nodes import Status, StopReason
from tests.support import ASK, BAD, GOOD, PLAN, AgentMaker

PASS = {"content": "VERDICT: PASS\nIt does what was asked."}


def test_a_good_solution_is_verified_and_judged(make_agent: AgentMaker) -> None:
    result = make_agent([{"content": PLAN}, PASS], [{"content": GOOD}]).ask(ASK)
    assert (result.status, result.stop_reason) == (Status.DONE, StopReason.COMPLETED)
    assert result.verification.status == "verified"
    assert result.verification.sandbox
    assert [check.name for check in result.verification.checks] == [
        "parse",
        "compile",
        "import",
        "lint",
        "acceptance",
    ]
    assert [(call.role, call.step) for call in result.calls] == [
        ("reasoning", "plan"),
        ("coding", "code"),
        ("reasoning", "judge"),
    ]
    assert result.plan == "1. Multiply by two."
    assert "def double" in result.answer
    assert "Verified" in result.answer


def test_with_the_users_tests_green_no_model_judges(make_agent: AgentMaker) -> None:
    result = make_agent([{"content": "Double it."}], [{"content": GOOD}]).ask(
        ASK, tests="assert double(4) == 8"
    )
    assert result.verification.status == "verified"
    assert [call.step for call in result.calls] == ["plan", "code"]


def test_a_failure_is_diagnosed_and_repaired_once(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": PLAN}, {"content": "It forgot to multiply."}, PASS],
        [{"content": BAD}, {"content": GOOD}],
    )
    result = agent.ask(ASK)
    assert result.repairs == 1
    assert result.verification.status == "verified"
    assert [call.step for call in result.calls] == ["plan", "code", "diagnose", "code", "judge"]


def test_code_that_never_works_is_never_verified(make_agent: AgentMaker) -> None:
    worse = BAD.replace("return x", "return {n} * x - {n}")
    coding = [{"content": worse.replace("{n}", str(n))} for n in (5, 6, 7, 8)]
    result = make_agent([{"content": PLAN}, {"content": "No idea.", "repeat": True}], coding).ask(ASK)
    assert (result.status, result.stop_reason) == (Status.NOT_VERIFIED, StopReason.REPAIRS_EXHAUSTED)
    assert result.repairs == 2
    assert result.verification.status == "failed"
    assert result.files
    assert "Not verified" in result.answer


def test_the_same_code_again_ends_the_turn(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": PLAN}, {"content": "?", "repeat": True}], [{"content": BAD, "repeat": True}]
    )
    result = agent.ask(ASK)
    assert (result.status, result.stop_reason) == (Status.NOT_VERIFIED, StopReason.NO_PROGRESS)
    assert result.repairs == 1


def test_the_best_candidate_is_the_answer_when_none_works(make_agent: AgentMaker) -> None:
    broken = {"content": "```python\ndef double(x:\n```"}
    agent = make_agent(
        [{"content": PLAN}, {"content": "?", "repeat": True}], [{"content": BAD}, broken], max_repairs=1
    )
    result = agent.ask(ASK)
    assert "return x" in result.files[0].content
    assert result.verification.failure is not None
    assert result.verification.failure.name == "acceptance"


def test_a_doubtful_judge_costs_a_repair_but_never_the_proof(make_agent: AgentMaker) -> None:
    revise = {"content": "VERDICT: REVISE\nHandle None.", "repeat": True}
    agent = make_agent(
        [{"content": PLAN}, revise], [{"content": GOOD}, {"content": BAD}, {"content": BAD + "\n"}]
    )
    result = agent.ask(ASK)
    assert result.status is Status.DONE
    assert result.verification.status == "verified"
    assert "2 * x" in result.files[0].content


def test_a_judge_that_fails_does_not_undo_the_proof(make_agent: AgentMaker) -> None:
    result = make_agent([{"content": PLAN}, {"error": "overloaded"}], [{"content": GOOD}]).ask(ASK)
    assert result.status is Status.DONE
    assert result.calls[-1].error == "overloaded"


def test_an_answer_without_code_is_not_verified(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": PLAN}, {"content": "?"}], [{"content": "I would rather not."}], max_repairs=0
    )
    result = agent.ask(ASK)
    assert result.status is Status.NOT_VERIFIED
    assert result.verification.checks[0].detail == "The coding model's answer held no Python code."


def test_thinking_reaches_neither_coder_nor_user(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": f"<think>secret thought</think>{PLAN}"}, PASS],
        [{"content": f"<think>```python\nwrong\n```</think>{GOOD}"}],
    )
    result = agent.ask(ASK)
    assert result.verification.status == "verified"
    assert "secret" not in result.model_dump_json()


@pytest.mark.parametrize("error", ["auth", "rate_limit", "timeout", "cut_stream", "empty", "malformed"])
def test_a_reasoning_model_that_fails_ends_in_an_answer(make_agent: AgentMaker, error: str) -> None:
    result = make_agent([{"error": error, "content": "half"}], [{"content": GOOD}]).ask(ASK)
    assert (result.status, result.stop_reason) == (Status.FAILED, StopReason.MODELS_FAILED)
    assert result.calls[0].error == error
    assert "scripted" in result.answer


def test_a_coder_that_fails_during_a_repair_leaves_the_candidate(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, {"content": "?"}], [{"content": BAD}, {"error": "timeout"}])
    result = agent.ask(ASK)
    assert result.status is Status.FAILED
    assert "return x" in result.files[0].content
    assert result.verification.status == "failed"


def test_a_question_is_answered_without_code(make_agent: AgentMaker) -> None:
    result = make_agent([{"content": "A monad is a monoid."}], [{}]).ask("What is a monad?")
    assert result.answer == "A monad is a monoid."
    assert (result.route, result.verification.status) == ("answer", "not_applicable")


def test_a_plan_without_tests_is_still_run(make_agent: AgentMaker) -> None:
    result = make_agent([{"content": "Just double it."}, PASS], [{"content": GOOD}]).ask(ASK)
    assert result.verification.status == "verified"
    assert "No test was run" in result.answer


@pytest.mark.parametrize(("text", "tests"), [("", ""), ("x" * 1_000_000, ""), ("double", "def broken(")])
def test_a_bad_request_raises_and_writes_nothing(make_agent: AgentMaker, text: str, tests: str) -> None:
    agent = make_agent([{"content": "x"}], [{"content": "x"}])
    with pytest.raises(RequestError):
        agent.ask(text, tests=tests)
    assert agent.sessions.list() == []


def test_a_session_remembers_and_each_turn_starts_clean(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": PLAN}, {"content": "?", "repeat": True}],
        [{"content": BAD}, {"content": GOOD}],
    )
    first = agent.ask(ASK)
    second = agent.ask("What is a monad?", thread_id=first.thread_id)
    assert second.thread_id == first.thread_id
    assert first.run_id != second.run_id
    assert first.repairs == 1
    assert (second.repairs, second.files, len(second.calls), second.plan) == (0, [], 1, "")
    assert first.thread_id is not None
    assert len(agent.sessions.show(first.thread_id).messages) == 4


def test_a_follow_up_shows_the_coder_its_own_files(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": PLAN}, PASS, {"content": PLAN}, PASS], [{"content": GOOD}, {"content": GOOD}]
    )
    first = agent.ask(ASK)
    second = agent.ask("now rename nothing", thread_id=first.thread_id)
    assert second.route == "code"
    assert second.verification.status == "verified"


def test_the_longest_turn_reaches_its_bound_exactly(make_agent: AgentMaker) -> None:
    coding = [{"content": BAD.replace("return x", f"return x + {n}")} for n in range(3, 15)]
    agent = make_agent([{"content": PLAN}, {"content": "?", "repeat": True}], coding, max_repairs=10)
    result = agent.ask(ASK)
    assert result.repairs == 10
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.supersteps == result.bounds.supersteps == 39
    assert result.bounds.used.sandbox_runs == result.bounds.sandbox_runs == 11


def test_a_limit_that_is_too_small_ends_in_a_result(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, PASS], [{"content": GOOD}])
    agent.graph = agent.graph.with_config(recursion_limit=5)
    result = agent.ask(ASK)
    assert (result.status, result.stop_reason) == (Status.LIMIT, StopReason.SUPERSTEP_LIMIT)


def test_the_code_is_remembered_through_a_remark(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": PLAN}, PASS, {"content": "You are welcome."}, {"content": PLAN}, PASS],
        [{"content": GOOD}, {"content": GOOD}],
    )
    first = agent.ask(ASK)
    agent.ask("thanks", thread_id=first.thread_id)
    assert agent.ask("now rename nothing", thread_id=first.thread_id).route == "code"


def test_a_proved_answer_never_contradicts_itself(make_agent: AgentMaker) -> None:
    revise = {"content": "VERDICT: REVISE\nIt must handle None too."}
    agent = make_agent(
        [{"content": PLAN}, revise, {"content": "?", "repeat": True}], [{"content": GOOD}, {"content": BAD}]
    )
    result = agent.ask(ASK)
    assert result.status is Status.DONE
    assert "It must handle None too." in result.answer
    assert "the proved version stands" in result.answer
    assert "still fails" not in result.answer


def test_a_weaker_proof_does_not_replace_a_stronger_one(make_agent: AgentMaker) -> None:
    plan = "Double it.\n\n```python acceptance\nassert double(2) == 4\n```"
    weak = "```python\ndef double(x):\n    return 4\n```"
    revise = {"content": "VERDICT: REVISE\nHm.", "repeat": True}
    result = make_agent(
        [{"content": plan}, revise], [{"content": GOOD}, {"content": weak}], max_repairs=1
    ).ask(ASK)
    assert "2 * x" in result.files[0].content


def test_no_code_at_all_is_asked_for_again(make_agent: AgentMaker) -> None:
    prose = [{"content": "I would multiply."}, {"content": "By two."}, {"content": GOOD}]
    result = make_agent([{"content": PLAN}, {"content": "?", "repeat": True}], prose).ask(ASK)
    assert (result.repairs, result.verification.status) == (2, "verified")


@pytest.mark.parametrize("wrong", [{"task": "nonsense"}, {"thread_id": "a b"}, {"tests": None}])
def test_a_wrong_argument_is_one_sentence(make_agent: AgentMaker, wrong: dict[str, str]) -> None:
    agent = make_agent([{"content": "x"}], [{"content": "x"}])
    with pytest.raises(RequestError) as error:
        agent.ask("hello", **wrong)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_doubt_is_kept_when_the_coder_gives_the_same_code_again(make_agent: AgentMaker) -> None:
    revise = {"content": "VERDICT: REVISE\nIt must handle None too.", "repeat": True}
    result = make_agent([{"content": PLAN}, revise], [{"content": GOOD, "repeat": True}]).ask(ASK)
    assert (result.status, result.stop_reason) == (Status.DONE, StopReason.NO_PROGRESS)
    assert "It must handle None too." in result.answer


def test_an_agent_that_was_closed_says_what_to_do(tmp_path: Path) -> None:
    with Agent(Settings(home=tmp_path)) as agent:
        pass
    with pytest.raises(DatabaseError, match=r"sessions\.sqlite is closed: .*, an agent inside `with Agent"):
        agent.ask("hello")
