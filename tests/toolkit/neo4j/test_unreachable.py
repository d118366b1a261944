"""A server that is not there, says nothing, or is none."""

from __future__ import annotations

import socket
import threading

import pytest

from toolkit.neo4j.place import Server
from toolkit.neo4j.tools import make_query, make_schema
from toolkit.running import run


@pytest.mark.parametrize(
    ("uri", "part"),
    [
        ("bolt://127.0.0.1:1", "Neo4j cannot be reached: start the server, or mend NEO4J_URI."),
        ("bolt://neo4j:hush-hush@127.0.0.1:1", "Neo4j cannot be"),
        ("http://127.0.0.1:1", "NEO4J_URI is no address of Neo4j"),
        ("127.0.0.1", "NEO4J_URI is no address of Neo4j"),
        ("", "NEO4J_URI is no address of Neo4j"),
        ("bolt://[", "Neo4j cannot be used"),
    ],
)
async def test_a_server_that_is_not_there_is_told_without_a_password(uri: str, part: str) -> None:
    server = Server(uri, "neo4j", "hush-hush")
    for tool, arguments in ((make_query(server), {"query": "RETURN 1"}), (make_schema(server), {})):
        found = await run(tool, arguments)
        assert found.is_error
        assert part in found.text
        assert found.text.endswith(".")
        assert "hush-hush" not in found.text


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["nothing", "http"])
async def test_what_is_no_neo4j_is_told(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr("toolkit.neo4j.server._CONNECT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        tool = make_query(Server(f"bolt://127.0.0.1:{listener.getsockname()[1]}"), timeout_s=1.2)
        if not said:
            found = await run(tool, {"query": "RETURN 1"})
        else:

            def answer() -> None:
                peer, _ = listener.accept()
                with peer:
                    peer.recv(100)
                    peer.sendall(said)

            thread = threading.Thread(target=answer)
            thread.start()
            found = await run(tool, {"query": "RETURN 1"})
            thread.join()
    assert found.is_error
    assert found.text.startswith(("Neo4j cannot be reached", "Neo4j was stopped", "Neo4j cannot be used"))
