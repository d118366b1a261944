import pytest
from langchain_core.tools import StructuredTool, tool

from toolkit import ToolConfigError
from toolkit.langchain_tools import tool_of_langchain
from toolkit.running import run


@tool
def shout(text: str, times: int = 1) -> str:
    """Say it louder."""
    return text.upper() * times


async def test_a_tool_of_langchain_is_called_like_any_other() -> None:
    made = tool_of_langchain(shout, effect="read")
    assert (made.name, made.info.description, made.info.effect) == ("shout", "Say it louder.", "read")
    assert made.as_schema()["function"]["parameters"]["required"] == ["text"]
    assert (await run(made, {"text": "ho", "times": 2})).text == "HOHO"
    wrong = await run(made, {"times": 2})
    assert wrong.is_error
    assert "text: Field required" in wrong.text


async def test_what_it_raises_is_told_by_its_class_alone() -> None:
    def fail(text: str) -> str:
        """Fail."""
        raise ValueError(f"the secret is {text}")

    outcome = await run(tool_of_langchain(StructuredTool.from_function(fail)), {"text": "x"})
    assert outcome.text == "The tool fail failed (ValueError)."


def test_without_a_word_about_it_a_tool_can_write() -> None:
    assert tool_of_langchain(shout).info.effect == "write"
    declared = shout.model_copy(update={"metadata": {"effect": "network"}})
    assert tool_of_langchain(declared).info.effect == "network"
    with pytest.raises(ToolConfigError, match="effect 'reed' of the tool 'shout' is unknown"):
        tool_of_langchain(shout.model_copy(update={"metadata": {"effect": "reed"}}))


def test_arguments_that_are_no_model_are_refused() -> None:
    given = shout.model_copy(update={"args_schema": {"type": "object", "properties": {}}})
    with pytest.raises(ToolConfigError, match="no model of pydantic 2"):
        tool_of_langchain(given)
