"""Doctests as tests: what doctest accepts passes, and what it refuses fails."""

import contextlib
import doctest
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import SourceFile, TestsError, Verifier, check_tests
from sandbox.doctests import from_doctests

Solution = Callable[[str], list[SourceFile]]

CODE = """\
def f(x):
    if x < 0:
        raise ValueError("negative")
    return 2 * x

def shout(text):
    print(text.upper())
    print()
    print("!")

class Stack:
    def __init__(self): self.items = []
    def push(self, item): self.items.append(item)
    def pop(self): return self.items.pop()
"""

GOOD = [
    ">>> f(2)\n4\n",
    ">>> f('a')  # doctest: +SKIP\n'aa'\n>>> f(1)\n2\n",
    "Doubling:\n\n    >>> f(2)\n    4\n\nand so on\n",
    ">>> s = Stack()\n>>> s.push(1)\n>>> s.pop()\n1\n",
    ">>> for x in range(2):\n...     print(f(x))\n0\n2\n",
    ">>> f(-1)\nTraceback (most recent call last):\n    ...\nValueError: negative\n",
    ">>> f(-1)  # doctest: +IGNORE_EXCEPTION_DETAIL\nTraceback (most recent call last):\nValueError: other\n",
    ">>> shout('a')\nA\n<BLANKLINE>\n!\n",
    ">>> Stack()  # doctest: +ELLIPSIS\n<...Stack object at 0x...>\n",
    ">>> list(range(3))  # doctest: +NORMALIZE_WHITESPACE\n[0,   1,\n 2]\n",
    ">>> from math import pi\n>>> round(pi, 2)\n3.14\n",
    ">>> total = 0\n>>> for x in (1, 2):\n...     total += f(x)\n...     print(total)\n2\n6\n>>> total\n6\n",
]
BAD = [
    ">>> f(2)\n5\n",
    ">>> f(2)\n4.0\n",
    ">>> shout('a')\nA\n",
    ">>> f(2)\n",
    ">>> f(-1)\nTraceback (most recent call last):\nValueError: another\n",
    ">>> f(1)\nTraceback (most recent call last):\nValueError: negative\n",
    ">>> unknown(1)\n1\n",
    ">>> Stack()  # doctest: +ELLIPSIS\n<...Queue object at 0x...>\n",
]


@pytest.mark.parametrize("text", GOOD + BAD, ids=range(len(GOOD) + len(BAD)))
async def test_the_ladder_says_what_doctest_says(verifier: Verifier, solution: Solution, text: str) -> None:
    names: dict[str, object] = {"__name__": "solution"}
    exec(CODE, names)  # noqa: S102 - our own code
    parsed = doctest.DocTestParser().get_doctest(text, names, "example", None, 0)
    with contextlib.redirect_stdout(io.StringIO()):
        failed = doctest.DocTestRunner(verbose=False).run(parsed).failed
    assert (failed == 0) == (text in GOOD)
    check_tests(text, name="tests")
    evidence = await verifier.verify(solution(CODE), tests=text)
    assert evidence.status == ("failed" if failed else "verified"), evidence.checks[-1]
    assert evidence.checks[-1].name == "tests"


async def test_the_docstrings_of_a_file_without_other_tests_count(
    verifier: Verifier, solution: Solution
) -> None:
    tests = 'from solution import f as g\n\ndef f(x):\n    """\n    >>> g(2)\n    4\n    """\n    return 4\n'
    check_tests(tests, name="tests")
    evidence = await verifier.verify(solution(CODE), tests=tests)
    assert [case.name for case in evidence.checks[-1].cases] == ["displayed(lambda: g(2)) == '4'"]
    # What such a file defines does not stand in for the solution.
    lying = tests.replace("from solution import f as g\n", "").replace("g(2)", "f(3)")
    assert (await verifier.verify(solution(CODE), tests=lying)).status == "failed"


async def test_names_like_our_helpers_are_the_solutions(verifier: Verifier, solution: Solution) -> None:
    code = "def displayed(x): return x\ndef raised(x): return x + 1\n"
    tests = ">>> displayed(1)\n1\n>>> raised(1)\n2\n"
    assert (await verifier.verify(solution(code), tests=tests)).status == "verified"
    assert (await verifier.verify(solution(code), tests=tests.replace("2", "3"))).status == "failed"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (">>> f(\n4\n", "line 1 of the doctest"),
        ("words\n>>>f(2)\n4\n", "invalid syntax"),
        (">>> x = 1\n", "holds no test"),
        ("  >>> f(2)\n4\n", "inconsistent leading whitespace"),
    ],
)
def test_a_doctest_that_cannot_be_read_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(TestsError, match=words) as error:
        check_tests(text, name="tests.txt")
    assert str(error.value).startswith("tests.txt")
    assert "\n" not in str(error.value)


@given(value=st.recursive(st.integers() | st.text() | st.booleans(), st.lists, max_leaves=5))
def test_every_value_is_compared_as_it_is_shown(value: object) -> None:
    if "\\" in repr(value):
        return  # the docstring that it would stand in is read twice
    source = from_doctests(f">>> f()\n{value!r}\n")
    exec(source, {"f": lambda: value})  # noqa: S102 - the property is about running it
    with pytest.raises(AssertionError):
        exec(source, {"f": lambda: [value]})  # noqa: S102 - the same
