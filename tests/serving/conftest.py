"""Command lines with a folder of their own; whatever still runs at the end is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.serving.commandline import CommandLine

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
