from __future__ import annotations

import io
import os
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import SourceFile
from serving.json_lines import LineError
from serving.jsonl import parse_line
from serving.lines import MAX_LINE, TAIL, read_lines, split_lines

if TYPE_CHECKING:
    from pathlib import Path


@given(st.binary(max_size=200) | st.lists(st.sampled_from([b"\n", b"a", b"\r\n"])).map(b"".join))
def test_lines_are_those_that_files_have(data: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        assert list(split_lines(file.fileno())) == [line.removesuffix(b"\n") for line in io.BytesIO(data)]


def test_a_line_that_is_too_long_is_cut_and_its_rest_skipped(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * (MAX_LINE * 2) + b"end\nnext")
    with (tmp_path / "long").open("rb") as file:
        first, second = split_lines(file.fileno())
    assert (len(first), first[-TAIL:], second) == (MAX_LINE + 1 + TAIL, b"x" * (TAIL - 3) + b"end", b"next")


async def test_no_more_is_read_than_is_asked_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    lines = read_lines(reader)
    os.write(writer, b"one\n" * 1000)
    assert await anext(lines) == b"one"
    await lines.aclose()  # type: ignore[attr-defined]
    written = 0
    try:
        while True:
            written += os.write(writer, b"x" * 1000 + b"\n")
    except BlockingIOError:
        pass
    assert written < 1_000_000  # the pipe filled up, as nobody took the lines
    os.close(writer)


@pytest.mark.parametrize(
    ("line", "line_id", "message"),
    [
        (b"{", None, "Line 7 is not JSON"),
        (b"[1]", None, "Line 7 is not a JSON object"),
        (b"\xff", None, "Line 7 is not UTF-8"),
        (b"[" * 100_000, None, "Line 7 is not JSON"),
        (b'{"id": NaN, "code": ""}', None, "Line 7 is not JSON: NaN is no number"),
        (b'{"id": [-Infinity], "code": ""}', None, "Line 7 is not JSON: -Infinity is no number"),
        (b'{"id": 1e999, "code": ""}', None, "Line 7 is not JSON: 1e999 is no number"),
        (b'{"id": "a"}', "a", "Line 7 has no 'code'"),
        (b'{"id": 3, "code": 1}', 3, "Line 7 has no text as its 'code'"),
        (b'{"id": "a", "code": "", "tests": null}', "a", "Line 7 has no text as its 'tests'"),
        (b'{"id": "a", "code": "", "test": "assert 0"}', "a", "did you mean 'tests'"),
        (b'{"id": "a", "code": "\\ud800"}', "a", "half a character in 'code'"),
        (b'{"id": 1, "code": "", "files": {"a.py": ""}}', 1, "both 'code' and 'files'"),
        (b'{"id": 1, "files": {}}', 1, "no object as its 'files'"),
        (b'{"id": 1, "files": ["a.py"]}', 1, "no object as its 'files'"),
        (b'{"id": 1, "files": {"a.py": 3}}', 1, "no text as its 'a.py'"),
        (b'{"id": 1, "files": {"../a.py": ""}}', 1, "cannot take these names"),
        (b'{"id": 1, "file": {"a.py": ""}}', 1, "did you mean 'files'"),
        (b"x" * (MAX_LINE + 1), None, "more than"),
    ],
)
def test_a_line_that_cannot_be_used_says_why_with_its_id(line: bytes, line_id: object, message: str) -> None:
    with pytest.raises(LineError, match=message) as caught:
        parse_line(line, 7)
    assert caught.value.line_id == line_id


def test_an_id_may_be_any_number_that_json_has() -> None:
    assert parse_line(b'{"id": [-1.5e3, 12], "code": ""}', 1).line_id == [-1500.0, 12]


def test_a_line_may_leave_out_id_and_tests_and_carry_more() -> None:
    job = parse_line(b'\xef\xbb\xbf{"code": "x = 1", "source": "elsewhere"}', 1)
    assert (job.line_id, job.tests) == (None, "")
    assert job.files == [SourceFile(path="solution.py", content="x = 1")]


def test_a_line_may_bring_several_files() -> None:
    job = parse_line(b'{"id": 1, "files": {"shop/cart.py": "x = 1", "id": "y"}}', 1)
    assert {file.path: file.content for file in job.files} == {"shop/cart.py": "x = 1", "id": "y"}
