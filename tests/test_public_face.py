"""What `import duograph` promises."""

import subprocess
import sys
from pathlib import Path

import pytest

import duograph

HEAVY = ("openai", "boto3", "anthropic", "mlx", "neo4j", "transformers", "sqlalchemy", "alembic", "psycopg")


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_importing_everything_public_loads_no_heavy_package(tmp_path: Path) -> None:
    code = (
        "import sys; from duograph import *; import serving.cli;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = python(code, tmp_path)
    assert done.stdout.strip() == "[]", done.stderr


def test_importing_the_face_alone_loads_almost_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; before = set(sys.modules); import duograph;"
        "print({'langgraph', 'pydantic', 'click', 'typing'} & (set(sys.modules) - before))"
    )
    assert python(code, tmp_path).stdout.strip() == "set()"


def test_importing_leaves_the_signals_to_the_program(tmp_path: Path) -> None:
    code = "import signal, duograph; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert python(code, tmp_path).stdout.strip() == "True"


def test_every_public_name_is_there() -> None:
    assert all(getattr(duograph, name) is not None for name in duograph.__all__)
    assert dir(duograph) == sorted(duograph.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Agnet'"):
        duograph.Agnet  # noqa: B018


@pytest.mark.parametrize("room", duograph.ROOMS)
def test_a_file_that_shadows_a_room_is_named(tmp_path: Path, room: str) -> None:
    (tmp_path / f"{room}.py").write_text("")
    done = python("import duograph", tmp_path)
    assert done.returncode == 1
    assert f"{room}.py shadows Duograph's package '{room}'" in done.stderr


def test_a_folder_that_shadows_a_room_is_named(tmp_path: Path) -> None:
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph" / "__init__.py").write_text("")
    assert "shadows Duograph's package 'graph'" in python("import duograph", tmp_path).stderr


def test_as_a_command_it_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "graph.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "duograph", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"duograph: {tmp_path / 'graph.py'} shadows Duograph's package 'graph': rename it, "
        "or start Python in another folder.\n"
    )


def test_an_empty_folder_of_that_name_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "graph").mkdir()
    assert python("import duograph", tmp_path).returncode == 0


def test_the_version_is_the_packages() -> None:
    text = (Path(duograph.__file__).parent / "pyproject.toml").read_text()
    assert f'version = "{duograph.__version__}"' in text
