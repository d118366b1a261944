"""Reading an `mcp.json`, in the format of desktop clients; nothing of it is run or asked here."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from toolkit.mcp.expanding import is_variable
from toolkit.mcp.loose_json import loads
from toolkit.mcp.spec import ServerSpec
from toolkit.protocol import ToolConfigError

MAX_FILE_BYTES: Final = 1_000_000
MAX_SERVERS: Final = 50
_MAX_NAME: Final = 100
_BRACES: Final = re.compile(r"\$\{[^{}]{0,200}\}")

_HTTP: Final = frozenset({"http", "streamable-http", "streamable_http", "streamableHttp"})
_READ: Final = ("command", "args", "env", "cwd", "url", "type", "transport", "headers", "disabled")
# Other clients keep these in the same file; what they allow holds for those clients only.
_OF_OTHERS: Final = frozenset(
    {"alwaysAllow", "autoApprove", "autoApproved", "description", "enabled", "icon", "id", "name", "timeout"}
    | {"gallery", "version", "tags", "startupTimeout", "trust"}
)


@dataclass(frozen=True)
class McpFile:
    """A file, read once: what is trusted is what is run.

    Attributes:
        path: Resolved.
        digest: SHA-256 of what stands in it.
        servers: Those that are not disabled.
        notes: A sentence on each thing in it that is not read.
    """

    path: Path
    digest: str
    servers: tuple[ServerSpec, ...]
    notes: tuple[str, ...] = ()


def read_mcp_file(path: Path) -> McpFile:
    """Read and check a file.

    Raises:
        ToolConfigError: When it cannot be read or is wrong; the message names the place and the fix.
    """
    resolved, data = _bytes_of(path)
    return parse_mcp_file(resolved, data)


def parse_mcp_file(path: Path, data: bytes) -> McpFile:
    """Check what stands in a file.

    Raises:
        ToolConfigError: As `read_mcp_file`.
    """
    try:
        content = loads(data, _no_twins)
    except ToolConfigError as error:
        raise ToolConfigError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        where = f" in line {error.lineno} ({error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        what = "text in UTF-8" if isinstance(error, UnicodeError) else "JSON"
        raise ToolConfigError(f'{path} is no {what}{where}: write {{"mcpServers": {{…}}}}.') from None
    entries = content.get("mcpServers") if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        other = ', and not "servers"' if isinstance(content, dict) and "servers" in content else ""
        raise ToolConfigError(f'{path} has no "mcpServers": write {{"mcpServers": {{NAME: {{…}}}}}}{other}.')
    if len(entries) > MAX_SERVERS:
        raise ToolConfigError(f"{path} names {len(entries)} servers: at most {MAX_SERVERS} are read.")
    notes: list[str] = []
    servers = [_server(path, name, entry, notes) for name, entry in entries.items()]
    digest = hashlib.sha256(data).hexdigest()
    return McpFile(path, digest, tuple(one for one in servers if one is not None), tuple(notes))


def _bytes_of(path: Path) -> tuple[Path, bytes]:
    try:
        resolved = path.expanduser().resolve(strict=True)
        # Nothing waits for the other end of a pipe that lies where a file should.
        file = os.open(resolved, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise ToolConfigError(f"{path} is no ordinary file.")
            data = opened.read(MAX_FILE_BYTES + 1)
    except (OSError, RuntimeError) as error:  # a loop of links is the latter in older Pythons
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ToolConfigError(f"{path} cannot be read ({why}): give the path of an mcp.json.") from None
    if len(data) > MAX_FILE_BYTES:
        raise ToolConfigError(f"{path} is larger than {MAX_FILE_BYTES} bytes: it is no mcp.json.")
    return resolved, data


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: a person reads the first one, and the last one would be run."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twins = sorted({key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1})
        raise ToolConfigError(f"the key {twins[0]!r} stands twice in one object: leave one.")
    return found


def _server(path: Path, name: str, entry: Any, notes: list[str]) -> ServerSpec | None:  # noqa: ANN401  # any JSON
    where = f"{path}: the server {name!r}"
    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise ToolConfigError(f"{where} has no usable name: use 1 to {_MAX_NAME} printable characters.")
    if not isinstance(entry, dict):
        raise ToolConfigError(f'{where} must be an object with "command" or "url".')
    unread = [key for key in entry if key not in _READ and key not in _OF_OTHERS]
    for key in unread:
        near = difflib.get_close_matches(key, _READ, n=1)
        notes.append(f"{where}: {key!r} is not read" + (f"; is it {near[0]!r}?" if near else "."))
    if _flag(entry, "disabled", where) or _flag(entry, "enabled", where) is False:
        return None
    kind = entry.get("type", entry.get("transport", "http" if "url" in entry else "stdio"))
    if kind == "sse":
        raise ToolConfigError(
            f"{where} uses sse, which MCP has retired: give its address for streamable HTTP, with type http."
        )
    if not isinstance(kind, str) or (kind not in _HTTP and kind != "stdio"):
        raise ToolConfigError(f"{where} has the type {kind!r}: use stdio or http.")
    if ("command" in entry) == ("url" in entry) or ("url" in entry) != (kind in _HTTP):
        others = f"; not read: {', '.join(map(repr, unread))}" if unread else ""
        raise ToolConfigError(
            f'{where} needs either "command" (stdio) or "url" (http), and not both{others}.'
        )
    spec = _over_http(path, name, entry, where) if kind in _HTTP else _over_stdio(path, name, entry, where)
    notes += [f"{where}: {one} is no variable, and stays as it is." for one in _left_as_they_are(spec)]
    return spec


def _flag(entry: dict[str, Any], key: str, where: str) -> bool | None:
    """A yes or no; whoever writes "true" as a text means something, and nothing shall run by mistake."""
    value = entry.get(key)
    if value is not None and not isinstance(value, bool):
        raise ToolConfigError(f"{where}: {key} is {value!r}: write true or false, without quotes.")
    return value


def _left_as_they_are(spec: ServerSpec) -> list[str]:
    """What looks like a variable and is none here, such as `${input:key}` of another client."""
    words = [spec.command, *spec.args, spec.cwd, spec.url]
    words += [value for _, value in (*spec.env, *spec.headers)]
    found = [one for word in words for one in _BRACES.findall(word) if not is_variable(one)]
    return list(dict.fromkeys(found))


def _over_stdio(path: Path, name: str, entry: dict[str, Any], where: str) -> ServerSpec:
    args = entry.get("args") or []
    if not isinstance(args, list) or not all(isinstance(arg, str) for arg in args):
        raise ToolConfigError(f"{where}: args must be a list of texts, each in quotes.")
    if any("\0" in arg for arg in args):
        raise ToolConfigError(f"{where}: args hold a character that none may have: take \\u0000 out.")
    return ServerSpec(
        name,
        path,
        command=_text(entry, "command", where),
        args=tuple(args),
        env=_pairs(entry, "env", where),
        cwd=_text(entry, "cwd", where) if "cwd" in entry else "",
    )


def _over_http(path: Path, name: str, entry: dict[str, Any], where: str) -> ServerSpec:
    url = _text(entry, "url", where)
    if not _BRACES.search(url) and not _is_address(url):
        raise ToolConfigError(f"{where}: url must be an address such as https://example.com/mcp.")
    return ServerSpec(name, path, url=url, headers=_pairs(entry, "headers", where))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is none
        return False


def _text(entry: dict[str, Any], key: str, where: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ToolConfigError(f"{where}: {key} must be a text that is not empty.")
    return value


def _pairs(entry: dict[str, Any], key: str, where: str) -> tuple[tuple[str, str], ...]:
    value = entry.get(key) or {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ToolConfigError(f"{where}: {key} must be an object of texts, each in quotes.")
    if any("\0" in each for each in value.values()):
        raise ToolConfigError(f"{where}: {key} holds a character that none may have: take \\u0000 out.")
    for each in value:
        if not each or not each.isascii() or not each.isprintable() or set(each) & set("= :"):
            raise ToolConfigError(f"{where}: {key} has the name {each!r}, which cannot be one.")
    return tuple(value.items())
