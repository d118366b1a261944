"""The test steps: the user's tests and the generated ones."""

from __future__ import annotations

import ast
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from sandbox.inside.announcing import Announced
    from sandbox.inside.asserts import Checks
    from sandbox.inside.cases import Runner
    from sandbox.inside.describing import describe
    from sandbox.inside.given import Given
    from sandbox.inside.identity import Identities
    from sandbox.inside.intact import Pin
    from sandbox.inside.judging import Judge, Tally
    from sandbox.inside.looking import collects, without_main
    from sandbox.inside.modules import Modules
    from sandbox.inside.naming import foreign, genuine_modules, mark
    from sandbox.inside.records import Report
    from sandbox.inside.rewriting import Rewriter
    from sandbox.inside.session import Session
    from sandbox.inside.shared import SharedReport
    from sandbox.inside.sharing import Look
else:
    from announcing import Announced
    from asserts import Checks
    from cases import Runner
    from describing import describe
    from given import Given
    from identity import Identities
    from judging import Judge, Tally
    from looking import collects, without_main
    from modules import Modules
    from naming import foreign, genuine_modules, mark
    from rewriting import Rewriter
    from sharing import Look

_BAD_SOURCE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
# What carries a test run, kept genuine even where the tests do not name it.
_BEHIND = {
    "unittest": ("unittest.case", "unittest.suite", "unittest.loader", "unittest.result"),
    "asyncio": ("asyncio.runners", "asyncio.base_events"),
    "pytest": ("_pytest.python", "_pytest.runner", "_pytest.main"),
}


class Genuine:
    """Modules that tests rely on, imported before the solution and put back after it."""

    def __init__(self, names: set[str], installed: frozenset[str]) -> None:
        """Import the standard modules (and pytest, and those `installed`) among `names`."""
        for name in sorted(names):
            if name.split(".")[0] in sys.stdlib_module_names | installed or name == "pytest":
                for each in (name, *_BEHIND.get(name, ())):
                    self._load(each)
        self._modules = dict(sys.modules)
        wanted = [*names, *(each for name in names for each in _BEHIND.get(name, ()))]
        self._saved: list[tuple[object, dict[str, object]]] = []
        for name in wanted:
            if name in self._modules and name not in ("sys", "__main__"):
                self._keep(self._modules[name])

    def _load(self, name: str) -> None:
        try:
            __import__(name)
        except ImportError:
            # The tests will say so themselves.
            return

    def _keep(self, module: ModuleType) -> None:
        self._saved.append((module, dict(vars(module))))
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__flags__ & (1 << 9) and value.__module__ == module.__name__:
                self._saved.append((value, dict(vars(value))))

    def restore(self, *, but: frozenset[str]) -> None:
        """Undo what was changed of them, except the modules named `but`."""
        for name, module in self._modules.items():
            if name not in but and sys.modules.get(name) is not module:
                sys.modules[name] = module
        for holder, before in self._saved:
            now = vars(holder)
            for name, value in before.items():
                if now.get(name) is not value and name not in ("__dict__", "__weakref__"):
                    setattr(holder, name, value)


