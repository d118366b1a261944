"""Tools of MCP servers on LangGraph's server, which refuses to block, and ends them with itself."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from tests.graph.calling import SAID, call, calls
from tests.studio.test_langgraph_dev import dev_server, says
from tests.toolkit.mcp.starting import hostile, write
from toolkit.mcp.config import read_mcp_file
from toolkit.mcp.trust import McpTrust

pytestmark = pytest.mark.slow


async def test_a_servers_tool_is_called_and_the_server_ends(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    path = write(tmp_path, {"notes": hostile("good", str(mark)), "broken": hostile("complains")})
    McpTrust(tmp_path).trust(read_mcp_file(path))
    script = tmp_path / "model.jsonl"
    lines = [calls(call("notes__do", "a", text="x")), SAID]
    script.write_text("".join(f"{line}\n" for line in map(json.dumps, lines)))
    with dev_server(tmp_path, DUOGRAPH_MCP_SERVERS=str(path)) as url:
        async with get_client(url=url) as client:
            thread = await client.threads.create()
            values: Any = await client.runs.wait(
                thread["thread_id"],
                "duograph",
                input=says("How many people live in Berlin?"),
                context={"reasoning_model": f"scripted:{script}", "consent": "allow"},
            )
        pid = int(mark.read_text())
        os.kill(pid, 0)
    result = values["result"]
    assert [(use["name"], use["outcome"]) for use in result["tool_uses"]] == [("notes__do", "ok")]
    (note,) = result["notes"]
    assert note.startswith("The MCP server broken cannot be used: it ended with code 2")
    assert "Blocking" not in (tmp_path / "server.log").read_text()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
