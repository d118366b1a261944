"""Questions to Datadog through its own client, answered by a server on loopback."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.toolkit.datadog.server import Loopback, Reply, running
from toolkit.datadog.client import Access
from toolkit.datadog.tools import make_logs, make_metrics, make_monitors
from toolkit.running import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.protocol import AnyTool

pytestmark = pytest.mark.slow  # the client alone takes a second to import

_SERIES = {
    "metric": "system.cpu.user",
    "scope": "host:a",
    "interval": 60,
    "unit": [{"name": "percent", "short_name": "%"}, None],
    "pointlist": [[1767225600000.0 + 60000 * n, float(n)] for n in range(90)],
    "a_field_newer_than_the_client": {"deep": [1]},
}
_LOG = {
    "id": "AAAA",
    "type": "log",
    "attributes": {
        "timestamp": "2026-01-01T00:00:00Z",
        "status": "error",
        "service": "pay",
        "message": "card refused, Authorization: Bearer abcdefghijklmnop0123",
        "attributes": {"code": 402, "password": "hush-hush"},
        "tags": ["env:prod"],
    },
}


@pytest.fixture
def datadog() -> Iterator[Loopback]:
    """A Datadog of our own."""
    with running() as server:
        yield server


def _monitor(number: int, state: str) -> dict[str, Any]:
    return {"id": number, "name": f"m{number}", "type": "metric alert", "overall_state": state, "query": "q"}


def _tools(access: Access) -> dict[str, tuple[AnyTool, dict[str, Any]]]:
    return {
        "metrics": (make_metrics(access), {"query": "avg:system.cpu.user{*}"}),
        "logs": (make_logs(access), {"query": "service:pay"}),
        "monitors": (make_monitors(access), {}),
    }


async def _ask(server: Loopback, which: str, *replies: Reply, **more: object) -> Outcome:
    server.replies = list(replies)
    tool, arguments = _tools(server.access)[which]
    return await run(tool, arguments | more)


async def test_metrics_are_summed_up_and_thinned(datadog: Loopback) -> None:
    found = await _ask(
        datadog, "metrics", Reply({"status": "ok", "series": [_SERIES]}), until="2026-01-01T02:00:00+01:00"
    )
    assert not found.is_error, found.text
    one = json.loads(found.text)
    assert {key: one[key] for key in ("count", "min", "max", "avg", "last", "unit", "scope")} == {
        "count": 90, "min": 0, "max": 89, "avg": 44.5, "last": 89, "unit": "%", "scope": "host:a",
    }  # fmt: skip
    assert len(one["points"]) == 30
    assert one["points"][0] == ["2026-01-01T00:00:00+00:00", 0]
    assert one["points"][-1] == ["2026-01-01T01:29:00+00:00", 89]
    seen = datadog.seen[0]
    assert seen.path == "/api/v1/query"
    assert seen.query == {"from": "1767225600", "to": "1767229200", "query": "avg:system.cpu.user{*}"}
    assert (seen.headers["dd-api-key"], seen.headers["dd-application-key"]) == ("the-api-key", "the-app-key")


async def test_logs_come_one_a_line_without_secrets_and_can_be_read_on(datadog: Loopback) -> None:
    page = {"data": [_LOG, _LOG], "meta": {"page": {"after": "the-cursor"}}}
    found = await _ask(datadog, "logs", Reply(page), limit=2, until="2026-01-01T00:00:00Z")
    lines = found.text.splitlines()
    assert json.loads(lines[0]) == {"cursor": "the-cursor"}
    log = json.loads(lines[1])
    assert (log["service"], log["status"], log["attributes"]["code"]) == ("pay", "error", 402)
    assert "hush-hush" not in found.text
    assert "abcdefghijklmnop0123" not in found.text
    assert datadog.seen[0].path == "/api/v2/logs/events/search"
    assert datadog.seen[0].body == {
        "filter": {
            "query": "service:pay", "from": "2025-12-31T23:00:00+00:00", "to": "2026-01-01T00:00:00+00:00",
        },
        "page": {"limit": 2},
        "sort": "-timestamp",
    }  # fmt: skip
    last = await _ask(datadog, "logs", Reply({"data": []}), cursor="the-cursor")
    assert last.text == "No logs."
    assert datadog.seen[1].body["page"] == {"limit": 50, "cursor": "the-cursor"}


async def test_monitors_are_counted_by_state_over_all_pages(datadog: Loopback) -> None:
    first = Reply([_monitor(number, "OK") for number in range(100)])
    second = Reply([_monitor(100, "Alert"), _monitor(101, "No Data")])
    found = await _ask(datadog, "monitors", first, second, states=["Alert"], tags="env:prod")
    lines = [json.loads(line) for line in found.text.splitlines()]
    assert lines[0] == {"states": {"Alert": 1, "No Data": 1, "OK": 100}}
    assert [line["id"] for line in lines[1:]] == [100]
    assert [seen.query["page"] for seen in datadog.seen] == ["0", "1"]
    assert datadog.seen[0].query["tags"] == "env:prod"


async def test_monitors_without_an_end_are_left_after_ten_pages(datadog: Loopback) -> None:
    found = await _ask(datadog, "monitors", Reply([_monitor(1, "OK")] * 100))
    assert not found.is_error
    assert found.text.endswith("[there are more monitors: filter by name or tags]")
    assert len(datadog.seen) == 10


@pytest.mark.parametrize("which", ["metrics", "logs", "monitors"])
@pytest.mark.parametrize(
    ("reply", "part"),
    [
        (
            Reply({"errors": ["Forbidden"]}, 403),
            "Datadog refused the keys (403): mend DD_API_KEY and DD_APP_KEY",
        ),
        (Reply({"errors": ["Unauthorized"]}, 401), "Datadog refused the keys (401)"),
        (
            Reply({}, 429, {"X-RateLimit-Reset": "17"}),
            "Datadog takes no more questions for now: ask again in 17 s.",
        ),
        (Reply({}, 429), "ask again later."),
        (Reply({}, 429, {"X-RateLimit-Reset": "soon\u00b2"}), "ask again later."),
        (Reply({"errors": ["Query is\nwrong"]}, 400), "Datadog refused the question (400): Query is wrong."),
        (Reply(b"<html>", 400, {"Content-Type": "text/html"}), "Datadog refused the question (400)."),
        (Reply(b"\xff\xfe", 404), "Datadog's answer cannot be read"),
        (Reply({}, 500), "Datadog has a fault (500): try again later."),
        (Reply(b"upstream", 503), "Datadog has a fault (503)"),
        (Reply(b"", 302, {"Location": "http://127.0.0.1:1/"}), "Datadog sent us elsewhere (302)"),
        (Reply(b'{"series": [', is_cut=True), "Datadog's answer was cut off: try again."),
        (Reply(b'{"series": ['), "Datadog's answer is not JSON"),
        (Reply(b"[" * 100_000), "Datadog's answer is not JSON"),
        (Reply(b""), "Datadog's answer is not JSON"),
        (Reply(b"abc", headers={"Content-Encoding": "gzip"}), "Datadog's answer cannot be read"),
        (Reply(None), "Datadog's answer has not the form that is documented"),
        (Reply("text"), "Datadog's answer has not the form that is documented"),
        (Reply({"odd": 1}), "Datadog's answer has not the form that is documented"),
        (Reply(b" " * 2**20, repeat=32), "Datadog's answer is larger than 16 MiB"),
        (Reply(gzip.compress(b" " * 2**25), headers={"Content-Encoding": "gzip"}), "larger than 16 MiB"),
    ],
    ids=lambda value: f"{value.status}-{len(value.raw)}" if isinstance(value, Reply) else "",
)
async def test_a_fault_is_one_sentence(datadog: Loopback, which: str, reply: Reply, part: str) -> None:
    found = await _ask(datadog, which, reply)
    assert found.is_error
    assert part in found.text
    assert found.text.endswith(".")
    assert "\n" not in found.text
    assert "the-api-key" not in found.text
    assert len(datadog.seen) == 1


@pytest.mark.parametrize(
    ("which", "body"),
    [
        (
            "metrics",
            {"series": [None, {"pointlist": [None, [1], [1, None], ["a", "b"], [1e300, 1], [1, True]]}]},
        ),
        ("metrics", {"series": [{"pointlist": 3, "unit": [None]}, {"pointlist": {}, "unit": "x"}]}),
        ("logs", {"data": [None, {}, {"attributes": 3}, {"attributes": {"message": {"a": 1}}}], "meta": []}),
        ("logs", {"data": None, "meta": {"page": {"after": 3}}}),
        ("monitors", [None, {}, {"overall_state": {"a": 1}, "name": None}]),
    ],
)
async def test_an_odd_answer_is_shown_as_far_as_it_goes(datadog: Loopback, which: str, body: object) -> None:
    found = await _ask(datadog, which, Reply(body))
    assert not found.is_error, found.text


async def test_what_datadog_says_of_a_wrong_query_is_told(datadog: Loopback) -> None:
    found = await _ask(datadog, "metrics", Reply({"status": "error", "error": "Rule 'x' is wrong"}))
    assert found.text == "Datadog refused the query: Rule 'x' is wrong."


async def test_a_datadog_that_is_not_there_is_told() -> None:
    for tool, arguments in _tools(Access("the-api-key", "the-app-key", "http://127.0.0.1:1")).values():
        found = await run(tool, arguments)
        assert found.text == "Datadog cannot be reached: look at the network, and at DD_SITE."


async def test_a_site_that_is_none_is_told_before_a_key_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DD_SITE", "evil.example")
    monkeypatch.setenv("DD_API_KEY", "the-api-key")
    monkeypatch.setenv("DD_APP_KEY", "the-app-key")
    found = await run(make_monitors(), {})
    assert found.text == "DD_SITE is none of Datadog's sites: set one such as datadoghq.eu."
