"""The replay benchmark: its slips are slips, its judge judges, and a small part of it runs here."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bare import run_bare
from benchmarks.mutants import SLIPS, mutants
from benchmarks.replay import replay, scenes
from providers.offline.cookbook import Cookbook

ROOT = Path(__file__).resolve().parents[2]
RECIPES = {recipe.slug: recipe for recipe in Cookbook.load().recipes}
PART = ("is_prime", "stack_class", "retry")
"""A predicate, a class, and functions that take functions."""


@pytest.mark.parametrize(
    ("part", "wanted"), [(PART[:1], 1), pytest.param(PART, 2, marks=pytest.mark.slow)], ids=["one", "several"]
)
async def test_verified_means_verified_on_a_part_of_the_cookbook(part: tuple[str, ...], wanted: int) -> None:
    report = await replay([RECIPES[slug] for slug in part], wanted=wanted)
    assert [turn for turn in report.turns if turn.verdict != "as it must"] == []
    assert len(report.cases) == len(part)
    assert all(len(case.bad) == wanted for case in report.cases)
    played = sum(len(list(scenes(case))) for case in report.cases)
    assert len(report.turns) == played == 2 * (2 + wanted) * len(part)
    assert {turn.repairs for turn in report.turns if turn.scene == "right"} == {0}
    assert {turn.repairs for turn in report.turns if turn.scene == "second"} == {1}
    assert {turn.runs for turn in report.turns if turn.scene == "second"} == {2}


def test_there_are_tasks_enough() -> None:
    assert len(RECIPES) >= 40


def test_every_slip_changes_what_runs_and_still_parses() -> None:
    kinds = set()
    for slug in (*PART, "atoi", "dijkstra", "inventory"):
        source = RECIPES[slug].solution
        found = list(mutants(source, seed=slug))
        kinds |= {mutant.kind for mutant in found}
        assert len({mutant.source for mutant in found}) == len(found) > 4
        assert ast.unparse(ast.parse(source)) not in {mutant.source for mutant in found}
        for mutant in found:
            compile(mutant.source, slug, "exec")
            assert 0 < mutant.line <= len(source.splitlines())
    assert kinds == set(SLIPS)


def test_the_same_seed_gives_the_same_slips() -> None:
    source = RECIPES["atoi"].solution
    first, again = ([mutant.source for mutant in mutants(source, seed="a")] for _ in range(2))
    assert first == again
    assert first != [mutant.source for mutant in mutants(source, seed="b")]
    assert sorted(first) == sorted(mutant.source for mutant in mutants(source, seed="b"))


@pytest.mark.parametrize(
    ("solution", "tests", "verdict"),
    [
        ("def f(x): return x", "assert f(1) == 1", "passed"),
        ("def f(x): return x", "assert f(1) == 2", "failed"),
        ("def f(x): return x", "def test_f():\n    assert f(1) == 2", "failed"),
        ("async def f(x): return x", "async def test_f():\n    assert await f(1) == 2", "failed"),
        ("async def f(x): return x", "async def test_f():\n    assert await f(1) == 1", "passed"),
        ("raise SystemExit(0)", "assert False", "failed"),
        pytest.param("while True: pass", "assert True", "endless", marks=pytest.mark.slow),
        ("def f(x) return x", "assert True", "failed"),
    ],
)
def test_the_bare_judge(solution: str, tests: str, verdict: str) -> None:
    assert run_bare(solution, tests) == verdict


@pytest.mark.slow
def test_the_command_prints_its_figures_and_its_exit_code_is_that_of_a_target() -> None:
    words = [sys.executable, "benchmarks/replay.py", "--tasks", "1", "--mutants", "1", "--json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["tasks"], figures["bad"], figures["turns"]) == (1, 1, 6)
    assert (figures["false_passes"], figures["false_failures"], figures["wrong_repairs"]) == (0, 0, 0)
    assert figures["repairs"] == sum(turn["repairs"] for turn in figures["each"])
