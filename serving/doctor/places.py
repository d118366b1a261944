"""The checks of where code runs and where sessions are kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from checkpoints import DatabaseError
from checkpoints.health import inspect_database
from graph.memory import open_memory, why_off
from graph.settings import SettingsError
from graph.tooling import open_tooling
from memory import MemoryStoreError
from sandbox.health import inspect_sandbox
from serving.doctor.finding import Finding
from serving.text import counted

if TYPE_CHECKING:
    from checkpoints.postgres.health import ServerHealth
    from graph.settings import Settings

_LEAST_FREE = 200_000_000
_MEGA = 1_000_000
_SLOW_MS = 100.0


async def see_tools(settings: Settings) -> Finding:
    """Open the tools that the settings name, and the trusted files of servers; nothing is started."""
    try:
        tooling = await asyncio.to_thread(open_tooling, settings)
    except SettingsError as error:
        return Finding("tools", "fail", str(error), "Mend it: until then no turn can begin.")
    names = ", ".join(tooling.names) if tooling is not None else "none"
    return Finding("tools", "ok", f"{names} (no server was started)" if settings.mcp_servers else names)


async def see_sandbox(settings: Settings | None) -> Finding:
    """Let the sandbox pass its self-test."""
    if settings is None:
        health = await inspect_sandbox()
    else:
        health = await inspect_sandbox(
            settings.sandbox,
            packages=[str(folder.resolve()) for folder in settings.sandbox_packages],
            image=settings.sandbox_image,
        )
    if health.reason:
        return Finding(
            "sandbox", "fail", health.reason, "Install one of them: until then nothing can be verified."
        )
    if settings is not None and settings.sandbox == "none":
        return Finding(
            "sandbox",
            "warn",
            "off: what models write runs with your rights",
            "Remove the setting `sandbox` to have code confined again.",
        )
    numbers = {
        True: "processes in a PID namespace of their own",
        False: "no PID namespace here, which the filter makes up for",
        None: "PID namespace unknown",
    }[health.pid_namespace]
    return Finding("sandbox", "ok", f"{health.name} passed its self-test; {numbers}")


async def see_database(settings: Settings) -> Finding:
    """Look at the session database; none is made."""
    try:
        health = await asyncio.to_thread(inspect_database, settings.database_path)
    except (DatabaseError, SettingsError) as error:
        return Finding("database", "fail", str(error), "Mend that, or set DUOGRAPH_DATABASE to another one.")
    if health.server is not None:
        return _server(health.server)
    if health.path is None:
        return Finding("database", "ok", "in memory: sessions end with the process")
    if not health.is_writable:
        return Finding(
            "database",
            "fail",
            f"{health.path} cannot be made: its folder may not be written",
            "Make the folder writable, or set DUOGRAPH_HOME to another one.",
        )
    free = f"{health.free_bytes // _MEGA:,} MB free"
    if health.exists:
        kept = f"{health.size_bytes / _MEGA:.1f} MB, journal {health.journal_mode}, writable"
    else:
        kept = "made at the first use"
    detail = f"{health.path}: {kept}, {free}"
    if health.free_bytes < _LEAST_FREE:
        return Finding("database", "warn", detail, "Make room on that disk: sessions grow.")
    return Finding("database", "ok", detail)


def _server(health: ServerHealth) -> Finding:
    many = counted(health.sessions, "session")
    kept = many if health.is_ready else "tables made at the first use"
    detail = (
        f"{health.place}: PostgreSQL {health.version}, {kept}, {health.size_bytes / _MEGA:.1f} MB, "
        f"answers in {health.latency_ms:.1f} ms"
    )
    if not health.is_writable:
        return Finding(
            "database",
            "fail",
            f"{detail}; it may not be written",
            "Name the primary server, or GRANT CREATE ON SCHEMA to its user.",
        )
    if health.latency_ms > _SLOW_MS:
        return Finding(
            "database", "warn", detail, "Bring it nearer: every step of a turn waits for it twice."
        )
    return Finding("database", "ok", detail)


async def see_memory(settings: Settings) -> Finding:
    """Say whether memory answers, and what it holds."""
    if why := why_off(settings):
        return Finding("memory", "ok", f"off: {why}")
    try:
        memory = await asyncio.to_thread(open_memory, settings)
    except MemoryStoreError as error:
        return Finding("memory", "fail", str(error), "Mend this setting.")
    if memory is None:
        return Finding("memory", "ok", "off")
    try:
        found = await memory.status(settings.user)
    finally:
        await memory.aclose()
    if not found.is_available:
        advice = "Turns go on without it, and what is told waits in the queue."
        return Finding("memory", "fail", f"{found.backend} {found.place}: {found.problem}", advice)
    counts = found.counts.by_kind if found.counts else {}
    held = ", ".join(counted(count, kind) for kind, count in counts.items() if count)
    return Finding("memory", "ok", f"{found.backend} {found.place}: {held or 'nothing yet'}")
