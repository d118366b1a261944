"""Each claim of the threat model rests on a test that exists, and nothing open is kept silent."""

import re
from pathlib import Path

import pytest

from tests.sandbox.hostile.program import categories, every_program, load

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
PROGRAMS = sorted(set(re.findall(r"`hostile: ([\w-]+)`", PAGE)))


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_a_named_test_exists(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_named_program_exists(name: str) -> None:
    category, _, program = name.partition("-")
    assert category in categories()
    assert not program or program in {each.name for each in load(category)}


def test_every_claim_names_what_shows_it() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    claims = [(claim, shown) for claim, shown in rows if claim != "claim"]
    assert len(claims) > 30
    assert [claim for claim, shown in claims if not re.search(r"`(tests/|hostile: )", shown)] == []


def test_whatever_is_open_is_said() -> None:
    told = PAGE[PAGE.index("## What is not protected") :]
    for program in every_program():
        if program.open_on:
            assert f"`hostile: {program.category}-{program.name}`" in told


def test_the_number_of_programs_is_right() -> None:
    assert f"{len(every_program())} programs" in PAGE
