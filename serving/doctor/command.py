"""Runs the checks and prints what they found."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from serving import exits, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graph.settings import Settings
    from serving.doctor.finding import Check, Finding
    from serving.doctor.showing import Showing
    from serving.signals import Signals

_REACH_S = 15.0
_SANDBOX_S = 45.0
_DATABASE_S = 10.0


def examine(*, live: bool, as_json: bool, signals: Signals) -> int:
    """Run every check, print the findings and what to do next, and give the exit code.

    Args:
        live: Whether to ask the configured models.
        as_json: Whether to print an object instead of lines.
        signals: How this process is stopped.

    Raises:
        Interrupted: When a signal came; sandboxes and connections have ended by then.
    """
    with terminal.starting():
        from serving.doctor.environment import read_settings, see_environment, see_extras  # noqa: PLC0415
        from serving.doctor.finding import worst  # noqa: PLC0415  # seconds of imports
        from serving.doctor.showing import open_showing  # noqa: PLC0415  # the same
        from serving.running import Runner  # noqa: PLC0415  # the same

        settings, found = read_settings()
    findings = [see_environment(), see_extras(), found]
    with open_showing(as_json=as_json) as showing:
        for finding in findings:
            showing.show(finding)
        with Runner(signals) as runner:
            findings += runner.run(lambda: _run(settings, showing, live=live))
    status = worst(findings)
    tips = list(_next(settings, findings))
    if as_json:
        answer: dict[str, Any] = {"status": status, "live": live}
        terminal.json_object(answer | {"checks": [finding.as_object() for finding in findings], "next": tips})
    else:
        for tip in tips:
            terminal.line(f"next: {tip}")
    return exits.UNHEALTHY if status == "fail" else exits.DONE


async def _run(settings: Settings | None, showing: Showing, *, live: bool) -> list[Finding]:
    """Run the checks that depend on nothing side by side, and the one that needs them all at the end."""
    from serving.doctor.analysis import LIVE_S, OFFLINE_S, see_analysis  # noqa: PLC0415  # loaded by now
    from serving.doctor.finding import Check  # noqa: PLC0415  # the same

    checks = list(_checks(settings, live=live))
    found = []
    tasks = [asyncio.create_task(check.run()) for check in checks]
    try:
        for check, task in zip(checks, tasks, strict=True):
            showing.begin(check.name)
            found.append(await task)
            showing.show(found[-1])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # so that sandboxes end before we do
    if settings is not None:
        limit = (LIVE_S if live else OFFLINE_S) + _SANDBOX_S
        last = Check("analysis", lambda: see_analysis(settings, live=live), limit)
        showing.begin(last.name)
        found.append(await last.run())
        showing.show(found[-1])
    return found


def _checks(settings: Settings | None, *, live: bool) -> Iterator[Check]:
    from serving.doctor import chains, places  # noqa: PLC0415  # loaded by now
    from serving.doctor.finding import Check  # noqa: PLC0415  # the same

    if settings is not None:
        models = chains.Models(settings, live)
        limit = _REACH_S + (2 * chains.LIVE_S if live else 0.0)
        for role in settings.chains():
            yield Check(role, lambda role=role: models.see(role), limit)  # type: ignore[misc]
        yield Check("embedding", models.see_embedding, limit)
    yield Check("sandbox", lambda: places.see_sandbox(settings), _SANDBOX_S)
    if settings is not None:
        yield Check("database", lambda: places.see_database(settings), _DATABASE_S)
        yield Check("memory", lambda: places.see_memory(settings), _DATABASE_S)
        if settings.tools or settings.mcp_servers:
            yield Check("tools", lambda: places.see_tools(settings), _DATABASE_S)


def _next(settings: Settings | None, findings: list[Finding]) -> Iterator[str]:
    """What to do now, the gravest first."""
    for status in ("fail", "warn"):
        for finding in findings:
            if finding.status == status and finding.advice:
                yield f"{finding.name}: {finding.advice}"
    if settings is not None and settings.unconfigured:
        missing = " and ".join(f"DUOGRAPH_{role.upper()}_MODEL" for role in settings.unconfigured)
        yield f"connect a model with {missing}; `duograph models --role coding` lists some."
    if all(finding.status == "ok" for finding in findings):
        yield 'all is well: duograph ask "Write a Python function that validates email addresses"'
