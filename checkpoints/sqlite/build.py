"""From what LangGraph hands over to what the writer is asked to do."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import astuple, dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from langgraph.checkpoint.base import WRITES_IDX_MAP, get_checkpoint_metadata
from langgraph.constants import START

from checkpoints.ids import place_in
from checkpoints.outline import CHANNELS, outline_of
from checkpoints.sqlite.jobs import Put, PutWrites, Stored, packed
from checkpoints.sqlite.seen import Memory, Seen
from checkpoints.sqlite.values import Base, Pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

    from checkpoints.sqlite.block import Block
    from checkpoints.sqlite.encode import Encoder
    from checkpoints.sqlite.jobs import Version
    from checkpoints.sqlite.values import Encoded

    Lists: TypeAlias = dict[str, tuple[Version, Sequence[Block]]]
    """By channel: the version, and the items."""

_RUN_BYTES = 16
_INTERNAL = (START, "__interrupt__")
"""What LangGraph notes as nodes, and is none."""
_TRIGGER = "branch:to:"
"""Begins the channels by which LangGraph's graphs start their next nodes; they hold None."""


@dataclass(slots=True)
class Drafted:
    """A checkpoint to store, and the lists in it that will have been seen then."""

    put: Put
    lists: Lists = field(default_factory=dict)

    @property
    def config(self) -> RunnableConfig:
        """Names the checkpoint, as LangGraph wants it back."""
        put = self.put
        return {"configurable": {"thread_id": put.thread, "checkpoint_ns": put.ns, "checkpoint_id": put.id}}

    def remember(self, memory: Memory, stored: Stored) -> None:
        """Note the lists as they are stored now."""
        seen = {
            channel: Seen(stored.thread, Base(channel, version, stored.spans[channel]), blocks)
            for channel, (version, blocks) in self.lists.items()
        }
        memory.remember((self.put.thread, self.put.ns), seen)


