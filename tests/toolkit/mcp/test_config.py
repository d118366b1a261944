"""Files in the format of desktop clients: what is read, what is refused, and what is never shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import ToolConfigError, ToolError
from toolkit.mcp.config import parse_mcp_file, read_mcp_file
from toolkit.mcp.expanding import expand
from toolkit.mcp.spec import ServerSpec

FILE = Path("/home/ada/mcp.json")


def parsed(servers: Any) -> tuple[ServerSpec, ...]:  # noqa: ANN401  # any JSON
    return parse_mcp_file(FILE, json.dumps({"mcpServers": servers}).encode()).servers


def test_servers_of_both_kinds_are_read() -> None:
    files, web, other = parsed(
        {
            "files": {"command": "npx", "args": ["-y", "it"], "env": {"A": "${B}"}, "cwd": "sub"},
            "web": {"url": "https://example.com/mcp", "headers": {"Authorization": "Bearer ${T}"}},
            "other": {"type": "streamable-http", "url": "https://example.com/mcp"},
            "off": {"command": "x", "disabled": True},
        }
    )
    assert (files.transport, files.command, files.args, files.env, files.cwd) == (
        *("stdio", "npx", ("-y", "it")),
        *((("A", "${B}"),), "sub"),
    )
    assert (web.transport, web.headers) == ("http", (("Authorization", "Bearer ${T}"),))
    assert other.transport == "http"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", r"is no JSON in line 1 \(Expecting property name .*\): write"),
        ('{"mcpServers": // one\n{"a" {}}}', r"is no JSON in line 2 \(Expecting ':' delimiter\)"),
        ('{"mcpServers": /* no end', r"is no JSON in line 1 \(Expecting value\)"),
        ("[" * 100_000, "is no JSON"),
        ("\xff", "is no text in UTF-8: write"),
        ("[]", 'has no "mcpServers"'),
        ('{"servers": {}}', 'has no "mcpServers": write .*, and not "servers"'),
        ('{"mcpServers": {"a": {"command": "ls", "command": "rm"}}}', "the key 'command' stands twice"),
        ('{"mcpServers": {"a": 1}}', 'must be an object with "command" or "url"'),
        ('{"mcpServers": {"a": {}}}', 'either "command" .stdio. or "url"'),
        ('{"mcpServers": {"a": {"command": "x", "url": "y"}}}', 'either "command" .stdio. or "url"'),
        ('{"mcpServers": {"a": {"command": "x", "type": "http"}}}', 'either "command" .stdio. or "url"'),
        ('{"mcpServers": {"a": {"url": "x", "type": "sse"}}}', "MCP has retired: give its address"),
        ('{"mcpServers": {"a": {"url": "x", "type": "ftp"}}}', "has the type 'ftp': use stdio or http"),
        ('{"mcpServers": {"a": {"command": " "}}}', "command must be a text that is not empty"),
        ('{"mcpServers": {"a": {"command": "x", "args": "y"}}}', "args must be a list of texts"),
        ('{"mcpServers": {"a": {"command": "x", "env": {"A": 1}}}}', "env must be an object of texts"),
        ('{"mcpServers": {"a": {"command": "x", "env": {"A=B": "1"}}}}', "env has the name 'A=B'"),
        ('{"mcpServers": {"a": {"serverUrl": "x"}}}', "and not both; not read: 'serverUrl'"),
        ('{"mcpServers": {"a": {"url": "x", "type": ["http"]}}}', r"has the type \['http'\]: use stdio"),
        ('{"mcpServers": {"a": {"command": "x", "disabled": "true"}}}', "disabled is 'true': write true or"),
        ('{"mcpServers": {"a": {"command": "x", "enabled": 0}}}', "enabled is 0: write true or false"),
        ('{"mcpServers": {"a": {"command": "x", "args": ["\\u0000"]}}}', "args hold a character"),
        ('{"mcpServers": {"a": {"command": "x", "env": {"A": "\\u0000"}}}}', "env holds a character"),
        ('{"mcpServers": {"a": {"url": "example.com/mcp"}}}', "url must be an address such as https://"),
        ('{"mcpServers": {"a": {"url": "ftp://me:word@example.com"}}}', "url must be an address such as"),
        ('{"mcpServers": {"a": {"url": "http://[::1"}}}', "url must be an address such as https://"),
        ('{"mcpServers": {"": {"command": "x"}}}', "has no usable name"),
        ('{"mcpServers": {"a\\u0007": {"command": "x"}}}', "has no usable name"),
    ],
)
def test_what_is_wrong_is_told_with_the_place(content: str, says: str) -> None:
    with pytest.raises(ToolConfigError, match=says) as error:
        parse_mcp_file(FILE, content.encode("latin-1"))
    assert str(error.value).startswith(str(FILE))


def test_a_key_that_is_not_read_is_told_and_what_other_clients_allow_counts_for_nothing() -> None:
    entry = {"command": "x", "agrs": ["y"], "autoApprove": ["*"], "alwaysAllow": ["rm"]}
    file = parse_mcp_file(FILE, json.dumps({"mcpServers": {"a": entry}}).encode())
    assert file.notes == (f"{FILE}: the server 'a': 'agrs' is not read; is it 'args'?",)


COMMENTED = r"""// mine
{ "mcpServers": { /* one */
    "a": {"url": "https://example.com/a//b/*c*/", "headers": {"X": "\",//\"},} // two"},}, // "three",
}, }
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_editors_and_shells_make_of_a_file_is_read_and_texts_stay_as_they_are(encoding: str) -> None:
    (spec,) = parse_mcp_file(FILE, COMMENTED.encode(encoding)).servers
    assert (spec.url, spec.headers) == ("https://example.com/a//b/*c*/", (("X", '",//"},} // two'),))


