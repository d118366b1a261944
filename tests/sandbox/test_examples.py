"""Examples in a request: what is taken is meant, and what is not meant is left."""

import ast
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Options, SourceFile, Verifier, check_tests
from sandbox.doctests import HELPERS
from sandbox.examples import examples_in
from tests.sandbox.example_requests import LEFT, TAKEN

Solution = Callable[[str], list[SourceFile]]

SCALARS = (
    st.integers(-(10**6), 10**6)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.booleans()
    | st.none()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 9), inner, max_size=2)
)
SIGNS = st.sampled_from(
    ("{call} == {value}", "{call} -> {value}", "`{call}` should return `{value}`", "{call} returns {value}.")
)
WORDS = st.sampled_from(
    [
        *(
            "f(2)",
            "f",
            "(2)",
            "returns",
            "==",
            "->",
            "4",
            "[1, 2]",
            "'a'",
            "the",
            "Write",
            "def",
            "not",
            "if",
        ),
        *(".", ",", "```", "assert", "class", "f(x)", "`", "and", "should return", "\n", "\n>>> f(2)\n4\n"),
    ]
)
PROSE = "Write return returns should be the f(x) g(n) sum of 4 all -> int == if"


def asserts(source: str) -> list[str]:
    return [ast.unparse(node.test) for node in ast.parse(source).body if isinstance(node, ast.Assert)]


def test_the_corpus_is_large_enough() -> None:
    assert len(TAKEN) + len(LEFT) >= 100


@pytest.mark.parametrize(("text", "tests"), TAKEN, ids=range(len(TAKEN)))
def test_an_example_is_taken(text: str, tests: list[str]) -> None:
    assert asserts(examples_in(text)) == tests


@pytest.mark.parametrize("text", LEFT, ids=range(len(LEFT)))
def test_prose_is_left(text: str) -> None:
    assert asserts(examples_in(text)) == []


def passes(source: str, f: Callable[..., object]) -> bool:
    try:
        exec(source, {"f": f})  # noqa: S102 - the property is about running it
    except AssertionError:
        return False
    return True


@given(argument=VALUES, value=VALUES, sign=SIGNS)
def test_an_example_passes_for_its_value_and_for_no_other(argument: object, value: object, sign: str) -> None:
    call = f"f({argument!r})"
    source = examples_in(f"Write f. {sign.format(call=call, value=repr(value))}")
    if "\\" in repr((argument, value)) or not source:
        return  # a text with escapes may be left
    assert passes(source, lambda given: value if given == argument else "another")
    assert not passes(source, lambda _: (value, "another"))


@given(number=st.integers(-999, 999), value=st.integers(-999, 999), sign=SIGNS)
def test_plain_numbers_are_never_missed(number: int, value: int, sign: str) -> None:
    text = f"Write a function f. {sign.format(call=f'f({number})', value=value)}"
    assert asserts(examples_in(text)) == [f"f({number}) == {value}"]


@given(value=st.decimals(-99, 99, places=3))
def test_a_rounded_number_passes_for_what_it_was_rounded_from(value: Any) -> None:  # noqa: ANN401 - a Decimal
    source = examples_in(f"Write f. f(1) should return {value}")
    assert passes(source, lambda _: float(value) + 0.0001)
    assert not passes(source, lambda _: float(value) + 0.01)


@given(text=st.text(max_size=200) | st.lists(WORDS, max_size=25).map(" ".join))
def test_whatever_is_written_gives_asserts_on_single_calls_or_nothing(text: str) -> None:
    source = examples_in(text)
    if not source:
        return
    check_tests(source, name="examples")
    for node in ast.parse(source.removeprefix(HELPERS)).body:
        assert isinstance(node, ast.Assert)
        assert len({part.id for part in ast.walk(node) if isinstance(part, ast.Name)}) <= 2


@given(prose=st.lists(st.sampled_from(PROSE.split(" "))))
def test_signatures_and_words_give_nothing(prose: list[str]) -> None:
    assert examples_in(" ".join(prose)) == ""


async def test_examples_are_the_users_tests_and_say_where_they_are_from(
    verifier: Verifier, solution: Solution
) -> None:
    options = Options(examples=examples_in("Write f: f(2) == 4 and f(3) -> 9"))
    evidence = await verifier.verify(
        solution("def f(x): return x * x"), tests="assert f(1) == 1", options=options
    )
    check = evidence.checks[-1]
    assert (evidence.status, check.name, check.detail) == (
        "verified",
        "tests",
        "3 passed (2 from the request)",
    )
    assert [(case.name, case.origin) for case in check.cases] == [
        ("f(1) == 1", ""),
        ("f(2) == 4", "request"),
        ("f(3) == 9", "request"),
    ]
    failed = await verifier.verify(solution("def f(x): return 2 * x"), options=options)
    assert (failed.status, failed.failure and failed.failure.name) == ("failed", "tests")
