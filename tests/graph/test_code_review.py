"""Reviews of the user's own code: run first, then read; what can be shown is shown."""

from typing import Any

import pytest

from graph.agent import RequestError
from graph.settings import Settings
from nodes import Finding, Result, Status, StopReason
from sandbox import SourceFile
from tests.support import GOOD, PLAN, AgentMaker

MEAN = 'def mean(v):\n    """The mean; 0 of nothing."""\n    return sum(v) / len(v)\n'
FILES = [SourceFile(path="mean.py", content=MEAN)]
FOUND = (
    "It computes means.\n\n"
    "FINDING mean.py:3 error: nothing divides by zero.\n```python\nassert mean([]) == 0\n```\n"
    "FINDING mean.py:1 warning: halves are lost.\n```python\nassert mean([1, 2]) == 1.5\n```\n"
    "FINDING mean.py:1 note: name the type.\n"
)
DIFF = '--- a/mean.py\n+++ b/mean.py\n@@ -1,3 +1,3 @@\n def mean(v):\n     """The mean; 0 of nothing."""\n'
DIFF += "-    return sum(v) / len(v)\n+    return sum(v) / (len(v) or 1)\n"


def review(make_agent: AgentMaker, words: str, text: str = "review this", **options: Any) -> Result:  # noqa: ANN401
    return make_agent([{"content": words}], [{}]).ask(text, **({"code": FILES} | options))


def test_findings_are_typed_placed_and_shown_where_running_can_show_them(make_agent: AgentMaker) -> None:
    result = review(make_agent, FOUND)
    assert (result.status, result.stop_reason, result.route) == (Status.DONE, StopReason.COMPLETED, "review")
    assert [call.step for call in result.calls] == ["review"]
    assert [(f.line, f.severity, f.shown_by) for f in result.findings] == [
        (3, "error", "test"),
        (1, "warning", None),
        (1, "note", None),
    ]
    shown, refuted, opinion = result.findings
    assert shown.detail.startswith("ZeroDivisionError")
    assert refuted.detail == "its test passes on this code"
    assert opinion.detail == ""
    assert "Shown by running this test" in result.answer
    assert result.answer.count("Not shown") == 2
    assert "Verified" not in result.answer
    assert result.files == []
    assert result.verification.status == "verified"


def test_without_a_test_to_run_the_sandbox_runs_once(make_agent: AgentMaker) -> None:
    result = review(make_agent, "FINDING mean.py:3 error: nothing divides by zero.")
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.sandbox_runs == 1
    assert result.findings[0].shown_by is None


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("assert (", "not valid Python"),
        ("assert nonexistent(1) == 1", "wrong itself: NameError"),
        ("mean([1])", "came to no assertion"),
        pytest.param("def test_x():\n    mean([1])", "came to no assertion", marks=pytest.mark.slow),
        pytest.param("assert mean(1, 2, 3) == 0", "wrong itself: TypeError", marks=pytest.mark.slow),
        pytest.param(
            "import gone_entirely\nassert mean([]) == 0",
            "wrong itself: ModuleNotFoundError",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_test_that_is_wrong_itself_shows_nothing(make_agent: AgentMaker, test: str, why: str) -> None:
    (found,) = review(make_agent, f"FINDING mean.py:3 error: m\n```python\n{test}  # assert\n```").findings
    assert found.shown_by is None
    assert why in found.detail


@pytest.mark.parametrize(
    "test",
    [
        "assert mean([2]) == 3",
        "def test_it():\n    assert mean([2]) == 3",
        "import pytest\nwith pytest.raises(KeyError):\n    mean([2])",
        pytest.param("from mean import mean as m\nassert m([]) == 0", marks=pytest.mark.slow),
        pytest.param(
            "while True:\n    assert mean([2]) == 2", marks=pytest.mark.slow
        ),  # until its time is over
    ],
)
def test_a_test_that_fails_shows_its_finding(make_agent: AgentMaker, test: str) -> None:
    agent = make_agent(
        [{"content": f"FINDING mean.py:3 error: m\n```python\n{test}  # assert\n```"}],
        [{}],
        verify_timeout_s=3,
    )
    (found,) = agent.ask("review this", code=FILES).findings
    assert found.shown_by == "test"
    assert found.detail


def test_one_test_that_kills_the_run_takes_no_verdict_from_the_others(make_agent: AgentMaker) -> None:
    words = (
        FOUND + "FINDING mean.py:3 error: dies\n```python\nimport os\nos._exit(0)\nassert False\n```\n"
        "FINDING mean.py:2 warning: after\n```python\nassert mean([]) == 1\n```\n"
    )
    by_message = {found.message: found for found in review(make_agent, words).findings}
    assert by_message["nothing divides by zero."].shown_by == "test"
    # It needs the code in its own process; the others are judged from outside, before it.
    assert by_message["after"].shown_by == "test"
    assert "before it had finished" in by_message["dies"].detail


def test_the_users_tests_are_run_and_speak_before_the_model(make_agent: AgentMaker) -> None:
    result = review(make_agent, "NO FINDINGS", tests="assert mean([]) == 0\nassert mean([2]) == 2")
    assert (result.status, result.verification.status) == (Status.DONE, "failed")
    (found,) = result.findings
    assert (found.file, found.line, found.severity, found.shown_by) == ("mean.py", 3, "error", "tests")
    assert "mean([]) == 0" in found.message


@pytest.mark.parametrize(
    ("source", "shown_by", "line"),
    [
        ("def f(:\n    pass\n", "parse", 1),
        ("x = 1\ny = z\n", "import", 2),
        ("def f():\n    return y\n", "lint", 2),
    ],
)
def test_the_offline_model_gives_what_the_checks_show_and_says_so(
    source: str,
    shown_by: str,
    line: int,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    from graph.agent import Agent  # noqa: PLC0415

    with Agent(Settings(home=tmp_path)) as agent:
        result = agent.ask("review this", code=[SourceFile(path="a.py", content=source)])
    assert (result.status, result.stop_reason) == (Status.DONE, StopReason.COMPLETED)
    assert "No model has read this code" in result.answer
    assert (shown_by, line) in [(f.shown_by, f.line) for f in result.findings]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ({"error": "auth"}, Status.FAILED),
        ({"tool_calls": [{"name": "f", "args": {}, "id": "1"}]}, Status.DONE),
    ],
)
def test_a_model_that_fails_leaves_the_findings_of_the_checks(
    make_agent: AgentMaker, line: dict[str, Any], status: Status
) -> None:
    agent = make_agent([line], [{}])
    result = agent.ask("review this", code=[SourceFile(path="a.py", content="def f():\n    return y\n")])
    assert result.status is status
    assert [f.shown_by for f in result.findings] == ["lint"]
    assert "Undefined name" in result.answer


