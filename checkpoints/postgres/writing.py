"""Storing checkpoints, each with all that belongs to it in one transaction, and only while the turn holds."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import WRITES_IDX_MAP, get_serializable_checkpoint_metadata
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from psycopg.errors import DivisionByZero
from psycopg.types.json import Jsonb

from checkpoints.ids import place_in
from checkpoints.keeping import is_due
from checkpoints.outline import CHANNELS, outline_of
from checkpoints.postgres.faults import lost_turn
from checkpoints.postgres.upkeep import keep_turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
    from langgraph.checkpoint.serde.base import SerializerProtocol
    from psycopg import Cursor
    from psycopg.rows import DictRow

    from checkpoints.postgres.database import Connection

    Fence = tuple[str, tuple[Any, ...]]

# Fails when the parent was pruned meanwhile, and with it perhaps the values that did not change.
_NEEDS_PARENT = """
SELECT 1 / count(*) FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s
"""

# An input begins a turn; with durability `exit` it is not stored, and the steps jump.
_LIST = """
UPDATE duograph_sessions SET
    turn = turn + CASE
        WHEN turn = 0 OR %(source)s::text = 'input' THEN 1
        WHEN %(source)s::text = 'loop' AND %(step)s::int > 1 + (
            SELECT (metadata ->> 'step')::int FROM checkpoints
            WHERE thread_id = %(thread)s AND checkpoint_ns = '' AND checkpoint_id = %(parent)s
        ) THEN 1 ELSE 0 END,
    outlined = CASE WHEN %(title)s::text IS NOT NULL OR outlined = %(parent)s THEN %(id)s ELSE outlined END,
    title = coalesce(%(title)s, title),
    asked = coalesce(%(asked)s, asked),
    status = CASE WHEN %(title)s::text IS NULL THEN status ELSE %(status)s END