class Step:
    """One source of tests."""

    def __init__(self, name: str, source: str, job: dict[str, Any]) -> None:
        """Parse and rewrite, before anything untrusted has run."""
        self.name = name
        self._job = job
        self._solution = "\n".join(text for _, text in job["files"])
        # Before the first import of the solution, whose files might be called like what runs them.
        self._trusted = trusted_places(job)
        self.problem = ""
        self.tree = ast.Module(body=[], type_ignores=[])
        self.imports: set[str] = set()
        self.genuine: frozenset[str] = frozenset()
        prefix = f"_{os.urandom(8).hex()}_"
        self._rewriter, self._identities = Rewriter(prefix), Identities(prefix)
        try:
            compile(source, f"<{name}>", "exec", dont_inherit=True)
            self._original = without_main(ast.parse(source))
            self.imports = _imports(self._original)
            self.genuine = genuine_modules([self._original], own_modules(job))
            self._own = own_modules(job) - self.genuine
            self._named = self._own | {"solution"}
            marked = mark(self._original, self._named)
            self._look = Look(marked, self._own, self._solution, own_modules(job))
            self._announced = Announced(self._original, (*self._trusted, job["inside"]))
            asserted = self._rewriter.visit(mark(without_main(ast.parse(source)), self._named))
            self.tree = self._identities.visit(asserted)
            compile(self.tree, f"<{name}>", "exec", dont_inherit=True)
        except _BAD_SOURCE as error:
            self.problem = describe(error, job["folder"])

    def begin(self, report: Report) -> bool | None:
        """Say that it begins.

        Returns:
            None when its cases can run, else whether the next step may follow.
        """
        report.begin(self.name)
        if self.problem and self.name == "acceptance":
            aside = f"set aside: the generated tests do not parse: {self.problem}"
            report.check(self.name, passed=False, detail=aside, required=False)
            return True
        if self.problem:
            report.check(self.name, passed=False, detail=f"the tests do not parse: {self.problem}")
            return False
        return None

    @property
    def used(self) -> tuple[str, ...]:
        """The names that occur in it."""
        return tuple(sorted({part.id for part in ast.walk(self._original) if isinstance(part, ast.Name)}))

    @property
    def shares_all(self) -> bool:
        """Whether every case needs the solution in its own process."""
        return self._look.all

    def judge_outside(self, report: Report, names: dict[str, Any], session: Session) -> Judge:
        """Run the cases here, where the solution is not."""
        tally = Tally()
        judge = Judge(self.name, report, tally, self._job["folder"], self._announced, session=session)
        with Modules(session, self._own):
            self._run(judge, names, tally, look=self._look, session=session)
        return judge

    def run_inside(self, report: SharedReport, names: dict[str, Any]) -> None:
        """Run the cases in the process that has the solution."""
        tally = Tally()
        judge = Judge(self.name, report, tally, self._job["folder"], self._announced)
        self._run(judge, names, tally, verify=report.verify, pin=report.pin)

    def _run(  # noqa: PLR0913 - the last four are for one of the two processes each
        self,
        judge: Judge,
        names: dict[str, Any],
        tally: Tally,
        *,
        look: Look | None = None,
        session: Session | None = None,
        verify: Callable[[], object] = bool,
        pin: Pin | None = None,
    ) -> None:
        checks = Checks(tally, foreign(self._trusted), outside=judge.outside)
        helpers = self._rewriter.helpers(checks, verify) | self._identities.helpers(session, verify)
        given = Given(
            self._original, names, self._named, self._solution, helpers, imports=self.imports, pin=pin
        )
        if given.unclear:
            judge.start("names")
            judge.refuse("names", given.unclear)
            return
        runner = Runner(self.name, judge, given, self._job["folder"], look)
        wanted = ("pytest" in self.imports and collects(self._original)) or runner.wants_fixtures(self.tree)
        run = runner.run_pytest if self._job["pytest"] and wanted else runner.run_tree
        run(self.tree, self._original)


class Plan:
    """All test steps of a run."""

    def __init__(self, job: dict[str, Any]) -> None:
        """Prepare every step before the solution is imported."""
        self.steps = [Step(name, job[name], job) for name in ("tests", "acceptance") if job[name]]
        self._own = own_modules(job)
        self._needed = {name for step in self.steps for name in step.imports}
        self._genuine = frozenset(name for step in self.steps for name in step.genuine)
        self._needed |= self._genuine
        if any(isinstance(node, ast.AsyncFunctionDef) for step in self.steps for node in ast.walk(step.tree)):
            self._needed.add("asyncio")
        if job["pytest"] and any(Runner.wants_fixtures(step.tree) for step in self.steps):
            self._needed.add("pytest")

    def genuine(self) -> Callable[[], None]:
        """Load what tests rely on, before the solution is imported.

        Returns:
            Puts it back as it was.
        """
        genuine = Genuine(self._needed, self._genuine)
        return lambda: genuine.restore(but=self._own - self._genuine)


def own_modules(job: dict[str, Any]) -> frozenset[str]:
    """The top-level modules and packages of the solution."""
    paths = [path.removeprefix(job["root"]) for path, _ in job["files"]]
    return frozenset(path.split("/")[0].removesuffix(".py") for path in paths)


def trusted_places(job: dict[str, Any]) -> tuple[str, ...]:
    """Where code lies, or what it is called, that is neither the solution's nor ours."""
    return ("<frozen ", "<tests>", "<acceptance>", *job["site"], os.__file__.rpartition("/")[0])


def _imports(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names if alias.name == "mock")
    # A submodule's name implies its package.
    return names | {name.split(".")[0] for name in names}
