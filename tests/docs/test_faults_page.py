"""The table of faults in docs/providers.md is what runs."""

import pytest

from benchmarks.fault_server import APIS
from benchmarks.faults import PAGE, measure, shown, table


@pytest.mark.slow
def test_the_table_of_faults_is_what_runs_and_ours_passes_every_row() -> None:
    columns = measure()
    failed = [(api, fault) for api in APIS for fault, found in columns[api].items() if not found.passed]
    assert failed == []
    assert all(found.requests for api in APIS for found in columns[api].values()), "a fault was never met"
    assert table(columns) == shown(PAGE.read_text(encoding="utf-8"))
