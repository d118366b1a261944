"""A session in a file: to keep it, to read it, to take it to another database."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from pydantic import BaseModel, ConfigDict, ValidationError

from checkpoints.history import checkpoint_of, free_id, put_first
from checkpoints.protocol import SessionFileError
from checkpoints.scrutiny import check_writes, sound_checkpoint, sound_metadata, wrong
from checkpoints.sessions import SessionMessage, Sessions
from checkpoints.unanswered import Distrust, distrusted, unanswered, unconsented

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from checkpoints.saver import SessionSaver


class Packed(BaseModel):
    """A value as LangGraph's serialiser writes it, in base64.

    Attributes:
        type: The serialiser's name of the form; those that can run code on reading are not taken.
        data: The bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["msgpack", "null", "bytes"]
    data: str


class PackedWrite(BaseModel):
    """What a task had written when the step was not yet finished."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str
    channel: str
    value: Packed


class SessionFile(BaseModel):
    """A session in a file: for people above, for machines below.

    Only `checkpoint`, `metadata` and `writes` are read back; a change of the rest changes nothing.

    Attributes:
        format: Always `duograph-session`.
        version: Of this form.
        thread_id: The session's id.
        title: Its title.
        exported_at: When the file was made, UTC.
        messages: The conversation, oldest first.
        checkpoint: The newest state, with everything that the session remembers.
        metadata: What LangGraph noted about it.
        writes: What had been done of the next step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["duograph-session"] = "duograph-session"
    version: Literal[1] = 1
    thread_id: str
    title: str = ""
    exported_at: datetime
    messages: list[SessionMessage] = []
    checkpoint: Packed
    metadata: Packed
    writes: list[PackedWrite] = []


def export_session(saver: SessionSaver, thread_id: str) -> SessionFile:
    """The whole of a session's newest state, to keep or to take to another database.

    Raises:
        UnknownThreadError: When there is no such session.
        DatabaseError: When the database cannot be read.
    """
    found, serde = checkpoint_of(saver, thread_id), _plain(saver)
    shown = Sessions(saver).show(thread_id)
    return SessionFile(
        thread_id=thread_id,
        title=shown.title,
        exported_at=datetime.now(UTC),
        messages=shown.messages,
        checkpoint=_pack(serde, found.checkpoint),
        metadata=_pack(serde, dict(found.metadata)),
        writes=[
            PackedWrite(task_id=task, channel=channel, value=_pack(serde, value))
            for task, channel, value in found.pending_writes or ()
        ],
    )


def import_session(
    saver: SessionSaver,
    text: str,
    *,
    into: str | None = None,
    state: type | None = None,
    distrust: Distrust | None = unconsented,
) -> str:
    """Store a session that `export_session` gave.

    The file is data of unknown origin: only types that the saver allows are rebuilt from it, nothing in it is
    run, and what it says that a person answered counts for nothing here: whoever goes on is asked.

    Args:
        saver: Will have the session.
        text: The file's text, JSON.
        into: The id to store it under; its own when left out.
        state: The type of your graph's state, which the values in the file must fit; when left out, they are
            stored as they are, and a graph that goes on with them may fail.
        distrust: Gives a channel's value without what nobody here has allowed; when left out, consent to
            calls of tools is taken out. None keeps all values, for a file that nobody else can have touched.

    Returns:
        The id it is stored under.

    Raises:
        SessionFileError: When the text is no such file, or is damaged; nothing is stored then.
        ThreadIdError: When the id cannot name a thread or is taken.
        DatabaseError: When the database cannot be written.
    """
    try:
        file = SessionFile.model_validate_json(text)
    except ValidationError as error:
        raise SessionFileError(_explain(error)) from None
    into, serde = free_id(saver, file.thread_id if into is None else into), _plain(saver)
    checkpoint = sound_checkpoint(_unpack(serde, file.checkpoint), state)
    metadata = sound_metadata(_unpack(serde, file.metadata))
    writes = [(write.task_id, write.channel, _unpack(serde, write.value)) for write in file.writes]
    check_writes(writes, state)
    if distrust is not None:
        checkpoint["channel_values"] = distrusted(checkpoint["channel_values"], distrust)
    writes = unanswered(writes, distrust)
    from langgraph.checkpoint.base import CheckpointTuple  # noqa: PLC0415  # half a second, and rarely needed

    place: RunnableConfig = {
        "configurable": {"thread_id": into, "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}
    }
    kept: Any = metadata
    whole: Any = checkpoint
    put_first(saver, into, CheckpointTuple(place, whole, kept, None, writes), metadata)
    return into


def _plain(saver: SessionSaver) -> SerializerProtocol:
    """The serialiser of a saver, without the encryption that its own file may have."""
    serde = saver.serde
    return serde.serde if isinstance(serde, EncryptedSerializer) else serde


def _pack(serde: SerializerProtocol, value: object) -> Packed:
    kind, data = serde.dumps_typed(value)
    return Packed.model_validate({"type": kind, "data": base64.b64encode(data).decode()})


def _unpack(serde: SerializerProtocol, packed: Packed) -> Any:  # noqa: ANN401  # whatever was stored
    try:
        return serde.loads_typed((packed.type, base64.b64decode(packed.data, validate=True)))
    except Exception as error:  # noqa: BLE001  # whatever a serialiser raises on bytes of unknown origin
        raise SessionFileError(
            f"The file is damaged ({type(error).__name__}): export the session once more."
        ) from None


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        return (
            "The file is no exported session: make one with `duograph sessions export --format json`, as "
            "only that can be imported and Markdown is to be read."
        )
    version = first["input"]
    if first["loc"] == ("version",) and isinstance(version, int) and version > 1:
        return f"The field version of the file is {version}: a newer Duograph wrote it, so update this one."
    where = ".".join(map(str, first["loc"]))
    return str(wrong(where, first["msg"]))
