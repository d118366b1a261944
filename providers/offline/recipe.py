"""A recipe of the cookbook and the strict parser of its Markdown form."""

import ast
import re
from dataclasses import dataclass

_FORM = re.compile(
    r"# (?P<title>[^\n]+)\n(?P<headers>(?:[a-z]+: [^\n]+\n)+)"
    r"\n## Plan\n\n(?P<plan>.+?)\n"
    r"\n## Solution\n\n```python\n(?P<solution>.+?)```\n"
    r"\n## Tests\n\n```python\n(?P<tests>.+?)```\n",
    re.DOTALL,
)
_NEEDED_HEADERS = frozenset({"names", "needs", "words", "asks"})
_KNOWN_HEADERS = _NEEDED_HEADERS | {"avoid", "numbers"}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class RecipeError(ValueError):
    """A recipe file breaks the form; the message names the file and says what to change."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One task with its plan, solution and tests.

    Attributes:
        slug: The file's name without `.md`.
        title: The task in a few words.
        names: What a caller uses: functions and classes of the solution.
        needs: Groups of phrases; a request must hold one phrase of each group.
        words: Phrases that a request may hold; any other content word rules the recipe out.
        asks: Requests that the recipe answers.
        avoid: Word sequences that mean another task.
        any_number: Whether a request may hold numbers that `words` does not list.
        plan: The steps, as Markdown.
        solution: The source of `solution.py`.
        tests: Tests that see the solution's names without importing them.
    """

    slug: str
    title: str
    names: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]
    asks: tuple[str, ...]
    avoid: tuple[str, ...]
    any_number: bool
    plan: str
    solution: str
    tests: str


def parse_recipe(slug: str, text: str) -> Recipe:
    """Parse a recipe file.

    Args:
        slug: The file's name without `.md`.
        text: The file's text.

    Returns:
        The recipe.

    Raises:
        RecipeError: When the text breaks the form or the solution lacks a name that it promises.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise RecipeError(
            f"{slug}.md: write a `# Title`, header lines, then `## Plan`, `## Solution` and `## Tests`, "
            "the last two with one ```python block each",
        )
    headers = _headers(slug, match["headers"])
    for section in ("solution", "tests"):
        if "```" in match[section]:
            raise RecipeError(f"{slug}.md: the {section} must not contain ```, it would end the block early")
    names = _split(headers["names"], ",")
    _check_code(slug, match["solution"], match["tests"], names)
    return Recipe(
        slug=slug,
        title=match["title"],
        names=names,
        needs=tuple(_split(group, "|") for group in _split(headers["needs"], ";")),
        words=_split(headers["words"], ","),
        asks=_split(headers["asks"], "|"),
        avoid=_split(headers.get("avoid", ""), ","),
        any_number="numbers" in headers,
        plan=match["plan"],
        solution=match["solution"],
        tests=match["tests"],
    )


def definition(recipe: Recipe, name: str) -> Definition:
    """Find the top-level function or class of a recipe's solution.

    Args:
        recipe: The recipe.
        name: One of its names.

    Returns:
        The definition's syntax tree.

    Raises:
        KeyError: When the solution does not define the name.
    """
    return _definitions(ast.parse(recipe.solution))[name]


def _definitions(module: ast.Module) -> dict[str, Definition]:
    return {node.name: node for node in module.body if isinstance(node, Definition)}


def _headers(slug: str, text: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(": ")
        if key not in _KNOWN_HEADERS or key in headers:
            raise RecipeError(
                f"{slug}.md: header {key!r} is unknown or twice there; use {sorted(_KNOWN_HEADERS)}"
            )
        headers[key] = value
    if missing := sorted(_NEEDED_HEADERS - headers.keys()):
        raise RecipeError(f"{slug}.md: add the headers {missing}")
    if headers.get("numbers", "any") != "any":
        raise RecipeError(f"{slug}.md: header 'numbers' can only be 'any', got {headers['numbers']!r}")
    return headers


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part for part in (part.strip() for part in text.split(separator)) if part)


def _check_code(slug: str, solution: str, tests: str, names: tuple[str, ...]) -> None:
    try:
        defined = _definitions(ast.parse(solution))
        ast.parse(tests)
    except SyntaxError as error:
        raise RecipeError(f"{slug}.md: the code does not parse, line {error.lineno}: {error.msg}") from error
    if missing := [name for name in names if name not in defined]:
        raise RecipeError(f"{slug}.md: the solution must define {missing}, which `names` promises")
