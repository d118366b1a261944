"""The commands and their options. Imports nothing but click: `--help` must answer at once.

Click only reads the words. Each command returns what to do, as a function that gives the exit code,
so that errors and signals of the work itself never pass through click.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.signals import Signals

    Action = Callable[[], int]

TASKS = ("planning", "code_generation", "code_review", "problem_solving", "explanation", "general")

_CONNECT = """\b
Connect a model:
  export DUOGRAPH_REASONING_MODEL=openai:gpt-5 DUOGRAPH_CODING_MODEL=openai:gpt-5
  or any server that speaks OpenAI's API: openai:qwen3-coder@http://localhost:11434/v1
A chain such as openai:gpt-5,offline falls back to the next model when one fails.
`duograph --help` lists the exit codes.
"""

_EPILOG = """\b
Exit codes:
  0    done
  1    a bug in Duograph
  2    wrong usage or configuration
  3    ended by a limit
  4    code that is not verified
  5    every model failed
  130  interrupted (143 when terminated)

\b
Settings come from DUOGRAPH_* variables and ./duograph.toml:
  DUOGRAPH_REASONING_MODEL, DUOGRAPH_CODING_MODEL  such as openai:gpt-5,offline
  DUOGRAPH_HOME      the data folder
  DUOGRAPH_DATABASE  the sessions' SQLite file
  DUOGRAPH_DEBUG=1   show tracebacks
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """What every command is given.

    Attributes:
        signals: How this process is stopped.
        version: What `--version` shows, if the caller knows it.
    """

    signals: Signals
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Models:
    """Model chains given on the command line; None leaves the configured one."""

    reasoning: str | None = None
    coding: str | None = None


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  # click's signature
    if not wanted or context.resilient_parsing:
        return
    version = context.find_object(Shell)
    text = version.version if version else None
    if text is None:
        from importlib.metadata import version as installed  # noqa: PLC0415  # slow, and rarely needed

        text = installed("duograph")
    click.echo(f"duograph {text}")
    context.exit()


def _model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `ask` and `chat` share."""
    chain = "Chain of models for this run, such as openai:gpt-5,offline."
    command = click.option("--coding-model", metavar="CHAIN", help=chain)(command)
    command = click.option("--reasoning-model", metavar="CHAIN", help=chain)(command)
    return click.option("--thread", metavar="ID", help="Go on with this session.")(command)


_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(
    epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
def duograph() -> None:
    """A dual-model agent that always ends, proves its code and remembers."""


@duograph.command(epilog=_CONNECT)
@click.argument("text")
@_json_option
@_model_options
@click.option("--tests", metavar="FILE", help="Python tests that the solution must pass.")
@click.option("--task", type=click.Choice(TASKS), help="The kind of task; decided from TEXT when left out.")
@click.option("--out", metavar="DIR", help="Write the solution's files into this folder.")
@click.option("--force", is_flag=True, help="Let --out replace files that exist.")
@click.pass_obj
def ask(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell,
    *,
    text: str,
    as_json: bool,
    thread: str | None,
    reasoning_model: str | None,
    coding_model: str | None,
    tests: str | None,
    task: str | None,
    out: str | None,
    force: bool,
) -> Action:
    """Answer one request; TEXT is `-` to read it from standard input."""

    def action() -> int:
        from serving import ask as body  # noqa: PLC0415  # bodies load when they run

        question = body.Question(text, thread=thread, tests=tests, task=task, out=out, force=force)
        return body.ask(
            question, models=Models(reasoning_model, coding_model), signals=shell.signals, as_json=as_json
        )

    return action


@duograph.command(epilog=_CONNECT, short_help="Talk in a session that remembers.")
@_model_options
@click.pass_obj
def chat(
    shell: Shell, *, thread: str | None, reasoning_model: str | None, coding_model: str | None
) -> Action:
    """Talk in a session that remembers; /help lists what else you can type.

    From a pipe, each line is a turn.
    """

    def action() -> int:
        from serving.chat import chat as body  # noqa: PLC0415  # bodies load when they run

        return body(thread=thread, models=Models(reasoning_model, coding_model), signals=shell.signals)

    return action


@duograph.command()
@click.option("--code", metavar="FILE", help="A Python file to verify.")
@click.option("--tests", metavar="FILE", help="Python tests that it must pass; they see its names.")
@click.option(
    "--jsonl", is_flag=True, help='Verify {"id", "code", "tests"} objects, one a line, from standard input.'
)
@_json_option
@click.pass_obj
def verify(shell: Shell, *, code: str | None, tests: str | None, jsonl: bool, as_json: bool) -> Action:
    """Run code in the sandbox and report what that showed. Needs no model."""
    if jsonl == (code is not None):
        raise click.UsageError("give either --code FILE or --jsonl")
    if jsonl and tests is not None:
        raise click.UsageError("--tests goes with --code; with --jsonl each line brings its own")

    def action() -> int:
        if jsonl:
            from serving.jsonl import verify_lines  # noqa: PLC0415  # bodies load when they run

            return verify_lines(shell.signals)
        from serving.verify import verify_file  # noqa: PLC0415  # the same

        return verify_file(code or "", tests, signals=shell.signals, as_json=as_json)

    return action


@duograph.group()
def sessions() -> None:
    """List and show the sessions that were kept."""


@sessions.command("list")
@_json_option
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), default=50, show_default=True, help="At most N."
)
def list_sessions(*, as_json: bool, limit: int) -> Action:
    """List the sessions, the most recently used first."""

    def action() -> int:
        from serving import sessions as body  # noqa: PLC0415  # bodies load when they run

        return body.list_sessions(limit, as_json=as_json)

    return action


@sessions.command("show")
@click.argument("thread")
@_json_option
def show_session(*, thread: str, as_json: bool) -> Action:
    """Print the conversation of THREAD: a session's id, or how it begins."""

    def action() -> int:
        from serving import sessions as body  # noqa: PLC0415  # bodies load when they run

        return body.show_session(thread, as_json=as_json)

    return action
