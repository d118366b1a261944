"""The table of tools: listed without importing, and refused in a sentence."""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from toolkit import ToolConfigError, ToolInfo
from toolkit.needs import MODULES, unavailable
from toolkit.registry import infos, make
from toolkit.running import run
from toolkit.services import Services

ROOT = Path(__file__).resolve().parents[2]
INFO = ToolInfo(name="tool", description="Does it.", category="own", effect="read")


def test_listing_imports_nothing_heavy() -> None:
    heavy = "{'httpx', 'lxml', 're2', 'simpleeval', 'boto3', 'neo4j', 'datadog_api_client', 'langchain_core'}"
    code = (
        f"import sys; from toolkit.registry import infos; assert infos(); print({heavy} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_tool_names_extras_and_services_that_there_are() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    for info in infos():
        assert set(info.extras) <= set(MODULES) & set(extras)
        assert set(info.services) <= set(Services.__annotations__)


def test_why_a_tool_cannot_be_used_is_told_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simpleeval", None)
    assert unavailable(INFO) is None
    assert (
        unavailable(replace(INFO, platforms=("win32",)))
        == "tool works on Windows, not on " + ({"linux": "Linux.", "darwin": "macOS."}[sys.platform])
    )
    assert unavailable(replace(INFO, extras=("tools",))) == (
        "tool needs the extra tools; run: pip install 'duograph[tools]'"
    )
    needy = replace(INFO, environment=("A_KEY", "B_KEY"))
    assert unavailable(needy, {"A_KEY": "secret"}) == "tool needs the environment: set B_KEY."
    assert unavailable(needy, {"A_KEY": "secret", "B_KEY": "secret"}) is None
    with pytest.raises(ToolConfigError, match="pip install"):
        make("calculator")


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(ToolConfigError, match="no tool 'abacus': choose from aws_read, calculator"):
        make("abacus")
    with pytest.raises(ToolConfigError, match="run_python needs the service run_python"):
        make("run_python")


@dataclass(frozen=True)
class Done:
    output: str
    exit_code: int | None


@dataclass(frozen=True)
class Hit:
    text: str
    source: str


async def test_python_runs_where_it_is_passed_to() -> None:
    async def sandbox(code: str, *, timeout_s: float) -> Done:
        if "loop" in code:
            return Done("began", None)
        return Done(f"{code} for {timeout_s:g} s" if code != "pass" else "", 0)

    tool = make("run_python", run_python=sandbox)
    assert (await run(tool, {"code": "x", "timeout_s": 3})).text == "x for 3 s\n[Exit code 0]"
    assert (await run(tool, {"code": "pass"})).text == "It printed nothing.\n[Exit code 0]"
    assert (await run(tool, {"code": "loop", "timeout_s": 3})).text == "began\n[Stopped after 3 s]"
    assert (await run(tool, {"code": "x", "timeout_s": 10**6})).is_error


async def test_memory_is_searched_where_it_is_passed_to() -> None:
    async def search(query: str, *, limit: int) -> Sequence[Hit]:
        return [Hit(query, "a.md:3"), Hit("no source", "")] * limit if query != "nothing" else []

    tool = make("memory_search", search_memory=search)
    assert (await run(tool, {"query": "deploys", "limit": 2})).text == "- deploys (a.md:3)\n- no source"
    assert (await run(tool, {"query": "nothing"})).text == "Nothing in memory fits."
