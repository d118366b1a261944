"""The code that a request brings along: files, fenced blocks, a pasted module, a diff."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from nodes.diffs import Change, DiffError, apply_diff, read_diff
from nodes.fences import Block, blocks, program_in
from sandbox.evidence import SourceFile
from sandbox.paths import check_paths

MAX_CODE_CHARS = 400_000
"""The most code that is taken with a request, in characters: some 100,000 tokens."""

_NO_CODE = {"text", "txt", "console", "bash", "sh", "shell", "output", "traceback", "log", "markdown", "md"}
_ENDINGS = {"javascript": "js", "typescript": "ts", "rust": "rs", "csharp": "cs", "c++": "cpp", "ruby": "rb"}
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^(?:@|async def |def |class |import |from \w+ import )", re.MULTILINE)
_WORDS = 1000
_STARTS = 8
_PART = "only a part of the code is here, so it could not be run"


@dataclass(frozen=True, slots=True)
class Material:
    """Code that came with a request.

    Attributes:
        files: Whole files.
        diff: A unified diff, as it was pasted.
        unrunnable: Why the files cannot be run as they are, or nothing.
    """

    files: list[SourceFile] = field(default_factory=list)
    diff: str = ""
    unrunnable: str = ""

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.files or self.diff)


def problem_with_code(code: Sequence[SourceFile]) -> str | None:
    """Why given files cannot be taken, in one sentence that says what to do; None when they can."""
    size = sum(len(file.content) for file in code)
    if size > MAX_CODE_CHARS:
        return f"The code has {size:,} characters and the limit is {MAX_CODE_CHARS:,}: give fewer files."
    try:
        check_paths(code)
    except ValueError as error:
        return f"The code cannot be taken: {error}."
    return None


def material(text: str, code: Sequence[SourceFile]) -> Material:
    """What there is to look at: the given files, else what the text holds; a diff is put onto the files.

    Args:
        text: The request.
        code: Files that the caller gave; one named `*.diff` or `*.patch` is a diff.
    """
    diffs = [file.content for file in code if file.path.endswith((".diff", ".patch"))]
    files = [file for file in code if not file.path.endswith((".diff", ".patch"))]
    changes = [change for diff in diffs for change in read_diff(diff)]
    if not changes and (changes := read_diff(text)):
        diffs = [text]
    if not files and not diffs:
        files = pasted(text)
    elif not files:
        files = [file for file in pasted(text) if not read_diff(file.content)]
    return Material(files) if not changes else _with_diff(files, changes, "\n".join(diffs))


def _with_diff(files: list[SourceFile], changes: list[Change], diff: str) -> Material:
    try:
        return Material(apply_diff(changes, files), diff)
    except DiffError as error:
        return Material([], diff, f"{_PART} ({error}): give the files before the change as well")


def words_of(text: str) -> str:
    """A request without the code in it, its first and last words."""
    words = _FENCED.sub(" ", text)
    if (diff := re.search(r"^(?:diff --git |--- \S+.*\n\+\+\+ )", words, re.MULTILINE)) is not None:
        words = words[: diff.start()]
    if "```" not in text and (code := _CODE.search(words)) is not None:
        # A word such as "class" may begin a sentence.
        found = "".join(file.content.strip() for file in pasted(text))
        if found or code.start():
            words = f"{words[: code.start()]} {words.partition(found)[2] if found else ''}"
    return words if len(words) <= 2 * _WORDS else f"{words[:_WORDS]} {words[-_WORDS:]}"


def pasted(text: str) -> list[SourceFile]:
    """The code that a person put into a message: fenced blocks, else all that follows a line or a colon."""
    files: dict[str, str] = {}
    for block in blocks(text):
        if block.text.strip() and (path := _name(block, len(files))):
            files[path] = block.text
    if not files and "```" not in text:
        starts = [match.end() for match in re.finditer(r"\n|:[ \t]", text[:2000])][:_STARTS]
        tail = next((code for at in starts if (code := program_in(text[at:]))), "") or _head(text)
        if tail:
            files["solution.py"] = tail.strip() + "\n"
    return [SourceFile(path=path, content=content) for path, content in files.items()]


def _head(text: str) -> str:
    """Code without a fence that words follow: the most lines that are a program, from where code begins."""
    if (begin := _CODE.search(text)) is None:
        return ""
    lines = text[begin.start() :].split("\n")
    breaks = [at for at, line in enumerate(lines) if at and not line.strip()]
    ends = {*range(len(lines), 1, -1)[: _STARTS + 1], *breaks[-_STARTS:]}
    return next(
        (code for end in sorted(ends, reverse=True) if (code := program_in("\n".join(lines[:end])))), ""
    )


def _name(block: Block, number: int) -> str | None:
    """The file that a block is; nothing for one that is no code, such as a traceback."""
    if block.path:
        return block.path.removeprefix("./")
    if block.is_python:
        return "solution.py" if number == 0 else f"part_{number + 1}.py"
    if not block.language or block.language in _NO_CODE or not re.fullmatch(r"[a-z+]{1,12}", block.language):
        return None
    return f"part_{number + 1}.{_ENDINGS.get(block.language, block.language)}"