class Builder:
    """Builds jobs with one encoder."""

    def __init__(self, encoder: Encoder, *, run_key: bytes = b"", trusts_reducers: bool = False) -> None:
        """Encode with `encoder`.

        Args:
            encoder: For values and heads.
            run_key: Key of the marks that runs leave; empty for a plain hash.
            trusts_reducers: Whether no reducer changes what it is given.
        """
        self.encoder = encoder
        self._run_key = run_key
        self._trusts_reducers = trusts_reducers

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
        *,
        seen: Mapping[str, Seen] | None,
    ) -> Drafted:
        """Encode a checkpoint.

        Args:
            config: Names the thread, the namespace and the parent.
            checkpoint: With the values of all channels.
            metadata: As LangGraph gives them.
            new_versions: The channels to store; the others are stored already.
            seen: The thread's lists as they are stored; None stores all channels in full.
        """
        place = place_in(config)
        ns, parent = str(place.get("checkpoint_ns", "")), place.get("checkpoint_id")
        values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
        if seen is None:
            new_versions, seen = {**versions, **new_versions}, {}
        kept = cast("dict[str, Any]", get_checkpoint_metadata(_flat(config), metadata))
        if self._trusts_reducers and kept.get("source") == "input" and new_versions.keys() == {START}:
            # Up to the next checkpoint LangGraph calls its reducers, and nodes that take the input itself.
            for known in seen.values():
                known.begin(str(checkpoint["id"]))
        is_known = seen and self._trusts_reducers and not _took_the_input(checkpoint)
        follows = parent if is_known else None
        encoded: dict[str, tuple[Version, Encoded]] = {}
        lists: Lists = {}
        emptied: list[tuple[str, Version]] = []
        loose, unchanged = _apart(values, versions, new_versions)
        for channel, version in new_versions.items():
            if channel in loose:
                continue
            if channel not in values:
                # A version with a fraction is given once ever, so nothing can be stored under it.
                if not (isinstance(version, str) and "." in version):
                    emptied.append((channel, version))
                continue
            stored, blocks = self.encoder.value(values[channel], seen.get(channel), follows)
            encoded[channel] = (version, stored)
            if blocks and isinstance(stored, Pieces):
                lists[channel] = (version, blocks)
        body: dict[str, Any] = {**checkpoint}
        del body["channel_values"]
        kind, head = self.encoder.whole((body, kept, loose))
        # LangGraph's server gives some ids as UUIDs.
        run, step = kept.get("run_id"), kept.get("step")
        put = Put(
            thread=str(place["thread_id"]),
            ns=ns,
            id=str(checkpoint["id"]),
            parent=str(parent) if parent else None,
            source=kept.get("source"),
            step=step if isinstance(step, int) else None,
            run=self.run_mark(str(run)) if run else None,
            kind=kind,
            head=head,
            values=encoded,
            emptied=emptied,
            unchanged=unchanged,
            outline=self._outline(values, new_versions, lists) if ns == "" else None,
            reads_head=self.reads_head,
        )
        return Drafted(put, lists)

    def damaged(self, place: RunnableConfig, checkpoint_id: str, kind: str, head: bytes) -> Put:
        """A checkpoint that nobody can decode, kept as it is."""
        config = place["configurable"]
        return Put(
            thread=config["thread_id"],
            ns=config["checkpoint_ns"],
            id=checkpoint_id,
            parent=config["checkpoint_id"],
            source=None,
            step=None,
            run=None,
            kind=kind,
            head=head,
            values={},
            emptied=(),
            unchanged={},
            outline=None,
            reads_head=self.reads_head,
        )

    def writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> PutWrites:
        """Encode what a task wrote."""
        place = place_in(config)
        encoded = [
            (WRITES_IDX_MAP.get(channel, at), channel, self.encoder.value(value)[0])
            for at, (channel, value) in enumerate(writes)
        ]
        # Bytes where that will do: hundreds of jobs may wait, and the garbage collector walks through them.
        whole = packed(encoded, task_path)
        return PutWrites(
            thread=str(place["thread_id"]),
            ns=str(place.get("checkpoint_ns", "")),
            checkpoint=str(place["checkpoint_id"]),
            task=task_id,
            path=task_path,
            writes=() if whole else encoded,
            packed=whole,
        )

    def run_mark(self, run_id: str) -> bytes:
        """What is stored of a run's id, to find its checkpoints by."""
        return blake2b(run_id.encode(), digest_size=_RUN_BYTES, key=self._run_key).digest()

    def reads_head(self, kind: str, head: bytes) -> Any:  # noqa: ANN401  # body, metadata, loose values
        """Decode a stored head."""
        return self.encoder.serde.loads_typed((kind, head))

    def writes_head(self, parts: object) -> tuple[str, bytes]:
        """Encode a head; the opposite of `reads_head`."""
        return self.encoder.whole(parts)

    def _outline(
        self, values: Mapping[str, Any], new_versions: ChannelVersions, lists: Lists
    ) -> tuple[str, bytes] | None:
        if CHANNELS.isdisjoint(new_versions) and (new_versions or CHANNELS.isdisjoint(values)):
            return None
        _, blocks = lists.get("messages", ("", ()))
        turns = sum(block.turns for block in blocks) if blocks else None
        return self.encoder.whole(astuple(outline_of(values, turns=turns)))


def _apart(
    values: Mapping[str, Any], versions: ChannelVersions, new_versions: ChannelVersions
) -> tuple[dict[str, Any], dict[str, Version]]:
    """The values that need no row of their own, and the channels whose value is stored already."""
    loose: dict[str, Any] = {}
    unchanged: dict[str, Version] = {}
    for channel, value in values.items():
        if channel not in versions or (value is None and channel.startswith(_TRIGGER)):
            loose[channel] = value
        elif channel not in new_versions:
            unchanged[channel] = versions[channel]
    return loose, unchanged


def _took_the_input(checkpoint: Checkpoint) -> bool:
    """Whether a node of somebody's was given the input, as in a functional graph: then it was called."""
    seen = checkpoint.get("versions_seen") or {}
    return any(START in channels and node not in _INTERNAL for node, channels in seen.items())


def _flat(config: RunnableConfig) -> RunnableConfig:
    """The same config; LangGraph's chain of its metadata as one dict, which is walked ten times as fast."""
    chain: object = config.get("metadata")
    if not isinstance(chain, ChainMap):
        return config
    metadata: dict[str, Any] = {}
    for part in reversed(chain.maps):
        metadata.update(part)
    return {**config, "metadata": metadata}
