"""`duograph ask --code`: files that a request is about."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine

MEAN = "def mean(v):\n    return sum(v) / len(v)\n"
FOUND = "FINDING app/mean.py:2 error: zero division\x1b[31m.\n```python\nassert mean([]) == 0\n```\n"


def test_findings_are_text_and_json(cli: CommandLine) -> None:
    (cli.folder / "app").mkdir()
    cli.write("app/__init__.py", "from app.mean import mean\n")
    cli.write("app/mean.py", MEAN)
    models = cli.models([{"content": FOUND}])
    words = ("ask", "review this", "--code", "app/mean.py", "--code", "app/__init__.py")
    text = cli.run(*words, env=models)
    assert text.code == 0
    assert "1. **error** `app/mean.py`, line 2: zero division." in text.out
    assert "Shown by running this test" in text.out
    assert "\x1b" not in text.out
    found = cli.run(*words, "--json", env=models).json
    assert (found["route"], found["findings"][0]["line"], found["findings"][0]["shown_by"]) == (
        "review",
        2,
        "test",
    )


@pytest.mark.parametrize("changed", [False, True])
def test_a_diff_from_standard_input_is_put_onto_its_file(cli: CommandLine, changed: bool) -> None:  # noqa: FBT001
    new = MEAN.replace("sum(v) / len(v)", "0")
    cli.write("mean.py", new if changed else MEAN)
    old = MEAN.splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(old, new.splitlines(keepends=True), "a/mean.py", "b/mean.py"))
    models = cli.models(
        [{"content": "FINDING mean.py:2 error: always 0.\n```python\nassert mean([2]) == 2\n```"}]
    )
    done = cli.run("ask", "review this", "--code", "mean.py", "--code", "-", "--json", stdin=diff, env=models)
    assert done.json["findings"][0]["shown_by"] == "test"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--code", "gone.py"), "The code file gone.py cannot be read"),
        (("--code", "mean.py", "--code", "./mean.py"), "Two --code files are called mean.py"),
        (("--code", "-", "--tests", "-"), "only one of TEXT, --tests and --code"),
        (("--code", "--force"), "looks like an option"),
    ],
)
def test_files_that_cannot_be_used_are_exit_code_2(
    cli: CommandLine, words: tuple[str, ...], message: str
) -> None:
    cli.write("mean.py", MEAN)
    done = cli.run("ask", "review this", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_file_from_elsewhere_goes_by_its_name(cli: CommandLine) -> None:
    cli.write("mean.py", MEAN)
    (cli.folder / "deep").mkdir()
    models = cli.models([{"content": "FINDING mean.py:1 note: m"}])
    done = cli.run(
        "ask", "review this", "--code", str(cli.folder / "deep" / ".." / "mean.py"), "--json", env=models
    )
    assert done.json["findings"][0]["file"] == "mean.py"
