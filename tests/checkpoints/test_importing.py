"""Sessions in files of unknown origin: a file either becomes a session that works, or one sentence."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.graph import MessagesState
from langgraph.types import Command

from checkpoints import (
    SessionFileError,
    Sessions,
    SessionSaver,
    ThreadIdError,
    export_session,
    import_session,
    moments,
    open_saver,
)
from tests.checkpoints.tampering import packed, tamper, unpacked
from tests.checkpoints.test_history import Counted, place


def exported(*, asks: bool) -> dict[str, Any]:
    with open_saver(":memory:") as saver:
        Counted(saver, asks=asks).ask("t", "one")
        found: dict[str, Any] = export_session(saver, "t").model_dump(mode="json")
        return found


WAITING, ENDED = exported(asks=True), exported(asks=False)
FIRST, SECOND = "branch:to:first", "branch:to:second"


def use(saver: SessionSaver, thread_id: str) -> None:
    """All that one does with a session that was imported."""
    Sessions(saver).show(thread_id).model_dump_json()
    assert len(Sessions(saver).list()) == 1
    assert len(moments(saver, thread_id)) <= 1
    again = export_session(saver, thread_id).model_dump_json()
    counted = Counted(saver)
    state = counted.graph.get_state(place(thread_id))
    if state.interrupts:
        answer = {one.id: "yes" for one in state.interrupts}
        counted.graph.invoke(Command(resume=answer), place(thread_id))
    elif state.next:
        counted.graph.invoke(None, place(thread_id))
    counted.ask(thread_id, "more")
    assert counted.texts(thread_id)[-3] == "more"
    import_session(saver, again, into="once-more", state=MessagesState)


@settings(max_examples=100)
@given(st.data())
def test_any_tampered_file_is_a_session_that_works_or_is_refused_in_one_sentence(data: st.DataObject) -> None:
    plain = data.draw(st.sampled_from([WAITING, ENDED]))
    parts = unpacked(plain)
    tamper(parts, data.draw)
    try:
        text = packed(plain, parts)
    except Exception:  # noqa: BLE001  # what no file can hold
        return
    with open_saver(":memory:") as saver:
        if refused := refusal(saver, text):
            assert "\n" not in refused
            assert refused.endswith(".")
            assert Sessions(saver).list() == []
        else:
            use(saver, Sessions(saver).list()[0].thread_id)


def refusal(saver: SessionSaver, text: str) -> str:
    try:
        import_session(saver, text, state=MessagesState)
    except (SessionFileError, ThreadIdError) as error:
        return str(error)
    return ""


def changed(change: Callable[[dict[str, Any]], object], plain: dict[str, Any] = ENDED) -> str:
    parts = unpacked(plain)
    change(parts)
    return packed(plain, parts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found["checkpoint"].update(id="x"), r"field checkpoint\.id .*badly formed"),
        (
            lambda found: found["checkpoint"].update(id=found["checkpoint"]["id"].upper()),
            r"an id is a UUID in small",
        ),
        (lambda found: found["checkpoint"].update(ts="soon"), r"field checkpoint\.ts"),
        (lambda found: found["checkpoint"].update(ts="0001-01-01T00:00:00+23:59"), "no such moment"),
        (lambda found: found["checkpoint"].update(v="4"), r"field checkpoint\.v .*valid integer"),
        (
            lambda found: found["checkpoint"].pop("versions_seen"),
            r"field checkpoint\.versions_seen .*required",
        ),
        (
            lambda found: found["checkpoint"]["versions_seen"].update(first=[1]),
            r"field checkpoint\.versions_seen\.first .*valid dict",
        ),
        (
            lambda found: found["checkpoint"]["channel_versions"].update(messages=3),
            r"field checkpoint\.channel_versions\.messages",
        ),
        (
            lambda found: found["checkpoint"]["channel_versions"].update(messages="9"),
            r"a version is a number of 32 digits",
        ),
        (
            lambda found: found["checkpoint"]["channel_values"].update(messages="hello"),
            r"field checkpoint\.channel_values\.messages .*valid list",
        ),
        (lambda found: found["checkpoint"]["channel_values"].update({"a\0": 1}), "none of them NUL"),
        (lambda found: found["metadata"].update(step="1"), r"field metadata\.step"),
        (lambda found: found["metadata"].update(source="elsewhere"), r"field metadata\.source"),
        (lambda found: found["metadata"].update(parents=[]), r"field metadata\.parents"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with open_saver(":memory:") as saver:
        with pytest.raises(SessionFileError, match=message):
            import_session(saver, changed(change), state=MessagesState)
        assert Sessions(saver).list() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_id": "a b"}, r"field writes\.0\.task_id"),
        ({"channel": ""}, r"field writes\.0\.channel"),
        ({"channel": "__interrupt__", "value": 5}, r"field writes\.0\.value .*only interrupts"),
        ({"channel": "__pregel_tasks", "value": 5}, r"field writes\.0\.value .*only tasks"),
        ({"channel": "messages", "value": 5}, r"field writes\.0\.value"),
    ],
)
def test_what_a_task_cannot_have_written_is_named(change: dict[str, Any], message: str) -> None:
    text = changed(lambda found: found["writes"][0].update(change), WAITING)
    with open_saver(":memory:") as saver, pytest.raises(SessionFileError, match=message):
        import_session(saver, text, state=MessagesState)


def test_what_the_file_says_of_runs_and_users_elsewhere_is_left_out() -> None:
    text = changed(
        lambda found: found["metadata"].update(run_id="r", langgraph_auth_user_id="anna", more={"a": 1})
    )
    with open_saver(":memory:") as saver:
        import_session(saver, text)
        stored = saver.get_tuple(place("t"))
        assert stored is not None
        assert set(stored.metadata) == {"source", "step", "parents"}


def test_a_graph_of_ones_own_takes_what_it_likes() -> None:
    text = changed(lambda found: found["checkpoint"]["channel_values"].update(messages="hello"))
    with open_saver(":memory:") as saver:
        import_session(saver, text)
        stored = saver.get_tuple(place("t"))
        assert stored is not None
        assert stored.checkpoint["channel_values"]["messages"] == "hello"
    assert json.loads(text)["thread_id"] == "t"
