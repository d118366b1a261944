"""Whatever is put, forked, pruned, copied, deleted: what is read is what LangGraph's own saver holds."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT

from checkpoints import SessionSaver, open_saver

THREADS = st.sampled_from(["a", "b", "c"])
NAMESPACES = st.sampled_from(["", "", "inner", "inner:1"])
TEXTS = st.sampled_from(["", "short", "long " * 60, "longer " * 200, "ünïcödé 🎈 " * 50])
VALUES = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.binary(max_size=400),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
    st.lists(TEXTS | st.tuples(TEXTS).map(list), max_size=12),
)
CHANNELS = st.sampled_from(["text", "plan", "steps", "branch:to:x"])
TASKS = st.sampled_from(["task-1", "task-2", "00000000-0000-0000-0000-000000000000"])
DELTA = "delta"


class Both(RuleBasedStateMachine):
    """Our saver on a file, and LangGraph's in memory, given the same."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.known: dict[tuple[str, str], list[CheckpointTuple]] = {}
        self.theirs = InMemorySaver()
        self.count = 0
        self.open()

    def open(self) -> None:
        self.context = open_saver(self.folder / "s.db", keep_turns=None)
        self.ours: SessionSaver = self.context.__enter__()

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.context.__exit__(None, None, None)
            shutil.rmtree(self.folder)

    def place(self, thread: str, ns: str, checkpoint_id: str | None = None) -> RunnableConfig:
        place = {"thread_id": thread, "checkpoint_ns": ns}
        return {"configurable": {**place, "checkpoint_id": checkpoint_id} if checkpoint_id else place}

    def all_of(self, thread: str, ns: str) -> list[CheckpointTuple]:
        return list(self.theirs.list(self.place(thread, ns)))

    def parent_of(self, thread: str, ns: str, pick: int) -> CheckpointTuple | None:
        """Mostly the latest; now and then an older one, which is a fork."""
        known = self.all_of(thread, ns)
        return known[0 if pick < 8 else pick % len(known)] if known else None

    @rule(
        thread=THREADS,
        ns=NAMESPACES,
        pick=st.integers(0, 11),
        changes=st.dictionaries(CHANNELS, VALUES, max_size=2),
        says=st.lists(TEXTS, max_size=3),
        empties=st.sets(CHANNELS, max_size=1),
        source=st.sampled_from(["input", "loop", "loop", "fork", "update"]),
        edit=st.sampled_from(["no", "no", "no", "in place", "replace", "drop first"]),
        delta=st.sampled_from(["no", "touch", "snapshot"]),
    )
    def put(  # noqa: PLR0913, PLR0917  # one argument for each thing that varies
        self,
        thread: str,
        ns: str,
        pick: int,
        changes: dict[str, Any],
        says: list[str],
        empties: set[str],
        source: str,
        edit: str,
        delta: str,
    ) -> None:
        parent = self.parent_of(thread, ns, pick)
        # Through our saver as a run does it: what it hands out is what comes back with the next checkpoint.
        parent_id = parent.config["configurable"]["checkpoint_id"] if parent else None
        read = (
            self.ours.get_tuple(self.place(thread, ns, parent_id if pick >= 6 else None)) if parent else None
        )
        values: dict[str, Any] = dict(read.checkpoint["channel_values"]) if read else {}
        versions = dict(read.checkpoint["channel_versions"]) if read else {}
        step = (read.metadata.get("step", 0) + 1) if read else -1
        counters = dict((read.metadata.get("counters_since_delta_snapshot") or {}) if read else {})
        new: dict[str, Any] = {}
        touched = self.talk(values, says, edit)
        for channel in [*changes, *(["messages"] if touched else []), *empties]:
            new[channel] = self.ours.get_next_version(versions.get(channel))
        values.pop(DELTA, None)
        if delta != "no":
            new[DELTA] = self.ours.get_next_version(versions.get(DELTA))
            counters[DELTA] = (1, 1)
        if delta == "snapshot":
            values[DELTA] = {"all": self.count}
            counters.pop(DELTA)
        values.update(changes)
        for channel in empties:
            values.pop(channel, None)
        self.count += 1
        metadata = cast(
            "CheckpointMetadata",
            {"source": source, "step": step, "parents": {}, "run_id": f"run-{self.count % 5}"},
        )
        if counters:
            metadata["counters_since_delta_snapshot"] = counters
        checkpoint: Checkpoint = {
            **empty_checkpoint(),
            "channel_values": values,
            "channel_versions": {**versions, **new},
        }
        config = read.config if read else self.place(thread, ns)
        assert self.ours.put(config, checkpoint, metadata, new) == self.theirs.put(
            config, checkpoint, metadata, new
        )

    def talk(self, values: dict[str, Any], says: list[str], edit: str) -> bool:
        """What `add_messages` does: a new list that holds the old messages and what is new or edited."""
        messages: list[AnyMessage] = list(values.get("messages", []))
        if messages and edit == "in place":
            messages[len(messages) // 2].content = f"edited {self.count}"
            messages[-1].additional_kwargs["seen"] = [self.count]
        elif messages and edit == "replace":
            messages[0] = HumanMessage(f"replaced {self.count}", id=messages[0].id)
        elif messages and edit == "drop first":
            del messages[0]
        for text in says:
            kind = AIMessage if len(messages) % 2 else HumanMessage
            messages.append(kind(text, id=f"{self.count}-{len(messages)}"))
        if not says and edit == "no":
            return False
        values["messages"] = messages
        return True

    @rule(
        thread=THREADS,
        ns=NAMESPACES,
        pick=st.integers(0, 11),
        task=TASKS,
        path=st.sampled_from(["", "~x", "~a"]),
        writes=st.lists(
            st.tuples(st.sampled_from(["text", "messages", DELTA, INTERRUPT, ERROR]), VALUES), max_size=3
        ),
    )
    def put_writes(  # noqa: PLR0913, PLR0917  # the same
        self, thread: str, ns: str, pick: int, task: str, path: str, writes: list[tuple[str, Any]]
    ) -> None:
        target = self.parent_of(thread, ns, pick)
        if target is not None:
            self.ours.put_writes(target.config, writes, task, path)
            self.theirs.put_writes(target.config, writes, task, path)

    @rule(thread=THREADS)
    def delete_thread(self, thread: str) -> None:
        self.ours.delete_thread(thread)
        self.theirs.delete_thread(thread)

    @rule(run=st.integers(0, 4))
    def delete_for_runs(self, run: int) -> None:
        self.ours.delete_for_runs([f"run-{run}"])
        for thread, spaces in list(self.theirs.storage.items()):
            for ns in list(spaces):
                for found in self.all_of(thread, ns):
                    if found.metadata.get("run_id") == f"run-{run}":
                        self.forget(thread, ns, found.checkpoint["id"])

    def forget(self, thread: str, ns: str, checkpoint_id: str) -> None:
        self.theirs.storage[thread][ns].pop(checkpoint_id)
        self.theirs.writes.pop((thread, ns, checkpoint_id), None)

    @rule(source=THREADS, copied=THREADS)
    def copy_thread(self, source: str, copied: str) -> None:
        if source == copied or not any(self.theirs.storage.get(source, {}).values()):
            return
        self.delete_thread(copied)
        self.ours.copy_thread(source, copied)
        for ns, found in self.theirs.storage[source].items():
            self.theirs.storage[copied][ns] = dict(found)
        for mine, writes in list(self.theirs.writes.items()):
            if mine[0] == source:
                self.theirs.writes[copied, mine[1], mine[2]] = dict(writes)
        for blob, data in list(self.theirs.blobs.items()):
            if blob[0] == source:
                self.theirs.blobs[copied, blob[1], blob[2], blob[3]] = data

    @rule(thread=THREADS, strategy=st.sampled_from(["keep_latest", "keep_turns"]), turns=st.integers(1, 3))
    def prune(self, thread: str, strategy: str, turns: int) -> None:
        spaces = [ns for ns, found in self.theirs.storage.get(thread, {}).items() if found]
        before = {ns: self.delta(self.ours, self.place(thread, ns)) for ns in spaces}
        latest = {ns: max(self.theirs.storage[thread][ns]) for ns in spaces}
        self.ours.keep_turns = turns
        self.ours.prune([thread], strategy=strategy)
        for ns in spaces:
            kept = {found.checkpoint["id"] for found in self.ours.list(self.place(thread, ns))}
            is_inner = ":" in ns and strategy == "keep_turns"
            assert latest[ns] in kept or is_inner
            if latest[ns] in kept:
                assert self.delta(self.ours, self.place(thread, ns)) == before[ns]
            for checkpoint_id in set(self.theirs.storage[thread][ns]) - kept:
                self.forget(thread, ns, checkpoint_id)

    def delta(self, saver: Any, config: RunnableConfig) -> object:  # noqa: ANN401  # either of the two
        found = saver.get_tuple(config)
        if found is not None and DELTA in found.checkpoint["channel_values"]:
            return found.checkpoint["channel_values"][DELTA]  # stored here, so nothing is replayed
        return saver.get_delta_channel_history(config=config, channels=[DELTA])

    @rule()
    def reopen(self) -> None:
        self.context.__exit__(None, None, None)
        self.open()

    @invariant()
    @precondition(lambda self: hasattr(self, "ours"))
    def both_hold_the_same(self) -> None:
        for thread in ("a", "b", "c"):
            for ns in ("", "inner", "inner:1"):
                place = self.place(thread, ns)
                expected = self.all_of(thread, ns)
                assert list(self.ours.list(place)) == expected
                # Twice, as the second time it may come from memory.
                for _ in range(2):
                    assert self.ours.get_tuple(place) == (expected[0] if expected else None)
                if expected:
                    assert self.delta(self.ours, place) == self.delta(self.theirs, place)


def examples(most: int) -> settings:
    return settings(
        # A failing case takes minutes to shrink, and its steps can be read as they are.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        max_examples=most,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


TestBoth = Both.TestCase
TestBoth.settings = examples(15)


@pytest.mark.slow
class TestBothForLonger(Both.TestCase):  # type: ignore[misc, valid-type]  # made by Hypothesis
    settings = examples(30)
