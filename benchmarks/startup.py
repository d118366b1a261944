"""How long `duograph --help` takes beside the bare import of the CLI library it is made with."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import arguments, compare, show

DUOGRAPH = str(Path(sys.executable).parent / "duograph")


def run(*command: str) -> Callable[[], object]:
    """A call that runs `command` to its end."""
    return lambda: subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Compare and print."""
    options = arguments("Start-up times.", repeat=30)
    rows = compare(
        {
            "python -c 'import click'": run(sys.executable, "-c", "import click"),
            "duograph --help": run(DUOGRAPH, "--help"),
            "python -c 'import duograph'": run(sys.executable, "-c", "import duograph"),
            "python -c pass": run(sys.executable, "-c", "pass"),
        },
        repeat=options.repeat,
    )
    show(rows, as_json=options.json)


if __name__ == "__main__":
    main()