WHERE thread_id = %(thread)s
RETURNING turn, floor
"""


@dataclass(frozen=True, slots=True)
class Put:
    """Store one checkpoint.

    Attributes:
        config: Names the thread, the namespace and the parent.
        checkpoint: With the values of all channels.
        metadata: As LangGraph gave them.
        new_versions: The channels to store; the others are stored already.
    """

    config: RunnableConfig
    checkpoint: Checkpoint
    metadata: CheckpointMetadata
    new_versions: ChannelVersions

    @property
    def stored(self) -> RunnableConfig:
        """Names the checkpoint, as LangGraph wants it back."""
        thread_id, ns, _ = self._place
        own = {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": self.checkpoint["id"]}
        return {"configurable": own}

    def apply(
        self, conn: Connection, serde: SerializerProtocol, fence: Fence | None, keep: int | None, target: str
    ) -> None:
        """Write it.

        Args:
            conn: In autocommit mode.
            serde: Encodes values.
            fence: See `fenced`.
            keep: How many turns stay open to time travel; None for all.
            target: The database's address.

        Raises:
            DatabaseError: When the turn lost its lock; nothing of it is stored then.
        """
        thread_id, ns, parent = self._place
        inline, values = self._split()
        new = {name: values[name] for name in values if name in self.new_versions}
        try:
            # All in one message and one implicit transaction: what it asks fails where the answer is no.
            with conn.pipeline():
                if fence:
                    conn.execute(*fence)
                if len(new) < len(values) and parent:
                    conn.execute(_NEEDS_PARENT, (thread_id, ns, parent))
                listed = self._store(conn, serde, inline, new)
        except DivisionByZero:
            with fenced(conn, thread_id, fence, target):
                listed = self._store(conn, serde, inline, values)
        grown = listed.fetchone() if listed is not None else None
        if keep is not None and grown is not None and is_due(grown["turn"], grown["floor"], keep):
            with fenced(conn, thread_id, fence, target):
                keep_turns(conn, thread_id, keep)

    @property
    def _place(self) -> tuple[str, str, str | None]:
        place = place_in(self.config)
        return str(place["thread_id"]), str(place.get("checkpoint_ns", "")), place.get("checkpoint_id")

    def _split(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values that stand in the checkpoint itself, as LangGraph's saver keeps them, and the others."""
        inline: dict[str, Any] = {}
        apart: dict[str, Any] = {}
        for channel, value in self.checkpoint["channel_values"].items():
            if isinstance(value, _DeltaSnapshot):
                inline[channel] = True  # what LangGraph marks a snapshot with
                apart[channel] = value
            elif _fits_json(value) or channel not in self.checkpoint["channel_versions"]:
                inline[channel] = value
            else:
                apart[channel] = value
        return inline, apart

    def _store(
        self,
        conn: Connection,
        serde: SerializerProtocol,
        inline: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> Cursor[DictRow] | None:
        thread_id, ns, parent = self._place
        metadata = get_serializable_checkpoint_metadata(self.config, self.metadata)
        versions = {**self.checkpoint["channel_versions"], **self.new_versions}
        rows = [
            (thread_id, ns, channel, str(versions[channel]), *serde.dumps_typed(value))
            for channel, value in values.items()
        ]
        whole = Jsonb({**self.checkpoint, "channel_values": inline})
        head = (thread_id, ns, self.checkpoint["id"], parent, whole, Jsonb(metadata))
        # First, as what JSON cannot hold is found here, before anything was sent.
        conn.execute(PostgresSaver.UPSERT_CHECKPOINTS_SQL, head)
        if rows:
            conn.cursor().executemany(PostgresSaver.UPSERT_CHECKPOINT_BLOBS_SQL, rows)
        return conn.execute(_LIST, self._line(thread_id, parent, metadata)) if ns == "" else None

    def _line(self, thread_id: str, parent: str | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """What the list of sessions shows, where it changed."""
        values, new = self.checkpoint["channel_values"], self.new_versions
        is_new = not CHANNELS.isdisjoint(new) or (not new and not CHANNELS.isdisjoint(values))
        outline = outline_of(values) if is_new else None
        status = outline.status if outline else None
        return {
            "thread": thread_id,
            "id": self.checkpoint["id"],
            "parent": parent,
            "source": metadata.get("source"),
            "step": metadata.get("step"),
            "title": outline.title if outline else None,
            "asked": outline.turns if outline else None,
            "status": None if status is None else status.encode(errors="replace").decode().replace("\0", ""),
        }


@dataclass(frozen=True, slots=True)
class PutWrites:
    """Store what a task wrote.

    Attributes:
        config: Names the checkpoint that the task ran on.
        writes: Channel and value of each write.
        task_id: The task.
        task_path: Its path.
    """

    config: RunnableConfig
    writes: Sequence[tuple[str, Any]]
    task_id: str
    task_path: str

    def apply(self, conn: Connection, serde: SerializerProtocol, fence: Fence | None, target: str) -> None:
        """Write them; see `Put.apply`.

        Raises:
            DatabaseError: When the turn lost its lock; nothing of it is stored then.
        """
        place = place_in(self.config)
        thread_id = str(place["thread_id"])
        key = (thread_id, str(place.get("checkpoint_ns", "")), place["checkpoint_id"])
        rows = [
            (
                *key,
                self.task_id,
                self.task_path,
                WRITES_IDX_MAP.get(channel, at),
                channel,
                *serde.dumps_typed(value),
            )
            for at, (channel, value) in enumerate(self.writes)
        ]
        # Of a task's ordinary writes the first ones count, of its special ones the last.
        is_special = all(channel in WRITES_IDX_MAP for channel, _ in self.writes)
        query = (
            PostgresSaver.UPSERT_CHECKPOINT_WRITES_SQL
            if is_special
            else PostgresSaver.INSERT_CHECKPOINT_WRITES_SQL
        )
        try:
            with conn.pipeline():
                if fence:
                    conn.execute(*fence)
                conn.cursor().executemany(query, rows)
        except DivisionByZero:
            raise lost_turn(thread_id, target) from None


@contextmanager
def fenced(conn: Connection, thread_id: str, fence: Fence | None, target: str) -> Iterator[None]:
    """A transaction that is stored only when the turn that writes still holds its thread.

    Args:
        conn: In autocommit mode.
        thread_id: The thread.
        fence: What fails when it is not held; None when nobody here holds it.
        target: The database's address.

    Raises:
        DatabaseError: When the turn lost its lock; nothing is stored then.
    """
    with conn.transaction():
        if fence:
            try:
                conn.execute(*fence)
            except DivisionByZero:
                raise lost_turn(thread_id, target) from None
        yield


def _fits_json(value: object) -> bool:
    """Whether the server's JSON gives a value back as it was.

    It refuses NUL, halves of signs, NaN and infinity, and knows neither -0.0 nor 1e22 as a float.
    """
    # By the very type: an enum that is a string too must come back as that enum.
    if type(value) is str:
        return "\0" not in value and (value.isascii() or not any(map(_is_half, value)))
    return value is None or type(value) in (bool, int)


def _is_half(sign: str) -> bool:
    return "\ud800" <= sign <= "\udfff"
