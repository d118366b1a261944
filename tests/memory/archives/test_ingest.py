"""A folder becomes an archive, and stays what the folder is."""

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.archives import ArchiveError, IngestReport, Progress, ingest
from memory.archives.ignoring import MAX_BYTES
from memory.archives.ingest import Options
from memory.protocol import Memory, MemoryStoreError
from memory.records import Query, Record, Selection
from memory.sql.database import Database
from memory.sql.store import SqlMemory
from tests.memory.archives.pdfs import pdf

ROOT = Path(__file__).resolve().parents[3]
DRY = Options(is_dry_run=True)


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.removed, report.skipped


async def texts(memory: Memory, archive: str = "a") -> dict[str, str]:
    """Each file's chunks, joined."""
    found: dict[str, str] = {}
    for item in await memory.list("me", Selection(archive=archive), limit=1000):
        record = item.record
        found[record.path] = found.get(record.path, "") + record.text
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "folder"
    root.mkdir()
    return root


async def test_only_what_changed_is_written(memory: Memory, folder: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt", ".hidden"):
        (folder / name).write_text(f"This is {name}.", encoding="utf-8")
    assert counts(await ingest(memory, "me", "a", folder)) == (3, 0, 0, 0, 1)
    assert counts(await ingest(memory, "me", "a", folder)) == (0, 0, 3, 0, 1)
    (folder / "a.txt").write_text("Another text.", encoding="utf-8")
    (folder / "b.txt").unlink()
    (folder / "d.txt").write_text("A new one.", encoding="utf-8")
    dry = await ingest(memory, "me", "a", folder, options=DRY)
    assert counts(dry) == (1, 1, 1, 1, 1)
    assert dry.is_dry_run
    assert await texts(memory) == {name: f"This is {name}." for name in ("a.txt", "b.txt", "c.txt")}
    report = await ingest(memory, "me", "a", folder)
    assert counts(report) == (1, 1, 1, 1, 1)
    assert report.chunks == 2
    assert await texts(memory) == {"a.txt": "Another text.", "c.txt": "This is c.txt.", "d.txt": "A new one."}
    assert [(each.path, each.reason) for each in report.left_out] == [(".hidden", "is hidden")]


async def test_our_own_documentation_is_found_and_cited(memory: Memory) -> None:
    shown: list[Progress] = []
    report = await ingest(memory, "me", "docs", ROOT / "docs", progress=shown.append)
    assert report.added == len(shown) - 1 > 10
    assert report.left_out == ()
    assert (shown[0].done, shown[-1].done) == (0, shown[-1].total)
    (best, *_) = await memory.search("me", Query(text="circuit breakers", archives=("docs",)))
    record = best.item.record
    lines = (ROOT / "docs" / record.path).read_text(encoding="utf-8").splitlines()
    assert record.text == "\n".join(lines[record.first_line - 1 : record.last_line])
    assert "Circuit breakers" in record.text
    assert not await memory.search("you", Query(text="circuit breakers", archives=("docs",)))


async def test_a_file_may_become_a_folder_and_a_folder_a_file(memory: Memory, folder: Path) -> None:
    (folder / "x").write_text("A file.", encoding="utf-8")
    (folder / "y").mkdir()
    (folder / "y" / "z.txt").write_text("In a folder.", encoding="utf-8")
    await ingest(memory, "me", "a", folder)
    (folder / "x").unlink()
    (folder / "x").mkdir()
    (folder / "x" / "z.txt").write_text("Now in a folder.", encoding="utf-8")
    (folder / "y" / "z.txt").unlink()
    (folder / "y").rmdir()
    (folder / "y").write_text("Now a file.", encoding="utf-8")
    assert counts(await ingest(memory, "me", "a", folder)) == (2, 0, 0, 2, 0)
    assert await texts(memory) == {"x/z.txt": "Now in a folder.", "y": "Now a file."}


async def test_what_is_left_out_now_is_forgotten(memory: Memory, folder: Path) -> None:
    for name in ("big.txt", "emptied.txt", "ignored.txt", "stays.txt"):
        (folder / name).write_text(f"This is {name}.", encoding="utf-8")
    await ingest(memory, "me", "a", folder)
    (folder / "big.txt").write_text("x" * 2000, encoding="utf-8")
    (folder / "emptied.txt").write_text("", encoding="utf-8")
    (folder / ".gitignore").write_text("ignored.txt", encoding="utf-8")
    report = await ingest(memory, "me", "a", folder, options=Options(max_file_bytes=1000))
    assert counts(report) == (0, 0, 1, 3, 4)
    assert {each.path: each.reason for each in report.left_out} == {
        ".gitignore": "is hidden",
        "ignored.txt": "is ignored by git",
        "big.txt": "has more than 0.001 MB",
        "emptied.txt": "holds no text",
    }
    assert await texts(memory) == {"stays.txt": "This is stays.txt."}


async def test_what_nobody_can_tell_now_is_kept(
    memory: Memory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "a.txt").write_text("Of the inner folder.", encoding="utf-8")
    (folder / "b.pdf").write_bytes(pdf(["Of the page."]))
    await ingest(memory, "me", "a", folder)
    before = await texts(memory)
    (folder / "inner" / ".gitignore").write_text("#" * (MAX_BYTES + 1), encoding="utf-8")
    (folder / "b.pdf").write_bytes(pdf(["Of another page."]))
    monkeypatch.setattr("memory.archives.pdf.find_spec", lambda _: None)
    report = await ingest(memory, "me", "a", folder)
    assert counts(report) == (0, 0, 0, 0, 2)
    assert await texts(memory) == before == {"inner/a.txt": "Of the inner folder.", "b.pdf": "Of the page."}


async def test_a_file_that_is_named_is_taken_and_nothing_else_forgotten(memory: Memory, folder: Path) -> None:
    (folder / "a.txt").write_text("One.", encoding="utf-8")
    (folder / ".notes").write_text("Hidden, and named.", encoding="utf-8")
    await ingest(memory, "me", "a", folder)
    (folder / "a.txt").unlink()
    assert counts(await ingest(memory, "me", "a", folder / ".notes")) == (1, 0, 0, 0, 0)
    assert await texts(memory) == {"a.txt": "One.", ".notes": "Hidden, and named."}


async def test_an_archive_belongs_to_one_folder(memory: Memory, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(f"Of {name}.", encoding="utf-8")
    await ingest(memory, "me", "a", tmp_path / "one")
    with pytest.raises(
        ArchiveError, match="'a' was made from another folder, whose files would be forgotten"
    ):
        await ingest(memory, "me", "a", tmp_path / "two")
    await ingest(memory, "you", "a", tmp_path / "two")
    await ingest(memory, "me", "b", tmp_path / "two")
    assert await texts(memory) == {"one.txt": "Of one."}
    report = await ingest(memory, "me", "a", tmp_path / "two", options=Options(takes_over=True))
    assert counts(report) == (1, 0, 0, 1, 0)
    assert await texts(memory) == {"two.txt": "Of two."}
    assert counts(await ingest(memory, "me", "a", tmp_path / "two")) == (0, 0, 1, 0, 0)


async def test_an_empty_folder_forgets_nothing(memory: Memory, folder: Path) -> None:
    (folder / "a.txt").write_text("One.", encoding="utf-8")
    await ingest(memory, "me", "a", folder)
    (folder / "a.txt").unlink()
    with pytest.raises(ArchiveError, match="has no file to read, and the archive 'a' has 1"):
        await ingest(memory, "me", "a", folder)
    assert await texts(memory) == {"a.txt": "One."}


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "a\x1bb"])
async def test_a_name_that_is_none_is_refused(memory: Memory, folder: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match="give 1 to 64 characters on one line"):
        await ingest(memory, "me", name, folder)


