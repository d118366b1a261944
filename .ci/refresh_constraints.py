"""Rewrite `[tool.uv] constraint-dependencies` in pyproject.toml from a fresh resolution.

Versions are pinned there, and not in a lock file, because a lock file records registry addresses.

    uv run python .ci/refresh_constraints.py            # keep pins that still resolve
    uv run python .ci/refresh_constraints.py --upgrade  # move every pin to the newest version
"""

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)


def resolve(pyproject: str) -> list[str]:
    """Resolve all extras and groups for every platform.

    Args:
        pyproject: The text of a pyproject.toml.

    Returns:
        One requirement a line, with markers where versions differ by platform.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        (copy / "pyproject.toml").write_text(pyproject)
        for name in ("README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy / name)
        done = subprocess.run(
            ["uv", "export", "--quiet", "--all-extras", "--all-groups", "--no-hashes",
             "--no-emit-project", "--no-annotate", "--no-header"],
            cwd=copy, check=True, capture_output=True, text=True,
        )  # fmt: skip
    return [line for line in done.stdout.splitlines() if line and not line.startswith(("#", "-", "."))]


def main() -> None:
    """Resolve and rewrite the pins in place."""
    parser = argparse.ArgumentParser(description="Refresh the pinned versions in pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="move every pin to the newest version")
    upgrade = parser.parse_args().upgrade
    path = ROOT / "pyproject.toml"
    text = path.read_text()
    pins = resolve(BLOCK.sub("", text) if upgrade else text)
    lines = "".join("  '" + pin.replace("'", '"') + "',\n" for pin in pins)
    block = f"constraint-dependencies = [\n{lines}]\n"
    text = BLOCK.sub("", text).replace("[tool.uv]\n", f"[tool.uv]\n{block}")
    path.write_text(text)
    print(f"{len(pins)} pins written to pyproject.toml")


if __name__ == "__main__":
    main()
