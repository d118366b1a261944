"""Where a solution's modules are: in its folder, or in `src` below it."""

import re
from collections.abc import Sequence

from sandbox.evidence import SourceFile

_SRC = "src/"
_NAMES_SRC = re.compile(r"^\s*(?:from|import)\s+src\b", re.MULTILINE)


def source_root(files: Sequence[SourceFile], *tests: str) -> str:
    """The folder that holds the modules, with a slash, or an empty text for the solution's own.

    `src` holds them when Python files are in it, it is no package itself, and nothing imports it by name.

    Args:
        files: The solution.
        *tests: The sources of its tests.
    """
    sources = [file for file in files if file.path.endswith(".py")]
    inner = [file for file in sources if file.path.startswith(_SRC)]
    if not inner or any(file.path in ("src.py", "src/__init__.py") for file in sources):
        return ""
    named = any(_NAMES_SRC.search(text) for text in (*(file.content for file in sources), *tests))
    return "" if named else _SRC