@given(st.text(alphabet='"\\\\/*,}] \na', max_size=40))
def test_a_text_is_never_taken_for_a_comment(text: str) -> None:
    content = f'{{"mcpServers": {{"a": {{"command": "x", "args": [{json.dumps(text)},],}}}}}} // end'
    (spec,) = parse_mcp_file(FILE, content.encode()).servers
    assert spec.args == (text,)


@pytest.mark.parametrize("head", ['"' + '\\"' * 400_000, "/*" * 400_000, '"' + "\\" * 800_001])
def test_a_hostile_file_costs_no_more_than_its_length(head: str) -> None:
    with pytest.raises(ToolConfigError, match="is no JSON in line 1"):
        parse_mcp_file(FILE, head.encode())


def test_what_looks_like_a_variable_and_is_none_is_told() -> None:
    entry = {"command": "x", "args": ["${input:key}", "${HOME}", "${A:-b}"], "env": {"K": "${input:key}"}}
    file = parse_mcp_file(FILE, json.dumps({"mcpServers": {"a": entry}}).encode())
    assert file.notes == (f"{FILE}: the server 'a': ${{input:key}} is no variable, and stays as it is.",)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b" " * 1_000_001)
    for name, says in (("pipe", "no ordinary file"), ("large", "larger than"), ("gone", "cannot be read")):
        with pytest.raises(ToolConfigError, match=says):
            read_mcp_file(tmp_path / name)


KEYS = st.sampled_from(["command", "url", "args", "env", "headers", "type", "cwd", "disabled"])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["http", "stdio"]) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(ANY | st.fixed_dictionaries({"mcpServers": st.dictionaries(st.text(max_size=5), ANY, max_size=3)}))
def test_whatever_stands_in_a_file_is_read_or_refused_in_a_sentence(content: Any) -> None:  # noqa: ANN401
    try:
        file = parse_mcp_file(FILE, json.dumps(content).encode())
    except ToolConfigError as error:
        told = str(error)
    else:
        told = "".join(server.in_words() for server in file.servers) or "nothing"
    assert told


def test_variables_are_put_in_only_at_the_start_and_secrets_are_known() -> None:
    (spec,) = parsed(
        {
            "a": {
                "command": "${env:PROGRAM}",
                "args": ["--to=${WHERE:-here}", "$HOME", "${not a name}"],
                "env": {"SERVICE_TOKEN": "literal-value", "ROOT": "${DATA}", "X": "${OTHER_KEY}"},
            }
        }
    )
    ours = {
        "PROGRAM": "it",
        "DATA": "/data",
        "OTHER_KEY": "key-value",
        "OPENAI_API_KEY": "sk-ours",
        "PATH": "/bin",
    }
    server = expand(spec, ours)
    assert server.command == ("it", "--to=here", "$HOME", "${not a name}")
    assert server.env == {"PATH": "/bin", "SERVICE_TOKEN": "literal-value", "ROOT": "/data", "X": "key-value"}
    assert server.secrets.hide("literal-value in /data, key-value") == "[redacted] in /data, [redacted]"
    for shown in (repr(spec), repr(server), repr(server.secrets), spec.in_words()):
        assert "literal-value" not in shown
        assert "key-value" not in shown


def test_a_word_that_is_found_everywhere_is_not_taken_for_a_secret() -> None:
    headers = {"Authorization": "Bearer abcdef-1", "X-Mode": "careful", "X-Id": "0123456789abcdef"}
    (spec,) = parsed({"a": {"url": "https://example.com/mcp?key=k-of-url", "headers": headers}})
    secrets = expand(spec, {}).secrets
    assert secrets.hide("Bearer abcdef-1") == "[redacted]"
    assert secrets.hide("a Bearer that is careful, and token: abcdef-1") == (
        "a Bearer that is careful, and token: [redacted]"
    )
    assert secrets.hide("key=k-of-url 0123456789abcdef") == "[redacted] [redacted]"


def test_a_variable_that_is_not_set_is_named_and_no_value_told() -> None:
    (spec,) = parsed({"a": {"command": "x", "env": {"A": "${KEY_ONE}", "B": "${MISSING}"}}})
    with pytest.raises(ToolError) as error:
        expand(spec, {"KEY_ONE": "hush-hush"})
    assert str(error.value) == "The MCP server a needs the environment variable MISSING (in env.B): set it."


def test_what_runs_is_shown_without_secrets() -> None:
    run, asked = parsed(
        {
            "a": {"command": "npx", "args": ["-y", "a b", "--key", "sk-" + "x" * 30], "env": {"K": "v-of-k"}},
            "b": {"url": "https://me:word@example.com/mcp?key=k-of-b", "headers": {"X-Key": "v-of-h"}},
        }
    )
    flags, keyed, vague = parsed(
        {
            "a": {"command": "x", "args": ["--token=hush-hush", "--key", "./run.py", "--api-key", "hush2me"]},
            "b": {"url": "https://example.com/s/ZGVhZGJlZWY0ZWFkYmVlZjEy/mcp"},
            "c": {"url": "${ADDRESS}/mcp?key=${KEY}"},
        }
    )
    assert flags.in_words() == "runs x --token=[redacted] --key ./run.py --api-key [redacted]"
    assert expand(flags, {}).secrets.hide("hush-hush, hush2me") == "[redacted], [redacted]"
    assert keyed.in_words() == "asks https://example.com/s/[redacted]/mcp"
    assert vague.in_words() == "asks ${ADDRESS}/mcp"
    assert run.in_words() == 'runs npx -y "a b" --key [redacted] with the variables K'
    assert asked.in_words() == "asks https://example.com/mcp?… with the headers X-Key"
