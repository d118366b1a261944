import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.fences import blocks, solution_files, with_unchanged, without_blocks
from sandbox import SourceFile

DOUBLE = "def double(x):\n    return 2 * x\n"
HALF = "def half(x):\n    return x / 2\n"


def files(text: str) -> dict[str, str]:
    return {file.path: file.content for file in solution_files(text)}


def test_a_block_with_a_path_is_that_file() -> None:
    assert files(f"Here:\n```python solution.py\n{DOUBLE}```\nDone.") == {"solution.py": DOUBLE}


@pytest.mark.parametrize(
    "info", ["python", "py", "Python", "", "python title=solution.py", "solution.py", "python:solution.py"]
)
def test_the_usual_info_strings_all_mean_solution_py(info: str) -> None:
    assert files(f"```{info}\n{DOUBLE}```") == {"solution.py": DOUBLE}


def test_a_first_comment_names_the_file() -> None:
    assert list(files(f"```python\n# file: tools/text.py\n{DOUBLE}```")) == ["tools/text.py"]


def test_an_unclosed_fence_runs_to_the_end() -> None:
    assert files(f"```python solution.py\n{DOUBLE}") == {"solution.py": DOUBLE}


def test_prose_holds_no_files() -> None:
    assert files("I would write a function that multiplies by two.") == {}
    assert files("") == {}


def test_bare_code_without_a_fence_is_taken() -> None:
    assert files(DOUBLE) == {"solution.py": DOUBLE}


def test_an_example_run_after_the_solution_is_left_out() -> None:
    assert files(f"```python\n{DOUBLE}```\nFor example:\n```python\nprint(double(2))\n```") == {
        "solution.py": DOUBLE
    }


def test_a_corrected_block_replaces_the_one_before() -> None:
    wrong = DOUBLE.replace("2 *", "3 *")
    assert files(f"```python\n{wrong}```\nNo, rather:\n```python\n{DOUBLE}```") == {"solution.py": DOUBLE}


def test_blocks_with_different_definitions_make_one_module() -> None:
    content = files(f"```python\n{DOUBLE}```\nand\n```python\n{HALF}```")["solution.py"]
    names = [node.name for node in ast.parse(content).body if isinstance(node, ast.FunctionDef)]
    assert names == ["double", "half"]


def test_two_named_files_are_two_files_and_data_files_count() -> None:
    text = (
        f"```python solution.py\n{DOUBLE}```\n```python helper.py\n{HALF}```\n```json data/x.json\n{{}}\n```"
    )
    assert list(files(text)) == ["solution.py", "helper.py", "data/x.json"]


def test_shell_blocks_are_not_code() -> None:
    assert files(f"```bash\npip install x\n```\n```python\n{DOUBLE}```") == {"solution.py": DOUBLE}


def test_broken_code_is_still_the_solution() -> None:
    assert files("```python\ndef double(x:\n    return\n```") == {
        "solution.py": "def double(x:\n    return\n"
    }


def test_a_longer_fence_may_hold_a_shorter_one() -> None:
    inner = '"""\n```python\nx\n```\n"""\ndef f(): ...\n'
    assert files(f"````python solution.py\n{inner}````") == {"solution.py": inner}


def test_an_indented_block_loses_its_indent() -> None:
    text = "1. Like so:\n\n   ```python\n   def double(x):\n       return 2 * x\n   ```"
    assert files(text) == {"solution.py": DOUBLE}


def test_blocks_can_be_cut_out_of_a_text() -> None:
    text = "Plan.\n\n```python acceptance\nassert f() == 1\n```\n\nMore."
    assert without_blocks(text, "acceptance") == "Plan.\n\n\n\nMore."


@given(st.text(alphabet="`~ \nabcdef():=python.#/", max_size=300))
def test_no_answer_of_a_model_breaks_the_reader(text: str) -> None:
    for file in solution_files(text):
        assert file.path
    assert all(block.text.endswith("\n") for block in blocks(text))


@given(
    st.text(max_size=200).filter(
        lambda text: (
            "```" not in text
            and "\r" not in text
            and not set(text) & set("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
        )
    )
)
def test_what_stands_in_a_named_block_is_kept_to_the_letter(text: str) -> None:
    body = text if text.endswith("\n") else text + "\n"
    assert files(f"```python solution.py\n{body}```") == {"solution.py": body}


@pytest.mark.parametrize(
    "lead",
    [
        "### `pkg/a.py`",
        "**pkg/a.py**",
        "pkg/a.py:",
        "1. File: `pkg/a.py`",
        "#### 2. pkg/a.py",
        "`pkg/a.py`:\n",
    ],
)
def test_the_line_above_a_block_may_name_its_file(lead: str) -> None:
    text = f"{lead}\n```python\n{DOUBLE}```\n\n**data/words.txt**\n```\nhello\n```"
    assert files(text) == {"pkg/a.py": DOUBLE, "data/words.txt": "hello\n"}


@pytest.mark.parametrize(
    "lead", ["Node.js", "Like solution.py, but shorter:", "See e.g.", "Python 3.11", "# Usage"]
)
def test_prose_above_a_block_names_no_file(lead: str) -> None:
    assert files(f"{lead}\n```python\n{DOUBLE}```") == {"solution.py": DOUBLE}


def test_files_of_every_kind_are_taken() -> None:
    kinds = {
        "pkg/__init__.py": "python",
        "data/words.txt": "text",
        "pkg/py.typed": "text",
        "config.toml": "toml",
        ".gitignore": "text",
        "LICENSE": "text",
        "templates/index.html": "html",
        "docs/page.markdown": "markdown",
    }
    text = "".join(f"```{language} {path}\nx\n```\n" for path, language in kinds.items())
    text += '```Makefile\nall:\n```\n```python title="a b.py"\nx = 1\n```\n```python empty/__init__.py\n```\n'
    assert list(files(text)) == [*kinds, "Makefile", "a b.py", "empty/__init__.py"]


def test_files_that_an_answer_leaves_out_stay() -> None:
    before = [SourceFile(path=path, content="old") for path in ("a.py", "b.py", "data.txt")]
    changed, other = SourceFile(path="b.py", content="new"), SourceFile(path="z.py", content="new")
    assert {f.path: f.content for f in with_unchanged([changed], before)} == {
        "a.py": "old", "b.py": "new", "data.txt": "old"
    }  # fmt: skip
    assert with_unchanged([other], before) == [other]
    assert with_unchanged([], before) == []
    assert with_unchanged([changed, other], before[1:2]) == [changed, other]
