"""The ladder on the far side, climbed by the judge: parse, compile, import, then the tests.

The judge never loads the solution. The worker does, in a process of its own; so does a fork of the judge,
for the cases that need the solution beside them.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from sandbox.inside.channel import Channel, Gone
    from sandbox.inside.codec import CannotCross, dumps, loads
    from sandbox.inside.describing import describe
    from sandbox.inside.importing import (
        WAITS,
        import_one,
        make_way,
        module_names,
        names_of,
        settle_in,
    )
    from sandbox.inside.judging import Judge
    from sandbox.inside.records import Report
    from sandbox.inside.session import Session
    from sandbox.inside.shared import SharedReport, Sharing
    from sandbox.inside.suites import Plan, Step
    from sandbox.inside.tamper import watch
else:
    from channel import Channel, Gone
    from codec import CannotCross, dumps, loads
    from describing import describe
    from importing import WAITS, import_one, make_way, module_names, names_of, settle_in
    from records import Report
    from session import Session
    from shared import Sharing
    from tamper import watch

_ONLY_AST = 0x400
_RUNNERS = frozenset(("pytest", "_pytest", "pluggy", "iniconfig", "unittest", "doctest"))
_CALLS = 5000
"""How deep calls may nest here: those to the worker and back are many to one of the solution's."""


