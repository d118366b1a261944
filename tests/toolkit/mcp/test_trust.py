"""Nothing runs before the user trusted the very file."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from tests.toolkit.mcp.starting import trusted, write
from toolkit import ToolConfigError
from toolkit.mcp.config import read_mcp_file
from toolkit.mcp.servers import McpServers
from toolkit.mcp.trust import McpTrust, UntrustedError


def test_a_file_is_trusted_as_it_is_and_where_it_is(tmp_path: Path) -> None:
    path, trust = write(tmp_path, {"a": {"command": "x"}}), McpTrust(tmp_path / "home")
    with pytest.raises(UntrustedError) as error:
        trust.read(path)
    assert str(error.value) == (
        f"{path} is not trusted, so none of its servers runs: look at it, then run "
        f"duograph tools trust {path}"
    )
    trust.trust(read_mcp_file(path))
    assert [server.name for server in McpTrust(tmp_path / "home").read(path).servers] == ["a"]
    link = tmp_path / "link.json"
    link.symlink_to(path)
    assert trust.read(link).path == path
    copy = write(tmp_path, {"a": {"command": "x"}}, "copy.json")
    with pytest.raises(UntrustedError, match="is not trusted"):
        trust.read(copy)


def test_a_file_that_changed_by_a_byte_is_not_trusted_any_more(tmp_path: Path) -> None:
    path, trust = trusted(tmp_path, {"a": {"command": "x"}})
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    with pytest.raises(UntrustedError, match="has changed since it was trusted, so none of its servers runs"):
        trust.read(path)
    path.write_bytes(before)
    assert trust.read(path).servers


def test_trust_can_be_taken_back_of_a_file_that_is_gone(tmp_path: Path) -> None:
    path, trust = trusted(tmp_path, {"a": {"command": "x"}})
    path.unlink()
    assert trust.untrust(path)
    assert not trust.untrust(path)
    assert not trust.trusted()


def test_only_the_user_may_read_and_nobody_else_write_what_is_trusted(tmp_path: Path) -> None:
    path, trust = trusted(tmp_path, {"a": {"command": "x"}})
    assert stat.S_IMODE(trust.path.stat().st_mode) == 0o600
    trust.path.chmod(0o666)
    with pytest.raises(ToolConfigError, match="can be written by others, so it proves nothing: remove it"):
        trust.read(path)


@pytest.mark.parametrize("content", ["", "[]", '{"files": []}', '{"files": {"/a": {}}}', "[" * 100_000])
def test_a_damaged_list_trusts_nothing(tmp_path: Path, content: str) -> None:
    path, trust = trusted(tmp_path, {"a": {"command": "x"}})
    trust.path.write_text(content, encoding="utf-8")
    with pytest.raises(ToolConfigError, match="is damaged: remove it, and trust your files anew"):
        trust.read(path)


def test_neither_making_the_servers_nor_a_file_that_is_not_trusted_runs_anything(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w')"
    entry = {"command": sys.executable, "args": ["-c", code]}
    path, trust = write(tmp_path, {"a": entry}), McpTrust(tmp_path / "home")
    with pytest.raises(UntrustedError):
        McpServers([path], trust)
    trust.trust(read_mcp_file(path))
    McpServers([path], trust).close()
    assert not mark.exists()
    with McpServers([path], trust) as servers:
        assert not servers.tools()
    assert mark.exists()


def test_what_is_kept_holds_no_secret_and_no_command(tmp_path: Path) -> None:
    path, trust = trusted(tmp_path, {"a": {"command": "x", "env": {"TOKEN": "hush"}}})
    kept = json.loads(trust.path.read_text())["files"]
    assert list(kept) == [str(path)]
    assert sorted(kept[str(path)]) == ["at", "sha256"]


def test_two_files_may_not_name_the_same_server(tmp_path: Path) -> None:
    trust = McpTrust(tmp_path / "home")
    paths = [write(tmp_path, {"a": {"command": "x"}}, name) for name in ("one.json", "two.json")]
    for path in paths:
        trust.trust(read_mcp_file(path))
    with pytest.raises(ToolConfigError, match="Two files name the MCP server 'a'"):
        McpServers(paths, trust)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, trust = trusted(tmp_path, {"a": {"command": "x"}})
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(ToolConfigError, match=r"mcp needs the extra mcp; run: pip install 'duograph\[mcp\]'"):
        McpServers([path], trust)


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": {"command": "x"}})
    (tmp_path / "home").write_text("no folder", encoding="utf-8")
    with pytest.raises(ToolConfigError, match="cannot be written"):
        McpTrust(tmp_path / "home" / "data").trust(read_mcp_file(path))
