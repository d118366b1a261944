"""`duograph verify --code`: prove one file. Loads the sandbox and nothing above it but the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving import exits, terminal
from serving.checks import report, verdict
from serving.inputs import read_source, read_tests

if TYPE_CHECKING:
    from sandbox import Check, Evidence
    from serving.signals import Signals

SOLUTION = "solution.py"


def verify_file(path: str, tests: str | None, *, signals: Signals, as_json: bool) -> int:
    """Verify the file `path`, or standard input when it is `-`, and give the exit code.

    Raises:
        InputError: When a file cannot be read.
        TestsError: When the tests do not parse.
        Interrupted: When a signal came; the sandbox has ended by then.
    """
    code = read_source(path, "code")
    source = read_tests(tests)
    with terminal.starting():
        from sandbox import SourceFile  # noqa: PLC0415  # after the cheap checks
        from serving.prover import open_verifier  # noqa: PLC0415  # the same
        from serving.running import Runner  # noqa: PLC0415  # the same

    async def work() -> Evidence:
        verifier = await open_verifier()
        return await verifier.verify(
            [SourceFile(path=SOLUTION, content=code)], tests=source, on_check=None if as_json else _show
        )

    with Runner(signals) as runner:
        evidence = runner.run(work)
    if as_json:
        terminal.json_object(evidence.model_dump(mode="json"))
    else:
        terminal.line(verdict(evidence))
    return exits.DONE if evidence.status == "verified" else exits.NOT_VERIFIED


def _show(check: Check) -> None:
    """A check as it passes, with the cases that fail."""
    terminal.line(report(check))