async def test_a_path_that_is_none_is_refused(memory: Memory, folder: Path) -> None:
    (folder / "self").symlink_to("self")
    for name in ("nowhere", "self"):
        with pytest.raises(ArchiveError, match=f"{name} cannot be read: "):
            await ingest(memory, "me", "a", folder / name)


class Cut(SqlMemory):
    """Cancels its own caller, or fails, at one call."""

    def __init__(self, at: int, *, fails: bool) -> None:
        super().__init__(Database(":memory:", busy_timeout_s=5))
        self.at, self.fails, self.calls = at, fails, count(1)

    async def replace(self, namespace: str, selection: Selection, records: Sequence[Record]) -> Sequence[str]:
        if next(self.calls) == self.at:
            if self.fails:
                raise MemoryStoreError("The disk is full: make room.")
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        return await super().replace(namespace, selection, records)


@given(at=st.integers(1, 5), fails=st.booleans())
def test_an_ingestion_that_is_cut_leaves_whole_files_and_goes_on(
    *, tmp_path_factory: pytest.TempPathFactory, at: int, fails: bool
) -> None:
    folder = tmp_path_factory.mktemp("folder")
    whole = {f"{number}.txt": f"<{number}>" * 1500 for number in range(5)}
    for name, text in whole.items():
        (folder / name).write_text(text, encoding="utf-8")

    async def story() -> None:
        memory = Cut(at, fails=fails)
        with pytest.raises(MemoryStoreError if fails else asyncio.CancelledError):
            await ingest(memory, "me", "a", folder)
        there = await memory.list("me", Selection(archive="a"), limit=1000)
        assert {item.record.path for item in there} == {f"{number}.txt" for number in range(at - 1)}
        report = await ingest(memory, "me", "a", folder)
        assert counts(report) == (6 - at, 0, at - 1, 0, 0)
        assert len(await texts(memory)) == 5
        await memory.aclose()

    asyncio.run(story())


async def test_many_left_out_are_counted_and_some_are_named(memory: Memory, folder: Path) -> None:
    for number in range(1100):
        (folder / f".{number}").touch()
    (folder / "a.txt").write_text("One.", encoding="utf-8")
    report = await ingest(memory, "me", "a", folder)
    assert report.skipped == 1100
    assert len(report.left_out) == 1000
