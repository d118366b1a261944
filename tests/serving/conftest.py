"""Command lines with a folder of their own; whatever still runs at the end is killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from serving.commands import duograph
from serving.options import Shell
from serving.signals import Signals
from tests.serving.commandline import CommandLine, Done
from tests.serving.terminals import Terminals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.forkserver import ForkServer


@pytest.fixture
def cli(tmp_path: Path, fork_server: ForkServer | None) -> Iterator[CommandLine]:
    line = CommandLine(tmp_path, fork_server)
    yield line
    line.kill_all()


@pytest.fixture
def terminals(cli: CommandLine) -> Iterator[Terminals]:
    """Starts command lines on terminals of their own."""
    found = Terminals(cli)
    yield found
    found.close()


@pytest.fixture
def new_interpreter(tmp_path: Path) -> Iterator[CommandLine]:
    """Each start imports everything, as at the user's."""
    line = CommandLine(tmp_path)
    yield line
    line.kill_all()


@pytest.fixture(scope="module")
def shared_cli(
    tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer | None
) -> Iterator[CommandLine]:
    """One home for all tests of a file."""
    line = CommandLine(tmp_path_factory.mktemp("shared"), fork_server)
    yield line
    line.kill_all()


Doctor = Callable[..., Done]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run the command in this process, which has imported everything already."""
    for name in [name for name in os.environ if name.startswith("DUOGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DUOGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str, env: dict[str, str] | None = None) -> Done:
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        action = duograph.main(["doctor", *words], "duograph", standalone_mode=False, obj=Shell(Signals()))
        code = int(action())
        return Done(code, *capsys.readouterr())

    return run
