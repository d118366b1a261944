"""What would stay behind, and sources that hurt whoever only reads them."""

import pytest

from tests.sandbox.backends import rarely
from tests.sandbox.hostile.conftest import Survive
from tests.sandbox.hostile.program import Program, cases


@cases("leftovers", "sources")
async def test_nothing_is_left(survive: Survive, program: Program, backend_name: str) -> None:
    await survive(program, backend_name)


BOMBS = {
    "brackets": "(" * 100_000,
    "lists": "x = " + "[" * 50_000 + "]" * 50_000,
    "calls": "x = " + "f(" * 5_000 + ")" * 5_000,
    "minus": "x = " + "-" * 200_000 + "1",
    "sum": "x = " + "+".join(["1"] * 50_000),
    "attributes": "x = a" + ".a" * 50_000,
    "lambdas": "x = " + "lambda: " * 10_000 + "1",
    "blocks": "".join(f"{' ' * n}if x:\n" for n in range(2_000)),
    "comparisons": "x = " + " < ".join(["1"] * 10_000),
    "strings": "x = f'" + "{f'" * 500,
    "constant": "x = " + "9" * 200_000,
    "folding": "x = ((((1 << 1000) << 100) ** 100) ** 100) % 7",
    "text": "x = 'x' * 10 ** 9 * 10",
    "name": "x" * 1_000_000 + " = 1",
    "lines": "\n" * 1_000_000 + "x = (",
    "comments": "#" * 5_000_000 + "\nx = (",
    "decorators": "@f\n" * 20_000 + "def g(): pass",
    "unpacking": "a, " * 50_000 + "= 1",
    "patterns": "match x:\n" + "".join(f" case {'[' * 50}{n}{']' * 50}: pass\n" for n in range(500)),
    "assignments": "\n".join(f"v{n} = v{n - 1} = {n}" for n in range(1, 8_000)),
}


DAILY = ("lists", "calls", "blocks", "constant", "text")
"""One of each kind: deep, long, and large when folded."""


@pytest.mark.parametrize("bomb", rarely(BOMBS, lambda bomb: bomb not in DAILY))
async def test_a_bomb_for_the_parser_is_no_pass(survive: Survive, bomb: str) -> None:
    program = Program(
        name=bomb,
        tries="Is too deep, too long or too large for whoever reads it.",
        code=f"{BOMBS[bomb]}\n\n\ndef f(x):\n    return 0\n",
        says=("",),
        limits={"wall_s": 4, "memory_mb": 512},
    )
    evidence = await survive(program, "nono")
    assert evidence.failure is not None
    assert evidence.failure.name in ("parse", "compile", "import", "tests")
