import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime

from nodes import Classify, Context, StopReason, Turn, fresh_turn
from nodes.classify import MAX_REQUEST_CHARS
from sandbox import SourceFile


async def classify(text: str, context: Context | None = None, **before: object) -> Turn:
    state = Turn(messages=[HumanMessage(text)])
    state.update(before)  # type: ignore[typeddict-item]  # channels by name
    return await Classify()(state, Runtime(context=context or Context()), {})


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Write a Python function that validates email addresses", "code_generation"),
        ("implement quicksort", "code_generation"),
        ("Write a Python package that sells tea", "code_generation"),
        ("I need a class for a bank account", "code_generation"),
        ("Explain how a hash table works", "explanation"),
        ("Why does this function crash?", "explanation"),
        ("What is a monad?", "explanation"),
        ("Review this code: def f(): pass", "code_review"),
        ("Plan a migration to Postgres", "planning"),
        ("How many primes are there below 100?", "problem_solving"),
        ("hello", "general"),
        ("🙂", "general"),
    ],
)
async def test_the_task_is_read_from_the_text(text: str, task: str) -> None:
    request = (await classify(text))["request"]
    assert request is not None
    assert request.task == task
    routes = {"code_generation": "code", "code_review": "review"}
    assert request.route == routes.get(task, "answer")


async def test_what_the_caller_says_outranks_the_text() -> None:
    request = (await classify("Write a function", Context(task="explanation")))["request"]
    assert request is not None
    assert request.task == "explanation"


async def test_tests_mean_code() -> None:
    request = (await classify("double a number", Context(tests="assert double(2) == 4")))["request"]
    assert request is not None
    assert request.route == "code"


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("now add type hints", "code"),
        ("Can you add type hints to it?", "code"),
        ("Please rename it to twice", "code"),
        ("great, thanks, and now handle None", "code"),
        ("it should also accept floats", "code"),
        ("thanks", "answer"),
        ("Please explain how it works", "answer"),
        ("What is a monad?", "answer"),
    ],
)
async def test_a_follow_up_goes_on_with_the_files_that_were_there_before(text: str, route: str) -> None:
    files = [SourceFile(path="solution.py", content="x = 1\n")]
    request = (await classify(text, solution=files))["request"]
    assert request is not None
    assert (request.route, request.base) == (route, files if route == "code" else [])


@pytest.mark.parametrize(
    ("text", "context", "word"),
    [
        ("", Context(), "empty"),
        (" \n\t", Context(), "empty"),
        ("x" * (MAX_REQUEST_CHARS + 1), Context(), "200,000"),
        ("double", Context(tests="assert ("), "tests"),
    ],
)
async def test_a_request_that_cannot_be_taken_ends_with_a_sentence(
    text: str, context: Context, word: str
) -> None:
    turn = await classify(text, context)
    assert turn["stop_reason"] is StopReason.INVALID_REQUEST
    assert word in turn["answer"]
    assert "\n" not in turn["answer"]


async def test_a_conversation_that_ends_with_the_agent_holds_no_request() -> None:
    turn = await Classify()(
        Turn(messages=[HumanMessage("hi"), AIMessage("hello")]), Runtime(context=Context()), {}
    )
    assert turn["stop_reason"] is StopReason.INVALID_REQUEST


async def test_the_scratch_of_the_turn_before_is_gone() -> None:
    turn = await classify("hello", repairs=2, plan="old", stop_reason=StopReason.MODELS_FAILED)
    opened = {"request", "spending", "learned", "decided"}
    assert {name: value for name, value in turn.items() if name not in opened} == {
        name: value for name, value in fresh_turn().items() if name not in opened
    }


def test_every_channel_but_the_conversation_is_reset() -> None:
    assert set(fresh_turn()) == set(Turn.__annotations__) - {
        "messages",
        "remaining_steps",
        "solution",
        "learned",
        "decided",
        "allowed_tools",
    }


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Write a function f", False),
        ("Write a function f. It must pass mypy.", True),
        ("Write a function f that is mypy-clean", True),
        ("Write a function f; check it with mypy --strict", True),
        ("Write a function f that passes the type checker", True),
        ("Write a function that parses mypy output", False),
        ("Write a function that type checks its arguments", False),
    ],
)
async def test_types_are_asked_for_by_request_caller_or_installation(text: str, *, asked: bool) -> None:
    request = (await classify(text))["request"]
    assert request is not None
    assert request.types == asked
    for wanted in (True, False):
        request = (await classify(text, Context(verify_types=wanted)))["request"]
        assert request is not None
        assert request.types == wanted
    state = Turn(messages=[HumanMessage(text)])
    configured = await Classify(types=True)(state, Runtime(context=Context()), {})
    assert configured["request"] is not None
    assert configured["request"].types


async def test_examples_are_the_users_tests_where_code_is_asked_for() -> None:
    request = (await classify("Write a function f(x): f(2) == 4"))["request"]
    assert request is not None
    assert request.examples == "assert f(2) == 4\n"
    request = (await classify("Why does f(2) == 4 hold?"))["request"]
    assert request is not None
    assert request.examples == ""
