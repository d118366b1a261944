"""The classifier that ships, behind the rules of telling and asking: what is another request stays one."""

from dataclasses import replace

import pytest

from nodes.cascade import Cascade
from nodes.classify import look
from nodes.context import Context
from routing.classifier import Classifier
from tests.nodes.test_telling import OTHER_QUESTIONS, OTHER_REQUESTS


async def decided(text: str) -> str:
    what = replace(look(text, Context(), [])[2], uses_memory=True)
    decision, calls = await Cascade(Classifier.load()).decide(what)
    assert calls == []
    return decision.task


@pytest.mark.parametrize("text", OTHER_REQUESTS)
async def test_other_requests_are_not_kept(text: str) -> None:
    assert await decided(text) != "knowledge_store"


@pytest.mark.parametrize("text", OTHER_QUESTIONS)
async def test_other_questions_are_not_looked_up(text: str) -> None:
    assert await decided(text) != "knowledge_retrieve"


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Merk dir bitte, dass ich am 25. Juli Geburtstag habe", "knowledge_store"),
        ("Recuerda que mi perro se llama Rufo", "knowledge_store"),
        ("write a haiku about a segfault", "general"),
        ("plan a surprise party", "planning"),
        ("explain why this code crashes", "explanation"),
        ("Write a function that reverses a string", "code_generation"),
    ],
)
async def test_topic_does_not_swamp_intent(text: str, task: str) -> None:
    assert await decided(text) == task


async def test_a_question_about_what_happens_now_is_none_for_memory() -> None:
    task = await decided("Payments have been slow since noon. What is going on, and whom do we ask?")
    assert not task.startswith("knowledge")
