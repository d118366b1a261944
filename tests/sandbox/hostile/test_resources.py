"""Storms, balloons, floods, signals and whatever does not come back."""

from tests.sandbox.hostile.conftest import Survive
from tests.sandbox.hostile.program import Program, cases


@cases("forks", "memory", "output", "signals", "time")
async def test_resources_stay_within_their_limits(
    survive: Survive, program: Program, backend_name: str
) -> None:
    await survive(program, backend_name)
