"""Playing the turns: one graph per mode, one judge for all of them, several turns at once if wanted."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_core.messages import HumanMessage

from graph.services import Services
from graph.state import Context
from nodes import Status
from nodes.limits import cost, tokens
from providers import RoleParameters
from sandbox import Limits, Unavailable, Verifier, open_sandbox
from serving.bench.modes import build_mode
from serving.bench.records import Record, Setup
from serving.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from graph.compiled import DuoGraph
    from graph.settings import Settings
    from nodes import Bounds, Result
    from providers import Models, Role
    from serving.bench.tasks import BenchTask

FAILURES_IN_A_ROW = 3
"""After so many turns in which no model answered, the rest is not tried: a key or a server is wrong."""

_CLIPPED = 500
_NO_ANSWER = {Status.FAILED, Status.REJECTED}
"""Ends that say nothing about what the models can do."""

Job = tuple[str, "BenchTask"]


class NoSandboxError(RuntimeError):
    """Nothing can be judged on this machine; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The modes on one set of models and one sandbox.

    Attributes:
        graphs: By mode.
        models: Those of every graph.
        verifier: Runs code for the turns, and judges.
        setup: What every record says it depends on.
    """

    graphs: Mapping[str, DuoGraph]
    models: Models
    verifier: Verifier
    setup: Setup

    @property
    def bounds(self) -> Mapping[str, Bounds]:
        """The most that a turn of each mode can use."""
        return {mode: graph.bounds() for mode, graph in self.graphs.items()}

    async def play(self, mode: str, task: BenchTask) -> Record:
        """Play one turn and judge it; whatever goes wrong in it is in the record."""
        start = time.monotonic()
        try:
            result = await self._answer(mode, task)
        except Exception as error:  # noqa: BLE001  # the other turns go on, and the exit code tells
            return Record(
                mode=mode,
                id=task.id,
                task=task.digest,
                setup=self.setup,
                correct=None,
                problem=one_line(f"unexpected {type(error).__name__}: {error}")[:_CLIPPED],
                status="error",
                seconds=round(time.monotonic() - start, 3),
            )
        seconds = round(time.monotonic() - start, 3)
        correct, problem = await self._judge(result, task)
        sent, received = tokens(result.calls)
        return Record(
            mode=mode,
            id=task.id,
            task=task.digest,
            setup=self.setup,
            correct=correct,
            problem=one_line(problem)[:_CLIPPED],
            status=result.status,
            stop_reason=result.stop_reason,
            verification=result.verification.status,
            repairs=result.repairs,
            calls=len(result.calls),
            input_tokens=sent,
            output_tokens=received,
            tokens_estimated=any(call.tokens_estimated for call in result.calls),
            cost_usd=cost(result.calls),
            seconds=seconds,
        )

    async def _answer(self, mode: str, task: BenchTask) -> Result:
        state = await self.graphs[mode].ainvoke(
            {"messages": [HumanMessage(task.prompt)]},
            context=Context(task="code_generation", tests=task.tests),
        )
        result: Result = state["result"]
        return result

    async def _judge(self, result: Result, task: BenchTask) -> tuple[bool | None, str]:
        """Whether the answer passes the judging tests, the same way for every mode.

        Returns:
            The judgement, None when there can be none; and why it is not true.
        """
        if result.status in _NO_ANSWER:
            return None, result.answer
        if not any(file.path.endswith(".py") for file in result.files):
            return False, f"the answer holds no Python file: {result.answer}"
        try:
            evidence = await self.verifier.verify(result.files, tests=task.judge)
        except OSError as error:  # a full disk, no more processes: the machine's fault, not the code's
            return None, f"the sandbox could not be used ({error})"
        except ValueError as error:  # a path that leaves the folder, two files of one name
            return False, str(error)
        if evidence.status == "not_executed":
            return None, evidence.reason
        failure = evidence.failure
        return evidence.status == "verified", f"{failure.name}: {failure.detail}" if failure else ""


async def open_bench(modes: Sequence[str], settings: Settings, models: Models | None = None) -> Bench:
    """Build the graphs and open the sandbox; no model is asked.

    Args:
        modes: Of `MODES`.
        settings: Limits, sandbox, and the models' chains; plans are never waited with.
        models: Your own in place of those that the settings describe.

    Raises:
        NoSandboxError: When no sandbox holds here, so that nothing could be judged.
        ModelConfigError: When a chain names something that does not exist.
    """
    # Nobody is there to approve a plan.
    settings = settings.model_copy(update={"plan_approval": False})
    sandbox = await open_sandbox(settings.sandbox)
    if isinstance(sandbox, Unavailable):
        raise NoSandboxError(f"No answer can be judged here, so no model was asked: {sandbox.reason}.")
    verifier = Verifier(sandbox, limits=Limits(wall_s=settings.verify_timeout_s))
    if models is None:
        models = (await asyncio.to_thread(Services.from_settings, settings)).models
    services = Services(models=models, verifier=verifier)
    graphs = {mode: build_mode(mode, services, settings) for mode in modes}
    return Bench(graphs, models, verifier, setup_of(settings, models))


def setup_of(settings: Settings, models: Models) -> Setup:
    """What the results depend on."""
    # No mode offers tools, so nothing that is said of them changes a result.
    of_tools = {"max_tool_rounds", "max_tool_calls", "consent", "has_tools"}
    limits: dict[str, int | float | None] = settings.limits.model_dump(exclude=of_tools)
    for name in ("model_timeout_s", "model_tries", "verify_timeout_s"):
        limits[name] = getattr(settings, name)
    roles: tuple[Role, ...] = ("reasoning", "coding")
    for role in roles:
        chosen = settings.roles.get(role, RoleParameters()).model_dump(exclude_none=True)
        limits |= {f"{role}.{name}": value for name, value in chosen.items()}
    reasoning, coding = (", ".join(models.facts(role).names) for role in roles)
    return Setup(reasoning_model=reasoning, coding_model=coding, limits=limits)


async def play_all(
    bench: Bench, jobs: Sequence[Job], *, parallel: int, on_record: Callable[[Record], None]
) -> bool:
    """Play the turns in order, some of them at once.

    Args:
        bench: Where to play.
        jobs: Modes with tasks.
        parallel: How many at once.
        on_record: Told of each one as it ends.

    Returns:
        Whether all were played; if not, no model answered several times in a row.
    """
    waiting: Iterator[Job] = iter(jobs)
    failures, given_up = 0, False

    async def work() -> None:
        nonlocal failures, given_up
        for mode, task in waiting:
            record = await bench.play(mode, task)
            failures = failures + 1 if record.status == Status.FAILED else 0
            given_up = given_up or failures >= FAILURES_IN_A_ROW
            on_record(record)
            if given_up:
                return

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(parallel):
                group.create_task(work())
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None  # the first fault cancelled the rest
    finally:
        await bench.models.aclose()
    return not given_up
