"""What the tools on servers need, told before anything is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from toolkit.needs import unavailable
from toolkit.protocol import ToolConfigError
from toolkit.registry import TOOLS, make

_BACKENDS = {"neo4j_schema", "neo4j_query", "aws_read", "datadog_metrics", "datadog_logs", "datadog_monitors"}


def test_they_are_listed_as_reading_and_with_what_they_need() -> None:
    assert set(TOOLS) >= _BACKENDS
    for name in _BACKENDS:
        info = TOOLS[name].info
        assert (info.effect, bool(info.extras)) == ("read", True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("neo4j_query", "neo4j_query needs the environment: set NEO4J_URI."),
        ("datadog_logs", "datadog_logs needs the environment: set DD_API_KEY, DD_APP_KEY."),
    ],
)
def test_what_is_not_set_is_told(name: str, reason: str) -> None:
    assert unavailable(TOOLS[name].info, {}) == reason


def test_a_tool_that_cannot_be_used_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEO4J_URI", raising=False)
    with pytest.raises(ToolConfigError, match="set NEO4J_URI"):
        make("neo4j_schema")


def test_they_are_made_without_asking_any_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NEO4J_URI", "NEO4J_PASSWORD", "DD_API_KEY", "DD_APP_KEY"):
        monkeypatch.setenv(name, "hush-hush")
    for name in _BACKENDS:
        tool = make(name)
        assert "hush-hush" not in repr(tool)
        assert tool.as_schema()["function"]["parameters"]["additionalProperties"] is False


def test_listing_them_imports_none_of_their_packages() -> None:
    code = (
        "import sys, toolkit.registry as r; r.infos();"
        "print({'neo4j', 'boto3', 'botocore', 'datadog_api_client', 'urllib3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
