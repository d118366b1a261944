"""Examples in a request, such as `f(2) == 4`, as tests: they are the user's own words.

A missed example costs nothing, a false one would fail a right solution. So only this is taken: a call of one
named function with literals, a word or sign for its outcome, a literal, and then the end of the phrase; in a
line without any word that turns or narrows what is said.
"""

import ast
import builtins
import keyword
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.claims import call_of, claims_in
from sandbox.doctests import HELPERS, DoctestError, has_doctests, read_examples
from sandbox.phrasing import (
    ASSERT,
    BULLET,
    CALL,
    CLOSING,
    CODE,
    END,
    FENCE,
    MENDING,
    NAMED,
    NUMBER,
    OPERATOR_BEFORE,
    OUTCOME,
    QUOTED,
    SHOULD_RETURN,
    STRING,
    TURNED,
    UNLIKE_A_CALL,
    WORD,
)

_MOST_TEXT = 50_000
_MOST_EXAMPLES = 50
_LONGEST_EXAMPLE = 1000
_LONGEST_TITLE = 160
"""A longer test cannot be told from another by its name."""


@dataclass(frozen=True, slots=True)
class _Example:
    """One example: the function that it calls, its assert, and whether it was written as one."""

    name: str
    test: str
    is_assert: bool = False


def examples_in(text: str) -> str:
    """The tests that stand in a request.

    Taken are, for the function that is asked for and with literals only: `f(2) == 4`, `f(2) -> 4`,
    `f(2) returns 4`, `f(2) should return 4` and the like, lines `assert f(2) == 4`, and doctests. Numbers
    with a fraction are compared to as many digits as are given, except in asserts and doctests.

    Args:
        text: The request, in any language; arbitrary text is fine.

    Returns:
        Python source of top-level asserts; empty when there is none. Where examples contradict each other
        about a call these are left out.
    """
    text = text[:_MOST_TEXT]
    if "(" not in text:
        return ""
    found = [*_doctests(text), *_lines(text)]
    wanted = _functions(text, {example.name for example in found})
    tests = [example.test for example in found if example.is_assert or example.name in wanted]
    tests = _agreeing([test for test in dict.fromkeys(tests) if len(test) <= _LONGEST_TITLE])[:_MOST_EXAMPLES]
    helpers = HELPERS if any("(lambda: " in test for test in tests) else ""
    return helpers + "".join(f"{test}\n" for test in tests)


def _functions(text: str, called: set[str]) -> set[str]:
    """Which of the called functions are asked for: those that the request names, or the only one."""
    if named := {name for pattern in NAMED for name in pattern.findall(text)} & called:
        return named
    others = {name for name in NAMED[-1].findall(text) if _is_usable(name)} - called
    return called if len(called) == 1 and not others else set()


def _agreeing(tests: list[str]) -> list[str]:
    """Leave out what is said about a call twice and differently: no function could do both."""
    known = claims_in("\n".join(tests))
    return [test for test in tests if claims_in(test).keys() <= known.keys()]


def _lines(text: str) -> Iterator[_Example]:
    """The asserts and phrases of a text, outside of pasted code."""
    kinds = "none" if UNLIKE_A_CALL.search(text) else "wish" if MENDING.search(text) else "all"
    lines = text.splitlines()
    fenced = in_code = False
    for at, whole in enumerate(lines):
        if FENCE.match(whole):
            fenced, in_code = not fenced, False
            continue
        in_code = fenced and (in_code or CODE.match(whole) is not None)
        line = BULLET.sub("", whole)
        if asserted := ASSERT.match(line):
            yield from _asserted(asserted[1])
        elif not in_code and kinds != "none" and not re.match(r">>>|\.\.\.", whole.strip()):
            before = "" if at == 0 or line != whole.lstrip() else lines[at - 1].rstrip()
            context = "" if before.endswith((".", "!", ":", ";", "`")) else before
            after = lines[at + 1].strip() if at + 1 < len(lines) else ""
            wraps = after[:1].islower() and not CALL.match(after)
            yield from _phrases(line, context=context, wraps=wraps, wishes_only=kinds == "wish")


def _asserted(line: str) -> Iterator[_Example]:
    """A line that is an assert about one call."""
    tree = _parse(line)
    if tree is None or len(tree.body) != 1 or not isinstance(node := tree.body[0], ast.Assert):
        return
    name = next(iter(claims_in(line)), "").partition("(")[0]
    if _is_usable(name):
        yield _Example(name, ast.unparse(ast.Assert(node.test, None)), is_assert=True)


