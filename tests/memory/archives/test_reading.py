"""Files as they come: encodings, formats, and what is none of ours to read."""

import asyncio
import json
import os
import sys
from importlib.util import find_spec as really_find
from pathlib import Path

import pytest

from memory.archives import pdf as pdf_room
from memory.archives.chunks import records_of
from memory.archives.document import Document, NotReadableError
from memory.archives.reading import Content, fetch, read
from memory.places import place
from memory.records import Origin, Record
from tests.memory.archives.pdfs import bomb, pdf
from tests.processes import alive, descendants, wait_for


async def understood(name: str, data: bytes) -> tuple[Document, str]:
    return await read(name, Content(data, "r"))


def records(document: Document, path: str) -> list[Record]:
    return records_of(document, archive="a", path=path, revision="r", origin=Origin(source="file"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
async def test_marked_encodings_are_read_as_they_say(encoding: str) -> None:
    document, note = await understood("a.txt", "naïve Grüße 漢\r\nline".encode(encoding))
    assert document.lines == ["naïve Grüße 漢", "line"]
    assert not note


async def test_latin_1_is_a_guess_that_is_told() -> None:
    document, note = await understood("a.txt", "Grüße an “alle”".encode("cp1252"))
    assert document.lines == ["Grüße an “alle”"]
    assert note == "is not UTF-8: it was read as Latin-1 (Windows-1252)"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is binary"),
        ("a.bin", b"\xff\xd8\xff\x01\x02", "is binary"),
        (
            "a.txt",
            "привет, как дела".encode("cp1251"),
            "is not in UTF-8, UTF-16 or Latin-1: save it as UTF-8",
        ),
        ("a.txt", b"\xff\xfeabc", "is not in the encoding that its first bytes name"),
        ("a.txt", "a\0b".encode("utf-16"), "is binary"),
        ("a.txt", b"", "holds no text"),
        ("a.txt", b" \n\t\n", "holds no text"),
        ("key", b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "is a private key"),
        ("a.ipynb", b"{", "is no notebook: it does not hold JSON"),
        ("a.ipynb", b"[" * 100_000, "is no notebook: it does not hold JSON"),
        ("a.ipynb", b'{"worksheets": []}', "is no notebook of format 4: open it in Jupyter and save it"),
        ("a.ipynb", b'{"cells": []}', "holds no text"),
        ("a.pdf", b"%PDF-1.4 and then nothing", "is damaged, or takes more time or memory than it is given"),
        ("a.pdf", pdf([]), "holds no text"),
    ],
)
async def test_what_holds_no_text_is_left_out_with_a_word(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(NotReadableError) as caught:
        await understood(name, data)
    assert str(caught.value) == reason
    assert not caught.value.is_kept


async def test_pages_of_a_pdf_are_cited() -> None:
    document, _ = await understood("a.pdf", pdf(["Of apples " * 30, "Of pears " * 30]))
    first, second = records(document, "b/a.PDF")
    assert first.text.startswith("Of apples")
    assert place(first) == "b/a.PDF, page 1"
    assert place(second) == "b/a.PDF, page 2"
    assert (
        place(records((await understood("a.pdf", pdf(["One.", "Two."])))[0], "a.pdf")[0])
        == "a.pdf, pages 1-2"
    )


async def test_a_pdf_that_takes_too_long_is_ended() -> None:
    with pytest.raises(NotReadableError, match=r"takes more than 1 seconds|is damaged, or takes more time"):
        await pdf_room.read_pdf(bomb(10_000_000), seconds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up as Linux has them")
async def test_a_reader_that_is_cancelled_leaves_no_process() -> None:
    before = descendants(os.getpid())
    reading = asyncio.create_task(pdf_room.read_pdf(bomb(10_000_000)))
    await asyncio.to_thread(wait_for, lambda: descendants(os.getpid()) > before, "the reader")
    children = descendants(os.getpid()) - before
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not any(map(alive, children))


async def test_a_pdf_that_unfolds_without_end_is_ended() -> None:
    with pytest.raises(NotReadableError, match="is damaged, or takes more time or memory"):
        await pdf_room.read_pdf(bomb(120_000_000))


async def test_without_the_package_a_pdf_is_left_out_and_what_is_known_of_it_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf_room, "find_spec", lambda name: None if name == "pypdf" else really_find(name))
    with pytest.raises(
        NotReadableError, match=r"needs the package pypdf; run: pip install 'duograph\[pdf\]'"
    ) as no:
        await understood("a.pdf", pdf(["One."]))
    assert no.value.is_kept


async def test_cells_of_a_notebook_are_cited_and_outputs_are_short() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Words. " * 40]},
        {
            "cell_type": "code",
            "source": "print('a' * 10**6)\n" + "x = 1\n" * 50,
            "outputs": [
                {"output_type": "stream", "text": ["a" * 1_000_000]},
                {"output_type": "display_data", "data": {"image/png": "iVBOR", "text/html": "<b>no</b>"}},
                {"output_type": "execute_result", "data": {"text/plain": "far behind"}},
            ],
        },
        {"cell_type": "code", "source": [1, None], "outputs": [3]},
        "nonsense",
        {"cell_type": "raw", "source": "half a pair: \ud800, and a NUL: \0"},
    ]
    document, _ = await understood("a.ipynb", json.dumps({"cells": cells}).encode())
    first, second, third = records(document, "a.ipynb")
    assert place(first) == "a.ipynb, cell 1"
    assert place(second) == "a.ipynb, cell 2"
    assert "a" * 500 in second.text
    assert "a" * 501 not in second.text
    assert third.text == "half a pair: ?, and a NUL: "
    assert place(third) == "a.ipynb, cell 5"


def test_a_place_is_cited_as_an_editor_opens_it() -> None:
    chunk = Record(kind="chunk", text="t", archive="a", path="src/a.py", first_line=3, last_line=9)
    assert place(chunk) == "src/a.py:3-9"
    assert place(chunk.model_copy(update={"last_line": 3})) == "src/a.py:3"
    assert place(Record(kind="fact", text="t")) == ""


def test_a_file_is_read_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 100)
    content = fetch(path, 100)
    assert content.data == b"x" * 100
    assert fetch(path, 100) == content
    path.write_bytes(b"y" * 100)
    assert fetch(path, 100).revision != content.revision
    with pytest.raises(NotReadableError, match=r"has more than 9\.9e-05 MB"):
        fetch(path, 99)


def test_pipes_links_and_folders_in_a_files_place_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, reason in [("pipe", "is no regular file"), ("link", "cannot be read"), ("none", "is gone")]:
        with pytest.raises(NotReadableError, match=reason):
            fetch(tmp_path / name, 10)
    with pytest.raises(NotReadableError, match=r"is no regular file|cannot be read"):
        fetch(tmp_path / "folder", 10)


@pytest.mark.parametrize(("writes", "is_given_up"), [(1, False), (5, True)])
def test_a_file_that_others_write_is_read_again_and_given_up_in_the_end(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int, is_given_up: bool
) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"old")
    look, moments = os.fstat, iter(range(1, writes + 1))

    def look_and_write(handle: int) -> os.stat_result:
        found = look(handle)
        if found.st_ino == path.stat().st_ino and (moment := next(moments, 0)):
            path.write_bytes(b"new")
            os.utime(path, ns=(moment, moment))
        return found

    monkeypatch.setattr(os, "fstat", look_and_write)
    if not is_given_up:
        assert fetch(path, 100).data == b"new"
        return
    with pytest.raises(NotReadableError, match="changes while it is read: ingest it again later") as caught:
        fetch(path, 100)
    assert caught.value.is_kept
