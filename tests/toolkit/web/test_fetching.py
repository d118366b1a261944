"""Pages are fetched from allowed hosts on the public network, and nothing else is ever asked."""

from collections.abc import Iterator

import pytest

from tests.toolkit.web.servers import MisbehavingServer, Names, misbehaving
from toolkit.protocol import ToolError
from toolkit.registry import make
from toolkit.running import Outcome, run
from toolkit.web.fetching import fetch
from toolkit.web.policy import WebPolicy

HERE = (["127.0.0.1"],)


@pytest.fixture(scope="module")
def running() -> Iterator[MisbehavingServer]:
    with misbehaving() as server:
        yield server


@pytest.fixture
def server(running: MisbehavingServer) -> MisbehavingServer:
    running.asked.clear()
    return running


def policy(server: MisbehavingServer, **names: object) -> WebPolicy:
    known = {"rivers_test": HERE} | names
    return WebPolicy(
        hosts=(f"rivers.test:{server.server_port}", "*.inside.test", f"turns.test:{server.server_port}"),
        inner_addresses=("127.0.0.1",),
        resolve=Names(**known),  # type: ignore[arg-type]  # lists of lists of texts
        timeout_s=20,
        max_bytes=100_000,
    )


async def asked(server: MisbehavingServer, path: str, **names: object) -> Outcome:
    tool = make("fetch_page", web=policy(server, **names))
    return await run(tool, {"url": f"http://rivers.test:{server.server_port}{path}"})


async def test_a_page_comes_as_its_text_with_where_it_came_from(server: MisbehavingServer) -> None:
    outcome = await asked(server, "/")
    where = f"http://rivers.test:{server.server_port}/"
    assert outcome.text == f"Rivers\n\n# The Elbe\n\nIt is 1094 km long.\n[From {where}]"
    assert server.asked == [(f"rivers.test:{server.server_port}", "/")]


@pytest.mark.parametrize(("path", "shown"), [("/json", '{"length_km": 1094}'), ("/plain", "Überfluß")])
async def test_text_and_json_come_as_they_are(server: MisbehavingServer, path: str, shown: str) -> None:
    assert (await asked(server, path)).text.startswith(shown)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/picture", "image/png"),
        ("/missing", "answered 404"),
        ("/zstd", "packed as zstd"),
        ("/broken", "packed, and broken"),
        ("/loop", "more than 5 times"),
        ("/to/http://db.inside.test/", "not on the public network"),
        ("/to/http://meta.inside.test/latest/meta-data", "not on the public network"),
        ("/to/http://127.0.0.1/", "not among the allowed hosts"),
        ("/to/http://u:p@rivers.test/", "user name"),
        ("/to/file:///etc/passwd", "Only http and https"),
        ("/to/gopher://rivers.test/", "Only http and https"),
        ("/to/http://nowhere.inside.test/", "has no address"),
    ],
)
async def test_what_may_not_be_read_is_refused_in_a_word(
    server: MisbehavingServer, path: str, says: str
) -> None:
    names = {"db_inside_test": (["8.8.8.8", "10.0.0.7"],), "meta_inside_test": (["169.254.169.254"],)}
    outcome = await asked(server, path, **names)
    assert outcome.is_error
    assert says in outcome.text
    assert {host for host, _ in server.asked} == {f"rivers.test:{server.server_port}"}


async def test_a_redirect_is_followed_and_resolved_anew(server: MisbehavingServer) -> None:
    assert "# The Elbe" in (await asked(server, f"/to/http://rivers.test:{server.server_port}/")).text
    assert [path for _, path in server.asked][-1] == "/"


async def test_a_name_that_turns_inward_after_the_check_is_not_asked_again(
    server: MisbehavingServer,
) -> None:
    names = Names(turns_test=(["127.0.0.1"], ["10.0.0.7"]))
    found = WebPolicy((f"turns.test:{server.server_port}",), ("127.0.0.1",), names)
    page = await fetch(f"http://turns.test:{server.server_port}/", found)
    assert page.body
    assert names.asked == ["turns.test"]  # connecting asked nobody: the second answer is still there
    with pytest.raises(ToolError, match="not on the public network"):
        await fetch(f"http://turns.test:{server.server_port}/", found)


@pytest.mark.parametrize("path", ["/endless", "/bomb"])
async def test_a_body_without_end_or_one_that_unpacks_to_much_is_cut(
    server: MisbehavingServer, path: str
) -> None:
    found = policy(server)
    page = await fetch(f"http://rivers.test:{server.server_port}{path}", found)
    assert page.is_cut
    assert len(page.body) == found.max_bytes


async def test_a_body_that_drips_is_given_up_in_time(server: MisbehavingServer) -> None:
    known = Names(rivers_test=HERE)
    found = WebPolicy((f"rivers.test:{server.server_port}",), ("127.0.0.1",), known, timeout_s=0.1)
    with pytest.raises(ToolError, match="did not come within"):
        await fetch(f"http://rivers.test:{server.server_port}/drip", found)


async def test_a_proxy_of_the_environment_is_not_used(
    server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert not (await asked(server, "/")).is_error


@pytest.mark.parametrize(
    "url",
    ["", "http://", "http:///x", "//x", "http://[", "http://a b/", "http://" + "a" * 300, "http://x:99999/"],
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ToolError):
        await fetch(url, WebPolicy(("*",), resolve=Names()))
