"""Solutions that want to be counted as right, and hands on the tests and the harness."""

from tests.sandbox.hostile.conftest import Survive
from tests.sandbox.hostile.program import Program, cases


@cases("forgeries", "tampering")
async def test_nothing_wrong_is_counted_as_passed(
    survive: Survive, program: Program, backend_name: str
) -> None:
    await survive(program, backend_name)
