"""What an installation and a program may offer, and what is refused in one sentence."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import tool

from graph.agent import Agent
from graph.settings import Settings, SettingsError
from graph.tool_services import SandboxedPython
from graph.tooling import Tooling
from nodes.toolbox import effective
from toolkit import ToolConfigError
from toolkit.registry import make


def ping(host: str) -> str:
    """Ask a host whether it is there."""
    return host


@tool
def pong(host: str) -> str:
    """Answer."""
    return host


def test_functions_tools_and_langchains_stand_side_by_side(tmp_path: Path) -> None:
    with Agent(Settings(home=tmp_path, tools=["calculator"]), tools=[ping, pong, make("date_time")]) as agent:
        assert agent.graph.bounds().tool_calls == 32
    tooling = Tooling().with_own([ping, pong, make("date_time")])
    assert [(one.name, one.info.effect) for one in tooling.installed] == [
        ("ping", "write"),
        ("pong", "write"),
        ("date_time", "read"),
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([ping, ping], "Two tools are called ping (own and own): give one of them another name"),
        ([make("calculator")], "Two tools are called calculator (calculation and calculation)"),
        (["calculator"], "tools holds 'calculator': give functions"),
        (ping, "give a list of functions, such as tools=[my_function]"),
        ("calculator", "tools is 'calculator': give a list of functions"),
        ([partial(ping, "x")], "is a functools.partial: put the call into a function"),
        ([lambda text: text], "needs a docstring"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(tmp_path: Path, given: Any, words: str) -> None:  # noqa: ANN401  # no list, too
    with pytest.raises(ToolConfigError) as error:
        Agent(Settings(home=tmp_path, tools=["calculator"]), tools=given)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_hosts_that_are_none_are_named(tmp_path: Path) -> None:
    for host, words in (("https://x", "a URL"), ("127.0.0.1", "only names"), ("*.", "names no host")):
        with pytest.raises(SettingsError) as error:
            Settings(home=tmp_path, tool_hosts=["docs.python.org", host])
        said = str(error.value)
        assert said.startswith(f"The setting tool_hosts is {host!r}, which is wrong: ")
        assert words in said
        assert "write example.com, *.example.com or" in said


async def test_a_script_that_takes_too_long_is_stopped() -> None:
    run_python = SandboxedPython(Settings())
    done = await run_python("print('began', flush=True)\nwhile True:\n    pass", timeout_s=1)
    assert (done.exit_code, done.output) == (None, "began\n")


async def test_a_script_that_fails_shows_how() -> None:
    done = await SandboxedPython(Settings())(
        "import os\nprint(dict(os.environ))\nraise ValueError('x')", timeout_s=10
    )
    assert done.exit_code == 1
    assert "ValueError: x" in done.output
    assert "DUOGRAPH" not in done.output


NAMES = st.lists(st.sampled_from("abcdef"), unique=True)


@given(installed=NAMES, chosen=st.none() | NAMES)
def test_nothing_is_offered_that_is_not_installed_and_chosen(
    installed: list[str], chosen: list[str] | None
) -> None:
    names = effective(installed, chosen)
    assert list(names) == [name for name in installed if name in names]
    assert chosen is None or set(names) <= set(chosen)
    if chosen is None:
        assert list(names) == installed
