"""What a small verification costs beside running the same file and tests without any sandbox."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import arguments, compare, show
from sandbox import SourceFile, Unavailable, Verifier, open_sandbox

CODE = "def double(x: int) -> int:\n    return 2 * x\n"
TESTS = "assert double(2) == 4\nassert double(-1) == -2\n"


def run(folder: str, *command: str) -> Callable[[], object]:
    """A call that runs `command` in `folder`; pytest without the plugins that happen to be installed."""
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return lambda: subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def main() -> None:
    """Compare and print."""
    options = arguments("A small verification.", repeat=30)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        (Path(folder) / "both.py").write_text(CODE + TESTS)
        (Path(folder) / "test_both.py").write_text(
            CODE + "def test_both():\n    " + TESTS.replace("\n", "\n    ")
        )
        sandbox = runner.run(open_sandbox())
        if isinstance(sandbox, Unavailable):
            raise SystemExit(f"no sandbox: {sandbox.reason}")
        verifier = Verifier(sandbox)
        files = [SourceFile(path="solution.py", content=CODE)]
        rows = compare(
            {
                "python file.py": run(folder, sys.executable, "both.py"),
                "python -m pytest": run(folder, sys.executable, "-m", "pytest", "-q", "test_both.py"),
                "ruff check (no sandbox)": run(
                    folder, sys.executable, "-m", "ruff", "check", "--isolated", "both.py"
                ),
                "verify, whole ladder": lambda: runner.run(verifier.verify(files, tests=TESTS)),
            },
            repeat=options.repeat,
        )
    show(rows, as_json=options.json)


if __name__ == "__main__":
    main()
