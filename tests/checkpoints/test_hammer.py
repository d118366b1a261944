"""Several processes on one file at once: no lost turn, no error."""

import sys

import pytest

from benchmarks.hammer import hammer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are not kept apart there"),
]


@pytest.mark.parametrize("processes", [2, 8])
def test_no_turn_is_lost_and_no_user_sees_a_locked_database(processes: int) -> None:
    found = hammer("ours", processes, 4)  # 30 s each: benchmarks/hammer.py
    assert found.is_good, found
