"""Programs ingest folders through an agent, and its turns recall from them."""

from pathlib import Path

import pytest

from memory import MemoryStoreError
from memory.archives import ArchiveError, Options
from tests.support import AgentMaker

NONE = [{"content": "none"}]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "tea.md").write_text("# Tea\n\nGreen tea wants 80 degrees.\n", encoding="utf-8")
    return folder


def test_an_agent_ingests_and_finds(make_agent: AgentMaker, notes: Path) -> None:
    agent = make_agent(NONE, NONE)
    done = agent.memory.ingest(notes)
    assert (done.report.archive, done.report.added, done.vectors) == ("notes", 1, 0)
    (hit,) = agent.memory.search("How hot is green tea?")
    assert hit.item.record.path == "tea.md"
    assert hit.item.record.text == "# Tea\n\nGreen tea wants 80 degrees."
    assert not agent.memory.search("How hot is green tea?", archives=["another"])


async def test_and_with_vectors_where_they_are_compared(make_agent: AgentMaker, notes: Path) -> None:
    agent = make_agent(NONE, NONE, memory_vectors=True)
    done = await agent.memory.aingest(str(notes), archive="kitchen")
    assert (done.report.archive, done.vectors) == ("kitchen", 1)
    dry = await agent.memory.aingest(notes, archive="kitchen", options=Options(is_dry_run=True))
    assert (dry.report.unchanged, dry.vectors) == (1, 0)
    with pytest.raises(ArchiveError, match="cannot be read"):
        await agent.memory.aingest(notes / "nowhere")
    with pytest.raises(ArchiveError, match="The path is empty"):
        await agent.memory.aingest("")


def test_an_agent_without_memory_ingests_nothing(make_agent: AgentMaker, notes: Path) -> None:
    agent = make_agent(NONE, NONE, memory=False)
    with pytest.raises(MemoryStoreError, match="There is no memory: it is switched off"):
        agent.memory.ingest(notes)
