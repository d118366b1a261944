"""An MCP server over stdio with one tool that changes something; started by tests as a program.

It writes each payment into the file that it is given. A payment to `slow` takes as long as the server lives.
"""

import json
import sys
import time
from pathlib import Path

PAY = {
    "name": "pay",
    "description": "Pay somebody.",
    "inputSchema": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
}


def main() -> None:
    """Answer requests until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        given = asked.get("params", {})
        result: object = {}
        if asked["method"] == "initialize":
            result = {
                "protocolVersion": given["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "payments", "version": "1"},
            }
        elif asked["method"] == "tools/list":
            result = {"tools": [PAY]}
        elif asked["method"] == "tools/call":
            to = given["arguments"]["to"]
            with Path(sys.argv[1]).open("a", encoding="utf-8") as file:
                file.write(f"{to[:20]}\n")
            if to == "slow":
                time.sleep(600)
            result = {"content": [{"type": "text", "text": "paid"}]}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
