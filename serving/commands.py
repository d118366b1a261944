"""The commands and their options. Imports nothing but click: `--help` must answer at once.

Click only reads the words. Each command returns what to do, as a function that gives the exit code,
so that errors and signals of the work itself never pass through click.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from routing.labels import LABELS
from serving import settings_command
from serving.bench import MODES
from serving.classify_command import classify
from serving.doctor.options import doctor
from serving.file_options import approve_option, files, result_options
from serving.jobs_command import jobs, worker
from serving.mcp_command import mcp
from serving.memory_command import memory
from serving.models_command import models
from serving.options import Shell, Whole, chosen, json_option, named, setting_options
from serving.pull_command import pull
from serving.resume_command import resume
from serving.sessions_command import sessions
from serving.tools_command import tools

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[], int]

_CONNECT = """\b
Connect a model:
  export DUOGRAPH_REASONING_MODEL=openai:gpt-5.4 DUOGRAPH_CODING_MODEL=openai:gpt-5.4
  or any server that speaks OpenAI's API: openai:qwen3-coder@http://localhost:11434/v1
A chain such as openai:gpt-5.4,offline falls back to the next model when one fails.
`duograph --help` lists the exit codes.
"""

_MODES = """\b
Modes, one or more:
  solo          one call of the coding model
  split         a plan by the reasoning model, then the coding model
  split+verify  the same, and the sandbox runs what it wrote
  full          the whole graph, with repairs

"""

_EPILOG = """\b
Exit codes:
  0    done
  1    a bug in Duograph, or output that cannot be written
  2    wrong usage or configuration
  3    ended by a limit
  4    code that is not verified
  5    every model failed
  6    a plan waits for approval, or calls for consent
  7    a check of `duograph doctor` failed, or all that `duograph worker --drain`
       left waits for a memory that is away
  8    a job of `duograph worker --drain` is dead
  130  interrupted (143 when terminated)
  141  whoever read the output has left, as `head` does

\b
Settings come from `duograph settings`, DUOGRAPH_* variables and ./duograph.toml:
  DUOGRAPH_REASONING_MODEL, DUOGRAPH_CODING_MODEL  such as openai:gpt-5.4,offline
  DUOGRAPH_HOME      the data folder
  DUOGRAPH_DATABASE  the sessions' SQLite file
  DUOGRAPH_MAX_REPAIRS, DUOGRAPH_MAX_COST_USD and more: limits of every turn, see `duograph bounds --help`
  DUOGRAPH_DEBUG=1   show tracebacks
