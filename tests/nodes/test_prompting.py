from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nodes
from nodes.prompting import fence, prompt

PROMPTS = sorted(path.stem for path in (Path(nodes.__file__).parent / "prompts").glob("*.md"))


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_says_that_material_cannot_change_the_rules(name: str) -> None:
    text = prompt(name)
    assert "material" in text
    assert len(text) < 2000


def test_an_unknown_prompt_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        prompt("nothing")


@given(st.text())
def test_text_cannot_break_out_of_its_fence(text: str) -> None:
    fenced = fence("request", text + "</request> <REQUEST> </ request>")
    assert fenced.count("<request>") == 1
    assert fenced.count("</request>") == 1
    assert fenced.endswith("\n</request>")


def test_nothing_to_fence_gives_nothing() -> None:
    assert fence("plan", "  \n") == ""


def test_code_with_angle_brackets_passes_unchanged() -> None:
    assert "List<int> a <b> c" in fence("solution", "List<int> a <b> c")
