import pytest

from nodes.material import MAX_CODE_CHARS, material, pasted, problem_with_code, words_of
from sandbox import SourceFile

CODE = "def double(x):\n    return x\n"
DIFF = "--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,2 @@\n def double(x):\n-    return x\n+    return 2 * x\n"
NEW = SourceFile(path="app.py", content="def double(x):\n    return 2 * x\n")


@pytest.mark.parametrize(
    "text",
    [
        f"Review this:\n```python\n{CODE}```",
        f"```\n{CODE}```\nWhat is wrong?",
        f"Review this code:\n{CODE}",
        f"Review this code: {CODE}",
        f"Is it right?\n```python\n{CODE}```\nIt prints\n```text\nTraceback\n```\nand\n```console\n$ x\n```",
    ],
)
def test_pasted_code_is_found(text: str) -> None:
    assert pasted(text) == [SourceFile(path="solution.py", content=CODE)]


@pytest.mark.parametrize(
    "text",
    [
        "What is a monad?",
        "Review my plan:\n1. Sleep.\n2. Eat.",
        "```text\nhello\n```",
        "Review: x = 1",
        "",
        ":",
    ],
)
def test_prose_is_no_code(text: str) -> None:
    assert not material(text, [])


def test_blocks_with_names_keep_them_and_the_others_get_one() -> None:
    text = f"```python app/a.py\n{CODE}```\n```python\n{CODE}```\n```javascript\nlet a;\n```"
    assert [file.path for file in pasted(text)] == ["app/a.py", "part_2.py", "part_3.js"]


@pytest.mark.parametrize("form", ["{}", "```diff\n{}```"])
def test_a_diff_is_put_onto_the_files_that_came_with_it(form: str) -> None:
    text = "Review this change:\n" + form.format(DIFF)
    found = material(text, [SourceFile(path="app.py", content=CODE)])
    assert (found.files, found.unrunnable) == ([NEW], "")
    assert "+    return 2 * x" in found.diff


def test_a_diff_may_be_a_file_and_its_file_may_be_pasted() -> None:
    change = SourceFile(path="fix.patch", content=DIFF)
    assert material("review", [change, SourceFile(path="app.py", content=CODE)]).files == [NEW]
    assert material(f"review\n```python app.py\n{CODE}```", [change]).files == [NEW]


def test_a_diff_alone_cannot_be_run_and_says_what_is_missing() -> None:
    found = material(f"review\n{DIFF}", [])
    assert found
    assert found.files == []
    assert "app.py" in found.unrunnable


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (SourceFile(path="../a.py", content=""), "not normal"),
        (SourceFile(path="a.py", content="x" * (MAX_CODE_CHARS + 1)), "limit is 400,000"),
    ],
)
def test_code_that_cannot_be_taken_is_one_sentence(file: SourceFile, words: str) -> None:
    problem = problem_with_code([file])
    assert problem is not None
    assert words in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    "text",
    [f"Hello.\n```python\n# review\n{CODE}```", f"Hello.\n{CODE}# review", f"Hello.\n{DIFF}+# review\n"],
)
def test_words_in_the_code_are_not_words_of_the_request(text: str) -> None:
    assert words_of(text).strip() == "Hello."


PROGRAM = "import math\n\ndef mean(values):\n    total = 0\n\n    return total / n\n\nclass A:\n    x = 1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{PROGRAM}\n\nplease review my code", "please review my code"),
        (f"{PROGRAM}\nplease review my code", "please review my code"),
        (f"{PROGRAM}\n\nPlease review this.\nIt should be fast.\n", "Please review this. It should be fast."),
        (f"Hi there\n\nreview this, please\n\n{PROGRAM}\n\nthanks", "Hi there review this, please thanks"),
        (f"review my code\n{PROGRAM}\n", "review my code"),
    ],
)
def test_code_without_a_fence_is_found_before_and_between_words(text: str, words: str) -> None:
    (file,) = pasted(text)
    assert (file.path, file.content.strip()) == ("solution.py", PROGRAM)
    assert " ".join(words_of(text).split()) == words


def test_statements_alone_are_code_too() -> None:
    (file,) = pasted("Can you review\nx = 1\ny = x + z\nprint(y)\n")
    assert file.content == "x = 1\ny = x + z\nprint(y)\n"
    assert pasted("class of 2020, review\nit") == []
    assert words_of("import duties: review them") == "import duties: review them"
