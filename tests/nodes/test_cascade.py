"""The cascade that decides what a request is: who is asked, who is not, and what a failure comes to."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.records import Record
from memory.sql import open_memory
from nodes.cascade import Cascade
from nodes.classify import look
from nodes.context import Context, Task
from nodes.decisions import Asked, Decision, before, key_of, noted
from nodes.routing_question import read_decision
from providers import RoleModels
from providers.protocol import Allowance
from routing.classifier import Decision as Guess
from sandbox import SourceFile
from tests.support import Fixed

Maker = Callable[..., RoleModels]


UNSURE = Fixed()


@pytest.fixture
def models(tmp_path: Path) -> Maker:
    """Make models whose routing questions are answered by the given lines."""

    def make(*lines: dict[str, Any]) -> RoleModels:
        path = tmp_path / "route.jsonl"
        path.write_text("".join(json.dumps({"step": "route"} | line) + "\n" for line in lines))
        return RoleModels({"reasoning": f"scripted:{path}"})

    return make


def asked(text: str, context: Context | None = None, files: list[SourceFile] | None = None) -> Asked:
    """What a decision looks at, with memory in use."""
    return replace(look(text, context or Context(), files or [])[2], uses_memory=True)


async def decide(cascade: Cascade, what: Asked) -> Decision:
    decision, calls = await cascade.decide(what)
    assert len(calls) <= 1
    assert decision.ms >= 0
    return decision


FILES = [SourceFile(path="solution.py", content="x = 1\n")]
TESTS = Context(tests="assert double(2) == 4")
CODE = Context(code=FILES)


@pytest.mark.parametrize(
    ("what", "task", "tier"),
    [
        (asked("Write a function", Context(task="planning")), "planning", "caller"),
        (asked("Remember that my birthday is July 25"), "knowledge_store", "signal"),
        (asked("When is my birthday?"), "knowledge_retrieve", "signal"),
        (asked("double a number", TESTS), "code_generation", "signal"),
        (asked("any bugs in it?", CODE), "code_review", "signal"),
        (asked("make it faster", None, FILES), "code_generation", "signal"),
        (asked("hm", None, FILES), "general", "default"),
    ],
)
async def test_what_is_certain_needs_no_guess(what: Asked, task: str, tier: str) -> None:
    decision = await decide(Cascade(UNSURE), what)
    assert (decision.task, decision.tier) == (task, tier)


async def test_where_the_run_may_not_look_into_memory_nothing_is_retrieved() -> None:
    what = replace(asked("When is my birthday?"), uses_memory=False)
    assert (await decide(Cascade(UNSURE), what)).task == "general"
    sure = Fixed("knowledge_retrieve", confidence=0.99, tier="local")
    assert (await decide(Cascade(sure), what)).task == "general"


async def test_a_sure_classifier_is_believed_and_nobody_asked(models: Maker) -> None:
    sure = Fixed("explanation", "mathematics", 0.97, tier="local")
    cascade = Cascade(sure, models=models({"content": '{"task": "planning"}'}))
    decision = await decide(cascade, asked("primes"))
    assert (decision.task, decision.subject, decision.tier) == ("explanation", "mathematics", "classifier")
    assert decision.confidence == 0.97


@pytest.mark.parametrize(
    ("said", "task", "subject"),
    [
        ('{"task": "planning", "subject": "general"}', "planning", "general"),
        ('```json\n{"task": "explanation", "subject": "mathematics"}\n```', "explanation", "mathematics"),
        ('Sure! {"task": "code_review"} is what it is.', "code_review", "general"),
        ("problem_solving", "problem_solving", "general"),
        ('{"task": "explanation", "subject": "cooking"}', "explanation", "general"),
        ('{"task": "planning", "subject": "mathematics"}', "planning", "general"),
    ],
)
async def test_an_abstaining_classifier_leaves_it_to_one_model_call(
    models: Maker, said: str, task: str, subject: str
) -> None:
    decision, calls = await Cascade(UNSURE, models=models({"content": said})).decide(asked("that thing"))
    assert (decision.task, decision.subject, decision.tier) == (task, subject, "model")
    assert decision.confidence is None
    assert [(call.role, call.step) for call in calls] == [("reasoning", "route")]


@pytest.mark.parametrize(
    "line",
    [
        {"content": "I would rather not say."},
        {"content": '{"task": "knowledge_store"}'},
        {"content": '{"task": "delete everything"}'},
        {"content": '{"task": ["planning"]}'},
        {"content": "{" * 5000},
        {"content": "[]"},
        {"content": "planning " * 120_000},
        {"tool_calls": [{"name": "planning", "args": {"task": "planning"}}]},
        {"content": ""},
        *(
            {"error": error}
            for error in ("rate_limit", "auth", "timeout", "empty", "malformed", "cut_stream")
        ),
    ],
)
async def test_a_model_that_does_not_say_leaves_the_safe_default(models: Maker, line: dict[str, Any]) -> None:
    decision, calls = await Cascade(UNSURE, models=models(line)).decide(asked("that thing"))
    assert (decision.task, decision.tier) == ("general", "default")
    assert decision.note
    assert len(calls) == 1


async def test_a_model_that_hangs_is_not_waited_for(models: Maker) -> None:
    cascade = Cascade(UNSURE, models=models({"content": "planning", "delay_s": 600}))
    what = replace(asked("that thing"), allowance=Allowance(seconds=0.05))
    decision, calls = await cascade.decide(what)
    assert (decision.tier, decision.note) == ("default", "The model did not say in time what the request is.")
    assert len(calls) == 1


@pytest.mark.parametrize("left", [Allowance(attempts=1), Allowance(attempts=0), Allowance(seconds=0)])
async def test_the_last_call_of_a_turn_is_for_its_answer(models: Maker, left: Allowance) -> None:
    cascade = Cascade(UNSURE, models=models({"content": "planning"}))
    decision, calls = await cascade.decide(replace(asked("that thing"), allowance=left))
    assert (decision.tier, calls) == ("default", [])


async def test_the_offline_model_and_a_script_without_such_lines_are_not_asked(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"content": "planning"}\n')
    for chain in ("offline", f"scripted:{path}"):
        decision, calls = await Cascade(UNSURE, models=RoleModels({"reasoning": chain})).decide(asked("hm"))
        assert (decision.tier, calls) == ("default", [])


async def test_a_guess_never_touches_memory() -> None:
    for label in ("knowledge_store", "knowledge_retrieve"):
        decision = await decide(Cascade(Fixed(label)), asked("that thing"))
        assert (decision.task, decision.tier) == ("general", "default")
    sure = Fixed("knowledge_store", confidence=0.99, tier="local")
    assert (await decide(Cascade(sure), asked("Merk dir: ich heiße Ana"))).task == "knowledge_store"
    assert (await decide(Cascade(sure), asked("that", CODE))).task == "general"


async def test_a_default_is_the_best_guess_where_that_is_safe() -> None:
    guess = Fixed("code_generation", confidence=0.45)
    decision = await decide(Cascade(guess), asked("something with primes"))
    assert (decision.task, decision.tier, decision.confidence) == ("code_generation", "default", 0.45)


async def test_a_stored_fact_that_answers_a_question_about_me_is_a_signal(tmp_path: Path) -> None:
    memory = open_memory(tmp_path / "m.sqlite")
    await memory.store("ana", [Record(kind="fact", text="I deploy the shop on Fridays")])
    cascade = Cascade(UNSURE, memory=memory)
    try:
        question = replace(asked("Which day do I deploy the shop?"), user="ana")
        assert (await decide(cascade, question)).task == "knowledge_retrieve"
        for other in (
            replace(question, user="ben"),
            replace(question, uses_memory=False),
            replace(question, text="Which day is best to deploy a shop?"),
            replace(question, text="I deploy the shop now"),
        ):
            assert (await decide(cascade, other)).task == "general"
    finally:
        await memory.aclose()
    assert (await decide(cascade, question)).tier == "default"  # a memory that is away is no reason to fail


async def test_a_guess_that_memory_is_asked_counts_only_where_memory_holds_something(tmp_path: Path) -> None:
    memory = open_memory(tmp_path / "m.sqlite")
    await memory.store("", [Record(kind="fact", text="the search team has two open tickets")])
    cascade = Cascade(Fixed("knowledge_retrieve", confidence=0.7, tier="local"), memory=memory)
    try:
        held = await decide(cascade, asked("Which tickets of the search team are open?"))
        assert (held.task, held.note) == ("knowledge_retrieve", "")
        other = await decide(cascade, asked("Which invoices from Lyon are unpaid?"))
        assert (other.task, other.tier) == ("general", "classifier")
        assert other.note.startswith("Memory holds nothing about this")
    finally:
        await memory.aclose()
    away = await decide(cascade, asked("Which invoices from Lyon are unpaid?"))
    assert away.task == "knowledge_retrieve"  # it is said there that memory is away


async def test_a_stored_fact_hijacks_no_question_that_wants_more_than_it(tmp_path: Path) -> None:
    memory = open_memory(tmp_path / "m.sqlite")
    facts = ("my plan is to run a marathon", "my birthday is July 25", "Ana is vegan")
    await memory.store("", [Record(kind="fact", text=text) for text in facts])
    cascade = Cascade(Fixed(tier="local"), memory=memory)
    try:
        for text in (
            "what is my plan for the parser?",
            "is my plan good?",
            "what should I do for my birthday?",
            "what do you know about volcanoes?",
        ):
            assert (await decide(cascade, asked(text))).task == "general"
        assert (await decide(cascade, asked("what do you know about Ana?"))).task == "knowledge_retrieve"
    finally:
        await memory.aclose()


async def test_the_classifier_is_told_of_a_diff() -> None:
    seen: list[tuple[bool, bool]] = []

    class Noting(Fixed):
        def decide(self, text: str, *, has_code: bool = False, has_diff: bool = False) -> Guess:
            seen.append((has_code, has_diff))
            return super().decide(text)

    diff = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    attached = Context(code=[SourceFile(path="a.diff", content=diff)])
    for what in (asked(f"hm\n\n{diff}"), asked("hm", attached), asked("hm", CODE), asked("hm")):
        await decide(Cascade(Noting()), what)
    assert seen == [(True, True), (True, True), (True, False), (False, False)]


def test_one_answer_is_one_label() -> None:
    """What an answer quotes from a request must not be taken for its own word."""
    for said in (
        '{"task": "planning"} {"task": "general"}',
        'It says {"task": "code_generation"}, but it is {"task": "general"}.',
        '{"task": "planning", "task": "general"}',
        "planning, general",
        "{" * 100_000,
    ):
        assert read_decision(said) is None
    for said in ('{"task": " PLANNING"}', 'In {x}: {"task": "planning"}', '{"task": "planning"}' * 2):
        model = read_decision(said)
        assert model is not None
        assert model.task == "planning"


TEXT = st.text(max_size=80)


@given(
    TEXT,
    TEXT,
    st.builds(Fixed, st.sampled_from(get_args(Task)), tier=st.sampled_from(("local", "abstained"))),
)
async def test_any_text_and_any_reply_end_in_a_decision(text: str, said: str, guess: Fixed) -> None:
    decision = await decide(Cascade(guess), asked(text))
    assert decision.task in get_args(Task)
    model = read_decision(said)
    assert model is None or not model.task.startswith("knowledge")


@given(
    TEXT, st.builds(Decision, task=st.sampled_from(get_args(Task)), confidence=st.none() | st.floats(0, 1))
)
def test_what_a_session_noted_is_read_again(text: str, decision: Decision) -> None:
    key = key_of(text)
    again = before([noted("0" * 16, Decision()), noted(key, decision), "torn"], key)
    assert again is not None
    assert (again.task, again.subject, again.tier) == (decision.task, decision.subject, "session")
    if decision.confidence is not None:
        assert again.confidence == pytest.approx(decision.confidence, abs=1e-4)
    assert before(["", key, f"{key} dance general 0.5", f"{key} planning general 7"], key) is None


async def test_the_same_text_is_the_same_request_however_it_is_spaced() -> None:
    line = noted(asked("plan  it\n").key, Decision(task="planning", confidence=0.5))
    what = replace(asked(" plan it"), decided=[line])
    decision = await decide(Cascade(Fixed("general", tier="local")), what)
    assert (decision.task, decision.tier) == ("planning", "session")
    composed, parted = replace(what, text="plan caf\u00e9"), replace(what, text="plan cafe\u0301")
    assert composed.key == parted.key != what.key
    with_code = replace(asked("plan it", CODE), decided=[line])
    assert (await decide(Cascade(UNSURE), with_code)).tier != "session"
