"""`duograph verify --code`: prove files. Loads the sandbox and nothing above it but the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving import exits, terminal
from serving.checks import report, verdict
from serving.faults import InputError
from serving.inputs import read_source, read_tests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox import Check, Evidence
    from serving.signals import Signals

SOLUTION = "solution.py"


def verify_files(
    paths: Sequence[str], tests: str | None, *, types: bool, signals: Signals, as_json: bool
) -> int:
    """Verify a solution and give the exit code.

    Args:
        paths: Its files, relative to the working folder; one alone may lie anywhere, or be `-` for standard
            input, and is `solution.py` to its tests.
        tests: The tests' file.
        types: Whether the type checker must pass too.
        signals: How this process is stopped.
        as_json: Whether to print the evidence as JSON.

    Raises:
        InputError: When a file cannot be read, or its name cannot be one of a solution's.
        TestsError: When the tests do not parse.
        Interrupted: When a signal came; the sandbox has ended by then.
    """
    sources = {_name(path, paths): read_source(path, "code") for path in paths}
    if len(sources) < len(paths):
        raise InputError("--code names a file twice: name each once.")
    if not any(text.strip() for text in sources.values()):
        raise InputError("--code holds nothing but blank lines: name a file with code to verify.")
    source = read_tests(tests)
    with terminal.starting():
        from graph.proving import open_verifier  # noqa: PLC0415  # after the cheap checks
        from sandbox import Options, SourceFile  # noqa: PLC0415  # the same
        from serving.proving import settings_of  # noqa: PLC0415  # the same
        from serving.running import Runner  # noqa: PLC0415  # the same

    settings = settings_of(types=types)
    files = [SourceFile(path=name, content=text) for name, text in sources.items()]

    async def work() -> Evidence:
        verifier = await open_verifier(settings)
        try:
            return await verifier.verify(
                files,
                tests=source,
                on_check=None if as_json else _show,
                options=Options(types=settings.verify_types),
            )
        except ValueError as error:
            raise InputError(f"--code cannot take these names ({error}).") from None

    with Runner(signals) as runner:
        evidence = runner.run(work)
    if as_json:
        terminal.json_object(evidence.model_dump(mode="json"))
    else:
        terminal.line(verdict(evidence))
    return exits.DONE if evidence.status == "verified" else exits.NOT_VERIFIED


def _name(path: str, paths: Sequence[str]) -> str:
    return SOLUTION if len(paths) == 1 else path.removeprefix("./")


def _show(check: Check) -> None:
    """A check as it passes, with the cases that fail."""
    terminal.line(report(check))
