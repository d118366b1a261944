"""Files are listed, read and searched inside the walls."""

import os
from pathlib import Path

import pytest

from toolkit import ToolConfigError
from toolkit.files import lines, listing, reading, searching, walking
from toolkit.registry import make
from toolkit.running import Outcome, run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "node_modules" / "x").mkdir(parents=True)
    (folder / "README.md").write_text("# Hello\n\nworld\n", encoding="utf-8")
    (folder / "src" / "main.py").write_text("import os\r\nprint('Hello')\r\n", encoding="utf-8")
    (folder / "src" / "deep" / "data.bin").write_bytes(b"Hello\0")
    (folder / "src" / "deep" / "big.txt").write_text(
        "".join(f"row {n}\n" for n in range(5000)), encoding="utf-8"
    )
    return folder


async def use(name: str, *roots: Path, **arguments: object) -> Outcome:
    return await run(make(name, file_roots=roots), arguments)


async def test_files_are_listed(root: Path) -> None:
    assert (await use("list_files", root)).text.split("\n") == [
        "README.md 15", "node_modules/", "src/", "src/deep/", "src/main.py 27",
    ]  # fmt: skip
    assert (
        await use("list_files", root, path="src", pattern="*.txt", depth=3)
    ).text == "src/deep/big.txt 43890"
    assert (await use("list_files", root, path="README.md")).text == "README.md is no folder."
    assert (await use("list_files", root, pattern="*.exe")).text == "Nothing is there that fits."


async def test_lines_are_read_with_their_numbers(root: Path) -> None:
    assert (await use("read_file", root, path="src/main.py")).text == (
        "1\timport os\n2\tprint('Hello')\n[The end of the file]"
    )
    few = await use("read_file", root, path="src/deep/big.txt", first_line=4999, line_count=1)
    assert few.text == "4999\trow 4998\n[There is more: read on with first_line=5000]"
    whole = await use("read_file", root, path="src/deep/big.txt", line_count=2000)
    assert not whole.clipped
    assert "read on with first_line=" in whole.text
    assert "no line 9999" in (await use("read_file", root, path="src/deep/big.txt", first_line=9999)).text


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("src/deep/data.bin", "binary"),
        ("src", "is a folder"),
        ("gone.txt", "does not exist"),
        ("a\0", "no path"),
    ],
)
async def test_what_is_no_text_is_refused(root: Path, path: str, says: str) -> None:
    outcome = await use("read_file", root, path=path)
    assert outcome.is_error
    assert says in outcome.text


async def test_lines_are_found(root: Path) -> None:
    assert (await use("search_files", root, pattern="^pr|Hel+o")).text == (
        "README.md:1: # Hello\nsrc/main.py:2: print('Hello')"
    )
    assert (
        await use("search_files", root, pattern="HELLO", ignore_case=True, files="*.md")
    ).text == "README.md:1: # Hello"
    assert (await use("search_files", root, pattern="world$", path="README.md")).text == "README.md:3: world"
    assert (await use("search_files", root, pattern="nobody")).text == "No line matches."
    assert "Stopped after 100 lines" in (await use("search_files", root, pattern="row")).text


@pytest.mark.parametrize("pattern", ["(", "(?=a)", "a{1001}", r"(\pL{100}){100}", "[z-a]", r"\1"])
async def test_a_pattern_that_cannot_be_used_is_told(root: Path, pattern: str) -> None:
    assert (await use("search_files", root, pattern=pattern)).text.startswith(
        "That regular expression cannot be used"
    )


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(((a*)*)*)*b"])
async def test_no_pattern_takes_long(root: Path, pattern: str) -> None:
    (root / "a.txt").write_text(("a" * 1900 + "!\n") * 20, encoding="utf-8")
    assert (await use("search_files", root, pattern=pattern)).text == "No line matches."


async def test_a_line_without_end_is_cut(root: Path) -> None:
    (root / "long.txt").write_bytes(b"x" * 300_000 + b"\nnext\n")
    shown = (await use("read_file", root, path="long.txt")).text.split("\n")
    assert shown[0] == "1\t" + "x" * lines.MAX_LINE + " …"
    assert shown[1] == "2\tnext"


async def test_sizes_and_numbers_are_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    assert "Only the first 100 bytes" in (await use("read_file", root, path="src/deep/big.txt")).text
    monkeypatch.setattr(searching, "MAX_BYTES", 20)
    assert "Stopped early" in (await use("search_files", root, pattern="x")).text
    monkeypatch.setattr(listing, "MAX_LINES", 2)
    assert "[3 more; name a folder or a pattern]" in (await use("list_files", root)).text
    monkeypatch.setattr(walking, "MAX_ENTRIES", 4)
    assert "stopped after" in (await use("list_files", root)).text
    assert "name a folder" in (await use("search_files", root, pattern="x")).text


async def test_several_folders_have_names(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "more" / "project"
    other.mkdir(parents=True)
    (other / "b.txt").write_text("Hello b\n", encoding="utf-8")
    assert (await use("read_file", root, other, path="project-2/b.txt")).text.startswith("1\tHello b")
    assert (await use("read_file", root, other, path=str(other / "b.txt"))).text.startswith("1\tHello b")
    assert "project-2/b.txt 8" in (await use("list_files", root, other)).text
    assert "project-2/b.txt:1: Hello b" in (await use("search_files", root, other, pattern="Hello")).text
    assert "Begin the path with" in (await use("read_file", root, other, path="b.txt")).text


async def test_what_may_not_be_read_by_us_is_told(root: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (root / "README.md").chmod(0)
    assert "may not be read" in (await use("read_file", root, path="README.md")).text


def test_a_root_must_be_a_folder(root: Path) -> None:
    for wrong in ([root / "README.md"], [root / "gone"], []):
        with pytest.raises(ToolConfigError, match="file_roots"):
            make("read_file", file_roots=wrong)
