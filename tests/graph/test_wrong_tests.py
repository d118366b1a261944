"""Whole turns in which the generated tests are wrong, and turns in which they only seem to be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from nodes import Context, Diagnosis, Result, Status, StopReason, Turn
from nodes.doubts import doubted, shape, with_misses
from nodes.show import show_failure
from sandbox import Case, Check, Evidence, SourceFile
from tests.support import ASK, BAD, GOOD, AgentMaker, Lines

ALSO_GOOD = GOOD.replace("2 * x", "x + x")
WRONG = "assert double(2) == 4\nassert double(3) == 7\n"
BLAMED = ("double(2) == 5", "double(3) == 7", "double(4) == 9", "double(3) == 6", "double(4) == 8")
HINT: dict[str, Any] = {
    "content": "WHY: The request says otherwise.\nCHANGE: Solve it in another way.\n"
    + "".join(f"WRONG TEST: {name}\n" for name in BLAMED)
    + "VERDICT: PASS",
    "repeat": True,
}


def plan(tests: str) -> dict[str, Any]:
    return {"content": f"Double it.\n\n```python acceptance\n{tests}\n```"}


def code(body: str) -> dict[str, Any]:
    return {"content": GOOD.replace("2 * x", body)}


def play(
    make_agent: AgentMaker, tests: str, coding: Lines, text: str = ASK, hint: dict[str, Any] = HINT
) -> Result:
    result: Result = make_agent([plan(tests), hint], coding).ask(text)
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.supersteps <= result.bounds.supersteps
    assert result.bounds.used.sandbox_runs <= result.bounds.sandbox_runs
    return result


def aside(result: Result) -> list[str]:
    return [case.name for case in result.verification.set_aside]


def test_a_test_that_two_right_solutions_fail_does_not_fail_the_turn(
    make_agent: AgentMaker,
) -> None:
    result = play(make_agent, WRONG, [{"content": GOOD}, {"content": ALSO_GOOD}])
    assert (result.status, result.stop_reason) == (Status.DONE, StopReason.COMPLETED)
    assert result.verification.status == "verified"
    assert (aside(result), result.repairs) == (["double(3) == 7"], 1)
    assert "x + x" in result.files[0].content
    assert (
        "Generated tests that were set aside:\n\n- `double(3) == 7`: it failed in the same way"
        in result.answer
    )
    assert "acceptance 1/1 ✓" in result.answer


@pytest.mark.parametrize(
    "words",
    [
        "It is the code's fault.",
        "WRONG TEST: double(2) == 4",
        "",
        *(
            pytest.param(words, marks=pytest.mark.slow)
            for words in (
                "WHY: solution.py, line 2.\nCHANGE: Multiply.",
                "WRONG TEST: double(3) == 70",
                "WHY: I am sure that WRONG TEST: is not the case for double(3) == 7.",
                "WRONG TEST:",
            )
        ),
    ],
)
def test_wrong_in_the_same_way_is_wrong_unless_the_diagnosis_names_the_test(
    make_agent: AgentMaker, words: str
) -> None:
    # Both are wrong, both fail the one test that shows it with the same message, and pass the rest.
    tests = "assert double(2) == 4\nassert double(0) == 0\nassert double(3) == 7\n"
    hint = {"content": words, "repeat": True}
    result = play(make_agent, tests, [code("x * x"), code("x ** 2")], hint=hint)
    assert (result.status, result.verification.status) == (Status.NOT_VERIFIED, "failed")
    assert aside(result) == []


def test_the_reasoning_model_sees_each_failed_test_by_its_name(make_agent: AgentMaker) -> None:
    tests = "def test_small():\n    assert double(1) == 3\ndef test_large():\n    assert double(9) == 19\n"
    tests += "assert double(2) == 4\nassert double(0) == 0\n"
    hint = {"content": "WRONG TEST:\n- `test_small`\n- `test_large`\nVERDICT: PASS", "repeat": True}
    result = play(make_agent, tests, [{"content": GOOD}, {"content": ALSO_GOOD}], hint=hint)
    assert (result.status, aside(result)) == (Status.DONE, ["test_small", "test_large"])
    first = Evidence(status="failed", checks=[_failed("test_small", "test_large")])
    assert "\n- test_small: 1 is not 2\n- test_large: 1 is not 2" in show_failure(first)


def _failed(*names: str) -> Check:
    cases = [Case(name=name, passed=False, detail="1 is not 2") for name in names]
    return Check(name="acceptance", passed=False, detail="2 of 2 failed: 1 is not 2", cases=cases)


def test_layout_and_comments_do_not_make_a_different_solution(make_agent: AgentMaker) -> None:
    again = GOOD.replace("    return", '    """Double."""\n    # as asked\n    return')
    result = play(make_agent, WRONG, [{"content": GOOD}, {"content": again}])
    assert (result.status, aside(result)) == (Status.NOT_VERIFIED, [])


def test_tests_that_one_candidate_passed_are_obeyed(make_agent: AgentMaker) -> None:
    passing = code("{2: 4, 3: 7}.get(x, 0)")
    tests = WRONG + "assert double(5) == 10\n"
    result = play(make_agent, tests, [passing, {"content": GOOD}, {"content": ALSO_GOOD}])
    assert aside(result) == []
    assert result.status is Status.NOT_VERIFIED


def test_set_aside_tests_alone_verify_nothing(make_agent: AgentMaker) -> None:
    for tests in (
        "assert double(3) == 7\n",
        "assert double(3) == 7\nassert double(4) == 9\nassert double(0) == 0",
    ):
        result = play(make_agent, tests, [{"content": GOOD}, {"content": ALSO_GOOD}])
        assert (result.status, result.verification.status) == (Status.NOT_VERIFIED, "failed")


def test_examples_of_the_request_verify_what_wrong_tests_would_fail(make_agent: AgentMaker) -> None:
    text = f"{ASK}. double(2) == 4 and double(-1) -> -2"
    result = play(make_agent, "assert double(3) == 7\n", [{"content": GOOD}, {"content": ALSO_GOOD}], text)
    assert (result.status, aside(result)) == (Status.DONE, ["double(3) == 7"])
    assert "tests 2/2 (2 from the request) ✓" in result.answer
    # The user's tests are green, so nobody is asked to judge.
    assert [call.step for call in result.calls] == ["plan", "code", "diagnose", "code"]


def test_what_contradicts_an_example_costs_no_repair(make_agent: AgentMaker) -> None:
    result = play(make_agent, "assert double(2) == 5\n", [{"content": GOOD}], f"{ASK}; double(2) returns 4.")
    assert (result.status, result.repairs, aside(result)) == (Status.DONE, 0, ["double(2) == 5"])


def test_an_example_that_fails_is_a_failure_of_the_users_tests(make_agent: AgentMaker) -> None:
    result = play(
        make_agent, "assert double(3) == 6", [{"content": BAD}, {"content": GOOD}], f"{ASK}: double(2) == 4"
    )
    assert (result.status, result.repairs) == (Status.DONE, 1)
    result = play(
        make_agent, "assert double(3) == 6", [{"content": BAD, "repeat": True}], f"{ASK}: double(2) == 4"
    )
    assert result.verification.failure is not None
    assert result.verification.failure.name == "tests"


def test_a_constant_that_fits_the_example_is_not_verified(make_agent: AgentMaker) -> None:
    text, tests = f"{ASK}: double(2) == 4", "assert double(3) == 6\nassert double(4) == 8\n"
    result = play(make_agent, tests, [code("4"), code("4 + 0"), code("2 + 2")], text)
    assert (result.status, aside(result)) == (Status.NOT_VERIFIED, [])
    result = play(make_agent, tests, [code("4"), code("x * 2")], text)
    assert (result.verification.status, aside(result)) == ("verified", [])


def test_examples_are_not_carried_into_the_next_turn(make_agent: AgentMaker) -> None:
    agent = make_agent([plan("assert double(3) == 6"), HINT], [{"content": GOOD}, {"content": GOOD}])
    first = agent.ask(f"{ASK}: double(2) == 4")
    second = agent.ask("now rename nothing", thread_id=first.thread_id)
    assert "tests" in {check.name for check in first.verification.checks}
    assert "tests" not in {check.name for check in second.verification.checks}


def test_solutions_that_never_work_are_never_verified(make_agent: AgentMaker) -> None:
    coding = [code(f"x + {n}") for n in range(3, 9)]
    result = play(make_agent, "assert double(2) == 4\nassert double(3) == 6\nassert double(0) == 0", coding)
    assert (result.status, aside(result)) == (Status.NOT_VERIFIED, [])


UNTYPED = GOOD.replace("-> int", "-> str")


@pytest.mark.slow
def test_what_lacks_types_is_repaired_where_the_installation_asks_for_them(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [plan("assert double(3) == 6"), HINT],
        [{"content": UNTYPED}, {"content": GOOD}],
        verify_types=True,
        verify_timeout_s=60,
    )
    result = agent.ask(ASK)
    assert (result.verification.status, result.repairs) == ("verified", 1)


def test_the_installation_can_ask_for_types_and_a_caller_can_decline(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [plan("assert double(3) == 6"), HINT],
        [{"content": UNTYPED}],
        verify_types=True,
        verify_timeout_s=60,
        max_repairs=0,
    )
    evidence = agent.ask(ASK).verification
    assert evidence.failure is not None
    assert (evidence.status, evidence.failure.name) == ("failed", "types")
    graph = make_agent([plan("assert double(3) == 6"), HINT], [{"content": UNTYPED}], verify_types=True).graph
    values = graph.invoke(
        {"messages": [HumanMessage(ASK)]},
        {"configurable": {"thread_id": "t"}},
        context=Context(verify_types=False),
    )
    assert values["result"].verification.status == "verified"


NAMES = st.sampled_from(["a", "b", "c"])
FAILED = st.dictionaries(NAMES, st.sampled_from(["1", "2"]), max_size=3)


@given(
    history=st.lists(st.tuples(st.integers(0, 3), FAILED), max_size=6),
    now=st.integers(0, 3),
    blamed=st.sets(NAMES),
)
def test_only_what_every_other_candidate_failed_alike_is_doubted(
    history: list[tuple[int, dict[str, str]]], now: int, blamed: set[str]
) -> None:
    called_wrong = Diagnosis(wrong_tests="\n".join(blamed))
    state = Turn(misses={}, diagnosis=called_wrong)
    for body, failed in history:
        state["files"] = [SourceFile(path="solution.py", content=f"x = {body}")]
        cases = [Case(name=name, passed=False, detail=detail) for name, detail in failed.items()]
        check = Check(name="acceptance", passed=not failed, cases=cases)
        state["misses"] = with_misses(state, Evidence(status="failed", checks=[check]))
    state["files"] = [SourceFile(path="solution.py", content=f"x = {now}")]
    found = doubted(state)
    last = dict(history)
    others = [failed for body, failed in last.items() if body != now]
    assert all(found.items() <= failed.items() for failed in others)
    assert not found or found in others
    assert found.keys() <= blamed
    assert doubted(state | Turn(diagnosis=None)) == {}


def test_a_candidate_that_failed_something_else_says_nothing_about_the_tests() -> None:
    tests, generated = (Check(name=name, passed=False, cases=[]) for name in ("tests", "acceptance"))
    state = Turn(files=[SourceFile(path="a.py", content="x")], misses={})
    assert with_misses(state, Evidence(status="failed", checks=[tests, generated])) == {}
    assert with_misses(state, Evidence(status="failed", checks=[tests])) == {}
    assert len(with_misses(state, Evidence(status="failed", checks=[generated]))) == 1


def test_the_shape_of_files_is_what_they_do() -> None:
    def of(text: str, path: str = "a.py") -> str:
        return shape([SourceFile(path=path, content=text)])

    assert of("x = 1") == of("# a word\nx  =  1\n") == of('"""Words."""\nx = 1')
    assert len({of("x = 1"), of("x = 2"), of("x = 1", "b.py"), of("x = (", "a.py"), of("y", "a.txt")}) == 5
    assert of("x = (") != of("x = ((")
    assert of("def f(a):\n  b = a\n  return b") == of("def f(x):\n  y = x\n  return y")
    assert of("def f(a, b): return a - b") != of("def f(a, b): return b - a")
    assert of("def f(a): return a + c") != of("def f(a): return a + d")
    assert of("g = lambda a: a") == of("g = lambda b: b") != of("h = lambda b: b")
