"""`duograph bench`: the ablation, from the words of the command line to its exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from serving import exits, terminal
from serving.signals import Interrupted
from serving.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graph.settings import Settings
    from serving.bench.play import Bench, Job
    from serving.bench.records import Record, Results
    from serving.bench.tasks import BenchTask
    from serving.signals import Signals


@dataclass(frozen=True, slots=True)
class Plan:
    """The words of one `duograph bench`.

    Attributes:
        modes: In the order of the table; the others are held against the first.
        tasks: The file of tasks, or None for those that come with Duograph.
        limit: At most so many tasks.
        jobs: How many turns at once.
        out: Where the results are kept, and looked for.
    """

    modes: Sequence[str]
    tasks: str | None = None
    limit: int | None = None
    jobs: int = 1
    out: str | None = None


@dataclass
class _Run:
    """What is known so far, also when the run is interrupted."""

    modes: Sequence[str]
    tasks: Sequence[BenchTask]
    results: Results
    stopped: str = ""
    bench: Bench | None = field(default=None, repr=False)

    def left(self) -> list[Job]:
        """The turns that are still to be played: all modes of a task before the next task.

        So an interrupted run still compares its modes on the same tasks. Each task begins with another
        mode, for the first one to meet a prompt warms caches for the others.
        """
        turns = [
            (self.modes[(place + shift) % len(self.modes)], task)
            for shift, task in enumerate(self.tasks)
            for place in range(len(self.modes))
        ]
        return [(mode, task) for mode, task in turns if not self.results.done((mode, task.id))]

    def records(self) -> list[Record]:
        """The records of the modes and tasks that were asked for."""
        keys = [(mode, task.id) for task in self.tasks for mode in self.modes]
        return [self.results.records[key] for key in keys if key in self.results.records]


def bench(plan: Plan, *, settings: Mapping[str, str], signals: Signals, as_json: bool) -> int:
    """Play every task in every mode, print the figures and give the exit code.

    Raises:
        InputError: When the tasks or the results cannot be used; nothing has run then.
        NoSandboxError: When nothing could be judged here.
    """
    with terminal.starting():
        import serving.bench.play  # noqa: F401, PLC0415  # seconds of imports
        from graph.settings import Settings  # noqa: PLC0415  # the same
        from serving.bench.records import Results  # noqa: PLC0415  # the same
        from serving.bench.tasks import read_tasks  # noqa: PLC0415  # the same

        chosen = Settings(**settings)
        tasks = read_tasks(plan.tasks, plan.limit)
    run = _Run(list(dict.fromkeys(plan.modes)), tasks, Results(None if plan.out is None else Path(plan.out)))
    try:
        _play(run, chosen, jobs=plan.jobs, signals=signals)
    except Interrupted as stop:
        run.stopped = "interrupted"
        code = stop.exit_code
    else:
        code = _exit_code(run.records(), stopped=bool(run.stopped))
    _show(run, as_json=as_json, again=plan.out is not None)
    return code


def _play(run: _Run, settings: Settings, *, jobs: int, signals: Signals) -> None:
    """Play what is left to play."""
    from serving.bench.play import FAILURES_IN_A_ROW, open_bench, play_all  # noqa: PLC0415  # loaded by now
    from serving.bench.progress import open_progress  # noqa: PLC0415  # the same
    from serving.running import Runner  # noqa: PLC0415  # the same
    from serving.turn import say_what_costs, say_what_retires, say_who_answers  # noqa: PLC0415  # the same

    async def work() -> bool:
        run.bench = await open_bench(run.modes, settings)
        run.results.load(run.tasks, run.bench.setup)
        say_who_answers(settings)
        say_what_retires(settings)
        say_what_costs(settings, run.bench.bounds[run.modes[-1]])
        left = run.left()
        terminal.notice(_announce(run, run.bench, left))
        with open_progress(len(left)) as progress:

            def keep(record: Record) -> None:
                run.results.add(record)
                progress.show(record)

            return await play_all(run.bench, left, parallel=jobs, on_record=keep)

    with Runner(signals) as runner:
        if not runner.run(work):
            run.stopped = f"stopped: in the last {FAILURES_IN_A_ROW} turns no model answered"


def _announce(run: _Run, bench: Bench, left: Sequence[Job]) -> str:
    """What is about to be played, and the most that it can use."""
    bounds = bench.bounds
    most = [bounds[mode] for mode, _ in left]
    calls = sum(bound.model_calls for bound in most)
    costs = [bound.cost_usd for bound in most if bound.cost_usd is not None]
    cost = f"{sum(costs):.4g} USD" if len(costs) == len(most) else "an unknown cost"
    before = len(run.modes) * len(run.tasks) - len(left)
    known = f" ({before} known from before)" if before else ""
    return f"bench: {counted(len(left), 'turn')}{known}, at most {counted(calls, 'model call')} and {cost}"


def _exit_code(records: Sequence[Record], *, stopped: bool) -> int:
    """0 when every turn was judged, however well it did; else what kept one from it."""
    unjudged = {record.status for record in records if record.correct is None}
    if "error" in unjudged:
        return exits.CRASHED
    if "failed" in unjudged or stopped:
        return exits.MODELS_FAILED
    return exits.NOT_VERIFIED if unjudged else exits.DONE


def _show(run: _Run, *, as_json: bool, again: bool) -> None:
    """Print the figures, then what they lack."""
    from serving.bench.summary import summarize, table  # noqa: PLC0415  # loaded by now

    records = run.records()
    summaries = summarize({record.key: record for record in records}, run.modes, [t.id for t in run.tasks])
    if as_json:
        setup = run.bench.setup.model_dump(mode="json") if run.bench else None
        terminal.json_object(
            {
                "setup": setup,
                "complete": not run.left(),
                "modes": [summary.plain for summary in summaries],
                "results": [record.plain for record in records],
            }
        )
    else:
        for line in table(summaries):
            terminal.line(line)
    for record in records:
        if record.correct is None:
            terminal.notice(f"duograph: not judged: {record.mode} {record.id}: {record.problem}")
    if run.stopped:
        hint = "go on with the same command" if again else "with --out FILE a run can be gone on with"
        terminal.notice(f"duograph: {run.stopped}; {hint}")
