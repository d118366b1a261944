"""The tool `calculator`: arithmetic on numbers, and nothing else of Python."""

from __future__ import annotations

import ast
import math
import operator
import statistics
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import Field

from toolkit.protocol import Arguments, Tool, ToolError, ToolInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.services import Services

Number: TypeAlias = int | float

MAX_CHARS = 1000
MAX_BITS = 10_000
"""The longest whole number, some 3000 digits: what is longer takes time to make, and nobody reads it."""

_MAX_PLACES = 400

INFO = ToolInfo(
    name="calculator",
    description=(
        "Calculate an expression in Python's syntax: + - * / // % **, comparisons, x if c else y, pi, e, "
        "tau, and functions such as sqrt, log, sin, round, factorial, comb, gcd, mean, median, stdev, sum."
    ),
    category="calculation",
    effect="read",
    extras=("tools",),
    timeout_s=5,
    max_chars=4000,
)


class CalculatorArguments(Arguments):
    """What to calculate."""

    expression: str = Field(
        min_length=1, max_length=MAX_CHARS, description="Such as `round(1250 * 1.19 ** 2, 2)`."
    )


def make(_services: Services) -> Tool[CalculatorArguments]:
    """Make the tool."""
    return Tool(INFO, CalculatorArguments, lambda arguments: calculate(arguments.expression))


def calculate(expression: str) -> str:
    """Calculate.

    Raises:
        ToolError: When that is no arithmetic, or takes numbers that are too large.
    """
    from simpleeval import InvalidExpression, SimpleEval  # noqa: PLC0415 - an extra

    try:
        tree = ast.parse(expression.strip(), mode="eval")
        for node in ast.walk(tree):
            _check(node)
        evaluator = SimpleEval(operators=dict(_OPERATORS), functions=dict(_FUNCTIONS), names=dict(_NAMES))
        evaluator.nodes |= dict.fromkeys(
            (ast.List, ast.Tuple), lambda node: [evaluator.eval("", part) for part in node.elts]
        )
        return _shown(evaluator.eval(expression, tree.body))
    except (SyntaxError, InvalidExpression) as error:
        raise ToolError(f"That cannot be calculated: {_first_line(error)}.") from error
    except ZeroDivisionError as error:
        raise ToolError("That cannot be calculated: it divides by zero.") from error
    except OverflowError as error:
        raise ToolError("That cannot be calculated: a number becomes too large.") from error
    except (ValueError, TypeError, statistics.StatisticsError) as error:
        raise ToolError(f"That cannot be calculated: {_first_line(error)}.") from error
    except (RecursionError, MemoryError) as error:
        raise ToolError("That cannot be calculated: it is nested too deeply.") from error


def _first_line(error: Exception) -> str:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return message.partition("\n")[0].rstrip(".")


_NODES = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Call, ast.List, ast.Tuple,
    ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip


def _check(node: ast.AST) -> None:
    """Let only arithmetic pass: no attribute, index, text or comprehension ever reaches the evaluator."""
    if not isinstance(node, _NODES):
        raise TypeError(f"{type(node).__name__} is no arithmetic")
    if isinstance(node, ast.Constant) and not isinstance(node.value, int | float):
        raise TypeError(f"{type(node.value).__name__} is no number")
    if isinstance(node, ast.Call) and (node.keywords or not isinstance(node.func, ast.Name)):
        raise TypeError("a function is called by its name, with numbers")
    if isinstance(node, ast.BitXor):
        raise TypeError("a power is written with **, not ^")
    if isinstance(node, ast.operator | ast.unaryop | ast.cmpop) and type(node) not in _OPERATORS:
        raise TypeError(f"{type(node).__name__} is no operation on numbers")


def _shown(value: object) -> str:
    if isinstance(value, list):
        raise TypeError("several numbers came out, where one was expected; write 1000, not 1,000")
    return str(value) if isinstance(value, bool) else repr(_number(value))


def _number(value: object) -> Number:
    """Let pass what is a number of a size that can be handled."""
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise OverflowError
        return value
    if not isinstance(value, float):
        raise TypeError(f"{type(value).__name__} is no real number")
    if not math.isfinite(value):
        raise OverflowError
    return value


def _flat(values: tuple[object, ...]) -> list[Number]:
    """Numbers as arguments, or as one list."""
    given = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    return [_number(value) for value in given]


def _on_numbers(function: Callable[..., Any]) -> Callable[..., Number | bool]:
    def checked(*values: object) -> Number | bool:
        return _number(function(*(_number(value) for value in values)))

    return checked


def _on_many(function: Callable[[list[Number]], Any]) -> Callable[..., Number]:
    def checked(*values: object) -> Number:
        return _number(function(_flat(values)))

    return checked


def _power(base: Number, exponent: Number) -> Any:  # noqa: ANN401  # complex, too, which is then refused
    if isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1:
        if base.bit_length() * max(exponent, 0) > 2 * MAX_BITS:
            raise OverflowError
        if exponent < 0:
            return float(base) ** max(exponent, -MAX_BITS)
    return base**exponent


def _factorial(number: int) -> int:
    if number > MAX_BITS // 8:
        raise OverflowError
    return math.factorial(number)


def _comb(total: int, chosen: int) -> int:
    total, chosen = operator.index(total), operator.index(chosen)
    if max(min(chosen, total - chosen), 0) * total.bit_length() > 2 * MAX_BITS:
        raise OverflowError
    return math.comb(total, chosen)


def _perm(total: int, chosen: int) -> int:
    total, chosen = operator.index(total), operator.index(chosen)
    if max(chosen, 0) * total.bit_length() > 2 * MAX_BITS:
        raise OverflowError
    return math.perm(total, chosen)


def _round(number: Number, places: int = 0) -> Number:
    if abs(places) > _MAX_PLACES:  # 10 ** places would be calculated
        raise OverflowError
    return round(number, places) if places else round(number)


_NAMES: Mapping[str, Number] = MappingProxyType({"pi": math.pi, "e": math.e, "tau": math.tau})

_BINARY: Mapping[type[ast.AST], Callable[..., Any]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
        ast.Pow: _power,
        ast.USub: operator.neg,
        ast.UAdd: operator.pos,
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
    }
)

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = MappingProxyType(
    {
        ast.Not: operator.not_,
        **{kind: _on_numbers(function) for kind, function in _BINARY.items()},
    }
)

_ALONE = (
    "sqrt", "cbrt", "isqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "floor", "ceil", "trunc",
    "fabs", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh",
    "atanh", "degrees", "radians", "hypot", "gcd", "lcm", "copysign", "fmod",
)  # fmt: skip

_FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {name: _on_numbers(getattr(math, name)) for name in _ALONE}
    | {
        "abs": _on_numbers(abs),
        "int": _on_numbers(int),
        "float": _on_numbers(float),
        "round": _on_numbers(_round),
        "pow": _on_numbers(_power),
        "factorial": _on_numbers(_factorial),
        "comb": _on_numbers(_comb),
        "perm": _on_numbers(_perm),
        "sum": _on_many(sum),
        "prod": _on_many(math.prod),
        "min": _on_many(min),
        "max": _on_many(max),
        "mean": _on_many(statistics.mean),
        "median": _on_many(statistics.median),
        "stdev": _on_many(statistics.stdev),
    }
)
