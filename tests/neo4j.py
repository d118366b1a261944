"""A real Neo4j server for tests: jars by Maven, data in a folder of its own, a free loopback port."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import neo4j
import platformdirs
from neo4j.exceptions import DriverError, Neo4jError

_POM = Path(__file__).with_name("neo4j-server") / "pom.xml"
_KEEPER = Path(__file__).with_name("keeper.py")
_PATIENCE_S = 180
_MAVEN_S = 900
_USER = "neo4j"

_JVM = (
    *("-Xms128m", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"),
    *("-Dlog4j2.disable.jmx=true", "--add-opens=java.base/java.nio=ALL-UNNAMED"),
    *("--add-opens=java.base/java.io=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED"),
)

_CONFIG = """\
dbms.security.auth_max_failed_attempts=0
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.tls_level=DISABLED
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size=64m
dbms.usage_report.enabled=false
db.tx_log.rotation.retention_policy=keep_none
db.tx_log.preallocate=false
"""


@dataclass(frozen=True)
class Line:
    """A line of servers.

    Attributes:
        main: Its main class.
        oldest_java: The versions of Java that it runs on, from this one
        newest_java: to this one.
    """

    main: str
    oldest_java: int
    newest_java: int


_LINE_5 = Line("org.neo4j.server.CommunityEntryPoint", 17, 21)
_LATER = Line("org.neo4j.server.Neo4jCommunity", 21, 25)


@dataclass(frozen=True)
class Neo4jServer:
    """A server that runs.

    Attributes:
        port: Where it listens, on the loopback interface.
        password: Of the user `neo4j`.
        version: Of the server.
    """

    port: int
    password: str
    version: str
    user: str = _USER

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    def run(self, cypher: str, **values: object) -> list[neo4j.Record]:
        """Run a statement beside what is tested."""
        with self._driver(self.password) as driver:
            return driver.execute_query(cypher, values).records

    def empty(self) -> None:
        """Delete every node; constraints and indexes stay."""
        self.run("MATCH (node) DETACH DELETE node")

    def bare(self) -> None:
        """Delete everything, as in a database that was just made."""
        self.empty()
        for constraint in self.run("SHOW CONSTRAINTS YIELD name"):
            self.run(f"DROP CONSTRAINT `{constraint['name']}`")
        for index in self.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'"):
            self.run(f"DROP INDEX `{index['name']}`")

    def _driver(self, password: str) -> neo4j.Driver:
        return neo4j.GraphDatabase.driver(
            self.uri,
            auth=(_USER, password),
            notifications_min_severity="OFF",
            max_transaction_retry_time=0,  # its waits double; a server that starts is asked often
        )

    def take_password(self) -> None:
        """Replace the password of a new server, which lets do nothing else before."""
        with self._driver("neo4j") as driver:
            driver.execute_query(
                "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $new", new=self.password, database_="system"
            )


def version() -> str:
    """The server's version: of the variable `DUOGRAPH_NEO4J_VERSION`, else the one of the pom."""
    pinned = ET.parse(_POM).findtext(".//{*}neo4j.version")  # noqa: S314 - our own file
    assert pinned
    return os.environ.get("DUOGRAPH_NEO4J_VERSION") or pinned


def missing() -> str | None:
    """Say what is not there that a server needs, or None."""
    line = _line()
    if _java() is None:
        return (
            f"Neo4j {version()} needs Java {line.oldest_java} to {line.newest_java}: "
            f"apt-get install openjdk-{line.oldest_java}-jre-headless"
        )
    return None if shutil.which("mvn") else "Neo4j's jars are fetched by Maven: apt-get install maven"


@contextmanager
def running(folder: Path | None = None) -> Iterator[Neo4jServer]:
    """Start a server and end it, with all its data.

    Raises:
        AssertionError: When it does not come up; what it wrote is in the message.
    """
    java = _java()
    assert java is not None
    lib, home = _jars(java), Path(tempfile.mkdtemp(prefix="neo4j", dir=folder))
    server = Neo4jServer(_free_port(), secrets.token_hex(12), version())
    (home / "conf").mkdir()
    (home / "conf" / "neo4j.conf").write_text(_CONFIG.format(port=server.port), encoding="utf-8")
    command: list[str | Path] = [
        *(sys.executable, _KEEPER, java, *_JVM, "-cp", f"{lib}/*", _line().main),
        *(f"--home-dir={home}", f"--config-dir={home / 'conf'}", "--console-mode"),
    ]
    log = home / "console.log"
    try:
        with (
            log.open("wb") as out,
            subprocess.Popen(command, cwd=home, stdin=subprocess.PIPE, stdout=out, stderr=out) as process,
        ):
            _wait(server, process, log)
            yield server
            # Leaving the block closes the keeper's input, and waits for its end.
    finally:
        shutil.rmtree(home)


def _wait(server: Neo4jServer, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            server.take_password()
        except (DriverError, Neo4jError) as error:
            said = f"{error}\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}"
            assert process.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.2)
        else:
            return


def _jars(java: Path) -> Path:
    """The folder with the server's jars, filled by Maven the first time."""
    cache = platformdirs.user_cache_path("duograph", ensure_exists=True) / "neo4j-server"
    cache.mkdir(exist_ok=True)
    there = cache / version()
    # Several test processes may want it at once.
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not there.exists():
            fresh = Path(tempfile.mkdtemp(dir=cache))
            command: list[str | Path] = [
                "mvn",
                "-q",
                "-B",
                "-f",
                _POM,
                f"-Dneo4j.version={version()}",
                "-DincludeScope=runtime",
            ]
            command += ["dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
            environment = os.environ | {"JAVA_HOME": str(java.parent.parent)}
            done = subprocess.run(
                command,
                cwd=cache,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_MAVEN_S,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            fresh.rename(there)
    return there


def _line() -> Line:
    return _LINE_5 if version().startswith("5.") else _LATER


def _java() -> Path | None:
    """A Java that the server runs on: of `JAVA_HOME`, on the path, or where Debian keeps them."""
    on_path = shutil.which("java")
    homes = [os.environ.get("JAVA_HOME", ""), *map(str, sorted(Path("/usr/lib/jvm").glob("*")))]
    candidates = [*([Path(on_path)] if on_path else []), *(Path(home, "bin/java") for home in homes if home)]
    line = _line()
    for java in candidates:
        if java.exists() and line.oldest_java <= _java_version(java) <= line.newest_java:
            return java.resolve()
    return None


def _java_version(java: Path) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
