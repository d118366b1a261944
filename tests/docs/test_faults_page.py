"""The table of faults in docs/providers.md is what runs."""

import asyncio
import os

import pytest

from benchmarks.fault_server import APIS
from benchmarks.faults import PAGE, PEERS, Outcome, meet, ours, peers, shown, table


def column(text: str, title: str) -> list[str]:
    """The cells of one column of a table in Markdown, and its head."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in text.splitlines()]
    place = rows[0].index(title)
    return [row[0] + row[place] for row in rows]


def agree(title: str, found: dict[str, Outcome]) -> None:
    page = shown(PAGE.read_text(encoding="utf-8"))
    assert column(page, title) == column(table({title: found}), title)


def test_the_table_has_a_column_for_each_side() -> None:
    head = shown(PAGE.read_text(encoding="utf-8")).splitlines()[0]
    assert head == f"| fault | {' | '.join([*APIS, *PEERS.values()])} |"


@pytest.mark.slow
@pytest.mark.parametrize("api", APIS)
def test_ours_passes_every_row_and_the_page_says_so(api: str) -> None:
    found = asyncio.run(meet(ours, api))
    assert [fault for fault, each in found.items() if not each.passed] == []
    assert [fault for fault, each in found.items() if not each.requests] == [], "never met"
    agree(api, found)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("EVERY_PAIR"), reason="what others do, by hand: EVERY_PAIR=1")
@pytest.mark.parametrize("api", PEERS)
def test_the_page_says_how_the_others_end(api: str) -> None:
    found = asyncio.run(meet(peers, api))
    assert [fault for fault, each in found.items() if not each.requests] == [], "never met"
    agree(PEERS[api], found)