def test_prose_is_kept_where_no_finding_can_be_read(make_agent: AgentMaker) -> None:
    result = review(make_agent, "I think line 3 can divide by zero.")
    assert result.findings == []
    assert "I think line 3 can divide by zero." in result.answer


@pytest.mark.parametrize(
    "text",
    [
        f"Review this code:\n```python\n{MEAN}```",
        pytest.param(f"review this\n{MEAN}", marks=pytest.mark.slow),
        pytest.param(f"```\n{MEAN}```\nany bugs?", marks=pytest.mark.slow),
    ],
)
def test_code_may_be_pasted(make_agent: AgentMaker, text: str) -> None:
    result = review(make_agent, "FINDING solution.py:3 error: m", text, code=())
    assert (result.route, result.findings[0].line) == ("review", 3)
    assert result.verification.status == "verified"


def test_a_diff_is_reviewed_as_the_file_will_be(make_agent: AgentMaker) -> None:
    words = "FINDING mean.py:3 note: fine now.\n```python\nassert mean([]) == 1\n```"
    result = review(make_agent, words, f"review this\n{DIFF}")
    assert result.verification.status == "verified"
    assert result.findings[0].shown_by == "test"


def test_a_diff_alone_is_read_and_not_run(make_agent: AgentMaker) -> None:
    words = (
        "FINDING mean.py:3 error: m\n```python\nassert mean([]) == 0\n```\nFINDING mean.py:30 note: far off."
    )
    result = review(make_agent, words, f"review this\n{DIFF}", code=())
    assert result.verification.status == "not_executed"
    assert "give the files before the change" in result.answer
    assert [f.line for f in result.findings] == [3, None]
    assert result.findings[0].shown_by is None


def test_what_was_reviewed_can_be_mended_in_the_next_turn(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": FOUND}, {"content": PLAN}, {"content": "VERDICT: PASS"}], [{"content": GOOD}]
    )
    first = agent.ask("review this", code=FILES)
    second = agent.ask("fix the first one", thread_id=first.thread_id)
    assert second.route == "code"
    state = agent.graph.get_state({"configurable": {"thread_id": first.thread_id}})
    assert state.values["request"].base == FILES


def test_the_solution_of_the_turn_before_can_be_reviewed(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [{"content": PLAN}, {"content": "VERDICT: PASS"}, {"content": "FINDING solution.py:2 note: m"}],
        [{"content": GOOD}],
    )
    first = agent.ask("Write a Python function double(x) that doubles a number")
    second = agent.ask("now review it", thread_id=first.thread_id)
    assert (second.route, second.findings[0].line) == ("review", 2)


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("add type hints", "code"),
        ("explain this", "answer"),
        ("what do you think?", "review"),
        ("any bugs?", "review"),
    ],
)
def test_given_files_are_for_whatever_the_text_asks(make_agent: AgentMaker, text: str, route: str) -> None:
    agent = make_agent([{"content": PLAN, "repeat": True}], [{"content": GOOD, "repeat": True}])
    assert agent.ask(text, code=FILES).route == route


@pytest.mark.parametrize("code", [[{"path": "a.py"}], ["x"], 3, [SourceFile(path="/etc/passwd", content="")]])
def test_code_that_cannot_be_taken_is_one_sentence(make_agent: AgentMaker, code: Any) -> None:  # noqa: ANN401
    with pytest.raises(RequestError) as error:
        make_agent([{}], [{}]).ask("review this", code=code)
    assert "\n" not in str(error.value)


def test_a_review_survives_the_session_store(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": FOUND}], [{}])
    result = agent.ask("review this", code=FILES)
    kept = agent.graph.get_state({"configurable": {"thread_id": result.thread_id}}).values["result"]
    assert kept.findings == result.findings
    assert all(isinstance(found, Finding) for found in kept.findings)
    assert Result.model_validate_json(result.model_dump_json()) == result
