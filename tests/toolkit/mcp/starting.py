"""Files and servers that the tests of MCP share."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.mcp.config import read_mcp_file
from toolkit.mcp.limits import McpLimits
from toolkit.mcp.servers import McpServers
from toolkit.mcp.trust import McpTrust

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolkit import AnyTool

HERE = Path(__file__).parent
QUICK = McpLimits(startup_s=20, call_s=20, backoff_s=0.01)


def official(**more: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    """An entry for the server that is written with the SDK."""
    return {"command": sys.executable, "args": [str(HERE / "official.py")], **more}


def hostile(kind: str, *args: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    """An entry for a server that misbehaves."""
    return {"command": sys.executable, "args": ["-I", "-S", str(HERE / "hostile.py"), kind, *args], **more}


def write(folder: Path, servers: Mapping[str, Any], name: str = "mcp.json") -> Path:
    path = folder / name
    path.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    return path


def trusted(folder: Path, servers: Mapping[str, Any]) -> tuple[Path, McpTrust]:
    path, trust = write(folder, servers), McpTrust(folder / "home")
    trust.trust(read_mcp_file(path))
    return path, trust


def opened(
    folder: Path,
    servers: Mapping[str, Any],
    limits: McpLimits = QUICK,
    environment: Mapping[str, str] | None = None,
) -> McpServers:
    path, trust = trusted(folder, servers)
    given = None if environment is None else lambda: environment
    return McpServers([path], trust, limits=limits, environment=given)


def by_name(servers: McpServers) -> dict[str, AnyTool]:
    return {tool.name: tool for tool in servers.tools()}


@contextmanager
def over_http(**environment: str) -> Iterator[str]:
    """The server that is written with the SDK, on loopback; gives its address."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "official.py"), "http"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", **environment},
        text=True,
    )
    assert server.stdout is not None
    with server, server.stdout:
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}/mcp"
        finally:
            server.terminate()
