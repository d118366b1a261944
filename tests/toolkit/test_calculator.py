"""Arithmetic, and nothing else of Python."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.calculator import calculate
from toolkit.protocol import ToolError
from toolkit.registry import make
from toolkit.running import run


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("round(1250 * 1.19 ** 2, 2)", "1770.12"),
        ("7 // 2 + -7 % 3", "5"),
        ("sum([1, 2, 3]) / max(1, 2)", "3.0"),
        ("factorial(20)", "2432902008176640000"),
        ("comb(10**9, 2)", "499999999500000000"),
        ("2 ** -1", "0.5"),
        ("2 ** 64", "18446744073709551616"),
        ("sqrt(2) < 1.5 and not 1 > 2", "True"),
        ("3 if pi > e else 4", "3"),
        ("median(3, 1, 2)", "2"),
    ],
)
def test_arithmetic_is_done(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "attack",
    [
        "9**9**9", "10**10000 * 10**10000", "factorial(10**9)", "comb(10**18, 10**9)", "perm(10**9, 10**9)",
        "round(5, -10**12)", "lcm(*range(9**9))", "prod([10**2000, 10**2000])", "1e308 * 10", "1e999",
        "'a' * 10**9", "[1] * 10**9", "[0] + [0]", "(-8) ** 0.5", "1j", "b'x'", "f'{1:>999999999}'", "...",
        "[x for x in (1, 2)]", "(lambda: 1)()", "().__class__.__bases__", "(1).real", "[1][0]", "{1: 2}",
        "__import__('os')", "open('/etc/passwd')", "print(1)", "sum(start=1)", "x", "import os", "x = 1",
        "(x := 1)", "await 1", "yield", "1; 2", "1\n2", "-" * 900, "(" * 400 + "1" + ")" * 400, "", "\0",
        "1,000", "2^3", "1/0", "sqrt(-1)", "sqrt(1, 2)", "sqrt", "mean()", "1 in [1]", "1 is 1", "1 << 10**9",
    ],
)  # fmt: skip
def test_everything_else_is_refused_at_once(attack: str) -> None:
    with pytest.raises(ToolError):
        calculate(attack)


def test_what_is_probably_meant_is_told() -> None:
    with pytest.raises(ToolError, match=r"\*\*, not \^"):
        calculate("2^3")
    with pytest.raises(ToolError, match="write 1000, not 1,000"):
        calculate("1,000")


NUMBERS = st.integers(-(10**30), 10**30).map(str) | st.floats(allow_nan=False).map(repr)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        st.tuples(st.sampled_from(["factorial", "exp", "isqrt", "abs", "gcd", "int"]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        ),
        st.tuples(st.sampled_from(["pow", "comb", "perm", "round", "lcm", "log"]), inner, inner).map(
            lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"
        ),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_any_arithmetic_ends_in_a_number_of_bounded_length_or_in_a_sentence(expression: str) -> None:
    try:
        shown = calculate(expression)
    except ToolError as error:
        assert str(error).startswith("That cannot be calculated: ")  # noqa: PT017  # both ends are right
    else:
        assert len(shown) < 3100
        assert math.isfinite(float(shown)) if {".", "e"} & set(shown) else shown.lstrip("-").isdigit()


async def test_the_tool_answers_and_refuses_what_is_long() -> None:
    tool = make("calculator")
    assert (await run(tool, {"expression": "6 * 7"})).text == "42"
    assert "at most 1000 characters" in (await run(tool, {"expression": "1+" * 600 + "1"})).text
