"""What a person could run to see what a step saw."""

import shlex
from collections.abc import Sequence

from sandbox.evidence import SourceFile
from sandbox.layout import source_root
from sandbox.lint import RULES
from sandbox.typecheck import OPTIONS

_TESTS = {"tests": "tests.py", "acceptance": "acceptance.py"}
_MOST_NAMED = 20
"""With more files than that the folder is named in their place."""


def command_for(step: str, files: Sequence[SourceFile]) -> str:
    """The command line that repeats one step, or nothing for a step that has none.

    It is meant for a folder that holds the solution, and the tests in `tests.py` and `acceptance.py`. All but
    `duograph verify` run outside of any sandbox.
    """
    paths = [file.path for file in files if file.path.endswith(".py")]
    root = source_root(files)
    named = paths if len(paths) <= _MOST_NAMED else ["."]
    words: list[str] = []
    if step in ("parse", "compile"):
        words = ["python", "-m", "compileall", "-q", *named]
    elif step == "import":
        names = _modules([path.removeprefix(root) for path in paths])
        words = [*_env("PYTHONPATH", root), "python", "-c", f"import {', '.join(names)}"]
    elif step == "lint":
        words = ["ruff", "check", "--isolated", f"--select={RULES}", *named]
    elif step == "types":
        words = [*_env("MYPYPATH", root), "mypy", *OPTIONS, *named]
    elif step in _TESTS and named == paths:
        code = [word for path in paths for word in ("--code", path)]
        words = ["duograph", "verify", *code, "--tests", _TESTS[step]]
    return shlex.join(words)


def _env(name: str, root: str) -> list[str]:
    return ["env", f"{name}={root.rstrip('/')}"] if root else []


def _modules(paths: Sequence[str]) -> list[str]:
    """What the import step imports: the modules and packages at the top of the folder."""
    tops = {path.removesuffix("/__init__.py").removesuffix(".py") for path in paths}
    found = [name for name in tops if name.isidentifier() and name not in ("setup", "__main__")]
    return sorted(found, key=lambda name: (name != "solution", name)) or ["sys"]
