"""A LangGraph server learns behind its answers: with a worker in it, or with runs of its own queue."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from memory.queue import FinishedTurn, open_jobs
from memory.records import Selection
from memory.sql import open_memory
from tests.studio.test_langgraph_dev import ASK, dev_server, says

pytestmark = pytest.mark.slow

SAID = {"insights": [{"text": "LEARNED this.", "confidence": 0.8}], "patterns": []}
PATIENCE_S = 60


async def learned(target: Path) -> list[str]:
    """Wait until no job is left, and give the insights."""
    jobs, memory = open_jobs(target), open_memory(target)
    async with asyncio.timeout(PATIENCE_S):
        while not (counts := await jobs.counts()) or set(counts) != {"done"}:
            assert "dead" not in counts, await jobs.list()
            await asyncio.sleep(0.2)
    found = await memory.list("default", Selection(kinds=("insight",)))
    await memory.aclose()
    await jobs.aclose()
    return [item.record.text for item in found]


@pytest.mark.parametrize("enrichment", ["worker", "server"])
async def test_a_server_learns_and_its_streams_hold_no_word_of_it(enrichment: str, tmp_path: Path) -> None:
    script = tmp_path / "background.jsonl"
    script.write_text(json.dumps({"content": json.dumps(SAID), "repeat": True}) + "\n")
    left = FinishedTurn(session="old", turn="1", request="left by an earlier process", answer="yes")
    jobs = open_jobs(tmp_path / "sessions.sqlite")
    await jobs.enqueue("enrich", "default", left.key, left.payload())
    await jobs.aclose()
    chosen = {
        "DUOGRAPH_ENRICHMENT": enrichment,
        "DUOGRAPH_BACKGROUND_MODEL": f"scripted:{script}",
        "BG_JOB_ISOLATED_LOOPS": "false",
    }

    async def talk(url: str) -> list[Any]:
        async with get_client(url=url) as client:
            return [
                part
                async for part in client.runs.stream(
                    None, "duograph", input=says(ASK), stream_mode=["messages", "updates", "custom", "values"]
                )
            ]

    server = dev_server(tmp_path, **chosen)
    url = await asyncio.to_thread(server.__enter__)
    try:
        parts = await talk(url)
        assert await learned(tmp_path / "sessions.sqlite") == ["LEARNED this."]
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)
    assert parts
    assert "LEARNED" not in json.dumps([part.data for part in parts])
    assert "error" not in {part.event for part in parts}
