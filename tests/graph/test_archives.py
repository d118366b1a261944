"""Programs ingest folders through an agent, and its turns recall from them."""

from pathlib import Path

import pytest

from memory import MemoryStoreError
from memory.archives import ArchiveError, Options
from providers.scrub import hide_credentials
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


def test_credentials_in_files_are_hidden_where_they_stand(make_agent: AgentMaker, notes: Path) -> None:
    key = "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    address = "db = postgres://ada:hunter2@host/db"
    (notes / "conf.toml").write_text(
        f'[a]\napi_key = "{key}"\n{address}\npassword = "correct-horse"\nlast = 1\n'
    )
    agent = make_agent(NONE, NONE)
    agent.memory.ingest(notes)
    (chunk,) = [
        hit.item.record for hit in agent.memory.search("api_key") if hit.item.record.path == "conf.toml"
    ]
    assert chunk.text.split("\n") == [
        "[a]",
        'api_key = "[hidden]"',
        "db = postgres://[hidden]@host/db",
        'password = "[hidden]"',
        "last = 1",
    ]
    assert chunk.last_line == 5
    assert not agent.memory.search(key)


@pytest.mark.parametrize(
    "text",
    [
        "basic understanding of the token: something else",
        "token = self.tokens[index]\npassword = getpass()",
        "password:\n  see below",
        "https://unpkg.com/@babel/core and git@github.com:a/b.git",
        "hf_internal_testing, sk-learn-tutorial, fw_version_string_of_device",
    ],
)
def test_prose_and_code_stay_as_they_are(text: str) -> None:
    assert hide_credentials(text) == text


def test_an_agent_without_memory_ingests_nothing(make_agent: AgentMaker, notes: Path) -> None:
    agent = make_agent(NONE, NONE, memory=False)
    with pytest.raises(MemoryStoreError, match="There is no memory: it is switched off"):
        agent.memory.ingest(notes)