class Ladder:
    """One verification, in the judge."""

    def __init__(self, job: dict[str, Any], report: Report, channel: Channel, private: list[int]) -> None:
        """Climb for `job`; `private` are descriptors that only this process may have."""
        self._job = job
        self._report = report
        self._channel = channel
        self._private = private
        self._modules = module_names([path.removeprefix(job["root"]) for path, _ in job["files"]])
        self._session = Session(channel, job["folder"], self._lost)
        # Whether the solution has been in one process with tests.
        self._forked = False

    def climb(self) -> None:
        """Climb until a step fails."""
        if not (self._may_be_called_so() and self._each("parse", _ONLY_AST) and self._each("compile", 0)):
            return
        # Loaded only for a run with tests, since it needs ast and more.
        plan: Plan | None = self._job["plan"](self._job) if "plan" in self._job else None
        if self._import() and plan is not None:
            self._steps(plan, plan.steps)

    def go_on(self, state: bytes) -> None:
        """Climb on from where another run had to stop."""
        name, begun, counts, decided, deferred = loads(state)
        plan: Plan = self._job["plan"](self._job)
        steps = plan.steps[[step.name for step in plan.steps].index(name) :]
        if not begun:
            self._load()
            self._steps(plan, steps)
            return
        self._report.go_on(counts)
        self._inside(plan, steps[0], set(decided), dict(deferred))
        _flush()
        if self._report.check_cases(name) and steps[1:]:
            self._again(steps[1].name)

    def _steps(self, plan: Plan, steps: list[Step]) -> None:
        for step in steps:
            if self._forked:
                self._again(step.name)
                return
            may_go_on = step.begin(self._report)
            if may_go_on is None:
                may_go_on = self._tests(plan, step)
            if not may_go_on:
                return

    def _again(self, name: str, judge: Judge | None = None, *, begun: bool = False) -> None:
        """Leave the rest to another run: what was learned in this one lies where the solution finds it."""
        decided = tuple(judge.decided) if judge else ()
        deferred = tuple(judge.deferred.items()) if judge else ()
        self._report.again(dumps((name, begun, self._report.counts, decided, deferred)))

    def _may_be_called_so(self) -> bool:
        """Refuse files that would stand in the place of what runs tests."""
        for path, _ in self._job["files"]:
            place = path.removeprefix(self._job["root"])
            root = place.split("/")[0].removesuffix(".py").removesuffix(".pyi")
            if root in _RUNNERS and path.endswith((".py", ".pyi")):
                self._report.begin("parse")
                why = f"{path}: a solution may not be called like {root}, which runs tests: rename it"
                self._report.check("parse", passed=False, detail=why)
                return False
        return True

    def _each(self, name: str, flags: int) -> bool:
        self._report.begin(name)
        for path, text in self._job["files"]:
            if not path.endswith(".py"):
                continue
            try:
                # The interpreter takes a byte order mark in a file, and not in a text.
                compile(text.removeprefix("\ufeff"), path, "exec", flags, dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
                detail = f"{path}: {describe(error, self._job['folder'])}"
                self._report.check(name, passed=False, detail=detail)
                return False
        self._report.check(name, passed=True)
        return True

    def _lost(self, why: str) -> NoReturn:
        """The worker is gone, and nothing of it can be known any more."""
        self._report.gone(why)
        os._exit(0)

    def _import(self) -> bool:
        self._report.begin("import")
        if not self._modules:
            detail = "nothing was loaded: no file has a name that can be imported, such as solution.py"
            self._report.check("import", passed=False, detail=detail)
            return False
        problem, asking = self._load()
        self._report.check("import", passed=not problem, detail=problem or asking)
        return not problem

    def _load(self) -> tuple[str, str]:
        """Have the worker import the solution.

        Returns:
            What was wrong with it, and which of it asks for input at once.
        """
        try:
            job = self._job
            self._channel.send(dumps((job["folder"], job["inside"], tuple(job["site"]), job["root"])))
        except Gone:
            self._lost("")
        self._session.request("importing", tuple(self._modules))
        asking = []
        for name in self._modules:
            self._report.trying(f"import {name}")
            problem = self._session.request("import", name)
            if str(problem).endswith(WAITS):
                asking.append(str(problem))
            elif problem:
                return str(problem), ""
        self._session.request("imported", tuple(self._modules))
        return "", "; ".join(asking)

    def _tests(self, plan: Plan, step: Step) -> bool:
        judge = None if step.shares_all else self._outside(step)
        if judge is None or judge.deferred or judge.rest:
            if self._session.told:
                self._again(step.name, judge, begun=True)
                return False
            self._inside(plan, step, judge.decided if judge else set(), judge.deferred if judge else {})
        _flush()
        return self._report.check_cases(step.name)

    def _outside(self, step: Step) -> Judge | None:
        try:
            names = dict(self._session.fetch("names", step.used))
        except CannotCross:
            return None
        return step.judge_outside(self._report, names, self._session)

    def _inside(self, plan: Plan, step: Step, decided: set[str], deferred: dict[str, str]) -> None:
        """Run the step beside the solution, and take from it what could not be decided here."""
        _flush()
        self._forked = True
        sharing = Sharing(self._report.trying, self._job["ours"])
        status = sharing.run(lambda report: self._share(plan, step, report), self._shut)
        for key, outcomes in sharing.outcomes.items():
            for outcome in () if key in decided and key not in deferred else outcomes:
                if outcome is None:
                    self._report.set_aside()
                else:
                    name, passed, detail = outcome
                    self._report.case(name, passed=passed, detail=detail)
        if status is not None and not sharing.problem:
            self._report.gone(f"{os.waitstatus_to_exitcode(status)}")
            os._exit(0)
        for key, name in deferred.items():
            # One that has no outcome was to be skipped, or to fail, by its own source, or somebody hid it.
            if key not in sharing.outcomes and (sharing.problem or key not in sharing.skipped):
                detail = sharing.problem or f"{name}: it never came to an end"
                self._report.case(name, passed=False, detail=detail)
        if sharing.problem and not deferred:
            self._report.case("beside the solution", passed=False, detail=sharing.problem)

    def _shut(self) -> None:
        for descriptor in self._private:
            os.close(descriptor)

    def _share(self, plan: Plan, step: Step, report: SharedReport) -> None:
        """Run in the fork: import the solution and run all cases as if nothing had been decided."""
        job = self._job
        folder = _own_folder(job)
        restore = plan.genuine()
        settle_in(folder, job["inside"], job["site"], job["root"])
        before = dict(vars(__import__("builtins")))
        load = __import__
        named = ["<frozen ", "<tests>", "<acceptance>"]
        watch(named, [job["inside"], *job["site"], os.__file__.rpartition("/")[0]], report.problem)
        make_way(self._modules)
        for name in self._modules:
            problem = import_one(name, folder, load)
            if problem and not problem.endswith(WAITS):
                report.problem(problem)
                return
        names = names_of(self._modules)
        vars(__import__("builtins")).update(before)
        restore()
        step.run_inside(report, names)
        _flush()


def _own_folder(job: dict[str, Any]) -> str:
    """A folder with the solution's files as they were given, whatever was done to them meanwhile."""
    folder = f"{job['folder']}/shared-{os.urandom(8).hex()}"
    for path, text in job["files"]:
        place = f"{folder}/{path}"
        os.makedirs(place.rpartition("/")[0], exist_ok=True)  # noqa: PTH103 - pathlib costs 5 ms here
        with open(place, "xb") as file:  # noqa: PTH123
            file.write(text.encode("utf-8", "surrogatepass"))
    os.chdir(folder)
    return folder


def run(job: dict[str, Any], nonce: bytes, records: int, line: tuple[int, int]) -> None:
    """Climb until a step fails, then say that all was said.

    Args:
        job: What to verify.
        nonce: Opens each record.
        records: Where records go; the word to begin comes from there.
        line: The descriptors to read from and write to the worker.
    """
    report = Report(nonce, records)
    # The solution's folder is none of the judge's: what is in there may be anything by now.
    sys.path[:] = [*(path for path in sys.path if path not in ("", job["inside"])), *job["site"]]
    sys.argv[:] = ["solution.py"]
    sys.setrecursionlimit(_CALLS)
    if os.read(records, 1) == b"!":
        ladder = Ladder(job, report, Channel(*line), [records, *line])
        if job["state"]:
            ladder.go_on(job["state"])
        else:
            ladder.climb()
        _flush()
        report.end()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.write(2, b"\n")
