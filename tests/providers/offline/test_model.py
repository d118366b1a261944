"""The chat model: what it says at each step, and that every way of asking says the same."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from providers.offline import Cookbook, OfflineChatModel

EMAIL = "Write a Python function that validates email addresses"
UNKNOWN = "Write a Python function that validates German tax ids"
STEPS = ("plan", "code", "diagnose", "judge", "answer")


def config(step: str) -> RunnableConfig:
    return {"metadata": {"duograph_step": step}}


def ask(text: str | Sequence[BaseMessage], step: str = "answer") -> AIMessage:
    return OfflineChatModel().invoke(text if isinstance(text, str) else list(text), config(step))


def said(text: str | Sequence[BaseMessage], step: str = "answer") -> str:
    return str(ask(text, step).text)


def whole(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    return chunks[0] + list(chunks[1:])


def facts(message: AIMessage) -> tuple[object, ...]:
    return message.text, message.additional_kwargs, message.response_metadata, message.usage_metadata


def test_a_plan_names_its_source_and_ends_with_the_acceptance_tests() -> None:
    text = said(EMAIL, "plan")
    assert (
        text.splitlines()[0] == 'From the cookbook of the offline model, recipe "Validate an email address".'
    )
    assert "\n1. " in text
    assert text.count("```python acceptance\n") == 1
    assert text.count("```") == 2
    assert text.endswith("\n```")


def test_code_is_one_block_that_names_its_source() -> None:
    lines = said(EMAIL, "code").splitlines()
    assert lines[0] == "```python solution.py"
    assert (
        lines[1]
        == '# From Duograph\'s offline cookbook (the offline model), recipe "Validate an email address".'
    )
    assert lines[-1] == "```"
    compile("\n".join(lines[1:-1]), "solution.py", "exec")


def test_a_verdict_passes_and_says_who_judged() -> None:
    text = said(EMAIL, "judge")
    assert text.splitlines()[0] == "VERDICT: PASS"
    assert "did not judge by itself" in text


def test_an_answer_has_plan_and_code_and_says_that_nothing_ran() -> None:
    text = said(EMAIL)
    assert "offline model" in text
    assert "was not run" in text
    assert "\n1. " in text
    assert "```python solution.py\n" in text


def test_without_a_step_it_answers() -> None:
    model = OfflineChatModel()
    assert model.invoke(EMAIL).content == said(EMAIL, "answer")


def test_an_unknown_step_is_an_error_that_names_the_steps() -> None:
    with pytest.raises(
        ValueError, match="'duograph_step' must be one of plan, code, diagnose, judge, review, answer"
    ):
        ask(EMAIL, "ponder")


@pytest.mark.parametrize("step", STEPS)
def test_without_a_recipe_every_step_declines_and_says_how_to_connect_a_model(step: str) -> None:
    message = ask(UNKNOWN, step)
    assert message.additional_kwargs == {"refusal": message.content}
    assert str(message.text).startswith("The offline model ")
    assert "DUOGRAPH_REASONING_MODEL=openai:gpt-5.4 DUOGRAPH_CODING_MODEL=openai:gpt-5.4" in message.text
    assert "openai:MODEL@http://localhost:11434/v1" in message.text
    assert "```" not in message.text


def test_a_diagnosis_is_always_declined() -> None:
    message = ask(EMAIL, "diagnose")
    assert message.additional_kwargs["refusal"] == message.content


def test_a_recipe_that_failed_is_not_given_again() -> None:
    request = f"<request>\n{EMAIL}\n</request>"
    assert "refusal" not in ask([HumanMessage(request)], "code").additional_kwargs
    message = ask([HumanMessage(f"{request}\n\n<failure>\nassert 1 == 2\n</failure>")], "code")
    assert "cannot repair" in message.additional_kwargs["refusal"]
    assert "```" not in message.text


def test_the_request_stands_in_the_last_tags_of_the_last_human_message() -> None:
    messages = [
        SystemMessage("Rules about fibonacci."),
        HumanMessage("<request>write quicksort</request>"),
        AIMessage("..."),
        HumanMessage(f"Task.\n<request>reverse a string</request>\n<request>\n{EMAIL}\n</request>\nGo."),
        AIMessage("<request>bubble sort</request>"),
    ]
    assert ask(messages, "code").response_metadata["recipe"] == "validate_email"


@pytest.mark.parametrize("follow_up", ["now add type hints", "make it faster", "do it again", "why?"])
def test_a_follow_up_without_a_task_of_its_own_is_declined(follow_up: str) -> None:
    message = ask([HumanMessage(EMAIL), AIMessage(said(EMAIL)), HumanMessage(follow_up)], "answer")
    assert "refusal" in message.additional_kwargs


@pytest.mark.parametrize("greeting", ["hello", "Hi!", "Hey there", "good morning"])
def test_a_greeting_is_returned_with_what_it_can_do(greeting: str) -> None:
    text = said(greeting)
    assert text.startswith("Hello.")
    assert f"cookbook of {len(Cookbook().recipes)} common Python tasks" in text
    assert "DUOGRAPH_REASONING_MODEL=" in text


@pytest.mark.parametrize(
    "question", ["What can you do?", "help", "help me please", "list the recipes", "who are you?"]
)
def test_a_question_for_help_lists_every_recipe(question: str) -> None:
    text = said(question)
    assert "offline model" in text
    assert all(f"- {recipe.title}" in text for recipe in Cookbook().recipes)


def test_thanks_are_returned_and_only_at_the_answer_step() -> None:
    assert "offline model" in said("Thanks a lot!")
    assert "refusal" not in ask("Thanks a lot!").additional_kwargs
    assert "refusal" in ask("Thanks a lot!", "plan").additional_kwargs


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "é" * 3, "🙂" * 50, "validate " * 111_112, "x" * 1_000_000]
)
@pytest.mark.parametrize("step", STEPS)
def test_any_text_gets_an_honest_decline(text: str, step: str) -> None:
    assert "refusal" in ask([HumanMessage(text)], step).additional_kwargs


def test_no_human_message_is_declined() -> None:
    assert "refusal" in ask([SystemMessage(EMAIL)], "code").additional_kwargs


def test_content_blocks_are_read() -> None:
    blocks: list[str | dict[Any, Any]] = [{"type": "text", "text": EMAIL}]
    assert ask([HumanMessage(content=blocks)], "code").response_metadata["recipe"] == "validate_email"


@pytest.mark.parametrize("text", [EMAIL, UNKNOWN, "hello", "", "Schöne Grüße 🙂"])
@pytest.mark.parametrize("step", STEPS)
async def test_every_way_of_asking_gives_the_same_message(text: str, step: str) -> None:
    model, messages = OfflineChatModel(), [HumanMessage(text)]
    expected = facts(model.invoke(messages, config(step)))
    assert facts(await model.ainvoke(messages, config(step))) == expected
    assert facts(whole(list(model.stream(messages, config(step))))) == expected
    assert facts(whole([chunk async for chunk in model.astream(messages, config(step))])) == expected
    assert facts(model.batch([messages], config(step))[0]) == expected


def test_a_stream_comes_in_small_chunks() -> None:
    chunks = list(OfflineChatModel().stream(EMAIL, config("code")))
    assert len(chunks) > 10
    assert max(len(chunk.text) for chunk in chunks) <= 64
    assert chunks[-1].chunk_position == "last"


def test_a_refusal_stands_on_one_chunk_only() -> None:
    chunks = list(OfflineChatModel().stream(UNKNOWN, config("code")))
    assert sum("refusal" in chunk.additional_kwargs for chunk in chunks) == 1
    assert whole(chunks).additional_kwargs["refusal"] == whole(chunks).content


def test_the_message_says_where_it_came_from_and_that_usage_is_an_estimate() -> None:
    message = ask(EMAIL, "code")
    assert message.response_metadata["model_name"] == "offline"
    assert message.response_metadata["model_provider"] == "offline"
    assert message.response_metadata["recipe"] == "validate_email"
    assert message.response_metadata["usage_is_estimate"] is True
    assert message.usage_metadata is not None
    assert message.usage_metadata["input_tokens"] == -(-len(EMAIL) // 4)
    assert message.usage_metadata["output_tokens"] == -(-len(message.text) // 4)


async def test_a_stream_lets_other_tasks_run_between_its_chunks() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    seen = [turns async for _ in OfflineChatModel().astream(EMAIL, config("code"))]
    task.cancel()
    assert all(later > earlier for earlier, later in pairwise(seen))


async def test_many_requests_at_once_are_answered_alike() -> None:
    model = OfflineChatModel()
    replies = await asyncio.gather(*(model.ainvoke(EMAIL, config("plan")) for _ in range(20)))
    assert len({str(reply.text) for reply in replies}) == 1


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = "import sys, providers.offline; print('langchain_core' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
