"""Whole turns on tasks with known good and known bad solutions: does "verified" mean what it says?

The tasks are the offline model's recipes. A bad solution is a good one with one small slip, and counts only
if it fails its tests in a bare Python too. Scripted models play three scenes per task, each with the tests as
the user's and as those of the reasoning model's plan:

- `right`: the coder is right at once, and nothing is repaired;
- `second`: it is wrong first and right second, which must end verified after exactly one repair;
- `never`: it is wrong every time, which must never end verified.
"""

import argparse
import asyncio
import collections
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from langchain_core.messages import HumanMessage

from benchmarks.bare import run_bare
from benchmarks.mutants import Mutant, mutants
from graph.build import build_graph
from graph.services import Services
from graph.settings import Settings
from graph.state import Context
from nodes import Result
from providers import RoleModels
from providers.offline.cookbook import Cookbook, Recipe
from sandbox import Limits, Unavailable, Verifier, open_sandbox

Scene = Literal["right", "second", "never"]
Route = Literal["user", "plan"]
SCENES: tuple[Scene, ...] = ("right", "second", "never")
ROUTES: tuple[Route, ...] = ("user", "plan")

MUTANTS = 3
"""Bad solutions per task; `never` plays them one after the other."""

REPAIRS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A task with what is known about its solutions.

    Attributes:
        recipe: The request, a good solution and tests.
        bad: Solutions that fail these tests.
        bare_s: Seconds that a bare Python took over the good one.
    """

    recipe: Recipe
    bad: Sequence[Mutant]
    bare_s: float


@dataclass(frozen=True, slots=True)
class Turn:
    """One scene, played.

    Attributes:
        task: The recipe's slug.
        scene: What the coder does.
        route: Whose the tests are.
        slips: The kinds and lines of the bad solutions that it gives, in order.
        verdict: `as it must`, or which way the turn was wrong.
        repairs: Repairs used.
        runs: Verifications.
        seconds: Wall-clock seconds.
        detail: What was seen, where it was not as it must be.
    """

    task: str
    scene: Scene
    route: Route
    slips: tuple[str, ...]
    verdict: Literal["as it must", "false pass", "false failure", "wrong repairs"]
    repairs: int
    runs: int
    seconds: float
    detail: str = ""


@dataclass
class Report:
    """All turns, and what they were made of."""

    cases: list[Case] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    survivors: int = 0
    endless: int = 0

    @property
    def wrong(self) -> list[Turn]:
        """The turns that did not end as they must."""
        return [turn for turn in self.turns if turn.verdict != "as it must"]

    def count(self, verdict: str) -> int:
        """How many turns came to this."""
        return sum(turn.verdict == verdict for turn in self.turns)


def find_case(recipe: Recipe, wanted: int, report: Report) -> Case:
    """Make bad solutions of a recipe until there are enough.

    Raises:
        RuntimeError: When the good solution fails its own tests.
    """
    start = time.perf_counter()
    if run_bare(recipe.solution, recipe.tests) != "passed":
        raise RuntimeError(f"{recipe.slug}: the solution fails its tests in a bare Python.")
    bare_s = time.perf_counter() - start
    bad: list[Mutant] = []
    for mutant in mutants(recipe.solution, seed=recipe.slug):
        if len(bad) == wanted:
            break
        verdict = run_bare(mutant.source, recipe.tests)
        report.survivors += verdict == "passed"
        report.endless += verdict == "endless"
        # Twice: what a dice or a clock decides is not known to be bad.
        if verdict == "failed" and run_bare(mutant.source, recipe.tests) == "failed":
            bad.append(mutant)
    return Case(recipe, bad, bare_s)


def scenes(case: Case) -> Iterator[tuple[Scene, Route, Sequence[Mutant]]]:
    """Every turn that is played on a case."""
    for route in ROUTES:
        yield "right", route, ()
        for mutant in case.bad:
            yield "second", route, (mutant,)
        if case.bad:
            yield "never", route, case.bad


class Stage:
    """Plays turns on the stock graph and the real sandbox; every turn has scripted models of its own."""

    def __init__(self, verifier: Verifier, folder: Path) -> None:
        self._verifier = verifier
        self._folder = folder
        self._settings = Settings(max_repairs=REPAIRS)
        self._numbers = itertools.count()

    async def play(self, case: Case, scene: Scene, route: Route, bad: Sequence[Mutant]) -> Turn:
        """Play one scene and hold its end against what it must be."""
        recipe = case.recipe
        sources = [mutant.source for mutant in bad] + ([] if scene == "never" else [recipe.solution])
        plan = recipe.plan if route == "user" else f"{recipe.plan}\n\n```python acceptance\n{recipe.tests}```"
        models = RoleModels(
            {
                "reasoning": self._script([plan, "VERDICT: PASS\nLook at the failing line."]),
                "coding": self._script([f"```python solution.py\n{source}\n```" for source in sources]),
            }
        )
        graph = build_graph(self._settings, services=Services(models, self._verifier))
        start = time.perf_counter()
        state = await graph.ainvoke(
            {"messages": [HumanMessage(recipe.asks[0])]},
            context=Context(task="code_generation", tests=recipe.tests if route == "user" else ""),
        )
        seconds = time.perf_counter() - start
        await models.aclose()
        return _turn(case, scene, route, bad, state["result"], seconds)

    def _script(self, replies: Sequence[str]) -> str:
        """A file of replies, the last of which repeats."""
        path = self._folder / f"{next(self._numbers)}.jsonl"
        lines = [{"content": text, "repeat": at == len(replies) - 1} for at, text in enumerate(replies)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return f"scripted:{path}"


def _turn(  # noqa: PLR0913, PLR0917  # all of it is one turn's record
    case: Case, scene: Scene, route: Route, bad: Sequence[Mutant], result: Result, seconds: float
) -> Turn:
    """What a turn came to, and whether it had to."""
    good = bool(result.files) and result.files[0].content.strip() == case.recipe.solution.strip()
    verified = result.verification.status == "verified"
    verdict: Literal["as it must", "false pass", "false failure", "wrong repairs"] = "as it must"
    if verified and not good:
        verdict = "false pass"
    elif not verified and scene != "never":
        verdict = "false failure"
    elif scene != "never" and result.repairs != len(bad):
        verdict = "wrong repairs"
    failure = result.verification.failure
    detail = "" if verdict == "as it must" else f"{result.stop_reason}; {failure.detail if failure else ''}"
    used = result.bounds.used if result.bounds else None
    return Turn(
        task=case.recipe.slug,
        scene=scene,
        route=route,
        slips=tuple(f"{mutant.kind}, line {mutant.line}" for mutant in bad),
        verdict=verdict,
        repairs=result.repairs,
        runs=used.sandbox_runs if used else 0,
        seconds=round(seconds, 3),
        detail=detail,
    )


async def replay(recipes: Sequence[Recipe], *, wanted: int = MUTANTS, jobs: int = 2) -> Report:
    """Play every scene of every recipe.

    Args:
        recipes: The tasks.
        wanted: Bad solutions per task, where so many can be made.
        jobs: How many tasks at once.

    Raises:
        RuntimeError: When there is no sandbox, or a good solution fails its own tests.
    """
    sandbox = await open_sandbox()
    if isinstance(sandbox, Unavailable):
        raise RuntimeError(f"no sandbox: {sandbox.reason}")  # noqa: TRY004  # the machine's, not a type's fault
    report = Report()
    waiting = iter(recipes)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Verifier(sandbox, limits=Limits()), Path(folder))

        async def work() -> None:
            for recipe in waiting:
                case = await asyncio.to_thread(find_case, recipe, wanted, report)
                report.cases.append(case)
                for scene, route, bad in scenes(case):
                    report.turns.append(await stage.play(case, scene, route, bad))

        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(work())
    return report


def show(report: Report, seconds: float) -> None:
    """Print the figures, then each turn that was wrong."""
    kinds = collections.Counter(mutant.kind for case in report.cases for mutant in case.bad)
    print(f"{len(report.cases)} tasks, {kinds.total()} bad solutions that fail in a bare Python as well:")
    print(", ".join(f"{kind} {number}" for kind, number in kinds.most_common()))
    print(f"not used: {report.survivors} slips that no test notices, {report.endless} that never end\n")
    print(f"{'':14}  turns  false passes  false failures  wrong repairs  repairs  runs  s/turn")
    for scene, route in itertools.product(SCENES, ROUTES):
        turns = [turn for turn in report.turns if (turn.scene, turn.route) == (scene, route)]
        if not turns:
            continue
        part = Report(turns=turns)
        print(
            f"{scene + ', ' + route:14}  {len(turns):5}  {part.count('false pass'):12}"
            f"  {part.count('false failure'):14}  {part.count('wrong repairs'):13}"
            f"  {sum(turn.repairs for turn in turns):7}  {sum(turn.runs for turn in turns):4}"
            f"  {sum(turn.seconds for turn in turns) / len(turns):6.3f}"
        )
    bare = sum(case.bare_s for case in report.cases) / len(report.cases)
    print(f"\nall: {len(report.turns)} turns in {seconds:.1f} s; one bare run of a solution: {bare:.3f} s")
    for turn in report.wrong:
        print(f"\n{turn.verdict}: {turn.task} ({turn.scene}, {turn.route}; {'; '.join(turn.slips)})")
        print(turn.detail)


def main() -> int:
    """Play, print, and give 1 where a turn was wrong."""
    parser = argparse.ArgumentParser(description="Known good and known bad solutions, in whole turns.")
    parser.add_argument("--tasks", type=int, help="only the first so many tasks")
    parser.add_argument("--mutants", type=int, default=MUTANTS, help=f"bad solutions per task ({MUTANTS})")
    parser.add_argument("--jobs", type=int, default=2, help="tasks at once (2)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    start = time.perf_counter()
    recipes = Cookbook.load().recipes[: options.tasks]
    report = asyncio.run(replay(recipes, wanted=options.mutants, jobs=options.jobs))
    seconds = time.perf_counter() - start
    if options.json:
        totals = {
            "tasks": len(report.cases),
            "bad": sum(len(case.bad) for case in report.cases),
            "turns": len(report.turns),
            "false_passes": report.count("false pass"),
            "false_failures": report.count("false failure"),
            "wrong_repairs": report.count("wrong repairs"),
            "repairs": sum(turn.repairs for turn in report.turns),
            "seconds": round(seconds, 3),
        }
        print(json.dumps(totals | {"each": [asdict(turn) for turn in report.turns]}))
    else:
        show(report, seconds)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
