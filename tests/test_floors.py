"""The linter's lists name every room and every node, so that a new one cannot slip past the floors."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import duograph
from graph.build import NODES

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINTER = PROJECT["tool"]["importlinter"]


def test_every_room_is_known_to_linter_package_and_face() -> None:
    rooms = {path.parent.name for path in ROOT.glob("[a-z]*/__init__.py")}
    assert rooms == set(LINTER["root_packages"]) == set(duograph.ROOMS)
    assert set(re.findall(r"\w+", " ".join(LINTER["contracts"][0]["layers"]))) == rooms
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) == {
        "duograph.py",
        *rooms,
    }
    assert all((ROOT / room / "README.md").is_file() for room in rooms)


def test_every_node_is_kept_apart_from_the_others() -> None:
    assert {f"nodes.{name}" for name in NODES} == set(LINTER["contracts"][1]["modules"])


def test_every_dependency_is_pinned() -> None:
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    named = {re.split(r"[\[<>=;! ]", line)[0].lower() for group in groups for line in group} - {"duograph"}
    pinned = {line.split("==")[0] for line in PROJECT["tool"]["uv"]["constraint-dependencies"]}
    assert named <= pinned


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("providers/spec.py", "import sandbox"),
        ("nodes/show.py", "from graph.settings import Settings"),
        ("nodes/reason.py", "from nodes.code import Code"),
        ("nodes/show.py", "import checkpoints"),
        ("graph/routes.py", "import serving"),
        ("serving/exits.py", "import duograph"),
    ],
)
def test_a_wrong_import_breaks_the_build(tmp_path: Path, file: str, line: str) -> None:
    for room in duograph.ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    broken = tmp_path / file
    broken.write_text(f"{broken.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    done = subprocess.run(
        ["lint-imports", "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout
