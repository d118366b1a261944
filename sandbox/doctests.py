"""Doctests as ordinary asserts, which name the values where they fail and run like all other tests."""

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import doctest

_PROMPT = re.compile(r"^[ \t]*>>> ", re.MULTILINE)

HELPERS = '''\
def displayed(run):
    """What a doctest shows: what is printed, then the value unless it is None."""
    import contextlib
    import io
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        value = run()
        if value is not None:
            print(repr(value))
    return printed.getvalue().removesuffix("\\n")


def raised(run):
    """The last line of the traceback that a doctest shows."""
    try:
        run()
    except Exception as error:
        text = str(error)
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    return "nothing was raised"


'''


class DoctestError(ValueError):
    """A doctest cannot be read; the message says where and why."""


def has_doctests(text: str) -> bool:
    """Whether a text holds a line that starts with a doctest's prompt."""
    return _PROMPT.search(text) is not None


def read_examples(text: str) -> "list[doctest.Example]":
    """The examples in a text, in order.

    Raises:
        DoctestError: When one of them is not laid out as doctest wants it.
    """
    import doctest  # noqa: PLC0415 - slow, and few texts hold any

    try:
        return doctest.DocTestParser().get_examples(text)
    except ValueError as error:
        said = str(error).replace("of the docstring for <string>", "of the doctest")
        raise DoctestError(" ".join(said.split())) from error


def from_doctests(text: str) -> str:
    """Turn doctests into Python source with an assert for each output that they show.

    The output is compared as doctest does, as text. The flags `ELLIPSIS`, `NORMALIZE_WHITESPACE`,
    `IGNORE_EXCEPTION_DETAIL` and `SKIP` are known.

    Raises:
        DoctestError: When an example cannot be read.
    """
    lines = [line for number, one in enumerate(read_examples(text), 1) for line in _converted(one, number)]
    source = HELPERS + "\n".join(lines) + "\n"
    if re.search(r"\b(?:displayed|raised)\b", text) is None:
        return source
    # The text is about functions of that name itself: ours take another one.
    return re.sub(r"\b(displayed|raised)\((?=run\)|lambda: |_example_\d)", r"\1_by_doctest(", source)


def _converted(example: "doctest.Example", number: int) -> Iterator[str]:
    import doctest  # noqa: PLC0415 - loaded by now

    options = {flag for flag, wanted in example.options.items() if wanted}
    if doctest.SKIP in options:
        return
    try:
        tree = ast.parse(example.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise DoctestError(f"line {example.lineno + 1} of the doctest: {reason}") from error
    if not tree.body:
        return
    statement = tree.body[0]
    run = (
        f"lambda: {ast.unparse(statement.value)}" if isinstance(statement, ast.Expr) else f"_example_{number}"
    )
    if not isinstance(statement, ast.Expr):
        if not example.want and example.exc_msg is None:
            yield ast.unparse(tree)
            return
        yield from _as_function(run, tree)
    if example.exc_msg is not None:
        yield _assertion(f"raised({run})", _last_name(example.exc_msg), options, error=True)
    else:
        want = example.want.replace("<BLANKLINE>", "").removesuffix("\n")
        yield _assertion(f"displayed({run})", want, options)


def _as_function(name: str, tree: ast.Module) -> Iterator[str]:
    """A compound statement that shows something, as a function that assigns where a module would."""
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and _is_store(node)}
    yield f"def {name}():"
    if stored:
        yield f"    global {', '.join(sorted(stored))}"
    yield from (f"    {line}" for line in ast.unparse(tree).splitlines())


def _is_store(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store | ast.Del)


def _last_name(message: str) -> str:
    """An exception's message without the module in front of its class."""
    kind, colon, text = message.strip().partition(":")
    return f"{kind.rpartition('.')[2]}{colon}{text}"


def _assertion(got: str, want: str, options: set[int], *, error: bool = False) -> str:
    import doctest  # noqa: PLC0415 - loaded by now

    if error and doctest.IGNORE_EXCEPTION_DETAIL in options:
        return f"assert {got}.partition(':')[0] == {want.partition(':')[0]!r}"
    if doctest.NORMALIZE_WHITESPACE in options:
        got, want = f"' '.join({got}.split())", " ".join(want.split())
    if doctest.ELLIPSIS in options and "..." in want:
        pattern = ".*".join(re.escape(part) for part in want.split("..."))
        return f"import re\nassert re.fullmatch({pattern!r}, {got}, re.DOTALL)"
    return f"assert {got} == {want!r}"
