"""`duograph tools trust|untrust|trusted`: whose MCP servers may run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from serving import exits, terminal
from serving.approval import can_ask
from serving.faults import InputError
from toolkit.mcp.config import read_mcp_file
from toolkit.mcp.trust import McpTrust
from toolkit.protocol import ToolConfigError

if TYPE_CHECKING:
    from toolkit.mcp.config import McpFile
    from toolkit.mcp.trust import Trusted


def trust(file: str, *, yes: bool, as_json: bool) -> int:
    """Show a file's servers, ask, trust it, and give the exit code.

    Raises:
        ToolConfigError: When the file is wrong, or its trust cannot be kept.
        InputError: When nobody can be asked, or the answer is no.
    """
    # The very bytes that are shown are trusted, whatever happens to the file meanwhile.
    read = read_mcp_file(Path(file))
    for server in read.servers:
        terminal.notice(f"duograph: {server.name} {server.in_words()}")
    for note in read.notes:
        terminal.notice(f"duograph: {note}")
    if not read.servers:
        terminal.notice(f"duograph: {read.path} has no server that is not disabled.")
    if not yes:
        _ask(read)
    kept = _kept()
    kept.trust(read)
    if as_json:
        servers = [{"name": one.name, "transport": one.transport} for one in read.servers]
        terminal.json_object({"path": str(read.path), "sha256": read.digest, "servers": servers})
    else:
        terminal.notice(f"duograph: {read.path} is trusted as it is now.")
    return exits.DONE


def untrust(file: str, *, as_json: bool) -> int:
    """Take it back and give the exit code.

    Raises:
        ToolConfigError: When that cannot be kept.
    """
    was_trusted = _kept().untrust(Path(file))
    if as_json:
        terminal.json_object({"path": file, "was_trusted": was_trusted})
    else:
        what = "is not trusted any more" if was_trusted else "was not trusted"
        terminal.notice(f"duograph: {file} {what}.")
    return exits.DONE


def list_trusted(*, as_json: bool) -> int:
    """Print what is trusted, by path, and give the exit code.

    Raises:
        ToolConfigError: When the list cannot be read.
    """
    found = [(one, _state(one)) for one in _kept().trusted()]
    if as_json:
        terminal.json_object(
            [
                {"path": str(one.path), "state": state, "sha256": one.digest, "at": one.at}
                for one, state in found
            ]
        )
    elif not found:
        terminal.notice("duograph: no file is trusted; `duograph tools trust FILE` does that.")
    else:
        for one, state in found:
            terminal.line(f"{one.path}\t{state}\t{one.at}")
    return exits.DONE


def _ask(read: McpFile) -> None:
    if not can_ask():
        raise InputError(f"Nobody can be asked here: look at {read.path}, and run this again with --yes.")
    sys.stderr.write(f"trust {read.path} with all that these servers do? [y/n] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise InputError(f"{read.path} is not trusted: nothing has changed.")


def _kept() -> McpTrust:
    with terminal.starting():
        from graph.settings import Settings  # noqa: PLC0415  # bodies load when they run

        return McpTrust(Settings(user_settings=False).home)


def _state(kept: Trusted) -> str:
    try:
        return "trusted" if read_mcp_file(kept.path).digest == kept.digest else "changed since"
    except ToolConfigError:
        return "cannot be read"
