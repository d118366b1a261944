"""LangGraph's conformance suite: every capability, none skipped, by the async methods and the sync ones."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.conformance import checkpointer_test, validate

from checkpoints import SessionSaver, new_thread_id, open_saver


class ThroughSync(BaseCheckpointSaver[str]):
    """Answers the suite's async calls with the sync methods of ours, which it never calls itself."""

    def __init__(self, inner: SessionSaver) -> None:
        super().__init__(serde=inner.serde)
        self.inner = inner

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self.inner.get_tuple(config)

    async def alist(self, config: RunnableConfig | None, **choices: Any) -> AsyncIterator[CheckpointTuple]:  # noqa: ANN401
        for found in self.inner.list(config, **choices):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self.inner.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.inner.put_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        self.inner.delete_thread(thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        self.inner.delete_for_runs(run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self.inner.copy_thread(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        self.inner.prune(thread_ids, strategy=strategy)


# A key is made slowly on purpose, and the suite opens a saver for each of its tests.
encrypted = pytest.param("a passphrase", marks=pytest.mark.slow, id="encrypted")


@pytest.mark.parametrize("is_in_memory", [True, False], ids=["memory", "file"])
@pytest.mark.parametrize("is_sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize("key", [pytest.param(None, id="clear"), encrypted])
async def test_every_capability_passes(
    tmp_path: Path, key: str | None, *, is_sync: bool, is_in_memory: bool
) -> None:
    if key:
        pytest.importorskip("Crypto")

    @checkpointer_test(name="SessionSaver")
    async def fresh() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        place = ":memory:" if is_in_memory else tmp_path / new_thread_id()
        async with open_saver(place, encryption_key=key) as saver:
            yield ThroughSync(saver) if is_sync else saver

    report = await validate(fresh)
    assert {name: result.failures for name, result in report.results.items() if result.failures} == {}
    assert [name for name, result in report.results.items() if not result.passed] == []
    assert report.conformance_level() == "FULL"
