"""Several processes on one memory: nothing is lost, nothing is doubled, one fact holds on each subject."""

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from memory.records import Selection
from memory.sql import open_memory
from tests.memory.making import everything, fact, found

TELLER = """
    import asyncio, sys
    from datetime import UTC, datetime
    from memory.records import Origin, Record
    from memory.sql import open_memory

    async def main(target, name, count):
        memory = open_memory(target, busy_timeout_s=60)
        for turn in range(int(count)):
            own = Origin(session=name, turn=str(turn))
            shared = Origin(session="shared", turn=str(turn))
            await memory.store("anna", [
                Record(kind="fact", text=f"{name} {turn}", subject="holder", origin=own),
                Record(kind="insight", text=f"insight {turn}", origin=shared),
                Record(kind="episode", text=f"turn {turn}", origin=own),
            ])
        await memory.aclose()

    asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "home" / "sessions.sqlite")
    address: str = request.getfixturevalue("postgres_database")
    return address


async def test_processes_that_tell_at_once_leave_one_fact_that_holds(target: str) -> None:
    turns = 12
    running = [
        subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
            [sys.executable, "-c", textwrap.dedent(TELLER), target, name, str(turns)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in ("one", "two", "three")
    ]
    for process in running:
        said, _ = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, said
    memory = open_memory(target)
    facts = await everything(memory, kinds=("fact",))
    assert len(facts) == 3 * turns
    [holds] = [item for item in facts if item.valid_to is None]
    assert await found(memory, "holder", kinds=("fact",)) == [holds.record.text]
    assert all(item.superseded_by for item in facts if item is not holds)
    insights = await everything(memory, kinds=("insight",))
    assert len(insights) == turns
    assert all(len(item.origins) == 1 for item in insights)
    assert len(await everything(memory, kinds=("episode",))) == 3 * turns
    await memory.aclose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_memory_that_came_by_a_fork_works_in_both(target: str) -> None:
    script = """
        import asyncio, os, sys
        from memory.records import Record
        from memory.sql import open_memory
        memory = open_memory(sys.argv[1])
        def store(text):
            asyncio.run(memory.store("anna", [Record(kind="fact", text=text)]))
        store("before")
        asyncio.run(memory.status("anna"))
        child = os.fork()
        if child == 0:
            store("child")
            asyncio.run(memory.aclose())
            os._exit(0)
        _, code = os.waitpid(child, 0)
        store("parent")
        asyncio.run(memory.aclose())
        sys.exit(code)
    """
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c"]
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, textwrap.dedent(script), target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    memory = open_memory(target)
    assert sorted(item.record.text for item in await everything(memory)) == ["before", "child", "parent"]
    await memory.aclose()


async def test_a_vector_that_another_process_keeps_is_seen(target: str) -> None:
    one, other = open_memory(target), open_memory(target)
    tea, coffee = fact("tea"), fact("coffee")
    await one.store("anna", [tea, coffee])
    await one.set_vectors("anna", "m", {tea.id: [1.0, 0.0]})
    near: dict[str, Any] = {"vector": (1.0, 0.0), "vector_model": "m"}
    assert await found(other, "x", **near) == ["tea"]
    await one.set_vectors("anna", "m", {coffee.id: [0.9, 0.1]})
    assert await found(other, "x", **near) == ["tea", "coffee"]
    await one.forget("anna", Selection(ids=(coffee.id,)))
    assert await found(other, "x", **near) == ["tea"]
    await one.aclose()
    await other.aclose()