"""


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


_thread_option = named("--thread", "ID", "Go on with this session.")


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
@json_option
@_thread_option
@named("--tests", "FILE", "Python tests that the solution must pass.")
@files("--code", "A file that TEXT is about: to review, change or explain; may be repeated.")
@click.option("--task", type=click.Choice(LABELS), help="The kind of task; decided from TEXT when left out.")
@result_options
@approve_option
@click.option("--explain", is_flag=True, help="First say what the turn can use at most.")
@setting_options
@click.pass_obj
def ask(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell,
    /,
    *,
    text: str,
    as_json: bool,
    thread: str | None,
    tests: str | None,
    code: tuple[str, ...],
    task: str | None,
    out: str | None,
    force: bool,
    approve_plan: bool,
    explain: bool,
    **settings: str | None,
) -> Action:
    """Answer one request; TEXT is `-` to read it from standard input."""
    if (text, tests, *code).count("-") > 1:
        raise click.UsageError("only one of TEXT, --tests and --code can be -, which is standard input")

    def action() -> int:
        from serving import ask as body  # noqa: PLC0415  # bodies load when they run

        question = body.Question(
            text, thread=thread, tests=tests, code=code, task=task, out=out, force=force, explain=explain
        )
        given = chosen(settings | {"plan_approval": "true" if approve_plan else None})
        return body.ask(question, settings=given, signals=shell.signals, as_json=as_json)

    return action


@duograph.command(epilog=_CONNECT, short_help="Talk in a session that remembers.")
@_thread_option
@click.option("--last", is_flag=True, help="Go on with the session used last.")
@approve_option
@setting_options
@click.pass_obj
def chat(
    shell: Shell, /, *, thread: str | None, last: bool, approve_plan: bool, **settings: str | None
) -> Action:
    """Talk in a session that remembers; /help lists what else you can type.

    From a pipe, each line is a turn, and the exit code is that of the first one that did not end well.
    """
    if last and thread is not None:
        raise click.UsageError("give either --thread or --last")

    def action() -> int:
        from serving.chat import chat as body  # noqa: PLC0415  # bodies load when they run

        given = chosen(settings | {"plan_approval": "true" if approve_plan else None})
        return body(thread=thread, last=last, settings=given, signals=shell.signals)

    return action


duograph.add_command(resume)
duograph.add_command(pull)
duograph.add_command(models)
duograph.add_command(doctor)
duograph.add_command(sessions)
duograph.add_command(settings_command.settings)
duograph.add_command(memory)
duograph.add_command(jobs)
duograph.add_command(worker)
duograph.add_command(classify)
duograph.add_command(mcp)
duograph.add_command(tools)


@duograph.command()
@json_option
@setting_options
def bounds(*, as_json: bool, **settings: str | None) -> Action:
    """Say what a turn can use at most.

    Computed from the graph and the limits in force; nothing runs and no session is opened.
    """

    def action() -> int:
        from serving.bounds import show_bounds  # noqa: PLC0415  # bodies load when they run

        return show_bounds(chosen(settings), as_json=as_json)

    return action


@duograph.command()
@files(
    "--code", "A Python file to verify, or - for standard input; repeat it for several, below this folder."
)
@named("--tests", "FILE", "Python tests that it must pass; they see its names.")
@click.option("--types", is_flag=True, help="The type checker (mypy) must pass too.")
@click.option(
    "--jsonl",
    is_flag=True,
    help='Verify {"id", "code", "tests"} objects, one a line; {"files": {path: text}} for several.',
)
@json_option
@click.pass_obj
def verify(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell, /, *, code: list[str], tests: str | None, types: bool, jsonl: bool, as_json: bool
) -> Action:
    """Run code in the sandbox and report what that showed. Needs no model."""
    if jsonl == bool(code):
        raise click.UsageError("give either --code FILE or --jsonl")
    if jsonl and tests is not None:
        raise click.UsageError("--tests goes with --code; with --jsonl each line brings its own")
    if [*code, tests].count("-") > 1:
        raise click.UsageError("only one of --code and --tests can be -, which is standard input")
    if len(code) > 1 and "-" in code:
        raise click.UsageError("- goes with no second --code: several files need names")

    def action() -> int:
        if jsonl:
            from serving.jsonl import verify_lines  # noqa: PLC0415  # bodies load when they run

            return verify_lines(shell.signals, types=types)
        from serving.verify import verify_files  # noqa: PLC0415  # the same

        return verify_files(code, tests, types=types, signals=shell.signals, as_json=as_json)

    return action


@duograph.command(epilog=_MODES + _CONNECT, short_help="Measure what each mode gets right, and its cost.")
@click.argument("modes", metavar="MODE...", nargs=-1, required=True, type=click.Choice(MODES))
@named("--tasks", "FILE", "JSON lines of tasks; left out, the twenty that come with Duograph.")
@click.option("--limit", metavar="N", type=Whole(min=1), help="Only the first N tasks.")
@click.option("--jobs", metavar="N", type=Whole(1, 64), default=1, help="N turns at once.")
@named("--out", "FILE", "Keep the results here, and go on where a run stopped.")
@json_option
@setting_options
@click.pass_obj
def bench(  # noqa: PLR0913  # click passes every option as an argument
    shell: Shell,
    /,
    *,
    modes: tuple[str, ...],
    tasks: str | None,
    limit: int | None,
    jobs: int,
    out: str | None,
    as_json: bool,
    **settings: str | None,
) -> Action:
    """Play tasks in each MODE and say how many answers were right, and what they cost.

    A line of tasks is {"id", "prompt", "tests", "hidden_tests"}. No model sees the hidden tests: they judge.
    """

    def action() -> int:
        from serving.bench import command as body  # noqa: PLC0415  # bodies load when they run

        plan = body.Plan(modes, tasks=tasks, limit=limit, jobs=jobs, out=out)
        return body.bench(plan, settings=chosen(settings), signals=shell.signals, as_json=as_json)

    return action
