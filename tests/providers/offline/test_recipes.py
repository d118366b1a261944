"""Every recipe is proved by the house's own sandbox, and its tests can fail."""

import ast
import asyncio
import os

import pytest

from providers.offline.cookbook import Cookbook, Recipe
from providers.offline.naming import rename
from sandbox import SourceFile, Unavailable, Verifier, open_sandbox

COOKBOOK = Cookbook.load()
every_recipe = pytest.mark.parametrize("recipe", COOKBOOK.recipes, ids=lambda recipe: recipe.slug)
some_every_day = pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(recipe, id=recipe.slug, marks=[pytest.mark.slow] * (number % 8 != 0))
        for number, recipe in enumerate(COOKBOOK.recipes)
        if number % 2 == 0 or os.environ.get("EVERY_PAIR")
    ],
)
"""For what runs a recipe: every eighth with the fast tests, every second with the slow ones, and all by hand,
with `EVERY_PAIR=1`; a turn that uses one verifies it anyway."""


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    sandbox = asyncio.run(open_sandbox())
    assert not isinstance(sandbox, Unavailable), sandbox.reason
    return Verifier(sandbox)


def stubbed(source: str) -> str:
    """Let every function of a source return None."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [ast.Return(ast.Constant(None))]
    return ast.unparse(ast.fix_missing_locations(tree))


@some_every_day
async def test_the_sandbox_verifies_the_solution(recipe: Recipe, verifier: Verifier) -> None:
    evidence = await verifier.verify(
        [SourceFile(path="solution.py", content=recipe.solution)], tests=recipe.tests
    )
    assert evidence.status == "verified", evidence
    assert all(check.passed for check in evidence.checks), evidence


@some_every_day
async def test_the_tests_fail_on_a_stub(recipe: Recipe, verifier: Verifier) -> None:
    stub = SourceFile(path="solution.py", content=stubbed(recipe.solution))
    evidence = await verifier.verify([stub], tests=recipe.tests)
    assert evidence.status == "failed", evidence


@every_recipe
def test_there_are_at_least_six_assertions(recipe: Recipe) -> None:
    asserts = [node for node in ast.walk(ast.parse(recipe.tests)) if isinstance(node, ast.Assert)]
    assert len(asserts) >= 6


@every_recipe
def test_every_public_function_has_types_and_a_docstring(recipe: Recipe) -> None:
    for node in ast.walk(ast.parse(recipe.solution)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        assert all(arg.annotation for arg in arguments if arg.arg != "self"), node.name
        nested = node.name in {"decorate", "wrapper", "run"}
        assert node.returns is not None, node.name
        assert nested or ast.get_docstring(node), node.name


@every_recipe
def test_renaming_leaves_no_trace_of_the_old_name(recipe: Recipe) -> None:
    if len(recipe.names) > 1:
        return
    old, new = recipe.names[0], "brand_new_name"
    for source in (recipe.solution, recipe.tests):
        for node in ast.walk(ast.parse(rename(source, old, new))):
            assert getattr(node, "id", None) != old
            assert getattr(node, "name", None) != old
    assert f"`{old}`" not in recipe.solution


async def test_a_renamed_solution_is_verified_under_its_new_name(verifier: Verifier) -> None:
    match = COOKBOOK.find("Write an email validator called is_email")
    assert match is not None
    evidence = await verifier.verify(
        [SourceFile(path="solution.py", content=match.solution)], tests=match.tests
    )
    assert evidence.status == "verified", evidence