def _phrases(line: str, *, context: str, wraps: bool, wishes_only: bool) -> Iterator[_Example]:
    """The examples in one line of prose.

    Args:
        line: The line without its bullet.
        context: The line before, where its sentence goes on in this one.
        wraps: Whether the sentence goes on in the next line.
        wishes_only: Whether only what *should* be counts.
    """
    if TURNED.search(QUOTED.sub("''", SHOULD_RETURN.sub("wish", f"{context} {line}"))):
        return
    for match in CALL.finditer(line):
        end = _closing(line, match.end() - 1)
        if end is None or not _is_usable(match["name"]) or OPERATOR_BEFORE.search(line, 0, match.start()):
            continue
        call, outcome = _call(line[match.start() : end]), OUTCOME.match(line, end)
        if call is None or outcome is None or (wishes_only and not outcome["wish"]):
            continue
        if not call.args and not (outcome["equal"] or (call.keywords and not outcome["arrow"])):
            continue  # `status() returns 200` may be talk, `greet(name="World") -> None` is a signature
        value = _value(line, outcome.end(), wraps=wraps and not outcome["equal"])
        if value is not None and (test := _assertion(call, value)):
            yield _Example(match["name"], test)


def _assertion(call: ast.Call, value: str) -> str:
    """An assert on a call; nothing where the value cannot be compared for sure."""
    said = ast.unparse(call)
    parsed = ast.literal_eval(value)
    if isinstance(parsed, float):
        digits = len(value.partition(".")[2]) if re.fullmatch(r"[-+]?\d*\.\d+", value) else -1
        return f"assert round({said}, {digits}) == {parsed!r}" if digits >= 0 else ""
    floats = [node.value for node in ast.walk(ast.parse(value)) if isinstance(node, ast.Constant)]
    # Such as thirds: nobody writes all of their digits.
    if any(isinstance(each, float) and not (each * 8).is_integer() for each in floats):
        return ""
    return f"assert {said} == {parsed!r}"


def _value(line: str, start: int, *, wraps: bool) -> str | None:
    """The literal that starts there, when the phrase ends with it."""
    for pattern in (NUMBER, WORD, STRING):
        if match := pattern.match(line, start):
            end = match.end()
            break
    else:
        if line[start : start + 1] not in ("[", "(", "{"):
            return None
        closing = _closing(line, start)
        if closing is None:
            return None
        end = closing
    text = line[start:end]
    if not END.match(line, end) or (wraps and not line[end:].strip(" `")):
        return None
    try:
        value = ast.literal_eval(text)
        same = ast.literal_eval(repr(value)) == value
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, OverflowError):
        return None
    return text if same else None


def _call(text: str) -> ast.Call | None:
    """A call of a plain name with literals only."""
    tree = _parse(text)
    if tree is None or len(tree.body) != 1 or not isinstance(node := tree.body[0], ast.Expr):
        return None
    return node.value if isinstance(node.value, ast.Call) and call_of(node.value) is not None else None


def _parse(text: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text.strip())
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return None


def _is_usable(name: str) -> bool:
    """Whether a name can be that of a function to be written, and no builtin that is only mentioned."""
    return (
        bool(name)
        and not keyword.iskeyword(name)
        and not hasattr(builtins, name)
        and not name.startswith("test")
    )


def _closing(text: str, start: int) -> int | None:
    """The index after the bracket that closes the one at `start`, past strings."""
    depth, at = 0, start
    while at < min(len(text), start + _LONGEST_EXAMPLE):
        if string := STRING.match(text, at):
            at = string.end()
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        at += 1
        if depth == 0:
            return at
    return None


def _doctests(text: str) -> Iterator[_Example]:
    """The doctests of a request, block by block; a block that holds anything else than examples is left."""
    if not has_doctests(text) or MENDING.search(text):
        return
    for block in re.split(r"\n[ \t]*\n", CLOSING.sub("", text)):
        if not has_doctests(block):
            continue
        examples = list(_block(block))
        if None not in examples:
            yield from (example for example in examples if example is not None)


def _block(block: str) -> Iterator[_Example | None]:
    try:
        examples = read_examples(block)
    except DoctestError:
        yield None
        return
    for example in examples:
        tree = _parse(example.source)
        if tree is not None and all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body):
            continue
        call = _call(example.source)
        name = call.func.id if call is not None and isinstance(call.func, ast.Name) else ""
        if call is None or not _is_usable(name) or example.options:
            yield None
        elif example.exc_msg is not None:
            message = example.exc_msg.strip()
            yield _Example(name, f"assert raised(lambda: {ast.unparse(call)}) == {message!r}")
        elif _is_literal(example.want):
            want = example.want.removesuffix("\n")
            yield _Example(name, f"assert displayed(lambda: {ast.unparse(call)}) == {want!r}")
        else:
            yield None


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, OverflowError):
        return False
    return True
