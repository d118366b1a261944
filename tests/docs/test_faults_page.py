"""The table of faults in docs/providers.md is what runs."""

import pytest

from benchmarks.faults import PAGE, measure, shown, table


@pytest.mark.slow
def test_the_table_of_faults_is_what_runs_and_ours_passes_every_row() -> None:
    outcomes = measure()
    assert all(mine.passed for mine, _ in outcomes.values())
    assert table(outcomes) == shown(PAGE.read_text(encoding="utf-8"))
