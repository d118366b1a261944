"""What a request says about the name and the arguments of its function, and renaming to fit."""

import ast
import builtins
import io
import keyword
import re
import tokenize
from dataclasses import dataclass

from providers.offline.recipe import Definition

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_DEFINITION = re.compile(
    rf"\b(?:def|class)\s+({_IDENTIFIER})\s*(\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\))?"
    r"(\s*->\s*[A-Za-z_][\w.]*(?:\[[^\n]*?\])?)?",
)
_CALLED = re.compile(
    rf"\b(?:called|named|name\s+it|call\s+it|(?:function|method)(?!\s+(?:called|named)\b))\s+([`'\"]?)({_IDENTIFIER})\1(\([^()\n]*\))?",
)
_CALL = re.compile(rf"(?<![\w.`])(`?)({_IDENTIFIER})(\([^()\n]*\))\1")
_PREDICATE = re.compile(r"(?:is|has|are|can)_|(?:is|has|are|can)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Asked:
    """The function that a request names.

    Attributes:
        name: Its name.
        arguments: How many positional arguments it gets, or None when the request does not say.
        returns: The name of the annotated return type, such as `bool`, or empty.
        rest: The request without the name and its signature.
    """

    name: str
    arguments: int | None
    returns: str
    rest: str


def asked_name(request: str) -> Asked | None:
    """Find the function or class that a request names explicitly.

    Knows `def is_email(s) -> bool`, `called is_email`, "named `slug`", `is_email(text)`.

    Args:
        request: The request.

    Returns:
        What was asked for, or None when no name is given.
    """
    for match in _DEFINITION.finditer(request):
        if match.group(2) or match.group().startswith("def"):
            return _asked(request, match, match.group(1), match.group(2), match.group(3))
    for match in _CALLED.finditer(request):
        quote, name, arguments = match.groups()
        explicit = (
            quote or arguments or "_" in name or match.group().startswith(("called", "named", "name", "call"))
        )
        if explicit and (quote or not _is_plain_word(name) or match.group().startswith(("called", "named"))):
            return _asked(request, match, name, arguments, None)
    for match in _CALL.finditer(request):
        quote, name, arguments = match.groups()
        if quote or "_" in name or _has_hump(name):
            return _asked(request, match, name, arguments, None)
    return None


def _asked(
    request: str, match: re.Match[str], name: str, arguments: str | None, returns: str | None
) -> Asked | None:
    if name.endswith("Error") or keyword.iskeyword(name) or _is_word_of_grammar(name):
        return None
    rest = f"{request[: match.start()]} function {request[match.end() :]}"
    annotation = re.sub(r"^\s*->\s*|\[.*$", "", returns or "").lower()
    return Asked(name, _count(arguments), annotation, rest)


def _is_plain_word(name: str) -> bool:
    return name.islower() and "_" not in name


def _has_hump(name: str) -> bool:
    return re.search(r"[a-z][A-Z]", name) is not None


def _is_word_of_grammar(name: str) -> bool:
    return name in {
        "when",
        "by",
        "with",
        "on",
        "for",
        "in",
        "the",
        "a",
        "an",
        "that",
        "which",
        "from",
        "once",
    }


def _count(arguments: str | None) -> int | None:
    """Count the arguments between parentheses; None for none, since `f()` often stands for `f`."""
    if arguments is None or not arguments.strip("() \t"):
        return None
    for source in (f"def f{arguments}: ...", f"f{arguments}"):
        try:
            node = ast.parse(source).body[0]
        except SyntaxError:
            continue
        if isinstance(node, ast.FunctionDef):
            return len([arg for arg in node.args.args if arg.arg not in {"self", "cls"}])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return len(node.value.args)
    return None


def fits(asked: Asked, target: Definition) -> bool:
    """Tell whether a definition can serve under the name and signature that a request gives.

    Args:
        asked: What the request says.
        target: The definition that would serve.

    Returns:
        False when the number of arguments or the kind of result differs.
    """
    if _PREDICATE.match(asked.name) and return_type(target) not in {"bool", ""}:
        return False
    if asked.returns and isinstance(target, ast.FunctionDef) and asked.returns != return_type(target):
        return False
    # A name such as `metres_to_feet` speaks of one argument.
    arguments = 1 if asked.arguments is None and "_to_" in asked.name else asked.arguments
    least, most = _arity(target)
    return arguments is None or least <= arguments <= most


def _arity(target: Definition) -> tuple[int, int]:
    """Count the positional arguments that a definition needs and takes."""
    if isinstance(target, ast.ClassDef):
        inits = (
            node for node in target.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        )
        function: ast.FunctionDef | ast.AsyncFunctionDef | None = next(inits, None)
    else:
        function = target
    if function is None:
        return 0, 0
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args) if arg.arg != "self"]
    return len(names) - len(function.args.defaults), len(names)


def return_type(target: Definition) -> str:
    """Give the name of a function's annotated result.

    Args:
        target: A definition.

    Returns:
        Such as `bool` or `list`, in lower case; empty for a class.
    """
    if isinstance(target, ast.ClassDef) or target.returns is None:
        return ""
    return ast.unparse(target.returns).split("[")[0].lower()


def can_rename(sources: tuple[str, ...], new: str) -> bool:
    """Tell whether a name is free in sources, so that renaming to it changes no meaning.

    Args:
        sources: Python sources.
        new: The name.

    Returns:
        False for keywords, builtins and names that a source uses already.
    """
    if keyword.iskeyword(new) or hasattr(builtins, new):
        return False
    return not any(token.string == new for source in sources for token in _names(source))


def rename(source: str, old: str, new: str) -> str:
    """Rename a function or class by its tokens; strings, comments and attributes stay.

    Args:
        source: Python source.
        old: The name to replace.
        new: The name to put there.

    Returns:
        The changed source.
    """
    lines = source.splitlines(keepends=True)
    for token in reversed(_names(source)):
        row, column = token.start
        line = lines[row - 1]
        if token.string == old and not line[:column].rstrip().endswith("."):
            lines[row - 1] = line[:column] + new + line[column + len(old) :]
    return "".join(lines)


def _names(source: str) -> list[tokenize.TokenInfo]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token for token in tokens if token.type == tokenize.NAME]
