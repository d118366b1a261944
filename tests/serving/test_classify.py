"""`duograph classify` as a stranger uses it: pipes, bad lines, odd ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.minilm import tiny_folder, with_heads
from tests.serving.commandline import finish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.commandline import CommandLine

CODE_PLEASE = "Write a Python function that reverses a string"
HELLO = "remember that my name is Ana"


def line(line_id: object, text: str = HELLO) -> str:
    return json.dumps({"id": line_id, "text": text})


def test_one_text_is_given_as_a_word_or_on_standard_input(shared_cli: CommandLine) -> None:
    word = shared_cli.run("classify", HELLO, "--local", "--json")
    piped = shared_cli.run("classify", "-", "--local", "--json", stdin=HELLO + "\n")
    assert (word.code, piped.code) == (0, 0)
    assert word.json["label"] == piped.json["label"] == "knowledge_store"
    assert word.json["tier"] == piped.json["tier"] == "signal"
    assert set(word.json) == {"label", "confidence", "tier", "ms", "subject", "note"}


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        ((), b"", "give either TEXT or --jsonl"),
        ((HELLO, "--jsonl"), b"", "give either TEXT or --jsonl"),
        (("",), b"", "The request is empty"),
        (("-",), b"", "The request is empty"),
        (("-",), b"\xff", "UTF-8"),
        (("-",), b"x" * 200_001, "200,000"),
    ],
)
def test_what_is_no_text_is_refused_in_a_sentence(
    shared_cli: CommandLine, words: tuple[str, ...], stdin: bytes, said: str
) -> None:
    done = shared_cli.run("classify", "--local", *words, stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_lines_are_answered_in_order_each_error_with_its_line(shared_cli: CommandLine) -> None:
    lines = [
        b"\xef\xbb\xbf" + line(1).encode() + b"\r",
        line(1, CODE_PLEASE).encode(),
        b" ",
        b"{bad",
        b'{"id": 2}',
        b'{"id": 3, "text": 5}',
        b'{"id": 4, "text": "", "extra": [1]}',
        b'{"text": "caf\xff"}',
        b'{"id": NaN, "text": "x"}',
        line(5, "x" * 1_000_000).encode(),
        line({"a": 1}).encode(),
    ]
    done = shared_cli.run("classify", "--jsonl", "--local", stdin=b"\n".join(lines))
    assert done.code == 2
    answers = [json.loads(one) for one in done.out.splitlines()]
    assert [one["id"] for one in answers] == [1, 1, None, 2, 3, 4, None, None, 5, {"a": 1}]
    wrong = [number for number, one in enumerate(answers) if "error" in one]
    assert wrong == [2, 3, 4, 6, 7]
    assert "Line 4" in answers[2]["error"]
    for one in answers:
        assert list(one)[:5] == ["id", "label", "confidence", "tier", "ms"]
    assert answers[0]["label"] == answers[-1]["label"] == "knowledge_store"


def test_no_lines_are_no_fault_and_thousands_come_back_in_order(shared_cli: CommandLine) -> None:
    none = shared_cli.run("classify", "--jsonl", "--local")
    assert (none.code, none.out, none.err) == (0, "", "")
    done = shared_cli.run("classify", "--jsonl", "--local", stdin="\n".join(map(line, range(2_000))))
    assert done.code == 0
    assert [json.loads(one)["id"] for one in done.out.splitlines()] == list(range(2_000))


def test_a_reader_that_goes_away_ends_it_quietly(shared_cli: CommandLine) -> None:
    reader, writer = os.pipe()
    process = shared_cli.start("classify", "--jsonl", "--local", stdout=writer)
    os.close(writer)
    os.close(reader)
    done = finish(process, "\n".join(map(line, range(500))))
    assert "Traceback" not in done.err
    assert done.code == 128 + signal.SIGPIPE


def test_ctrl_c_between_lines_ends_it(shared_cli: CommandLine) -> None:
    process = shared_cli.start("classify", "--jsonl", "--local", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line(1).encode() + b"\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    process.send_signal(signal.SIGINT)
    done = finish(process, b"")
    assert done.code == 128 + signal.SIGINT
    assert "Traceback" not in done.err


def test_a_minilm_folder_is_read_where_it_is_named(shared_cli: CommandLine, tmp_path: Path) -> None:
    folder = str(with_heads(tiny_folder(tmp_path / "tiny"), "planning"))
    for words, variables in (
        (("--local", "--minilm", folder), {}),
        (("--minilm", folder), {}),
        ((), {"DUOGRAPH_ROUTING_MINILM": folder}),
    ):
        done = shared_cli.run("classify", CODE_PLEASE, "--json", *words, env=variables)
        assert (done.code, done.json["label"], done.json["tier"]) == (0, "planning", "classifier"), done.err
    for also in (["--local"], []):
        done = shared_cli.run("classify", CODE_PLEASE, *also, "--minilm", str(tmp_path))
        assert (done.code, done.out) == (2, "")
        assert "The setting routing_minilm cannot be used: " in done.err
        assert "config.json is missing" in done.err
