"""Servers over HTTP: a real one written with the official SDK, and one that misbehaves."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.toolkit.mcp.starting import QUICK, by_name, opened, over_http
from tests.toolkit.mcp.test_servers import until
from tests.toolkit.mcp.web_server import WebServer, web_server
from toolkit.mcp.http import Bounds, client_factory
from toolkit.running import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from toolkit import AnyTool

SMALL = replace(QUICK, max_message_bytes=100_000, max_flood_bytes=200_000)


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with over_http(WANTED="Bearer hush-hush-word") as url:
        yield url


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as other, web_server(other.url) as server:
        yield server
        assert not other.asked  # nobody is followed to another host, with or without headers


def do(tool: AnyTool, **arguments: object) -> Outcome:
    return asyncio.run(run(tool, arguments))


def test_a_real_server_is_asked_with_its_headers(real: str, tmp_path: Path) -> None:
    entry = {"type": "http", "url": real, "headers": {"Authorization": "Bearer ${WORD}"}}
    with opened(tmp_path, {"w": entry}, environment={"WORD": "hush-hush-word"}) as servers:
        tools = by_name(servers)
        assert do(tools["w__add"], first=40).text == "42"
        assert "Rome" in do(tools["w__visit"], places=[{"city": "Rome"}]).text
        assert do(tools["w__fail"]).is_error
        do(tools["w__become"], description="One.")
        assert do(by_name(servers)["w__newcomer"]).text == "here"


def test_a_real_server_is_told_when_nobody_waits_any_more(real: str, tmp_path: Path) -> None:
    entry = {"url": real, "headers": {"Authorization": "Bearer hush-hush-word"}}
    with opened(tmp_path, {"w": entry}, replace(QUICK, call_s=0.5)) as servers:
        outcome = do(by_name(servers)["w__wait"], mark=str(tmp_path / "mark"))
        assert outcome.text == "The MCP server w did not answer the call of w__wait within 0.5 s."
        until(tmp_path / "mark", "stopped")


def test_a_wrong_login_is_told_without_it(real: str, tmp_path: Path) -> None:
    entry = {"url": f"{real}?key=hush-key", "headers": {"Authorization": "Bearer hush-wrong"}}
    with opened(tmp_path, {"w": entry}) as servers:
        assert not servers.tools()
        assert list(servers.notes) == [
            "The MCP server w answered 401: it wants a login, so check what headers of the file send."
        ]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("403", "answered 403: it wants a login, so check what headers of the file send."),
        ("404", "answered 404: there is no MCP server at its address."),
        ("500", "answered 500."),
        ("302", "answered 302: it sends us elsewhere; if that is right, put that address into the file."),
        ("307", "answered 307: it sends us elsewhere; if that is right, put that address into the file."),
    ],
)
def test_a_refusal_at_the_start_is_told_and_no_other_host_is_asked(
    web: WebServer, tmp_path: Path, path: str, says: str
) -> None:
    entry = {"url": f"{web.url}/{path}", "headers": {"Authorization": "Bearer hush-hush"}}
    with opened(tmp_path, {"w": entry}) as servers:
        assert not servers.tools()
        assert list(servers.notes) == [f"The MCP server w {says}"]


def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    with web_server() as gone:
        url = gone.url
    with opened(tmp_path, {"w": {"url": url}}) as servers:
        assert not servers.tools()
        assert list(servers.notes) == ["The MCP server w could not be reached."]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("endless", "sent more than 100000 bytes at once."),
        ("events", "sent more than 100000 bytes at once."),
        ("cut", "ended its answer too early."),
        ("short", "broke the connection (RemoteProtocolError)."),
        ("page", "answered with what is not MCP."),
        ("packed", "packed its answer, although it was asked not to."),
        ("accepts", "answered with what is not MCP."),
        ("later", "answered 503."),
        ("always_forgets", "forgets its sessions as soon as they are open."),
    ],
)
def test_an_answer_that_is_none_is_told_and_the_session_goes_on(
    web: WebServer, tmp_path: Path, kind: str, says: str
) -> None:
    with opened(tmp_path, {"w": {"url": f"{web.url}/{kind}"}}, SMALL) as servers:
        for _ in range(2):
            outcome = do(by_name(servers)["w__do"])
            assert (outcome.is_error, outcome.text) == (True, f"The MCP server w {says}")


def test_one_that_has_forgotten_the_session_is_asked_again_in_a_new_one(
    web: WebServer, tmp_path: Path
) -> None:
    with opened(tmp_path, {"w": {"url": f"{web.url}/forgets"}}) as servers:
        assert do(by_name(servers)["w__do"]).text == "done"
    assert web.has_forgotten


def test_a_redirect_to_another_path_of_the_same_host_is_followed_and_secrets_stay_out_of_logs(
    web: WebServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    entry = {"url": f"{web.url}/moved?key=hush-key", "headers": {"X-Key": "hush-header"}}
    with opened(tmp_path, {"w": entry}) as servers:
        assert do(by_name(servers)["w__do"]).text == "done"
    assert "hush" not in caplog.text
    path, headers = web.asked[-1]
    assert (path, headers["X-Key"]) == ("/good/?key=hush-key", "hush-header")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            {"url": "http://10.0.0.1/mcp", "headers": {"A": "b"}},
            "would be sent secrets in the clear: use https",
        ),
        ({"url": "http://10.0.0.1/mcp?key=b"}, "would be sent secrets in the clear: use https"),
        ({"url": "${NONE:-}ftp://10.0.0.1/"}, "has no http or https address: correct its url."),
        ({"url": "${NONE:-https://}"}, "has no http or https address: correct its url."),
        ({"url": "http://127.0.0.1:9/", "headers": {"A": "b\r\nC: d"}}, "has a character that no header may"),
    ],
)
def test_an_address_that_secrets_must_not_go_to_is_not_asked(
    tmp_path: Path, entry: dict[str, object], says: str
) -> None:
    with opened(tmp_path, {"w": entry}) as servers:
        assert not servers.tools()
        assert says in servers.notes[0]


@pytest.mark.parametrize(("path", "heard"), [("/streams", 1), ("/405", 10)])
async def test_one_that_streams_without_end_or_again_and_again_is_not_heard_any_more(
    web: WebServer, path: str, heard: int
) -> None:
    bounds = Bounds(connect_s=5, answer_s=5, max_bytes=1000, max_stream_bytes=200_000)
    async with client_factory(web.url, {}, bounds)() as client:
        statuses = [(await client.get(f"{web.url}{path}")).status_code for _ in range(12)]
    assert web.streams == heard
    assert statuses[heard:] == [405] * (12 - heard)
