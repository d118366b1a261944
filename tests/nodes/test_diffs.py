import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.diffs import DiffError, apply_diff, read_diff, show_diff, visible_lines
from sandbox import SourceFile

OLD = "import os\n\n\ndef half(x):\n    return x / 2\n\n\ndef double(x):\n    return x\n"
NEW = OLD.replace("return x\n", "return 2 * x\n")
_TEXTS = st.lists(st.sampled_from(("a", "b", "", " ", "-x", "+x", "--- y", "@@ z")), max_size=12)


def diff(old: str, new: str, *, before: str = "a/app.py", after: str = "b/app.py", context: int = 3) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), before, after, n=context, lineterm="")
    return "\n".join(lines) + "\n"


def files(**contents: str) -> list[SourceFile]:
    return [SourceFile(path=f"{name}.py", content=content) for name, content in contents.items()]


@given(_TEXTS, _TEXTS, st.integers(0, 3))
def test_a_diff_put_onto_the_old_file_gives_the_new_one(a: list[str], b: list[str], context: int) -> None:
    old, new = ("".join(f"{line}\n" for line in lines) for lines in (a, b))
    changes = read_diff(f"Please look:\n{diff(old, new, context=context)}\nThanks.")
    assert bool(changes) is (old != new)
    if changes:
        assert apply_diff(changes, files(app=old)) == files(app=new)


def test_a_file_that_has_the_change_already_stays_as_it_is() -> None:
    assert apply_diff(read_diff(diff(OLD, NEW)), files(app=NEW)) == files(app=NEW)
    assert apply_diff(read_diff(diff("", "x = 1\n", before="/dev/null")), files(app="x = 1\n")) == files(
        app="x = 1\n"
    )
    assert apply_diff(read_diff(diff("y = 1\n", "", after="/dev/null")), files(other=OLD)) == files(other=OLD)


@given(_TEXTS, _TEXTS)
def test_the_lines_that_a_diff_shows_are_those_of_the_new_file(a: list[str], b: list[str]) -> None:
    old, new = ("".join(f"{line}\n" for line in lines) for lines in (a, b))
    for lines in visible_lines(read_diff(diff(old, new))).values():
        assert all(1 <= number <= len(b) for number in lines)


@given(st.text("-+ @0123456789,ab/\n", max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    changes = read_diff(f"--- a/x\n+++ b/x\n@@ -1 +1 @@\n{text}")
    assert changes
    assert show_diff(changes)


def test_a_shifted_hunk_finds_its_only_place() -> None:
    shifted = "# one line more\n" + OLD
    (changed,) = apply_diff(read_diff(diff(OLD, NEW)), files(app=shifted))
    assert changed.content == "# one line more\n" + NEW


@pytest.mark.parametrize(
    ("known", "words"),
    [(files(other=OLD), r"changes app\.py, and that file"), (files(app="x\n"), "does not fit app.py at its")],
)
def test_a_diff_that_does_not_fit_says_where(known: list[SourceFile], words: str) -> None:
    with pytest.raises(DiffError, match=words):
        apply_diff(read_diff(diff(OLD, NEW)), known)


def test_new_removed_and_renamed_files() -> None:
    text = (
        diff("", "x = 1\n", before="/dev/null", after="b/new.py")
        + diff("y = 1\n", "", before="a/old.py", after="/dev/null")
        + diff(OLD, NEW, after="b/lib.py")
    )
    changed = apply_diff(read_diff(text), files(app=OLD, old="y = 1\n"))
    assert {file.path: file.content for file in changed} == {"new.py": "x = 1\n", "lib.py": NEW}


def test_a_reviewer_sees_the_numbers_of_the_new_file() -> None:
    shown = show_diff(read_diff(diff(OLD, NEW)))
    assert "    9 +     return 2 * x" in shown
    assert "      -     return x" in shown
