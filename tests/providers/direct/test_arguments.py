"""What cannot be meant is one sentence that names the argument, before any model is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

from duograph import (
    Agent,
    LocalModel,
    ModelConfigError,
    ModelManager,
    OnlineModel,
    Settings,
    SettingsError,
)
from providers import Timeouts
from providers.direct.arguments import to_messages, to_texts, to_tools

if TYPE_CHECKING:
    from tests.providers.conftest import FakeOpenAI

CHAIN = "openai:m@http://127.0.0.1:9/v1"


class Sum(BaseModel):
    """A form."""

    n: int


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ({"role": "user", "content": "x"}, "messages is one dict; give a text, or a list of messages"),
        (("user", "x"), "messages is one tuple"),
        (HumanMessage("x"), "messages is one HumanMessage"),
        (b"x", "messages is one bytes"),
        (None, "messages is 'None'; give"),
        (5, "messages is '5'; give"),
        ([5], r"messages\[0\] is '5', which is none"),
        ([{"role": "user"}], "which is none"),
        ("", "messages is empty; write what is wanted"),
        (" \n", "messages is empty"),
        ([], "messages is empty"),
        ([("user", "")], "messages is empty"),
    ],
)
def test_what_are_no_messages_is_never_sent(fake_openai: FakeOpenAI, messages: Any, words: str) -> None:  # noqa: ANN401
    settings = Settings(solo_model=f"openai:m@{fake_openai.url}")
    with ModelManager(settings) as manager, OnlineModel(f"openai:m@{fake_openai.url}") as model:
        for ask in (
            manager.generate_response,
            manager.generate_with_planning,
            model.generate,
            lambda given: manager.generate_as(given, Sum),
            lambda given: model.generate_as(given, Sum),
        ):
            with pytest.raises(ValueError, match=words):
                ask(messages)
    assert fake_openai.seen == []


MESSAGE = st.one_of(
    st.tuples(st.sampled_from(["user", "system"]), st.text(min_size=1)),
    st.builds(HumanMessage, st.text(min_size=1)),
)


@given(st.lists(MESSAGE, min_size=1).filter(lambda some: any(str(one).strip() for one in some)))
def test_messages_in_any_form_of_langchains_are_taken_as_they_are(messages: list[Any]) -> None:
    texts = [one[1] if isinstance(one, tuple) else one.content for one in messages]
    if any(text.strip() for text in texts):
        assert [message.content for message in to_messages(messages)] == texts
    else:
        with pytest.raises(ValueError, match="messages is empty"):
            to_messages(messages)


def test_a_message_without_words_may_hold_a_tool_call() -> None:
    call = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}])
    assert to_messages([call]) == [call]


@pytest.mark.parametrize(
    ("tools", "words"),
    [([5], r"tools\[0\] is '5', which is no tool"), ("f", "tools is"), (5, "tools is '5'"), ({}, "tools is")],
)
def test_what_is_no_tool_counts_against_no_model(fake_openai: FakeOpenAI, tools: Any, words: str) -> None:  # noqa: ANN401
    with ModelManager(Settings(solo_model=f"openai:m@{fake_openai.url}")) as manager:
        with pytest.raises(ValueError, match=words):
            manager.generate_response("x", tools=tools)
        assert manager.get_stats().models == {}
    assert to_tools([Sum]) == (Sum,)


@pytest.mark.parametrize(
    ("texts", "words"),
    [("abc", "texts is one str"), (b"a", "texts is one bytes"), (5, "one int"), ([5], r"texts\[0\] is '5'")],
)
def test_one_text_is_not_embedded_letter_by_letter(texts: Any, words: str) -> None:  # noqa: ANN401
    with ModelManager(Settings()) as manager, pytest.raises(ValueError, match=words):
        manager.embed(texts)
    assert to_texts(("a", "b")) == ["a", "b"]


@pytest.mark.parametrize("schema", [dict, None, "Sum", Sum(n=1)])
def test_a_form_is_a_pydantic_model(schema: Any) -> None:  # noqa: ANN401
    with ModelManager(Settings()) as manager, pytest.raises(ValueError, match="derives from pydantic"):
        manager.generate_as("x", schema)


@pytest.mark.parametrize("task", [5, ["general"], {"a": 1}])
def test_a_task_type_is_a_name(task: Any) -> None:  # noqa: ANN401
    with ModelManager(Settings()) as manager, pytest.raises(ValueError, match="There is no task type"):
        manager.generate_response("x", task)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": 0.5}, r"inside its parameters: RoleParameters\(temperature=…\)"),
        ({"parameters": {"temperature": 0.5}}, "parameters is a dict; give RoleParameters"),
        ({"retry": 5}, "has no option 'retry': did you mean retries"),
        ({"retries": 5}, r"retries is 5; give Retries\(…\)"),
        ({"timeouts": 5}, r"timeouts is 5; give Timeouts\(…\)"),
        ({"timeouts": Timeouts(total_s="x")}, "The model timeout x must be a positive number"),  # type: ignore[arg-type]
        ({"timeout_s": None, "api_keys": {"openai": "plain"}}, "The key for openai is a plain str; wrap it"),
    ],
)
@pytest.mark.parametrize("kind", [OnlineModel, LocalModel])
def test_a_wrong_option_is_a_sentence_before_anything_is_asked(
    kind: type[OnlineModel | LocalModel], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelConfigError, match=words) as failed:
        kind(CHAIN, **options)
    assert "plain'" not in str(failed.value)


@pytest.mark.parametrize("model", [None, 5, ["offline"]])
def test_a_model_is_named_by_a_string(model: Any) -> None:  # noqa: ANN401
    with pytest.raises(ModelConfigError, match="give a model string"):
        OnlineModel(model)


def test_a_local_model_stays_local() -> None:
    with pytest.raises(ModelConfigError, match="LocalModel is always local_only; leave prefer out"):
        LocalModel("offline", prefer="chain")
    LocalModel("offline", prefer="local_only").close()


def test_settings_are_settings(tmp_path: Path) -> None:
    for make in (Agent, ModelManager):
        for wrong in ("x", {"home": str(tmp_path)}):
            with pytest.raises(SettingsError, match=r"settings is a .*; give Settings"):
                make(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("updates", [None, 5, ["temperature"], {5: 1}])
def test_updates_are_a_table(updates: Any) -> None:  # noqa: ANN401
    with ModelManager(Settings()) as manager, pytest.raises(ModelConfigError, match="The updates of the cod"):
        manager.update_model_config("coding", updates)


def test_true_is_no_number() -> None:
    words = "The coding role's timeout_s is True, which is wrong: .*a number"
    with ModelManager(Settings()) as manager, pytest.raises(ModelConfigError, match=words):
        manager.update_model_config("coding", {"timeout_s": True})
    with pytest.raises(SettingsError, match="a number"):
        Settings(roles={"coding": {"max_tokens": True}})
