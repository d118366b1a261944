"""Which file names a solution may use."""

import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from sandbox.evidence import SourceFile

_MOST_FILES = 500
_LONGEST_PATH = 240
_DEEPEST = 12
_RESERVED_PREFIXES = ("test_names_", "duograph_")


def check_paths(files: Sequence[SourceFile]) -> None:
    """Refuse paths that could leave the scratch folder, clash, or confuse a file system.

    Raises:
        ValueError: Naming the first bad path and what to do.
    """
    if len(files) > _MOST_FILES:
        raise ValueError(f"a solution of {len(files)} files is too large: use at most {_MOST_FILES}")
    seen: set[str] = set()
    for file in files:
        problem = _problem(file.path)
        if problem:
            raise ValueError(f"file path {file.path[:100]!r} {problem}")
        # Some file systems fold case and composed letters.
        key = unicodedata.normalize("NFC", file.path).casefold()
        if key in seen:
            raise ValueError(f"file path {file.path!r} appears twice: give each file a name of its own")
        seen.add(key)
    for key in sorted(seen):
        if any(str(parent) in seen for parent in PurePosixPath(key).parents):
            raise ValueError(f"file path {key!r} lies below another file: rename one of them")


def _problem(path: str) -> str:
    parts = path.split("/")
    if not path or len(path.encode("utf-8", "surrogatepass")) > _LONGEST_PATH or len(parts) > _DEEPEST:
        return f"is empty, too long or too deep: use 1 to {_LONGEST_PATH} bytes and at most {_DEEPEST} levels"
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in path):  # noqa: PLR2004
        return "holds a control character: use plain names"
    if "\\" in path or ":" in path:
        return "holds a backslash or a colon: use relative POSIX paths such as solution.py"
    if any(part in ("", ".", "..") or part.endswith((" ", ".")) for part in parts):
        return "is absolute or not normal: use relative POSIX paths such as pkg/module.py"
    if parts[0].casefold().startswith(_RESERVED_PREFIXES):
        return "is a reserved name: choose another"
    return ""
