"""Every snippet in the documentation runs, as a reader would run it."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from graph.build import build_graph
from graph.settings import Settings
from tests.forkserver import COMMAND, ForkServer

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("[a-z]*/README.md")]
    if page.is_file()
)
BLOCK = re.compile(r"^(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("uv run langgraph dev", "pip install -q uv && uv run pytest")
"""Commands that tests of their own run: the development server, and this very test run."""


PLAIN = re.compile(r"duograph [^|&;<>$]*")
"""Commands that need no shell."""


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Snippet:
    page: str
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def snippets(*languages: str) -> list[Snippet]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            info = match["info"].strip()
            if info.split(" ")[0] in languages:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Snippet(page.relative_to(ROOT).as_posix(), line, info, match["text"]))
    return found


def transcript(text: str) -> list[tuple[str, str]]:
    """Commands (after `$ `, with continued lines) and what is shown after each."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0][:-1] + line.strip(), "")
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_only_languages_that_are_tested_are_used() -> None:
    tested = {"python", "console", "toml", "json", "jsonl", "mermaid", "text", "markdown"}
    used = {
        match["info"].split(" ")[0]
        for page in PAGES
        for match in BLOCK.finditer(page.read_text(encoding="utf-8"))
    }
    assert used <= tested


@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
def test_python_snippets_run(snippet: Snippet, folder: Path, fork_server: ForkServer | None) -> None:
    script = folder / "snippet.py"
    script.write_text(snippet.text, encoding="utf-8")
    if fork_server is None:
        done = run([sys.executable, str(script)], os.environ)
    else:
        done = forked(fork_server, (), os.environ, program=str(script))
    assert done.code == 0, done.err


def transcripts() -> list[ParameterSet]:
    """All console snippets; slow are whole benches, and beyond the READMEs what a shell starts."""
    return [
        pytest.param(snippet, id=str(snippet), marks=[pytest.mark.slow] * is_slow(snippet))
        for snippet in snippets("console")
    ]


def is_slow(snippet: Snippet) -> bool:
    by_shell = [command for command, _ in transcript(snippet.text) if not PLAIN.fullmatch(command)]
    is_page = snippet.page.startswith("docs/")
    return snippet.page == "docs/bench.md" or (is_page and any("duograph " in line for line in by_shell))


@pytest.fixture(scope="module")
def shell(fork_server: ForkServer | None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Done]:
    """Runs a line as a shell does; every `duograph` in it is a fork, where one can be had."""
    programs, inherited = [str(Path(sys.executable).parent)], []
    if fork_server is not None:
        programs.insert(0, str(tmp_path_factory.mktemp("programs")))
        inherited.append(fork_server.write_command(Path(programs[0])))

    def start(command: str) -> Done:
        path = os.pathsep.join([*programs, os.environ["PATH"]])
        environment = os.environ | {"PATH": path, "COLUMNS": "100"}
        if fork_server is not None and PLAIN.fullmatch(command):
            return forked(fork_server, shlex.split(command)[1:], environment)
        line = re.sub(r"^(pip install -q uv && )?uv run ", "", command)
        return run(["bash", "-c", line], environment, inherited)

    return start


@pytest.mark.parametrize("snippet", transcripts())
def test_console_snippets_run_and_print_what_they_show(
    snippet: Snippet, folder: Path, shell: Callable[[str], Done]
) -> None:
    assert folder == Path.cwd()
    for command, shown in transcript(snippet.text):
        if command.startswith(ELSEWHERE):
            continue
        if command.startswith("uv run pytest"):  # not from inside a test run; but what it names must be there
            assert all((ROOT / path).exists() for path in command.split()[3:])
            continue
        done = shell(command)
        expected = int(match[1]) if (match := re.search(r"exit (\d+)", snippet.info)) else 0
        assert done.code == expected, f"{command}\n{done.out}\n{done.err}"
        if shown:
            assert any(matches(shown, text) for text in (done.out, done.err + done.out)), (
                f"{command}\n--- shown\n{shown}\n--- printed\n{done.out}{done.err}"
            )


def run(words: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int] = ()) -> Done:
    done = subprocess.run(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        pass_fds=inherited,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def forked(
    server: ForkServer, words: Sequence[str], environment: Mapping[str, str], program: str = COMMAND
) -> Done:
    process = server.start(
        *words, folder=Path.cwd(), environment=environment, program=program, stdin=subprocess.DEVNULL
    )
    out, err = process.communicate(timeout=120)
    return Done(process.wait(0), out.decode(), err.decode())


def matches(shown: str, printed: str) -> bool:
    """Whether `printed` is `shown`, where `…` stands for anything; space at line ends does not count."""

    def tidy(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip().splitlines())

    node = re.compile(r"^(\w+ )…$", re.MULTILINE)  # `verify …` is printed like that, and no wildcard
    wanted, got = (node.sub(r"\1...", tidy(text)) for text in (shown, printed))
    pattern = ".*?".join(re.escape(part) for part in wanted.split("…"))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


@pytest.mark.parametrize("snippet", snippets("toml"), ids=str)
def test_settings_snippets_are_settings(snippet: Snippet, folder: Path) -> None:
    values = tomllib.loads(snippet.text)
    if set(values) <= set(Settings.model_fields):
        (folder / "duograph.toml").write_text(snippet.text, encoding="utf-8")
        assert Settings().model_fields_set >= set(values)


@pytest.mark.parametrize("snippet", snippets("json", "jsonl"), ids=str)
def test_json_snippets_are_json(snippet: Snippet) -> None:
    for line in snippet.text.splitlines() if snippet.info.startswith("jsonl") else [snippet.text]:
        json.loads(line)


def test_the_graph_in_the_readme_is_the_graph() -> None:
    drawn = build_graph(Settings()).get_graph()
    edges = {(edge.source.strip("_"), edge.target.strip("_"), edge.conditional) for edge in drawn.edges}
    text = next(snippet.text for snippet in snippets("mermaid") if snippet.page == "README.md")
    shown = {
        (a.strip("_"), b.strip("_"), arrow.startswith("-."))
        for a, arrow, b in re.findall(
            r"^\s*(\w+)(?:\(\[\w+\]\))?\s+(-->|-\.->)(?:\|[^|]*\|)?\s*(\w+)", text, re.MULTILINE
        )
    }
    assert shown == edges


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", prose):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_commands_are_quoted_as_a_shell_reads_them() -> None:
    for snippet in snippets("console"):
        for command, _ in transcript(snippet.text):
            assert shlex.split(command)
