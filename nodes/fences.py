"""Read the fenced blocks of a model's answer: whole files, however untidy the answer is."""

import ast
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sandbox.evidence import SourceFile

_OPEN = re.compile(r"^(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,})(?P<info>[^\n`]*)$")
_PYTHON = {"python", "py", "python3", "py3"}
_NAME = r"(?![\d.]+(?:\s|$))(?:[\w./+-]*(?:\.\w{1,10}|/[\w.-]+)|Makefile|Dockerfile|Procfile|LICENSE|README)"
_FILE_COMMENT = re.compile(rf"^#\s*(?:file(?:name)?\s*:\s*)?(?P<path>{_NAME})\s*$", re.IGNORECASE)
_QUOTED = re.compile(r"""["'](?P<path>[^"'<>|*?]+\.\w{1,10})["']""")
_PATH = re.compile(rf"(?<![\w./-])(?P<path>{_NAME})(?![\w./-])")
_LEAD = re.compile(
    rf"^[\s#>*\d.)-]*(?:file(?:name)?\s*:?\s*)?[`*_\"']*(?P<path>{_NAME})[`*_\"']*\s*:?\s*[`*_]*\s*$",
    re.IGNORECASE,
)
"""A line that is a file's name and nothing else, above a block: many models name their files so."""

_BARE = re.compile(r"Makefile|Dockerfile|Procfile|LICENSE|README")
MAIN = "solution.py"
_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the rest of its info string, its text, and the line above it."""

    language: str
    info: str
    text: str
    lead: str = ""

    @property
    def is_python(self) -> bool:
        """Whether the block says that it is Python, or says nothing and parses as Python."""
        return self.language in _PYTHON or (not self.language and _parses(self.text))

    @property
    def path(self) -> str | None:
        """The file this block is: from its info string, a first comment line, or the line above it."""
        info = self.info[:200]  # longer is no path, and the search is quadratic
        first = self.text.lstrip().split("\n", 1)[0][:200]
        for match in (_QUOTED.search(info), _PATH.search(info), _FILE_COMMENT.match(first)):
            if match:
                return match["path"]
        lead = _LEAD.match(self.lead[:200])
        return lead["path"] if lead and self._may_be(lead["path"]) else None

    def _may_be(self, path: str) -> bool:
        """Whether a block in this language can be that file: prose above it names many things."""
        return self.language not in _PYTHON or path.endswith((".py", ".pyi"))


def blocks(text: str) -> list[Block]:
    """All fenced blocks of `text` in order; one that is never closed runs to the end."""
    found: list[Block] = []
    lines = text.splitlines()
    at, above = 0, ""
    while at < len(lines):
        opening = _OPEN.match(lines[at])
        at += 1
        if not opening:
            above = lines[at - 1] if lines[at - 1].strip() else above
            continue
        ticks, indent = opening["ticks"], len(opening["indent"])
        close = re.compile(rf"^[ \t]*{re.escape(ticks[0])}{{{len(ticks)},}}[ \t]*$")
        body: list[str] = []
        while at < len(lines) and not close.match(lines[at]):
            line = lines[at]
            body.append(line[indent:] if not line[:indent].strip() else line)
            at += 1
        at += 1
        language, _, info = opening["info"].strip().partition(" ")
        if _BARE.fullmatch(language):  # ```Makefile
            language, info = "", f"{language} {info}"
        elif "." in language or ":" in language:  # ```solution.py and ```python:solution.py
            name, _, rest = language.partition(":")
            language, info = (name, f"{rest} {info}") if rest else ("python", f"{language} {info}")
        found.append(Block(language.lower(), info.strip(), "\n".join(body) + "\n", above))
        above = ""
    return found


def without_blocks(text: str, info: str) -> str:
    """`text` without the fenced blocks whose info string has the word `info`."""
    pattern = rf"^[ \t]*(`{{3,}}|~{{3,}})[^\n`]*\b{re.escape(info)}\b[^\n`]*$.*?(?:^[ \t]*\1[ \t]*$|\Z)"
    return re.sub(pattern, "", text, flags=re.MULTILINE | re.DOTALL).strip()


def solution_files(text: str) -> list[SourceFile]:
    """The files of a solution in a coding model's answer.

    A block with a path is that file, and a later block with the same path replaces it. Python
    blocks without a path make up `solution.py`: one that defines a name again replaces the
    earlier definition's block, one that defines new names is appended, one that defines
    nothing (an example run) is left out unless there is nothing else. An answer without any
    fence that is Python from end to end counts as one block.

    Returns:
        The files in order, `solution.py` first where it exists; empty when there is no code.
    """
    named: dict[str, str] = {}
    loose: list[str] = []
    for block in blocks(text):
        path = block.path
        if path and (block.is_python or PurePosixPath(path).suffix != ".py"):
            named[path.removeprefix("./")] = block.text
        elif not path and block.is_python and block.text.strip():
            loose.append(block.text)
    if not named and not loose and "```" not in text and _names(text):
        loose.append(text.strip() + "\n")
    main = _merge(loose)
    if main and MAIN not in named:
        named = {MAIN: main, **named}
    return [SourceFile(path=path, content=content) for path, content in named.items()]


def with_unchanged(files: Sequence[SourceFile], before: Sequence[SourceFile]) -> list[SourceFile]:
    """The files of an answer, and those of the solution before that it left out.

    Models that change one file of several often give only that one. An answer that shares no file with
    the solution before is a new solution, and so is one in place of a single file.
    """
    given = {file.path for file in files}
    if len(before) < _SEVERAL or not given & {file.path for file in before}:
        return list(files)
    return [*files, *(file for file in before if file.path not in given)]


def json_in(text: str) -> object:
    """The JSON value that an answer consists of, or that its first block of JSON holds; None without one."""
    fenced = [block.text for block in blocks(text) if block.language == "json"]
    for candidate in (*fenced[:1], text):
        if candidate.strip()[:1] in {"{", "["}:
            try:
                return json.loads(candidate)
            except (ValueError, RecursionError):
                continue
    return None


def _merge(texts: list[str]) -> str:
    """One module from the loose blocks of an answer."""
    kept: list[tuple[frozenset[str] | None, str]] = []
    for text in texts:
        names = _names(text)
        if names is not None and not names:
            continue  # an example run
        if names:
            kept = [(old, body) for old, body in kept if not (old and old & names)]
        kept.append((names, text))
    if not kept:
        return texts[0] if texts else ""
    if any(names is None for names, _ in kept):  # something does not parse: the first block is the answer
        return kept[0][1]
    return "\n\n".join(body.strip("\n") + "\n" for _, body in kept)


def _names(text: str) -> frozenset[str] | None:
    """The functions and classes that `text` defines at top level, or None when it does not parse."""
    tree = _parse(text)
    if tree is None:
        return None
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def program_in(text: str) -> str:
    """A text that is Python and does something, without single words at its end; else nothing."""
    tree = _parse(text) if text.strip() else None
    if tree is None:
        return ""
    body = list(tree.body)
    while body and isinstance(body[-1], ast.Expr) and isinstance(body[-1].value, ast.Name):
        body.pop()  # such as "thanks"
    does = [node for node in body if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call)]
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    if not does or (len(body) < _SEVERAL and not isinstance(body[0], kinds)):
        return ""
    whole = len(body) == len(tree.body)
    return text if whole else "\n".join(text.split("\n")[: body[-1].end_lineno])


def _parses(text: str) -> bool:
    return bool(text.strip()) and _parse(text) is not None


def _parse(text: str) -> ast.Module | None:
    """Parse a model's text; None for anything the parser cannot take."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\\d" in a model's string is not our user's business
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
