"""Ways out: by path, link, descriptor, environment and socket."""

from tests.sandbox.hostile.conftest import Survive
from tests.sandbox.hostile.program import Program, cases


@cases("paths", "links", "environment", "sockets")
async def test_nothing_gets_out(survive: Survive, program: Program, backend_name: str) -> None:
    await survive(program, backend_name)
