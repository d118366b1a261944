"""What tests of several rooms share: scripted models on disk and agents with a home of their own."""

import gc
import json
import os
import re
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from graph.agent import Agent
from graph.role_settings import VARIABLES
from graph.settings import Settings
from tests import forkserver
from tests.support import AgentMaker, Lines, addresses_and_keys, shared_folder

gc.disable()  # what is imported and collected is no garbage: until `pytest_collection_finish`
# Keep what is compiled, assertions and all, lest every process of every run does it again.
sys.dont_write_bytecode = False
# A shell starts what goes to its background with Ctrl-C ignored, and so does every child of it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from tests.neo4j import Neo4jServer
    from tests.postgres import PostgresServer

_LONG = ("test_termination.py", "test_crash.py", "test_hammer.py", "test_faults_page.py")

_MAY_BE_SLOW = re.compile(r"mark\.slow\b|_are_slow|\bin_every_form\b|\bin_turn\b|\brarely\b|@cases\(")
"""Stands in every file that has slow tests, or in a `conftest.py` whose fixtures it may take."""
_ALL_SLOW = re.compile(r"^pytestmark = (?:\[\s*)?pytest\.mark\.slow\b", re.MULTILINE)

# No test asserts how long something took; a test that needs more examples says so.
settings.register_profile("duograph", deadline=None, max_examples=35)
settings.load_profile("duograph")


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are processors: many tests wait for a process or a server."""
    return (os.cpu_count() or 1) + 2


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Open no file in vain: to import and list all of them takes every process of the slow run 10 s."""
    if not collection_path.match("test_*.py"):
        return None
    wanted = str(config.getoption("markexpr"))
    if wanted == "not slow":
        return bool(_ALL_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None
    return (wanted == "slow" and not _may_be_slow(collection_path)) or None


def _may_be_slow(path: Path) -> bool:
    tests = Path(__file__).parent
    folders = [folder for folder in path.parents if tests in folder.parents]
    files = [path, *(file for folder in folders if (file := folder / "conftest.py").is_file())]
    return any(_MAY_BE_SLOW.search(file.read_text(encoding="utf-8")) for file in files)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, lest one process is left with it at the end.

    Raises:
        UsageError: a slow test stands in a file that the slow run would not open.
    """
    for path in {item.path for item in items if item.get_closest_marker("slow")}:
        if not _may_be_slow(path):
            raise pytest.UsageError(
                f"{path}: its slow tests would never run; mark them with `pytest.mark.slow` in the file"
                " itself, or extend _MAY_BE_SLOW in tests/conftest.py"
            )
    items.sort(
        key=lambda item: (
            not needs_neo4j(item.nodeid),
            "_always_neo4j" in item.nodeid,  # asks most, and a server that just started is slow
            Path(item.path).name not in _LONG,
        )
    )


def needs_neo4j(nodeid: str) -> bool:
    """Tell by a test's name whether it asks for a Neo4j server."""
    return "neo4j" in nodeid


class OneServer(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Deals out test by test, but those on Neo4j to one process, and those on MLX.

    A server of its own for each process takes long to start, and a cold one ten times as long for a query.
    MLX takes seconds to import, and whoever needs the trained model would wait for who trains it.
    (xdist's own groups do nothing with pytest 9.2, whose names of tests cannot be changed.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((name for name in ("neo4j", "mlx") if name in nodeid), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:  # noqa: ANN401  # xdist's own
    """Deal out the slow tests so; the fast ones stay with their file."""
    return OneServer(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of every search for garbage: it stays to the end anyway."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def _no_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the homes of tests would be that ask for no folder of their own."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _no_folder: Path
) -> None:
    """No test sees the settings, keys or data of the person who runs it."""
    # Most tests write nothing, and a folder for each of them takes longer than they do.
    own = "tmp_path" in request.fixturenames
    tmp_path = request.getfixturevalue("tmp_path") if own else _no_folder / uuid.uuid4().hex
    for name in ("REASONING_MODEL", "CODING_MODEL", "BACKGROUND_MODEL", "DATABASE", "SANDBOX", "MAX_REPAIRS"):
        monkeypatch.delenv(f"DUOGRAPH_{name}", raising=False)
    for name in ("SANDBOX_IMAGE", "SANDBOX_PACKAGES", "VERIFY_TYPES"):
        monkeypatch.delenv(f"DUOGRAPH_{name}", raising=False)
    for name in ("SOLO_MODEL", "EMBEDDING_MODEL", "PREFER", "ROLES", "USER", "USER_SETTINGS", "ARCHIVES"):
        monkeypatch.delenv(f"DUOGRAPH_{name}", raising=False)
    for name in ("MLX_MEMORY_GB", "MLX_PROMPT_CACHE_GB", "KEEP_TURNS", "ENCRYPTION_KEY", "THREAD_WAIT_S"):
        monkeypatch.delenv(f"DUOGRAPH_{name}", raising=False)
    for name in ("TOOLS", "TOOL_ROOTS", "TOOL_HOSTS", "MAX_TOOL_ROUNDS", "MAX_TOOL_CALLS", "CONSENT"):
        monkeypatch.delenv(f"DUOGRAPH_{name}", raising=False)
    for name in (*addresses_and_keys(), *VARIABLES, "DUOGRAPH_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    # Nor does one look for credentials on the network of a cloud machine.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "no-such-file"))
    # Commands that may not keep bytecode would compile all of ours at every start.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("DUOGRAPH_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[forkserver.ForkServer | None]:
    """What starts our programs quickly; None where a fork is not to be trusted."""
    server = forkserver.ForkServer(shared_folder(tmp_path_factory)) if forkserver.AVAILABLE else None
    yield server
    if server is not None:
        server.close()


@pytest.fixture(scope="session")
def postgres() -> "Iterator[PostgresServer]":
    """A PostgreSQL server; tests that ask for one are skipped where none is installed."""
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    from tests.postgres import binaries, running  # noqa: PLC0415  # psycopg, and few need it

    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running(where) as server:
        yield server


@pytest.fixture
def postgres_database(postgres: "PostgresServer") -> Iterator[str]:
    """The address of an empty database on that server."""
    with postgres.lend_database() as address:
        yield address


@pytest.fixture(scope="session")
def neo4j() -> "Iterator[Neo4jServer]":
    """A Neo4j server; tests that ask for one are skipped where none can be had, and fail in CI."""
    pytest.importorskip("neo4j", reason="the extra `neo4j` is not installed")
    from tests.neo4j import missing, running  # noqa: PLC0415  # the driver, and few need it

    if reason := missing():
        must = os.environ.get("CI") or os.environ.get("DUOGRAPH_REQUIRE_NEO4J")
        pytest.fail(reason) if must else pytest.skip(reason)
    with running() as server:
        yield server


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, Lines], str]:
    """Write a file of scripted replies and give its model string."""

    def write(name: str, lines: Lines) -> str:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return f"scripted:{path}"

    return write


@pytest.fixture
def make_agent(script: Callable[[str, Lines], str], tmp_path: Path) -> Iterator[AgentMaker]:
    """Make agents whose two roles replay the given replies; all are closed at the end."""
    with ExitStack() as stack:

        def make(reasoning: Lines, coding: Lines, **settings: Any) -> Agent:  # noqa: ANN401  # as Settings takes them
            chosen = {"home": tmp_path / "home"} | settings
            models = {
                "reasoning_model": script("reasoning", reasoning),
                "coding_model": script("coding", coding),
            }
            return stack.enter_context(Agent(Settings(**(models | chosen))))

        yield make
