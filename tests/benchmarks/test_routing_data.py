"""The test set of the routing benchmark: well-formed, balanced, from several sources, and kept apart."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.routing.prompts import (
    DATA,
    Kind,
    Prompt,
    Repeat,
    near_duplicates,
    normalised,
    read_odd,
    read_prompts,
)
from nodes.context import Task

FILES = sorted(DATA.glob("test_*.jsonl"))
PROMPTS = list(chain.from_iterable(read_prompts(path) for path in FILES))
WRITTEN = "written: "
"""How the sources begin whose prompts were written for the project."""


def trained_on() -> dict[str, str]:
    """Every text of the training files, wherever in the benchmark they lie, with its file and line."""
    return {
        str(json.loads(line)["text"]): f"{path.name}:{number}"
        for path in sorted(DATA.parent.rglob("train_*.jsonl"))
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
        if line
    }


def test_there_are_enough_of_every_label_and_from_enough_sources() -> None:
    assert 600 <= len(PROMPTS) <= 1000
    labels = Counter(prompt.label for prompt in PROMPTS)
    assert set(labels) == set(get_args(Task))
    assert min(labels.values()) >= 60
    outside = Counter(
        prompt.source.split(":")[0] for prompt in PROMPTS if not prompt.source.startswith(WRITTEN)
    )
    assert len(outside) >= 10
    assert sum(outside.values()) >= 250


def test_ids_are_unique_and_name_their_file() -> None:
    assert len({prompt.id for prompt in PROMPTS}) == len(PROMPTS)
    for path in FILES:
        assert {f"test_{prompt.id[:-4]}.jsonl" for prompt in read_prompts(path)} == {path.name}


def test_explanations_and_only_they_have_a_subject() -> None:
    assert [
        prompt.id for prompt in PROMPTS if (prompt.label == "explanation") != (prompt.subject is not None)
    ] == []
    assert len({prompt.subject for prompt in PROMPTS} - {None}) == 5


def test_no_prompt_is_there_twice() -> None:
    wholes = Counter(normalised(prompt.whole) for prompt in PROMPTS)
    assert [text[:80] for text, times in wholes.items() if times > 1] == []


def test_every_source_is_written_down() -> None:
    words = (DATA / "TEST.md").read_text(encoding="utf-8")
    assert {path.name for path in FILES if f"`{path.name}`" not in words} == set()
    packages = {prompt.source.split(":")[0] for prompt in PROMPTS if not prompt.source.startswith(WRITTEN)}
    assert {package for package in packages if package not in words} == set()


def test_nothing_was_trained_on() -> None:
    training = trained_on()
    if not training:
        pytest.skip("no training set lies beside the test set yet")
    # What is named is the line to delete from training: who trains must not read the test set.
    pairs = near_duplicates([prompt.text for prompt in PROMPTS], training)
    assert sorted({training[theirs] for _, theirs in pairs}) == []


@pytest.mark.parametrize(
    ("text", "other", "near"),
    [
        ("Write a function that reverses a string.", "write a FUNCTION that reverses a string!!", True),
        ("Write a function that reverses a string.", "Please write a function that reverses a string", True),
        ("Write a function that reverses a string.", "Write a function that sorts a list of words.", False),
        ("写一个把两个数相加的Python函数", "写一个把两个数相加的 python 函数。", True),
        ("hi", "Hi!", True),
        ("hi", "hello", False),
        ("👍", "🎉", False),
    ],
)
def test_near_duplicates_are_told(text: str, other: str, near: bool) -> None:  # noqa: FBT001
    assert bool(near_duplicates(["what else?", text], [other])) == near


@given(st.text(min_size=1), st.lists(st.text(), max_size=4))
def test_a_text_is_a_near_duplicate_of_itself(text: str, others: list[str]) -> None:
    assert (text, text) in near_duplicates([text], [*others, text])


def test_who_reads_the_odd_inputs_reads_nothing_of_the_test_set() -> None:
    assert near_duplicates([prompt.text for prompt in PROMPTS], [one.text for one in read_odd()]) == []


def test_a_repeat_stands_for_the_long_text() -> None:
    long = Prompt(id="x-001", text="hello", label="general", source="x", repeat=Repeat(unit="ab", times=3))
    assert long.whole == "abababhello"
    assert Repeat(unit="-", times=2, side="after").around("x") == "x--"


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "x-001", "text": "hello", "label": "chat", "source": "x"}',
        '{"id": "x-001", "text": "", "label": "general", "source": "x"}',
        '{"id": "x-001", "text": "hello", "label": "general"}',
        '{"id": "x-001", "text": "hello", "label": "general", "source": "x", "tier": 1}',
        "hello",
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "test_x.jsonl"
    file.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^test_x\.jsonl, line 2: "):
        read_prompts(file)


def test_the_odd_inputs_cover_what_they_must() -> None:
    odd = read_odd()
    assert [one.id for one in odd] == [f"odd-{number:03d}" for number in range(1, len(odd) + 1)]
    assert {one.kind for one in odd} == set(get_args(Kind))
    assert len({one.language for one in odd if one.kind == "language"}) >= 30
    assert all(len(one.whole) >= 1_000_000 for one in odd if one.kind == "long")
    assert "" in {one.whole for one in odd}
    wholes = Counter(one.whole for one in odd)
    assert [text[:80] for text, times in wholes.items() if times > 1] == []
