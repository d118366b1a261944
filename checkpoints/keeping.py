"""Which checkpoints of a thread stay when it is pruned; the same for every database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    Key = tuple[str, str]

_BRANCHES = ("fork", "update")
_DELTAS = "counters_since_delta_snapshot"

SLACK = 4
"""Old turns are pruned in groups: of a fourth of what is kept."""


@dataclass(frozen=True, slots=True)
class Known:
    """What pruning must know of a checkpoint.

    Attributes:
        number: Of its row, where rows have one.
        ns: Its namespace; empty for the root.
        id: Its id.
        parent: Its parent's id.
        turn: The turn that it belongs to.
        versions: Of its channels.
        metadata: As LangGraph noted them.
    """

    number: int
    ns: str
    id: str
    parent: str | None
    turn: int
    versions: Mapping[str, Any]
    metadata: Mapping[str, Any]


def is_due(turn: int, floor: int, keep: int) -> bool:
    """Whether a thread has grown so far beyond what is kept that it is to be pruned.

    Args:
        turn: How many turns it has had.
        floor: The oldest turn that is still open to time travel.
        keep: How many turns stay open.
    """
    return turn - floor >= keep + max(1, keep // SLACK)


def kept_of_turns(known: Sequence[Known], waiting: Collection[Key], floor: int) -> set[Key]:
    """The checkpoints that stay when a thread is pruned to its last turns, but for what deltas need.

    Whole turns are kept or go, so a subgraph's checkpoints stay with those of the graph around it. Older
    turns stay when an interrupt waits in one of them, or when a kept checkpoint was forked from one.

    Args:
        known: All that the thread holds, newest first.
        waiting: Those with an interrupt or an error among their writes.
        floor: The oldest turn to keep.
    """
    parents = {(item.ns, item.parent) for item in known if item.parent}
    by_id = {(item.ns, item.id): item for item in known}
    held = {
        item.turn for item in known if (item.ns, item.id) in waiting and (item.ns, item.id) not in parents
    }
    recent = {item.turn for item in known if item.turn >= floor}
    for item in known:
        if item.turn in recent | held and item.metadata.get("source") in _BRANCHES and item.parent:
            origin = by_id.get((item.ns, item.parent))
            if origin is not None:
                held.add(origin.turn)
    newest = latest(known)
    return {
        (item.ns, item.id)
        for item in known
        if item.turn in recent
        or item.turn in held
        # A subgraph that keeps its own memory goes on from its latest checkpoint, however old.
        or (newest[item.ns] == item.id and ":" not in item.ns)
    }


def latest(known: Iterable[Known]) -> dict[str, str]:
    """The newest checkpoint's id of each namespace, of checkpoints that come newest first."""
    found: dict[str, str] = {}
    for item in known:
        found.setdefault(item.ns, item.id)
    return found


def has_deltas(known: Iterable[Known], kept: Collection[Key]) -> bool:
    """Whether a kept checkpoint has a delta channel, so that its ancestors count too."""
    return any(item.metadata.get(_DELTAS) for item in known if (item.ns, item.id) in kept)


def delta_needs(
    known: Iterable[Known], kept: Iterable[Key], stored: AbstractSet[tuple[str, str, Any]]
) -> Iterator[Key]:
    """The ancestors whose writes a kept checkpoint's delta channels are replayed from.

    Args:
        known: All that the thread holds.
        kept: Which of it stay for other reasons.
        stored: The values that are stored whole: namespace, channel, version.
    """
    by_id = {(item.ns, item.id): item for item in known}
    for ns, checkpoint_id in kept:
        item = by_id[ns, checkpoint_id]
        missing = {channel for channel in item.metadata.get(_DELTAS) or () if channel in item.versions}
        at: Known | None = item
        while at is not None:
            missing -= {channel for channel in missing if (ns, channel, at.versions.get(channel)) in stored}
            at = by_id.get((ns, at.parent)) if missing and at.parent else None
            if at is not None:
                yield ns, at.id


def unneeded(known: Iterable[Known], kept: Collection[Key]) -> set[tuple[str, str, Any]]:
    """The values (namespace, channel, version) that only checkpoints that go have."""
    needed: set[tuple[str, str, Any]] = set()
    freed: set[tuple[str, str, Any]] = set()
    for item in known:
        mine = needed if (item.ns, item.id) in kept else freed
        mine |= {(item.ns, channel, version) for channel, version in item.versions.items()}
    return freed - needed
