"""Words that are cut by new rules: every record is filed anew, wherever a process is killed meanwhile."""

import asyncio
import signal
import subprocess
import sys
import textwrap
from hashlib import sha256

import pytest
from sqlalchemy import select

from memory import MemoryStoreError, scoring, word_lists, words
from memory.records import Query, Record, Selection
from memory.sql import open_memory, refiling
from memory.sql.database import Database
from memory.sql.tables import rules
from tests.memory.making import everything, fact, found

SAID = "The organizers' nations were running TCP/IP tests: HTTPServer2, naïve café, C++ and 東京タワーへ行く"


@pytest.fixture
def new_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules by which no word is cut to its stem."""
    monkeypatch.setattr(refiling, "BATCH", 7)
    cut_less(monkeypatch)


def cut_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "RULES", words.RULES + 1)
    monkeypatch.setattr(words, "stem", lambda word: word)


def test_whoever_changes_the_rules_raises_their_version() -> None:
    every = (word_lists.STOP, word_lists.FAINT, word_lists.IRREGULAR)
    lists = "\n".join(" ".join(sorted(one)) for one in every)
    record = Record(kind="fact", text=SAID, subject="s", entities=("Ana Maria",), path="a/b.md")
    filed = "\n".join((lists, scoring.main_text(record), " ".join(words.index_words(f"{SAID} {lists}"))))
    assert (words.RULES, sha256(filed.encode()).hexdigest()[:16]) == (1, "69f79835939c6b28")


async def _told(target: str) -> list[Record]:
    records = [fact(f"they were running and organizing {number}", minute=number) for number in range(30)]
    memory = open_memory(target)
    await memory.store("anna", records)
    await memory.store("ben", [fact("tea", "my drink"), fact("running water", "my drink", minute=1)])
    await memory.aclose()
    return records


async def test_what_was_filed_by_old_rules_is_found_by_new_ones(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _told(target)
    old, new = open_memory(target), open_memory(target)
    assert len(await found(old, "runs", max_results=50)) == 30
    with monkeypatch.context() as patched:
        cut_less(patched)
        patched.setattr(refiling, "BATCH", 7)
        await new.store("anna", [fact("running late", minute=99)])
        assert await found(new, "runs") == []
        assert len(await found(new, "running", max_results=50)) == 31
        assert await found(new, "running", "ben") == ["running water"]
        assert await new.forget("anna", Selection(kinds=("fact",))) == 31
        assert await found(new, "running") == []
    for call in (old.search("ben", Query(text="tea")), old.store("ben", [fact("coffee")])):
        with pytest.raises(MemoryStoreError, match=r"rules 2, and 1 are known\): update Duograph"):
            await call
    assert len(await everything(old, "ben")) == 2  # looking needs no words
    for one in (old, new):
        await one.aclose()


async def test_several_file_anew_while_others_write(target: str, new_rules: None) -> None:  # noqa: ARG001
    records = await _told(target)
    memories = [open_memory(target) for _ in range(3)]
    ended = Selection(ids=tuple(record.id for record in records[::2]))
    more = [fact(f"running {number}", f"subject {number % 3}", minute=100 + number) for number in range(9)]
    await asyncio.gather(
        *(memory.search("anna", Query(text="running")) for memory in memories),
        *(memories[0].store("anna", [one]) for one in more),
        memories[1].forget("anna", ended),
    )
    for memory in memories:
        assert len(await found(memory, "running", max_results=50)) == 15 + 3
        assert len(await everything(memory)) == 15 + 9
        await memory.aclose()


async def test_a_process_that_is_killed_is_gone_on_from(
    target: str,
    new_rules: None,  # noqa: ARG001
) -> None:
    await _told(target)
    program = """
        import asyncio, os, signal, sys
        from memory import words
        from memory.records import Query
        from memory.sql import open_memory, refiling
        from memory.sql import words as filing

        words.RULES, words.stem, refiling.BATCH = 2, lambda word: word, 7
        for kind in (filing.Fts5Words, filing.TsvectorWords):
            def add(self, connection, rows, filed=kind.add, seen=[]):
                filed(self, connection, rows)
                seen.append(rows)
                if len(seen) == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
            kind.add = add
        asyncio.run(open_memory(sys.argv[1]).search("anna", Query(text="running")))
    """
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(program), target],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    memory = open_memory(target)
    database = Database(target)
    with database.reading() as connection:
        assert connection is not None
        assert tuple(connection.execute(select(rules)).one()) == (
            2,
            14,
        )  # two batches, and nothing of the third
    database.close()
    assert len(await found(memory, "running", max_results=50)) == 30
    assert await found(memory, "running", "ben") == ["running water"]
    await memory.aclose()
